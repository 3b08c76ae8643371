"""Thousands of items in and out at once: lines of JSON, or stac-geoparquet.

What came in is durable before it is visible. An import that was ended goes on where it stopped when
it is run again: what is there already stays untouched.
"""

from __future__ import annotations

import gc
import os
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from earthcommons.commons.stories.bulk_ahead import prepared
from earthcommons.commons.stories.bulk_lines import Rules
from earthcommons.commons.stories.bulk_pieces import LINES, PARQUET, format_mismatch, pieces
from earthcommons.commons.stories.bulk_writing import ALONE, Coming, Import, Imported, writable
from earthcommons.commons.stories.geoparquet import write_items
from earthcommons.commons.stories.widening import widen_collections

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from earthcommons.catalog import ItemQuery
    from earthcommons.catalog.preparing import Batch
    from earthcommons.commons.node import Node
    from earthcommons.model.party import Party

__all__ = ["Imported", "export_items", "import_items"]

# Items prepared at once, whose records share an object.
_PIECE = 5_000
# A smaller file is prepared in the time that another process takes to begin.
_APART_FROM = 2 * 2**20


def import_items(
    node: Node,
    source: Path,
    *,
    collection: str = "",
    replace: bool = False,
    quick: bool = False,
    batch: int | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Imported:
    """Import the items of a file of lines or of a stac-geoparquet file.

    Args:
        node: where to.
        source: `.ndjson`, `.jsonl` (one item a line) or `.parquet`.
        collection: the collection all items go into; what each says itself when empty.
        replace: whether an item with other content becomes the next version of the one there.
        quick: check what the index needs and no more: for files a catalogue wrote. Otherwise each
            item passes `check_item`, as one that comes alone does, at a fifth of the speed.
        batch: most items of one transaction; as many as suits a node that is served, or one that
            is not, when not told.
        on_progress: is told how many items have been settled so far; fewer than before where a
            copy of the catalogue was ended, which leaves nothing.

    Raises:
        NotFoundError: no such collection.
        AccessDeniedError: the acting party may not publish in a collection.
        InvalidInputError: a line is no item (`bad-line`); the message names the line. What came
            before its piece is imported.
        ConflictError: an item is there with other content; the same of what came before.
        UpstreamError: the process that prepares items was ended; run it again to go on.
    """
    rules = Rules(collection, writable(node, collection), quick)
    size = source.stat().st_size if source.is_file() else 0
    piece = min(batch or _PIECE, _PIECE)
    ahead = (batch or ALONE.most) // piece + 2 if size >= _APART_FROM else 0
    with closing(prepared(pieces(source, piece), rules, ahead)) as batches, _unwatched():
        work = Import(node, Coming(batches), replace=replace, on_progress=on_progress)
        comes = _bytes_of_json(source, size, work.coming.first())
        while work.coming.first() is not None:
            if batch is not None or not (work.is_most_of(comes) and work.into_copy()):
                work.into_catalogue(batch)
    # Also of what was there already: an import that was ended is made whole by the next.
    widen_collections(node, sorted(work.collections))
    if work.coming.refusal is not None:
        raise work.coming.refusal
    return work.total


def _bytes_of_json(source: Path, size: int, first: Batch | None) -> int:
    """Return how long the items of a file are as lines: of Parquet, if all are as the first."""
    if first is None or source.suffix not in PARQUET:
        return size
    import pyarrow.parquet as pq

    return int(pq.read_metadata(source).num_rows * sum(first.sizes) / len(first.sizes))


def export_items(
    node: Node,
    target: Path,
    query: ItemQuery,
    party: Party | None = None,
    *,
    on_progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Write the items that match, as a party sees them, newest first; return how many.

    The file appears whole under its name or not at all.

    Raises:
        InvalidInputError: another suffix than `.ndjson`, `.jsonl` or `.parquet`.
    """
    bodies = _matching(node, query, party, on_progress)
    part = target.with_name(target.name + ".part")
    if target.suffix in PARQUET:
        count = write_items(part, bodies)
    elif target.suffix in LINES:
        count = 0
        with part.open("wb") as file:
            for body in bodies:
                file.write(body + b"\n")
                count += 1
            file.flush()
            os.fsync(file.fileno())
    else:
        raise format_mismatch(target)
    part.replace(target)
    return count


def _matching(
    node: Node, query: ItemQuery, party: Party | None, on_progress: Callable[[int], None]
) -> Iterator[bytes]:
    from dataclasses import replace

    done, token = 0, ""
    while True:
        page = node.catalog.items(replace(query, limit=1000, token=token), party)
        yield from page.bodies
        done += len(page.bodies)
        on_progress(done)
        token = page.token
        if not token:
            return


@contextmanager
def _unwatched() -> Iterator[None]:
    """Keep the collector of cycles from walking through ten thousand items again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
