"""Who a request speaks for: a key, a session, or nobody; set once, before any route runs.

A key comes in the `Authorization` header. A session comes in a cookie that scripts cannot read and
other sites cannot send; a request that changes something by cookie must come from our own pages.
"""

from __future__ import annotations

import re
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.concurrency import run_in_threadpool

from earthcommons.model.party import PUBLIC
from earthcommons.policy import acting_as
from earthcommons.trust import read_key
from earthcommons.web.errors import problem
from earthcommons.web.headers import SECURITY_HEADERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import FastAPI
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from earthcommons.commons import Node
    from earthcommons.model.party import Party

__all__ = ["SESSION_COOKIE", "from_elsewhere", "install_identity", "same_site"]

SESSION_COOKIE = "ec_session"
_SAFE = ("GET", "HEAD", "OPTIONS")
_KEY_IN_URL = re.compile(rb"ec_[0-9a-f]{12}_[A-Za-z0-9_-]{20}")


class _Identity:
    def __init__(
        self, app: ASGIApp, node: Node, tokens: Callable[[str], Party | None] | None
    ) -> None:
        self._app = app
        self._node = node
        self._tokens = tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        refusal = self._refusal(scope, headers)
        # A proxy may look at the one and we at the other.
        if [name for name, _ in scope["headers"]].count(b"authorization") > 1:
            refusal = _not_valid()
        party: Party | None = PUBLIC
        if refusal is None:
            if self._tokens is None or "authorization" not in headers:
                party, refusal = self._party(scope, headers)
            else:
                # A token may make us ask the provider for its keys.
                party, refusal = await run_in_threadpool(self._party, scope, headers)
        if refusal is not None:
            refusal.headers.update(SECURITY_HEADERS)
            await refusal(scope, receive, send)
            return

        async def for_the_asker_alone(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _kept_apart(message["headers"], party is not PUBLIC)
            await send(message)

        with acting_as(party or PUBLIC):
            await self._app(scope, receive, for_the_asker_alone)

    def _refusal(self, scope: Scope, headers: dict[str, str]) -> Response | None:
        if _KEY_IN_URL.search(scope.get("query_string", b"")) or _KEY_IN_URL.search(
            scope.get("raw_path") or b""
        ):
            return problem(
                400,
                "key-in-url",
                "a key belongs in the Authorization header, not in an address",
            )
        by_cookie = "authorization" not in headers and SESSION_COOKIE in headers.get(
            "cookie", ""
        )
        if scope["method"] not in _SAFE and by_cookie and not same_site(headers, self._node):
            return problem(
                403, "cross-site", "this request did not come from this node's pages"
            )
        return None

    def _party(
        self, scope: Scope, headers: dict[str, str]
    ) -> tuple[Party | None, Response | None]:
        credentials = self._node.catalog.credentials
        if stated := headers.get("authorization"):
            scheme, _, text = stated.partition(" ")
            key = read_key(text.strip())
            party = None
            if scheme.lower() == "bearer":
                if key is not None:
                    party = credentials.by_key(key)
                elif self._tokens is not None:
                    party = self._tokens(text.strip())
            if party is None:
                return None, _not_valid()
            return party, None
        token = _cookie(headers.get("cookie", ""))
        # An ended session is nobody's: pages then show what everybody sees, and a way to sign in.
        return (credentials.by_session(token) or PUBLIC) if token else PUBLIC, None


def _not_valid() -> Response:
    answer = problem(401, "not-authenticated", "this key or token is not valid here")
    answer.headers["www-authenticate"] = 'Bearer realm="earthcommons"'
    return answer


def install_identity(
    app: FastAPI, node: Node, tokens: Callable[[str], Party | None] | None = None
) -> None:
    """Let every request be asked by the party it proves to be.

    Args:
        app: the application.
        node: its node.
        tokens: reads a token of the identity provider, where one is set up.
    """
    app.add_middleware(_Identity, node=node, tokens=tokens)


def same_site(headers: dict[str, str], node: Node) -> bool:
    """Return whether the browser says that the request comes from this node's own pages."""
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site") == "same-origin"
    own = {urlsplit(node.settings.url).netloc, headers.get("host", "")}
    return urlsplit(origin).netloc in own - {""}


def from_elsewhere(headers: dict[str, str], node: Node) -> bool:
    """Return whether a browser says that another site's page sent this; programs say nothing."""
    stated = "origin" in headers or "sec-fetch-site" in headers
    return stated and not same_site(headers, node)


def _cookie(text: str) -> str:
    try:
        found = SimpleCookie(text[:4096]).get(SESSION_COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _kept_apart(
    headers: list[tuple[bytes, bytes]], personal: bool
) -> list[tuple[bytes, bytes]]:
    """Return the headers so that no shared cache hands one asker's answer to another."""
    if not personal:
        return [*headers, (b"vary", b"authorization, cookie")]
    kept = [(name, value) for name, value in headers if name.lower() != b"cache-control"]
    return [*kept, (b"cache-control", b"private, no-store")]
