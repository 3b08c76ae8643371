"""Indexes made when all rows are there: one sort of all costs less than a search for each."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

__all__ = ["made_last"]

# Those that keep two rows from being the same have no statement of their own, and stay.
_OF_ITEMS = (
    "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'item'"
    " AND sql NOT NULL ORDER BY rowid"
)


@contextmanager
def made_last(sql: sqlite3.Connection) -> Iterator[None]:
    """Drop the indexes that items are searched by, and make them again when the block ends.

    Where the block raises they are not there: for a file that is thrown away then.
    """
    indexes = sql.execute(_OF_ITEMS).fetchall()
    for name, _ in indexes:
        sql.execute(f"DROP INDEX {name}")
    yield
    for _, statement in indexes:
        sql.execute(statement)
