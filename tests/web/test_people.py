"""What an account does with itself over HTTP, and what it cannot make of itself: row A06."""

from __future__ import annotations

from typing import Any

import pytest
from tests.web.access_node import WORD, Desk, desk


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return desk(tmp_path_factory.mktemp("people"))


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/session", {"account": "ann", "password": WORD, "role": "operator"}),
        ("POST", "/api/me/licences", {"licence": "cc-by-4.0", "role": "operator"}),
        ("POST", "/api/me/keys", {"scopes": ["read"], "days": 1, "account": "root"}),
        ("POST", "/api/me/keys", {"scopes": ["read"], "days": 1, "roles": ["operator"]}),
        ("POST", "/api/drafts", {"collection": "snow", "item": "a6", "author": "root"}),
        ("POST", "/api/drafts", {"collection": "snow", "item": "a6", "state": "published"}),
        ("POST", "/api/drafts", {"collection": "snow", "item": "a6", "owner": "snow"}),
        ("POST", "/api/links", {"kind": "item", "name": "snow/open", "asset": "data",
                                "seconds": 9, "by": "root"}),
    ],
)  # fmt: skip
def test_a06_a_member_that_is_not_offered_is_refused(
    node: Desk, method: str, path: str, body: dict[str, Any]
) -> None:
    before = node.node.catalog.people.account("mei")
    answer = node.at("mei").request(method, path, json=body)
    assert answer.status_code == 400
    assert answer.json()["type"].endswith(":unknown-parameter")
    assert node.node.catalog.people.account("mei") == before


def test_a06_a_record_does_not_name_its_owner_or_rule(node: Desk) -> None:
    ann = node.at("ann")
    at = "/stac/collections/snow"
    tag = {"if-match": ann.get(at).headers["etag"]}
    for change in ({"ec:owner": "snow"}, {"ec:access": {"fetch": "open"}}, {"ec:owner": None}):
        assert ann.patch(at, json=change, headers=tag).status_code == 409
    assert ann.get(at).json()["ec:owner"] == "hydro"


def test_a_key_gives_no_scope_it_does_not_have(node: Desk) -> None:
    narrow = node.at("ann", "read", "admin")
    asked = {"scopes": ["read", "steward"], "days": 1}
    assert narrow.post("/api/me/keys", json=asked).status_code == 403
    only = {"scopes": ["read"], "days": 1}
    assert node.at("ann", "read").post("/api/me/keys", json=only).status_code == 403
    made = narrow.post("/api/me/keys", json={"scopes": ["read"], "days": 1})
    assert made.status_code == 201
    listed = narrow.get("/api/me/keys").json()["keys"]
    assert made.json()["name"] in [key["name"] for key in listed]
    assert made.json()["key"] not in narrow.get("/api/me/keys").text


def test_nobody_reads_or_ends_anothers_keys(node: Desk) -> None:
    mine = node.at("mei").post("/api/me/keys", json={"scopes": ["read"], "days": 1}).json()
    assert node.at("eve").delete(f"/api/me/keys/{mine['name']}").status_code in (403, 404)
    assert mine["name"] not in node.at("eve").get("/api/me/keys").text
    assert node.at().get("/api/me/keys").status_code == 401
    assert node.at("mei").delete(f"/api/me/keys/{mine['name']}").status_code == 204
