"""Commands about the technology exchange: import, search, need, match."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import orjson
import typer

from earthcommons.cli.common import DEFAULT_NODE, AsJson, NodeDir, opened, show, table

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True, help="Technology exchange: import, search, needs, match."
)


@app.command("import")
def import_offers(
    file: Annotated[Path, typer.Argument(help="Offers, one JSON object a line.")],
    node: NodeDir = DEFAULT_NODE,
) -> None:
    """Import technology offers with their provenance."""
    from earthcommons.commons.stories.exchanging import import_offers as load

    done = load(opened(node), file)
    print(f"{done.new} offers imported, {done.unchanged} unchanged")


@app.command()
def search(
    text: str,
    goal: Annotated[int | None, typer.Option(help="SDG goal, 1 to 17.")] = None,
    limit: int = 20,
    node: NodeDir = DEFAULT_NODE,
    json: AsJson = False,
) -> None:
    """Find offers by words and goal."""
    from earthcommons.catalog import RecordQuery

    where = {} if goal is None else {"goals": goal}
    page = opened(node).catalog.records(
        RecordQuery("offer", text=text, where=where, limit=limit)
    )
    found = [orjson.loads(body) for body in page.bodies]
    if json:
        show({"offers": found})
        return
    rows = [(o["id"], ", ".join(o["licence"]) or "not stated", o["title"]) for o in found]
    table(("offer", "licence", "title"), rows)
    print(f"{len(found)} of {page.matched}")


@app.command()
def needs(node: NodeDir = DEFAULT_NODE, json: AsJson = False) -> None:
    """List needs, drafts among them."""
    from earthcommons.model.party import OPERATOR

    found = opened(node).catalog.all("need", OPERATOR)
    if json:
        show({"needs": found})
        return
    rows = [(n["id"], n["state"], n["confirmed_by"] or "-", n["title"]["en"]) for n in found]
    table(("need", "state", "confirmed by", "title"), rows)


@app.command()
def draft(
    statement: Annotated[str, typer.Argument(help="Statement key, such as lights-split.")],
    report: Annotated[str, typer.Option(help="Report the finding stands in.")] = "KEN",
    node: NodeDir = DEFAULT_NODE,
) -> None:
    """Draft a need from a finding; nobody but the node's staff sees it."""
    from earthcommons.commons.stories.exchanging import draft_need

    need = draft_need(opened(node), report, statement)
    print(f"{need.id}  draft: {need.title['en']}")


@app.command()
def confirm(
    need: str,
    by: Annotated[str, typer.Option(help="Who confirms it.")],
    node: NodeDir = DEFAULT_NODE,
) -> None:
    """Confirm a drafted need: from now on it is published."""
    from earthcommons.commons.stories.exchanging import confirm_need

    done = confirm_need(opened(node), need, by)
    print(f"{done.id}  published, confirmed by {done.confirmed_by}")


@app.command()
def match(
    need: str, limit: int = 10, node: NodeDir = DEFAULT_NODE, json: AsJson = False
) -> None:
    """List candidates for a need: what is satisfied, what failed, what nobody said."""
    from earthcommons.commons.stories.exchanging import candidates

    found = candidates(opened(node), need, limit=limit)
    if json:
        show({"candidates": [candidate.as_json() for candidate in found]})
        return
    rows = [
        (
            c.offer.id,
            str(c.count("satisfied")),
            str(c.count("failed")),
            str(c.count("unknown")),
            c.offer.title,
        )
        for c in found
    ]
    table(("offer", "satisfied", "failed", "unknown", "title"), rows)
