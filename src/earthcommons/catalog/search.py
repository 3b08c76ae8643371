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
    where, values = _item_conditions(query, labels)
    if query.filter is not None:
        condition = compile_filter(dict(query.filter))
        where += f" AND {condition.sql}"
        values += condition.values
        sql.shapes = condition.shapes
    matched = None
    if query.intersects is None:
        count = f"SELECT count(*) FROM item i JOIN record r ON r.k = i.k WHERE {where}"
        matched = int(sql.execute(count, values).fetchone()[0])
    keys = [(find_sortable(key.name).sql, key.descending) for key in query.order()]
    if query.token:
        clause, more = _beyond(keys, read_token(query.token, query.question(), len(keys)))
        where += f" AND {clause}"
        values += more
    columns = ", ".join(expression for expression, _ in keys)
    order = ", ".join(
        f"{expression} IS NULL, {expression}{' DESC' if down else ''}"
        for expression, down in keys
    )
    statement = (
        f"SELECT r.body, {columns} FROM item i JOIN record r ON r.k = i.k"
        f" WHERE {where} ORDER BY {order}"
    )
    rows = list(_take(_touching(sql.execute(statement, values), query), limit + 1))
    token = ""
    if len(rows) > limit:
        rows = rows[:limit]
        token = write_token(list(rows[-1][1:]), query.question())
    return Page(tuple(bytes(row[0]) for row in rows), token, matched)


def _beyond(keys: list[tuple[str, bool]], after: list[Any]) -> tuple[str, list[Any]]:
    """Return the condition of rows that come after a row, with its values.

    Row by row: after it in the first key, or equal in the first and after it in the second, and so
    on. What lacks a key comes last.
    """
    clauses: list[str] = []
    values: list[Any] = []
    equal = "1"
    equal_values: list[Any] = []
    for (expression, down), value in zip(keys, after, strict=True):
        if value is not None:
            sign = "<" if down else ">"
            clauses.append(f"({equal} AND ({expression} {sign} ? OR {expression} IS NULL))")
            values += [*equal_values, value]
            equal += f" AND {expression} = ?"
            equal_values.append(value)
        else:
            equal += f" AND {expression} IS NULL"
    return f"({' OR '.join(clauses) or '0'})", values


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
    where = f"r.current AND r.access IN ({_marks(labels)})"
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


def _touching(rows: Iterable[tuple[Any, ...]], query: ItemQuery) -> Iterator[tuple[Any, ...]]:
    if query.intersects is None:
        yield from rows
        return
    import shapely

    shapely.prepare(query.intersects)
    for row in rows:
        geometry = shapely.from_geojson(orjson.dumps(orjson.loads(row[0])["geometry"]))
        if shapely.intersects(query.intersects, geometry):
            yield row


def _take(rows: Iterator[tuple[Any, ...]], count: int) -> Iterator[tuple[Any, ...]]:
    for _, row in zip(range(count), rows, strict=False):
        yield row


def _marks(values: Iterable[Any]) -> str:
    return ",".join("?" for _ in values)
