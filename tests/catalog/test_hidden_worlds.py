"""Of worlds made by chance, with and without what is hidden, the public is told the same."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson
import pytest
import shapely
from tests.catalog.conftest import catalog_of

from earthcommons.catalog import (
    Catalog,
    ItemQuery,
    SortKey,
    counting,
    facets,
    hits,
    plans,
    search,
    walks,
)
from earthcommons.model import BBox, Record

if TYPE_CHECKING:
    from collections.abc import Sequence

BEGIN = datetime(2010, 1, 1, tzinfo=UTC)
WORDS = [
    "lake", "lakes", "glacier", "reeds", "river", "riverbed", "night", "nighttime",
    "湖泊", "冰川湖", "河流", "a10",
]  # fmt: skip
SECRET = [*WORDS, "absent", "absentee", "湖泊水"]
BOXES = [
    BBox(170, -90, -170, 90), BBox(0, -90, 20, 90), BBox(-180, -90, 180, 90),
    BBox(0, 0, 5, 20), BBox(-100, -50, 100, 50), BBox(177, -80, 180, 80),
]  # fmt: skip
SORTS: list[tuple[SortKey, ...]] = [
    (), (SortKey("eo:cloud_cover"),), (SortKey("title"),), (SortKey("datetime", True),),
    (SortKey("datetime"),), (SortKey("eo:cloud_cover", True), SortKey("datetime")),
]  # fmt: skip
Question = tuple[dict[str, Any], tuple[SortKey, ...], int]


def item(
    chance: random.Random, id_: str, access: str, words: list[str], collections: list[str]
) -> Record:
    """Make an item: brief, long or very long; here, across the antimeridian or nowhere."""
    collection = chance.choice(collections)
    start = BEGIN + timedelta(days=chance.choice((chance.randrange(1500), 10)))
    end = start + timedelta(days=chance.choice((0, 0, 0, 1, 30, 31, 32, 100, 400)))
    properties: dict[str, Any] = {
        "title": " ".join(chance.choices(words, k=chance.randint(1, 4))),
        "license": chance.choice(("MIT", "CC0-1.0")), "datetime": None,
        "start_datetime": f"{start:%Y-%m-%dT%H:%M:%SZ}",
        "end_datetime": f"{end:%Y-%m-%dT%H:%M:%SZ}",
    }  # fmt: skip
    if chance.random() < 0.7:
        properties["eo:cloud_cover"] = chance.randrange(5)
    if chance.random() < 0.3:
        properties["ec:regions"] = chance.sample(["r1", "r2", "r3"], k=2)
    west, south = chance.choice((chance.randrange(-180, 175), 3)), chance.randrange(-80, 80)
    bbox: list[int] | None = [west, south, west + chance.choice((0, 1, 5)), south + 1]
    bbox = chance.choice((bbox, bbox, bbox, bbox, [178, south, -178, south + 1], None))
    shape = None if bbox is None else {"type": "Point", "coordinates": bbox[:2]}
    body = {
        "type": "Feature", "id": id_, "collection": collection, "assets": {},
        "properties": properties, "bbox": bbox, "geometry": shape,
    }  # fmt: skip
    return Record("item", f"{collection}/{id_}", body, access=access)


def question(chance: random.Random) -> Question:
    asked: dict[str, Any] = {}
    if chance.random() < 0.5:
        asked["collections"] = tuple(chance.sample("abcdefg", k=chance.randint(1, 4)))
    if chance.random() < 0.4:
        two = chance.sample(SECRET, k=2)
        asked["text"] = chance.choice((two[0], " ".join(two), ", ".join(two), "l", "n, ri"))
    if chance.random() < 0.4:
        asked["bbox"] = chance.choice(BOXES)
    elif chance.random() < 0.1:
        asked["intersects"] = shapely.box(0, -40, 20, 40)
    when = int((BEGIN + timedelta(days=chance.randrange(1600))).timestamp())
    times = chance.choice(({}, {}, {"first": when}, {"last": when}, {"first": 0, "last": when}))
    asked |= {k: v or when - 86_400 * chance.choice((10, 100, 500)) for k, v in times.items()}
    if chance.random() < 0.25:
        cloud: dict[str, Any] = {"property": "eo:cloud_cover"}
        asked["filter"] = {"op": ">=", "args": [cloud, chance.randrange(5)]}
    if chance.random() < 0.05:
        asked["ids"] = ("i1", "h1", "i2")
    return asked, chance.choice(SORTS), chance.choice((1, 3, 10))


def lower_bounds(monkeypatch: pytest.MonkeyPatch, chance: random.Random) -> None:
    """Let some dozen items be as many as a million, each way its turn to be the cheaper."""
    counted, most = chance.choice((1, 4, 10, 40)), chance.choice((0, 2, 8, 30, 2000))
    walked, pages = chance.choice((1, 3, 20, 4000)), chance.choice((0, 1, 2, 10**6))
    looked = chance.choice((5000, 0, 50))
    for module, name, bound in (
        (plans, "RARE", chance.choice((1, 2, 10, 300))), (plans, "WALKED", walked),
        (counting, "COUNTED", counted), (counting, "LEAST", 1), (counting, "LISTED", most),
        # As many rows as may cost one test of a shape.
        (facets, "FACETED", 40 * counted), (facets, "LISTED", 2 * most),
        (hits, "_pages", lambda *_: pages), (walks, "_MOST_ARMS", chance.choice((64, 2, 1))),
        (search, "SORTED", chance.choice((20_000, 3))), (search, "_ALONG", (walked, 4 * walked)),
        (search, "_SOON", chance.choice((2000, 2))),
        *((module, "LOOKED", looked) for module in (hits, plans, search, counting)),
    ):  # fmt: skip
        monkeypatch.setattr(module, name, bound)


def told(catalog: Catalog, questions: Sequence[Question]) -> list[Any]:
    """Return the first pages and the facets of each question; check them against all matches."""
    answers: list[Any] = []
    for asked, sort, limit in questions:
        bodies = catalog.items(ItemQuery(limit=1000, **asked)).bodies
        matches = [orjson.loads(body)["properties"] for body in bodies]
        token, names = "", list[str]()
        for _ in range(4):
            page = catalog.items(ItemQuery(limit=limit, sort=sort, token=token, **asked))
            assert page.bound is not None
            assert page.bound.low <= len(matches) <= page.bound.high, asked
            answers.append((asked, sort, page))
            names += page.names
            if not (token := page.token):
                assert len(names) == len(set(names)) == len(matches), asked
                break
        spread = catalog.facets(ItemQuery(**asked))
        answers.append((asked, {name: list(found.items()) for name, found in spread.items()}))
        for name, true in (
            ("year", Counter(each["end_datetime"][:4] for each in matches)),
            ("licence", Counter(each["license"] for each in matches)),
            ("region", Counter(r for each in matches for r in each.get("ec:regions", ()))),
        ):
            assert set(true) <= set(spread[name]), asked
            assert all(n.low <= true[v] <= n.high for v, n in spread[name].items()), asked
    return answers


@pytest.mark.parametrize("seed", range(20))
def test_the_public_is_told_the_same_of_a_world_with_hidden_items(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - not a secret
    lower_bounds(monkeypatch, chance)
    shown = list("abcdef"[: chance.randint(1, 6)])
    secret = chance.choice((shown, ["g"], [*shown, "g"], shown[:1]))
    visible = [
        item(chance, f"i{n}", "open", WORDS, shown) for n in range(chance.randint(5, 50))
    ]
    hidden = [
        item(chance, f"h{n}", "steward", SECRET, secret)
        for n in range(chance.choice((1, 5, 40, 80)))
    ]
    questions = [question(chance) for _ in range(15)]
    with catalog_of(visible) as catalog:
        alone = told(catalog, questions)
    mixed = [*visible, *hidden]
    chance.shuffle(mixed)
    with catalog_of(mixed) as catalog:
        beside = told(catalog, questions)
    for one, other in zip(alone, beside, strict=True):
        assert one == other
