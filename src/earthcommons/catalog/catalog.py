"""The embedded catalogue: one SQLite file, many readers, one writer."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import orjson

from earthcommons.catalog import search
from earthcommons.catalog.reader import open_reader
from earthcommons.catalog.schema import CHANGE_KEPT, SCHEMA, SCHEMA_VERSION
from earthcommons.catalog.writing import SqliteTransaction
from earthcommons.errors import ConflictError, InvalidInputError, NotFoundError
from earthcommons.model.party import PUBLIC
from earthcommons.model.record import Change, Link
from earthcommons.policy import visible_labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from earthcommons.catalog.queries import ItemQuery, ObservationQuery, Page, RecordQuery
    from earthcommons.catalog.reader import Reader
    from earthcommons.model.party import Party
    from earthcommons.store import ObjectStore

__all__ = ["Catalog"]


class Catalog:
    """All records of a node, by kind and id; every read is limited to what the party may see."""

    def __init__(self, file: Path, store: ObjectStore) -> None:
        self._file = file
        self._store = store
        self._local = threading.local()
        self._writing = threading.Lock()
        with self._writing:
            self._prepare()

    @contextmanager
    def transaction(self, *, settled: bool = False) -> Iterator[SqliteTransaction]:
        """Yield the one open transaction; commit when the block ends, roll back when it raises.

        Args:
            settled: the records come from their objects (a rebuild): write no object for them.

        Raises:
            ConflictError: another process kept writing for 30 seconds.
        """
        with self._writing:
            connection = self._connection()
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                raise ConflictError("another process is writing to this catalogue") from error
            try:
                tx = SqliteTransaction(connection, None if settled else self._store)
                yield tx
                tx.settle()
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    def body(self, kind: str, id_: str, party: Party = PUBLIC) -> bytes:
        """Return the stored JSON of the current version.

        Raises:
            NotFoundError: nothing visible has that kind and id.
        """
        marks, labels = _labels(party)
        sql = (
            "SELECT body FROM record WHERE kind = ? AND id = ? AND current"
            f" AND access IN ({marks})"
        )
        row = self._connection().execute(sql, (kind, id_, *labels)).fetchone()
        if row is None:
            raise NotFoundError(f"there is no {kind} {id_[:120]!r}")
        return bytes(row[0])

    def get(self, kind: str, id_: str, party: Party = PUBLIC) -> dict[str, Any]:
        """Return the current version as a JSON value.

        Raises:
            NotFoundError: nothing visible has that kind and id.
        """
        value: dict[str, Any] = orjson.loads(self.body(kind, id_, party))
        return value

    def version(self, kind: str, id_: str) -> tuple[int, str] | None:
        """Return version and digest of the current record, or None; not limited by policy."""
        sql = "SELECT version, digest FROM record WHERE kind = ? AND id = ? AND current"
        row = self._connection().execute(sql, (kind, id_)).fetchone()
        return None if row is None else (int(row[0]), str(row[1]))

    def items(self, query: ItemQuery, party: Party = PUBLIC) -> Page:
        """Return a page of items, newest first."""
        with self._connection().bounded() as sql:
            return search.items(sql, query, visible_labels(party))

    def records(self, query: RecordQuery, party: Party = PUBLIC) -> Page:
        """Return a page of records of one kind, in order of id, or best match first with text."""
        with self._connection().bounded() as sql:
            return search.records(sql, query, visible_labels(party))

    def all(self, kind: str, party: Party = PUBLIC) -> list[dict[str, Any]]:
        """Return every visible record of a kind that comes in tens, in order of id."""
        marks, labels = _labels(party)
        sql = (
            f"SELECT body FROM record WHERE kind = ? AND current AND access IN ({marks})"
            " ORDER BY id"
        )
        rows = self._connection().execute(sql, (kind, *labels))
        return [orjson.loads(body) for (body,) in rows]

    def count(self, kind: str, party: Party = PUBLIC) -> int:
        """Return how many visible records of a kind there are."""
        marks, labels = _labels(party)
        sql = f"SELECT count(*) FROM record WHERE kind = ? AND current AND access IN ({marks})"
        return int(self._connection().execute(sql, (kind, *labels)).fetchone()[0])

    def observations(self, query: ObservationQuery, party: Party = PUBLIC) -> Page:
        """Return a page of observations in order of region, period, dimensions."""
        with self._connection().bounded() as sql:
            return search.observations(sql, query, visible_labels(party))

    def observation(self, id_: str, party: Party = PUBLIC) -> dict[str, Any]:
        """Return one observation.

        Raises:
            NotFoundError: nothing visible has that id.
        """
        marks, labels = _labels(party)
        sql = (
            "SELECT o.body FROM observation o JOIN record r ON r.kind = 'run' AND r.id = o.run"
            f" AND r.current WHERE o.id = ? AND r.access IN ({marks})"
        )
        row = self._connection().execute(sql, (id_, *labels)).fetchone()
        if row is None:
            raise NotFoundError(f"there is no observation {id_[:120]!r}")
        value: dict[str, Any] = orjson.loads(row[0])
        return value

    def has_asset(self, href: str, party: Party = PUBLIC) -> bool:
        """Return whether a visible item has an asset with that address."""
        marks, labels = _labels(party)
        sql = (
            "SELECT 1 FROM asset a JOIN record r ON r.k = a.k"
            f" WHERE a.href = ? AND r.current AND r.access IN ({marks})"
        )
        return self._connection().execute(sql, (href, *labels)).fetchone() is not None

    def links_from(self, kind: str, id_: str) -> tuple[Link, ...]:
        """Return the arrows a record states."""
        sql = (
            "SELECT rel, to_kind, to_id FROM link WHERE from_kind = ? AND from_id = ?"
            " ORDER BY 1, 2, 3"
        )
        return tuple(Link(*row) for row in self._connection().execute(sql, (kind, id_)))

    def links_to(self, kind: str, id_: str) -> tuple[Link, ...]:
        """Return the arrows that point at a record, each named by where it starts."""
        sql = (
            "SELECT rel, from_kind, from_id FROM link WHERE to_kind = ? AND to_id = ?"
            " ORDER BY 1, 2, 3"
        )
        return tuple(Link(*row) for row in self._connection().execute(sql, (kind, id_)))

    def changes(self, after: int = 0, limit: int = 1000) -> tuple[Change, ...]:
        """Return the change log after a sequence number, oldest first."""
        sql = "SELECT seq, kind, id, version, digest FROM change WHERE seq > ? ORDER BY seq LIMIT ?"
        return tuple(Change(*row) for row in self._connection().execute(sql, (after, limit)))

    def adopt_changes(self, changes: Iterable[Change]) -> None:
        """Take over another catalogue's change log in place of this one's, after a rebuild.

        The log lives in the catalogue alone: a rebuild invents an order, so where the old log
        can still be read it goes on.
        """
        rows = [(c.seq, c.kind, c.id, c.version, c.digest) for c in changes]
        if not rows:
            return
        connection = self._connection()
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DROP TRIGGER change_kept")
        connection.execute("DELETE FROM change")
        connection.executemany("INSERT INTO change VALUES (?,?,?,?,?)", rows)
        connection.execute(CHANGE_KEPT)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def dump(self) -> Iterator[str]:
        """Yield one line for each row of the index, sorted: what a rebuild must give again."""
        for table, columns, order in _DUMPED:
            sql = f"SELECT {columns} FROM {table} ORDER BY {order}"
            for row in self._connection().execute(sql):
                cells = (c.decode() if isinstance(c, bytes) else str(c) for c in row)
                yield table + "\t" + "\t".join(cells)

    def check(self) -> str:
        """Return `ok`, or what SQLite's own integrity check says is wrong."""
        return str(self._connection().execute("PRAGMA quick_check").fetchone()[0])

    def close(self) -> None:
        """Close this thread's connection."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    def _connection(self) -> Reader:
        connection: Reader | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = open_reader(self._file)
            self._local.connection = connection
        return connection

    def _prepare(self) -> None:
        connection = self._connection()
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            for statement in _statements(SCHEMA):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
        if version not in (0, SCHEMA_VERSION):
            raise InvalidInputError(
                f"{self._file.name} has schema {version}, this program speaks {SCHEMA_VERSION}",
                code="schema-version",
            )


_DUMPED = (
    ("record", "kind, id, version, digest, access, current, body", "kind, id, version"),
    ("item", "name, first, last, west, south, east, north", "name"),
    ("observation", "id, run, indicator, region, first, period, dimensions, body", "id"),
    ("link", "from_kind, from_id, rel, to_kind, to_id", "1, 2, 3, 4, 5"),
    (
        "words JOIN record ON record.k = words.rowid",
        "record.kind, record.id, words.text",
        "record.kind, record.id",
    ),
)


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _labels(party: Party) -> tuple[str, list[str]]:
    labels: list[str] = sorted(visible_labels(party))
    return ",".join("?" * len(labels)), labels
