"""Versions: immutable, read as of a moment, withdrawn with a stub, never more open than today."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from earthcommons.catalog import Catalog, ItemQuery, rebuild
from earthcommons.errors import ConflictError, GoneError, InvalidInputError, NotFoundError
from earthcommons.model import OPERATOR, PUBLIC, Party, Record
from earthcommons.policy import acting_as
from earthcommons.store import LocalStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HREF = "/objects/" + "a" * 64 + ".tif"
OTHER = "/objects/" + "b" * 64 + ".tif"


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    made = Catalog(tmp_path / "catalog.sqlite", LocalStore(tmp_path))
    put(made, Record("collection", "c", {"id": "c"}))
    yield made
    made.close()


def item(version: int, href: str = HREF, access: str = "open", **asset: str) -> Record:
    body: dict[str, Any] = {
        "type": "Feature", "id": "a", "collection": "c", "bbox": [0, 0, 1, 1],
        "geometry": {"type": "Point", "coordinates": [0.5, 0.5]},
        "properties": {"datetime": "2015-11-01T00:00:00Z", "title": f"version {version}"},
        "assets": {"data": {"href": href, **asset}},
    }  # fmt: skip
    return Record("item", "c/a", body, version, access)


def tombstone(version: int) -> Record:
    stub = {"id": "a", "collection": "c", "reason": "error"}
    return Record("item", "c/a", stub, version, withdrawn=True)


def put(catalog: Catalog, *records: Record) -> None:
    with catalog.transaction() as tx:
        for record in records:
            tx.put(record)


def date(catalog: Catalog, version: int, when: str) -> None:
    """Pretend that a version was published at that time."""
    with catalog.transaction() as tx:
        tx.sql.execute("UPDATE record SET made = ? WHERE version = ?", (when, version))


def test_a_version_says_for_ever_what_it_said(catalog: Catalog) -> None:
    put(catalog, item(1), item(2, OTHER))
    assert [(v.version, v.state) for v in catalog.versions("item", "c/a")] == [
        (1, "past"),
        (2, "current"),
    ]
    assert catalog.past("item", "c/a", 1)["properties"]["title"] == "version 1"
    assert catalog.past("item", "c/a", 2) == catalog.get("item", "c/a")
    assert catalog.items(ItemQuery()).matched == 1
    with pytest.raises(NotFoundError):
        catalog.past("item", "c/a", 3)
    assert catalog.has_asset(HREF)
    assert catalog.has_asset(OTHER)


def test_as_of_is_the_last_version_made_by_then(catalog: Catalog) -> None:
    put(catalog, item(1), item(2), item(3))
    for version, when in ((1, "2026-01-01"), (2, "2026-02-01"), (3, "2026-03-01")):
        date(catalog, version, f"{when}T00:00:00.000Z")

    def title(at: datetime) -> str:
        found = catalog.as_of("item", "c/a", at)["properties"]["title"]
        listed = catalog.items_as_of("c", at)
        assert [each["properties"]["title"] for each in listed] == [found]
        return str(found)

    assert title(datetime(2026, 1, 1, tzinfo=UTC)) == "version 1"
    assert title(datetime(2026, 2, 28, tzinfo=UTC)) == "version 2"
    assert title(datetime.now(UTC)) == "version 3"
    with pytest.raises(NotFoundError, match=r"at 2025-12-31T00:00:00Z$"):
        catalog.as_of("item", "c/a", datetime(2025, 12, 31, tzinfo=UTC))
    assert catalog.items_as_of("c", datetime(2025, 12, 31, tzinfo=UTC)) == []


def test_a_moment_before_the_year_1000_and_a_number_beyond_all_are_before_and_beyond(
    catalog: Catalog,
) -> None:
    put(catalog, item(1))
    for at in (datetime(999, 1, 1, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)):
        with pytest.raises(NotFoundError):
            catalog.as_of("item", "c/a", at)
        assert catalog.items_as_of("c", at) == []
    with pytest.raises(InvalidInputError):
        catalog.as_of("item", "c/a", datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=9))))
    for number in (10**30, -(10**30)):
        with pytest.raises(NotFoundError):
            catalog.past("item", "c/a", number)


def test_a_withdrawn_record_is_gone_from_every_list_and_its_stub_stays(
    catalog: Catalog,
) -> None:
    put(catalog, item(1), tombstone(2))
    page = catalog.items(ItemQuery())
    assert (page.bodies, page.matched, catalog.count("item")) == ((), 0, 0)
    for ask in (
        lambda: catalog.body("item", "c/a"),
        lambda: catalog.past("item", "c/a", 1),
        lambda: catalog.as_of("item", "c/a", datetime.now(UTC)),
    ):
        with pytest.raises(GoneError) as gone:
            ask()
        assert gone.value.stub["reason"] == "error"
    assert not catalog.has_asset(HREF)
    assert [v.state for v in catalog.versions("item", "c/a")] == ["past", "withdrawn"]


def test_a_withdrawn_record_comes_back_as_the_next_version_only(catalog: Catalog) -> None:
    put(catalog, item(1), tombstone(2))
    with pytest.raises(ConflictError):
        put(catalog, item(2))
    put(catalog, item(3))
    assert catalog.get("item", "c/a")["properties"]["title"] == "version 3"
    assert [v.state for v in catalog.versions("item", "c/a")] == [
        "past",
        "withdrawn",
        "current",
    ]


def test_who_could_not_see_it_does_not_learn_that_it_is_gone(catalog: Catalog) -> None:
    put(catalog, item(1, access="steward"))
    stub = Record("item", "c/a", tombstone(2).body, 2, "steward", withdrawn=True)
    put(catalog, stub)
    with pytest.raises(NotFoundError) as hidden:
        catalog.body("item", "c/a", PUBLIC)
    assert not isinstance(hidden.value, GoneError)
    with pytest.raises(GoneError):
        catalog.body("item", "c/a", OPERATOR)
    with pytest.raises(NotFoundError):
        catalog.versions("item", "c/a")


def test_a_tombstone_names_its_successor_to_whoever_may_find_that(catalog: Catalog) -> None:
    after = item(1, OTHER, access="group:basin")
    put(catalog, item(1), Record("item", "c/b", {**after.body, "id": "b"}, 1, after.access))
    stub = {"id": "a", "collection": "c", "reason": "superseded", "successor": "c/b"}
    put(catalog, Record("item", "c/a", stub, 2, withdrawn=True))
    told = []
    for asker in (PUBLIC, Party("gus", groups=frozenset({"basin"})), OPERATOR):
        with acting_as(asker):
            for read in (
                lambda: catalog.get("item", "c/a"),
                lambda: catalog.past("item", "c/a", 1),
                lambda: catalog.past("item", "c/a", 2),
            ):
                with pytest.raises(GoneError) as gone:
                    read()
                assert gone.value.stub["reason"] == "superseded"
                told.append(gone.value.stub.get("successor"))
    assert told == [None] * 3 + ["c/b"] * 6


def test_the_log_tells_of_a_withdrawal_whoever_may_see_its_stub(catalog: Catalog) -> None:
    def told(party: Party = PUBLIC) -> list[int]:
        both = catalog.changes(party=party), catalog.newest_changes(9, party=party)[::-1]
        of_items = [[change.version for change in log if change.kind == "item"] for log in both]
        assert of_items[0] == of_items[1]
        return of_items[0]

    put(catalog, item(1), tombstone(2))
    assert told() == [1, 2]
    put(catalog, item(3))
    assert told() == [1, 2, 3]
    put(catalog, Record("item", "c/a", tombstone(4).body, 4, "steward", withdrawn=True))
    assert told() == []
    assert told(OPERATOR) == [1, 2, 3, 4]


def test_a_past_version_is_never_more_open_than_the_present(catalog: Catalog) -> None:
    put(catalog, item(1), item(2, access="registered"))
    with pytest.raises(NotFoundError):
        catalog.past("item", "c/a", 1)
    assert not catalog.has_asset(HREF)
    put(catalog, item(3, OTHER), item(4, OTHER, **{"ec:access": "group:g"}))
    assert catalog.past("item", "c/a", 1)["assets"] == {}
    assert not catalog.has_asset(HREF)
    assert catalog.past("item", "c/a", 1, OPERATOR)["assets"] == {"data": {"href": HREF}}


def test_a_past_version_that_was_closed_stays_closed(catalog: Catalog) -> None:
    put(catalog, item(1, access="registered"), item(2, OTHER))
    assert [v.version for v in catalog.versions("item", "c/a")] == [2]
    with pytest.raises(NotFoundError):
        catalog.past("item", "c/a", 1)
    assert not catalog.has_asset(HREF)


def test_tombstones_and_times_survive_a_rebuild(catalog: Catalog, tmp_path: Path) -> None:
    put(catalog, item(1), tombstone(2))
    with catalog.transaction() as tx:
        for n in range(60):
            other = item(1).body | {"id": f"i{n}"}
            tx.put(Record("item", f"c/i{n}", other))
    date(catalog, 1, "2026-01-01T00:00:00.000Z")
    fresh = Catalog(tmp_path / "fresh.sqlite", LocalStore(tmp_path))
    rebuild(fresh, LocalStore(tmp_path), lambda _: [])
    assert list(fresh.dump()) == list(catalog.dump())
    catalog.close()
    fresh.adopt(tmp_path / "catalog.sqlite")
    assert fresh.versions("item", "c/a") == catalog.versions("item", "c/a")
    assert len(fresh.items_as_of("c", datetime(2026, 1, 2, tzinfo=UTC), limit=1000)) == 60
    fresh.close()


def test_items_as_of_come_in_pages_without_a_gap(catalog: Catalog) -> None:
    with catalog.transaction() as tx:
        for n in range(7):
            tx.put(Record("item", f"c/i{n}", item(1).body | {"id": f"i{n}"}))
        tx.put(Record("item", "c2/x", item(1).body | {"id": "x", "collection": "c2"}))
    seen: list[str] = []
    at = datetime.now(UTC) + timedelta(seconds=1)
    with acting_as(PUBLIC):
        while page := catalog.items_as_of("c", at, after=seen[-1] if seen else "", limit=3):
            seen += [each["id"] for each in page]
    assert seen == [f"i{n}" for n in range(7)]
    assert orjson.dumps(seen)
