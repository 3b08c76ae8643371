from __future__ import annotations

import base64
import re
import sqlite3
from typing import TYPE_CHECKING, Any

import orjson
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.catalog.conftest import catalog_of

from earthcommons.catalog import (
    Catalog,
    ItemQuery,
    ObservationQuery,
    RecordQuery,
    SortKey,
    parse_filter,
    rebuild,
    search,
)
from earthcommons.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    UpstreamError,
)
from earthcommons.model import OPERATOR, BBox, Link, Observation, Period, Record
from earthcommons.runs import read_observations
from earthcommons.store import LocalStore
from earthcommons.web.parameters import parse_datetime

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


@pytest.fixture
def catalog(tmp_path: Path, store: LocalStore) -> Iterator[Catalog]:
    made = Catalog(tmp_path / "catalog.sqlite", store)
    yield made
    made.close()


def item(id_: str, box: list[float], when: str = "2015-11-01T00:00:00Z", **more: Any) -> Record:
    west, south, east, north = box
    parts = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
    shapes = [shapely.box(a, south, b, north) for a, b in parts]
    body = {
        "type": "Feature", "id": id_, "collection": "c", "bbox": box, "assets": {},
        "geometry": shapely.MultiPolygon(shapes).__geo_interface__,
        "properties": {"datetime": when, "title": more.pop("title", id_)},
    }  # fmt: skip
    return Record("item", f"c/{id_}", body, **more)


def put(catalog: Catalog, *records: Record) -> None:
    with catalog.transaction() as tx:
        for record in records:
            tx.put(record)


def put_and_fail(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        tx.put(item("a", [0, 0, 1, 1]))
        raise RuntimeError


def ids(catalog: Catalog, **query: Any) -> list[str]:
    return [orjson.loads(body)["id"] for body in catalog.items(ItemQuery(**query)).bodies]


def test_the_same_record_again_changes_nothing_and_another_is_refused(catalog: Catalog) -> None:
    put(catalog, item("a", [0, 0, 1, 1]))
    put(catalog, item("a", [0, 0, 1, 1]))
    assert len(catalog.changes()) == 1
    with pytest.raises(ConflictError) as refused:
        put(catalog, item("a", [0, 0, 2, 2]))
    assert refused.value.code == "exists"
    assert len(catalog.changes()) == 1


def test_a_failing_block_leaves_no_trace(catalog: Catalog) -> None:
    before = list(catalog.dump())
    with pytest.raises(RuntimeError):
        put_and_fail(catalog)
    assert list(catalog.dump()) == before
    put(catalog, item("b", [0, 0, 1, 1]))
    assert ids(catalog) == ["b"]


def test_a_revision_replaces_in_search_and_keeps_the_earlier_version(catalog: Catalog) -> None:
    put(catalog, item("a", [0, 0, 1, 1], title="first"))
    with catalog.transaction() as tx:
        assert tx.revise(item("a", [50, 0, 51, 1], title="second"))
        assert not tx.revise(item("a", [50, 0, 51, 1], title="second"))
    assert ids(catalog, bbox=BBox(0, 0, 1, 1)) == []
    assert ids(catalog, bbox=BBox(50, 0, 51, 1)) == ["a"]
    assert ids(catalog, text="first") == []
    assert catalog.version("item", "c/a") is not None
    assert [change.version for change in catalog.changes()] == [1, 2]


def test_the_change_log_cannot_be_changed(catalog: Catalog, tmp_path: Path) -> None:
    put(catalog, item("a", [0, 0, 1, 1]))
    other = sqlite3.connect(tmp_path / "catalog.sqlite")
    for statement in ("DELETE FROM change", "UPDATE change SET id = 'x'"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            other.execute(statement)
    other.close()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("土地", True),
        ("地利用", True),
        ("利用变化", True),
        ("利土", False),
        ("LAND", True),
        ("land 变化", True),
        ("ocean", False),
        ('land" OR "zz', False),
        ("变", True),
        ("Reunion", True),
    ],
)
def test_text_is_found_in_english_and_by_any_two_chinese_characters(
    catalog: Catalog, text: str, found: bool
) -> None:
    put(catalog, item("a", [0, 0, 1, 1], title="Land use 土地利用变化 Réunion x OR y"))
    assert (ids(catalog, text=text) == ["a"]) is found


