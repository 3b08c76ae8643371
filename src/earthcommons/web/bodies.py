"""Bodies: of requests, bounded while they arrive and strict when they are JSON; of answers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson
from fastapi import Response

from earthcommons.errors import InvalidInputError, RefusedFileError
from earthcommons.model.canonical import parse_strict
from earthcommons.web.parameters import known

if TYPE_CHECKING:
    from fastapi import Request

__all__ = ["bounded", "fields", "json_answer", "json_object"]

MOST_BYTES = 2 * 2**20
# Time to send a body: this, and as long as its largest size takes at 256 KiB a second.
PATIENCE_S = 15.0
_LEAST_PER_S = 2**18


async def bounded(request: Request, most: int = MOST_BYTES) -> bytes:
    """Return the body of a request.

    Raises:
        RefusedFileError: over `most` bytes, stated or sent (`too-large`), or compressed.
        InvalidInputError: it has not come whole in time (`slow-body`).
    """
    if request.headers.get("content-encoding", "identity") != "identity":
        raise RefusedFileError("send the body uncompressed", code="content-encoding")
    stated = request.headers.get("content-length", "0")
    if stated.isdecimal() and int(stated[:18]) > most:
        raise RefusedFileError(f"the body has over {most} bytes", code="too-large")
    try:
        async with asyncio.timeout(PATIENCE_S + most / _LEAST_PER_S):
            return await _read(request, most)
    except TimeoutError as error:
        raise InvalidInputError("the body came too slowly", code="slow-body") from error


async def _read(request: Request, most: int) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise RefusedFileError(f"the body has over {most} bytes", code="too-large")
        parts.append(part)
    return b"".join(parts)


async def json_object(request: Request, most: int = MOST_BYTES) -> dict[str, Any]:
    """Return the JSON object a request carries.

    Raises:
        InvalidInputError: not JSON, not strict JSON, or not an object (`bad-json`); or the address
            has parameters.
        RefusedFileError: over `most` bytes.
    """
    known(request, ())
    value = parse_strict(await bounded(request, most), limit=most)
    if not isinstance(value, dict):
        raise InvalidInputError("send one JSON object", code="bad-json")
    return value


def fields(
    body: dict[str, Any],
    wanted: dict[str, type | tuple[type, ...]],
    needed: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Return the members of a body, when all are known and of their type.

    Raises:
        InvalidInputError: an unknown member (nothing is assigned by accident), a member of another
            type, or a needed one that is missing.
    """
    for name, value in body.items():
        if name not in wanted:
            raise InvalidInputError(
                f"unknown member {name[:40]!r}; known here: {', '.join(sorted(wanted))}",
                code="unknown-parameter",
            )
        # In Python true is a whole number.
        if not isinstance(value, wanted[name]) or (value is True or value is False) != (
            wanted[name] is bool
        ):
            raise InvalidInputError(f"{name}: of another type")
    for name in needed:
        if name not in body:
            raise InvalidInputError(f"{name} is missing")
    return body


def json_answer(value: Any, status: int = 200) -> Response:
    """Return a JSON answer."""
    return Response(orjson.dumps(value), status, media_type="application/json")
