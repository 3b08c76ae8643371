"""Commands about outlook reports: list, build, check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from earthcommons.cli.common import DEFAULT_NODE, AsJson, NodeDir, opened, show, table
from earthcommons.errors import IntegrityError

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Outlook reports: list, build, check.")


@app.command("list")
def list_all(node: NodeDir = DEFAULT_NODE, json: AsJson = False) -> None:
    """List the reports of a node."""
    found = opened(node).catalog.all("report")
    if json:
        show({"reports": found})
        return
    rows = [
        (r["key"], r["edition"], r["region"], str(len(r["statements"])), r["title"]["en"])
        for r in found
    ]
    table(("report", "edition", "region", "statements", "title"), rows)


@app.command()
def build(
    key: Annotated[str, typer.Argument(help="world, or a country such as KEN")],
    node: NodeDir = DEFAULT_NODE,
    out: Annotated[Path | None, typer.Option(help="Folder for HTML and PDF.")] = None,
) -> None:
    """Build a report from the published series; write HTML and PDF in both languages."""
    from earthcommons.commons.stories.reporting import build_report, write_editions

    at = opened(node)
    report = build_report(at, key)
    print(f"{report.key}: {len(report.statements)} statements, edition {report.edition}")
    if out is not None:
        for path in write_editions(at, report.key, out):
            print(path)


@app.command()
def check(key: str, node: NodeDir = DEFAULT_NODE, json: AsJson = False) -> None:
    """Check that every statement still holds; fails when evidence has changed."""
    from earthcommons.commons.stories.reporting import check_report

    broken = check_report(opened(node), key)
    if json:
        show({"report": key, "broken": broken})
    else:
        for finding in broken:
            print(f"{finding['statement']}: {finding['reason']}")
    if broken:
        raise IntegrityError(
            key,
            expected="every statement bound to today's evidence",
            found=f"{len(broken)} broken",
        )
    if not json:
        print(f"{key}: every statement holds on today's evidence")
