"""Bring a node of an earlier schema to this one, keep the old catalogue, and go back if need be."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from earthcommons.catalog import Catalog, rebuild
from earthcommons.catalog.migrations import check_schema, kept_file, schema_of
from earthcommons.catalog.replacing import swap_in
from earthcommons.catalog.schema import KEPT_TABLES, SCHEMA_VERSION
from earthcommons.commons.guard import alone
from earthcommons.commons.node import open_store
from earthcommons.commons.stories.fixity import FixityLog
from earthcommons.errors import ConflictError, IntegrityError, NotFoundError, UpstreamError
from earthcommons.runs import read_observations
from earthcommons.settings import read_settings
from earthcommons.store import storing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Migration", "confirm", "migrate", "roll_back"]

_CATALOG = "catalog.sqlite"


@dataclass(frozen=True, slots=True)
class Migration:
    """What a migration did, or would do.

    Attributes:
        records: record objects the new index was built from.
        carried: rows taken over from tables that live in the catalogue alone.
        kept: name of the old catalogue's file; empty in a dry run.
    """

    before: int
    after: int
    records: int = 0
    carried: dict[str, int] = field(default_factory=dict)
    kept: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "before": self.before,
            "after": self.after,
            "records": self.records,
            "carried": self.carried,
            "kept": self.kept,
        }


_VERSIONS = "SELECT version, digest FROM record WHERE kind = ? AND id = ?"


def migrate(root: Path, *, dry_run: bool = False) -> Migration:
    """Build a catalogue of this schema from the objects and put it in the old one's place.

    The old one is not written to. The new one must hold every version of every record and every
    observation of the old, or it is thrown away. Run again after any interruption.

    Args:
        root: folder of the node; no server may run on it.
        dry_run: build and compare, then throw the new catalogue away.

    Raises:
        NotFoundError: there is no node.
        InvalidInputError: the node is of a newer schema.
        ConflictError: a server runs on it.
        IntegrityError: the objects do not give everything the old catalogue holds.
        UpstreamError: the disk is full or fails (`storage`); the node has its old catalogue, or
            its new one.
    """
    settings = read_settings(root)
    place = root / _CATALOG
    before = schema_of(place)
    if before in (0, SCHEMA_VERSION):
        return Migration(before or SCHEMA_VERSION, SCHEMA_VERSION)
    if before > SCHEMA_VERSION:
        check_schema(before)
    with alone(root, "earthcommons migrate"), _writing():
        store = open_store(root, settings)
        fresh = root / "tmp" / "migrated.sqlite"
        _discard(fresh)
        try:
            catalog = Catalog(fresh, store)
            with closing(sqlite3.connect(place, isolation_level=None, timeout=30)) as old:
                records = rebuild(
                    catalog,
                    store,
                    lambda key: read_observations(store.path(key)),
                    lambda kind, id_: dict(old.execute(_VERSIONS, (kind, id_)).fetchall()),
                )
                # Held from the comparison to the copy: a writer of the old program would be lost.
                old.execute("BEGIN IMMEDIATE")
                _compare(place, fresh)
                catalog.adopt(place)
                carried = _carried(place, fresh)
                old.execute("ROLLBACK")
            catalog.close()
            if dry_run:
                return Migration(before, SCHEMA_VERSION, records, carried)
            kept = kept_file(place, before)
            swap_in(fresh, place, kept)
        finally:
            _discard(fresh)
    with closing(FixityLog(root)) as log:
        log.event("migrated", before=before, after=SCHEMA_VERSION, kept=kept.name)
    return Migration(before, SCHEMA_VERSION, records, carried, kept.name)


def confirm(root: Path) -> tuple[str, ...]:
    """Delete the catalogues kept by migrations; return their names."""
    names = []
    for file in sorted(root.glob("catalog.schema-*.sqlite")):
        file.unlink()
        names.append(file.name)
    return tuple(names)


def roll_back(root: Path) -> int:
    """Put the catalogue kept by the last migration back in place; return its schema.

    Raises:
        NotFoundError: none is kept.
        ConflictError: records were published since, which the older program would not see; or
            accounts, keys or rules were changed, which would be undone; or a server runs on the
            node.
        UpstreamError: the disk is full or fails (`storage`).
    """
    files = sorted(
        root.glob("catalog.schema-*.sqlite"), key=lambda file: schema_of(file), reverse=True
    )
    if not files:
        raise NotFoundError("no catalogue of an earlier schema is kept here")
    place = root / _CATALOG
    with alone(root, "earthcommons migrate --rollback"), _writing():
        if since := _last_change(place) - _last_change(files[0]):
            raise ConflictError(
                f"{since} changes were published since the migration; the earlier program would"
                " not see them: package what is new and take it in again after restoring"
            )
        if acts := _acts_since(place, files[0]):
            first = ", ".join(acts[:3])
            raise ConflictError(
                f"{len(acts)} acts in the audit log since the migration would be undone and"
                f" forgotten, first {first}: keep what `audit log` prints, restore the backup made"
                " before, and do them again there"
            )
        version = schema_of(files[0])
        swap_in(files[0], place)
    with closing(FixityLog(root)) as log:
        log.event("rolled back", before=SCHEMA_VERSION, after=version)
    return version


@contextmanager
def _writing() -> Iterator[None]:
    """Let a failure of the disk be an error of ours, whether we meet it or SQLite does."""
    try:
        with storing():
            yield
    except sqlite3.OperationalError as error:
        raise UpstreamError(
            f"the catalogue cannot be written: {error}", code="storage"
        ) from error


def _compare(old: Path, new: Path) -> None:
    """Return when the new index holds all the old one does.

    Raises:
        IntegrityError: records or observations are lacking; the first are named.
    """
    with closing(sqlite3.connect(new, timeout=30)) as sql:
        sql.execute("ATTACH DATABASE ? AS old", (str(old),))
        for table, columns in (
            ("record", "kind, id, version, digest, current"),
            ("observation", "id, run, body"),
            ("link", "from_kind, from_id, rel, to_kind, to_id"),
        ):
            query = (
                f"SELECT {columns} FROM old.{table} EXCEPT SELECT {columns} FROM main.{table}"  # noqa: S608
            )
            lost = sql.execute(query).fetchall()
            if lost:
                some = ", ".join(f"{row[0]} {row[1]}" for row in lost[:5])
                raise IntegrityError(
                    f"migration of table {table}",
                    expected="every row of the old catalogue",
                    found=f"{len(lost)} without an object: {some}",
                )


def _carried(old: Path, new: Path) -> dict[str, int]:
    """Return how many rows of each table that lives in the catalogue alone were taken over.

    Raises:
        IntegrityError: not all of them.
    """
    taken = {}
    with closing(sqlite3.connect(new, timeout=30)) as sql:
        sql.execute("ATTACH DATABASE ? AS old", (str(old),))
        known = {row[0] for row in sql.execute("SELECT name FROM old.sqlite_master")}
        for table in KEPT_TABLES:
            if table not in known:
                continue
            query = f"SELECT (SELECT count(*) FROM old.{table}), count(*) FROM main.{table}"  # noqa: S608
            before, after = sql.execute(query).fetchone()
            # The new log of changes names also what was in no index before.
            if before > after or (table != "change" and before and before != after):
                raise IntegrityError(
                    f"table {table}", expected=f"{before} rows", found=f"{after} rows"
                )
            taken[table] = int(before)
    return taken


def _last_change(file: Path) -> int:
    with closing(sqlite3.connect(file, timeout=30)) as sql:
        return int(sql.execute("SELECT coalesce(max(seq), 0) FROM change").fetchone()[0])


def _acts_since(file: Path, before: Path) -> list[str]:
    """Return what the audit log has beyond an earlier one's; who looked only has signed in."""
    with closing(sqlite3.connect(before, timeout=30)) as sql:
        query = "SELECT 1 FROM sqlite_master WHERE name = 'audit'"
        logged = sql.execute(query).fetchone() is not None
        last = sql.execute("SELECT max(seq) FROM audit").fetchone()[0] if logged else 0
    with closing(sqlite3.connect(file, timeout=30)) as sql:
        rows = sql.execute(
            "SELECT json_extract(row, '$.action'), json_extract(row, '$.id') FROM audit"
            " WHERE seq > ? AND json_extract(row, '$.action') <> 'sign-in' ORDER BY seq",
            (last or 0,),
        )
        return [f"{action} {id_}" for action, id_ in rows]


def _discard(file: Path) -> None:
    file.parent.mkdir(exist_ok=True)
    for leftover in file.parent.glob(file.name + "*"):
        leftover.unlink()
