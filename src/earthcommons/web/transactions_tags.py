"""`ETag` and `If-Match`: the version of a record that an answer shows and a request means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from earthcommons.errors import ConflictError, InvalidInputError

if TYPE_CHECKING:
    from fastapi import Request, Response

__all__ = ["named_tag", "tagged"]

_TAGS = re.compile(r'\s*(?:W/)?"[^"]*"\s*(?:,\s*(?:W/)?"[^"]*"\s*)*')
_TAG = re.compile(r'(W/)?"([^"]*)"')


def tagged(answer: Response, digest: str, *, whole: bool = True) -> Response:
    """Return the answer with the digest of its record as `ETag`.

    A view without the assets withheld from its reader gets a weak one: nobody replaces a record
    they do not see whole.
    """
    if digest:
        answer.headers["etag"] = f'"{digest}"' if whole else f'W/"{digest}"'
    return answer


def named_tag(request: Request, present: str) -> str:
    """Return the digest `If-Match` names; `present` where it is one of several.

    Raises:
        InvalidInputError: there is none, or `*`, which names no version
            (`precondition-required`).
        ConflictError: none of them is the present version (`stale`).

    Source:
        RFC 9110, 13.1.1: compared strongly.
    """
    text = request.headers.get("if-match", "")
    if not text or text.strip() == "*":
        raise InvalidInputError(
            "say which version you read: If-Match with the ETag of your last GET",
            code="precondition-required",
        )
    if len(text) > 4000 or not _TAGS.fullmatch(text):
        raise InvalidInputError("If-Match holds no entity tag")
    strong = [tag for weak, tag in _TAG.findall(text) if not weak]
    if present not in strong:
        raise ConflictError("it has changed since: read it again", code="stale")
    return present
