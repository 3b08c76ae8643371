"""Batches written: into the catalogue in use, transaction by transaction, or into a copy of it.

A transaction holds many items, since pages of the index that are written once for fifty thousand
are written five times for ten thousand; while a server uses the node it holds fewer, so that other
writers get their turn. Where nobody serves the node, and what comes is more than what is there, it
goes into a copy, which needs no log and takes the place of the catalogue when it is whole.
"""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from earthcommons.commons.guard import alone, in_use
from earthcommons.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
)
from earthcommons.policy import acting_party, decide, moment, require

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from earthcommons.catalog import Catalog
    from earthcommons.catalog.bulk import Written
    from earthcommons.catalog.preparing import Batch
    from earthcommons.catalog.writing import SqliteTransaction
    from earthcommons.commons.node import Node
    from earthcommons.errors import CommonsError

__all__ = ["ALONE", "Coming", "Import", "Imported", "writable"]


class Pace(NamedTuple):
    """How much a transaction takes in.

    The first holds few items, and each twice as many as the one before: there is little to write in
    the beginning, and so its end is written while more is prepared. Nobody else writes while one is
    open, also where preparing takes longer than writing: for so long it takes more in.
    """

    first: int
    most: int
    longest_s: float


ALONE, _BESIDE = Pace(10_000, 100_000, 10.0), Pace(10_000, 10_000, 2.0)
_IN_COPY = Pace(10_000, 100_000, float("inf"))
# Most bytes of the items of a transaction.
_MOST_BYTES = 256 * 2**20
# Who waits to write looks for its turn every tenth of a second: it has one soon.
_PAUSE_S = 0.06
# A copy is made for so many bytes of items, and for as many as the catalogue has; it takes no more
# than so many, or as many as the catalogue has, so that an end in the middle costs no more.
_COPY_FROM, _COPY_TAKES = 64 * 2**20, 2 * 2**30
# What a byte of items becomes on the disk: rows, indexes, words and objects.
_GROWS = 3


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


class Coming:
    """Batches as they come, the next of them known; or why there are no more."""

    def __init__(self, batches: Iterator[Batch | InvalidInputError]) -> None:
        self._batches = batches
        self._first: Batch | None = None
        self.refusal: CommonsError | None = None

    def first(self) -> Batch | None:
        """Return the batch whose turn it is, once it is prepared."""
        if self._first is None and self.refusal is None:
            coming = next(self._batches, None)
            if isinstance(coming, InvalidInputError):
                self.refusal = coming
            else:
                self._first = coming
        return self._first

    def taken(self) -> None:
        """Go on to the next."""
        self._first = None

    def refused(self, error: CommonsError) -> None:
        """Let no more come."""
        self._first, self.refusal = None, error


