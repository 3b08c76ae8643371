"""Commands about watches and alerts."""

from __future__ import annotations

from typing import Any

import typer

from earthcommons.cli.common import DEFAULT_NODE, AsJson, NodeDir, opened, show, table

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Watches: list, run, alerts.")


@app.command("list")
def list_all(node: NodeDir = DEFAULT_NODE, json: AsJson = False) -> None:
    """List the watches of a node with their measured false-alarm rates."""
    found = opened(node).catalog.all("watch")
    if json:
        show(found)
        return
    rows = [
        (w["key"], w["indicator"], w["region"], w["false_alarms"].get("text", "-"))
        for w in found
    ]
    table(("watch", "indicator", "region", "false alarms"), rows)


@app.command()
def run(node: NodeDir = DEFAULT_NODE) -> None:
    """Run every watch on the published series."""
    from earthcommons.commons.stories.watching import run_watches

    for line in run_watches(opened(node)):
        print(line)


@app.command()
def alerts(node: NodeDir = DEFAULT_NODE, json: AsJson = False) -> None:
    """Print the alerts, standing ones first, withdrawn ones last."""
    found = sorted(
        opened(node).catalog.all("alert"),
        key=lambda a: (a.get("state") == "withdrawn", a["end"] is not None, a["start"]),
    )
    if json:
        show({"alerts": found})
        return
    rows = [
        (
            a["watch"],
            a["kind"],
            a["severity"],
            a["start"],
            "withdrawn" if a.get("state") == "withdrawn" else a["end"] or "standing",
            f"{_peak(a)} {a['peak']['unit']} ({a['peak']['period']})",
        )
        for a in found
    ]
    table(("watch", "kind", "severity", "start", "end", "peak"), rows)


def _peak(alert: dict[str, Any]) -> str:
    """Return the value at the peak; the mean of an episode is an anomaly and has a sign."""
    sign = "+" if alert["kind"].endswith("-episode") else ""
    return f"{alert['peak']['value']:{sign}.2f}"
