"""The audit log: who did what to which record, append-only, each row chained to the last."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

import orjson

from earthcommons.errors import IntegrityError
from earthcommons.model.canonical import canonical_bytes
from earthcommons.policy import acting_party, moment
from earthcommons.trust import ChainLink, extend, first_break
from earthcommons.trust.chain import GENESIS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "AUDIT_KEPT",
    "AUDIT_SCHEMA",
    "AuditRow",
    "append",
    "check_head",
    "head",
    "read",
    "verify",
]

AUDIT_KEPT = """CREATE TRIGGER audit_kept BEFORE DELETE ON audit
  BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
"""
AUDIT_SCHEMA = (
    """
CREATE TABLE audit (
  seq INTEGER PRIMARY KEY, row TEXT NOT NULL, digest TEXT NOT NULL
) STRICT;
CREATE TRIGGER audit_fixed BEFORE UPDATE ON audit
  BEGIN SELECT raise(ABORT, 'the audit log is append-only'); END;
"""
    + AUDIT_KEPT
)


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One line: when, who, what was done, to what, and what else there is to know."""

    seq: int
    at: str
    who: str
    action: str
    kind: str
    id: str
    detail: Mapping[str, Any]
    digest: str


def append(
    sql: sqlite3.Connection, action: str, kind: str, id_: str, detail: Mapping[str, Any]
) -> None:
    """Add a line for the acting party, in the transaction that is open.

    Raises:
        IntegrityError: there is no log any more; nothing is done without one.
    """
    seq, before = head(sql)
    row = {
        "seq": seq + 1,
        "at": moment().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "who": acting_party().id,
        "action": action,
        "kind": kind,
        "id": id_,
        "detail": dict(detail),
    }
    sql.execute(
        "INSERT INTO audit VALUES (?,?,?)",
        (seq + 1, canonical_bytes(row).decode(), extend(before, row)),
    )


def read(
    sql: sqlite3.Connection, *, after: int = 0, kind: str = "", id_: str = "", limit: int = 1000
) -> Iterator[AuditRow]:
    """Yield lines after a sequence number, oldest first; of one record when it is named.

    Raises:
        IntegrityError: there is no log any more.
    """
    with _there():
        rows = sql.execute(
            "SELECT seq, row, digest FROM audit WHERE seq > ?"
            " AND ? IN ('', json_extract(row, '$.kind'))"
            " AND ? IN ('', json_extract(row, '$.id')) ORDER BY seq LIMIT ?",
            (after, kind, id_, limit),
        )
    for _, text, digest in rows:
        yield AuditRow(**orjson.loads(text), digest=digest)


def head(sql: sqlite3.Connection) -> tuple[int, str]:
    """Return number and digest of the last line: what a partner or a printout may keep.

    Raises:
        IntegrityError: there is no log any more.
    """
    with _there():
        row = sql.execute("SELECT seq, digest FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    return (int(row[0]), str(row[1])) if row else (0, GENESIS)


def verify(sql: sqlite3.Connection, kept: tuple[int, str] | None = None) -> int:
    """Walk the chain and return how many lines there are.

    Args:
        sql: the catalogue.
        kept: number and digest of a head written down earlier, which shows a cut tail.

    Raises:
        IntegrityError: the first line that does not follow, or the head that is not there, or
            no log at all.
    """
    with _there():
        rows = sql.execute("SELECT seq, row, digest FROM audit ORDER BY seq")
    links = (ChainLink(seq, _parsed(text), digest) for seq, text, digest in rows)
    broken = first_break(links)
    if broken is not None:
        raise IntegrityError(
            f"audit log, line {broken}", expected="the row that was written", found="another"
        )
    if kept is not None:
        check_head(sql, kept)
    return head(sql)[0]


def check_head(sql: sqlite3.Connection, kept: tuple[int, str]) -> None:
    """Return when the log holds a head written down earlier; it is not walked.

    Raises:
        IntegrityError: it does not: its tail was cut, or it was written anew.
    """
    count, _ = head(sql)
    if kept == (0, GENESIS):
        # Written down before the first line.
        return
    row = sql.execute("SELECT digest FROM audit WHERE seq = ?", (kept[0],)).fetchone()
    found = row[0] if row else f"a log of {count} lines"
    if found != kept[1]:
        raise IntegrityError(f"audit log, line {kept[0]}", expected=kept[1], found=found)


@contextmanager
def _there() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if "no such table" not in str(error):
            raise
        raise IntegrityError(
            "audit log",
            expected="of its last line",
            found="no log: its table was dropped; `earthcommons restore` a backup",
        ) from error


def _parsed(text: str) -> dict[str, Any]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {"unreadable": text}
    return value if isinstance(value, dict) else {"unreadable": text}
