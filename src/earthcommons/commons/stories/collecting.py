"""Remove the objects that nothing needs: files handed in and never published, what a kill left.

Needed is whatever any version of any record names, also of withdrawn ones; what a draft holds; what
an upload, until it expires, may become part of; what a catalogue kept by a migration names; and
what record objects name that only a rebuild would read. Record objects and batches stay
themselves: they are the truth. Everything is read as text, and any digest in it counts, so that a
kind of record made later is not forgotten here.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from earthcommons.catalog.batches import BATCH_SUFFIX, unpack
from earthcommons.catalog.replacing import open_named
from earthcommons.catalog.writing import RECORD_SUFFIX
from earthcommons.commons.stories.backup import between_backups
from earthcommons.commons.stories.fixity import FixityLog
from earthcommons.commons.stories.uploading import expire_uploads, upload_states
from earthcommons.errors import InvalidInputError, NotFoundError
from earthcommons.policy import OPEN, moment, require
from earthcommons.store import digest_in

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime
    from pathlib import Path

    from earthcommons.commons.node import Node

__all__ = ["GRACE", "Collected", "collect"]

GRACE = timedelta(days=7)
_LEAST = timedelta(hours=1)
_DIGEST = re.compile(rb"[0-9a-f]{64}")
# Objects removed under one lock of the catalogue: a writer waits no longer than that.
_AT_ONCE = 50


@dataclass(slots=True)
class Collected:
    """What nothing needs, or needed until it was removed.

    Attributes:
        objects: key and size in bytes of each object, by key.
        leftovers: what processes that ended left in scratch, and parts of trees without a tree.
        uploads: uploads that nobody went on with in time.
        removed: whether they were removed, or only listed.
    """

    removed: bool
    objects: dict[str, int] = field(default_factory=dict)
    leftovers: list[str] = field(default_factory=list)
    uploads: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "removed": self.removed,
            "objects": [{"key": key, "bytes": size} for key, size in self.objects.items()],
            "bytes": sum(self.objects.values()),
            "leftovers": self.leftovers,
            "uploads": self.uploads,
        }


def collect(node: Node, *, grace: timedelta = GRACE, remove: bool = False) -> Collected:
    """List objects that nothing needs and that were put longer ago than `grace`; remove if asked.

    A server may run and others may publish meanwhile: an object put again is as good as new, and
    before each removal is asked once more, while nobody can write to the catalogue. The line in
    the audit log is there before its object is gone.

    Raises:
        AccessDeniedError: the acting party is not the operator.
        InvalidInputError: a grace of under an hour: a publication may be under way for as long.
        ConflictError: something would be removed while a backup runs.
    """
    require("administer", OPEN, "the objects")
    if grace < _LEAST:
        raise InvalidInputError(f"a grace of {grace}: at least {_LEAST}")
    with between_backups(node.root) if remove else nullcontext():
        return _collect(node, moment() - grace, remove=remove)


def _collect(node: Node, before: datetime, *, remove: bool) -> Collected:
    done = Collected(remove)
    # Uploads first: what goes from one into a draft meanwhile, or expires now, was seen here.
    uploads = upload_states(node)
    done.uploads = expire_uploads(node, remove=remove)
    old = _old(node, before)
    digests = {digest_in(key) for key in old}
    seen, needed = _needed(node, digests)
    needed |= _among(uploads, digests)
    unneeded = [key for key in old if digest_in(key) not in needed]
    for start in range(0, len(unneeded), _AT_ONCE):
        some = {key: node.store.size(key) for key in unneeded[start : start + _AT_ONCE]}
        done.objects |= _removed(node, some, before, seen) if remove else some
    done.leftovers = node.store.sweep(before, remove=remove)
    if remove:
        with closing(FixityLog(node.root)) as log:
            log.forget(done.objects)
            log.event("collect", objects=len(done.objects), bytes=sum(done.objects.values()))
    return done


def _old(node: Node, before: datetime) -> list[str]:
    kept = (RECORD_SUFFIX, BATCH_SUFFIX)
    times = node.store.put_times()
    return sorted(key for key, at in times if at < before and not key.endswith(kept))


def _needed(node: Node, digests: Collection[str]) -> tuple[int, set[str]]:
    """Return those of some digests that are needed, and the last row of records that was read."""
    if not digests:
        return 0, set()
    needed: set[str] = set()
    with closing(_reader(node.root / "catalog.sqlite")) as sql:
        sql.execute("BEGIN")
        seen = int(sql.execute("SELECT coalesce(max(k), 0) FROM record").fetchone()[0])
        needed |= _among(_bodies(sql), digests)
        known = {bytes.fromhex(row[0]) for row in sql.execute("SELECT digest FROM record")}
    for file in sorted(node.root.glob("catalog.schema-*.sqlite")):
        with closing(_reader(file)) as sql:
            needed |= _among(_bodies(sql), digests)
    for key in node.store.all_keys(RECORD_SUFFIX):
        if bytes.fromhex(digest_in(key)) not in known:
            needed |= _among([node.store.read(key)], digests)
    for key in node.store.all_keys(BATCH_SUFFIX):
        needed |= _among(unpack(key, node.store.read(key)), digests)
    return seen, needed


def _removed(node: Node, some: dict[str, int], before: datetime, seen: int) -> dict[str, int]:
    """Remove objects that are still not needed; return those."""
    with node.catalog.transaction() as tx:
        for key, size in some.items():
            tx.note("object-collect", "object", key, {"bytes": size})
    gone: dict[str, int] = {}
    with node.catalog.transaction() as tx:
        digests = {digest_in(key) for key in some}
        rows = tx.sql.execute("SELECT body FROM record WHERE k > ?", (seen,))
        needed = _among(upload_states(node), digests)
        needed |= _among((bytes(row[0]) for row in rows), digests)
        for key, size in some.items():
            try:
                if digest_in(key) not in needed and node.store.discard(key, before):
                    gone[key] = size
                    continue
            except NotFoundError:
                continue
            tx.note("object-keep", "object", key, {"bytes": size})
    return gone


def _reader(file: Path) -> sqlite3.Connection:
    def connect(file: Path) -> sqlite3.Connection:
        address = f"{file.resolve().as_uri()}?mode=ro"
        return sqlite3.connect(address, uri=True, isolation_level=None)

    return open_named(file, connect)[0]


def _bodies(sql: sqlite3.Connection) -> Iterator[bytes]:
    for (body,) in sql.execute("SELECT body FROM record"):
        yield body.encode() if isinstance(body, str) else bytes(body)


def _among(texts: Iterable[bytes], digests: Collection[str]) -> set[str]:
    """Return those of some digests that stand in the texts."""
    return {
        found
        for text in texts
        for match in _DIGEST.findall(text)
        if (found := match.decode()) in digests
    }
