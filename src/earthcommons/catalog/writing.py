"""The open transaction: records and observations go in here and nowhere else."""

from __future__ import annotations

import zlib
from datetime import datetime
from typing import TYPE_CHECKING

from earthcommons.catalog.text import index_text
from earthcommons.errors import ConflictError
from earthcommons.model.canonical import canonical_bytes
from earthcommons.model.geodesy import BBox
from earthcommons.model.record import Record

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from earthcommons.model.observation import Observation
    from earthcommons.store import ObjectStore

__all__ = ["BATCH_SUFFIX", "RECORD_SUFFIX", "SqliteTransaction"]

RECORD_SUFFIX = ".record"
BATCH_SUFFIX = ".records"
BATCH_FROM, BATCH_MOST = 50, 10_000
_TIME_UNIT_S = 30 * 86_400


class SqliteTransaction:
    """Writes of one transaction; the objects are durable before the commit makes them visible."""

    def __init__(self, connection: sqlite3.Connection, store: ObjectStore | None) -> None:
        self._sql = connection
        self._store = store
        self._unsettled: list[bytes] = []

    def settle(self) -> None:
        """Make the objects of the records written so far durable; the commit comes after.

        Few records are an object each. Many are one compressed object, a line each, so that a
        thousand items cost one sync of the disk and not a thousand.
        """
        waiting, self._unsettled = self._unsettled, []
        if self._store is None:
            return
        if len(waiting) < BATCH_FROM:
            for data in waiting:
                self._store.put_bytes(data, RECORD_SUFFIX)
            return
        for start in range(0, len(waiting), BATCH_MOST):
            lines = b"\n".join(waiting[start : start + BATCH_MOST])
            self._store.put_bytes(zlib.compress(lines, 6), BATCH_SUFFIX)

    def put(self, record: Record) -> bool:
        """Store a record; return False when exactly this record is already current.

        Raises:
            ConflictError: another record of that kind and id exists with this version or a
                later one, or a version between is lacking.
        """
        row = self._current(record)
        if row is not None and row[2] == record.digest:
            return False
        expected = 1 if row is None else row[1] + 1
        if record.version != expected:
            raise ConflictError(
                f"{record.kind} {record.id} exists with other content (version {expected - 1})",
                code="exists",
            )
        self._write(record, row)
        return True

    def revise(self, record: Record) -> bool:
        """Store a record as the next version; return False when nothing but that would change."""
        row = self._current(record)
        version = 1 if row is None else row[1]
        as_is = Record(
            record.kind, record.id, record.body, version, record.access, record.links
        )
        if row is None:
            return self.put(as_is)
        if as_is.digest == row[2]:
            return False
        return self.put(
            Record(
                record.kind, record.id, record.body, version + 1, record.access, record.links
            )
        )

    def put_observations(self, run: str, digest: str, rows: Iterable[Observation]) -> None:
        """Index the observations of a run whose GeoParquet object has `digest`."""
        # The run's record names the object; it is asked for here so that no run goes without.
        del digest
        self._sql.executemany(
            "INSERT OR IGNORE INTO observation"
            " (id, run, indicator, region, first, period, dimensions, body)"
            " VALUES (?,?,?,?,?,?,?,?)",
            (
                (
                    row.id,
                    run,
                    row.indicator,
                    row.region,
                    row.period.start.isoformat(),
                    str(row.period),
                    canonical_bytes(dict(row.dimensions)).decode(),
                    canonical_bytes(row.as_json()),
                )
                for row in rows
            ),
        )

    def _current(self, record: Record) -> tuple[int, int, str] | None:
        sql = "SELECT k, version, digest FROM record WHERE kind = ? AND id = ? AND current"
        row: tuple[int, int, str] | None = self._sql.execute(
            sql, (record.kind, record.id)
        ).fetchone()
        return row

    def _write(self, record: Record, before: tuple[int, int, str] | None) -> None:
        self._unsettled.append(record.object_bytes)
        if before is not None:
            self._retire(record, before[0])
        cursor = self._sql.execute(
            "INSERT INTO record (kind, id, version, digest, access, current, body)"
            " VALUES (?,?,?,?,?,1,?)",
            (
                record.kind,
                record.id,
                record.version,
                record.digest,
                record.access,
                record.body_bytes,
            ),
        )
        k = int(cursor.lastrowid or 0)
        self._sql.execute(
            "INSERT INTO words (rowid, text) VALUES (?,?)", (k, index_text(record))
        )
        self._sql.executemany(
            "INSERT OR IGNORE INTO link VALUES (?,?,?,?,?)",
            ((record.kind, record.id, ln.rel, ln.kind, ln.id) for ln in record.links),
        )
        if record.kind == "item":
            self._index_item(k, record)
        self._sql.execute(
            "INSERT INTO change (kind, id, version, digest) VALUES (?,?,?,?)",
            (record.kind, record.id, record.version, record.digest),
        )

    def _retire(self, record: Record, k: int) -> None:
        self._sql.execute("UPDATE record SET current = 0 WHERE k = ?", (k,))
        self._sql.execute("DELETE FROM words WHERE rowid = ?", (k,))
        for collection, access in self._sql.execute(
            "DELETE FROM item WHERE k = ? RETURNING collection, access", (k,)
        ).fetchall():
            self._sql.execute(
                "UPDATE item_count SET n = n - 1 WHERE collection = ? AND access = ?",
                (collection, access),
            )
        self._sql.execute("DELETE FROM asset WHERE k = ?", (k,))
        self._sql.execute("DELETE FROM item_box WHERE r IN (?, ?)", (2 * k, 2 * k + 1))
        self._sql.execute(
            "DELETE FROM link WHERE from_kind = ? AND from_id = ?", (record.kind, record.id)
        )

    def _index_item(self, k: int, record: Record) -> None:
        body = record.body
        properties = body["properties"]
        first = epoch_s(properties.get("start_datetime") or properties["datetime"])
        last = epoch_s(properties.get("end_datetime") or properties["datetime"])
        # A table about no place has no bbox: it is found by everything but place.
        box = BBox.of(body["bbox"]) if body.get("bbox") else None
        name = f"{body['collection']}/{body['id']}"
        edges = [None] * 4 if box is None else box.as_list()
        self._sql.execute(
            "INSERT INTO item VALUES (?,?,?,?,?,?,?,?,?,?,?)",
            (k, name, body["collection"], body["id"], record.access, first, last, *edges),
        )
        self._sql.executemany(
            "INSERT OR IGNORE INTO asset VALUES (?,?)",
            ((asset["href"], k) for asset in body.get("assets", {}).values()),
        )
        self._sql.execute(
            "INSERT INTO item_count VALUES (?,?,1) ON CONFLICT DO UPDATE SET n = n + 1",
            (body["collection"], record.access),
        )
        if box is None:
            return
        for n, (west, south, east, north) in enumerate(box.parts()):
            self._sql.execute(
                "INSERT INTO item_box VALUES (?,?,?,?,?,?,?)",
                (
                    2 * k + n,
                    west,
                    east,
                    south,
                    north,
                    first / _TIME_UNIT_S,
                    last / _TIME_UNIT_S,
                ),
            )


def epoch_s(text: str) -> int:
    """Return seconds since 1970 of an RFC 3339 time with a zone."""
    return int(datetime.fromisoformat(text).timestamp())
