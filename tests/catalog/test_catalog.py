from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import orjson
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from earthcommons.catalog import Catalog, ItemQuery, ObservationQuery, RecordQuery, rebuild
from earthcommons.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    UpstreamError,
)
from earthcommons.model import OPERATOR, BBox, Link, Observation, Period, Record
from earthcommons.runs import read_observations
from earthcommons.store import LocalStore

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
