"""Signing in elsewhere: a real provider end to end, and row A02 with tokens of every wrong kind."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from starlette.testclient import TestClient
from tests.loopback import serving
from tests.web.access_node import Desk, desk
from tests.web.oidc_provider import AUDIENCE, SECRET, running, sign_in_there

from earthcommons.errors import UpstreamError
from earthcommons.model import OPERATOR
from earthcommons.policy import acting_as
from earthcommons.web import create_app
from earthcommons.web.oidc import Provider
from earthcommons.web.signing_in import NotSignedInError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BACK = "http://127.0.0.1:8123/api/oidc/callback"


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with running(BACK) as found:
        yield found


@pytest.fixture(scope="module")
def node(issuer: str, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    patch = pytest.MonkeyPatch()
    patch.setenv("EARTHCOMMONS_OIDC_SECRET", SECRET)
    made = desk(
        tmp_path_factory.mktemp("oidc"),
        oidc_issuer=issuer, oidc_client_id="earthcommons", oidc_audience=AUDIENCE,
    )  # fmt: skip
    patch.undo()
    with acting_as(OPERATOR):
        made.node.catalog.people.add("kim", "Kim", issuer=issuer, subject="kim-there")
        made.node.catalog.people.add("bot", "Robot", issuer=issuer, subject="robot")
        made.node.catalog.people.grant("bot", "steward:hydro")
    return made


def browser(node: Desk) -> TestClient:
    return TestClient(node.app, base_url=node.node.settings.url, follow_redirects=False)


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


def test_a_person_signs_in_there_and_is_known_here(node: Desk) -> None:
    web = browser(node)
    sent = web.get("/api/oidc/login?to=/en/data")
    assert sent.status_code == 303
    asked = parse_qs(urlsplit(sent.headers["location"]).query)
    assert (asked["code_challenge_method"], asked["response_type"]) == (["S256"], ["code"])
    cookie = sent.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    back = sign_in_there(sent.headers["location"], "kim-there", BACK)
    done = web.get(back)
    assert (done.status_code, done.headers["location"]) == (303, "/en/data")
    assert web.get("/api/me").json()["id"] == "kim"
    # The code is used up, and the cookie of the sign-in is gone with it.
    assert web.get(back).status_code == 401


def test_an_answer_that_belongs_to_another_sign_in_is_refused(node: Desk) -> None:
    mine, other = browser(node), browser(node)
    back = sign_in_there(mine.get("/api/oidc/login").headers["location"], "kim-there", BACK)
    other.get("/api/oidc/login")
    assert code(other.get(back)) == (401, "not-authenticated")
    assert code(browser(node).get(back)) == (401, "not-authenticated")
    elsewhere = back.replace("iss=http", "iss=https")
    assert code(mine.get(elsewhere)) == (401, "not-authenticated")
    wrong = back.replace("code=", "code=x")
    assert code(mine.get(wrong)) == (401, "not-authenticated")
    assert other.get("/api/me").json()["id"] == "public"


@pytest.mark.parametrize(
    "to",
    ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x", "/a\nb"],
)
def test_one_comes_back_to_pages_of_this_node_only(node: Desk, to: str) -> None:
    web = browser(node)
    sent = web.get("/api/oidc/login", params={"to": to})
    back = sign_in_there(sent.headers["location"], "kim-there", BACK)
    assert web.get(back).headers["location"] == "/"


def test_a_subject_nobody_knows_is_refused_unless_the_settings_say_so(
    node: Desk, issuer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    web = browser(node)
    back = sign_in_there(web.get("/api/oidc/login").headers["location"], "new", BACK)
    assert code(web.get(back)) == (401, "not-authenticated")
    monkeypatch.setenv("EARTHCOMMONS_OIDC_SECRET", SECRET)
    open_door = desk(
        tmp_path, oidc_issuer=issuer, oidc_client_id="earthcommons", oidc_provision=True
    )
    for _ in range(2):
        web = browser(open_door)
        back = sign_in_there(web.get("/api/oidc/login").headers["location"], "new", BACK)
        assert web.get(back).status_code == 303
        me = web.get("/api/me").json()
        assert (me["roles"], me["groups"], me["id"][:2]) == ([], [], "u-")
    lines = open_door.node.catalog.audit_log_of("account", me["id"])
    assert [line.action for line in lines] == ["account-add", "sign-in", "sign-in"]
    assert SECRET not in repr(open_door.node) + repr(lines)
    with acting_as(OPERATOR):
        open_door.node.catalog.people.set_active(me["id"], active=False)
    back = sign_in_there(web.get("/api/oidc/login").headers["location"], "new", BACK)
    assert code(web.get(back)) == (401, "not-authenticated")


def test_a_program_speaks_with_an_access_token_of_the_issuer(node: Desk, issuer: str) -> None:
    answer = httpx.post(
        f"{issuer}/token", auth=("robot", SECRET), trust_env=False,
        data={"grant_type": "client_credentials", "resource": AUDIENCE, "scope": "read"},
    )  # fmt: skip
    token = answer.json()["access_token"]
    web = browser(node)
    web.headers["authorization"] = f"Bearer {token}"
    assert web.get("/api/me").json()["id"] == "bot"
    assert web.get("/stac/collections/snow/items/shut").status_code == 200
    head, body, sign = token.split(".")
    web.headers["authorization"] = f"Bearer {head}.{body}.{sign[:-8]}AAAAAAAA"
    refused = web.get("/api/me")
    assert code(refused) == (401, "not-authenticated")
    with acting_as(OPERATOR):
        node.node.catalog.people.set_active("bot", active=False)
    web.headers["authorization"] = f"Bearer {token}"
    assert web.get("/api/me").status_code == 401


def test_without_a_provider_there_is_no_such_door(tmp_path: Path) -> None:
    plain = desk(tmp_path)
    for path in ("/api/oidc/login", "/api/oidc/callback?code=x&state=y"):
        assert browser(plain).get(path).status_code == 404
    web = TestClient(create_app(plain.node), headers={"authorization": "Bearer eyJ.eyJ.x"})
    assert web.get("/api/me").status_code == 401


# Row A02, with a provider whose keys and clock we hold.


@dataclass
class Issuer:
    """A provider that answers what it is told to, and counts what it was asked."""

    url: str = ""
    keys: list[Any] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    status: int = 200
    body: bytes | None = None


class _Handler(BaseHTTPRequestHandler):
    held: Issuer

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        held = self.held
        held.asked.append(self.path)
        about = {"issuer": held.url, "jwks_uri": f"{held.url}/keys"} | held.about
        known = {"/.well-known/openid-configuration": about,
                 "/keys": {"keys": [key.as_dict(private=False) for key in held.keys]}}  # fmt: skip
        body = held.body if held.body is not None else json.dumps(known[self.path]).encode()
        self.send_response(held.status)
        self.send_header("content-length", str(len(body)))
        if held.status == 302:
            self.send_header("location", f"{held.url}/keys")
        self.end_headers()
        self.wfile.write(body)


RSA = RSAKey.generate_key(2048, {"kid": "one", "use": "sig"})
EC = ECKey.generate_key("P-256", {"kid": "two", "use": "sig"})
STRANGER = RSAKey.generate_key(2048, {"kid": "one"})


@pytest.fixture
def held() -> Iterator[Issuer]:
    made = Issuer(keys=[RSA, EC])
    with serving(type("Handler", (_Handler,), {"held": made})) as made.url:
        yield made


def token(
    held: Issuer, key: Any = RSA, head: dict[str, Any] | None = None, **changes: Any
) -> str:
    now = int(time.time())
    claims = {
        "iss": held.url,
        "sub": "s",
        "aud": "node",
        "exp": now + 300,
        "iat": now,
    } | changes
    claims = {name: value for name, value in claims.items() if value is not None}
    head = {"alg": "RS256", "kid": "one", "typ": "at+jwt"} | (head or {})
    head = {name: value for name, value in head.items() if value is not None}
    return jwt.encode(head, claims, key, algorithms=[head["alg"]])


def provider(held: Issuer, **more: Any) -> Provider:
    return Provider(held.url, "node", **more)


def test_a_right_token_is_taken_with_each_kind_of_key(held: Issuer) -> None:
    at = provider(held)
    assert at.access(token(held))["sub"] == "s"
    assert at.access(token(held, EC, {"alg": "ES256", "kid": "two"}))["sub"] == "s"
    assert at.access(token(held, aud=["other", "node"]))["sub"] == "s"
    assert held.asked == ["/.well-known/openid-configuration", "/keys"]


def wrong(**changes: Any) -> Callable[[Issuer], str]:
    return lambda held: token(held, **changes)


def unsigned(held: Issuer, alg: str = "none") -> str:
    _, body, _ = token(held).split(".")
    head = base64.urlsafe_b64encode(
        json.dumps({"alg": alg, "typ": "at+jwt", "kid": "one"}).encode()
    )
    return f"{head.decode().rstrip('=')}.{body}."


def confused(held: Issuer) -> str:
    """A token signed with the public key, as if that were a secret both sides share."""
    said = {"alg": "HS256", "typ": "at+jwt", "kid": "one"}
    head = base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
    signed = f"{head}.{token(held).split('.')[1]}"
    tag = hmac.new(RSA.as_pem(private=False), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(tag).decode().rstrip('=')}"


WRONG: dict[str, Callable[[Issuer], str]] = {
    "none": unsigned, "None": lambda held: unsigned(held, "None"), "confused": confused,
    "a stranger's key": lambda held: token(held, STRANGER),
    "another key's name": lambda held: token(held, RSA, {"kid": "two"}),
    "no key's name": lambda held: token(held, RSA, {"kid": None}),
    "another audience": wrong(aud="other"), "no audience": wrong(aud=None),
    "another issuer": wrong(iss="https://evil.example"), "no issuer": wrong(iss=None),
    "expired": wrong(exp=int(time.time()) - 61), "no end": wrong(exp=None),
    "an end in words": wrong(exp="tomorrow"), "not yet": wrong(nbf=int(time.time()) + 86400),
    "made tomorrow": wrong(iat=int(time.time()) + 86400), "nobody": wrong(sub=None),
    "an empty subject": wrong(sub=""), "a number": wrong(sub=7),
    "an identity token": lambda held: token(held, RSA, {"typ": "JWT"}),
    "no type": lambda held: token(held, RSA, {"typ": None}),
    "crit": lambda held: unsigned(held).replace(".", "e", 1), "empty": lambda _: "",
    "no token": lambda _: "a.b.c", "a megabyte": lambda _: "a" * 2**20,
    "deep": lambda _: base64.urlsafe_b64encode(b"[" * 9000).decode() + ".a.b",
    "a list": lambda _: base64.urlsafe_b64encode(b"[1]").decode() + ".a.b",
    "altered": lambda held: token(held)[:-6] + "AAAAAA",
}  # fmt: skip


@pytest.mark.parametrize("how", sorted(WRONG))
def test_a02_a_token_that_is_not_what_it_must_be_is_nobodys(held: Issuer, how: str) -> None:
    at = provider(held)
    assert at.access(token(held))["sub"] == "s"
    with pytest.raises(NotSignedInError, match="not valid here"):
        at.access(WRONG[how](held))


def test_a02_an_identity_token_is_for_one_sign_in_of_this_client(held: Issuer) -> None:
    at = provider(held, audience="api")
    right = {"nonce": "n"}
    assert at.identity(token(held, RSA, {"typ": "JWT"}, **right), "n")["sub"] == "s"
    for changes in (
        {"nonce": "m"},
        {"nonce": None},
        right | {"azp": "other"},
        right | {"aud": "api"},
    ):
        with pytest.raises(NotSignedInError):
            at.identity(token(held, RSA, {"typ": "JWT"}, **changes), "n")
    with pytest.raises(NotSignedInError):
        at.access(token(held, RSA, {"typ": "JWT"}, **right, aud="api"))


def test_a02_a_flood_of_unknown_keys_asks_once_a_minute(held: Issuer) -> None:
    ticks = [1000.0]
    at = provider(held, ticks=lambda: ticks[0])
    at.access(token(held))
    for n in range(500):
        with pytest.raises(NotSignedInError):
            at.access(token(held, STRANGER, {"kid": f"unknown-{n}"}))
    assert held.asked.count("/keys") == 1
    held.keys.append(RSAKey.import_key(STRANGER.as_dict(private=True) | {"kid": "new"}))
    ticks[0] += 61
    assert at.access(token(held, STRANGER, {"kid": "new"}))["sub"] == "s"
    for n in range(50):
        with pytest.raises(NotSignedInError):
            at.access(token(held, STRANGER, {"kid": f"more-{n}"}))
    assert held.asked.count("/keys") == 2


def test_a02_a_provider_that_fails_is_not_asked_again_at_once(held: Issuer) -> None:
    ticks = [1000.0]
    held.status = 500
    at = provider(held, ticks=lambda: ticks[0])
    for _ in range(20):
        with pytest.raises(UpstreamError):
            at.access(token(held))
    assert len(held.asked) == 1
    held.status = 200
    ticks[0] += 61
    assert at.access(token(held))["sub"] == "s"


def test_a_provider_that_is_away_for_a_while_keeps_nobody_out_for_a_day(held: Issuer) -> None:
    ticks = [1000.0]
    at = provider(held, ticks=lambda: ticks[0])
    at.access(token(held))
    held.status = 500
    for hours in (1.1, 2.2, 23.0):
        ticks[0] = 1000 + hours * 3600
        assert at.access(token(held))["sub"] == "s"
        # A key that nobody knew is still nobody's.
        with pytest.raises(NotSignedInError):
            at.access(token(held, STRANGER, {"kid": "unknown"}))
    asked = len(held.asked)
    # Twice at first, and at each of three moments.
    assert asked == 8
    ticks[0] = 1000 + 24.1 * 3600
    for _ in range(3):
        with pytest.raises(UpstreamError):
            at.access(token(held))
    assert len(held.asked) == asked + 1
    held.status, ticks[0] = 200, ticks[0] + 61
    assert at.access(token(held))["sub"] == "s"


@pytest.mark.parametrize(
    "change",
    [{"about": {"issuer": "https://evil.example"}}, {"about": {"jwks_uri": "https://evil.example/k"}},
     {"about": {"jwks_uri": "file:///etc/passwd"}}, {"about": {"jwks_uri": 7}}, {"status": 302},
     {"body": b"x" * 300_000}, {"body": b"[]"}, {"body": b'{"issuer":1,"issuer":2}'}],
)  # fmt: skip
def test_a_provider_that_points_elsewhere_or_says_too_much_is_not_followed(
    held: Issuer, change: dict[str, Any]
) -> None:
    for name, value in change.items():
        setattr(held, name, value)
    with pytest.raises(UpstreamError):
        provider(held).access(token(held))
    assert "/keys" not in held.asked


def test_a_shared_secret_in_the_key_set_signs_nothing(held: Issuer) -> None:
    shared = OctKey.import_key(b"s" * 32, {"kid": "shared"})
    held.keys.append(shared)
    with pytest.raises(NotSignedInError):
        provider(held).access(token(held, shared, {"alg": "HS256", "kid": "shared"}))


def test_a_person_who_is_refused_is_told_on_the_page_where_one_signs_in(node: Desk) -> None:
    page = {"accept": "text/html,application/xhtml+xml"}
    web = browser(node)
    sent = web.get("/api/oidc/login?to=/zh/data")
    back = sign_in_there(sent.headers["location"], "nobody-here", BACK)
    refused = web.get(back, headers=page | {"accept-language": "en"})
    assert refused.status_code == 303
    # The page that the sign-in came from says the language.
    assert refused.headers["location"] == "/zh/sign-in?refused=account&next=%2Fzh%2Fdata"
    told = web.get(refused.headers["location"])
    assert told.status_code == 401
    assert "本节点没有您的账户" in told.text
    assert "%2Fzh%2Fdata" in told.text
    elsewhere = browser(node).get(back, headers=page)
    assert elsewhere.headers["location"] == "/en/sign-in?refused=begin"
    state = parse_qs(urlsplit(back).query)["state"][0]
    declined = web.get(f"/api/oidc/callback?error=access_denied&state={state}", headers=page)
    assert declined.headers["location"].startswith("/zh/sign-in?refused=confirm&")
    for why in ("begin", "confirm", "account", "provider"):
        for lang in ("en", "zh"):
            answer = web.get(f"/{lang}/sign-in?refused={why}")
            assert answer.status_code == (503 if why == "provider" else 401)
            assert 'role="alert"' in answer.text
    assert 'role="alert"' not in web.get("/en/sign-in?refused=else").text
