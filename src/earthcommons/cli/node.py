"""Commands about a node as a whole: init, demo, serve, search, show, rebuild, doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from earthcommons.cli.common import DEFAULT_NODE, AsJson, NodeDir, opened, show, table
from earthcommons.errors import InvalidInputError

__all__ = ["add_to"]


def add_to(app: typer.Typer) -> None:
    """Add the commands to the application."""
    for command in (init, demo, serve, search, rebuild, doctor):
        app.command()(command)
    app.command("show")(show_record)


def init(
    folder: Annotated[Path, typer.Argument(help="Folder to make.")] = DEFAULT_NODE,
) -> None:
    """Make an empty node."""
    from earthcommons.commons import make_node

    made = make_node(folder)
    print(f"{made.root}: node {made.settings.name!r}, {made.catalog.count('item')} items")


def demo(
    folder: Annotated[Path, typer.Argument(help="Folder of the node.")] = DEFAULT_NODE,
    port: Annotated[int, typer.Option(help="Port to serve on.")] = 8000,
    serve: Annotated[bool, typer.Option(help="Serve the portal when built.")] = True,
) -> None:
    """Build the demonstration node from the sample pack, and serve it."""
    from earthcommons.commons.demonstration.build import build

    if not serve:
        for step in build(folder):
            print(f"{step.done:3d}/{step.total}  {step.text}", flush=True)
        return
    from earthcommons.cli.serving import serve_demo

    serve_demo(folder, port)


def serve(node: NodeDir = DEFAULT_NODE, port: int | None = None) -> None:
    """Serve a node's portal, API, STAC and tiles."""
    from earthcommons.cli.serving import serve_node

    serve_node(opened(node), port)


def search(
    text: Annotated[str, typer.Argument(help="Words, English or Chinese.")] = "",
    node: NodeDir = DEFAULT_NODE,
    collection: str = "",
    bbox: Annotated[
        str, typer.Option(help="west,south,east,north; west > east crosses 180°.")
    ] = "",
    limit: int = 20,
    json: AsJson = False,
) -> None:
    """Find items."""
    import orjson

    from earthcommons.catalog import ItemQuery
    from earthcommons.model.geodesy import BBox

    try:
        box = BBox.of([float(part) for part in bbox.split(",")]) if bbox else None
    except ValueError as error:
        raise InvalidInputError(
            f"--bbox {bbox[:60]!r}: need west,south,east,north", code="bad-bbox"
        ) from error
    wanted = (collection,) if collection else ()
    page = opened(node).catalog.items(
        ItemQuery(collections=wanted, bbox=box, text=text, limit=limit)
    )
    found = [orjson.loads(body) for body in page.bodies]
    if json:
        show(found)
        return
    table(("item", "period", "title"), [_row(item) for item in found])
    bound = page.bound
    if page.matched is not None or bound is None:
        print(f"{len(found)} of {page.matched}")
    else:
        about = "" if bound.guess is None else f", about {bound.guess}"
        print(f"{len(found)} of {bound.low} to {bound.high}{about}")


def _row(item: dict[str, Any]) -> tuple[str, str, str]:
    """Return name, time and title of any STAC item."""
    stated = item["properties"]
    when = [stated.get(key) for key in ("start_datetime", "end_datetime")]
    spoken = "/".join(when) if all(when) else stated.get("datetime") or ""
    name = f"{item['collection']}/{item['id']}"
    return name, str(stated.get("ec:period") or spoken), str(stated.get("title") or "")


def show_record(
    name: str,
    node: NodeDir = DEFAULT_NODE,
    version: Annotated[int, typer.Option(help="Which version; 0 for the present one.")] = 0,
    as_of: Annotated[str, typer.Option(help="As it was then, 2026-01-31T00:00:00Z.")] = "",
) -> None:
    """Print a record: an item (collection/item), or anything by its id (obs-, run-, alert-, …)."""
    from earthcommons.commons.stories.records import find_record, find_version

    at = opened(node)
    if version or as_of:
        show(find_version(at, name, version, as_of))
        return
    show(find_record(at, name))


def rebuild(node: NodeDir = DEFAULT_NODE) -> None:
    """Make the catalogue again from the objects alone, and compare."""
    from earthcommons.commons.node import rebuild_catalog

    count = rebuild_catalog(opened(node))
    print(f"rebuilt from {count} record objects; the index holds every row it held before")


def doctor(node: NodeDir = DEFAULT_NODE, json: AsJson = False) -> None:
    """Say in words how the node and this machine are."""
    from earthcommons.commons.stories.health import health

    found = health(opened(node))
    if json:
        show([each.as_json() for each in found])
        return
    table(("what", "state", ""), [(each.what, each.state, each.said.text()) for each in found])
