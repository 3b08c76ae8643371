"""Ways to the newest items that match, and the choice between them by how much each must look at.

A question with a place can be answered from the R*Tree, which gives all candidates in no order, or
by a walk through the items in order of time, which stops when the page is full. Either alone has
questions for which it is thousands of times the slower. The same holds for rare words, which their
index leads to, and common ones, which are best met on a walk.
So each way is tried up to a bound on the rows it looks at, and the bounds grow in turn: what is
spent is at most a small multiple of what the better way would have cost.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from typing import TYPE_CHECKING, Any

import orjson

from earthcommons.catalog.conditions import marks
from earthcommons.catalog.estimating import at_most
from earthcommons.catalog.hits import LOOKED, Hits
from earthcommons.catalog.item_rows import time_unit
from earthcommons.catalog.queries import ItemQuery
from earthcommons.catalog.text import ROW_MASK, time_bucket
from earthcommons.catalog.walks import Row, Walk, newest_first

if TYPE_CHECKING:
    from earthcommons.catalog.conditions import Conditions
    from earthcommons.catalog.reader import Reader

__all__ = ["TextWalk", "few", "met", "newest"]

# A candidate costs some 5 µs, its row lying anywhere; a row of a walk some 0.3 µs.
RARE, WALKED = 300, 4_000
# A row of a walk costs about this much more when its words are tested.
_TEXT_COST = 2
# A candidate of the tree costs about as much as so many rows of a walk.
_CANDIDATE_ROWS = 10
_RARE_GROWS, _WALK_GROWS = 6, 4
_FAR = 1e9
# From this share of the globe on, a walk fills a page sooner than the tree is asked.
_WIDE = 0.1


def few(
    sql: Reader, query: ItemQuery, asked: Conditions, hits: Hits | None, most: int
) -> tuple[set[int], Conditions] | None:
    """Return the items that ids, words or place lead to when they are fewer than `most`.

    With them come the tests that are left to make.
    """
    if query.ids:
        rows = sql.execute(f"SELECT k FROM item WHERE id IN ({marks(query.ids)})", query.ids)
        return {row[0] for row in rows}, asked.by_rows
    if hits is not None and hits.reach(most):
        return {row & ROW_MASK for row in hits.rows}, asked if hits.whole else asked.by_rows
    if asked.box is not None:
        inner, values = _tree_rows(query, asked)
        rows = sql.execute(f"SELECT r / 2 FROM item_box WHERE {inner} LIMIT ?", (*values, most))
        listed = [row[0] for row in rows]
        if len(listed) < most:
            return set(listed), asked.by_rows
    return None


def met(sql: Reader, asked: Conditions, among: set[int]) -> list[Row]:
    """Return those of a few items that pass all tests, newest first."""
    tests, values = asked.tests
    body = " CROSS JOIN record r ON r.k = i.k" if asked.more_sql else ""
    rows: list[Row] = sql.execute(
        f"SELECT i.k, i.last, i.name FROM json_each(?) j CROSS JOIN item i ON i.k = j.value{body}"
        f" WHERE {tests}",
        (orjson.dumps(sorted(among)).decode(), *values),
    ).fetchall()
    return sorted(rows, key=newest_first)


def _tree_rows(query: ItemQuery, asked: Conditions) -> tuple[str, tuple[Any, ...]]:
    # R*Tree coordinates are 32-bit and rounded outward: `Conditions` tests the box again, exactly.
    assert asked.box is not None  # noqa: S101
    values: list[Any] = []
    for west, south, east, north in asked.box.parts():
        values += [east, west, north, south]
    tree = " OR ".join(["(x0 <= ? AND x1 >= ? AND y0 <= ? AND y1 >= ?)"] * (len(values) // 4))
    values.append(_FAR if query.last is None else time_unit(query.last))
    values.append(-_FAR if query.first is None else time_unit(query.first))
    return f"({tree}) AND t0 <= ? AND t1 >= ?", tuple(values)


def newest(
    sql: Reader,
    query: ItemQuery,
    asked: Conditions,
    hits: Hits | None,
    after: Row | None,
    wanted: int,
) -> tuple[list[Row], list[Row] | None]:
    """Return the first `wanted` matches in order of time, and all if all were met."""
    rare, bound = RARE // asked.cost + 1, WALKED if hits is None else WALKED // _TEXT_COST + 1
    walk: Walk | None = None
    text_walk: TextWalk | None = None
    placed = asked.box is not None and not query.ids and (hits is None or hits.cost > LOOKED)
    share = _share(asked) if placed else 1.0
    wide = placed and share > _WIDE and _holds_many(sql)
    narrow = placed and share * 2 * WALKED < wanted
    # Where more must be expected than the tree is asked for at first, a walk comes first.
    crowded = placed and not narrow and share * at_most(sql, _anything(query), asked) > RARE
    spent = float(LOOKED)
    while True:
        # Words are gathered once the other ways cost as much.
        ready = hits if hits is not None and hits.cost <= spent else None
        if not (wide or crowded) and (found := few(sql, query, asked, ready, rare)) is not None:
            among, tests = found
            rows = met(sql, tests, among)
            start = 0
            if after is not None:
                start = bisect_right(rows, newest_first(after), key=newest_first)
            return rows[start : start + wanted], rows
        crowded = False
        if narrow:
            # So few lie there that a walk would not fill a page soon: the tree again first.
            narrow, rare = False, rare * _RARE_GROWS
            continue
        if ready is not None:
            if text_walk is None:
                rest = ready if after is None else Hits(sql, query, asked, after[1])
                text_walk = TextWalk(asked, rest, after)
            text_walk.advance(sql, rare, wanted)
            if text_walk.done(wanted):
                return text_walk.rows(wanted), None
        if walk is None:
            walk = Walk(sql, query, asked.by_rows, after)
        walk.advance(sql, bound, wanted)
        if walk.done(wanted):
            return walk.rows(wanted), None
        left = walk.left(wanted)
        # A walk to an end of time begins 31 days later, where little is found: that tells nothing.
        spent = max(spent + bound, left if query.last is None or walk.found else 0)
        rare, bound = rare * _RARE_GROWS, bound * _WALK_GROWS
        # Candidates are not listed where less of the walk is left than they would cost.
        wide = placed and left < _CANDIDATE_ROWS * rare


def _anything(query: ItemQuery) -> ItemQuery:
    """Return the question for all that the tree holds of the time asked for."""
    return ItemQuery(first=query.first, last=query.last)


def _share(asked: Conditions) -> float:
    """Return which share of the globe's area the place asked for has."""
    assert asked.box is not None  # noqa: S101
    return sum(
        (east - west) / 720 * (math.sin(math.radians(north)) - math.sin(math.radians(south)))
        for west, south, east, north in asked.box.parts()
    )


