"""How many items match: exactly where that costs little, else between two bounds that hold."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from earthcommons.catalog.conditions import marks
from earthcommons.catalog.hits import LOOKED, Hits
from earthcommons.catalog.plans import met, tested, walks
from earthcommons.catalog.queries import Matched
from earthcommons.catalog.text import ROW_MASK

if TYPE_CHECKING:
    from earthcommons.catalog.conditions import Conditions
    from earthcommons.catalog.queries import ItemQuery
    from earthcommons.catalog.reader import Reader

__all__ = ["count_items"]

COUNTED, LEAST = 8_000, 200
# As long as so many other rows takes a row of a walk whose words are tested, a hit that holds all
# words, a hit whose words are tested.
_TEXT_COST, _HIT_COST, _TESTED_COST = 4, 4, 16


def count_items(
    sql: Reader, query: ItemQuery, asked: Conditions, hits: Hits | None = None
) -> Matched:
    """Return how many items match, after looking at no more than 8,000 rows or their like."""
    if query.is_bare(but_world=True):
        return Matched.exactly(_stored(sql, query, asked, placed=query.bbox is not None))
    if asked.terms and hits is None:
        hits = Hits(sql, query, asked)
    if hits is not None and hits.cost <= LOOKED:
        low, high = _gathered(sql, query, asked, hits)
    else:
        least = _TEXT_COST if asked.terms else 1
        most = max(COUNTED // max(asked.cost, least), LEAST)
        low, high = _walked(sql, query, asked.by_rows, most)
    if high is None:
        return Matched(low, max(low, _at_most(sql, query, asked)))
    return Matched(low, high)


def _gathered(
    sql: Reader, query: ItemQuery, asked: Conditions, hits: Hits
) -> tuple[int, int | None]:
    """Return the matches among the newest hits, and how many there are at most, if known."""
    high = None
    # How many hits there are is told to nobody who may not see them all.
    if _sees_all(sql, asked):
        hits.reach(COUNTED + 1)
        high = len(hits.rows) if hits.ended else None
        if hits.whole and not query.collections and replace(query, text="").is_bare():
            return len(hits.rows), high
    most = max(COUNTED // asked.cost, LEAST) // (_HIT_COST if hits.whole else _TESTED_COST) + 1
    ended = hits.reach(most)
    tests = asked if hits.whole else asked.by_rows
    low = len(met(sql, tests, {row & ROW_MASK for row in hits.rows[:most]}))
    return low, low if ended else high


def _sees_all(sql: Reader, asked: Conditions) -> bool:
    """Return whether every item there is may be seen."""
    row = sql.execute(
        f"SELECT 1 FROM item_count WHERE n AND access NOT IN ({marks(asked.labels)}) LIMIT 1",
        asked.labels,
    )
    return row.fetchone() is None


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
    sql: Reader, query: ItemQuery, asked: Conditions, most: int
) -> tuple[int, int | None]:
    """Return the matches among the newest `most` rows, and how many in all where that is all."""
    matches = 0
    for stage in walks(sql, query, asked):
        for arm in stage:
            inner, values = arm.inner(None)
            source, more = tested(f"{inner} LIMIT ?", asked)
            row = sql.execute(f"SELECT count(*) FROM {source}", (*values, most, *more))
            matches += int(row.fetchone()[0])
            end = sql.execute(f"{inner} LIMIT 1 OFFSET ?", (*values, most)).fetchone()
            if end is not None:
                return matches, None
    return matches, matches


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
