"""Items in order of time, by one index or by several stretches of another side by side."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from earthcommons.catalog.conditions import marks
from earthcommons.catalog.hits import LONG_S

if TYPE_CHECKING:
    from earthcommons.catalog.conditions import Conditions
    from earthcommons.catalog.queries import ItemQuery
    from earthcommons.catalog.reader import Reader

__all__ = ["Row", "Walk", "longer", "newest_first", "seen", "tested", "unordered"]

_MOST_ARMS = 64
_COLUMNS = "k, last, name, access, first, collection, west, south, east, north, tags, boxed"
_ORDER = "ORDER BY last DESC, name"

Row = tuple[int, int, str]


def newest_first(row: Row) -> tuple[int, str]:
    """Return the key of the order of time."""
    return -row[1], row[2]


def _beyond(after: Row | None) -> tuple[str, tuple[Any, ...]]:
    if after is None:
        return "", ()
    _, last, name = after
    return " AND last <= ? AND (last < ? OR name > ?)", (last, last, name)


@dataclass(slots=True)
class _Arm:
    """A stretch of one index in order of time, and how far it has been walked."""

    index: str
    where: str
    values: tuple[Any, ...]
    at: Row | None = None
    found: list[Row] = field(default_factory=list)
    ended: bool = False

    def inner(self, at: Row | None) -> tuple[str, tuple[Any, ...]]:
        beyond, more = _beyond(at)
        return f"{self.rows(beyond)} {_ORDER}", (*self.values, *more)

    def rows(self, more: str, columns: str = _COLUMNS) -> str:
        return f"SELECT {columns} FROM item INDEXED BY {self.index} WHERE {self.where}{more}"

    def advance(self, sql: Reader, asked: Conditions, bound: int, wanted: int) -> None:
        inner, values = self.inner(self.at)
        source, more = tested(f"{inner} LIMIT ?", asked)
        rows = sql.execute(
            f"SELECT i.k, i.last, i.name FROM {source} LIMIT ?",
            (*values, bound, *more, wanted - len(self.found)),
        ).fetchall()
        self.found += rows
        if len(self.found) >= wanted:
            return
        end = sql.execute(f"{inner} LIMIT 1 OFFSET ?", (*values, bound - 1)).fetchone()
        self.at, self.ended = end[:3] if end else None, end is None


def tested(inner: str, asked: Conditions) -> tuple[str, tuple[Any, ...]]:
    """Return source and tests over rows of an index, and the values of the tests.

    What the index itself can test is tested before the body is read.
    """
    if not asked.more_sql:
        return f"({inner}) i WHERE {asked.sql}", asked.values
    first = asked.sql.replace("i.", "w.")
    source = f"({inner}) w CROSS JOIN item i ON i.k = w.k CROSS JOIN record r ON r.k = w.k"
    return f"{source} WHERE {first}{asked.more_sql}", asked.values + asked.more_values


class Walk:
    """Items in order of time, by one index or by several collections side by side."""

    def __init__(
        self, sql: Reader, query: ItemQuery, asked: Conditions, after: Row | None
    ) -> None:
        self._asked = asked
        self._stages = _walks(sql, query, asked)
        self._looked = 0
        for arm in (arm for stage in self._stages for arm in stage):
            arm.at = after

    def advance(self, sql: Reader, bound: int, wanted: int) -> None:
        """Look at about `bound` more rows, fewer when enough match."""
        have = 0
        self._looked += bound
        for stage in self._stages:
            waiting = [a for a in stage if not a.ended and len(a.found) < wanted - have]
            for arm in waiting:
                arm.advance(sql, self._asked, max(bound // len(waiting), 1), wanted - have)
            if any(not a.ended and len(a.found) < wanted - have for a in stage):
                return
            have += sum(len(a.found) for a in stage)
            if have >= wanted:
                return

    def done(self, wanted: int) -> bool:
        """Return whether the first `wanted` matches are known."""
        have = 0
        for stage in self._stages:
            if any(not a.ended and len(a.found) < wanted - have for a in stage):
                return False
            have += sum(len(a.found) for a in stage)
            if have >= wanted:
                return True
        return True

    @property
    def found(self) -> int:
        """How many matches were met so far."""
        return sum(len(arm.found) for stage in self._stages for arm in stage)

    def left(self, wanted: int) -> float:
        """Return about how many more rows must be looked at until the page is full."""
        return self._looked * (wanted / (self.found + 0.5) - 1)

    def rows(self, wanted: int) -> list[Row]:
        """Return the first matches."""
        found: list[Row] = []
        for stage in self._stages:
            rows = [row for arm in stage for row in arm.found]
            found += sorted(rows, key=newest_first)
            if len(found) >= wanted:
                break
        return found[:wanted]


def _walks(sql: Reader, query: ItemQuery, asked: Conditions) -> list[list[_Arm]]:
    """Return the stretches to walk, in stages: all of a stage comes before all of the next.

    With an end of time asked for, what ends over 31 days later must be long itself: those are
    walked first, by an index of their own, and the others from 31 days later on.
    """
    where = "1"
    values: tuple[Any, ...] = ()
    if query.first is not None:
        where, values = "last >= ?", (query.first,)
    if query.last is None:
        return [_arms(sql, query, asked, where, values)]
    edge = query.last + LONG_S
    beyond = _long(edge, where, values)
    return [[beyond], _arms(sql, query, asked, f"{where} AND last <= ?", (*values, edge))]


def _long(edge: int, where: str, values: tuple[Any, ...]) -> _Arm:
    lasting = f"{where} AND last - first > {LONG_S} AND last > ?"
    return _Arm("item_long", lasting, (*values, edge))


def longer(sql: Reader, query: ItemQuery, most: int) -> int:
    """Return how many items end over 31 days after the time asked for, `most` at most.

    Whoever may see them, and whenever they begin.
    """
    if query.last is None:
        return 0
    arm = _long(query.last + LONG_S, "1", ())
    rows = f"{arm.rows('', '1')} LIMIT ?"
    found = sql.execute(f"SELECT count(*) FROM ({rows})", (*arm.values, most)).fetchone()
    return int(found[0])


def seen(
    sql: Reader, query: ItemQuery, asked: Conditions, columns: str | None = None
) -> list[tuple[str, tuple[Any, ...]]]:
    """Return for each stage of a walk what lists its items of the time asked for, in order.

    Those that may not be seen are left out, and those of other collections: whatever else the
    catalogue holds, the first so many rows of such a list are the same.

    Args:
        sql: a connection.
        query: what is asked for.
        asked: the same, compiled.
        columns: what is listed of each, all when not told; the fewer, the sooner.
    """
    more, bound = _visible(query, asked)
    listed = []
    for stage in filter(None, _walks(sql, query, asked)):
        values = [value for arm in stage for value in (*arm.values, *bound)]
        # Several stretches are put in order by columns that they list.
        some = columns if columns and len(stage) == 1 else _COLUMNS
        parts = " UNION ALL ".join(arm.rows(more, some) for arm in stage)
        listed.append((f"{parts} {_ORDER}", tuple(values)))
    return listed


def unordered(
    sql: Reader, query: ItemQuery, asked: Conditions
) -> list[tuple[str, tuple[Any, ...]]]:
    """Return the same in no order, as sources of a statement over `item i` to be added to.

    Rows that need no order are tested where they lie, which takes half the time.
    """
    more, bound = _visible(query, asked)
    return [
        (f"item i INDEXED BY {arm.index} WHERE {arm.where}{more}", (*arm.values, *bound))
        for stage in _walks(sql, query, asked)
        for arm in stage
    ]


def _visible(query: ItemQuery, asked: Conditions) -> tuple[str, tuple[Any, ...]]:
    """Return the tests of access, begin and collection, each with AND before it."""
    more, bound = f" AND access IN ({marks(asked.labels)})", tuple[Any, ...](asked.labels)
    if query.last is not None:
        more, bound = f"{more} AND first <= ?", (*bound, query.last)
    if query.collections:
        # Which index is walked follows from all there is, and the list must not follow from that.
        # With a sign before it no index is looked up by it: the one walked gives the order.
        chosen = f"+collection IN ({marks(query.collections)})"
        more, bound = f"{more} AND {chosen}", (*bound, *query.collections)
    return more, bound


def _arms(
    sql: Reader, query: ItemQuery, asked: Conditions, where: str, values: tuple[Any, ...]
) -> list[_Arm]:
    """Return one stretch of everything, or one of each collection when that skips enough."""
    labels = marks(asked.labels)
    chosen = "1" if not query.collections else f"collection IN ({marks(query.collections)})"
    seen = sql.execute(
        f"SELECT DISTINCT collection FROM item_count WHERE n AND access IN ({labels})"
        f" AND {chosen} LIMIT {_MOST_ARMS + 1}",
        (*asked.labels, *query.collections),
    ).fetchall()
    if len(seen) <= _MOST_ARMS:
        part, total = sql.execute(
            "SELECT coalesce(sum(CASE WHEN collection IN"
            f" ({marks(seen)}) THEN n END), 0), coalesce(sum(n), 0) FROM item_count",
            [row[0] for row in seen],
        ).fetchone()
        if len(seen) == 1 or part * len(seen) < total:
            clause = f"collection = ? AND {where}"
            return [_Arm("item_collection", clause, (row[0], *values)) for row in seen]
    return [_Arm("item_newest", where, values)]
