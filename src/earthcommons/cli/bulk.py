"""Commands that bring thousands of items in or out at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from earthcommons.cli.common import DEFAULT_NODE, AsJson, NodeDir, opened, show

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Bring many items in or out at once.")

File = Annotated[
    Path, typer.Argument(help="A .ndjson, .jsonl or .parquet (stac-geoparquet) file.")
]


@app.command("import")
def bring_in(
    file: File,
    collection: Annotated[str, typer.Option(help="Put all items into this collection.")] = "",
    replace: Annotated[
        bool, typer.Option(help="Changed items become the next version.")
    ] = False,
    quick: Annotated[
        bool, typer.Option(help="Check less: a catalogue wrote the file.")
    ] = False,
    node: NodeDir = DEFAULT_NODE,
    json: AsJson = False,
) -> None:
    """Import items; after an end, run it again for those that are not in yet."""
    from earthcommons.commons.stories.bulk import import_items

    settled = 0

    def tell(count: int) -> None:
        nonlocal settled
        settled = count
        _say(count)

    try:
        done = import_items(
            *(opened(node), file),
            collection=collection,
            replace=replace,
            quick=quick,
            on_progress=tell,
        )
    except KeyboardInterrupt:
        print(
            f"\nended: {settled} items of the file are in; run it again for the rest",
            file=sys.stderr,
        )
        raise
    if json:
        show({"added": done.added, "replaced": done.replaced, "unchanged": done.unchanged})
        return
    print(f"{done.added} added, {done.replaced} replaced, {done.unchanged} unchanged")


@app.command("export")
def bring_out(
    file: File,
    collection: Annotated[str, typer.Option(help="Items of this collection alone.")] = "",
    filter: Annotated[str, typer.Option(help="A CQL2 filter.")] = "",
    node: NodeDir = DEFAULT_NODE,
) -> None:
    """Export the items you may see, newest first."""
    from earthcommons.catalog import ItemQuery, parse_filter
    from earthcommons.commons.stories.bulk import export_items

    query = ItemQuery(
        collections=(collection,) if collection else (),
        filter=parse_filter(filter) if filter else None,
    )
    count = export_items(opened(node), file, query, on_progress=_say)
    print(f"{count} items in {file}")


def _say(done: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done} items\033[K", end="", file=sys.stderr, flush=True)