class Import:
    """What has come in so far, and what is still to come."""

    def __init__(
        self, node: Node, coming: Coming, *, replace: bool, on_progress: Callable[[int], None]
    ) -> None:
        self.coming = coming
        self.total = Imported()
        self.collections: set[str] = set()
        self._node, self._replace, self._told = node, replace, on_progress
        self._bytes = 0

    def is_most_of(self, size: int) -> bool:
        """Return whether a copy is worth what is left of so many bytes, and there is room."""
        left, there = size - self._bytes, self._node.catalog.size()
        # Where the disk has no room for both, transactions may still have it.
        needed = there + _GROWS * min(left, max(_COPY_TAKES, there))
        return left >= max(_COPY_FROM, there) and self._node.catalog.room() >= needed

    def into_copy(self) -> bool:
        """Write what comes into a copy, as much as one takes; then that is the catalogue.

        Where it is ended before that, nothing of it stays.

        Returns:
            False where somebody serves the node, or reads what was there some time ago, or the
            catalogue is another user's: nothing was written.
        """
        with self._as_before(), ExitStack() as held:
            try:
                held.enter_context(alone(self._node.root, "earthcommons bulk import"))
                copy = held.enter_context(self._node.catalog.filled())
            except ConflictError:
                return False
            end = self._bytes + max(_COPY_TAKES, self._node.catalog.size())
            with copy.loading():
                fit = _IN_COPY.first
                while self._bytes < end and self.coming.first() is not None:
                    self._transaction(copy, fit, _IN_COPY.longest_s)
                    fit = min(2 * fit, _IN_COPY.most)
        if self.coming.first() is not None:
            time.sleep(_PAUSE_S)
        return True

    @contextmanager
    def _as_before(self) -> Iterator[None]:
        """Forget what came in meanwhile where that was thrown away, and tell so."""
        total, size = self.total, self._bytes
        try:
            yield
        except BaseException:
            self.total, self._bytes = total, size
            self._told(total.settled)
            raise

    def into_catalogue(self, most: int | None = None) -> None:
        """Write all that comes in transactions of the catalogue, of so many items at most."""
        self._node.catalog.tidy()
        pace = _BESIDE if in_use(self._node.root) else ALONE
        most = most or pace.most
        fit = min(pace.first, most)
        with self._node.catalog.loading() as bring_in:
            while self.coming.first() is not None:
                started = time.monotonic()
                full = self._transaction(self._node.catalog, fit, pace.longest_s)
                bring_in()
                fit = min(2 * fit, most)
                if full:
                    time.sleep(min((time.monotonic() - started) / 10, _PAUSE_S))

    def _transaction(self, catalog: Catalog, most: int, longest_s: float) -> bool:
        """Write what fits into one; return whether it was full before all had come."""
        until = time.monotonic() + longest_s
        with catalog.transaction() as tx:
            load = _Load(self._node, tx, self._replace)
            while (has_room := load.has_room(most, until)) and (batch := self.coming.first()):
                try:
                    load.put(batch)
                except (AccessDeniedError, ConflictError, NotFoundError) as error:
                    self.coming.refused(error)
                else:
                    self.coming.taken()
            load.note()
        self._bytes += load.bytes
        self.total += load.done
        self.collections |= load.collections
        self._told(self.total.settled)
        return not has_room


class _Load:
    """What one transaction takes in."""

    def __init__(self, node: Node, tx: SqliteTransaction, replace: bool) -> None:
        self._node, self._tx, self._replace = node, tx, replace
        self._count = self._last_count = self._last_bytes = 0
        self.bytes = 0
        self.collections: set[str] = set()
        self.done = Imported()

    def put(self, batch: Batch) -> None:
        """Write a batch, where the acting party may; what is refused leaves nothing.

        Raises:
            AccessDeniedError: it may not publish in a collection.
            ConflictError: an item is there with other content, or was withdrawn.
            NotFoundError: a collection is gone.
        """
        # Asked with each transaction: an import takes long, and collections change hands.
        for name in sorted(set(batch.collections) - self.collections):
            writable(self._node, name)
            self.collections.add(name)
        self.done += self._tx.put_items(batch, replace=self._replace)
        self._last_count, self._last_bytes = len(batch.names), sum(batch.sizes)
        self._count += self._last_count
        self.bytes += self._last_bytes

    def has_room(self, most: int, until: float) -> bool:
        """Return whether as much as came last fits in too: so many items, and so long."""
        if not self._count:
            return True
        fits = self._count + self._last_count <= most
        return (
            fits and self.bytes + self._last_bytes <= _MOST_BYTES and time.monotonic() < until
        )

    def note(self) -> None:
        """Tell the audit log."""
        if self.done.added or self.done.replaced:
            detail = {"added": self.done.added, "replaced": self.done.replaced}
            where = " ".join(sorted(self.collections))[:1000]
            self._tx.note("items-import", "collection", where, detail)


def writable(node: Node, collection: str) -> frozenset[str]:
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
        try:
            standing = node.catalog.standing("collection", body["id"])
        except NotFoundError:
            # Withdrawn since it was listed.
            continue
        label, owner = standing.faces.find, standing.owner
        if decide(acting_party(), "publish", label, owner=owner, at=moment()).allowed:
            found.add(body["id"])
    return frozenset(found)
