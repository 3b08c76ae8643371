"""Reads: every statement is parameterised and carries the access labels the policy allows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from earthcommons.catalog.conditions import conditions_of
from earthcommons.catalog.counting import count_items
from earthcommons.catalog.plans import Hits, few, met, newest
from earthcommons.catalog.presenting import present
from earthcommons.catalog.queries import (
    Matched,
    Page,
    check_limit,
    check_name,
    read_token,
    write_token,
)
from earthcommons.catalog.queryables import find_sortable
from earthcommons.catalog.text import ROW_MASK, match_expression
from earthcommons.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from earthcommons.catalog.conditions import Conditions
    from earthcommons.catalog.queries import ItemQuery, ObservationQuery, RecordQuery
    from earthcommons.catalog.reader import Reader

__all__ = ["items", "observations", "records"]

# Up to so many candidates are sorted before another index is asked.
SORTED = 20_000


def items(sql: Reader, query: ItemQuery, labels: Iterable[str]) -> Page:
    """Return a page of items in the query's order, as somebody with these labels sees them."""
    limit = check_limit(query.limit)
    asked = conditions_of(query, labels)
    sql.ask(asked.shapes)
    # A token holds for one question of one view: another party's is refused, not answered.
    question = [*query.question(), list(asked.labels)]
    hits = Hits(sql, query, asked, None) if asked.words else None
    if query.sort:
        rows, keys, total = _sorted(sql, query, asked, hits, question, limit + 1)
    else:
        after = None
        if query.token:
            last, name = read_token(query.token, question, 2)
            _check_key(last, name)
            after = (0, last, name)
        rows, total = newest(sql, query, asked, hits, after, limit + 1)
        keys = [[last, name] for _, last, name in rows]
    if not query.token and len(rows) <= limit:
        bound = Matched.exactly(len(rows))
    elif total is not None:
        bound = Matched.exactly(total)
    else:
        bound = count_items(sql, query, asked, hits)
    token = write_token(keys[limit - 1], question) if len(rows) > limit else ""
    read = _stored(sql, [row[0] for row in rows[:limit]], asked.labels)
    bodies, plain = tuple(body for body, _ in read), tuple(is_plain for _, is_plain in read)
    names = tuple(str(row[-1]) for row in rows[:limit])
    return Page(bodies, token, bound.exact, bound, names, plain)


def _stored(sql: Reader, ks: list[int], labels: tuple[str, ...]) -> list[tuple[bytes, bool]]:
    """Return the body of each item as somebody with these labels sees it, and whether plain."""
    found = sql.execute(
        "SELECT i.k, r.body, i.guarded, i.plain FROM json_each(?) j CROSS JOIN item i"
        " ON i.k = j.value CROSS JOIN record r ON r.k = i.k ORDER BY j.key",
        (orjson.dumps(ks).decode(),),
    ).fetchall()
    return [
        (present(sql, k, body, labels) if guarded else body, bool(plain))
        for k, body, guarded, plain in found
    ]


def _check_key(last: Any, name: Any) -> None:
    if not (isinstance(last, int) and isinstance(name, str)):
        raise InvalidInputError("this page token was not written here", code="bad-token")


def _sorted(
    sql: Reader,
    query: ItemQuery,
    asked: Conditions,
    hits: Hits | None,
    question: list[Any],
    wanted: int,
) -> tuple[list[tuple[Any, ...]], list[list[Any]], int | None]:
    """Return the first rows in an order other than newest first, and the keys of each."""
    order = [find_sortable(key.name) for key in query.order()]
    keys = [
        (found.sql, key.descending, found.always)
        for found, key in zip(order, query.order(), strict=True)
    ]
    keys.append(("i.name", False, True))
    tests, values = asked.tests
    among = few(sql, query, asked, hits, SORTED // asked.cost)
    source = "item i JOIN record r ON r.k = i.k" if asked.more_sql else "item i"
    total = None
    if among is not None:
        rows = met(sql, asked, among)
        total = len(rows)
        source = "json_each(?) j CROSS JOIN item i ON i.k = j.value"
        tests, values = "1", (orjson.dumps(sorted(row[0] for row in rows)).decode(),)
    elif asked.words:
        tests += f" AND i.k IN (SELECT rowid & {ROW_MASK} FROM words WHERE words MATCH ?)"
        values = (*values, asked.words)
    after: list[Any] = []
    if query.token:
        after = read_token(query.token, question, len(keys))
        beyond, more = _beyond(keys, after)
        tests, values = f"{tests} AND {beyond}", (*values, *more)
    columns = ", ".join(expression for expression, _, _ in keys)
    page: list[tuple[Any, ...]] = []
    # What lacks the first key comes last, on its own: so an index may give the order of the rest.
    first, _, always = keys[0]
    for lacking in ("",) if always else (" IS NOT NULL", " IS NULL"):
        part = f" AND {first}{lacking}" if lacking else ""
        ordered = ", ".join(_direction(*key) for key in keys[lacking == " IS NULL" :])
        if lacking == " IS NOT NULL":
            ordered = ", ".join(
                [_direction(first, keys[0][1], True), *(_direction(*key) for key in keys[1:])]
            )
        page += sql.execute(
            f"SELECT i.k, {columns} FROM {source} WHERE {tests}{part} ORDER BY {ordered} LIMIT ?",
            (*values, wanted - len(page)),
        ).fetchall()
        if len(page) >= wanted:
            break
    return page, [list(row[1:]) for row in page], total


def _direction(expression: str, down: bool, always: bool) -> str:
    # Where every item has the key, its index gives the order; a test for NULL would hide it.
    direction = f"{expression} DESC" if down else expression
    return direction if always else f"{expression} IS NULL, {direction}"


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
        # The rows of items lie beyond the mask, those of all other records within.
        where += " AND w.rowid <= ? AND words MATCH ?"
        values += [ROW_MASK, match_expression(query.text)]
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


def _marks(values: Iterable[Any]) -> str:
    return ",".join("?" for _ in values)
