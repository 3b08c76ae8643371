"""The tests an item must pass to answer a question, as SQL over `item i` with bound values."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from earthcommons.catalog.cql2 import compile_filter
from earthcommons.catalog.text import WORDS_ROW, Terms, terms_of, text_test
from earthcommons.model.geodesy import BBox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from earthcommons.catalog.queries import ItemQuery

__all__ = ["Conditions", "conditions_of", "marks"]

_HOLDS = f"ec_words((SELECT c0 FROM words_content WHERE id = {WORDS_ROW}))"
# The footprint is asked of the body, where it is not the box itself (`item_rows`).
_MEETS = "ec_meets((SELECT b.body FROM record b WHERE b.k = i.k))"
# How many rows that are tested cheaply cost as much as one tested this way.
_FILTER_COST, _BODY_COST = 6, 40


@dataclass(frozen=True, slots=True)
class Conditions:
    """A question, compiled.

    Attributes:
        labels: access labels of what may be seen.
        sql, values: the tests over columns that the indexes in order of time hold.
        more_sql, more_values: tests that need the whole row or the body (`record r`).
        shapes: geometries the tests name by number.
        place_sql, place_values: those of `sql` that ask for the place, empty where none is.
        box: the place asked for, where it narrows anything.
        terms: the words asked for, if any.
        holds: the test of them, of a row of `words`.
        cost: rows tested cheaply that cost as much as one tested this way.
    """

    labels: tuple[str, ...]
    sql: str
    values: tuple[Any, ...]
    more_sql: str = ""
    more_values: tuple[Any, ...] = ()
    shapes: tuple[Any, ...] = ()
    place_sql: str = ""
    place_values: tuple[Any, ...] = ()
    box: BBox | None = None
    terms: Terms = ()
    holds: Callable[[str | None], bool] | None = None
    cost: int = 1

    @property
    def tests(self) -> tuple[str, tuple[Any, ...]]:
        """All tests but those of text, over `item i` and, if there are more, `record r`."""
        return self.sql + self.more_sql, self.values + self.more_values

    @property
    def by_rows(self) -> Conditions:
        """The same question with its words among the tests, last of those that cost little."""
        return replace(self, sql=f"{self.sql} AND {_HOLDS}") if self.terms else self


def conditions_of(
    query: ItemQuery, labels: Iterable[str], *, by_boxes: bool = False
) -> Conditions:
    """Return the tests of a query for somebody who may see records with these labels.

    Args:
        query: what is asked for.
        labels: of what may be seen.
        by_boxes: whether boxes of items are held against its box, not footprints.

    Raises:
        InvalidInputError: the filter or the text cannot be asked.
    """
    labels = tuple(sorted(labels))
    tests: list[str] = []
    bound: list[Any] = []
    place, place_values = "", list[Any]()
    box = query.bbox
    if query.intersects is not None:
        box = BBox(*query.intersects.bounds)
    # In this order they are tested: what is cheap and leaves out most comes first.
    if box is not None:
        # A shape is held against footprints by a test of its own.
        place, place_values = _touches(box, by_boxes=by_boxes or query.intersects is not None)
        tests.append(place)
        bound += place_values
    if query.last is not None:
        tests.append("i.first <= ?")
        bound.append(query.last)
    if query.first is not None:
        tests.append("i.last >= ?")
        bound.append(query.first)
    if query.collections:
        tests.append(f"i.collection IN ({marks(query.collections)})")
        bound += query.collections
    tests.append(f"i.access IN ({marks(labels)})")
    bound += labels
    narrow: list[str] = []
    shapes: list[Any] = []
    more_values: list[Any] = []
    cost = 1
    if query.filter is not None:
        condition = compile_filter(dict(query.filter))
        narrow.append(condition.sql)
        more_values += condition.values
        shapes += condition.shapes
        cost = _BODY_COST if condition.reads_body else _FILTER_COST
    if query.intersects is not None:
        narrow.append(f"ec_spatial(r.body, 'intersects', {len(shapes)})")
        shapes.append(query.intersects)
        cost = _BODY_COST
    terms = terms_of(query.text) if query.text else ()
    return Conditions(
        labels,
        " AND ".join(tests),
        tuple(bound),
        "".join(f" AND {test}" for test in narrow),
        tuple(more_values),
        tuple(shapes),
        place,
        tuple(place_values),
        None if box is None or _is_world(box) else box,
        terms,
        text_test(terms) if terms else None,
        cost,
    )


def marks(values: Sequence[Any]) -> str:
    """Return as many question marks as there are values."""
    return ",".join("?" for _ in values)


def _is_world(box: BBox) -> bool:
    return (box.west, box.south, box.east, box.north) == (-180, -90, 180, 90)


def _touches(box: BBox, *, by_boxes: bool) -> tuple[str, list[Any]]:
    """Return the exact test of a box; an item with west > east runs through 180°.

    A footprint touches each edge of its own box: where one of them lies within the box asked for,
    nothing more need be known. Otherwise the footprint is looked at.
    """
    if _is_world(box):
        return "i.west IS NOT NULL", []
    tests, values = [], list[Any]()
    sure, sure_values = [], list[Any]()
    for west, south, east, north in box.parts():
        tests.append(
            "(i.south <= ? AND i.north >= ? AND CASE WHEN i.west <= i.east"
            " THEN i.west <= ? AND i.east >= ? ELSE i.west <= ? OR i.east >= ? END)"
        )
        values += [north, south, east, west, east, west]
        sure.append(
            "(i.west >= ? AND i.west <= ? OR i.east >= ? AND i.east <= ?)"
            " AND i.south >= ? AND i.north <= ? OR (i.south >= ? AND i.south <= ?"
            " OR i.north >= ? AND i.north <= ?) AND i.west >= ? AND i.east <= ?"
        )
        sure_values += [west, east, west, east, south, north]
        sure_values += [south, north, south, north, west, east]
    touches = f"({' OR '.join(tests)})"
    if by_boxes:
        return touches, values
    within = f"i.boxed OR i.west <= i.east AND ({' OR '.join(sure)})"
    return f"({touches} AND CASE WHEN {within} THEN 1 ELSE {_MEETS} END)", values + sure_values
