"""How many items match: exactly where that costs little, else between two bounds that hold.

Whether a count is exact, and its bounds, follow from the items that may be seen and from nothing
else: items that are hidden may lead to other ways through the index, never to another answer.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from earthcommons.catalog.conditions import conditions_of, marks
from earthcommons.catalog.estimating import at_most, ending_by, estimated, rows_by_year
from earthcommons.catalog.hits import LOOKED
from earthcommons.catalog.plans import few, met, newest
from earthcommons.catalog.queries import ItemQuery, Matched
from earthcommons.catalog.text import ROW_MASK
from earthcommons.catalog.walks import longer, newest_first, seen, tested, unordered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from earthcommons.catalog.conditions import Conditions
    from earthcommons.catalog.hits import Hits
    from earthcommons.catalog.reader import Reader
    from earthcommons.catalog.walks import Row

__all__ = ["TEXT_COST", "by_ids", "count_items", "listed"]

COUNTED, LEAST = 8_000, 200
# So few items that words or a place lead to are listed and counted.
LISTED = 2_000
# What is left to test where only place and time are asked for.
_EDGES = "k, west, south, east, north, boxed"
# As long as so many other rows takes a row whose words are tested.
TEXT_COST = 4


def count_items(
    sql: Reader,
    query: ItemQuery,
    asked: Conditions,
    hits: Hits | None = None,
    known: list[Row] | None = None,
) -> Matched:
    """Return how many items match; `known` are all of them where they were met already.

    Exact where no more than 8,000 rows or their like lie in the time and collections asked for,
    or where words or a place lead to so few items that all are listed.
    """
    if query.is_bare(but_world=True):
        return Matched.exactly(_stored(sql, query, asked, placed=query.bbox is not None))
    if query.ids:
        return Matched.exactly(len(by_ids(sql, query, asked)))
    # What words lead to may be listed sooner than the words of a sample are tested, and what a
    # place leads to is known by now.
    listed_first = asked.terms or (known is not None and not query.collections)
    walked = None if listed_first else _walked(sql, query, asked)
    if walked is None or not walked[1]:
        few_items = listed(sql, query, asked, hits, LISTED, known)
        if few_items is not None:
            return Matched.exactly(len(few_items))
    low, ended = walked or _walked(sql, query, asked)
    if ended:
        return Matched.exactly(low)
    rows = sum(rows_by_year(sql, query, asked).values())
    high = max(low, at_most(sql, query, asked))
    return Matched(low, high, estimated(low, _sample(asked), rows))


def by_ids(sql: Reader, query: ItemQuery, asked: Conditions) -> list[int]:
    """Return the matches (`item.k`) among the items with the ids asked for."""
    found = few(sql, query, asked, None, 0)
    assert found is not None  # noqa: S101
    return [row[0] for row in met(sql, found[1], found[0])]


def listed(
    sql: Reader,
    query: ItemQuery,
    asked: Conditions,
    hits: Hits | None,
    most: int,
    known: list[Row] | None = None,
) -> list[int] | None:
    """Return all matches (`item.k`) where words or place lead to no more than `most` items.

    None where each leads, within the time asked for, to more items that may be seen, or where so
    many of the newest pass that more must be expected.
    """
    for lead in _leads(query, asked):
        test = conditions_of(lead, asked.labels, by_boxes=query.intersects is not None)
        alone = (test.sql, test.more_sql, test.terms) == (
            asked.sql,
            asked.more_sql,
            asked.terms,
        )
        ks = _led(sql, lead, test, hits, most, known if alone else None)
        if ks is None:
            continue
        if known is None:
            known = met(sql, asked if test.terms else asked.by_rows, ks)
        return [row[0] for row in known]
    return None


def _leads(query: ItemQuery, asked: Conditions) -> Iterator[ItemQuery]:
    """Yield the words alone and the place alone, each within the time asked for."""
    bare = ItemQuery(first=query.first, last=query.last)
    if asked.terms:
        yield replace(bare, text=query.text)
    if asked.box is not None:
        yield replace(bare, bbox=asked.box)


def _led(
    sql: Reader,
    lead: ItemQuery,
    test: Conditions,
    hits: Hits | None,
    most: int,
    known: list[Row] | None,
) -> set[int] | None:
    """Return what one lead leads to where it is little, both as expected and in truth.

    With it may come what may not be seen.
    """
    limit = most * _sample(test) // max(at_most(sql, lead, test), 1)
    if not test.terms:
        hits = None
    if known is None and hits is not None and hits.cost <= LOOKED and hits.reach(most + 1):
        ks = {row & ROW_MASK for row in hits.rows}
        known = met(sql, test if hits.whole else test.by_rows, ks)
    if known is not None:
        if len(known) > most:
            return None
        edge = _edge(sql, lead, test) if len(known) > limit else None
        newer = known if edge is None else [r for r in known if newest_first(r) <= edge]
        return {row[0] for row in known} if len(newer) <= limit else None
    if _walked(sql, lead, test, limit + 1)[0] > limit:
        return None
    if not test.terms and (place := few(sql, lead, test, None, most + 1)) is not None:
        return place[0]
    found, _ = newest(sql, lead, test, hits, None, most + 1)
    return {row[0] for row in found} if len(found) <= most else None


def _sample(asked: Conditions) -> int:
    """Return how many of the newest rows are looked at."""
    return max(COUNTED // max(asked.cost, TEXT_COST if asked.terms else 1), LEAST)


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
    sql: Reader, query: ItemQuery, asked: Conditions, enough: int = -1
) -> tuple[int, bool]:
    """Return how many of the newest rows match, `enough` at most, and whether those were all."""
    bare = not asked.more_sql and not asked.terms
    if bare and enough < 0:
        return _counted(sql, query, asked)
    matches, size = 0, _sample(asked)
    for rows, values in seen(sql, query, asked, _EDGES if bare else None):
        if bare:
            source, more = f"({rows} LIMIT ?) i WHERE {_place(asked)}", asked.place_values
        else:
            source, more = tested(f"{rows} LIMIT ?", asked.by_rows)
        (met_here,) = sql.execute(
            f"SELECT count(*) FROM (SELECT 1 FROM {source} LIMIT ?)",
            (*values, size, *more, enough),
        ).fetchone()
        matches += met_here
        further = f"{rows} LIMIT 1 OFFSET ?"
        if matches == enough or sql.execute(further, (*values, size)).fetchone():
            return matches, False
    return matches, True


def _counted(sql: Reader, query: ItemQuery, asked: Conditions) -> tuple[int, bool]:
    """Return the same where place and time alone are asked for: in one pass, and one row more.

    Where there are no more rows than are looked at, they are asked in no order.
    """
    matches, size = 0, _sample(asked)
    if ending_by(sql, query, asked) + longer(sql, query, size + 1) <= size:
        for source, values in unordered(sql, query, asked):
            (met_here,) = sql.execute(
                f"SELECT count(*) FROM {source} AND {_place(asked)}",
                (*values, *asked.place_values),
            ).fetchone()
            matches += met_here
        return matches, True
    for rows, values in seen(sql, query, asked, _EDGES):
        looked, met_here = sql.execute(
            f"SELECT count(*), count(CASE WHEN {_place(asked)} THEN 1 END)"
            f" FROM ({rows} LIMIT ?) i",
            (*asked.place_values, *values, size + 1),
        ).fetchone()
        matches += met_here
        if looked > size:
            return matches, False
    return matches, True


def _place(asked: Conditions) -> str:
    return asked.place_sql or "1"


def _edge(sql: Reader, query: ItemQuery, asked: Conditions) -> tuple[int, str] | None:
    """Return where in the order of time the sample ends; None where it holds all there is."""
    size = _sample(asked)
    for rows, values in seen(sql, query, asked):
        ends = sql.execute(f"{rows} LIMIT 2 OFFSET ?", (*values, size - 1)).fetchall()
        if len(ends) == 2:
            return newest_first(ends[0])
    return None
