"""Ways through the index: every way gives what brute force gives, and pages survive writers."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from earthcommons.catalog import Catalog, ItemQuery, SortKey, counting, hits, plans, search
from earthcommons.catalog.conditions import conditions_of
from earthcommons.catalog.counting import count_items
from earthcommons.errors import InvalidInputError
from earthcommons.model import OPERATOR, BBox, Record
from earthcommons.store import LocalStore

DAY = 86_400


def stamp(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def item(name: str, box: list[float] | None, first: int, last: int, title: str = "x") -> Record:
    collection, id_ = name.split("/")
    body: dict[str, Any] = {
        "type": "Feature", "id": id_, "collection": collection, "assets": {}, "geometry": None,
        "properties": {"datetime": None, "start_datetime": stamp(first),
                       "end_datetime": stamp(last), "title": title},
    }  # fmt: skip
    if box is not None:
        west, south, east, north = box
        sides = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
        shapes = [shapely.box(a, south, b, north) for a, b in sides]
        body |= {"bbox": box, "geometry": shapely.MultiPolygon(shapes).__geo_interface__}
    return Record("item", name, body)


# Coordinates beyond 32 bits, both sides of 180 degrees, and both poles.
LON = st.sampled_from([-180.0, -179.9999999, -0.1, 0.0, 0.1, 10.1, 179.9999999, 180.0])
LAT = st.sampled_from([-90.0, -89.9999999, -0.1, 0.0, 0.1, 45.3, 90.0])
SECOND = st.integers(0, 5000).map(lambda day: day * DAY)


@st.composite
def boxes(draw: st.DrawFn) -> list[float]:
    south, north = sorted((draw(LAT), draw(LAT)))
    return [draw(LON), south, draw(LON), north]


# Each title has the word that all have.
TITLES = ["lake scene", "scene, lake glacier", "scene of lakes", "scene 湖泊变化"]
TEXTS = [
    "lake",
    "lak",
    "glacier",
    "湖泊",
    "泊变",
    "none",
    "scene",
    "lake scene",
    "scene glacier",
]
TEXTS += ["glacier none", "glacier, 湖泊", "none, lake glacier", "scene none", "lakes,scene"]


@st.composite
def items(draw: st.DrawFn) -> list[Record]:
    made = []
    for n in range(draw(st.integers(1, 14))):
        first = draw(SECOND)
        last = first + draw(st.sampled_from([0, 0, 0, DAY, 31 * DAY, 31 * DAY + 1, 900 * DAY]))
        box = draw(st.one_of(st.none(), boxes()))
        words = draw(st.sampled_from(TITLES))
        made.append(item(f"{draw(st.sampled_from('abc'))}/i{n:02d}", box, first, last, words))
    return made


@st.composite
def questions(draw: st.DrawFn) -> dict[str, Any]:
    asked: dict[str, Any] = {}
    if draw(st.booleans()):
        world = [-180.0, -90.0, 180.0, 90.0]
        asked["bbox"] = BBox.of(draw(st.one_of(boxes(), st.just(world))))
    if draw(st.booleans()):
        asked["first"] = draw(SECOND)
    if draw(st.booleans()):
        asked["last"] = asked.get("first", 0) + draw(SECOND)
    if draw(st.booleans()):
        asked["collections"] = tuple(draw(st.sets(st.sampled_from("abcd"), min_size=1)))
    if draw(st.booleans()):
        asked["text"] = draw(st.sampled_from(TEXTS))
    return asked


def parts(box: list[float]) -> list[tuple[float, float]]:
    return [(box[0], box[2])] if box[0] <= box[2] else [(box[0], 180.0), (-180.0, box[2])]


def matches(record: Record, asked: dict[str, Any]) -> bool:
    body, properties = record.body, record.body["properties"]
    first, last = (
        datetime.fromisoformat(properties[n]).timestamp()
        for n in ("start_datetime", "end_datetime")
    )
    box = body.get("bbox")
    if (wanted := asked.get("bbox")) is not None:
        if box is None or not (box[1] <= wanted.north and box[3] >= wanted.south):
            return False
        sides = parts(wanted.as_list())
        if not any(w <= e2 and e >= w2 for w, e in parts(box) for w2, e2 in sides):
            return False
    return (
        last >= asked.get("first", -1)
        and first <= asked.get("last", 10**12)
        and body["collection"] in asked.get("collections", "abc")
        and ("text" not in asked or holds(properties["title"], asked["text"]))
    )


def holds(title: str, text: str) -> bool:
    """Each word of these texts stands where some word of these titles begins."""
    return any(all(word in title for word in term.split()) for term in text.split(","))


BOUNDS = [(0, 1), (2_000, 4_000)]
# Pages of the index that words which begin so are said to fill: none, some, too many to gather.
PAGES = st.fixed_dictionaries({word: st.sampled_from([0, 1, 150, 10**6]) for word in "lsgn"})


def judge(monkeypatch: pytest.MonkeyPatch, pages: dict[str, int]) -> None:
    monkeypatch.setattr(hits, "_pages", lambda _, start: pages.get(start[0], 0))


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    records=items(), asked=questions(), size=st.integers(1, 4), bound=st.sampled_from(BOUNDS),
    pages=PAGES,
)  # fmt: skip
def test_every_way_pages_through_what_brute_force_finds_newest_first(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch,
    records: list[Record], asked: dict[str, Any], size: int, bound: tuple[int, int],
    pages: dict[str, int],
) -> None:  # fmt: skip
    # Bounds so low that every way is tried, left and taken up again.
    judge(monkeypatch, pages)
    monkeypatch.setattr(plans, "RARE", bound[0])
    monkeypatch.setattr(plans, "WALKED", bound[1])
    root = tmp_path_factory.mktemp("plans")
    catalog = Catalog(root / "c.sqlite", LocalStore(root))
    with catalog.transaction() as tx:
        for record in records:
            tx.put(record)
    expected = [record for record in records if matches(record, asked)]
    expected.sort(key=lambda r: r.id)
    expected.sort(key=lambda r: str(r.body["properties"]["end_datetime"]), reverse=True)
    seen: list[str] = []
    token = ""
    while True:
        page = catalog.items(ItemQuery(limit=size, token=token, **asked))
        seen += page.names
        assert (
            page.matched in (None, len(expected))
            if "text" in asked
            else (page.matched == len(expected))
        )
        assert page.bound is not None
        assert page.bound.low <= len(expected) <= page.bound.high
        token = page.token
        if not token:
            break
    assert seen == [record.id for record in expected]
    catalog.close()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(records=items(), asked=questions(), most=st.integers(1, 6), pages=PAGES)
def test_a_count_that_was_cut_short_holds_between_its_bounds_and_never_claims_to_be_exact(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch,
    records: list[Record], asked: dict[str, Any], most: int, pages: dict[str, int],
) -> None:  # fmt: skip
    judge(monkeypatch, pages)
    root = tmp_path_factory.mktemp("counts")
    catalog = Catalog(root / "c.sqlite", LocalStore(root))
    with catalog.transaction() as tx:
        for record in records:
            tx.put(record)
    query = ItemQuery(**asked)
    monkeypatch.setattr(counting, "COUNTED", most)
    monkeypatch.setattr(counting, "LEAST", 1)
    with catalog._file.connection().bounded() as sql:
        asked_for = conditions_of(query, ["open"])
        sql.ask(asked_for.shapes, asked_for.holds)
        found = count_items(sql, query, asked_for)
    true = sum(matches(record, asked) for record in records)
    assert found.low <= true <= found.high
    assert found.exact in (None, true)
    catalog.close()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(records=items(), asked=questions(), text=st.sampled_from(TEXTS), pages=PAGES,
       clouds=st.lists(st.sampled_from([None, 0.0, 1.5, 9.0]), min_size=14, max_size=14),
       name=st.sampled_from(["eo:cloud_cover", "datetime", "title"]), down=st.booleans(),
       bound=st.sampled_from([(1, (1, 3)), (3, (2, 100)), (2_000, (4_000, 20_000))]))  # fmt: skip
def test_words_in_another_order_page_through_what_brute_force_finds(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch,
    records: list[Record], asked: dict[str, Any], text: str, pages: dict[str, int],
    clouds: list[float | None], name: str, down: bool, bound: tuple[int, tuple[int, int]],
) -> None:  # fmt: skip
    judge(monkeypatch, pages)
    monkeypatch.setattr(search, "_SOON", bound[0])
    monkeypatch.setattr(search, "_ALONG", bound[1])
    root = tmp_path_factory.mktemp("sorted")
    catalog = Catalog(root / "c.sqlite", LocalStore(root))
    with catalog.transaction() as tx:
        for record, cloud in zip(records, clouds, strict=False):
            if cloud is not None:
                record.body["properties"]["eo:cloud_cover"] = cloud
            tx.put(record)
    asked = {**asked, "text": text}
    kept = "end_datetime" if name == "datetime" else name
    expected = sorted((r for r in records if matches(r, asked)), key=lambda r: r.id)
    value = {r.id: r.body["properties"].get(kept) for r in expected}
    having = [r.id for r in expected if value[r.id] is not None]
    having.sort(key=lambda id_: value[id_], reverse=down)
    lacking = [r.id for r in expected if value[r.id] is None]
    seen: list[str] = []
    token = ""
    while True:
        query = ItemQuery(limit=2, token=token, sort=(SortKey(name, descending=down),), **asked)
        page = catalog.items(query)
        seen += page.names
        assert page.bound is not None
        assert page.bound.low <= len(expected) <= page.bound.high
        token = page.token
        if not token:
            break
    assert seen == having + lacking
    catalog.close()


@pytest.mark.parametrize("sort", [(), (SortKey("datetime"),)])
def test_a_common_word_beside_a_rarer_one_still_narrows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sort: tuple[SortKey, ...]
) -> None:
    judge(monkeypatch, {"p": 10**6, "r": 0})
    for name, bound in (("RARE", 0), ("WALKED", 1), ("LOOKED", 0)):
        monkeypatch.setattr(plans, name, bound)
    catalog = Catalog(tmp_path / "c.sqlite", LocalStore(tmp_path))
    titles = ["reed", "reed by a pond", "pond", "a ponderosa, reeds"]
    with catalog.transaction() as tx:
        for n in range(40):
            tx.put(item(f"a/i{n:02d}", None, n * DAY, n * DAY, titles[n % 4]))
    wanted = [f"a/i{n:02d}" for n in range(39, -1, -1) if n % 2]
    found = catalog.items(ItemQuery(text="reed pond", limit=5, sort=sort)).names
    assert list(found) == (wanted[::-1] if sort else wanted)[:5]
    catalog.close()


class Walking(RuleBasedStateMachine):
    """Somebody pages through everything while others add, move and revise items."""

    root: Path

    def __init__(self) -> None:
        super().__init__()
        folder = Path(tempfile.mkdtemp(dir=self.root))
        self.catalog = Catalog(folder / "c.sqlite", LocalStore(folder))
        self.count = 0
        self.there: dict[str, int] = {}

    @initialize(days=st.lists(st.integers(0, 9), min_size=1, max_size=12))
    def begin(self, days: list[int]) -> None:
        for day in days:
            self.add(day)
        self.untouched = set(self.there)
        self.seen: list[str] = []
        self.token, self.ended = "", False

    @rule(day=st.integers(0, 9))
    def add(self, day: int) -> None:
        name = f"{'abc'[self.count % 3]}/i{self.count:03d}"
        with self.catalog.transaction() as tx:
            tx.put(item(name, [0, 0, 1, 1], day * DAY, day * DAY, "lake"))
        self.there[name] = day
        self.count += 1

    @precondition(lambda self: self.there)
    @rule(data=st.data(), day=st.integers(0, 9))
    def move(self, data: st.DataObject, day: int) -> None:
        name = data.draw(st.sampled_from(sorted(self.there)))
        with self.catalog.transaction() as tx:
            if tx.revise(item(name, [0, 0, 1, 1], day * DAY, day * DAY, "lake moved")):
                self.untouched.discard(name)

    @precondition(lambda self: not self.ended)
    @rule(size=st.integers(1, 3))
    def turn(self, size: int) -> None:
        page = self.catalog.items(ItemQuery(limit=size, token=self.token, **self.asked))
        self.seen += page.names
        self.token = page.token
        self.ended = not page.token
        assert len([n for n in self.seen if n in self.untouched]) == len(
            {n for n in self.seen if n in self.untouched}
        )

    asked: dict[str, Any] = {}  # noqa: RUF012

    def teardown(self) -> None:
        while not self.ended:
            self.turn(3)
        assert self.untouched <= set(self.seen)
        self.catalog.close()


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"bbox": BBox(0, 0, 1, 1)},
        {"text": "lake"},
        {"collections": ("a", "b", "c")},
    ],
    ids=["all", "box", "words", "collections"],
)
def test_c11_each_item_there_for_the_whole_walk_is_seen_exactly_once(
    tmp_path: Path, asked: dict[str, Any]
) -> None:
    machine = type("Walk", (Walking,), {"root": tmp_path, "asked": asked})
    case = machine.TestCase()  # type: ignore[attr-defined]
    case.settings = settings(max_examples=12, stateful_step_count=12, deadline=None)
    case.runTest()


def test_c10_a_token_of_another_question_or_of_somebody_who_sees_other_things_is_refused(
    tmp_path: Path,
) -> None:
    catalog = Catalog(tmp_path / "c.sqlite", LocalStore(tmp_path))
    with catalog.transaction() as tx:
        for n in range(3):
            tx.put(item(f"a/i{n}", None, n, n))
        hidden = item("a/hidden", None, 9, 9)
        tx.put(Record("item", hidden.id, hidden.body, access="steward"))
    token = catalog.items(ItemQuery(limit=1), OPERATOR).token
    cases: list[tuple[str, dict[str, Any]]] = [
        (token, {}),
        (token, {"collections": ("a",)}),
        (token[:-3] + "AAA", {}),
        ("A" * 1_000_000, {}),
    ]
    for bad, query in cases:
        with pytest.raises(InvalidInputError) as refused:
            catalog.items(ItemQuery(limit=1, token=bad, **query))
        assert refused.value.code == "bad-token"
    assert catalog.items(ItemQuery(limit=1, token=token), OPERATOR).names == ("a/i2",)
    catalog.close()


def test_an_order_with_lacking_values_pages_to_the_end(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "c.sqlite", LocalStore(tmp_path))
    clouds = [3.0, None, 1.5, None, 3.0, 0.0]
    with catalog.transaction() as tx:
        for n, cloud in enumerate(clouds):
            record = item(f"a/i{n}", None, n, n)
            if cloud is not None:
                record.body["properties"]["eo:cloud_cover"] = cloud
            tx.put(record)
    for down in (True, False):
        query: dict[str, Any] = {"sort": (SortKey("eo:cloud_cover", descending=down),)}
        seen, token = [], ""
        while True:
            page = catalog.items(ItemQuery(limit=1, token=token, **query))
            seen += [orjson.loads(b)["properties"].get("eo:cloud_cover") for b in page.bodies]
            token = page.token
            if not token:
                break
        held = sorted((c for c in clouds if c is not None), reverse=down)
        assert seen == [*held, None, None]
    catalog.close()
