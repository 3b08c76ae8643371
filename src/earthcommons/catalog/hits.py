"""The rows of `words` that hold what is asked for, and what finding them costs before it is paid.

FTS5 gathers all rows of all words that begin with the one asked for before it gives the first: some
45 µs for each page of the index they fill, 0.4 s for a letter that a million items begin a word
with. So the pages are counted first, and a row can be tested by itself instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from earthcommons.catalog.text import ROW_MASK, Terms, expression_of, time_bucket

if TYPE_CHECKING:
    import sqlite3

    from earthcommons.catalog.conditions import Conditions
    from earthcommons.catalog.queries import ItemQuery
    from earthcommons.catalog.reader import Reader

__all__ = ["LONG_S", "LOOKED", "Hits", "cheapest"]

LONG_S = 31 * 86_400
# So many rows of a walk are tested for their words in the time one page of hits is gathered in.
_ROWS_A_PAGE = 50
# What costs no more rows than this is gathered at once, within some 4 ms. The pages of a rare word
# may be counted too high: those of a common word before it in the index are not told apart.
LOOKED = 5_000

# Each segment of the index lists the pages on which a word begins, and the first such word
# (`pgno` is doubled). Both bounds are outside of what is asked for, so one page is taken off.
_PAGES = """
WITH RECURSIVE part (n) AS (
  SELECT min(segid) FROM words_idx
  UNION ALL SELECT (SELECT min(segid) FROM words_idx WHERE segid > n) FROM part WHERE n NOT NULL
)
SELECT coalesce(sum(max(0, coalesce(
    (SELECT pgno >> 1 FROM words_idx WHERE segid = n AND term > ?2 ORDER BY term LIMIT 1),
    (SELECT max(id) + 1 FROM words_data WHERE id < (n << 37) + (1 << 31)) - (n << 37)
  ) - coalesce(
    (SELECT pgno >> 1 FROM words_idx WHERE segid = n AND term <= ?1 ORDER BY term DESC LIMIT 1), 1
  ) - 1)), 0) FROM part WHERE n NOT NULL
"""


class Hits:
    """The rows of `words` that may hold the words asked for, newest first, read as far as needed.

    Of several words that must all be there those found at least cost are asked for; the others
    are left to the test of each row.

    Attributes:
        cost: rows of a walk that take as long as gathering the hits.
        whole: nothing was left to the test.
    """

    def __init__(
        self, sql: Reader, query: ItemQuery, asked: Conditions, after: int | None = None
    ) -> None:
        terms, self.cost = cheapest(sql, asked.terms)
        self.whole = terms == asked.terms
        self.rows: list[int] = []
        self.ended = False
        inner, values = _rows(query, expression_of(terms))
        if after is None and query.last is not None and not _any_long(sql, query.last):
            after = query.last + LONG_S
        if after is not None:
            inner, values = f"{inner} AND rowid >= ?", (*values, time_bucket(after) << 34)
        self._sql = sql
        self._cursor: sqlite3.Cursor | None = None
        self._asked = f"SELECT rowid FROM words WHERE {inner} ORDER BY rowid", values

    def reach(self, count: int) -> bool:
        """Read on until there are `count`; return whether there are fewer in all."""
        if not self.ended and len(self.rows) < count:
            if self._cursor is None:
                self._cursor = self._sql.follow(*self._asked)
            wanted = count - len(self.rows)
            more = [row[0] for row in self._cursor.fetchmany(wanted)]
            self.rows += more
            self.ended = len(more) < wanted
        return self.ended and len(self.rows) < count


def _any_long(sql: Reader, last: int) -> bool:
    """Return whether an item of over 31 days ends more than 31 days after a second."""
    row = sql.execute(
        f"SELECT 1 FROM item INDEXED BY item_long WHERE last - first > {LONG_S} AND last > ?"
        " LIMIT 1",
        (last + LONG_S,),
    )
    return row.fetchone() is not None


def _rows(query: ItemQuery, expression: str) -> tuple[str, tuple[Any, ...]]:
    # Bucket 0 is for other records than items.
    inner, values = "words MATCH ? AND rowid > ?", (expression, ROW_MASK)
    if query.first is None:
        return inner, values
    return inner + " AND rowid <= ?", (*values, time_bucket(query.first) << 34 | ROW_MASK)


def cheapest(sql: Reader, terms: Terms) -> tuple[Terms, int]:
    """Return the phrases to ask FTS5 for, and what that costs."""
    chosen, total = [], 0
    for term in terms:
        costs = [_ROWS_A_PAGE * _pages(sql, phrase.words[-1]) if phrase.starred and phrase.words
                 else 0 for phrase in term]  # fmt: skip
        most = max(2 * min(costs), LOOKED)
        kept = [n for n, cost in enumerate(costs) if cost <= most]
        chosen.append(tuple(term[n] for n in kept))
        total += sum(costs[n] for n in kept)
    return tuple(chosen), total


def _pages(sql: Reader, start: str) -> int:
    """Return how many pages of the index are filled by words that begin so, one or two off."""
    # The main index is the one whose words begin with 0.
    first = b"0" + start.encode()
    row = sql.execute(_PAGES, (first, first + b"\xff"))
    return int(row.fetchone()[0])
