"""Sign in with a local password: a session in a cookie that scripts cannot read."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from earthcommons.errors import CommonsError
from earthcommons.policy import acting_as
from earthcommons.web.identity import SESSION_COOKIE
from earthcommons.web.throttle import FREE_TRIES, Throttle

if TYPE_CHECKING:
    from fastapi import Request, Response

    from earthcommons.commons import Node
    from earthcommons.model.party import Party

__all__ = ["SESSION_HOURS", "NotSignedInError", "SigningIn", "end_session", "open_session"]

SESSION_HOURS = 12
_LOG = logging.getLogger(__name__)
_OWN_ADDRESSES = ("127.0.0.1", "::1")


class NotSignedInError(CommonsError):
    """Name and password do not belong together, or nobody is signed in.

    `why` says what a sign-in with the identity provider failed of: `begin`, `confirm` or
    `account`; empty elsewhere.
    """

    code = "not-authenticated"

    def __init__(self, message: str, *, why: str = "") -> None:
        super().__init__(message)
        self.why = why


class SigningIn:
    """Checks passwords for one application, and slows down whoever guesses."""

    def __init__(self, node: Node) -> None:
        self._credentials = node.catalog.credentials
        self._throttle = Throttle()

    def check(self, request: Request, account: str, password: str) -> Party:
        """Return the party whose name and password these are.

        The address is that of the connection: a header that states another is not believed. That
        of a proxy on this machine is nobody's.

        Raises:
            NotSignedInError: they do not belong together.
            ThrottledError: too many tries for this account or from this address.
        """
        name = f"account {account[:64]}"
        address = _address(request)
        # Behind a proxy everybody comes from here: one who guesses would shut out all the others.
        known = address in _OWN_ADDRESSES
        if not known:
            self._throttle.check(f"address {address}")
        tried = self._throttle.begin(name)
        party = self._credentials.by_password(account[:64], password)
        if party is None:
            _tell(tried, name, address)
            # Not counted before: the many of one office sign in at once.
            if not known:
                _tell(
                    self._throttle.failed(f"address {address}"), f"address {address}", address
                )
            raise NotSignedInError("this name and this password do not belong together")
        self._throttle.succeeded(name)
        return party


def open_session(node: Node, request: Request, answer: Response, party: Party) -> None:
    """Open a session for a party and put it into an answer; the one the request had ends."""
    if before := request.cookies.get(SESSION_COOKIE):
        # Nobody could sign out of it any more: its cookie is written over.
        node.catalog.credentials.end_session(before)
    with acting_as(party):
        token = node.catalog.credentials.open_session(party.id, SESSION_HOURS)
    answer.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=SESSION_HOURS * 3600,
        path="/",
        secure=node.settings.url.startswith("https://"),
        httponly=True,
        samesite="lax",
    )


def end_session(node: Node, request: Request, answer: Response) -> None:
    """End the session of a request and take the cookie away."""
    if token := request.cookies.get(SESSION_COOKIE):
        node.catalog.credentials.end_session(token)
    answer.delete_cookie(SESSION_COOKIE, path="/")


def _tell(tried: int, name: str, address: str) -> None:
    """Write one line for a row of failures, however long it becomes."""
    if tried == FREE_TRIES:
        _LOG.warning("%d sign-ins in a row failed: %r, last from %s", tried, name, address)


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"
