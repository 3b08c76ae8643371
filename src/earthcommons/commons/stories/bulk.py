"""Thousands of items in and out at once: lines of JSON, or stac-geoparquet.

Each transaction is durable before it is visible, and is visible whole or not at all. An import
that was ended goes on where it stopped when it is run again: what is there already stays untouched.
A transaction holds many items, since pages of the index that are written once for fifty thousand
are written five times for ten thousand; while a server uses the node it holds fewer, so that other
writers get their turn.
"""

from __future__ import annotations

import gc
import os
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from earthcommons.catalog.preparing import Batch
from earthcommons.commons.guard import in_use
from earthcommons.commons.stories.bulk_ahead import prepared
from earthcommons.commons.stories.bulk_lines import Rules
from earthcommons.commons.stories.bulk_pieces import LINES, PARQUET, format_mismatch, pieces
from earthcommons.commons.stories.geoparquet import write_items
from earthcommons.commons.stories.widening import widen_collections
from earthcommons.errors import InvalidInputError
from earthcommons.policy import acting_party, decide, moment, require

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from earthcommons.catalog import ItemQuery
    from earthcommons.catalog.bulk import Written
    from earthcommons.catalog.writing import SqliteTransaction
    from earthcommons.commons.node import Node
    from earthcommons.model.party import Party

__all__ = ["Imported", "export_items", "import_items"]

# Most items of one transaction, alone and while the node is served, and most bytes of them. The
# first holds few, and each twice as many as the one before: there is little to write in the
# beginning, and so its end is written while more is prepared.
_FIRST, _ALONE, _BESIDE, _MOST_BYTES = 10_000, 100_000, 10_000, 256 * 2**20
# Nobody else writes while one is open, also where preparing takes longer than writing: so long,
# alone and while the node is served, it takes more in.
_LONGEST_S, _LONGEST_BESIDE_S = 10.0, 2.0
# Items prepared at once, whose records share an object.
_PIECE = 5_000
# Who waits to write looks for its turn every tenth of a second: it has one soon.
_PAUSE_S = 0.06
# A smaller file is prepared in the time that another process takes to begin.
_APART_FROM = 2 * 2**20


@dataclass(frozen=True, slots=True)
class Imported:
    """How many items were added, replaced, and there already."""

    added: int = 0
    replaced: int = 0
    unchanged: int = 0

    @property
    def settled(self) -> int:
        """All of them."""
        return self.added + self.replaced + self.unchanged

    def __add__(self, other: Imported | Written) -> Imported:
        return Imported(
            self.added + other.added,
            self.replaced + other.replaced,
            self.unchanged + other.unchanged,
        )


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
        on_progress: is told how many items have been settled so far.

    Raises:
        NotFoundError: no such collection.
        AccessDeniedError: the acting party may not publish in a collection.
        InvalidInputError: a line is no item (`bad-line`); the message names the line. What came
            before its piece is imported.
        ConflictError: an item is there with other content; its transaction is not imported.
        UpstreamError: the process that prepares items was ended; run it again to go on.
    """
    rules = Rules(collection, _writable(node, collection), quick)
    beside = in_use(node.root)
    most = batch or (_BESIDE if beside else _ALONE)
    longest_s = _LONGEST_BESIDE_S if beside else _LONGEST_S
    fit = min(batch or _FIRST, most)
    piece = min(most, _PIECE)
    ahead = most // piece + 2 if _is_long(source) else 0
    total, touched = Imported(), set[str]()
    batches = prepared(pieces(source, piece), rules, ahead)
    with node.catalog.loading() as bring_in, _unwatched(), closing(batches):
        coming = next(batches, None)
        while coming is not None:
            if isinstance(coming, InvalidInputError):
                raise coming
            started = time.monotonic()
            with node.catalog.transaction() as tx:
                load = _Load(node, tx, replace)
                load.put(coming)
                while room := load.has_room(piece, fit, started + longest_s):
                    if not isinstance(coming := next(batches, None), Batch):
                        break
                    load.put(coming)
                load.note()
            bring_in()
            total += load.done
            touched |= load.collections
            on_progress(total.settled)
            fit = min(2 * fit, most)
            if not room:
                time.sleep(min((time.monotonic() - started) / 10, _PAUSE_S))
                coming = next(batches, None)
    # Also of what was there already: an import that was ended is made whole by the next.
    widen_collections(node, sorted(touched))
    return total


class _Load:
    """What one transaction takes in."""

    def __init__(self, node: Node, tx: SqliteTransaction, replace: bool) -> None:
        self._node, self._tx, self._replace = node, tx, replace
        self._count = self._bytes = self._last_bytes = 0
        self.collections: set[str] = set()
        self.done = Imported()

    def put(self, batch: Batch) -> None:
        """Write a batch, where the acting party may."""
        # Asked with each transaction: an import takes long, and collections change hands.
        for name in sorted(set(batch.collections) - self.collections):
            _writable(self._node, name)
            self.collections.add(name)
        self.done += self._tx.put_items(batch, replace=self._replace)
        self._count += len(batch.names)
        self._last_bytes = sum(batch.sizes)
        self._bytes += self._last_bytes

    def has_room(self, count: int, most: int, until: float) -> bool:
        """Return whether `most` items are not exceeded by so many, nor bytes or time by more."""
        fits = self._count + count <= most and self._bytes + self._last_bytes <= _MOST_BYTES
        return fits and time.monotonic() < until

    def note(self) -> None:
        """Tell the audit log."""
        if self.done.added or self.done.replaced:
            detail = {"added": self.done.added, "replaced": self.done.replaced}
            where = " ".join(sorted(self.collections))[:1000]
            self._tx.note("items-import", "collection", where, detail)


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


def _writable(node: Node, collection: str) -> frozenset[str]:
    """Return the collections the acting party may publish in.

    Raises:
        NotFoundError: there is no such collection.
        AccessDeniedError: it may not publish in the one that was named.
    """
    if collection:
        standing = node.catalog.standing("collection", collection)
        require("publish", standing.faces.find, collection, owner=standing.owner)
        return frozenset((collection,))
    found = set()
    for body in node.catalog.all("collection"):
        standing = node.catalog.standing("collection", body["id"])
        label, owner = standing.faces.find, standing.owner
        if decide(acting_party(), "publish", label, owner=owner, at=moment()).allowed:
            found.add(body["id"])
    return frozenset(found)


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


def _is_long(source: Path) -> bool:
    return source.is_file() and source.stat().st_size >= _APART_FROM


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
