"""CQL2 filters and orders, against the cql2 library's own evaluation and against brute force."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import cql2
import orjson
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from earthcommons.catalog import Catalog, ItemQuery, SortKey, parse_filter
from earthcommons.errors import InvalidInputError
from earthcommons.model import Record
from earthcommons.store import LocalStore

if TYPE_CHECKING:
    from collections.abc import Iterator

PLATFORMS = ("landsat-8", "sentinel-2a", "Terra")


def item(n: int) -> dict[str, Any]:
    box = [n * 10 - 60, -5 + n, n * 10 - 55, n]
    properties: dict[str, Any] = {
        "datetime": f"20{n:02d}-06-15T00:00:00Z", "title": f"Scene {n} 100%_x",
        "platform": PLATFORMS[n % 3], "gsd": float(10 * (n % 4)), "license": "CC0-1.0",
        "instruments": ["oli", "tirs"][: n % 3],
    }  # fmt: skip
    if n % 5:
        properties["eo:cloud_cover"] = float((n * 37) % 100)
    return {
        "type": "Feature", "id": f"i{n:02d}", "collection": "ab"[n % 2], "bbox": box,
        "geometry": shapely.box(*box).__geo_interface__, "properties": properties, "assets": {},
    }  # fmt: skip


ITEMS = [json.loads(json.dumps(item(n))) for n in range(12)]


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    root = tmp_path_factory.mktemp("filter")
    made = Catalog(root / "c.sqlite", LocalStore(root))
    with made.transaction() as tx:
        for body in ITEMS:
            tx.put(Record("item", f"{body['collection']}/{body['id']}", body))
    yield made
    made.close()


def ids(
    catalog: Catalog, filter_: str | dict[str, Any] | None = None, **query: Any
) -> list[str]:
    parsed = None if filter_ is None else parse_filter(filter_)
    page = catalog.items(ItemQuery(filter=parsed, limit=100, **query))
    assert page.matched == len(page.bodies)
    return [orjson.loads(body)["id"] for body in page.bodies]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\"eo:cloud_cover\" < 20", [n for n in range(12) if n % 5 and (n * 37) % 100 < 20]),
        ("\"eo:cloud_cover\" IS NULL", [0, 5, 10]),
        ("NOT (\"eo:cloud_cover\" >= 20)", [n for n in range(12) if n % 5 and (n * 37) % 100 < 20]),
        ("platform IN ('Terra', 'landsat-8') AND gsd BETWEEN 10 AND 20",
         [n for n in range(12) if n % 3 != 1 and n % 4 in (1, 2)]),
        ("title LIKE 'Scene 1%'", [1, 10, 11]),
        ("title LIKE 'scene 1%'", []),
        ("CASEI(title) LIKE CASEI('SCENE 1%')", [1, 10, 11]),
        ("title LIKE '%100\\%\\_x'", list(range(12))),
        ("title LIKE '%100_\\_x'", list(range(12))),
        ("datetime >= TIMESTAMP('2009-01-01T00:00:00Z')", [9, 10, 11]),
        ("T_DURING(datetime, INTERVAL('2003-01-01', '2005-12-31'))", [3, 4, 5]),
        ("T_AFTER(datetime, DATE('2009-12-31'))", [10, 11]),
        ("A_CONTAINS(instruments, ('oli', 'tirs'))", [n for n in range(12) if n % 3 == 2]),
        ("A_OVERLAPS(instruments, ('tirs', 'x'))", [n for n in range(12) if n % 3 == 2]),
        ("A_CONTAINEDBY(instruments, ('oli'))", [n for n in range(12) if n % 3 != 2]),
        ("A_EQUALS(instruments, ('tirs', 'oli'))", [n for n in range(12) if n % 3 == 2]),
        ("S_INTERSECTS(geometry, POINT(-57 -4))", [0]),
        ("S_WITHIN(geometry, POLYGON((-61 -9, -40 -9, -40 9, -61 9, -61 -9)))", [0, 1]),
        ("S_DISJOINT(geometry, POLYGON((-61 -9, 180 -9, 180 20, -61 20, -61 -9)))", []),
        ("collection = 'a' AND id <> 'i02'", [0, 4, 6, 8, 10]),
    ],
)  # fmt: skip
def test_a_filter_finds_what_it_says(catalog: Catalog, text: str, expected: list[int]) -> None:
    assert sorted(ids(catalog, text)) == [f"i{n:02d}" for n in expected]
    assert ids(catalog, parse_filter(text)) == ids(catalog, text)


SORTABLE = ["gsd", "platform", "eo:cloud_cover", "datetime", "id"]
NUMBERS = st.integers(0, 100).map(float)
COMPARISONS = st.one_of(
    st.builds(lambda op, n: {"op": op, "args": [{"property": "gsd"}, n]},
              st.sampled_from(["=", "<>", "<", "<=", ">", ">="]), NUMBERS),
    st.builds(lambda p: {"op": "=", "args": [{"property": "platform"}, p]},
              st.sampled_from(PLATFORMS)),
    st.builds(lambda a, b: {"op": "between", "args": [{"property": "gsd"}, a, b]},
              NUMBERS, NUMBERS),
    st.builds(lambda p: {"op": "in", "args": [{"property": "platform"}, p]},
              st.lists(st.sampled_from(PLATFORMS), min_size=1, max_size=3)),
)  # fmt: skip
FILTERS = st.recursive(
    COMPARISONS,
    lambda inner: st.one_of(
        st.builds(lambda op, a: {"op": op, "args": a}, st.sampled_from(["and", "or"]),
                  st.lists(inner, min_size=2, max_size=3)),
        st.builds(lambda a: {"op": "not", "args": [a]}, inner),
    ),
    max_leaves=6,
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(filter_=FILTERS)
def test_the_library_that_parses_agrees_on_what_matches(
    catalog: Catalog, filter_: dict[str, Any]
) -> None:
    judge = cql2.parse_json(json.dumps(filter_))
    flat = [{**body, **body["properties"]} for body in ITEMS]
    expected = {body["id"] for body in flat if judge.matches(body)}
    assert set(ids(catalog, filter_)) == expected


@settings(max_examples=60, deadline=None)
@given(
    keys=st.lists(
        st.tuples(st.sampled_from(SORTABLE), st.booleans()),
        max_size=3, unique_by=lambda key: key[0],
    ),
    size=st.integers(1, 5),
)  # fmt: skip
def test_pages_in_any_order_are_the_order_of_brute_force(
    catalog: Catalog, keys: list[tuple[str, bool]], size: int
) -> None:
    sort = tuple(SortKey(name, descending=down) for name, down in keys)
    seen: list[str] = []
    token = ""
    while True:
        page = catalog.items(ItemQuery(sort=sort, limit=size, token=token))
        seen += [orjson.loads(body)["id"] for body in page.bodies]
        token = page.token
        if not token:
            break
    rows = sorted(ITEMS, key=lambda body: (body["collection"], body["id"]))
    for name, down in reversed(keys or [("datetime", True)]):

        def value(body: dict[str, Any], name: str = name) -> Any:
            return body["id"] if name == "id" else body["properties"].get(name)

        there = [body for body in rows if value(body) is not None]
        rows = (
            sorted(there, key=value, reverse=False) if not down else _descending(there, value)
        )
        rows += [
            body
            for body in sorted(ITEMS, key=lambda b: (b["collection"], b["id"]))
            if value(body) is None
        ]
    if len(keys) <= 1:
        assert seen == [body["id"] for body in rows]
    assert sorted(seen) == sorted(body["id"] for body in ITEMS)


def _descending(rows: list[dict[str, Any]], value: Any) -> list[dict[str, Any]]:
    # Python's reverse keeps equal rows in their old order, as an index does.
    return sorted(rows, key=value, reverse=True)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("gsd < 10; DROP TABLE item", "bad-filter"),
        ("gsd <", "bad-filter"),
        ("nope = 1", "unknown-queryable"),
        ('"__class__" = 1', "unknown-queryable"),
        ('"a""b" = 1', "unknown-queryable"),
        ("S_INTERSECTS(title, POINT(0 0))", "bad-filter"),
        ("S_INTERSECTS(geometry, POLYGON((0 0, 2 2, 2 0, 0 2, 0 0)))", "invalid-geometry"),
        ("gsd LIKE 'x'", "bad-filter"),
        ("datetime > 'yesterday'", "bad-time"),
        ("1 = 1", "bad-filter"),
        ("(" * 60 + "gsd=1" + ")" * 60, "filter-too-complex"),
        (" OR ".join(["gsd=1"] * 900), "filter-too-complex"),
        ("x" * 9000, "filter-too-complex"),
    ],
)
def test_a_filter_that_cannot_be_asked_is_refused(
    catalog: Catalog, text: str, code: str
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        ids(catalog, text)
    assert refused.value.code == code
    assert "SELECT" not in str(refused.value)


@pytest.mark.parametrize(
    "text", ["' OR 1=1 --", "'; DELETE FROM record; --", '" OR ""="', "\\", "%", "🦉"]
)
def test_a_value_is_only_ever_a_value(catalog: Catalog, text: str) -> None:
    asked = {"op": "=", "args": [{"property": "title"}, text]}
    assert ids(catalog, asked) == []
    assert len(ids(catalog)) == 12


def test_a_search_that_takes_too_long_is_ended(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    from earthcommons.catalog import reader
    from earthcommons.errors import UpstreamError

    moments = iter(range(0, 10**9, 100))
    monkeypatch.setattr(reader.time, "monotonic", lambda: float(next(moments)))
    monkeypatch.setattr(reader, "_STEPS", 1)
    other = Catalog(catalog._file._path, catalog._store)
    with pytest.raises(UpstreamError) as ended:
        ids(other, "title LIKE '%a%a%a%a%a%a%'")
    assert ended.value.code == "query-timeout"
    other.close()
