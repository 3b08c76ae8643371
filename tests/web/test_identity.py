"""Who a request speaks for: rows A01, A03, A05, A07, A08 and A09 of the table of attacks."""

from __future__ import annotations

import contextlib
import hmac
import json
import logging
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from starlette.testclient import TestClient
from tests.web.access_node import WORD, Desk, desk

from earthcommons.model import OPERATOR, Party
from earthcommons.policy import acting_as
from earthcommons.web import create_app
from earthcommons.web.log_lines import JsonLines, redacted
from earthcommons.web.signing_in import NotSignedInError, SigningIn
from earthcommons.web.throttle import Throttle, ThrottledError

if TYPE_CHECKING:
    from pathlib import Path

OWN = {"sec-fetch-site": "same-origin"}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return desk(tmp_path_factory.mktemp("identity"))


def signed_in(node: Desk, who: str = "ann") -> TestClient:
    web = TestClient(node.app, base_url=node.node.settings.url)
    answer = web.post("/api/session", json={"account": who, "password": WORD})
    assert answer.status_code == 200
    return web


def with_key(node: Desk, key: str) -> Any:
    web = TestClient(node.app, base_url=node.node.settings.url)
    return web.get("/api/me", headers={"authorization": f"Bearer {key}"})


def test_a01_a_key_that_is_wrong_by_one_character_is_nobodys(node: Desk) -> None:
    key = node.key("ann", "read")
    assert with_key(node, key).json()["id"] == "ann"
    told = set()
    for n in (3, 10, 15, 16, 17, 30, len(key) - 1):
        other = key[:n] + ("a" if key[n] != "a" else "b") + key[n + 1 :]
        answer = with_key(node, other)
        told.add((answer.status_code, answer.text, answer.headers["www-authenticate"]))
    for other in (key[:-1], key + "a", ""):
        answer = with_key(node, other)
        told.add((answer.status_code, answer.text, answer.headers["www-authenticate"]))
    assert len(told) == 1
    assert next(iter(told))[0] == 401


