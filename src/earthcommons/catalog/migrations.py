"""From one schema of the catalogue to the next: what to do about a file of another version.

Objects are the truth, so an index is never altered in place: a new one is built from the objects
beside the old, takes over what lives in the catalogue alone, and changes places with it in one
step.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from earthcommons.catalog.schema import KEPT_TABLES, KEPT_TRIGGERS, SCHEMA_VERSION
from earthcommons.errors import InvalidInputError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["adopt", "check_schema", "kept_file", "schema_of"]


def schema_of(file: Path) -> int:
    """Return the schema version of a catalogue file; 0 when it is new or not there."""
    if not file.exists():
        return 0
    with closing(sqlite3.connect(file, timeout=30)) as sql:
        return int(sql.execute("PRAGMA user_version").fetchone()[0])


def check_schema(version: int) -> None:
    """Return when this program speaks the schema, or there is none yet.

    Raises:
        InvalidInputError: an older or a newer one; the message says what to do.
    """
    if version in (0, SCHEMA_VERSION):
        return
    if version > SCHEMA_VERSION:
        raise InvalidInputError(
            f"the catalogue has schema {version}, made by a newer program; this one speaks"
            f" {SCHEMA_VERSION}: use the newer program, or restore a backup made before",
            code="schema-version",
        )
    raise InvalidInputError(
        f"the catalogue has schema {version}, this program speaks {SCHEMA_VERSION}:"
        " back up, then run `earthcommons migrate --node DIR` (docs/operations.md)",
        code="schema-version",
    )


def kept_file(place: Path, version: int) -> Path:
    """Return where the catalogue of an older schema is kept after a migration."""
    return place.with_name(f"{place.stem}.schema-{version}{place.suffix}")


def adopt(connection: sqlite3.Connection, other: Path) -> None:
    """Take over into an open catalogue what lives in another file alone (`KEPT_TABLES`)."""
    connection.execute("ATTACH ? AS old", (other.as_posix(),))
    # Not IMMEDIATE: that asks to write the old file too, which its owner may hold.
    connection.execute("BEGIN")
    known = {row[0] for row in connection.execute("SELECT name FROM old.sqlite_master")}
    for trigger in KEPT_TRIGGERS:
        connection.execute(f"DROP TRIGGER {trigger}")
    for table in KEPT_TABLES:
        if table not in known:
            continue
        rows = connection.execute(f"SELECT count(*) FROM old.{table}").fetchone()[0]
        if rows or table != "change":
            connection.execute(f"DELETE FROM main.{table}")
            connection.execute(f"INSERT INTO main.{table} SELECT * FROM old.{table}")
    kept = {row[1] for row in connection.execute("PRAGMA old.table_info(record)")}
    # When a version was published is in no object: what the old file does not know stays
    # unknown, rather than become the time of the rebuild.
    made = "o.made" if "made" in kept else "''"
    connection.execute(
        f"UPDATE main.record SET made = (SELECT {made} FROM old.record o WHERE"
        " o.kind = main.record.kind AND o.id = main.record.id"
        " AND o.version = main.record.version)"
        " WHERE EXISTS (SELECT 1 FROM old.record o WHERE o.kind = main.record.kind"
        " AND o.id = main.record.id AND o.version = main.record.version)"
    )
    # Numbers go on from the old log, without a gap. What was written and never committed, or is
    # younger than the old file, is in the index by now: who follows the log is told.
    connection.execute(
        "UPDATE main.sqlite_sequence SET seq = (SELECT max(seq) FROM main.change)"
        " WHERE name = 'change'"
    )
    connection.execute(
        "INSERT INTO main.change (kind, id, version, digest) SELECT kind, id, version, digest"
        " FROM (SELECT kind, id, version, digest FROM main.record"
        " EXCEPT SELECT kind, id, version, digest FROM main.change) ORDER BY kind, id, version"
    )
    for statement in KEPT_TRIGGERS.values():
        connection.execute(statement)
    connection.execute("COMMIT")
    connection.execute("DETACH old")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
