"""Pages of other origins: those named may read, without cookies, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.web.access_node import WORD, Desk, desk

from earthcommons.commons.stories.health import health

if TYPE_CHECKING:
    from pathlib import Path

HERE = "https://browser.example.org"
ITEM = "/stac/collections/snow/items/open"
EVIL = {"origin": "https://evil.example"}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return desk(tmp_path_factory.mktemp("origins"), cors_origins=(HERE,))


def allowed(headers: object) -> list[str]:
    return [name for name in headers if name.startswith("access-control-")]  # type: ignore[attr-defined]


def asks(method: str, *names: str) -> dict[str, str]:
    asked = {"origin": HERE, "access-control-request-method": method}
    return asked | ({"access-control-request-headers": ", ".join(names)} if names else {})


def test_a_named_origin_reads_and_no_other(node: Desk) -> None:
    web = node.at()
    for method, path in (("GET", "/stac/"), ("HEAD", "/stac/"), ("GET", "/stac/nothing")):
        answer = web.request(method, path, headers={"origin": HERE})
        assert answer.headers["access-control-allow-origin"] == HERE
        assert answer.headers["access-control-expose-headers"] == (
            "ETag, Link, Content-Range, Accept-Ranges"
        )
        assert "access-control-allow-credentials" not in answer.headers
        assert "Origin" in answer.headers["vary"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        for other in ({}, EVIL, {"origin": "null"}, {"origin": f"{HERE}:81"}):
            refused = web.request(method, path, headers=other)
            assert not allowed(refused.headers)
            assert refused.status_code == answer.status_code
            assert "Origin" in refused.headers["vary"]


def test_a_named_origin_searches_by_post_and_is_told_of_a_key_that_is_none(node: Desk) -> None:
    found = node.at().post("/stac/search", json={"limit": 1}, headers={"origin": HERE})
    assert found.headers["access-control-allow-origin"] == HERE
    wrong = node.at().get(
        "/stac/", headers={"origin": HERE, "authorization": "Bearer ec_nothing"}
    )
    assert (wrong.status_code, wrong.headers["access-control-allow-origin"]) == (401, HERE)
    ann = node.at("ann").get("/api/me", headers={"origin": HERE})
    assert (ann.status_code, ann.headers["access-control-allow-origin"]) == (200, HERE)


def test_what_may_be_sent_is_asked_before(node: Desk) -> None:
    web = node.at()
    reading = web.options("/stac/", headers=asks("GET", "authorization", "range"))
    assert reading.status_code == 200
    assert reading.headers["access-control-allow-methods"] == "GET, HEAD"
    assert "Authorization" in reading.headers["access-control-allow-headers"]
    search = web.options("/stac/search", headers=asks("POST", "authorization", "content-type"))
    assert search.status_code == 200
    assert search.headers["access-control-allow-methods"] == "GET, HEAD, POST"
    assert web.options("/stac/", headers=asks("GET", "x-other")).status_code == 400
    assert not allowed(web.options("/stac/", headers=asks("GET") | EVIL).headers)
    for method, path in (("POST", "/stac/collections"), ("PUT", ITEM), ("DELETE", ITEM)):
        answer = web.options(path, headers=asks(method, "authorization"))
        assert not allowed(answer.headers), (method, path)


def test_writing_and_signing_in_stay_closed_to_other_origins(node: Desk) -> None:
    web = node.at()
    signed = web.post("/api/session", json={"account": "mei", "password": WORD})
    assert signed.status_code == 200
    for path, body in (("/api/session", {"account": "mei", "password": WORD}),
                       ("/api/me/licences", {"licence": "cc-by-4.0"}),
                       ("/stac/search", {})):  # fmt: skip
        answer = web.post(path, json=body, headers={"origin": HERE})
        assert answer.status_code == 403, path
        assert "access-control-allow-credentials" not in answer.headers
    ann = node.at("ann").post("/stac/collections/snow/items", json={}, headers={"origin": HERE})
    assert not allowed(ann.headers)


def test_every_origin_may_read_where_the_operator_says_so_and_doctor_tells(
    tmp_path: Path, node: Desk
) -> None:
    every = desk(tmp_path, cors_origins=("*",))
    answer = every.at().get("/stac/", headers=EVIL)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    told = {found.about("en"): found.state for found in health(every.node)}
    assert told["pages of other origins"] == "note"
    assert "pages of other origins" not in {f.about("en") for f in health(node.node)}
