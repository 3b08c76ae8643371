"""An item as it was: by number, by moment, one by one and as a page; links between versions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from starlette.testclient import TestClient

from earthcommons.commons import make_node
from earthcommons.model import Record
from earthcommons.web import create_app

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def http(tmp_path: Path) -> TestClient:
    node = make_node(tmp_path / "node")
    with node.catalog.transaction() as tx:
        tx.put(Record("collection", "c", {"id": "c", "type": "Collection", "links": []}))
        for version in (1, 2, 3):
            for id_ in ("a", "b"):
                tx.put(_item(id_, version))
            tx.sql.execute(
                "UPDATE record SET made = ? WHERE version = ? AND kind = 'item'",
                (f"2026-0{version}-01T00:00:00.000Z", version),
            )
    return TestClient(create_app(node))


def _item(id_: str, version: int) -> Record:
    body = {
        "type": "Feature", "stac_version": "1.1.0", "id": id_, "collection": "c",
        "bbox": [0, 0, 1, 1], "geometry": {"type": "Point", "coordinates": [0.5, 0.5]},
        "properties": {"datetime": "2015-11-01T00:00:00Z", "title": f"{id_}{version}"},
        "assets": {}, "links": [],
    }  # fmt: skip
    return Record("item", f"c/{id_}", body, version)


def links(body: dict[str, list[dict[str, str]]]) -> dict[str, str]:
    return {link["rel"]: link["href"].partition("/stac/")[2] for link in body["links"]}


def test_a_version_names_its_neighbours_and_the_latest(http: TestClient) -> None:
    at = "/stac/collections/c/items/a"
    second = http.get(at, params={"version": 2}).json()
    assert (second["properties"]["title"], second["properties"]["version"]) == ("a2", "2")
    found = links(second)
    assert found["predecessor-version"] == "collections/c/items/a?version=1"
    assert found["successor-version"] == found["latest-version"] == "collections/c/items/a"
    first = links(http.get(at, params={"version": 1}).json())
    assert "predecessor-version" not in first
    assert first["successor-version"] == "collections/c/items/a?version=2"
    last = links(http.get(at, params={"version": 3}).json())
    assert "latest-version" not in last
    assert "successor-version" not in last


def test_the_present_version_names_the_one_before_and_the_history(http: TestClient) -> None:
    body = http.get("/stac/collections/c/items/a").json()
    found = {link["rel"]: link["href"] for link in body["links"]}
    assert body["properties"]["title"] == "a3"
    before = found["predecessor-version"].partition("8000")[2]
    assert http.get(before).json()["properties"]["title"] == "a2"
    assert http.get(found["version-history"].partition("8000")[2]).status_code == 200
    assert not {"successor-version", "latest-version"} & set(found)


def test_a_first_version_and_one_after_a_hidden_one_name_none(tmp_path: Path) -> None:
    node = make_node(tmp_path / "node")
    with node.catalog.transaction() as tx:
        tx.put(Record("collection", "c", {"id": "c", "type": "Collection", "links": []}))
        tx.put(_item("new", 1))
        hidden = _item("shut", 1)
        tx.put(Record("item", hidden.id, hidden.body, 1, "steward", ()))
        tx.put(_item("shut", 2))
    web = TestClient(create_app(node))
    for id_ in ("new", "shut"):
        body = web.get(f"/stac/collections/c/items/{id_}").json()
        assert body["id"] == id_
        assert not {link["rel"] for link in body["links"]} & {
            "predecessor-version", "version-history"
        }  # fmt: skip


def test_as_of_is_the_state_of_then(http: TestClient) -> None:
    at = "/stac/collections/c/items/a"
    asked = {"as-of": "2026-02-15T00:00:00+01:00"}
    assert http.get(at, params=asked).json()["properties"]["title"] == "a2"
    page = http.get("/stac/collections/c/items", params=asked | {"limit": "1"}).json()
    assert [f["properties"]["title"] for f in page["features"]] == ["a2"]
    more = http.get(page["links"][-1]["href"].partition("8000")[2]).json()
    assert [f["properties"]["title"] for f in more["features"]] == ["b2"]
    assert [link["rel"] for link in more["links"]] == ["self"]
    assert http.get(at, params={"as-of": "2025-01-01T00:00:00Z"}).status_code == 404


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("version=4", 404), ("version=x", 400), ("version=-1", 400), ("as-of=yesterday", 400),
        ("as-of=2026-02-15T00:00:00", 400), ("version=1&as-of=2026-02-15T00:00:00Z", 400),
        ("as_of=2026", 400),
    ],
)  # fmt: skip
def test_what_names_no_version_is_refused(http: TestClient, query: str, status: int) -> None:
    assert http.get(f"/stac/collections/c/items/a?{query}").status_code == status


def test_the_largest_page_of_then_has_a_next_one(tmp_path: Path) -> None:
    node = make_node(tmp_path / "many")
    with node.catalog.transaction() as tx:
        tx.put(Record("collection", "c", {"id": "c", "type": "Collection", "links": []}))
        for n in range(1001):
            tx.put(_item(f"i{n:04d}", 1))
    client = TestClient(create_app(node))
    asked = "as-of=9000-01-01T00:00:00Z&limit=1000"
    page = client.get(f"/stac/collections/c/items?{asked}").json()
    more = client.get(f"/stac/{links(page)['next']}").json()
    shown = [i["id"] for i in page["features"] + more["features"]]
    assert shown == [f"i{n:04d}" for n in range(1001)]
    assert "next" not in links(more)


def test_as_of_goes_with_no_other_question(http: TestClient) -> None:
    answer = http.get("/stac/collections/c/items?as-of=2026-02-15T00:00:00Z&bbox=0,0,1,1")
    assert answer.status_code == 400
