"""Sign in with a local password: a session in a cookie that scripts cannot read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from earthcommons.errors import CommonsError
from earthcommons.policy import acting_as
from earthcommons.web.identity import SESSION_COOKIE
from earthcommons.web.throttle import Throttle

if TYPE_CHECKING:
    from fastapi import Request, Response

    from earthcommons.commons import Node
    from earthcommons.model.party import Party

__all__ = ["SESSION_HOURS", "NotSignedInError", "SigningIn", "end_session", "open_session"]

SESSION_HOURS = 12
_OWN_ADDRESSES = ("127.0.0.1", "::1")


class NotSignedInError(CommonsError):
    """Name and password do not belong together, or nobody is signed in."""

    code = "not-authenticated"


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
        names = [f"account {account[:64]}"]
        address = _address(request)
        # Behind a proxy everybody comes from here: one who guesses would shut out all the others.
        if address not in _OWN_ADDRESSES:
            names.append(f"address {address}")
        for name in names:
            self._throttle.check(name)
        party = self._credentials.by_password(account[:64], password)
        if party is None:
            for name in names:
                self._throttle.failed(name)
            raise NotSignedInError("this name and this password do not belong together")
        self._throttle.succeeded(names[0])
        return party


def open_session(node: Node, answer: Response, party: Party) -> None:
    """Open a session for a party and put it into an answer."""
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


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"
