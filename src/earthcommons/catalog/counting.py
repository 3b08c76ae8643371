"""How many items match: exactly where that costs little, else between two bounds that hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from earthcommons.catalog.conditions import marks
from earthcommons.catalog.plans import Hits, met, tested, walks
from earthcommons.catalog.queries import Matched
from earthcommons.catalog.text import ROW_MASK

if TYPE_CHECKING:
    from earthcommons.catalog.conditions import Conditions
    from earthcommons.catalog.queries import ItemQuery
    from earthcommons.catalog.reader import Reader

__all__ = ["count_items"]

COUNTED, LEAST = 8_000, 200


def count_items(
    sql: Reader, query: ItemQuery, asked: Conditions, hits: Hits | None = None
) -> Matched:
    """Return how many items match, after looking at no more than 8,000 rows or their like."""
    if query.is_bare(but_world=True):
        return Matched.exactly(_stored(sql, query, asked, placed=query.bbox is not None))
    low, ended = _walked(sql, query, asked, hits, max(COUNTED // asked.cost, LEAST))
    if ended:
        return Matched.exactly(low)
    return Matched(low, max(low, _at_most(sql, query, asked)))


def _stored(sql: Reader, query: ItemQuery, asked: Conditions, *, placed: bool) -> int:
    """Return the count that is kept for each collection and label."""
    chosen = f"access IN ({marks(asked.labels)})"
    values = (*asked.labels, *query.collections)
    if query.collections:
        chosen += f" AND collection IN ({marks(query.collections)})"
    total = sql.execute(f"SELECT coalesce(sum(n), 0) FROM item_count WHERE {chosen}", values)
    count = int(total.fetchone()[0])
    if placed:
        unplaced = sql.execute(
            f"SELECT count(*) FROM item WHERE west IS NULL AND {chosen}", values
        )
        count -= int(unplaced.fetchone()[0])
    return count


def _walked(
    sql: Reader, query: ItemQuery, asked: Conditions, hits: Hits | None, most: int
) -> tuple[int, bool]:
    """Return the matches among the newest `most` rows, and whether those were all."""
    if asked.words:
        hits = hits or Hits(sql, query, asked, None)
        some = most // 4 + 1
        ended = hits.reach(some)
        return len(met(sql, asked, {row & ROW_MASK for row in hits.rows[:some]})), ended
    matches = 0
    for stage in walks(sql, query, asked):
        for arm in stage:
            inner, values = arm.inner(None)
            source, more = tested(f"{inner} LIMIT ?", asked)
            row = sql.execute(f"SELECT count(*) FROM {source}", (*values, most, *more))
            matches += int(row.fetchone()[0])
            end = sql.execute(f"{inner} LIMIT 1 OFFSET ?", (*values, most)).fetchone()
            if end is not None:
                return matches, False
    return matches, True


def _at_most(sql: Reader, query: ItemQuery, asked: Conditions) -> int:
    """Return how many items end in the year the question begins in or later."""
    chosen = f"access IN ({marks(asked.labels)})"
    values: tuple[object, ...] = (*asked.labels, *query.collections)
    if query.collections:
        chosen += f" AND collection IN ({marks(query.collections)})"
    if query.first is not None:
        chosen += " AND year >= CAST(strftime('%Y', ?, 'unixepoch') AS INTEGER)"
        values = (*values, query.first)
    row = sql.execute(
        f"SELECT coalesce(sum(n), 0) FROM tally WHERE {chosen}", values
    ).fetchone()
    return int(row[0])
