"""Query parameters: known names only, each parsed once, each bounded."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from earthcommons.errors import InvalidInputError
from earthcommons.model.geodesy import BBox

if TYPE_CHECKING:
    from collections.abc import Collection

    from fastapi import Request

__all__ = ["known", "parse_bbox", "parse_datetime", "parse_limit"]

_LONGEST = 4000
_RFC_3339 = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})"
)


def known(request: Request, names: Collection[str], prefix: str = "") -> dict[str, str]:
    """Return the query parameters by name.

    Args:
        request: the request.
        names: the names allowed.
        prefix: names that begin with it are allowed too (`dim.`).

    Raises:
        InvalidInputError: an unknown name (`unknown-parameter`), a name given twice, or a value
            of over 4,000 characters.
    """
    values: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name not in names and not (prefix and name.startswith(prefix)):
            allowed = ", ".join(sorted(names)) or "none"
            raise InvalidInputError(
                f"unknown parameter {name[:40]!r}; known here: {allowed}",
                code="unknown-parameter",
            )
        if name in values:
            raise InvalidInputError(f"parameter {name} is given twice")
        if len(value) > _LONGEST:
            raise InvalidInputError(f"parameter {name} is over {_LONGEST} characters long")
        values[name] = value
    return values


def parse_limit(text: str, default: int, most: int = 1000) -> int:
    """Return the page size: 1 to `most`, larger numbers are cut to `most`.

    Raises:
        InvalidInputError: no whole number of 1 or more.
    """
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or not int(text[:9]) >= 1:
        raise InvalidInputError(f"limit {text[:20]!r}: need 1 to {most}", code="bad-limit")
    return min(int(text[:9]), most)


def parse_bbox(text: str) -> BBox | None:
    """Return the box written as four or six numbers, or None for no text.

    Raises:
        InvalidInputError: no box.
    """
    if not text:
        return None
    try:
        return BBox.of([float(part) for part in text.split(",")])
    except ValueError as error:
        if isinstance(error, InvalidInputError):
            raise
        raise InvalidInputError(
            f"bbox {text[:60]!r}: need four numbers", code="bad-bbox"
        ) from error


def parse_datetime(text: str) -> tuple[int | None, int | None]:
    """Return the closed range in epoch seconds that an OGC `datetime` parameter names.

    Raises:
        InvalidInputError: not RFC 3339, reversed, or open at both ends.
    """
    if not text:
        return None, None
    first, slash, last = text.partition("/")
    if not slash:
        instant = _instant(first)
        return instant, instant
    begin = None if first in ("", "..") else _instant(first)
    end = None if last in ("", "..") else _instant(last)
    if begin is None and end is None:
        raise InvalidInputError("datetime is open at both ends", code="bad-time")
    if begin is not None and end is not None and end < begin:
        raise InvalidInputError(f"datetime {text[:60]!r} runs backwards", code="bad-time")
    return begin, end


def _instant(text: str) -> int:
    try:
        # RFC 3339 asks for more than `fromisoformat`: a time, and a zone with a colon.
        if not _RFC_3339.fullmatch(text):
            raise ValueError(text)
        # A leap second is taken for the second before, as it is when items come in.
        moment = datetime.fromisoformat(text.upper().replace(":59:60", ":59:59"))
        return math.floor(moment.astimezone(UTC).timestamp())
    except (ValueError, OverflowError) as error:
        raise InvalidInputError(
            f"datetime {text[:40]!r}: write 2015-11-01T00:00:00Z", code="bad-time"
        ) from error
