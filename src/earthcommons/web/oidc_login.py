"""Sign in with the identity provider: authorization code with PKCE, state and nonce.

What a sign-in needs to remember travels in a cookie that is signed for this process, so that
nothing is kept for those who never come back.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import secrets
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from earthcommons.errors import NotFoundError, UpstreamError
from earthcommons.trust import new_token
from earthcommons.web.parameters import known
from earthcommons.web.signing_in import NotSignedInError, open_session
from earthcommons.web.words import LANGUAGES, preferred

if TYPE_CHECKING:
    from earthcommons.commons import Node
    from earthcommons.web.oidc import Provider

__all__ = ["PARAMETERS", "oidc_router"]

_COOKIE = "ec_oidc"
_LIVES_S = 600
_AT = "/api/oidc"
# A path of this node and nothing that a browser takes for another host.
_OWN_PATH = re.compile(r"/(?:[A-Za-z0-9._~!$&'()*+,;=:@%-][A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?")
# What each handler takes, by its name: the description of the API is made of the same table.
PARAMETERS = {
    "login": ("to",),
    "callback": (
        "code", "state", "iss", "scope", "session_state", "error", "error_description",
        "error_uri",
    ),
}  # fmt: skip


def oidc_router(node: Node, provider: Provider | None) -> APIRouter:
    """Return the routes below `/api/oidc`; without a provider they are not found."""
    router = APIRouter(prefix=_AT, tags=["people"])
    doors = _Doors(node, provider)
    router.add_api_route("/login", doors.login, methods=["GET"])
    router.add_api_route("/callback", doors.callback, methods=["GET"])
    return router


class _Doors:
    """The two ends of a sign-in."""

    def __init__(self, node: Node, provider: Provider | None) -> None:
        self._node = node
        self._provider = provider
        self._key = secrets.token_bytes(32)
        self._redirect = f"{node.settings.url}{_AT}/callback"

    async def login(self, request: Request) -> Response:
        """Send the browser to the identity provider; `to` is the page to come back to."""
        to = known(request, PARAMETERS["login"]).get("to", "/")
        provider = self._found()
        if not _OWN_PATH.fullmatch(to):
            to = "/"
        state, nonce, verifier = new_token(), new_token(), new_token()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
        at = await run_in_threadpool(provider.endpoint, "authorization_endpoint")
        asked = {
            "response_type": "code",
            "client_id": provider.client_id,
            "redirect_uri": self._redirect,
            "scope": "openid profile",
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge.decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        answer = RedirectResponse(f"{at}{'&' if '?' in at else '?'}{urlencode(asked)}", 303)
        answer.headers["cache-control"] = "no-store"
        answer.set_cookie(
            _COOKIE,
            self._sealed([state, nonce, verifier, to, int(time.time()) + _LIVES_S]),
            max_age=_LIVES_S,
            path=_AT,
            secure=self._node.settings.url.startswith("https://"),
            httponly=True,
            samesite="lax",
        )
        return answer

    async def callback(self, request: Request) -> Response:
        """Open a session for whom the identity provider confirms; tell a person who is refused.

        A browser is led to the page where one signs in, a program gets the problem document.
        """
        try:
            return await self._callback(request)
        except (NotSignedInError, UpstreamError) as error:
            if "text/html" not in request.headers.get("accept", ""):
                raise
            asked = {"refused": getattr(error, "why", "") or "provider"}
            to = self._came_from(request)
            lang = to[1:3] if to[3:4] == "/" else ""
            if lang in LANGUAGES:
                asked["next"] = to
            else:
                lang = preferred(request.headers.get("accept-language", ""))
            answer = RedirectResponse(f"/{lang}/sign-in?{urlencode(asked)}", 303)
            answer.headers["cache-control"] = "no-store"
            return answer

    def _came_from(self, request: Request) -> str:
        """Return the page that a sign-in came from, or an empty string."""
        try:
            return self._opened(request.cookies.get(_COOKIE, ""))[3]
        except NotSignedInError:
            return ""

    async def _callback(self, request: Request) -> Response:
        values = known(request, PARAMETERS["callback"])
        provider = self._found()
        state, nonce, verifier, to, until = self._opened(request.cookies.get(_COOKIE, ""))
        if until < time.time() or not hmac.compare_digest(
            state.encode(), values.get("state", "").encode()
        ):
            raise NotSignedInError(
                "this sign-in was not begun here, or took too long: begin again",
                why="begin",
            )
        # RFC 9207: an answer of another provider is not taken for this one's.
        if values.get("iss", provider.issuer) != provider.issuer or "code" not in values:
            raise NotSignedInError(
                "the identity provider did not confirm the sign-in",
                why="confirm",
            )
        token = await run_in_threadpool(
            provider.exchange, values["code"], verifier, self._redirect
        )
        claims = await run_in_threadpool(provider.identity, token, nonce)
        from earthcommons.web.oidc import party_of

        party = await run_in_threadpool(party_of, self._node, claims)
        answer = RedirectResponse(to, 303)
        answer.headers["cache-control"] = "no-store"
        await run_in_threadpool(open_session, self._node, request, answer, party)
        answer.delete_cookie(_COOKIE, path=_AT)
        return answer

    def _found(self) -> Provider:
        if self._provider is None:
            raise NotFoundError("this node has no identity provider")
        return self._provider

    def _sealed(self, value: Any) -> str:
        said = json.dumps(value).encode()
        tag = hmac.new(self._key, said, hashlib.sha256).digest()
        return base64.urlsafe_b64encode(tag + said).decode()

    def _opened(self, text: str) -> tuple[str, str, str, str, int]:
        try:
            data = base64.urlsafe_b64decode(text[:4000].encode())
        except ValueError:
            data = b""
        tag, said = data[:32], data[32:]
        if not hmac.compare_digest(hmac.new(self._key, said, hashlib.sha256).digest(), tag):
            raise NotSignedInError("this sign-in was not begun here: begin again", why="begin")
        state, nonce, verifier, to, until = json.loads(said)
        return state, nonce, verifier, to, until
