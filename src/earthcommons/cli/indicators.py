"""Commands about indicators: list, describe, compute, values."""

from __future__ import annotations

from typing import Annotated

import typer

from earthcommons.cli.common import DEFAULT_NODE, AsJson, NodeDir, opened, show, table
from earthcommons.errors import InvalidInputError

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Indicators: list, describe, compute, values.")


@app.command("list")
def list_all(json: AsJson = False) -> None:
    """List the indicators this program declares."""
    from earthcommons.indicators import all_indicators

    found = all_indicators()
    if json:
        show([indicator.as_json() for indicator in found])
        return
    rows = [(i.key, i.nature, i.unit, i.related or "-", i.title.en) for i in found]
    table(("key", "nature", "unit", "related", "title"), rows)


@app.command()
def describe(key: str, json: AsJson = False) -> None:
    """Describe an indicator: what it says, what it does not, its inputs and parameters."""
    from earthcommons.indicators import find_indicator

    indicator = find_indicator(key)
    if json:
        show(indicator.as_json())
        return
    print(f"{indicator.title.en}\n{indicator.title.zh}\n")
    print(f"{indicator.abstract.en}\nNot said: {indicator.not_said.en}\n")
    print(f"unit {indicator.unit} · {indicator.nature} · version {indicator.version}")
    for need in indicator.needs:
        print(f"input      {need.name}: {', '.join(need.items)} [{need.unit}]")
    for p in indicator.parameters:
        print(f"parameter  {p.name} = {p.default} [{p.unit}]  {p.meaning.en}")
    print(f"source     {indicator.source}")
    print(f"verify     second route: {indicator.independent_route or 'none declared'}")


@app.command()
def compute(
    key: str,
    node: NodeDir = DEFAULT_NODE,
    param: Annotated[list[str] | None, typer.Option(help="name=value")] = None,
    json: AsJson = False,
) -> None:
    """Compute an indicator and publish the run."""
    from earthcommons.commons.stories.computing import compute_indicator

    pairs = [text.partition("=") for text in param or ()]
    for name, equals, _ in pairs:
        if not equals:
            raise InvalidInputError(f"--param {name!r}: write name=value")
    done = compute_indicator(opened(node), key, {name: value for name, _, value in pairs})
    given = sum(row.value is not None for row in done.observations)
    if json:
        show(
            {
                "run": done.run.id,
                "observations": len(done.observations),
                "with_value": given,
                "published_series": done.standard,
            }
        )
        return
    series = "the published series" if done.standard else "beside the published series"
    print(
        f"{done.run.id}: {len(done.observations)} observations, {given} with a value, {series}"
    )


@app.command()
def values(
    key: str,
    region: Annotated[str, typer.Option(help="m49:404, 404 or KEN")] = "",
    period: str = "",
    node: NodeDir = DEFAULT_NODE,
    limit: int = 40,
    json: AsJson = False,
) -> None:
    """Print published values of an indicator."""
    from earthcommons.commons.stories.values import find_values

    rows = find_values(opened(node), key, region=region, period=period, limit=limit)
    if json:
        show(rows)
        return
    table(
        ("region", "period", "dimensions", "value", "unit", "status", "observation"),
        [
            (
                row["region"],
                row["period"],
                " ".join(row["dimensions"].values()),
                "-" if row["value"] is None else f"{row['value']:.6g}",
                row["unit"],
                row["status"],
                row["id"],
            )
            for row in rows
        ],
    )
