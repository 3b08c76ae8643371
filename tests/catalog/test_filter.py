"""CQL2 filters and orders, against the cql2 library's own evaluation and against brute force."""

from __future__ import annotations

import dataclasses
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
    from pathlib import Path

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


def scene(n: int) -> dict[str, Any]:
    """Return an item with properties that no column has."""
    polarizations = (["VV"], ["VV", "VH"], "VV", None)[n % 4]
    return item(n) | {"properties": item(n)["properties"] | {
        "created": f"2021-01-0{n + 1}T12:00:00.5Z", "updated": f"2021-02-0{n + 1}T00:00:00+02:00",
        "view:off_nadir": n * 1.5, "view:sun_azimuth": 100 + n, "view:sun_elevation": -n,
        "sat:orbit_state": ("ascending", "descending")[n % 2], "sat:relative_orbit": n,
        "sar:instrument_mode": "IW", "sar:polarizations": polarizations,
        "proj:code": f"EPSG:3260{n}", "grid:code": f"MGRS-{n}", "processing:level": f"L{n}",
        "version": str(n), "deprecated": (True, False, None, "true")[n % 4],
    }}  # fmt: skip


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    root = tmp_path_factory.mktemp("scenes")
    made = Catalog(root / "c.sqlite", LocalStore(root))
    bodies = [*map(scene, range(8)), item(8)]
    # Of another kind than a queryable is: as if it were not there.
    bodies[7]["properties"] |= {"view:off_nadir": "steep", "version": 7, "created": 2021}
    with made.transaction() as tx:
        for body in bodies:
            tx.put(Record("item", f"{body['collection']}/{body['id']}", body))
    yield made
    made.close()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("created = TIMESTAMP('2021-01-03T12:00:00Z')", [2]),
        ("created > DATE('2021-01-05')", [5, 6]),
        ("created IS NULL", [7, 8]),
        ("updated < TIMESTAMP('2021-02-01T22:00:01Z')", [0, 1]),
        ("T_AFTER(updated, DATE('2021-02-06'))", [7]),
        ('"view:off_nadir" >= 7.5', [5, 6]),
        ('"view:off_nadir" IS NULL', [7, 8]),
        ('"view:sun_azimuth" BETWEEN 101 AND 103', [1, 2, 3]),
        ('"view:sun_elevation" < -5', [6, 7]),
        ("\"sat:orbit_state\" = 'ascending'", [0, 2, 4, 6]),
        ('"sat:relative_orbit" IN (3, 5)', [3, 5]),
        ("\"sar:instrument_mode\" = 'IW' AND NOT \"grid:code\" LIKE 'MGRS-_'", []),
        ("A_CONTAINS(\"sar:polarizations\", ('VH'))", [1, 5]),
        ("A_EQUALS(\"sar:polarizations\", ('VV'))", [0, 4]),
        ('"sar:polarizations" IS NULL', [2, 3, 6, 7, 8]),
        ("\"proj:code\" = 'EPSG:32603'", [3]),
        ("\"grid:code\" = 'MGRS-4'", [4]),
        ("CASEI(\"processing:level\") = CASEI('l2')", [2]),
        ("version = '6'", [6]),
        ("version IS NULL", [7, 8]),
        ("deprecated = TRUE", [0, 4]),
        ("deprecated = FALSE", [1, 5]),
        ("deprecated <> TRUE", [1, 5]),
        ("deprecated IS NULL", [2, 3, 6, 7, 8]),
    ],
)
def test_a_property_without_a_column_is_asked_for_in_the_stored_item(
    scenes: Catalog, text: str, expected: list[int]
) -> None:
    assert sorted(ids(scenes, text)) == [f"i{n:02d}" for n in expected]


@pytest.mark.parametrize("name", ["created", "view:sun_elevation", "grid:code"])
def test_a_property_without_a_column_gives_an_order(scenes: Catalog, name: str) -> None:
    for down in (False, True):
        found: list[str] = []
        query = ItemQuery(sort=(SortKey(name, descending=down),), limit=4)
        page = scenes.items(query)
        while True:
            found += [orjson.loads(body)["id"] for body in page.bodies]
            if not page.token:
                break
            page = scenes.items(dataclasses.replace(query, token=page.token))
        known = [n for n in range(8) if name != "created" or n != 7]
        rising = known[::-1] if (name == "view:sun_elevation") != down else known
        # What lacks it comes last, in order of its name: `a/i08`, `b/i07`.
        lacking = [8] if len(known) == 8 else [8, 7]
        assert found == [f"i{n:02d}" for n in [*rising, *lacking]]