@pytest.mark.parametrize("text", ["", "  ", '"', "*", "x" * 201])
def test_text_without_a_word_is_refused(catalog: Catalog, text: str) -> None:
    if text == "":
        assert ids(catalog, text=text) == []
        return
    with pytest.raises(InvalidInputError):
        ids(catalog, text=text)


LONGITUDE = st.integers(-180, 180).map(float)
LATITUDE = st.integers(-90, 90).map(float)


@st.composite
def boxes(draw: st.DrawFn) -> BBox:
    south, north = sorted((draw(LATITUDE), draw(LATITUDE)))
    return BBox(draw(LONGITUDE), south, draw(LONGITUDE), north)


def touch(a: BBox, b: BBox) -> bool:
    return any(
        p[0] <= q[2] and p[2] >= q[0] and p[1] <= q[3] and p[3] >= q[1]
        for p in a.parts()
        for q in b.parts()
    )


@settings(max_examples=40, deadline=None)
@given(items=st.lists(boxes(), min_size=1, max_size=12), asked=boxes())
def test_a_box_finds_what_brute_force_finds_also_across_the_antimeridian(
    tmp_path_factory: pytest.TempPathFactory, items: list[BBox], asked: BBox
) -> None:
    root = tmp_path_factory.mktemp("box")
    catalog = Catalog(root / "c.sqlite", LocalStore(root))
    put(catalog, *(item(f"i{n:02d}", box.as_list()) for n, box in enumerate(items)))
    expected = {f"i{n:02d}" for n, box in enumerate(items) if touch(box, asked)}
    assert set(ids(catalog, bbox=asked, limit=100)) == expected
    catalog.close()


def test_pages_follow_each_other_without_gap_while_items_come_in(catalog: Catalog) -> None:
    put(
        catalog,
        *(item(f"i{n:02d}", [0, 0, 1, 1], f"20{n:02d}-01-01T00:00:00Z") for n in range(25)),
    )
    seen: list[str] = []
    token = ""
    while True:
        page = catalog.items(ItemQuery(limit=4, token=token))
        seen += [orjson.loads(body)["id"] for body in page.bodies]
        put(catalog, item(f"new{len(seen)}", [0, 0, 1, 1], "2099-01-01T00:00:00Z"))
        token = page.token
        if not token:
            break
    assert seen == [f"i{n:02d}" for n in reversed(range(25))]


def test_a_token_of_another_question_or_an_altered_one_is_refused(catalog: Catalog) -> None:
    put(catalog, *(item(f"i{n}", [0, 0, 1, 1]) for n in range(3)))
    token = catalog.items(ItemQuery(limit=1)).token
    for bad in (token[:-2], "x", token + "A" * 3000):
        with pytest.raises(InvalidInputError) as refused:
            catalog.items(ItemQuery(limit=1, token=bad))
        assert refused.value.code == "bad-token"
    with pytest.raises(InvalidInputError):
        catalog.items(ItemQuery(limit=1, collections=("c",), token=token))


@pytest.mark.parametrize("keys", [[[1], "c/i0"], [{}, "c/i0"], [1, ["c/i0"]], [[], []]])
def test_a_token_of_keys_that_no_order_has_is_refused(
    catalog: Catalog, keys: list[Any]
) -> None:
    put(catalog, *(item(f"i{n}", [0, 0, 1, 1]) for n in range(3)))
    for sort in ((), (SortKey("title"),)):
        page = catalog.items(ItemQuery(limit=1, sort=sort))
        raw = base64.urlsafe_b64decode(page.token + "=" * (-len(page.token) % 4))
        forged = orjson.dumps([orjson.loads(raw)[0], *keys])
        token = base64.urlsafe_b64encode(forged).decode().rstrip("=")
        with pytest.raises(InvalidInputError) as refused:
            catalog.items(ItemQuery(limit=1, sort=sort, token=token))
        assert refused.value.code == "bad-token"


