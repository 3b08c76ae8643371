"""`ETag` and `If-Match`: the version of a record that an answer shows and a request means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fastapi import Response

from earthcommons.errors import ConflictError, InvalidInputError
from earthcommons.model.canonical import digest_of

if TYPE_CHECKING:
    from fastapi import Request

__all__ = ["named_tag", "tagged", "unless_known"]

_TAGS = re.compile(r'\s*(?:W/)?"[^"]*"\s*(?:,\s*(?:W/)?"[^"]*"\s*)*')
_TAG = re.compile(r'(W/)?"([^"]*)"')


def tagged(answer: Response, digest: str, *, whole: bool = True) -> Response:
    """Return the answer with the digest of its record as `ETag`.

    A view without the assets withheld from its reader gets one made of its own bytes: the digest
    of the record would confirm a guess of what is withheld, and nobody replaces a record they do
    not see whole.
    """
    if not whole:
        digest = f"part-{digest_of(bytes(answer.body))}"
    if digest:
        answer.headers["etag"] = f'"{digest}"'
    return answer


def unless_known(request: Request, answer: Response) -> Response:
    """Return 304 in place of a tagged answer that the asker has already, by `If-None-Match`.

    Source:
        RFC 9110, 13.1.2.
    """
    tag = answer.headers.get("etag", "")
    stated = request.headers.get("if-none-match", "")[:4000]
    # Compared weakly: a proxy that compresses weakens the tags it passes on.
    known = [f'"{each}"' for _, each in _TAG.findall(stated)]
    if tag and (stated.strip() == "*" or tag in known):
        return Response(status_code=304, headers={"etag": tag})
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