@pytest.mark.parametrize("text", ["deprecated = 'true'", "deprecated = 1", "version = TRUE"])
def test_true_and_false_are_no_texts_and_no_numbers(scenes: Catalog, text: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        ids(scenes, text)
    assert refused.value.code == "bad-filter"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("datetime = DATE('2005-06-15')", [5]),
        ("datetime <> DATE('2005-06-15')", [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11]),
        ("datetime >= DATE('2009-06-15')", [9, 10, 11]),
        ("datetime > DATE('2009-06-15')", [10, 11]),
        ("datetime < DATE('2001-06-15')", [0]),
        ("datetime <= DATE('2001-06-15')", [0, 1]),
        ("DATE('2009-06-15') <= datetime", [9, 10, 11]),
        ("datetime >= '2009-06-15'", [9, 10, 11]),
        ("datetime BETWEEN DATE('2003-06-15') AND DATE('2004-06-15')", [3, 4]),
        ("datetime IN (DATE('2003-06-15'), TIMESTAMP('2004-06-15T00:00:00Z'))", [3, 4]),
    ],
)
def test_a_day_is_all_of_its_seconds(catalog: Catalog, text: str, expected: list[int]) -> None:
    assert sorted(ids(catalog, text)) == [f"i{n:02d}" for n in expected]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20 <= gsd", [2, 3, 6, 7, 10, 11]),
        ("20 > gsd", [0, 1, 4, 5, 8, 9]),
        ("gsd >= '20'", [2, 3, 6, 7, 10, 11]),
        ("S_INTERSECTS(POINT(-57 -4), geometry)", [0]),
        ("S_CONTAINS(BBOX(-61, -9, -40, 9), geometry)", [0, 1]),
        ("S_WITHIN(POINT(-57 -4), geometry)", [0]),
    ],
)
def test_a_value_may_come_first_or_as_its_text(
    catalog: Catalog, text: str, expected: list[int]
) -> None:
    assert sorted(ids(catalog, text)) == [f"i{n:02d}" for n in expected]


ODD: list[dict[str, Any]] = [
    {"geometry": {"type": "Point", "coordinates": [175, 0]}, "bbox": [175, 0, 175, 0]},
    {"geometry": {"type": "Point", "coordinates": [0, 0]}, "bbox": [0, 0, 0, 0]},
    {"geometry": {"type": "Point", "coordinates": [-175, 5]}, "bbox": [-175, 5, -175, 5]},
    {"geometry": None, "bbox": None, "properties": {"keywords": ["lake"]}},
    {"geometry": None, "bbox": None, "properties": {"keywords": "lake, and ["}},
    {"geometry": None, "bbox": None, "properties": {"keywords": []}},
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("S_INTERSECTS(geometry, BBOX(170, -10, -170, 10))", [0, 2]),
        ("S_INTERSECTS(geometry, BBOX(170, -10, 0, -170, 3, 9000))", [0]),
        ("NOT S_INTERSECTS(geometry, BBOX(170, -10, -170, 10))", [1]),
        ("S_DISJOINT(geometry, BBOX(170, -10, -170, 10))", [1]),
        ("geometry IS NULL", [3, 4, 5]),
        ("geometry IS NOT NULL", [0, 1, 2]),
        ("A_CONTAINS(keywords, ('lake'))", [3]),
        ("NOT A_CONTAINS(keywords, ('lake'))", [5]),
        ("NOT A_OVERLAPS(keywords, ('lake'))", [5]),
        ("NOT A_EQUALS(keywords, ('snow'))", [3, 5]),
        ("NOT A_CONTAINEDBY(keywords, ('snow'))", [3]),
        ("keywords IS NULL", [0, 1, 2, 4]),
    ],
)
def test_places_over_180_lacking_places_and_lists_that_are_none(
    tmp_path: Path, text: str, expected: list[int]
) -> None:
    made = Catalog(tmp_path / "c.sqlite", LocalStore(tmp_path))
    with made.transaction() as tx:
        for n, odd in enumerate(ODD):
            body = {**item(1), "id": str(n), "collection": "a", **odd}
            body["properties"] = {"datetime": "2001-06-15T00:00:00Z"} | odd.get(
                "properties", {}
            )
            tx.put(Record("item", f"a/{n}", body))
    assert sorted(ids(made, text)) == [str(n) for n in expected]
    made.close()


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
        ("gsd < 'low'", "bad-filter"),
        ("gsd < 'NaN'", "bad-filter"),
        ("title > 5", "bad-filter"),
        ("instruments = 'oli'", "bad-filter"),
        ("geometry = 'x'", "bad-filter"),
        ("S_INTERSECTS(geometry, BBOX(0, 10, 1, -10))", "invalid-geometry"),
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


@pytest.mark.parametrize("op", ["and", "or", "not", "=", "<", "isNull", "like", "between", "in",
                                "s_intersects", "t_after", "a_contains", "casei"])  # fmt: skip
@pytest.mark.parametrize("args", [[], ["a"] * 4])
def test_an_operator_with_another_number_of_sides_is_refused(
    catalog: Catalog, op: str, args: list[str]
) -> None:
    for asked in (
        {"op": op, "args": args},
        {"op": "like", "args": [{"op": op, "args": args}, "a"]},
    ):
        with pytest.raises(InvalidInputError) as refused:
            ids(catalog, asked)
        assert refused.value.code == "bad-filter"


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