def test_pages_follow_each_other_in_the_order_of_long_titles(catalog: Catalog) -> None:
    for n in range(4):
        made = item(f"i{n}", [0, 0, 1, 1])
        made.body["properties"]["title"] = f"{n}" + "湖" * 900
        put(catalog, made)
    seen, token = list[str](), ""
    while token or not seen:
        page = catalog.items(ItemQuery(limit=1, sort=(SortKey("title"),), token=token))
        seen += page.names
        token = page.token
    assert [name.rpartition("/")[2] for name in seen] == ["i0", "i1", "i2", "i3"]


def test_time_is_a_closed_range_that_may_be_open_at_one_end(catalog: Catalog) -> None:
    put(
        catalog,
        *(item(f"y{y}", [0, 0, 1, 1], f"{y}-06-01T00:00:00Z") for y in (1850, 2000, 2020)),
    )
    assert ids(catalog, first=959817600) == ["y2020", "y2000"]
    assert ids(catalog, last=0) == ["y1850"]
    assert ids(catalog, first=959817600, last=959817600, bbox=BBox(0, 0, 1, 1)) == ["y2000"]


def test_a_drafts_record_does_not_exist_for_the_public(catalog: Catalog) -> None:
    put(
        catalog,
        Record("need", "need-x", {"id": "need-x", "title": {"en": "secret"}}, access="steward"),
    )
    with pytest.raises(NotFoundError):
        catalog.get("need", "need-x")
    assert catalog.records(RecordQuery("need")).matched == 0
    assert catalog.records(RecordQuery("need", text="secret")).matched == 0
    assert catalog.count("need") == 0
    assert catalog.all("need") == []
    assert catalog.get("need", "need-x", OPERATOR)["title"]["en"] == "secret"


def test_links_are_read_from_both_ends(catalog: Catalog) -> None:
    put(
        catalog,
        Record(
            "alert", "alert-x", {"id": "alert-x"}, links=(Link("rests-on", "run", "run-y"),)
        ),
    )
    assert catalog.links_from("alert", "alert-x") == (Link("rests-on", "run", "run-y"),)
    assert catalog.links_to("run", "run-y") == (Link("rests-on", "alert", "alert-x"),)


def rows(run: str) -> list[Observation]:
    return [
        Observation(
            "k", region, Period.year(year), "1", "proxy", run, float(year), {"measure": m}
        )
        for region in ("m49:008", "m49:404")
        for year in (2001, 2000)
        for m in ("level", "change")
    ]


def publish(catalog: Catalog, run: str) -> None:
    with catalog.transaction() as tx:
        tx.put(Record("run", run, {"id": run, "output": ""}))
        tx.put_observations(run, "", rows(run))
        tx.revise(Record("series", "k", {"id": "k", "run": run}))


def test_observations_come_in_order_of_region_period_dimensions_and_of_the_current_run(
    catalog: Catalog,
) -> None:
    publish(catalog, "run-a")
    publish(catalog, "run-b")
    found, token = [], ""
    while True:
        page = catalog.observations(ObservationQuery(indicator="k", limit=3, token=token))
        found += [orjson.loads(body) for body in page.bodies]
        token = page.token
        if not token:
            break
    assert {row["run"] for row in found} == {"run-b"}
    key = [(r["region"], r["period"], r["dimensions"]["measure"]) for r in found]
    assert key == sorted(key)
    assert len(key) == 8
    narrow = ObservationQuery(region="m49:404", period="2000", dimensions={"measure": "level"})
    assert catalog.observations(narrow).matched == 1
    assert catalog.observations(ObservationQuery(run="run-a")).matched == 8


def test_a_dimension_name_is_never_part_of_a_statement(catalog: Catalog) -> None:
    publish(catalog, "run-a")
    with pytest.raises(InvalidInputError):
        catalog.observations(ObservationQuery(dimensions={'x") OR ("1': "1"}))


def test_a_rebuild_from_the_objects_gives_the_same_index(
    catalog: Catalog, store: LocalStore, tmp_path: Path
) -> None:
    put(catalog, item("a", [170, -5, -170, 5], title="土地"), item("b", [0, 0, 1, 1]))
    with catalog.transaction() as tx:
        tx.revise(item("b", [5, 5, 6, 6]))
    again = Catalog(tmp_path / "again.sqlite", store)
    count = rebuild(again, store, lambda key: read_observations(store.path(key)))
    assert count == 3
    assert list(again.dump()) == list(catalog.dump())
    again.close()


