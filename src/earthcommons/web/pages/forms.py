"""Forms as pages read them: plain posts from this node's own pages, answered with a redirect."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote

from fastapi.responses import RedirectResponse
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from earthcommons.errors import AccessDeniedError, InvalidInputError, RefusedFileError
from earthcommons.policy import acting_party
from earthcommons.web.bodies import bounded
from earthcommons.web.identity import same_site
from earthcommons.web.signing_in import NotSignedInError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from fastapi import Request
    from starlette.datastructures import UploadFile

    from earthcommons.commons import Node
    from earthcommons.model.party import Party

__all__ = ["Form", "local_address", "read_files", "read_form", "see_other", "signed_in"]

_MOST_FORM = 512 * 1024
_MOST_FIELDS = 1000
_MOST_FILES = 1000


@dataclass(frozen=True, slots=True)
class Form:
    """What a person filled in, each field a tuple of what was sent under its name."""

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    files: tuple[UploadFile, ...] = ()

    def text(self, name: str) -> str:
        """Return what was written into a field, without space around it; empty when nothing."""
        return self.values[name][-1].strip() if name in self.values else ""

    def all(self, name: str) -> tuple[str, ...]:
        """Return everything chosen of a field."""
        return self.values.get(name, ())


async def read_form(request: Request, node: Node) -> Form:
    """Return a form without files.

    Raises:
        AccessDeniedError: it was not sent from this node's own pages (`cross-site`).
        RefusedFileError: too large.
        InvalidInputError: not UTF-8, or of endless fields.
    """
    _own_page(request, node)
    body = await bounded(request, _MOST_FORM)
    try:
        pairs = parse_qsl(
            body.decode("utf-8"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=_MOST_FIELDS,
        )
    except ValueError as error:
        raise InvalidInputError("the form is not written as forms are") from error
    return Form(_gathered(pairs))


@asynccontextmanager
async def read_files(request: Request, node: Node, most_bytes: int) -> AsyncIterator[Form]:
    """Yield a form with files; nothing is read of one that states more than `most_bytes`.

    Raises:
        AccessDeniedError: it was not sent from this node's own pages (`cross-site`).
        RefusedFileError: too large, or it does not say how large it is.
        InvalidInputError: not a form with files.
    """
    _own_page(request, node)
    stated = request.headers.get("content-length", "")
    # The server reads no more than was stated.
    if not stated.isdecimal() or int(stated[:18]) > most_bytes:
        raise RefusedFileError(
            f"this form takes {most_bytes // 2**20} MiB at most", code="too-large"
        )
    try:
        sent = await request.form(max_files=_MOST_FILES, max_fields=_MOST_FIELDS)
    except (MultiPartException, HTTPException) as error:
        raise InvalidInputError("the form is not written as forms with files are") from error
    pairs, files = [], []
    for name, value in sent.multi_items():
        if isinstance(value, str):
            pairs.append((name, value))
        elif value.filename:
            files.append(value)
    try:
        yield Form(_gathered(pairs), tuple(files))
    finally:
        await sent.close()


def see_other(address: str) -> RedirectResponse:
    """Answer a form: what was asked is done, and here is the page that shows it."""
    return RedirectResponse(address, 303)


def local_address(text: str, otherwise: str) -> str:
    """Return an address when it lies on this node's pages, else another.

    What a form names as the page to go on to must not lead a person away.
    """
    plain = text.isascii() and text.isprintable() and "\\" not in text
    if plain and text.startswith(("/en/", "/zh/")) and "//" not in text.partition("?")[0]:
        return quote(text, safe="/?&=%:,;@+-._~!*'()$#")
    return otherwise


def signed_in() -> Party:
    """Return the account that asks.

    Raises:
        NotSignedInError: nobody is signed in.
    """
    party = acting_party()
    if not party.registered:
        raise NotSignedInError("this page is for accounts: sign in first")
    return party


def _own_page(request: Request, node: Node) -> None:
    # Also where no session is there yet: another site must not sign a person in as somebody else.
    if "authorization" not in request.headers and not same_site(dict(request.headers), node):
        raise AccessDeniedError(
            "this form did not come from this node's pages", code="cross-site"
        )


def _gathered(pairs: list[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        # Browsers end lines of a text area with CR LF.
        found[name] = (*found.get(name, ()), value.replace("\r\n", "\n"))
    return found
