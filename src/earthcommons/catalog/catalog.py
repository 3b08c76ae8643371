"""The embedded catalogue: the records of a node, as each party may read them."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

import orjson

from earthcommons.catalog import audit, history, search
from earthcommons.catalog.credentials import Credentials
from earthcommons.catalog.describing import describe
from earthcommons.catalog.facets import count_facets
from earthcommons.catalog.file import CatalogFile
from earthcommons.catalog.item_rows import address_part
from earthcommons.catalog.labelling import Faces, stated_labels
from earthcommons.catalog.migrations import adopt
from earthcommons.catalog.people import People
from earthcommons.catalog.presenting import present
from earthcommons.catalog.queries import check_limit
from earthcommons.catalog.reader import READ_LIMIT_S
from earthcommons.catalog.writing import SqliteTransaction
from earthcommons.errors import GoneError, InvalidInputError, NotFoundError
from earthcommons.model.canonical import parse_canonical
from earthcommons.model.record import Change, Link
from earthcommons.policy import OPEN, acting_party, moment, require, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    from earthcommons.catalog.facets import Facets
    from earthcommons.catalog.queries import ItemQuery, ObservationQuery, Page, RecordQuery
    from earthcommons.model.party import Party
    from earthcommons.store import ObjectStore

__all__ = ["Catalog", "Standing"]


@dataclass(frozen=True, slots=True)
class Standing:
    """How a record stands: its version, its labels in force, the group that owns it."""

    version: int
    faces: Faces
    owner: str


class Catalog:
    """All records of a node, by kind and id; every read is limited to what the party may see."""

    def __init__(self, file: Path, store: ObjectStore, *, copy: bool = False) -> None:
        self._path = file.resolve()
        self._file = CatalogFile(file, copy=copy)
        self._store = store
        self.people = People(self._file.connection, self.transaction)
        self.credentials = Credentials(self.people, self._file.connection, self.transaction)

    @contextmanager
    def transaction(self, *, settled: bool = False) -> Iterator[SqliteTransaction]:
        """Yield the one open transaction; commit when the block ends, roll back when it raises.

        Args:
            settled: the records come from their objects (a rebuild): write no object for them.

        Raises:
            ConflictError: another process kept writing for 30 seconds.
            UpstreamError: the disk is full or fails (`storage`); nothing was written.
        """
        with self._file.writing() as connection:
            tx = SqliteTransaction(connection, None if settled else self._store)
            yield tx
            tx.settle()

    def alone(self) -> AbstractContextManager[None]:
        """Let nobody write, in any process, while the block runs: the file may be replaced."""
        return self._file.alone()

    @contextmanager
    def filled(self) -> Iterator[Catalog]:
        """Yield a copy for many writes, which takes this one's place when the block ends.

        Until then this one stays as it is, for who reads it too, and nobody else may write. Where
        the block raises, or the machine stops, nothing of the copy is left but objects.

        Raises:
            ConflictError: somebody reads what was there some time ago, or the file is another
                user's (nothing was begun).
            UpstreamError: the disk is full or fails (`storage`); this one is as it was.
        """
        with self._file.replaced() as place:
            copy = Catalog(place, self._store, copy=True)
            try:
                yield copy
            finally:
                copy.close()

    def loading(self) -> AbstractContextManager[Callable[[], object]]:
        """Make this thread fit for many writes; yield what is called after each transaction."""
        return self._file.loading()

    def tidy(self) -> None:
        """Remove what a copy that was ended left, unless one is being filled."""
        self._file.tidy()

    def size(self) -> int:
        """Return how many bytes the catalogue's file has."""
        return self._path.stat().st_size

    def room(self) -> int:
        """Return how many bytes are free on the catalogue's disk."""
        return shutil.disk_usage(self._path.parent).free

    def visible(self, party: Party | None = None) -> tuple[str, ...]:
        """Return the labels in force of what a party may see: who acts now, when not told."""
        rows = self._file.connection().execute("SELECT label FROM label")
        found = visible(party or acting_party(), (row[0] for row in rows), moment())
        return tuple(sorted(found))

    def body(self, kind: str, id_: str, party: Party | None = None) -> bytes:
        """Return the stored JSON of the current version, as the party sees it.

        Raises:
            NotFoundError: nothing visible has that kind and id.
            GoneError: something had, and was withdrawn.
        """
        with self._file.connection().whole() as sql:
            marks, labels = self._labels(party)
            row = sql.execute(
                "SELECT r.body, r.k, i.guarded FROM record r LEFT JOIN item i ON i.k = r.k"
                f" WHERE r.kind = ? AND r.id = ? AND r.current AND r.access IN ({marks})",
                (kind, id_, *labels),
            ).fetchone()
            if row is None:
                stub = history.gone(sql, kind, id_, frozenset(labels).__contains__)
                if stub is not None:
                    raise GoneError(f"{kind} {id_[:120]!r} was withdrawn", stub)
                raise NotFoundError(f"there is no {kind} {id_[:120]!r}")
            body = bytes(row[0])
            return present(sql, row[1], body, labels) if row[2] else body

    def standing(self, kind: str, id_: str, party: Party | None = None) -> Standing:
        """Return the labels in force of a visible record, and the group that owns it.

        Raises:
            NotFoundError: nothing visible has that kind and id.
        """
        marks, labels = self._labels(party)
        sql = (
            "SELECT r.version, r.access, r.fetch, r.derive, json_extract(c.body, '$.\"ec:owner\"')"
            " FROM record r LEFT JOIN item i ON i.k = r.k LEFT JOIN record c"
            " ON c.kind = 'collection' AND c.current AND c.id ="
            " CASE r.kind WHEN 'collection' THEN r.id ELSE i.collection END"
            f" WHERE r.kind = ? AND r.id = ? AND r.current AND r.access IN ({marks})"
        )
        row = self._file.connection().execute(sql, (kind, id_, *labels)).fetchone()
        if row is None:
            raise NotFoundError(f"there is no {kind} {id_[:120]!r}")
        return Standing(row[0], Faces(*row[1:4]), row[4] or "")

    def stated(
        self, kind: str, id_: str, party: Party | None = None
    ) -> tuple[str, str, str | None]:
        """Return the labels a visible record states itself: find, fetch and derive.

        Raises:
            NotFoundError: nothing visible has that kind and id.
        """
        marks, labels = self._labels(party)
        sql = (
            "SELECT own FROM record WHERE kind = ? AND id = ? AND current"
            f" AND access IN ({marks})"
        )
        row = self._file.connection().execute(sql, (kind, id_, *labels)).fetchone()
        if row is None:
            raise NotFoundError(f"there is no {kind} {id_[:120]!r}")
        return stated_labels(row[0])

    def tombstone_of(self, kind: str, id_: str) -> tuple[str, str]:
        """Return owner and label of a withdrawn record; not limited by policy.

        Raises:
            NotFoundError: nothing withdrawn has that kind and id.
        """
        row = (
            self._file.connection()
            .execute(
                "SELECT access FROM record WHERE kind = ? AND id = ? AND gone AND access <> ''",
                (kind, id_),
            )
            .fetchone()
        )
        if row is None:
            raise NotFoundError(f"no {kind} {id_[:120]!r} was withdrawn")
        return history.owner_of(self._file.connection(), kind, id_), str(row[0])

    def holds_items(self, collection: str) -> bool:
        """Return whether a collection has an item, whoever may see it."""
        sql = "SELECT 1 FROM item WHERE collection = ? LIMIT 1"
        return self._file.connection().execute(sql, (collection,)).fetchone() is not None

    def whole(self, kind: str, id_: str) -> tuple[dict[str, Any], tuple[Link, ...]]:
        """Return body and links of the current version as stored, for who writes the next.

        Not limited by policy: whoever calls asks `require` first.

        Raises:
            NotFoundError: nothing has that kind and id.
        """
        with self._file.connection().whole() as sql:
            row = sql.execute(
                "SELECT body FROM record WHERE kind = ? AND id = ? AND current", (kind, id_)
            ).fetchone()
            if row is None:
                raise NotFoundError(f"there is no {kind} {id_[:120]!r}")
            links = "SELECT rel, to_kind, to_id FROM link WHERE from_kind = ? AND from_id = ?"
            found = sql.execute(f"{links} ORDER BY 1, 2, 3", (kind, id_)).fetchall()
        return parse_canonical(row[0]), tuple(Link(*each) for each in found)

    def get(self, kind: str, id_: str, party: Party | None = None) -> dict[str, Any]:
        """Return the current version as a JSON value.

        Raises:
            NotFoundError: nothing visible has that kind and id.
        """
        value: dict[str, Any] = parse_canonical(self.body(kind, id_, party))
        return value

    def version(self, kind: str, id_: str) -> tuple[int, str] | None:
        """Return version and digest of the current record, or None; not limited by policy."""
        sql = "SELECT version, digest FROM record WHERE kind = ? AND id = ? AND current"
        row = self._file.connection().execute(sql, (kind, id_)).fetchone()
        return None if row is None else (int(row[0]), str(row[1]))

    def settled(self, kind: str, id_: str) -> dict[int, str]:
        """Return the digest of each version of a record; not limited by policy."""
        sql = "SELECT version, digest FROM record WHERE kind = ? AND id = ?"
        return dict(self._file.connection().execute(sql, (kind, id_)).fetchall())

    def versions(
        self, kind: str, id_: str, party: Party | None = None
    ) -> list[history.Version]:
        """Return all versions of a visible record, oldest first.

        Raises:
            NotFoundError: nothing visible has that kind and id.
        """
        with self._file.connection().whole() as sql:
            return history.versions(sql, kind, id_, self._asker(party))

    def past(
        self, kind: str, id_: str, version: int, party: Party | None = None
    ) -> dict[str, Any]:
        """Return one version of a record; those after it do not change it.

        Raises:
            NotFoundError: nothing visible has that kind, id and version.
            GoneError: the record was withdrawn.
        """
        with self._file.connection().whole() as sql:
            return history.past(sql, kind, id_, version, self._asker(party))

    def version_at(self, kind: str, id_: str, at: datetime, party: Party | None = None) -> int:
        """Return the number of the version a record had at a moment.

        Raises:
            NotFoundError: nothing visible has that kind and id, or had it then.
            InvalidInputError: the node did not keep times then (`unknown-time`).
        """
        self.versions(kind, id_, party)
        return history.at_moment(self._file.connection(), kind, id_, _stamp(at))

    def as_of(
        self, kind: str, id_: str, at: datetime, party: Party | None = None
    ) -> dict[str, Any]:
        """Return a record as it was at a moment.

        Raises:
            NotFoundError: nothing visible had that kind and id then.
            GoneError: it was withdrawn, then or since.
        """
        return self.past(kind, id_, self.version_at(kind, id_, at, party), party)

    def items_as_of(
        self,
        collection: str,
        at: datetime,
        *,
        after: str = "",
        limit: int = 100,
        party: Party | None = None,
    ) -> list[dict[str, Any]]:
        """Return items of a collection as they were at a moment, in order of id."""
        with self._file.connection().bounded() as sql:
            return history.items_at(
                sql, collection, _stamp(at), after, check_limit(limit), self._asker(party)
            )

    def items(
        self, query: ItemQuery, party: Party | None = None, *, seconds: float = READ_LIMIT_S
    ) -> Page:
        """Return a page of items, newest first.

        Raises:
            UpstreamError: it took over `seconds` (`query-timeout`).
        """
        with self._file.connection().bounded(seconds) as sql:
            return search.items(sql, query, self.visible(party))

    def facets(self, query: ItemQuery, party: Party | None = None) -> Facets:
        """Return how the matches spread over themes, goals, formats, licences, regions, years."""
        with self._file.connection().bounded() as sql:
            return count_facets(sql, query, self.visible(party))

    def described(
        self, collection: str, party: Party | None = None
    ) -> tuple[dict[str, dict[str, Any]], bool]:
        """Return what the visible items of a collection can be asked for (`describing`)."""
        with self._file.connection().bounded() as sql:
            return describe(sql, collection, self.visible(party))

    def records(self, query: RecordQuery, party: Party | None = None) -> Page:
        """Return a page of records of one kind, in order of id, or best match first with text."""
        with self._file.connection().bounded() as sql:
            return search.records(sql, query, self.visible(party))

    def all(self, kind: str, party: Party | None = None) -> list[dict[str, Any]]:
        """Return every visible record of a kind that comes in tens, in order of id."""
        marks, labels = self._labels(party)
        sql = (
            f"SELECT body FROM record WHERE kind = ? AND current AND access IN ({marks})"
            " ORDER BY id"
        )
        rows = self._file.connection().execute(sql, (kind, *labels))
        return [orjson.loads(body) for (body,) in rows]

    def count(self, kind: str, party: Party | None = None) -> int:
        """Return how many visible records of a kind there are."""
        marks, labels = self._labels(party)
        if kind == "item":
            sql = f"SELECT coalesce(sum(n), 0) FROM item_count WHERE access IN ({marks})"
            return int(self._file.connection().execute(sql, labels).fetchone()[0])
        sql = f"SELECT count(*) FROM record WHERE kind = ? AND current AND access IN ({marks})"
        return int(self._file.connection().execute(sql, (kind, *labels)).fetchone()[0])

    def observations(self, query: ObservationQuery, party: Party | None = None) -> Page:
        """Return a page of observations in order of region, period, dimensions."""
        with self._file.connection().bounded() as sql:
            return search.observations(sql, query, self.visible(party))

    def observation(self, id_: str, party: Party | None = None) -> dict[str, Any]:
        """Return one observation.

        Raises:
            NotFoundError: nothing visible has that id.
        """
        marks, labels = self._labels(party)
        sql = (
            "SELECT o.body FROM observation o JOIN record r ON r.kind = 'run' AND r.id = o.run"
            f" AND r.current WHERE o.id = ? AND r.access IN ({marks})"
        )
        row = self._file.connection().execute(sql, (id_, *labels)).fetchone()
        if row is None:
            raise NotFoundError(f"there is no observation {id_[:120]!r}")
        value: dict[str, Any] = orjson.loads(row[0])
        return value

    def has_asset(self, href: str, party: Party | None = None) -> bool:
        """Return whether the party may fetch an asset with that address."""
        # Of one moment: between two statements a version may retire, and its labels with it.
        with self._file.connection().whole() as sql:
            marks, labels = self._labels(party)
            # One statement whatever it finds: who may not fetch an object does not learn from
            # the work of the answer that it is there.
            row = sql.execute(
                "SELECT 1 FROM address a JOIN record r ON r.k = a.k,"
                " json_each(r.body, '$.assets') e"
                " LEFT JOIN asset s ON s.k = r.k AND s.name = e.key"
                f" WHERE a.part = ? AND r.current AND r.access IN ({marks})"
                f" AND coalesce(s.access, r.fetch) IN ({marks})"
                " AND json_extract(e.value, '$.href') = ? LIMIT 1",
                (address_part(href), *labels, *labels, href),
            ).fetchone()
            return row is not None or history.serves_past(sql, href, labels, self._asker(party))

    def links_from(self, kind: str, id_: str, party: Party | None = None) -> tuple[Link, ...]:
        """Return the arrows a record states to what the party may see."""
        return self._links("from", "to", kind, id_, party)

    def links_to(self, kind: str, id_: str, party: Party | None = None) -> tuple[Link, ...]:
        """Return the arrows that point at a record, each named by where it starts."""
        return self._links("to", "from", kind, id_, party)

    def changes(
        self, after: int = 0, limit: int = 1000, party: Party | None = None
    ) -> tuple[Change, ...]:
        """Return the change log after a sequence number, oldest first.

        Of records the party may see, and of withdrawn ones whose stub it may see: who follows
        the log learns that they are gone.
        """
        marks, labels = self._labels(party)
        sql = (
            "SELECT c.seq, c.kind, c.id, c.version, c.digest FROM change c WHERE c.seq > ?"
            " AND EXISTS (SELECT 1 FROM record r WHERE r.kind = c.kind AND r.id = c.id"
            f" AND (r.current OR r.gone) AND r.access IN ({marks})) ORDER BY c.seq LIMIT ?"
        )
        rows = self._file.connection().execute(sql, (after, *labels, limit))
        return tuple(Change(*row) for row in rows)

    def newest_changes(
        self, limit: int, skip: int = 0, party: Party | None = None
    ) -> tuple[Change, ...]:
        """Return the last changes of visible records, newest first, without the first `skip`."""
        marks, labels = self._labels(party)
        sql = (
            "SELECT c.seq, c.kind, c.id, c.version, c.digest FROM change c JOIN record r"
            " ON r.kind = c.kind AND r.id = c.id AND (r.current OR r.gone)"
            f" WHERE r.access IN ({marks}) ORDER BY c.seq DESC LIMIT ? OFFSET ?"
        )
        rows = self._file.connection().execute(sql, (*labels, limit, skip))
        return tuple(Change(*row) for row in rows)

    def adopt(self, other: Path) -> None:
        """Take over what lives in a catalogue alone from another file, after a rebuild.

        That is the change log, accounts, keys, sessions and the audit log: a rebuild invents an
        order of changes and knows nobody, so where the old file can still be read they go on.
        """
        adopt(self._file.connection(), other)

    def audit_log(
        self, *, after: int = 0, kind: str = "", id_: str = "", limit: int = 1000
    ) -> list[audit.AuditRow]:
        """Return lines of the audit log, oldest first; operators may ask.

        Raises:
            AccessDeniedError: the acting party is none.
        """
        require("administer", OPEN, "the audit log")
        return list(
            audit.read(self._file.connection(), after=after, kind=kind, id_=id_, limit=limit)
        )

    def audit_log_of(self, kind: str, id_: str, limit: int = 1000) -> list[audit.AuditRow]:
        """Return the lines of the audit log about one record, oldest first.

        Not limited by policy: whoever calls asks `require` first.
        """
        return list(audit.read(self._file.connection(), kind=kind, id_=id_, limit=limit))

    def audit_head(self) -> tuple[int, str]:
        """Return number and digest of the audit log's last line."""
        return audit.head(self._file.connection())

    def verify_audit(self, kept: tuple[int, str] | None = None) -> int:
        """Walk the audit log's chain and return how many lines it has.

        Raises:
            IntegrityError: a line was edited, removed or reordered, or the tail was cut after
                the head `kept`.
        """
        return audit.verify(self._file.connection(), kept)

    def dump(self) -> Iterator[str]:
        """Yield one line for each row of the index, sorted: what a rebuild must give again."""
        for table, columns, order in _DUMPED:
            sql = f"SELECT {columns} FROM {table} ORDER BY {order}"
            for row in self._file.connection().execute(sql):
                cells = (c.decode() if isinstance(c, bytes) else str(c) for c in row)
                yield table + "\t" + "\t".join(cells)

    def check(self) -> str:
        """Return `ok`, or what SQLite's own checks say is wrong with the file or the R*Tree."""
        for asked in ("PRAGMA quick_check", "SELECT rtreecheck('item_box')"):
            said = str(self._file.connection().execute(asked).fetchone()[0])
            if said != "ok":
                return said
        return "ok"

    def close(self) -> None:
        """Close this thread's connection."""
        self._file.close()

    def _labels(self, party: Party | None) -> tuple[str, tuple[str, ...]]:
        labels = self.visible(party)
        return ",".join("?" * len(labels)), labels

    def _asker(self, party: Party | None) -> history.Asker:
        return history.Asker(party or acting_party(), moment())

    def _links(
        self, here: str, there: str, kind: str, id_: str, party: Party | None
    ) -> tuple[Link, ...]:
        marks, labels = self._labels(party)
        sql = (
            f"SELECT rel, {there}_kind, {there}_id FROM link WHERE {here}_kind = ?"
            f" AND {here}_id = ? AND NOT EXISTS (SELECT 1 FROM record r WHERE r.kind ="
            f" {there}_kind AND r.id = {there}_id AND (r.current OR r.gone AND r.access <> '')"
            f" AND r.access NOT IN ({marks})) ORDER BY 1, 2, 3"
        )
        rows = self._file.connection().execute(sql, (kind, id_, *labels))
        return tuple(Link(*row) for row in rows)


_DUMPED = (
    (
        "record",
        "kind, id, version, digest, own, access, fetch, derive, current, gone, body",
        "kind, id, version",
    ),
    ("item", "name, first, last, west, south, east, north", "name"),
    ("observation", "id, run, indicator, region, first, period, dimensions, body", "id"),
    ("link", "from_kind, from_id, rel, to_kind, to_id", "1, 2, 3, 4, 5"),
    (
        "words JOIN record ON record.k = words.rowid & 17179869183",
        "record.kind, record.id, words.text",
        "record.kind, record.id",
    ),
)


def _stamp(at: datetime) -> str:
    # Compared as text: a year has four digits here, and the ends of the calendar no zone.
    try:
        at = at.astimezone(UTC)
    except OverflowError as error:
        raise InvalidInputError(f"{at} is beyond the calendar", code="bad-time") from error
    return f"{at:%Y}".zfill(4) + at.strftime("-%m-%dT%H:%M:%S.999Z")
