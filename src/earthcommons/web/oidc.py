"""An OpenID provider: its description, its keys, and what its tokens say, each checked.

Every request goes to the host of the configured issuer, follows no redirect, and is short and
small. Tokens are believed with the algorithms listed here only, whatever they say of themselves.
"""

from __future__ import annotations

import base64
import contextlib
import json
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from earthcommons.errors import ConflictError, InvalidInputError, UpstreamError
from earthcommons.model.canonical import canonical_bytes, digest_of, parse_strict
from earthcommons.model.party import OPERATOR
from earthcommons.policy import acting_as
from earthcommons.settings import read_oidc_secret
from earthcommons.web.signing_in import NotSignedInError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from earthcommons.commons import Node
    from earthcommons.model.party import Party

__all__ = ["ALGORITHMS", "Provider", "party_of", "provider_of", "token_reader"]

ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA", "Ed25519")
_KINDS = ("RSA", "EC", "OKP")
_LEEWAY_S = 60
_MOST_BYTES = 256 * 1024
_LONGEST_TOKEN = 16_384
_TIMEOUT_S = 10.0
_FRESH_S = 3600.0
_AGAIN_S = 60.0
# So long a provider may be away: what it said before is believed meanwhile.
_KEPT_S = 24 * 3600.0


@dataclass
class Provider:
    """One issuer, as this node meets it.

    Attributes:
        issuer: its address, as its tokens name it.
        client_id: name of this node there.
        secret: this node's secret there; empty for a public client.
        audience: what its access tokens must name; empty means the client's name, and then only
            tokens typed as access tokens are taken, since identity tokens name the same.
        clock: seconds since 1970.
        ticks: seconds that never go back.
    """

    issuer: str
    client_id: str
    secret: str = field(default="", repr=False)
    audience: str = ""
    clock: Callable[[], float] = time.time
    ticks: Callable[[], float] = time.monotonic
    _about: dict[str, Any] = field(default_factory=dict, init=False, repr=False)
    _keys: dict[str, Any] = field(default_factory=dict, init=False, repr=False)
    _asked: dict[str, float] = field(default_factory=dict, init=False, repr=False)
    _got: dict[str, float] = field(default_factory=dict, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def endpoint(self, name: str) -> str:
        """Return an address from the provider's description.

        Raises:
            UpstreamError: it does not answer, describes another issuer, or names another host.
        """
        with self._lock:
            if self._due("about", fresh_s=_FRESH_S):
                at = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
                found = self._fresh("about", at)
                if found is not None:
                    if found.get("issuer") != self.issuer:
                        raise UpstreamError("the identity provider describes another issuer")
                    self._about = found
                    self._got["about"] = self.ticks()
            address = self._about.get(name)
        if not isinstance(address, str):
            raise UpstreamError(f"the identity provider has no {name}")
        self._check_host(address)
        return address

    def exchange(self, code: str, verifier: str, redirect: str) -> str:
        """Return the identity token that a code stands for.

        Raises:
            NotSignedInError: the provider does not take the code.
            UpstreamError: it does not answer.
        """
        sent = {
            "grant_type": "authorization_code",
            "code": code,
            "code_verifier": verifier,
            "redirect_uri": redirect,
            "client_id": self.client_id,
        }
        login = httpx.BasicAuth(self.client_id, self.secret) if self.secret else None
        at = self.endpoint("token_endpoint")
        status, body = self._ask("POST", at, data=sent, auth=login)
        token = _object(body).get("id_token") if status == httpx.codes.OK else None
        if status >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise UpstreamError(f"the identity provider answered {status}")
        if not isinstance(token, str):
            raise NotSignedInError(
                "the identity provider did not confirm the sign-in", why="confirm"
            )
        return token

    def identity(self, token: str, nonce: str) -> dict[str, Any]:
        """Return the claims of an identity token made for this sign-in.

        Raises:
            NotSignedInError: it is not what it must be.
            UpstreamError: the provider's keys cannot be had.

        Source:
            OpenID Connect Core 1.0, 3.1.3.7.
        """
        _, claims = self._claims(token, self.client_id)
        azp = claims.get("azp", self.client_id)
        if claims.get("nonce") != nonce or azp != self.client_id:
            raise _refused()
        return claims

    def access(self, token: str) -> dict[str, Any]:
        """Return the claims of an access token made for this node.

        Raises:
            NotSignedInError: it is not what it must be.
            UpstreamError: the provider's keys cannot be had.

        Source:
            RFC 9068, section 4.
        """
        head, claims = self._claims(token, self.audience or self.client_id)
        typed = str(head.get("typ", "")).lower().removeprefix("application/") == "at+jwt"
        if not typed and (not self.audience or "nonce" in claims):
            raise _refused()
        return claims

    def _claims(self, token: str, audience: str) -> tuple[dict[str, Any], dict[str, Any]]:
        head = _head(token)
        if head.get("alg") not in ALGORITHMS or "crit" in head:
            raise _refused()
        key = self._key(head.get("kid"))
        try:
            claims = jwt.decode(token, key, algorithms=[str(head["alg"])]).claims
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise _refused() from error
        self._check_claims(claims, audience)
        return head, claims

    def _check_claims(self, claims: Mapping[str, Any], audience: str) -> None:
        now = self.clock()
        stated = claims.get("aud")
        named = stated if isinstance(stated, list) else [stated]
        subject = claims.get("sub")
        good = (
            claims.get("iss") == self.issuer
            and audience in named
            and isinstance(subject, str)
            and 0 < len(subject) <= 255
            and _number(claims.get("exp"), 0.0) > now - _LEEWAY_S
            and _number(claims.get("nbf", now), now + 2 * _LEEWAY_S) <= now + _LEEWAY_S
            and _number(claims.get("iat", now), now + 2 * _LEEWAY_S) <= now + _LEEWAY_S
        )
        if not good:
            raise _refused()

    def _key(self, kid: Any) -> Any:
        """Return the provider's key of that name; an unknown one asks again, once a minute."""
        address = self.endpoint("jwks_uri")
        with self._lock:
            known = self._pick(kid)
            if self._due("keys", fresh_s=_FRESH_S if known is not None else 0.0):
                # Counted when it is asked, not when it answers: a flood of unknown names does
                # not become a flood of requests, even when the provider fails.
                found = self._fresh("keys", address)
                if found is not None:
                    self._keys = _keys_in(found)
                    self._got["keys"] = self.ticks()
                known = self._pick(kid)
        if known is None:
            raise _refused()
        return known

    def _pick(self, kid: Any) -> Any:
        if kid is None:
            return next(iter(self._keys.values())) if len(self._keys) == 1 else None
        return self._keys.get(kid) if isinstance(kid, str) else None

    def _due(self, what: str, fresh_s: float) -> bool:
        """Return whether to ask for it now; where it is needed and not to be had, say so."""
        now = self.ticks()
        got, asked = self._got.get(what), self._asked.get(what)
        if got is not None and now - got < fresh_s:
            return False
        if asked is not None and now - asked < _AGAIN_S:
            if got is None or now - got > _KEPT_S:
                raise UpstreamError("the identity provider does not answer")
            return False
        self._asked[what] = now
        return True

    def _fresh(self, what: str, address: str) -> dict[str, Any] | None:
        """Return what is there now; None when it is not to be had and what is known still holds."""
        try:
            return self._json(address)
        except UpstreamError:
            got = self._got.get(what)
            if got is None or self.ticks() - got > _KEPT_S:
                raise
            return None

    def _json(self, address: str) -> dict[str, Any]:
        status, body = self._ask("GET", address)
        if status != httpx.codes.OK:
            raise UpstreamError(f"the identity provider answered {status}")
        return _object(body)

    def _ask(self, method: str, address: str, **more: Any) -> tuple[int, bytes]:
        self._check_host(address)
        body = bytearray()
        until = self.ticks() + _TIMEOUT_S
        try:
            with (
                httpx.Client(
                    timeout=_TIMEOUT_S, follow_redirects=False, trust_env=False
                ) as web,
                web.stream(method, address, **more) as answer,
            ):
                for part in answer.iter_bytes():
                    body += part
                    if len(body) > _MOST_BYTES or self.ticks() > until:
                        raise UpstreamError("the identity provider says too much, too slowly")
                return answer.status_code, bytes(body)
        except httpx.HTTPError as error:
            raise UpstreamError("the identity provider does not answer") from error

    def _check_host(self, address: str) -> None:
        try:
            there, here = urlsplit(address), urlsplit(self.issuer)
        except ValueError as error:
            raise UpstreamError("the identity provider names no address") from error
        if (there.scheme, there.netloc) != (here.scheme, here.netloc):
            raise UpstreamError("the identity provider names another host than its own")


def provider_of(node: Node) -> Provider | None:
    """Return the provider that a node's settings name; None where they name none."""
    settings = node.settings
    if not settings.oidc_issuer:
        return None
    return Provider(
        settings.oidc_issuer,
        settings.oidc_client_id,
        read_oidc_secret(),
        settings.oidc_audience,
    )


def token_reader(node: Node, provider: Provider) -> Callable[[str], Party | None]:
    """Return what finds the party an access token of the provider speaks for."""

    def read(token: str) -> Party | None:
        try:
            return party_of(node, provider.access(token))
        except (NotSignedInError, UpstreamError):
            return None

    return read


def party_of(node: Node, claims: Mapping[str, Any]) -> Party:
    """Return the party of a subject; where the settings say so, its account is made.

    Raises:
        NotSignedInError: nobody here is that subject, or the account is closed.
    """
    issuer, subject = str(claims["iss"]), str(claims["sub"])
    credentials = node.catalog.credentials
    found = credentials.by_subject(issuer, subject)
    if found is None and node.settings.oidc_provision:
        stated = claims.get("name") or claims.get("preferred_username")
        name = stated if isinstance(stated, str) and stated.isprintable() else ""
        # The id says nothing: a name somebody chose elsewhere is not taken for one here.
        id_ = f"u-{digest_of(canonical_bytes([issuer, subject]))[:24]}"
        # Of two requests at once one makes it; a closed account stays closed.
        with acting_as(OPERATOR), contextlib.suppress(ConflictError):
            node.catalog.people.add(
                id_, name.strip()[:200] or id_, issuer=issuer, subject=subject
            )
        found = credentials.by_subject(issuer, subject)
    if found is None:
        raise NotSignedInError("nobody on this node signs in with that identity", why="account")
    return found


def _keys_in(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the usable keys of a key set by their names; a shared secret is no key here."""
    stated = found.get("keys")
    usable = [
        each
        for each in (stated if isinstance(stated, list) else [])
        if isinstance(each, dict)
        and each.get("kty") in _KINDS
        and each.get("use", "sig") == "sig"
        and "d" not in each
    ]
    keys: dict[str, Any] = {}
    for n, each in enumerate(usable):
        try:
            (key,) = KeySet.import_key_set({"keys": [each]}).keys
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        keys[str(each.get("kid", f"#{n}"))] = key
    return keys


def _head(token: str) -> dict[str, Any]:
    first = token.partition(".")[0]
    if len(token) > _LONGEST_TOKEN or token.count(".") != 2:
        raise _refused()
    try:
        head = json.loads(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    except (ValueError, RecursionError) as error:
        raise _refused() from error
    if not isinstance(head, dict):
        raise _refused()
    return head


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = parse_strict(body, limit=_MOST_BYTES)
    except InvalidInputError as error:
        raise UpstreamError("the identity provider sends no JSON") from error
    if not isinstance(value, dict):
        raise UpstreamError("the identity provider sends no JSON object")
    return value


def _number(value: Any, otherwise: float) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else otherwise


def _refused() -> NotSignedInError:
    return NotSignedInError("this token is not valid here", why="confirm")
