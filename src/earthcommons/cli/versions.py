"""Commands about a record's life: versions, withdraw, erratum, recall."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from earthcommons.cli.common import DEFAULT_NODE, AsJson, NodeDir, opened, show, table
from earthcommons.errors import InvalidInputError

if TYPE_CHECKING:
    from earthcommons.model.record import Kind

__all__ = ["add_to"]

Name = Annotated[str, typer.Argument(help="collection/item, or the id of a collection.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for command in (versions, withdraw, erratum, recall):
        app.command()(command)


def versions(
    name: Name,
    node: NodeDir = DEFAULT_NODE,
    json: AsJson = False,
) -> None:
    """List the versions of a record, its errata, its recalls and those that touched it."""
    from earthcommons.commons.stories.marks import errata_of, recalls_from, recalls_of

    at, kind = opened(node), _kind(name)
    found = at.catalog.versions(kind, name)
    errata, recalls = errata_of(at, kind, name), recalls_of(at, kind, name)
    recalled = recalls_from(at, kind, name)
    if json:
        rows = [{field: getattr(v, field) for field in v.__slots__} for v in found]
        show({"versions": rows, "errata": errata, "recalls": recalls, "recalled": recalled})
        return
    table(
        ("version", "state", "made", "digest"),
        [(str(v.version), v.state, v.made, v.digest[:16] + "…") for v in found],
    )
    for each in errata:
        print(
            f"erratum {each['made']} (version {each['about']['version']}): {each['text']['en']}"
        )
    for each in recalled:
        about = f"version {each['about']['version']}"
        print(f"recalled by {each['id']} {each['made']} ({about}): {each['reason']}")
    for each in recalls:
        print(f"recall {each['id']} {each['made']}: {each['reason']}")


def withdraw(
    name: Name,
    reason: Annotated[
        str, typer.Option(help="retracted, superseded, rights, error or retired.")
    ],
    node: NodeDir = DEFAULT_NODE,
    successor: Annotated[str, typer.Option(help="Name of what takes its place.")] = "",
    note: Annotated[str, typer.Option(help="A sentence for those who ask for it.")] = "",
) -> None:
    """Take a record out of use: it answers 410 with a stub; `recall` mends what rests on it."""
    from earthcommons.commons.stories.recalling import resting_on
    from earthcommons.commons.stories.withdrawing import withdraw as take_out

    at, kind = opened(node), _kind(name)
    take_out(at, kind, name, reason, successor=successor, note=note)
    left = len(resting_on(at, kind, name))
    print(f"{name} is withdrawn ({reason})")
    if left:
        print(f'{left} records rest on it: earthcommons recall {name} --reason "…"')


def erratum(
    name: Name,
    text: Annotated[str, typer.Option(help="What is wrong, in English.")],
    node: NodeDir = DEFAULT_NODE,
    text_zh: Annotated[str, typer.Option(help="The same in Chinese.")] = "",
) -> None:
    """Attach a dated correction notice to a record's present version."""
    from earthcommons.commons.stories.withdrawing import add_erratum
    from earthcommons.model.indicator import Text

    print(add_erratum(opened(node), _kind(name), name, Text(text, text_zh)))


def recall(
    name: Annotated[
        str, typer.Argument(help="What is recalled; or `show` and the id of a recall.")
    ],
    id_: Annotated[
        str, typer.Argument(metavar="[ID]", help="Id of a recall, after `show`.")
    ] = "",
    node: NodeDir = DEFAULT_NODE,
    reason: Annotated[str, typer.Option(help="What is wrong with it, in a sentence.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="List what rests on it; change nothing.")
    ] = False,
    json: AsJson = False,
) -> None:
    """Find all that rests on a corrected or withdrawn record; compute it again, or strike it."""
    from earthcommons.commons.stories import recalling

    at = opened(node)
    if name == "show":
        if not id_:
            raise InvalidInputError("recall show ID: the id of a recall is missing")
        body = recalling.show_recall(at, id_)
    elif dry_run:
        recalling.may_recall(at, _kind(name), name)
        found = recalling.visible_part(at, recalling.resting_on(at, _kind(name), name))
        body = {"about": {"id": name}, "touched": [each.as_json() for each in found]}
    else:

        def progress(done: int, total: int, what: str) -> None:
            print(f"{done:4d}/{total}  {what}", flush=True) if what and not json else None

        body = recalling.recall(at, _kind(name), name, reason, progress=progress)
    if json:
        show(body)
        return
    if "id" in body:
        print(
            f"{body['id']}: {body['about']['id']} ({body['about']['state']}); {body['reason']}"
        )
    if not body["touched"]:
        print("nothing published that you may see rests on it")
        return
    rows = [
        (each["kind"], each["id"], each["outcome"], " ← ".join(each["through"]), each["now"])
        for each in body["touched"]
    ]
    table(("touched", "", "outcome", "through", "now"), rows)


def _kind(name: str) -> Kind:
    return "item" if "/" in name else "collection"
