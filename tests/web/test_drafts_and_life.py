"""The whole life of a dataset over HTTP, and what each refusal answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient
from tests.files import snow

from earthcommons.commons import Node, make_node
from earthcommons.commons.stories import submitting
from earthcommons.model import OPERATOR
from earthcommons.policy import acting_as
from earthcommons.web import create_app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WORD = "a long pass phrase"
METADATA: dict[str, Any] = {
    "title": {"en": "Snow depth", "zh": "雪深"},
    "description": {"en": "Depth of snow.", "zh": "雪的深度。"},
    "period": "2015",
    "licence": "CC-BY-4.0",
    "attribution": "Snow Survey",
    "nature": "observation",
    "variables": [{"name": "depth", "unit": "cm"}],
    "creators": [{"name": "Snow Survey"}],
}


@pytest.fixture
def node(tmp_path: Path) -> Node:
    made = make_node(tmp_path / "node")
    people = made.catalog.people
    with acting_as(OPERATOR):
        people.add_group("hydro", "Hydrology")
        for name, role in (("mei", "contributor"), ("sam", "reviewer"), ("zhu", "steward")):
            people.add(name, name.title(), password=WORD)
            people.grant(name, f"{role}:hydro")
        people.add("eve", "Eve", password=WORD)
    return made


@pytest.fixture
def http(node: Node) -> Iterator[TestClient]:
    with TestClient(create_app(node)) as client:
        yield client


def key(node: Node, name: str) -> dict[str, str]:
    with acting_as(OPERATOR):
        made = node.catalog.credentials.issue_key(
            name, ("read", "submit", "steward", "admin"), 1
        )
    return {"authorization": f"Bearer {made.reveal()}"}


def published(node: Node, http: TestClient, tmp_path: Path) -> None:
    mei, sam = key(node, "mei"), key(node, "sam")
    asked = {"collection": "snow", "item": "s", "group": "hydro"}
    made = http.post("/api/drafts", json=asked, headers=mei)
    assert made.status_code == 201
    id_ = made.json()["id"]
    with acting_as(node.catalog.people.party("mei") or OPERATOR):
        submitting.add_file(node, id_, snow(tmp_path / "s.tif"), "s.tif")
    etag = http.get(f"/api/drafts/{id_}", headers=mei).headers["etag"]
    body = {"metadata": METADATA}
    edited = http.patch(f"/api/drafts/{id_}", json=body, headers={**mei, "if-match": etag})
    assert edited.status_code == 200
    stale = http.patch(f"/api/drafts/{id_}", json=body, headers={**mei, "if-match": etag})
    assert stale.status_code == 412
    assert (
        http.post(f"/api/drafts/{id_}/look", headers=mei).json()["seen"]["format"] == "geotiff"
    )
    assert http.post(f"/api/drafts/{id_}/submit", headers=mei).json()["state"] == "submitted"
    assert http.post(f"/api/drafts/{id_}/accept", headers=mei).status_code == 403
    assert http.get(f"/api/drafts/{id_}").status_code == 404
    done = http.post(f"/api/drafts/{id_}/accept", headers=sam)
    assert done.json()["state"] == "published"


def test_from_draft_to_tombstone(node: Node, http: TestClient, tmp_path: Path) -> None:
    published(node, http, tmp_path)
    zhu, eve = key(node, "zhu"), key(node, "eve")
    at = "/api/records/item/snow/s"
    stac = "/stac/collections/snow/items/s"
    assert http.get(stac).status_code == 200

    rule = {"find": "open", "fetch": "licence:cc-by-nc-4.0", "derive": "open"}
    assert http.put(f"{at}/access", json=rule).status_code == 403
    assert http.put(f"{at}/access", json=rule, headers=eve).status_code == 403
    said = http.put(f"{at}/access", json=rule, headers=zhu).json()
    assert said["in_force"]["fetch"] == "licence:cc-by-nc-4.0@hydro"
    assert http.get(stac, headers=eve).json()["ec:withheld"]["data"] == ["licence:cc-by-nc-4.0"]
    assert http.post("/api/me/licences", json={"licence": "cc-by-nc-4.0"}).status_code == 401
    accepted = http.post("/api/me/licences", json={"licence": "cc-by-nc-4.0"}, headers=eve)
    assert accepted.status_code == 204
    href = http.get(stac, headers=eve).json()["assets"]["data"]["href"]
    path = href[href.index("/objects/") :]
    assert http.get(path, headers=eve).status_code == 200
    assert http.get(path).status_code == 404

    assert http.get(f"{at}/versions").json()["versions"][-1]["state"] == "current"
    bibtex = http.get("/api/citation/snow/s", params={"style": "bibtex"})
    assert bibtex.headers["content-type"].startswith("application/x-bibtex")
    assert "author = {{Snow Survey}}" in bibtex.text
    for lang, more in (("en", {}), ("zh", {"version": 1})):
        cited = http.get("/api/citation/snow/s", params={"lang": lang, "style": "csl", **more})
        (value,) = cited.json()
        assert f"/{lang}/data/snow/s" in value["URL"]
        page = http.get(value["URL"].removeprefix(node.settings.url))
        assert (page.status_code, page.headers["content-type"][:9]) == (200, "text/html")
        record = http.get(value["custom"]["record"].removeprefix(node.settings.url))
        assert record.json()["id"] == "s"
    assert http.post(f"{at}/errata", json={"en": "Off by one."}, headers=zhu).status_code == 201
    assert http.get(f"{at}/resting", headers=eve).status_code == 403
    recalled = http.post(f"{at}/recall", json={"reason": "Off by one."}, headers=zhu)
    assert recalled.status_code == 201
    assert http.get(f"/api/recalls/{recalled.json()['id']}").json()["reason"] == "Off by one."

    assert http.post(f"{at}/withdraw", json={"reason": "why"}, headers=zhu).status_code == 400
    gone = http.post(f"{at}/withdraw", json={"reason": "error"}, headers=zhu)
    assert gone.status_code == 200
    answer = http.get(stac)
    assert answer.status_code == 410
    assert answer.json()["stub"]["reason"] == "error"
    assert http.get(path, headers=eve).status_code == 404


def test_a_closed_record_is_not_found_by_any_of_its_doors(
    node: Node, http: TestClient, tmp_path: Path
) -> None:
    published(node, http, tmp_path)
    at, zhu = "/api/records/item/snow/s", key(node, "zhu")
    rule = {"find": "group:basin", "fetch": "open"}
    assert http.put(f"{at}/access", json=rule, headers=zhu).status_code == 200
    for method, path, body in (
        ("GET", f"{at}/versions", None),
        ("GET", f"{at}/versions/1", None),
        ("GET", f"{at}/access", None),
        ("PUT", f"{at}/access", {"find": "open", "fetch": "open"}),
        ("POST", f"{at}/withdraw", {"reason": "error"}),
        ("POST", f"{at}/errata", {"en": "x"}),
        ("GET", f"{at}/resting", None),
        ("POST", f"{at}/recall", {"reason": "x"}),
        ("GET", "/api/citation/snow/s", None),
        ("GET", "/stac/collections/snow/items/s", None),
    ):
        hidden = http.request(method, path, json=body)
        never = http.request(
            method, path.replace("snow/s", "snow/t").replace("items/s", "items/t"), json=body
        )
        assert hidden.status_code == never.status_code == 404, path
        assert hidden.json().keys() == never.json().keys()
        assert http.request("GET", f"{at}/versions", headers=zhu).status_code == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"collection": "c"}, "invalid-input"),
        ({"collection": "c", "item": "i", "author": "eve"}, "unknown-parameter"),
        ({"collection": "c", "item": "../i"}, "bad-id"),
        ({"collection": 1, "item": "i"}, "invalid-input"),
        ([], "bad-json"),
    ],
)
def test_a_draft_takes_no_member_it_does_not_know(
    node: Node, http: TestClient, body: Any, code: str
) -> None:
    answer = http.post("/api/drafts", json=body, headers=key(node, "mei"))
    assert answer.status_code == 400
    assert answer.json()["type"].endswith(code)
