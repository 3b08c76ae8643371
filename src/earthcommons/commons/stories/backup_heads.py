"""Heads of the audit log, which backups keep: with one at hand a cut tail is found.

A head is the number and the digest of a line, `LINE:DIGEST` in writing. A chain whose tail was cut
is still a chain; that it lacks a line it held once is seen by whoever wrote that line down.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from earthcommons.catalog import audit
from earthcommons.errors import IntegrityError, InvalidInputError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["check_chain", "head_in", "head_text", "lost_of", "read_head"]

_HEAD = re.compile(r"([0-9]{1,18}):([0-9a-f]{64})")


def head_text(head: tuple[int, str]) -> str:
    """Return a head as it is written down."""
    return f"{head[0]}:{head[1]}"


def read_head(text: str) -> tuple[int, str]:
    """Return the head that somebody wrote down.

    Raises:
        InvalidInputError: it is none.
    """
    found = _HEAD.fullmatch(text)
    if found is None:
        raise InvalidInputError(f"{text[:80]!r} is no head: write LINE:DIGEST")
    return int(found[1]), found[2]


def head_in(catalogue: Path) -> str:
    """Return the head of the log in a catalogue's file; empty where there is no log.

    A catalogue of an early schema has none, and one whose log was dropped is still backed up.
    """
    try:
        with closing(_reading(catalogue)) as sql:
            return head_text(audit.head(sql))
    except IntegrityError:
        return ""


def lost_of(catalogue: Path, head: str) -> str:
    """Return what is wrong with a log that is to hold a head; empty when it holds it."""
    try:
        with closing(_reading(catalogue)) as sql:
            audit.check_head(sql, read_head(head))
    except IntegrityError as error:
        return str(error)
    return ""


def check_chain(catalogue: Path, head: str) -> str:
    """Return what is wrong with a log that is to be whole and hold a head; empty when nothing."""
    try:
        with closing(_reading(catalogue)) as sql:
            audit.verify(sql, read_head(head))
    except IntegrityError as error:
        return str(error)
    return ""


def _reading(catalogue: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{catalogue.resolve().as_uri()}?mode=ro", uri=True, timeout=30)