def _holds_many(sql: Reader) -> bool:
    row = sql.execute("SELECT coalesce(sum(n), 0) > ? FROM item_count", (RARE,))
    return bool(row.fetchone()[0])


class TextWalk:
    """Items that hold the words, newest first: the rows of `words` are numbered so."""

    def __init__(self, asked: Conditions, hits: Hits, after: Row | None) -> None:
        self._asked = asked if hits.whole else asked.by_rows
        self._hits = hits
        self._after = after
        self._looked = 0
        self._found: list[Row] = []

    def advance(self, sql: Reader, bound: int, wanted: int) -> None:
        """Look at up to `bound` more hits; those of the last unit of time may not be all yet."""
        end, step = self._looked + bound, 2 * wanted
        while self._looked < end:
            self._hits.reach(min(self._looked + step, end))
            ks = {row & ROW_MASK for row in self._hits.rows[self._looked : end]}
            self._looked = min(len(self._hits.rows), end)
            found = met(sql, self._asked, ks)
            if self._after is not None:
                key = newest_first(self._after)
                found = [row for row in found if newest_first(row) > key]
            self._found += found
            if self.done(wanted):
                return
            step *= 2

    def done(self, wanted: int) -> bool:
        """Return whether the first `wanted` matches are known."""
        if self._hits.ended and self._looked >= len(self._hits.rows):
            return True
        bucket = self._hits.rows[self._looked - 1] >> 34
        settled = sum(time_bucket(last) < bucket for _, last, _ in self._found)
        return settled >= wanted

    def rows(self, wanted: int) -> list[Row]:
        """Return the first matches."""
        return sorted(self._found, key=newest_first)[:wanted]