def test_a01_a_comparison_in_constant_time_decides_and_nothing_else(
    node: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = node.key("ann", "read")
    wrong = key[:16] + "".join("b" if char == "a" else "a" for char in key[16:])
    assert with_key(node, wrong).status_code == 401
    asked = []

    def same(one: str, other: str) -> bool:
        asked.append((one, other))
        return True

    monkeypatch.setattr(hmac, "compare_digest", same)
    assert with_key(node, wrong).status_code == 200
    # What is compared are two digests, never the secret itself.
    assert all(re.fullmatch("[0-9a-f]{64}", text) for pair in asked for text in pair)
    asked.clear()
    unknown = "ec_" + "0" * 12 + wrong[15:]
    assert with_key(node, unknown).status_code == 401
    assert len(asked) == 1, "a name that is not known takes as long"


def test_a01_an_expired_a_revoked_and_a_closed_accounts_key_are_nobodys(node: Desk) -> None:
    people, credentials = node.node.catalog.people, node.node.catalog.credentials
    with acting_as(OPERATOR, datetime.now(UTC) - timedelta(days=2)):
        old = credentials.issue_key("mei", ("read",), 1).reveal()
    with acting_as(OPERATOR):
        revoked = credentials.issue_key("mei", ("read",), 9)
        credentials.revoke_key(revoked.name)
        people.add("zoe", "Zoe", issuer="https://id.example.org", subject="zoe")
        closed = credentials.issue_key("zoe", ("read",), 9).reveal()
        people.set_active("zoe", False)
    for key in (old, revoked.reveal(), closed):
        assert with_key(node, key).status_code == 401


def test_a01_a_key_in_an_address_is_refused_and_not_written_down(
    node: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    key = node.key("ann", "read")
    for address in (f"/stac/search?key={key}", f"/api/me/{key}", f"/stac/?a=1&x={key}"):
        answer = node.at().get(address)
        assert answer.status_code == 400
        assert answer.json()["type"].endswith(":key-in-url")
        assert key not in answer.text
    assert key not in capsys.readouterr().err


@pytest.mark.parametrize("proof", ["key", "session"])
def test_a03_a_role_that_is_taken_away_is_gone_at_the_next_request(
    tmp_path: Path, proof: str
) -> None:
    node = desk(tmp_path)
    people = node.node.catalog.people
    web = node.at("ann") if proof == "key" else signed_in(node)
    assert web.get("/stac/collections/snow/items/shut").status_code == 200
    with acting_as(OPERATOR):
        people.withdraw("ann", "steward:hydro")
    assert web.get("/stac/collections/snow/items/shut").status_code == 404
    assert web.get("/api/me").json()["roles"] == []
    with acting_as(OPERATOR):
        people.set_active("ann", False)
    answer = web.get("/api/me")
    assert (answer.status_code, answer.json().get("id")) in ((401, None), (200, "public"))


def paths(node: Desk) -> dict[str, set[str]]:
    listed = node.at().get("/openapi.json").json()["paths"]
    return {path: {method.upper() for method in methods} for path, methods in listed.items()}


def test_a05_reading_changes_nothing_and_writing_is_not_done_by_get(tmp_path: Path) -> None:
    node = desk(tmp_path)
    root = node.at("root")
    names = {"collection": "snow", "item": "open", "kind": "item", "name": "snow/open",
             "name:path": "snow/open", "lang": "en"}  # fmt: skip

    def state() -> tuple[Any, ...]:
        catalog = node.node.catalog
        people = [catalog.credentials.keys("ann"), catalog.people.groups()]
        return (
            list(catalog.dump()),
            catalog.audit_head(),
            people,
            list(node.node.store.all_keys()),
        )

    with acting_as(OPERATOR):
        before = state()
    listed = paths(node)
    writing = [path for path, methods in listed.items() if methods - {"GET", "HEAD", "OPTIONS"}]
    assert len(writing) > 25
    for path, methods in listed.items():
        at = re.sub(r"\{([a-z:]+)\}", lambda found: names.get(found[1], "x"), path)
        answer = root.get(at)
        if "GET" not in methods:
            assert answer.status_code in (404, 405, 410), (path, answer.status_code)
    with acting_as(OPERATOR):
        assert state() == before


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 403), ({"origin": "https://evil.example"}, 403), ({"origin": "null"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403), ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "https://evil.example", "sec-fetch-site": "same-origin"}, 403),
        ({"origin": "http://127.0.0.1:8123"}, 204), (OWN, 204),
    ],
)  # fmt: skip
def test_a05_a_session_writes_only_from_our_own_pages(
    node: Desk, headers: dict[str, str], status: int
) -> None:
    web = signed_in(node, "mei")
    answer = web.post("/api/me/licences", json={"licence": "cc-by-4.0"}, headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize(
    "stated",
    [{"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}],
)
def test_a05_another_sites_page_signs_nobody_in(node: Desk, stated: dict[str, str]) -> None:
    body = {"account": "ann", "password": WORD}
    # As a form of another site can send it: no question is asked before.
    headers = {"content-type": "text/plain", **stated}
    answer = TestClient(node.app).post(
        "/api/session", content=orjson.dumps(body), headers=headers
    )
    assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)
    assert TestClient(node.app).post("/api/session", json=body).status_code == 200


def test_a05_who_signs_in_again_leaves_no_session_open_behind(node: Desk) -> None:
    web = signed_in(node)
    before = web.cookies["ec_session"]
    body = {"account": "ann", "password": WORD}
    assert web.post("/api/session", json=body, headers=OWN).status_code == 200
    assert web.get("/api/me").json()["id"] == "ann"
    other = TestClient(node.app, cookies={"ec_session": before})
    assert other.get("/api/me").json()["id"] == "public"


def test_a01_two_keys_at_once_are_nobodys(node: Desk) -> None:
    one, other = (node.key("ann", "read") for _ in range(2))
    both = [("authorization", f"Bearer {key}") for key in (one, other)]
    answer = TestClient(node.app).get("/api/me", headers=both)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a05_no_other_sites_script_reads_an_answer(node: Desk) -> None:
    web = signed_in(node)
    for method in ("GET", "OPTIONS"):
        for path in ("/api/me", "/stac/search", "/api/session"):
            asked = {"origin": "https://evil.example", "access-control-request-method": "POST"}
            headers = web.request(method, path, headers=asked).headers
            assert not [name for name in headers if name.startswith("access-control-")]
    cookie = TestClient(node.app).post(
        "/api/session", json={"account": "ann", "password": WORD}
    ).headers["set-cookie"]  # fmt: skip
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


class Clock:
    """A clock that stands until it is moved."""

    at = 1000.0

    def __call__(self) -> float:
        return self.at


def door(node: Desk, clock: Clock, right: str) -> tuple[SigningIn, Throttle]:
    """Return a door whose passwords cost nothing to check, and its memory."""
    signing = SigningIn(node.node)
    throttle = Throttle(now=clock)
    credentials = SimpleNamespace(
        by_password=lambda id_, word: Party(id_) if word == right else None
    )
    signing._throttle, signing._credentials = throttle, credentials  # type: ignore[assignment]
    return signing, throttle


def from_address(address: str) -> Any:
    return SimpleNamespace(client=SimpleNamespace(host=address))


def test_a07_ten_thousand_guesses_leave_the_owner_out_for_a_minute_at_most(node: Desk) -> None:
    clock = Clock()
    signing, _ = door(node, clock, "right")
    refused = tried = 0
    for n in range(10_000):
        clock.at += 0.01
        try:
            signing.check(from_address(f"10.{n >> 8}.{n & 255}.1"), "ann", f"guess {n}")
        except ThrottledError:
            refused += 1
        except NotSignedInError:
            tried += 1
    assert (refused + tried, tried < 20) == (10_000, True)
    with pytest.raises(ThrottledError) as held:
        signing.check(from_address("192.0.2.9"), "ann", "right")
    assert held.value.seconds <= 60
    # Others are not held up by it.
    assert signing.check(from_address("192.0.2.9"), "mei", "right").id == "mei"
    clock.at += 60
    assert signing.check(from_address("192.0.2.9"), "ann", "right").id == "ann"


def test_a07_of_many_guesses_at_once_no_more_are_tried_than_one_by_one(node: Desk) -> None:
    signing, _ = door(node, Clock(), "right")
    tried: list[str] = []

    def slow(id_: str, word: str) -> None:
        tried.append(word)
        time.sleep(0.05)

    signing._credentials = SimpleNamespace(by_password=slow)  # type: ignore[assignment]

    def guess(n: int) -> None:
        with contextlib.suppress(NotSignedInError, ThrottledError):
            signing.check(from_address(f"10.0.0.{n}"), "ann", f"guess {n}")

    with ThreadPoolExecutor(30) as pool:
        list(pool.map(guess, range(30)))
    assert len(tried) == 6


def test_a07_who_guesses_is_one_line_of_the_log_without_the_guesses(
    node: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    signing, _ = door(node, clock, "right")
    for n in range(20):
        clock.at += 60
        with pytest.raises(NotSignedInError):
            signing.check(from_address("127.0.0.1"), "ann\r\n", f"guess {n}")
    (said,) = [record.getMessage() for record in caplog.records]
    assert said == r"5 sign-ins in a row failed: 'account ann\r\n', last from 127.0.0.1"


def test_a07_a_hundred_thousand_addresses_take_bounded_memory(node: Desk) -> None:
    clock = Clock()
    signing, throttle = door(node, clock, "right")
    for n in range(100_000):
        with pytest.raises(NotSignedInError):
            signing.check(from_address(f"2001:db8::{n:x}"), f"nobody-{n}", "x" * 50)
    assert len(throttle._failed) <= 10_000
    assert sum(sys.getsizeof(name) for name in throttle._failed) < 2 * 2**20


def test_a07_a_proxy_is_not_shut_out_and_old_failures_are_forgotten(node: Desk) -> None:
    clock = Clock()
    signing, throttle = door(node, clock, "right")
    for n in range(50):
        with pytest.raises(NotSignedInError):
            signing.check(from_address("127.0.0.1"), f"nobody-{n}", "guess")
    assert signing.check(from_address("127.0.0.1"), "mei", "right").id == "mei"
    for _ in range(7):
        throttle.failed("address 192.0.2.9")
    with pytest.raises(ThrottledError):
        throttle.check("address 192.0.2.9")
    clock.at += 1000
    throttle.failed("address 192.0.2.9")
    throttle.check("address 192.0.2.9")


def test_a07_and_a08_guessing_is_slowed_whatever_address_a_header_states(node: Desk) -> None:
    # Its own application: another test's client comes from the same address.
    web = TestClient(create_app(node.node), base_url=node.node.settings.url)
    statuses = []
    for n in range(9):
        body = {"account": f"nobody-{n}", "password": "not the right one"}
        stated = {"x-forwarded-for": f"203.0.113.{n}", "forwarded": f"for=203.0.113.{n}",
                  "x-real-ip": f"203.0.113.{n}"}  # fmt: skip
        answer = web.post("/api/session", json=body, headers=stated)
        statuses.append(answer.status_code)
    assert statuses[:5] == [401] * 5
    assert statuses[-1] == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 60


def line(message: str, *arguments: object) -> str:
    record = logging.LogRecord("x", logging.ERROR, "f", 1, message, arguments, None)
    return JsonLines().format(record)


@pytest.mark.parametrize(
    "text", ["a\r\n{\"level\":\"forged\"}", "\x1b[2Jgone", "\u2028", "\x00", "雪" * 10]
)  # fmt: skip
def test_a09_a_line_of_the_log_is_one_line_whatever_is_in_it(text: str) -> None:
    written = line("failed on %s %s", "GET", f"/{text}")
    assert len(written.splitlines()) == 1
    assert written.isascii()
    assert written.isprintable()
    assert json.loads(written)["said"] == f"failed on GET /{text}"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z", json.loads(written)["at"])


def test_a09_a_megabyte_is_cut() -> None:
    assert len(line("%s", "x" * 2**20)) < 9000


def test_a09_secrets_are_not_written_down(node: Desk) -> None:
    key = node.key("ann", "read")
    token = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0."  # noqa: S105
    for text in (
        f"Authorization: Bearer {key}", f"/stac/search?key={key}",
        f"cookie: ec_session={'s' * 43}; a", f"GET /l/{'t' * 90}", f"Bearer {token}",
        f"token {token}x", '{"password": "hunter2hunter2"}',
        "client_secret=abcdefgh&x", "/api/oidc/callback?code=abcdefgh&state=ijklmnop",
    ):  # fmt: skip
        said = redacted(text)
        for secret in (
            key[20:],
            "s" * 20,
            "t" * 20,
            "eyJhbG",
            "hunter2",
            "abcdefgh",
            "ijklmnop",
        ):
            assert secret not in said, text
        assert "[…]" in said


def test_a09_a_failure_of_ours_is_one_line_with_its_stack() -> None:
    try:
        raise RuntimeError("bad\nluck")
    except RuntimeError:
        record = logging.LogRecord("x", 40, "f", 1, "failed", (), sys.exc_info())
    written = JsonLines().format(record)
    assert len(written.splitlines()) == 1
    assert "RuntimeError: bad\nluck" in json.loads(written)["error"]
