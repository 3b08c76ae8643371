"""What gathering words costs is known before it is paid."""

from __future__ import annotations

import pytest

from earthcommons.catalog import Catalog, ItemQuery, RecordQuery, hits
from earthcommons.catalog.conditions import conditions_of
from earthcommons.catalog.hits import Hits
from earthcommons.model import Record
from earthcommons.store import LocalStore

MANY = 2_000


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    root = tmp_path_factory.mktemp("hits")
    made = Catalog(root / "c.sqlite", LocalStore(root))
    with made.transaction() as tx:
        for n in range(MANY):
            body = {
                "type": "Feature", "id": f"i{n}", "collection": "c", "assets": {},
                "geometry": None,
                "properties": {"datetime": f"2020-01-01T{n % 24:02d}:{n % 60:02d}:00Z",
                               "title": f"scene of station{n}"},
            }  # fmt: skip
            tx.put(Record("item", f"c/i{n}", body))
        for n, title in enumerate(("A scene", "Scenes and more scenes", "Lakes")):
            tx.put(Record("collection", f"k{n}", {"id": f"k{n}", "title": title}))
    return made


def cost(catalog: Catalog, text: str) -> tuple[int, bool]:
    query = ItemQuery(text=text)
    with catalog._file.connection().bounded() as sql:
        found = Hits(sql, query, conditions_of(query, ["open"]))
        return found.cost, found.whole


def test_a_word_of_all_items_costs_more_the_more_it_fills_and_a_rare_one_nothing(
    catalog: Catalog,
) -> None:
    assert cost(catalog, "station77")[0] <= cost(catalog, "station")[0] // 4
    assert cost(catalog, "nothing")[0] < cost(catalog, "scene")[0]
    # Two characters are no beginning of other words: nothing is gathered.
    assert cost(catalog, "of") == (0, True)


def test_a_common_word_beside_a_rare_one_is_left_to_the_test(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hits, "LOOKED", hits._ROWS_A_PAGE)
    alone, _ = cost(catalog, "station77")
    assert cost(catalog, "scene station77") == (alone, False)
    page = catalog.items(ItemQuery(text="scene station77", limit=1000))
    wanted = {f"c/i{n}" for n in range(MANY) if f"station{n}".startswith("station77")}
    assert set(page.names) == wanted
    assert page.matched == len(wanted)


@pytest.mark.parametrize("looked", [-1, 10**9])
def test_records_hold_the_words_of_items_too_and_the_best_comes_first_either_way(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch, looked: int
) -> None:
    monkeypatch.setattr("earthcommons.catalog.search.LOOKED", looked)
    page = catalog.records(RecordQuery("collection", text="scene", limit=1))
    assert page.matched == 2
    assert b"more scenes" in page.bodies[0]
    rest = catalog.records(RecordQuery("collection", text="scene", limit=1, token=page.token))
    assert b"A scene" in rest.bodies[0]
    assert not rest.token
