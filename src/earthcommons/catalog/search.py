"""Reads: every statement is parameterised and carries the access labels the policy allows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from earthcommons.catalog.conditions import conditions_of
from earthcommons.catalog.counting import count_items
from earthcommons.catalog.hits import LOOKED, Hits, cheapest
from earthcommons.catalog.plans import few, met, newest
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
from earthcommons.catalog.text import ROW_MASK, best_first, expression_of, terms_of, text_test
from earthcommons.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from earthcommons.catalog.conditions import Conditions
    from earthcommons.catalog.queries import ItemQuery, ObservationQuery, RecordQuery
    from earthcommons.catalog.reader import Reader
    from earthcommons.catalog.walks import Row

__all__ = ["items", "observations", "records"]

# A page ends before its items take more than this, whatever was asked for.
MOST_BYTES = 32 * 2**20
# Up to so many candidates are sorted before another index is asked.
SORTED = 20_000
# Rare words are sorted at once; for others so many rows are tested along an index in that order.
_SOON, _ALONG = 2_000, (4_000, 20_000)
_INDEXES = {"i.cloud": "item_cloud", "i.last": "item_newest"}


def items(sql: Reader, query: ItemQuery, labels: Iterable[str]) -> Page:
    """Return a page of items in the query's order, as somebody with these labels sees them."""
    limit = check_limit(query.limit)
    asked = conditions_of(query, labels)
    sql.ask(asked.shapes, asked.holds, asked.box)
    # A token holds for one question of one view: another party's is refused, not answered.
    question = [*query.question(), list(asked.labels)]
    hits = Hits(sql, query, asked) if asked.terms else None
    if query.sort:
        rows, keys, known = _sorted(sql, query, asked, hits, question, limit + 1)
    else:
        after = None
        if query.token:
            last, name = read_token(query.token, question, 2)
            _check_key(last, name)
            after = (0, last, name)
        rows, known = newest(sql, query, asked, hits, after, limit + 1)
        keys = [[last, name] for _, last, name in rows]
    if not query.token and len(rows) <= limit:
        bound = Matched.exactly(len(rows))
    else:
        bound = count_items(sql, query, asked, hits, known).at_least(len(rows))
    read = _stored(sql, [row[0] for row in rows[:limit]], asked.labels)
    shown = len(read)
    token = write_token(keys[shown - 1], question) if len(rows) > shown else ""
    bodies, plain = tuple(body for body, _ in read), tuple(is_plain for _, is_plain in read)
    names = tuple(str(row[-1]) for row in rows[:shown])
    return Page(bodies, token, bound.exact, bound, names, plain)


