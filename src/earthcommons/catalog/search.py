"""Reads: every statement is parameterised and carries the access labels the policy allows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from earthcommons.catalog.cql2 import compile_filter
from earthcommons.catalog.queries import Page, check_limit, check_name, read_token, write_token
from earthcommons.catalog.queryables import find_sortable
from earthcommons.catalog.text import match_expression
from earthcommons.model.geodesy import BBox

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from earthcommons.catalog.reader import Reader
from earthcommons.catalog.queries import ItemQuery, ObservationQuery, RecordQuery

__all__ = ["items", "observations", "records"]

# R*Tree coordinates are 32-bit and rounded outward: the box is tested again, exactly, on `item`.
_TIME_UNIT_S = 30 * 86_400
_FAR = 1e9


def items(sql: Reader, query: ItemQuery, labels: Iterable[str]) -> Page:
    """Return a page of items in the query's order."""
    limit = check_limit(query.limit)
    labels = sorted(labels)
    order = [find_sortable(key.name) for key in query.order()]
    keys = [
        (found.sql, key.descending, found.promoted)
        for found, key in zip(order, query.order(), strict=True)
    ]
    keys.append(("i.name", False, True))
    where, values = _item_conditions(query, labels)
    # The body is read for the rows of the page alone, unless a condition or the order asks it.
    source = "item i"
    if query.filter is not None or not all(found.promoted for found in order):
        source = "item i JOIN record r ON r.k = i.k"
    if query.filter is not None:
        condition = compile_filter(dict(query.filter))
        where += f" AND {condition.sql}"
        values += condition.values
        sql.shapes = condition.shapes
    # A box is searched through the tree, which gives no order: all matches are met in any case, and
    # the first page counts them on the way.
    at_once = query.bbox is not None and query.intersects is None and not query.token
    matched = None if at_once else _matched(sql, query, labels, source, (where, values))
    if query.token:
        clause, more = _beyond(keys, read_token(query.token, query.question(), len(keys)))
        where += f" AND {clause}"
        values += more
    columns = ", ".join(expression for expression, _, _ in keys)
    ordered = ", ".join(_direction(*key) for key in keys)
    total = "count(*) OVER ()" if at_once else "0"
    statement = f"SELECT i.k, {columns}, {total} FROM {source} WHERE {where} ORDER BY {ordered}"
    if query.intersects is None:
        statement += " LIMIT ?"
        values.append(limit + 1)
    found = sql.execute(statement, values)
    rows = [(row, _body(sql, row[0])) for row in _take(_touching(sql, found, query), limit + 1)]
    if at_once:
        matched = rows[0][0][-1] if rows else 0
    token = ""
    if len(rows) > limit:
        rows = rows[:limit]
        token = write_token(list(rows[-1][0][1:-1]), query.question())
    return Page(tuple(body for _, body in rows), token, matched)


def _direction(expression: str, down: bool, promoted: bool) -> str:
    # Where every item has the key, its index gives the order; a test for NULL would hide it.
    direction = f"{expression} DESC" if down else expression
    return direction if promoted else f"{expression} IS NULL, {direction}"


def _body(sql: Reader, k: int) -> bytes:
    return bytes(sql.execute("SELECT body FROM record WHERE k = ?", (k,)).fetchone()[0])


def _matched(
    sql: Reader,
    query: ItemQuery,
    labels: list[str],
    source: str,
    condition: tuple[str, list[Any]],
) -> int | None:
    """Return how many items match, exactly; None with a geometry, which is tested item by item."""
    if query.intersects is not None:
        return None
    if query.is_bare():
        marks = f"access IN ({_marks(labels)})"
        if query.collections:
            marks += f" AND collection IN ({_marks(query.collections)})"
        total = sql.execute(
            f"SELECT sum(n) FROM item_count WHERE {marks}", [*labels, *query.collections]
        )
        return int(total.fetchone()[0] or 0)
    where, values = condition
    return int(
        sql.execute(f"SELECT count(*) FROM {source} WHERE {where}", values).fetchone()[0]
    )


def _beyond(keys: list[tuple[str, bool, bool]], after: list[Any]) -> tuple[str, list[Any]]:
    """Return the condition of rows that come after a row, with its values.

    Row by row: after it in the first key, or equal in the first and after it in the second, and so
    on. What lacks a key comes last.
    """
    clauses: list[str] = []
    values: list[Any] = []
    equal = "1"
    equal_values: list[Any] = []
    for (expression, down, promoted), value in zip(keys, after, strict=True):
        if value is not None:
            sign = "<" if down else ">"
            lacking = "" if promoted else f" OR {expression} IS NULL"
            clauses.append(f"({equal} AND ({expression} {sign} ?{lacking}))")
            values += [*equal_values, value]
            equal += f" AND {expression} = ?"
            equal_values.append(value)
        else:
            equal += f" AND {expression} IS NULL"
    beyond = f"({' OR '.join(clauses) or '0'})"
    first, down, promoted = keys[0]
    if promoted:
        # The same again as a range, so that the index starts where the last page ended.
        beyond += f" AND {first} {'<=' if down else '>='} ?"
        values.append(after[0])
    return beyond, values


