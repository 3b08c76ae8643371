"""Many small rows by few statements: what a statement costs by itself is shared by many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3

__all__ = ["insert_many"]

_ROWS = 50


def insert_many(
    sql: sqlite3.Connection, into: str, row: str, width: int, values: list[Any]
) -> None:
    """Insert rows, in a transaction that is rolled back when one of them is refused.

    Args:
        sql: in that transaction.
        into: table, and columns where not all are given.
        row: a row as SQL, with `width` question marks.
        width: how many values a row takes.
        values: those of row after row.

    Raises:
        sqlite3.IntegrityError: a row cannot be there; those before it in its statement are.
    """
    whole = len(values) // (_ROWS * width) * _ROWS * width
    for rows, some in ((_ROWS, values[:whole]), (1, values[whole:])):
        # OR FAIL: no copy is kept of each page, to take back one statement.
        statement = f"INSERT OR FAIL INTO {into} VALUES {','.join([row] * rows)}"
        step = rows * width
        sql.executemany(statement, (some[n : n + step] for n in range(0, len(some), step)))