def _stored(sql: Reader, ks: list[int], labels: tuple[str, ...]) -> list[tuple[bytes, bool]]:
    """Return the body of each item as somebody with these labels sees it, and whether plain.

    The first of them alone where all would take too much memory.
    """
    read: list[tuple[bytes, bool]] = []
    size = 0
    rows = sql.execute(
        "SELECT i.k, r.body, i.guarded, i.plain FROM json_each(?) j CROSS JOIN item i"
        " ON i.k = j.value CROSS JOIN record r ON r.k = i.k ORDER BY j.key",
        (orjson.dumps(ks).decode(),),
    )
    for k, body, guarded, plain in rows:
        size += len(body)
        if read and size > MOST_BYTES:
            break
        read.append((present(sql, k, body, labels) if guarded else body, bool(plain)))
    rows.close()
    return read


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
) -> tuple[list[tuple[Any, ...]], list[list[Any]], list[Row] | None]:
    """Return the first rows in another order, the keys of each, and all matches if all were met."""
    order = [find_sortable(key.name) for key in query.order()]
    keys = [
        (found.sql, key.descending, found.always)
        for found, key in zip(order, query.order(), strict=True)
    ]
    keys.append(("i.name", False, True))
    after: list[Any] = read_token(query.token, question, len(keys)) if query.token else []
    found, page = _soon(sql, query, asked, hits, keys, after, wanted)
    if page:
        return page, [list(row[1:]) for row in page], None
    if found is None:
        ready = hits if hits is not None and hits.cost <= SORTED else None
        found = few(sql, query, asked, ready, SORTED // asked.cost)
    tests, values = asked.tests
    source = "item i JOIN record r ON r.k = i.k" if asked.more_sql else "item i"
    rows = None
    if found is not None:
        rows = met(sql, found[1], found[0])
        source = "json_each(?) j CROSS JOIN item i ON i.k = j.value"
        tests, values = "1", (orjson.dumps(sorted(row[0] for row in rows)).decode(),)
    elif asked.terms:
        tests += f" AND i.k IN (SELECT rowid & {ROW_MASK} FROM words WHERE words MATCH ?)"
        values = (*values, expression_of(asked.terms))
    if after:
        beyond, more = _beyond(keys, after)
        tests, values = f"{tests} AND {beyond}", (*values, *more)
    columns = ", ".join(expression for expression, _, _ in keys)
    page = []
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
    return page, [list(row[1:]) for row in page], rows


def _soon(
    sql: Reader,
    query: ItemQuery,
    asked: Conditions,
    hits: Hits | None,
    keys: list[tuple[str, bool, bool]],
    after: list[Any],
    wanted: int,
) -> tuple[tuple[set[int], Conditions] | None, list[tuple[Any, ...]]]:
    """Return where words are asked for the few candidates, or else the whole page, if cheap."""
    if hits is None:
        return None, []
    found = few(sql, query, asked, hits if hits.cost <= LOOKED else None, _SOON // asked.cost)
    if found is not None or keys[0][0] not in _INDEXES:
        return found, []
    page = _along(sql, asked.by_rows, keys, after, wanted)
    return None, page if len(page) == wanted else []


def _along(
    sql: Reader,
    asked: Conditions,
    keys: list[tuple[str, bool, bool]],
    after: list[Any],
    wanted: int,
) -> list[tuple[Any, ...]]:
    """Return the matches among the next rows of the index of the first key, in order."""
    first, down, _ = keys[0]
    where, values = f"{first} IS NOT NULL", list[Any]()
    if after and after[0] is None:
        return []
    if after:
        where, values = _beyond([(first, down, True), *keys[1:]], after)
    columns = ", ".join(expression for expression, _, _ in keys)
    order = ", ".join([_direction(first, down, True), *(_direction(*key) for key in keys[1:])])
    tests, more = asked.tests
    body = " CROSS JOIN record r ON r.k = i.k" if asked.more_sql else ""
    page: list[tuple[Any, ...]] = []
    for bound in _ALONG:
        # Where the first rows hold no match, more would hardly fill the page.
        if bound == _ALONG[0] or 0 < len(page) < wanted:
            page = sql.execute(
                f"SELECT i.k, {columns} FROM (SELECT * FROM item i INDEXED BY {_INDEXES[first]}"
                f" WHERE {where} ORDER BY {order} LIMIT ?) i{body} WHERE {tests} LIMIT ?",
                (*values, bound // asked.cost, *more, wanted),
            ).fetchall()
    return page


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
    if query.text:
        return _best_records(sql, query, where, values, limit)
    matched = int(
        sql.execute(f"SELECT count(*) FROM record r WHERE {where}", values).fetchone()[0]
    )
    if query.token:
        where += " AND r.id > ?"
        values += read_token(query.token, query.question(), 1)
    rows = sql.execute(
        f"SELECT r.id, r.body FROM record r WHERE {where} ORDER BY r.id LIMIT ?",
        [*values, limit + 1],
    ).fetchall()
    return _page(rows, 1, limit, query, matched)


def _best_records(
    sql: Reader, query: RecordQuery, where: str, values: list[Any], limit: int
) -> Page:
    """Return a page of the records that hold the words, best match first.

    Words that many items hold as well would take FTS5 seconds to gather and rank: then every
    record of the kind is tested.
    """
    terms = terms_of(query.text)
    sql.ask((), text_test(terms))
    asked, cost = cheapest(sql, terms)
    if cost <= LOOKED:
        # The rows of items lie beyond the mask, those of all other records within.
        where += " AND r.k IN (SELECT rowid FROM words WHERE rowid <= ? AND words MATCH ?)"
        values = [*values, ROW_MASK, expression_of(asked)]
    found = sql.execute(
        "SELECT r.k, w.c0 FROM record r CROSS JOIN words_content w ON w.id = r.k"
        f" WHERE {where} AND ec_words(w.c0) ORDER BY r.id",
        values,
    ).fetchall()
    order = best_first([text for _, text in found], terms)
    skip = read_token(query.token, query.question(), 1)[0] if query.token else 0
    if not isinstance(skip, int) or skip < 0:
        raise InvalidInputError("this page token was not written here", code="bad-token")
    ks = [found[n][0] for n in order[skip : skip + limit]]
    bodies = sql.execute(
        "SELECT r.body FROM json_each(?) j CROSS JOIN record r ON r.k = j.value ORDER BY j.key",
        (orjson.dumps(ks).decode(),),
    )
    more = len(found) > skip + limit
    token = write_token([skip + limit], query.question()) if more else ""
    return Page(tuple(bytes(row[0]) for row in bodies), token, len(found))


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
    return _page(rows, 6, limit, query, matched)


def _page(
    rows: list[Any], keys: int, limit: int, query: RecordQuery | ObservationQuery, matched: int
) -> Page:
    """Return a page of rows that begin with their keys in order, followed by the body.

    One row more than `limit` says that there is a further page.
    """
    token = ""
    if len(rows) > limit:
        rows = rows[:limit]
        token = write_token(list(rows[-1][:keys]), query.question())
    return Page(tuple(bytes(row[keys]) for row in rows), token, matched)


def _marks(values: Iterable[Any]) -> str:
    return ",".join("?" for _ in values)
