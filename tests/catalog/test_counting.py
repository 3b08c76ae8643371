"""What is told about how many match follows from what may be seen, whatever else there is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.catalog.conftest import catalog_of

from earthcommons.catalog import Catalog, ItemQuery, SortKey, counting, facets, hits, plans
from earthcommons.catalog.queries import Matched
from earthcommons.model import BBox, Record

DAY = 86_400
TITLES = ("lake scene", "scene, lake glacier", "scene of lakes", "scene of reeds")
MANY = 61


def item(name: str, n: int, access: str = "open", title: str = "") -> Record:
    collection, id_ = name.split("/")
    west = n % 30
    body: dict[str, Any] = {
        "type": "Feature", "id": id_, "collection": collection, "assets": {},
        "bbox": [west, 0, west + 0.5, 1],
        "geometry": {"type": "Point", "coordinates": [west, 0]},
        "properties": {"datetime": f"20{10 + n % 9}-01-01T00:00:00Z", "eo:cloud_cover": n % 7,
                       "title": title or TITLES[n % 4], "license": "MIT"},
    }  # fmt: skip
    return Record("item", name, body, access=access)


def unplaced(name: str, n: int, access: str = "steward") -> Record:
    body = item(name, n).body
    return Record("item", name, {**body, "bbox": None, "geometry": None}, access=access)


VISIBLE = [item(f"{'ab'[n % 2]}/i{n:02d}", n) for n in range(MANY - 1)]
VISIBLE.append(unplaced("a/u1", 3, "open"))
CLOUDY: dict[str, Any] = {"op": ">=", "args": [{"property": "eo:cloud_cover"}, 4]}
QUESTIONS: list[dict[str, Any]] = [
    {"text": "scene"}, {"text": "glacier"}, {"text": "reeds"}, {"text": "none"},
    {"text": "scene glacier"}, {"text": "glacier, reeds"}, {"text": "scene absent"},
    {"bbox": BBox(-180, -90, 180, 90), "text": "reeds"},
    {"bbox": BBox(3, 0, 4, 1)}, {"bbox": BBox(0, 0, 30, 1)}, {"bbox": BBox(50, 0, 60, 1)},
    {"filter": CLOUDY}, {"filter": CLOUDY, "bbox": BBox(3, 0, 9, 1)},
    {"filter": CLOUDY, "text": "reeds"}, {"text": "glacier", "bbox": BBox(0, 0, 9, 1)},
    {"collections": ("a",), "text": "scene"}, {"collections": ("c",), "text": "scene"},
    {"collections": ("a", "c"), "bbox": BBox(3, 0, 4, 1)},
    {"first": 1_400_000_000}, {"last": 1_400_000_000}, {"ids": ("i03", "h3", "i04")},
    {},
]  # fmt: skip
SORTS: list[tuple[SortKey, ...]] = [(), (SortKey("eo:cloud_cover"),), (SortKey("title"),)]


def told(catalog: Catalog) -> list[Any]:
    """Return all that the questions are answered with, first and second page."""
    answers: list[Any] = []
    for asked in QUESTIONS:
        for sort in SORTS:
            page = catalog.items(ItemQuery(limit=3, sort=sort, **asked))
            answers.append((asked, page))
            if page.token:
                more = ItemQuery(limit=3, sort=sort, token=page.token, **asked)
                answers.append((asked, catalog.items(more)))
        spread = catalog.facets(ItemQuery(**asked))
        answers.append((asked, {name: list(found.items()) for name, found in spread.items()}))
    return answers


def lower_bounds(monkeypatch: pytest.MonkeyPatch, counted: int, most: int, pages: int) -> None:
    """Let 60 items be as many as a million, and each word fill so many pages of the index."""
    for module, name, bound in (
        (plans, "RARE", 2), (plans, "WALKED", 3), (counting, "COUNTED", counted),
        (counting, "LEAST", 1), (counting, "LISTED", most), (facets, "FACETED", 2 * counted),
        (facets, "LISTED", 2 * most), (hits, "_pages", lambda *_: pages),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, bound)


@pytest.mark.parametrize("counted", [4, 40, 8_000])
@pytest.mark.parametrize("most", [0, 2, 30])
@pytest.mark.parametrize("pages", [0, 10**6])
def test_answers_are_the_same_whatever_is_hidden(
    monkeypatch: pytest.MonkeyPatch, counted: int, most: int, pages: int
) -> None:
    lower_bounds(monkeypatch, counted, most, pages)
    with catalog_of(VISIBLE) as catalog:
        alone = told(catalog)
    beside: dict[str, list[Record]] = {
        "in the same collections": [item(f"a/h{n}", n, "steward") for n in range(40)],
        "in one of their own": [item(f"c/h{n}", n, "steward") for n in range(40)],
        "with a word that is nowhere else": [
            item(f"b/h{n}", 8, "steward", "scene absent") for n in range(40)
        ],
        "newer than all": [item(f"b/h{n}", 89, "steward") for n in range(4)],
        "nowhere": [unplaced(f"a/h{n}", n) for n in range(40)],
    }
    for where, hidden in beside.items():
        with catalog_of([*VISIBLE, *hidden]) as catalog:
            assert told(catalog) == alone, where


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(ns=st.lists(st.integers(0, 200), max_size=30), asked=st.sampled_from(QUESTIONS),
       counted=st.integers(1, 80), most=st.integers(0, 40))  # fmt: skip
def test_bounds_hold_and_do_not_move_with_hidden_items(
    monkeypatch: pytest.MonkeyPatch,
    ns: list[int], asked: dict[str, Any], counted: int, most: int,
) -> None:  # fmt: skip
    lower_bounds(monkeypatch, counted, most, 1)
    found: list[Matched] = []
    true: set[int] = set()
    for hidden in ([], [item(f"{'abc'[n % 3]}/h{k}", n, "steward") for k, n in enumerate(ns)]):
        with catalog_of([*VISIBLE, *hidden]) as catalog:
            page = catalog.items(ItemQuery(limit=1, **asked))
            assert page.bound is not None
            found.append(page.bound)
            true.add(len(catalog.items(ItemQuery(limit=1000, **asked)).names))
    assert found[0] == found[1]
    assert len(true) == 1
    assert found[0].low <= true.pop() <= found[0].high


def test_items_without_an_end_or_of_the_first_year_spoil_no_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lower_bounds(monkeypatch, 4, 0, 1)
    span = {
        "datetime": None, "start_datetime": "0001-01-01T00:00:00Z",
        "end_datetime": "9999-12-31T23:59:59Z",
    }  # fmt: skip
    forever, oldest = item("a/forever", 1), item("a/oldest", 1)
    forever.body["properties"] |= span
    oldest.body["properties"] |= {"datetime": "0001-01-01T00:00:00Z"}
    with catalog_of([*VISIBLE, forever, oldest]) as catalog:
        for asked in ({"filter": CLOUDY}, {"text": "scene"}, {"first": 1_400_000_000}):
            page = catalog.items(ItemQuery(limit=1, **asked))
            true = len(catalog.items(ItemQuery(limit=1000, **asked)).names)
            assert page.bound is not None
            assert page.bound.low <= true <= page.bound.high
            years = catalog.facets(ItemQuery(**asked))["year"]
            assert "9999" in years


def test_a_place_that_holds_few_is_counted_exactly_though_a_walk_would_not_reach_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lower_bounds(monkeypatch, 20, 30, 0)
    with catalog_of(VISIBLE) as catalog:
        assert catalog.items(ItemQuery(limit=1, bbox=BBox(3, 0, 4, 1))).matched == 4
        cloudy = catalog.items(ItemQuery(limit=1, bbox=BBox(3, 0, 6, 1), filter=CLOUDY))
        # n = 3, 4, 5, 6, 33, 34, 35, 36: cloud cover 3, 4, 5, 6, 5, 6, 0, 1.
        assert cloudy.matched == 5
        everywhere = catalog.items(ItemQuery(limit=1, text="scene")).bound
        assert everywhere is not None
        assert (everywhere.low, everywhere.high, everywhere.guess) == (5, MANY, None)


def test_a_guess_is_the_share_of_the_newest_times_what_lies_in_the_time_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lower_bounds(monkeypatch, 20, 0, 0)
    monkeypatch.setattr(facets, "FACETED", 20)
    # Four a year from 2010 to 2019; every second one lies in the box, so 10 of the newest 20.
    records = [item(f"a/i{n:02d}", 0 if n % 2 else 20) for n in range(40)]
    for n, record in enumerate(records):
        record.body["properties"]["datetime"] = f"{2010 + n // 4}-03-01T00:00:00Z"
    box = BBox(0, 0, 1, 1)
    with catalog_of(records) as catalog:
        everywhere = catalog.items(ItemQuery(limit=1, bbox=box)).bound
        assert everywhere == Matched(10, 40, 20)
        # From July 2011 on: 184 of 365 days of four, and 32.
        july = int(datetime(2011, 7, 1, tzinfo=UTC).timestamp())
        later = catalog.items(ItemQuery(limit=1, bbox=box, first=july)).bound
        assert later == Matched(10, 36, 17)
        spread = catalog.facets(ItemQuery(bbox=box))
        assert spread["licence"] == {"MIT": Matched(10, 40, 20)}
        assert spread["year"]["2019"] == Matched(2, 4, 2)
        assert spread["year"]["2010"] == Matched(0, 4, 2)


def test_hidden_items_elsewhere_do_not_lead_to_another_sample_of_two_collections(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lower_bounds(monkeypatch, 12, 0, 0)
    # The newest 12 of b and c alone; those of a are not asked for, and d is hidden.
    shown = [item(f"{'bca'[n % 3]}/i{n:02d}", 20 * (n % 2)) for n in range(36)]
    asked = ItemQuery(limit=1, collections=("b", "c"), bbox=BBox(0, 0, 1, 1))
    for hidden in ([], [item(f"d/h{n}", 0, "steward") for n in range(80)]):
        with catalog_of([*shown, *hidden]) as catalog:
            # Two that match are met for a page of one.
            assert catalog.items(asked).bound == Matched(2, 24), len(hidden)
            newest = catalog.items(replace(asked, bbox=BBox(20, 0, 21, 1))).bound
            assert newest == Matched(12, 24, 24), len(hidden)


def test_a_page_of_words_ends_though_all_that_should_follow_was_withdrawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lower_bounds(monkeypatch, 40, 30, 0)
    with catalog_of([item(f"a/i{n}", 8 - n) for n in range(9)]) as catalog:
        page = catalog.items(ItemQuery(limit=5, text="scene"))
        assert page.names == tuple(f"a/i{n}" for n in range(5))
        with catalog.transaction() as tx:
            for n in range(4, 9):
                stub = {"id": f"i{n}", "collection": "a", "reason": "error"}
                tx.revise(Record("item", f"a/i{n}", stub, withdrawn=True))
        after = catalog.items(ItemQuery(limit=5, text="scene", token=page.token))
        assert (after.names, after.token) == ((), "")