def test_many_records_are_one_object_and_come_back_from_it(
    catalog: Catalog, store: LocalStore, tmp_path: Path
) -> None:
    put(catalog, *(item(f"i{n:03d}", [0, 0, 1, 1], title=f"Item {n} 土地") for n in range(120)))
    assert len(list(store.all_keys())) == 1
    assert catalog.items(ItemQuery(limit=1)).matched == 120
    again = Catalog(tmp_path / "again.sqlite", store)
    assert rebuild(again, store, lambda _: []) == 120
    assert len(list(store.all_keys())) == 1, "a rebuild reads objects and writes none"
    assert list(again.dump()) == list(catalog.dump())
    again.close()


def test_a_batch_that_fails_leaves_no_record_visible(
    catalog: Catalog, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(LocalStore, "put_bytes", full)
    with pytest.raises(UpstreamError, match="No space"):
        put(catalog, *(item(f"i{n:03d}", [0, 0, 1, 1]) for n in range(120)))
    assert ids(catalog) == []
    assert catalog.changes() == ()


def test_counts_follow_what_is_visible(catalog: Catalog) -> None:
    put(catalog, *(item(f"i{n}", [0, 0, 1, 1]) for n in range(3)))
    put(catalog, item("hidden", [0, 0, 1, 1], access="steward"))
    with catalog.transaction() as tx:
        tx.revise(item("i0", [5, 5, 6, 6]))
    assert catalog.items(ItemQuery(limit=1)).matched == 3
    assert catalog.items(ItemQuery(limit=1, collections=("c",))).matched == 3
    assert catalog.items(ItemQuery(limit=1, collections=("d",))).matched == 0
    assert catalog.items(ItemQuery(limit=1), OPERATOR).matched == 4


def test_limits_are_kept(catalog: Catalog) -> None:
    for limit in (0, -1, 1001):
        with pytest.raises(InvalidInputError) as refused:
            ids(catalog, limit=limit)
        assert refused.value.code == "bad-limit"


def test_a_page_of_large_items_ends_early_and_the_walk_goes_on(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(catalog, *(item(f"i{n}", [0, 0, 1, 1], title="x" * 1000 * n) for n in range(6)))
    for sort in ((), (SortKey("id", descending=True),)):
        for most in (1, 4_000, 10**9):
            monkeypatch.setattr(search, "MOST_BYTES", most)
            seen, sizes, token = list[str](), list[int](), ""
            while token or not seen:
                page = catalog.items(ItemQuery(limit=5, sort=sort, token=token))
                assert len(page.bodies) == len(page.names) == len(page.plain)
                seen += page.names
                sizes.append(sum(map(len, page.bodies)))
                token = page.token
            assert len(seen) == len(set(seen)) == 6
            if most == 1:
                assert len(sizes) == 6


_LONS, _LATS = st.integers(-180, 180), st.integers(-90, 90)
_CORNERS = st.lists(st.tuples(_LONS, _LATS), min_size=3, max_size=3, unique=True)
SHAPES = st.one_of(
    _CORNERS.map(shapely.Polygon).filter(lambda shape: shape.area > 0),
    _CORNERS.map(shapely.LineString),
    _CORNERS.map(shapely.MultiPoint),
    st.tuples(_LONS, _LATS).map(shapely.Point),
    _CORNERS.map(
        lambda c: shapely.GeometryCollection([shapely.Point(c[0]), shapely.LineString(c[1:])])
    ),
    st.tuples(st.integers(100, 179), _LATS, st.integers(-179, -100)).map(
        lambda c: shapely.MultiPolygon([
            shapely.Polygon([(c[0], 0), (180, -20), (180, 20)]),
            shapely.Polygon([(c[2], 0), (-180, 20), (-180, -20)]),
        ])
    ),
)  # fmt: skip
BOXES = st.tuples(_LONS, _LATS, _LONS, _LATS).map(
    lambda c: BBox(c[0], min(c[1], c[3]), c[2], max(c[1], c[3]))
)


def _edges(shape: Any) -> list[float]:
    west, south, east, north = shape.bounds
    if shape.geom_type == "MultiPolygon":
        west, east = (part.bounds[n] for n, part in zip((0, 2), shape.geoms, strict=True))
    return [west, south, east, north]


def _meets(shape: Any, box: BBox) -> bool:
    edges = ([(w, s), (e, s), (e, n), (w, n), (w, s)] for w, s, e, n in box.parts())
    # A box may be a line or a point: its outline tells that, and its inside the rest.
    return any(
        shapely.intersects(shape, shapely.LineString(ring))
        or shapely.intersects(shape, shapely.Polygon(ring))
        for ring in edges
    )


@settings(max_examples=60, deadline=None)
@given(
    shapes=st.lists(SHAPES, min_size=1, max_size=12),
    boxes=st.lists(BOXES, min_size=1, max_size=4),
)
def test_a_place_is_asked_of_footprints_and_not_of_their_boxes(
    shapes: list[Any], boxes: list[BBox]
) -> None:
    records = []
    for n, shape in enumerate(shapes):
        made = item(f"i{n}", [0, 0, 1, 1])
        made.body["geometry"] = orjson.loads(shapely.to_geojson(shape))
        made.body["bbox"] = _edges(shape)
        records.append(made)
    with catalog_of(records) as made_of_them:
        for box in boxes:
            expected = {f"c/i{n}" for n, shape in enumerate(shapes) if _meets(shape, box)}
            for sort in ((), (SortKey("id"),)):
                page = made_of_them.items(ItemQuery(bbox=box, sort=sort, limit=100))
                assert set(page.names) == expected
                assert page.matched == len(expected)
            first = made_of_them.items(ItemQuery(bbox=box, limit=1))
            assert first.matched == len(expected)
            years = made_of_them.facets(ItemQuery(bbox=box))["year"]
            assert sum(count.low for count in years.values()) == len(expected)


def test_where_no_footprint_is_known_the_box_is_asked(catalog: Catalog) -> None:
    nowhere = item("nowhere", [0, 0, 20, 20])
    nowhere.body["geometry"] = None
    # As Sentinel-2's first metadata has it: not cut at 180 degrees.
    uncut = item("uncut", [170, 0, -170, 10])
    ring = [[170, 0], [-170, 0], [-170, 10], [170, 10], [170, 0]]
    uncut.body["geometry"] = {"type": "Polygon", "coordinates": [ring]}
    put(catalog, nowhere, uncut)
    assert ids(catalog, bbox=BBox(5, 5, 6, 6)) == ["nowhere"]
    assert ids(catalog, bbox=BBox(178, 4, 179, 5)) == ["uncut"]
    assert ids(catalog, bbox=BBox(-179, 4, -178, 5)) == ["uncut"]
    assert ids(catalog, bbox=BBox(100, 4, 101, 5)) == []


@pytest.mark.parametrize(
    "moment",
    ["1969-12-31T23:59:58.7Z", "0001-01-01T00:00:00.9Z", "2020-05-31T12:00:00.999999Z",
     "1969-12-31T22:59:58.000001-01:00"],
)  # fmt: skip
def test_a_fraction_of_a_second_is_found_by_the_second_it_lies_in(
    catalog: Catalog, moment: str
) -> None:
    made = item("then", [0, 0, 1, 1])
    made.body["properties"]["datetime"] = moment
    put(catalog, made)
    whole = re.sub(r"\.\d+", "", moment)
    for asked in (moment, whole, f"{whole}/{whole}", f"{moment}/{moment}"):
        first, last = parse_datetime(asked)
        assert ids(catalog, first=first, last=last) == ["then"]
    for text in (moment, whole):
        for test in ("datetime = TIMESTAMP('{}')", "T_EQUALS(datetime, TIMESTAMP('{}'))",
                     "T_INTERSECTS(datetime, INTERVAL('{}', '..'))"):  # fmt: skip
            assert ids(catalog, filter=parse_filter(test.format(text))) == ["then"]
    before, _ = parse_datetime(moment)
    assert before is not None
    assert ids(catalog, last=before - 1) == ids(catalog, first=before + 1) == []
