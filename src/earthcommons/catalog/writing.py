"""The open transaction: records and observations go in here and nowhere else."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from earthcommons.catalog import audit, bulk
from earthcommons.catalog.batches import BATCH_SUFFIX, pack
from earthcommons.catalog.item_rows import (
    INSERT_BOX,
    INSERT_COUNT,
    INSERT_ITEM,
    INSERT_TALLY,
    Tags,
    address_parts,
    item_row,
)
from earthcommons.catalog.labelling import Faces, Labelling
from earthcommons.catalog.sorted_rows import SortedRows
from earthcommons.catalog.text import index_text, words_row
from earthcommons.errors import ConflictError
from earthcommons.model.canonical import canonical_bytes

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from earthcommons.catalog.preparing import Batch
    from earthcommons.model.observation import Observation
    from earthcommons.model.record import Record
    from earthcommons.store import ObjectStore

__all__ = ["RECORD_SUFFIX", "SqliteTransaction"]

RECORD_SUFFIX = ".record"
BATCH_FROM, BATCH_MOST = 50, 10_000


class SqliteTransaction:
    """Writes of one transaction; the objects are durable before the commit makes them visible."""

    def __init__(self, connection: sqlite3.Connection, store: ObjectStore | None) -> None:
        self.sql = connection
        self._store = store
        self._unsettled: list[bytes] = []
        self._labels = Labelling(connection)
        self._tags = Tags(connection)
        self._packed: list[bytes] = []
        self._later = SortedRows()

    def note(self, action: str, kind: str, id_: str, detail: Mapping[str, Any]) -> None:
        """Add a line to the audit log: it stands if and only if this transaction does."""
        audit.append(self.sql, action, kind, id_, detail)

    def settle(self) -> None:
        """Make the objects of the records written so far durable; the commit comes after.

        Few records are an object each. Many are one compressed object, a line each, so that a
        thousand items cost one sync of the disk and not a thousand.
        """
        self._later.write(self.sql)
        # After the index took them: what it refuses leaves no object that a rebuild would meet.
        waiting, self._unsettled = self._unsettled, []
        packed, self._packed = self._packed, []
        if self._store is None:
            return
        for data in packed:
            self._store.put_bytes(data, BATCH_SUFFIX)
        if len(waiting) < BATCH_FROM:
            for data in waiting:
                self._store.put_bytes(data, RECORD_SUFFIX)
            return
        for start in range(0, len(waiting), BATCH_MOST):
            self._store.put_bytes(pack(waiting[start : start + BATCH_MOST]), BATCH_SUFFIX)

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
        as_is = dataclasses.replace(record, version=version)
        if row is None:
            return self.put(as_is)
        if as_is.digest == row[2]:
            return False
        return self.put(dataclasses.replace(record, version=version + 1))

    def put_items(self, batch: Batch, *, replace: bool = False) -> bulk.Written:
        """Store prepared items; those that are there as they are stay.

        One that is replaced asks for all that it asked for before.

        Raises:
            ConflictError: an item is there with other content and may not be replaced, or was
                withdrawn.
        """
        held = bulk.known(self.sql, batch.names)
        changed = bulk.changed(self.sql, bulk.others(batch, held), held)
        if not replace:
            bulk.refuse(changed)
        revised = sum(self.revise(record) for record in changed)
        fresh = batch.without(held)
        bulk.insert(self.sql, self._labels, self._tags, fresh, self._later)
        if held:
            self._unsettled += fresh.envelopes()
        elif fresh.names:
            self._packed.append(batch.packed)
        added = len(fresh.names)
        return bulk.Written(added, revised, len(batch.names) - added - revised)

    def put_observations(self, run: str, digest: str, rows: Iterable[Observation]) -> None:
        """Index the observations of a run whose GeoParquet object has `digest`."""
        # The run's record names the object; it is asked for here so that no run goes without.
        del digest
        self.sql.executemany(
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
        # The last version, a tombstone too: what comes after it is one more.
        sql = (
            "SELECT k, version, digest FROM record WHERE kind = ? AND id = ?"
            " ORDER BY version DESC LIMIT 1"
        )
        row: tuple[int, int, str] | None = self.sql.execute(
            sql, (record.kind, record.id)
        ).fetchone()
        return row

    def _write(self, record: Record, before: tuple[int, int, str] | None) -> None:
        own, faces = self._labels.own(record), self._labels.faces(record)
        self._unsettled.append(record.object_bytes)
        old, handed_on = None, False
        if before is not None:
            *labels, owner = self.sql.execute(
                "SELECT access, fetch, derive, json_extract(body, '$.\"ec:owner\"')"
                " FROM record WHERE k = ?",
                (before[0],),
            ).fetchone()
            old = Faces(*labels)
            handed_on = (owner or "") != record.body.get("ec:owner", "")
            self._retire(record, before[0])
        cursor = self.sql.execute(
            "INSERT INTO record"
            " (kind, id, version, digest, access, current, gone, body, own, fetch, derive)"
            " VALUES (?,?,?,?,?,?,?,?,?,?,?)",
            (
                record.kind,
                record.id,
                record.version,
                record.digest,
                faces.find,
                not record.withdrawn,
                record.withdrawn,
                record.body_bytes,
                own,
                faces.fetch,
                faces.derive,
            ),
        )
        if not record.withdrawn:
            self._index(int(cursor.lastrowid or 0), record, faces)
        self._labels.spread(record.kind, record.id, old, faces, handed_on=handed_on)
        self.sql.execute(
            "INSERT INTO change (kind, id, version, digest) VALUES (?,?,?,?)",
            (record.kind, record.id, record.version, record.digest),
        )

    def _index(self, k: int, record: Record, faces: Faces) -> None:
        self.sql.executemany(
            "INSERT OR IGNORE INTO link VALUES (?,?,?,?,?)",
            ((record.kind, record.id, ln.rel, ln.kind, ln.id) for ln in record.links),
        )
        if record.kind == "item":
            self._index_item(k, record, faces)
        else:
            self._later.add_words(k, index_text(record))

    def _retire(self, record: Record, k: int) -> None:
        # A version that was is read under its own labels and those of the version that is; an
        # empty label is nobody's, so no query meets it by accident.
        self.sql.execute(
            "UPDATE record SET current = 0, access = '', fetch = '', derive = '' WHERE k = ?",
            (k,),
        )
        self._later.write(self.sql)
        self.sql.execute("DELETE FROM words WHERE rowid = ?", (k,))
        for collection, access, last in self.sql.execute(
            "DELETE FROM item WHERE k = ? RETURNING collection, access, last", (k,)
        ).fetchall():
            self.sql.execute("DELETE FROM words WHERE rowid = ?", (words_row(k, last),))
            self.sql.execute(
                "UPDATE item_count SET n = n - 1 WHERE collection = ? AND access = ?",
                (collection, access),
            )
        self.sql.execute("DELETE FROM asset WHERE k = ?", (k,))
        self.sql.execute("DELETE FROM item_box WHERE r IN (?, ?)", (2 * k, 2 * k + 1))
        self.sql.execute(
            "DELETE FROM link WHERE from_kind = ? AND from_id = ?", (record.kind, record.id)
        )

    def _index_item(self, k: int, record: Record, faces: Faces) -> None:
        row = item_row(record.body, record.body_bytes)
        assets = record.body.get("assets", {})
        labels = self._labels.assets(record, faces)
        guarded = faces.guard(labels.values())
        self._later.add_words(words_row(k, row.last), index_text(record))
        tags = self._tags.number(record.body)
        self.sql.execute(INSERT_ITEM, (k, *row.values, faces.find, guarded, tags))
        self.sql.execute(INSERT_COUNT, (row.collection, faces.find, 1))
        self.sql.execute(INSERT_TALLY, (row.collection, faces.find, tags, row.year, 1))
        self.sql.executemany(
            "INSERT INTO asset VALUES (?,?,?,?)",
            ((k, role, assets[role]["ec:access"], label) for role, label in labels.items()),
        )
        self.sql.executemany(
            "INSERT INTO address VALUES (?,?)",
            ((part, k) for part in sorted(address_parts(record.body))),
        )
        self.sql.executemany(INSERT_BOX, ((2 * k + n, *box) for n, box in enumerate(row.boxes)))
