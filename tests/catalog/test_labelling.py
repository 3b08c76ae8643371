"""Labels in force: from a collection to its items, their bytes, and what rests on them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earthcommons.catalog import Catalog, ItemQuery, ObservationQuery, RecordQuery, rebuild
from earthcommons.errors import GoneError, InvalidInputError, NotFoundError
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


def collection(
    access: str = "open", version: int = 1, owner: str = "hydro", **stated: str
) -> Record:
    body: dict[str, Any] = {"id": "c", "ec:owner": owner}
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
@given(
    st.lists(
        st.tuples(st.sampled_from(["c", "a", "b", "hand over", "withdraw"]), labels, labels),
        max_size=6,
    )
)
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
    with catalog.transaction() as tx:
        tx.put(erratum("b"))
    for step, access, fetch in steps:
        name = {"hand over": "c", "withdraw": "b"}.get(step, step)
        version = versions[name] + 1
        if step == "withdraw":
            stub = {"id": "b", "collection": "c", "ec:access": {"fetch": fetch}}
            made = Record("item", "c/b", stub, version, access, withdrawn=True)
        elif name == "c":
            owner = "basin" if step == "hand over" else "hydro"
            made = collection(access, version, owner, fetch=fetch)
        else:
            assets = {"data": fetch, "source": "open"}
            made = item(name, access, assets, version, fetch=fetch)
        with catalog.transaction() as tx:
            versions[name] += tx.revise(made)
    again = Catalog(root / "two.sqlite", LocalStore(root))
    rebuild(again, LocalStore(root), lambda _: [])
    assert list(again.dump()) == list(catalog.dump())
    assert asset_labels(again) == asset_labels(catalog)
    for catalogue in (catalog, again):
        catalogue.close()


def erratum(id_: str) -> Record:
    links = (Link("corrects", "item", f"c/{id_}"),)
    return Record("erratum", f"err-{id_}", {"id": f"err-{id_}"}, links=links)


def asset_labels(catalog: Catalog) -> list[tuple[str, str, str]]:
    with catalog.transaction() as tx:
        return tx.sql.execute(
            "SELECT r.id, a.name, a.access FROM asset a JOIN record r ON r.k = a.k ORDER BY 1, 2"
        ).fetchall()


def test_who_handed_a_collection_on_is_excused_no_longer(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        tx.revise(item("a", "group:basin"))
        tx.revise(item("b", assets={"data": "group:basin"}))
    old, new = (
        Party("old", frozenset({"steward:hydro"})),
        Party("new", frozenset({"steward:lake"})),
    )
    assert catalog.has_asset("/objects/b-data", old)
    with catalog.transaction() as tx:
        tx.revise(collection(owner="lake"))
    for party, may in ((old, False), (new, True)):
        assert catalog.has_asset("/objects/b-data", party) is may
        assert ("c/a" in catalog.items(ItemQuery(), party).names) is may


def test_a_closed_collection_closes_the_tombstones_of_its_items(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        stub = {"id": "b", "collection": "c", "note": "why"}
        tx.revise(Record("item", "c/b", stub, withdrawn=True))
    with pytest.raises(GoneError):
        catalog.get("item", "c/b", PUBLIC)
    with catalog.transaction() as tx:
        tx.revise(collection("group:basin"))
    with pytest.raises(NotFoundError) as no:
        catalog.get("item", "c/b", PUBLIC)
    assert not isinstance(no.value, GoneError)
    assert catalog.links_from("run", "run-2", PUBLIC) == ()


def test_a_run_that_is_open_does_not_name_a_closed_input_that_was_withdrawn(
    catalog: Catalog,
) -> None:
    with catalog.transaction() as tx:
        tx.revise(item("b", "group:basin", derive="open"))
    assert catalog.get("run", "run-2", PUBLIC)
    with catalog.transaction() as tx:
        stub = {"id": "b", "collection": "c", "ec:access": {"derive": "open"}}
        tx.revise(Record("item", "c/b", stub, access="group:basin", withdrawn=True))
    assert catalog.get("run", "run-2", PUBLIC)
    assert catalog.links_from("run", "run-2", PUBLIC) == ()


def test_a_notice_about_a_record_is_closed_and_opened_with_it(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        tx.put(erratum("b"))
    assert catalog.get("erratum", "err-b", PUBLIC)
    for closed in (item("b", "group:basin"), collection("group:basin")):
        with catalog.transaction() as tx:
            tx.revise(closed)
        with pytest.raises(NotFoundError):
            catalog.get("erratum", "err-b", PUBLIC)
        assert catalog.get("erratum", "err-b", STEWARD)
        with catalog.transaction() as tx:
            tx.revise(item("b") if closed.kind == "item" else collection())
        assert catalog.get("erratum", "err-b", PUBLIC)
