"""Accounts at the portal: sign in and out, keys shown once, the pages of operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from starlette.testclient import TestClient
from tests.web.portal import WORD, Person, community

from earthcommons.web import create_app
from earthcommons.web.pages.forms import local_address

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fastapi import FastAPI

    from earthcommons.commons import Node


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    made = community(tmp_path_factory.mktemp("account"))
    yield made
    made.catalog.close()


@pytest.fixture(scope="module")
def app(node: Node) -> FastAPI:
    return create_app(node)


def test_signing_in_leads_back_to_the_page_one_came_from(node: Node, app: FastAPI) -> None:
    anybody = Person(node, "", app)
    page = anybody.open("/zh/data?q=snow")
    way = next(link for link in page.links if link.startswith("/zh/sign-in"))
    page = anybody.send(anybody.open(way), "/sign-in", account="eve", password=WORD)
    assert page.address == "/zh/data?q=snow"
    assert "账户：eve" in page.text
    page = anybody.send(page, "/sign-out")
    assert "您已退出。" in page.text
    assert "账户：eve" not in anybody.open("/zh/data").text


def test_a_wrong_password_says_so_keeps_the_name_and_opens_nothing(
    node: Node, app: FastAPI
) -> None:
    anybody = Person(node, "", app)
    page = anybody.open("/en/sign-in")
    page = anybody.send(page, "/sign-in", account="eve", password=WORD[::-1], status=401)
    assert "do not belong together" in page.text
    assert 'name="account" value="eve"' in page.html
    assert WORD[::-1] not in page.html
    anybody.open("/en/account", 401)


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", None])
def test_a_form_from_another_site_signs_nobody_in(
    node: Node, app: FastAPI, origin: str | None
) -> None:
    client = TestClient(app, base_url=node.settings.url)
    headers = {"origin": origin} if origin else {}
    answer = client.post(
        "/en/sign-in", data={"account": "eve", "password": WORD}, headers=headers
    )
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "address",
    ["https://elsewhere.example/", "//elsewhere.example/", "/\\elsewhere.example", "/en//x",
     "javascript:alert(1)", "", "/api/me", "/en/\r\nx: y"],
)  # fmt: skip
def test_no_address_leads_away_after_signing_in(address: str) -> None:
    assert local_address(address, "/en/account") == "/en/account"
    assert local_address("/en/data?q=a%20b", "/en/account") == "/en/data?q=a%20b"


def test_a_key_is_shown_once_works_and_ends_when_it_is_revoked(
    node: Node, app: FastAPI
) -> None:
    eve = Person(node, "eve", app)
    page = eve.open("/en/account")
    page = eve.send(page, "/account/keys", status=201, note="laptop", days="30", scope=["read"])
    key = page.html.partition('id="new-key">')[2].partition("<")[0]
    assert key.startswith("ec_")
    page = eve.open("/en/account")
    assert key not in page.html
    assert "laptop" in page.text
    headers = {"authorization": f"Bearer {key}"}
    assert TestClient(app).get("/api/me", headers=headers).json()["id"] == "eve"
    page = eve.send(page, "/revoke")
    assert "The key is revoked" in page.text
    assert TestClient(app).get("/api/me", headers=headers).status_code == 401


def test_a_key_of_too_many_days_is_refused_in_the_form(node: Node, app: FastAPI) -> None:
    eve = Person(node, "eve", app)
    page = eve.send(eve.open("/en/account"), "/account/keys", status=400, days="999")
    assert "a key lives 1 to 366 days" in page.text
    assert 'role="alert"' in page.html


def test_nobody_revokes_another_ones_key(node: Node, app: FastAPI) -> None:
    mei, eve = Person(node, "mei", app), Person(node, "eve", app)
    page = mei.open("/en/account")
    mei.send(page, "/account/keys", status=201, days="1", scope=["read"])
    action = mei.open("/en/account").form("/revoke").action
    assert eve.http.post(action).status_code == 403


def test_a_new_password_ends_all_sessions_and_needs_the_old_one(tmp_path: Path) -> None:
    node = community(tmp_path)
    app = create_app(node)
    eve, elsewhere = Person(node, "eve", app), Person(node, "eve", app)
    page = eve.open("/en/account")
    wrong = eve.send(page, "/password", before="no", after=WORD + WORD, status=400)
    assert "The present password is another one" in wrong.text
    page = eve.send(page, "/password", before=WORD, after=WORD + WORD)
    assert "Sign in with the new one" in page.text
    elsewhere.open("/en/account", 401)
    page = eve.send(page, "/sign-in", account="eve", password=WORD + WORD)
    assert "You are signed in as Eve." in page.text
    node.catalog.close()


def test_an_operator_makes_people_what_they_are_and_closes_accounts(tmp_path: Path) -> None:
    node = community(tmp_path)
    app = create_app(node)
    root, eve = Person(node, "root", app), Person(node, "eve", app)
    eve.open("/en/people", 403)
    eve.open("/en/audit", 403)
    for changes in (
        {"what": "add-group", "group": "basin", "title_en": "Basin"},
        {"what": "add", "account": "ana", "name": "Ana", "password": WORD},
        {"what": "grant", "account": "ana", "role": "contributor", "group": "basin"},
        {"what": "join", "account": "eve", "group": "basin"},
    ):
        answer = root.http.post("/en/people", data=changes)
        assert "Done, and written into the audit log." in answer.text, changes
    page = root.open("/en/people")
    assert "contributor for basin" in page.text
    assert "basin" in eve.open("/en/account").text
    again = {"what": "add", "account": "ana", "name": "Ana", "password": WORD}
    refused = root.http.post("/en/people", data=again)
    assert refused.status_code == 409
    assert "there is an account" in refused.text
    root.http.post("/en/people", data={"what": "close", "account": "eve"})
    eve.open("/en/account", 401)
    page = root.open("/zh/audit")
    assert "现已核验" in page.text
    assert "account-close" in page.text
    node.catalog.close()
