"""What the items of a collection can be asked for, as somebody who may see some of them is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from earthcommons.catalog import Catalog, describing
from earthcommons.model import Record
from earthcommons.model.party import OPERATOR, PUBLIC
from earthcommons.store import LocalStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BARE = {"id", "collection", "geometry", "datetime", "start_datetime", "end_datetime"}


def put(catalog: Catalog, id_: str, access: str = "open", **properties: Any) -> None:
    body = {
        "type": "Feature", "id": id_, "collection": "c", "geometry": None, "assets": {},
        "properties": {"datetime": "2015-06-01T00:00:00Z"} | properties,
    }  # fmt: skip
    with catalog.transaction() as tx:
        tx.put(Record("item", f"c/{id_}", body, access=access))


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    made = Catalog(tmp_path / "c.sqlite", LocalStore(tmp_path))
    yield made
    made.close()


def test_only_what_items_have_is_named_with_its_values(catalog: Catalog) -> None:
    put(
        catalog,
        "a",
        platform="Terra",
        gsd=30,
        themes=[{"scheme": "s", "concepts": [{"id": "x"}]}],
    )
    put(catalog, "b", "open", **{
        "datetime": "1969-12-31T23:59:59.5Z", "gsd": 10, "deprecated": True, "title": "B",
        "created": "2020-02-03T04:05:06.7Z", "sar:polarizations": ["VV", "VH"],
        "constellation": 5,
    })  # fmt: skip
    schemas, whole = catalog.described("c", PUBLIC)
    assert whole
    assert schemas.keys() - BARE == {
        "platform", "gsd", "ec:theme", "created", "deprecated", "sar:polarizations", "title",
    }  # fmt: skip
    assert schemas["platform"]["enum"] == ["Terra"]
    assert (schemas["gsd"]["minimum"], schemas["gsd"]["maximum"]) == (10, 30)
    assert schemas["ec:theme"]["items"] == {"type": "string", "enum": ["x"]}
    assert schemas["sar:polarizations"]["items"]["enum"] == ["VH", "VV"]
    assert schemas["deprecated"] == {"title": "Deprecated", "type": "boolean"}
    # Each item has a title of its own: those are no choice.
    assert "enum" not in schemas["title"]
    assert schemas["created"]["formatMinimum"] == "2020-02-03T04:05:06Z"
    for name in ("datetime", "start_datetime", "end_datetime"):
        assert schemas[name]["formatMinimum"] == "1969-12-31T23:59:59Z"
        assert schemas[name]["formatMaximum"] == "2015-06-01T00:00:00Z"


def test_what_is_hidden_changes_nothing(catalog: Catalog) -> None:
    put(catalog, "a", platform="Terra", gsd=30)
    told = catalog.described("c", PUBLIC)
    put(catalog, "z", "group:g", platform="Aqua", gsd=1, datetime="2001-01-01T00:00:00Z",
        mission="secret", themes=[{"scheme": "s", "concepts": [{"id": "y"}]}])  # fmt: skip
    assert catalog.described("c", PUBLIC) == told
    schemas, _ = catalog.described("c", OPERATOR)
    assert schemas["platform"]["enum"] == ["Aqua", "Terra"]
    assert schemas["mission"]["enum"] == ["secret"]
    assert schemas["gsd"]["minimum"] == 1


def test_a_collection_without_items_has_what_every_item_has(catalog: Catalog) -> None:
    schemas, whole = catalog.described("c", PUBLIC)
    assert whole
    assert set(schemas) == BARE
    assert "formatMinimum" not in schemas["datetime"]


def test_of_many_items_no_more_is_told_than_is_known(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(describing, "LOOKED", 2)
    for n in range(4):
        put(catalog, f"i{n}", datetime=f"201{n}-06-01T00:00:00Z", gsd=n, license=f"L{n}")
    put(catalog, "old", datetime="1999-01-01T00:00:00Z", mission="m")
    schemas, whole = catalog.described("c", PUBLIC)
    assert not whole
    assert "mission" not in schemas
    assert schemas["gsd"] == {"title": "Ground sample distance [m]", "type": "number"}
    assert schemas["ec:licence"]["items"]["enum"] == ["L0", "L1", "L2", "L3"]
    assert schemas["datetime"]["formatMinimum"] == "1999-01-01T00:00:00Z"
    assert schemas["datetime"]["formatMaximum"] == "2013-12-31T23:59:59Z"
    assert "formatMinimum" not in schemas["start_datetime"]


def test_more_than_a_few_values_are_not_listed(catalog: Catalog) -> None:
    for n in range(21):
        put(catalog, f"i{n}", platform=f"p{n}", mission=f"m{n % 20}")
    schemas, _ = catalog.described("c", PUBLIC)
    assert "enum" not in schemas["platform"]
    assert len(schemas["mission"]["enum"]) == 20
