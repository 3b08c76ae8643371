"""Labels in force: from a collection to its items, their bytes, and what rests on them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earthcommons.catalog import Catalog, ItemQuery, ObservationQuery, RecordQuery, rebuild
from earthcommons.errors import InvalidInputError, NotFoundError
from earthcommons.model import OPERATOR, PUBLIC, Link, Observation, Party, Period, Record
from earthcommons.policy import acting_as
from earthcommons.store import LocalStore

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 22, tzinfo=UTC)
BASIN = Party("ada", groups=frozenset({"basin"}))
STEWARD = Party("zhu", frozenset({"steward:hydro"}))


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    made = Catalog(tmp_path / "catalog.sqlite", LocalStore(tmp_path))
    with made.transaction() as tx:
        tx.put(item("a"))
        tx.put(item("b"))
        tx.put(collection())
        tx.put(run("run-1", "a"))
        tx.put_observations("run-1", "d", [observation("run-1")])
        tx.put(
            Record("series", "x", {"run": "run-1"}, links=(Link("current", "run", "run-1"),))
        )
        tx.put(
            Record(
                "alert", "alert-1", {"id": "alert-1"}, links=(Link("rests-on", "run", "run-1"),)
            )
        )
        tx.put(Record("report", "r", {"key": "r"}, links=(Link("rests-on", "run", "run-1"),)))
        tx.put(run("run-2", "b"))
    return made


def collection(access: str = "open", version: int = 1, **stated: str) -> Record:
    body: dict[str, Any] = {"id": "c", "ec:owner": "hydro"}
    if stated:
        body["ec:access"] = stated
    return Record("collection", "c", body, version, access)


def item(id_: str, access: str = "open", assets: dict[str, str] | None = None, version: int = 1,
         **stated: str) -> Record:  # fmt: skip
    named = assets if assets is not None else {"data": "open", "source": "open"}
    body: dict[str, Any] = {
        "type": "Feature", "id": id_, "collection": "c", "bbox": [0, 0, 1, 1],
        "geometry": {"type": "Point", "coordinates": [0.5, 0.5]},
        "properties": {"datetime": "2015-11-01T00:00:00Z", "title": id_},
        "assets": {
            name: {"href": f"/objects/{id_}-{name}", "file:checksum": f"1220{id_}", "file:size": 7}
            | ({} if label == "open" else {"ec:access": label})
            for name, label in named.items()
        },
    }  # fmt: skip
    if stated:
        body["ec:access"] = stated
    return Record("item", f"c/{id_}", body, version, access)


def run(id_: str, item_id: str) -> Record:
    links = (Link("used", "item", f"c/{item_id}"),)
    return Record("run", id_, {"id": id_, "output": "o"}, links=links)


def observation(run_id: str) -> Observation:
    return Observation(
        indicator="x", region="m49:156", period=Period.year(2015), value=1.0, unit="1",
        status="estimated", run=run_id,
    )  # fmt: skip


def seen(catalog: Catalog, party: Party) -> set[str]:
    """Names of all that a party sees, by every way there is to see it."""
    with acting_as(party, at=NOW):
        page = catalog.items(ItemQuery())
        found = {f"item {orjson.loads(body)['id']}" for body in page.bodies}
        assert page.matched == len(found)
        assert catalog.count("item") == len(found)
        for kind in ("collection", "run", "series", "alert", "report"):
            records = catalog.records(RecordQuery(kind))
            assert records.matched == catalog.count(kind) == len(catalog.all(kind))
            found |= {kind} if records.bodies else set()
        if catalog.observations(ObservationQuery(run="run-1")).bodies:
            found.add("observation")
        for name in ("a", "b"):
            try:
                catalog.body("item", f"c/{name}")
            except NotFoundError:
                assert f"item {name}" not in found
        if any(catalog.has_asset(f"/objects/{name}-data") for name in ("a", "b")):
            found.add("bytes")
        changed = {change.kind for change in catalog.changes()}
        assert changed == {change.kind for change in catalog.newest_changes(100)}
        assert changed <= {name.split()[0] for name in found}
    return found


EVERYTHING = {
    "item a", "item b", "collection", "run", "series", "alert", "report", "observation", "bytes",
}  # fmt: skip


def test_what_is_open_is_open_throughout(catalog: Catalog) -> None:
    assert seen(catalog, PUBLIC) == EVERYTHING


def test_closing_a_collection_closes_its_items_bytes_and_all_that_rests_on_them(
    catalog: Catalog,
) -> None:
    with catalog.transaction() as tx:
        tx.put(collection("group:basin", 2))
    assert seen(catalog, PUBLIC) == set()
    assert (
        seen(catalog, BASIN) == seen(catalog, STEWARD) == seen(catalog, OPERATOR) == EVERYTHING
    )
    with catalog.transaction() as tx:
        tx.put(collection("open", 3))
    assert seen(catalog, PUBLIC) == EVERYTHING


def test_what_was_computed_can_be_released_while_the_data_stay_closed(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        tx.put(collection("group:basin", 2, derive="open"))
    assert seen(catalog, PUBLIC) == {"run", "series", "alert", "report", "observation"}


def test_bytes_can_ask_for_more_than_the_record(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        tx.put(collection("open", 2, fetch="licence:x", derive="open"))
    assert seen(catalog, PUBLIC) == EVERYTHING - {"bytes"}
    body = catalog.get("item", "c/a")
    assert body["assets"] == {}
    assert body["ec:withheld"] == {"data": ["licence:x"], "source": ["licence:x"]}
    text = orjson.dumps(catalog.get("item", "c/a"))
    assert b"/objects/" not in text
    assert b"1220a" not in text
    accepted = Party("mei", licences=frozenset({"x"}))
    assert seen(catalog, accepted) == EVERYTHING
    assert "ec:withheld" not in catalog.get("item", "c/a", accepted)


def test_one_asset_can_ask_for_more_and_a_group_is_not_named(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        tx.put(item("a", assets={"data": "open", "source": "group:secret-society"}, version=2))
    found = catalog.get("item", "c/a")
    assert set(found["assets"]) == {"data"}
    assert found["ec:withheld"] == {"source": ["group"]}
    assert b"secret-society" not in catalog.body("item", "c/a").replace(b'"ec:access"', b"")
    assert catalog.has_asset("/objects/a-data")
    assert not catalog.has_asset("/objects/a-source")
    pages = [orjson.loads(body) for body in catalog.items(ItemQuery(ids=("a",))).bodies]
    assert pages[0]["ec:withheld"] == {"source": ["group"]}


def test_an_embargoed_item_appears_at_its_moment_with_what_rests_on_it(
    catalog: Catalog,
) -> None:
    with catalog.transaction() as tx:
        tx.put(item("a", "after:2026-11-22T00:00:01Z", version=2))
    assert seen(catalog, PUBLIC) == {"item b", "collection", "run", "bytes"}
    with acting_as(PUBLIC, at=datetime(2026, 11, 22, 0, 0, 1, tzinfo=UTC)):
        assert catalog.get("item", "c/a")["id"] == "a"
        assert catalog.observations(ObservationQuery(run="run-1")).matched == 1


def test_an_item_cannot_be_more_open_than_its_collection(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        tx.put(collection("group:basin", 2))
        tx.put(item("z", "open"))
        tx.put(item("y", "registered"))
    assert catalog.standing("item", "c/z", OPERATOR).faces.find == "group:basin@hydro"
    assert catalog.standing("item", "c/y", OPERATOR).faces.find == (
        "group:basin@hydro & registered@hydro"
    )
    assert catalog.standing("item", "c/y", OPERATOR).owner == "hydro"


def test_a_label_nobody_knows_is_refused_and_leaves_nothing(catalog: Catalog) -> None:
    before = list(catalog.dump())
    for record in (item("q", "friends"), item("q", fetch="x"), collection("closed", 2)):
        with pytest.raises(InvalidInputError), catalog.transaction() as tx:
            tx.put(record)
    assert list(catalog.dump()) == before


labels = st.sampled_from(["open", "registered", "group:basin", "steward", "licence:x"])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["c", "a", "b"]), labels, labels), max_size=5))
def test_labels_do_not_depend_on_the_order_things_were_written_in(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, str]]
) -> None:
    root = tmp_path_factory.mktemp("order")
    catalog = Catalog(root / "one.sqlite", LocalStore(root))
    with catalog.transaction() as tx:
        for record in (run("run-1", "a"), item("a"), item("b"), collection()):
            tx.put(record)
        tx.put_observations("run-1", "d", [])
        tx.put(Record("alert", "z", {"id": "z"}, links=(Link("rests-on", "run", "run-1"),)))
    versions = {"a": 1, "b": 1, "c": 1}
    for name, access, fetch in steps:
        with catalog.transaction() as tx:
            version = versions[name] + 1
            made = (
                collection(access, version, fetch=fetch)
                if name == "c"
                else item(name, access, version=version, fetch=fetch)
            )
            versions[name] += tx.revise(made)
    again = Catalog(root / "two.sqlite", LocalStore(root))
    rebuild(again, LocalStore(root), lambda _: [])
    assert list(again.dump()) == list(catalog.dump())
    for catalogue in (catalog, again):
        catalogue.close()
