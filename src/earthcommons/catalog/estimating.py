"""About how many items match, where only the newest were looked at.

The share of matches among those is taken for that of all items of the time and collections asked
for, which are counted by year. Nothing bounds the error of that: the bounds of a count do.
"""

from __future__ import annotations

import calendar
from typing import TYPE_CHECKING

from earthcommons.catalog.conditions import marks
from earthcommons.catalog.hits import LONG_S
from earthcommons.catalog.text import FAR_S

if TYPE_CHECKING:
    from earthcommons.catalog.conditions import Conditions
    from earthcommons.catalog.queries import ItemQuery
    from earthcommons.catalog.reader import Reader

__all__ = ["at_most", "ending_by", "estimated", "rows_by_year", "years_kept"]

# From fewer matches nothing is estimated.
_LEAST = 10


def years_kept(query: ItemQuery, asked: Conditions) -> tuple[str, tuple[object, ...]]:
    """Return the rows of `tally` that may count matches, as a condition and its values."""
    chosen = f"access IN ({marks(asked.labels)}) AND n > 0"
    values: tuple[object, ...] = (*asked.labels, *query.collections)
    if query.collections:
        chosen += f" AND collection IN ({marks(query.collections)})"
    if query.first is not None:
        chosen += " AND year >= CAST(strftime('%Y', ?, 'unixepoch') AS INTEGER)"
        values = (*values, query.first)
    return chosen, values


def at_most(sql: Reader, query: ItemQuery, asked: Conditions) -> int:
    """Return how many items end in the year the question begins in or later."""
    chosen, values = years_kept(query, asked)
    row = sql.execute(
        f"SELECT coalesce(sum(n), 0) FROM tally WHERE {chosen}", values
    ).fetchone()
    return int(row[0])


def ending_by(sql: Reader, query: ItemQuery, asked: Conditions) -> int:
    """Return how many items end in the years asked for, or up to 31 days after."""
    chosen, values = years_kept(query, asked)
    if query.last is not None:
        chosen += " AND year <= CAST(strftime('%Y', ?, 'unixepoch') AS INTEGER)"
        values = (*values, min(query.last + LONG_S, FAR_S))
    row = sql.execute(
        f"SELECT coalesce(sum(n), 0) FROM tally WHERE {chosen}", values
    ).fetchone()
    return int(row[0])


def rows_by_year(sql: Reader, query: ItemQuery, asked: Conditions) -> dict[int, float]:
    """Return about how many items end in each year within the time asked for.

    Those of a year that lies partly within are taken to be spread evenly over it.
    """
    chosen, values = years_kept(query, asked)
    found: dict[int, float] = {}
    for year, n in sql.execute(
        f"SELECT year, sum(n) FROM tally WHERE {chosen} GROUP BY year", values
    ):
        begin, end = _begins(year), _begins(year + 1)
        first = begin if query.first is None else max(begin, query.first)
        last = end if query.last is None else min(end, query.last)
        found[year] = n * max(last - first, 0) / (end - begin)
    return found


def _begins(year: int) -> int:
    # No calendar has the year after 9999, in which items end that have no end.
    return FAR_S + 1 if year > 9999 else calendar.timegm((year, 1, 1, 0, 0, 0))


def estimated(matches: int, looked: int, rows: float) -> int | None:
    """Return how many of some rows match when `matches` of `looked` do; None for too few."""
    return None if matches < _LEAST else round(matches / looked * rows)