def records(sql: Reader, query: RecordQuery, labels: Iterable[str]) -> Page:
    """Return a page of records of one kind: by id, or best match first when there is text."""
    limit = check_limit(query.limit)
    labels = sorted(labels)
    where = f"r.kind = ? AND r.current AND r.access IN ({_marks(labels)})"
    values: list[Any] = [query.kind, *labels]
    for name, value in query.where.items():
        where += " AND EXISTS (SELECT 1 FROM json_each(r.body, ?) WHERE value = ?)"
        values += [f"$.{name}", value]
    source, order = "record r", "r.id"
    if query.text:
        source = "words w JOIN record r ON r.k = w.rowid"
        where += " AND words MATCH ?"
        values.append(match_expression(query.text))
        order = "bm25(words), r.id"
    matched = int(
        sql.execute(f"SELECT count(*) FROM {source} WHERE {where}", values).fetchone()[0]
    )
    skip = 0
    if query.token:
        (key,) = read_token(query.token, query.question(), 1)
        if query.text:
            skip = int(key)
        else:
            where += " AND r.id > ?"
            values.append(key)
    statement = (
        f"SELECT r.id, r.body FROM {source} WHERE {where} ORDER BY {order} LIMIT ? OFFSET ?"
    )
    rows = sql.execute(statement, [*values, limit + 1, skip]).fetchall()
    token = ""
    if len(rows) > limit:
        rows = rows[:limit]
        token = write_token([skip + limit if query.text else rows[-1][0]], query.question())
    return Page(tuple(bytes(row[1]) for row in rows), token, matched)


def observations(sql: Reader, query: ObservationQuery, labels: Iterable[str]) -> Page:
    """Return a page of observations in order of region, period, dimensions."""
    limit = check_limit(query.limit)
    labels = sorted(labels)
    if query.run:
        where, values = "o.run = ?", [query.run]
    else:
        where = (
            "o.run IN (SELECT json_extract(body, '$.run') FROM record"
            " WHERE kind = 'series' AND current)"
        )
        values = []
    where += (
        " AND EXISTS (SELECT 1 FROM record r WHERE r.kind = 'run' AND r.id = o.run AND r.current"
        f" AND r.access IN ({_marks(labels)}))"
    )
    values += labels
    for column in ("indicator", "region", "period"):
        if wanted := getattr(query, column):
            where += f" AND o.{column} = ?"
            values.append(wanted)
    for name, value in sorted(query.dimensions.items()):
        where += " AND json_extract(o.dimensions, ?) = ?"
        values += [f"$.{check_name(name)}", value]
    matched = int(
        sql.execute(f"SELECT count(*) FROM observation o WHERE {where}", values).fetchone()[0]
    )
    key = "o.region, o.first, o.period, o.dimensions, o.indicator, o.id"
    if query.token:
        after = read_token(query.token, query.question(), 6)
        where += f" AND ({key}) > (?,?,?,?,?,?)"
        values += after
    rows = sql.execute(
        f"SELECT {key}, o.body FROM observation o WHERE {where} ORDER BY {key} LIMIT ?",
        [*values, limit + 1],
    ).fetchall()
    token = ""
    if len(rows) > limit:
        rows = rows[:limit]
        token = write_token(list(rows[-1][:6]), query.question())
    return Page(tuple(bytes(row[6]) for row in rows), token, matched)


def _item_conditions(query: ItemQuery, labels: Iterable[str]) -> tuple[str, list[Any]]:
    labels = sorted(labels)
    where = f"i.access IN ({_marks(labels)})"
    values: list[Any] = [*labels]
    for column, wanted in (("collection", query.collections), ("id", query.ids)):
        if wanted:
            where += f" AND i.{column} IN ({_marks(wanted)})"
            values += wanted
    if query.first is not None:
        where += " AND i.last >= ?"
        values.append(query.first)
    if query.last is not None:
        where += " AND i.first <= ?"
        values.append(query.last)
    boxes = [] if query.bbox is None else [query.bbox]
    if query.intersects is not None:
        boxes.append(BBox(*query.intersects.bounds))
    for box in boxes:
        clause, more = _box_clause(box, query)
        where += clause
        values += more
    if query.text:
        where += " AND i.k IN (SELECT rowid FROM words WHERE words MATCH ?)"
        values.append(match_expression(query.text))
    return where, values


def _box_clause(box: BBox, query: ItemQuery) -> tuple[str, list[Any]]:
    parts = box.parts()
    time = [
        _FAR if query.last is None else query.last / _TIME_UNIT_S,
        -_FAR if query.first is None else query.first / _TIME_UNIT_S,
    ]
    tree = " OR ".join(["(x0 <= ? AND x1 >= ? AND y0 <= ? AND y1 >= ?)"] * len(parts))
    values: list[Any] = []
    for west, south, east, north in parts:
        values += [east, west, north, south]
    clause = f" AND i.k IN (SELECT r / 2 FROM item_box WHERE ({tree}) AND t0 <= ? AND t1 >= ?)"
    values += time
    # Exact: an item that crosses the antimeridian has west > east and is tested as two boxes.
    exact = " OR ".join(
        [
            (
                "(i.south <= ? AND i.north >= ? AND CASE WHEN i.west <= i.east"
                " THEN i.west <= ? AND i.east >= ? ELSE i.west <= ? OR i.east >= ? END)"
            )
        ]
        * len(parts)
    )
    for west, south, east, north in parts:
        values += [north, south, east, west, east, west]
    return f"{clause} AND ({exact})", values


def _touching(
    sql: Reader, rows: Iterable[tuple[Any, ...]], query: ItemQuery
) -> Iterator[tuple[Any, ...]]:
    if query.intersects is None:
        yield from rows
        return
    import shapely

    shapely.prepare(query.intersects)
    for row in rows:
        footprint = orjson.loads(_body(sql, row[0]))["geometry"]
        geometry = shapely.from_geojson(orjson.dumps(footprint))
        if shapely.intersects(query.intersects, geometry):
            yield row


def _take(rows: Iterator[tuple[Any, ...]], count: int) -> Iterator[tuple[Any, ...]]:
    for _, row in zip(range(count), rows, strict=False):
        yield row


def _marks(values: Iterable[Any]) -> str:
    return ",".join("?" for _ in values)
