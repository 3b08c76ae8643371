"""Accounts at the portal: sign in and out, keys shown once, the pages of operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from starlette.testclient import TestClient
from tests.web.portal import WORD, Person, community

from earthcommons.commons import make_node
from earthcommons.model import OPERATOR
from earthcommons.model.record import Record
from earthcommons.policy import acting_as
from earthcommons.settings import Settings
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
    assert "停用账户 账户：eve" in page.text
    assert 'title="account-close"' in page.html
    node.catalog.close()


def test_the_identity_provider_is_offered_where_there_is_one_and_leads_back(
    node: Node, app: FastAPI, tmp_path: Path
) -> None:
    assert "/api/oidc/login" not in Person(node, "", app).open("/en/sign-in").html
    settings = Settings(
        oidc_issuer="https://login.example.org/realms/earth", oidc_client_id="earthcommons"
    )
    elsewhere = make_node(tmp_path / "node", settings)
    anybody = Person(elsewhere, "", create_app(elsewhere))
    page = anybody.open("/zh/sign-in?next=/zh/data?q=snow%26year=2015")
    assert "用 login.example.org 登录" in page.text
    assert "/api/oidc/login?to=%2Fzh%2Fdata%3Fq%3Dsnow%26year%3D2015" in page.links
    page = anybody.open("/en/sign-in?next=https://evil.example/")
    assert "Sign in with login.example.org" in page.text
    assert "/api/oidc/login?to=%2Fen%2Faccount" in page.links
    elsewhere.catalog.close()


def test_a_steward_finds_the_rules_of_the_own_collections_on_the_account_and_the_collection(
    tmp_path: Path,
) -> None:
    node = community(tmp_path)
    with acting_as(OPERATOR):
        node.catalog.people.add_group("other", "Other")
    with node.catalog.transaction() as tx:
        for id_, owner in (("snow", "hydro"), ("ice", "other")):
            body = {"id": id_, "title": id_.title(), "title_zh": f"集{id_}", "ec:owner": owner,
                    "description": "What it is."}  # fmt: skip
            tx.put(Record("collection", id_, body))
    app = create_app(node)
    zhu, eve, root = (Person(node, who, app) for who in ("zhu", "eve", "root"))
    way = "/zh/collections/snow/rule"
    account = zhu.open("/zh/account")
    assert way in account.links
    assert "集ice" not in account.text
    assert "/zh/collections/ice/rule" in root.open("/zh/account").links
    assert "/collections/" not in eve.open("/zh/account").html
    assert way in zhu.open("/zh/data?collection=snow").links
    assert "/collections/" not in eve.open("/zh/data?collection=snow").html
    assert "/collections/" not in zhu.open("/zh/data?collection=ice").html
    # It is stated without a record in it, after it was said what it will mean.
    page = zhu.send(zhu.open(way), "/rule", rule_find="registered", why="Under check.")
    assert "该规则的含义" in page.text
    assert node.catalog.stated("collection", "snow")[0] == "open"
    page = zhu.send(page, "/rule", button=("sure", "yes"))
    assert page.address == "/zh/data?collection=snow&done=rule-set"
    assert "访问规则已生效。" in page.text
    with acting_as(OPERATOR):
        assert node.catalog.stated("collection", "snow")[0] == "registered"
    assert "集snow" in page.text
    eve.open(way, 403)
    zhu.open("/en/collections/ice/rule", 403)
    zhu.open("/en/collections/none/rule", 404)
    Person(node, "", app).open(way, 401)
    assert eve.http.post(way, data={"rule_find": "open", "sure": "yes"}).status_code == 403
    wrong = zhu.send(zhu.open(way), "/rule", rule_find="group", rule_find_group="", status=400)
    assert "请选择组" in wrong.text
    node.catalog.close()
