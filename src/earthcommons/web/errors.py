"""Errors as RFC 9457 problem documents: one table from error to status, stable `type` codes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from earthcommons.errors import (
    AccessDeniedError,
    CommonsError,
    ConflictError,
    GoneError,
    IntegrityError,
    InvalidInputError,
    NotFoundError,
    RefusedFileError,
    UpstreamError,
)
from earthcommons.web.denied import Denied, tell_denied
from earthcommons.web.headers import SECURITY_HEADERS
from earthcommons.web.refusals import refusal_of
from earthcommons.web.words import preferred

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI, Request

__all__ = ["install_error_handlers", "problem", "status_of", "told"]

_LOG = logging.getLogger(__name__)
_BY_CODE = {
    "slow-body": 408,
    "too-large": 413,
    "content-encoding": 415,
    "content-type": 415,
    "checksum-mismatch": 460,
    "bad-range": 416,
    "not-authenticated": 401,
    "too-many-tries": 429,
    "stale": 412,
    "precondition-required": 428,
    "format-mismatch": 415,
    "declared-too-large": 413,
    "asset-unavailable": 503,
}
_COME_BACK_S = 10
_BY_TYPE = (
    (GoneError, 410),
    (NotFoundError, 404),
    (AccessDeniedError, 403),
    (ConflictError, 409),
    (IntegrityError, 502),
    (UpstreamError, 503),
    (RefusedFileError, 422),
    (InvalidInputError, 400),
)
_TITLES = {
    400: "The request needs mending",
    401: "Who is asking?",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Nothing of that kind is given",
    408: "Too slow",
    409: "Conflict",
    410: "Withdrawn",
    412: "It has changed since",
    413: "Too large",
    415: "Unknown format",
    416: "No such part",
    422: "The file needs mending",
    428: "Say which version you read",
    429: "Too many tries",
    431: "Headers too large",
    460: "The bytes arrived damaged",
    500: "This server failed",
    502: "Stored bytes are damaged",
    503: "Not available now",
}


def status_of(error: CommonsError) -> int:
    """Return the HTTP status of an error raised on purpose."""
    if error.code in _BY_CODE:
        return _BY_CODE[error.code]
    return next((status for kind, status in _BY_TYPE if isinstance(error, kind)), 500)


def problem(
    status: int, code: str, detail: str, more: Mapping[str, Any] | None = None
) -> JSONResponse:
    """Return a problem document; `type` is stable, `detail` is for people."""
    body = {
        "type": f"urn:earthcommons:problem:{code}",
        "title": _TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        **(more or {}),
    }
    return JSONResponse(body, status, media_type="application/problem+json")


def told(request: Request, error: CommonsError) -> str:
    """Return what an error says, in Chinese to whoever asks for Chinese first.

    Source:
        RFC 9457, 3.1: `title` and `detail` are advisory, and may be told in the language asked for.
    """
    lang = preferred(request.headers.get("accept-language", ""))
    return str(error) if lang == "en" else refusal_of(error, lang).line


def install_error_handlers(app: FastAPI) -> None:
    """Answer every error with a problem document; never a stack, a path or a secret."""

    async def on_purpose(request: Request, error: Exception) -> JSONResponse:
        if not isinstance(error, CommonsError):
            raise error
        tell_denied(request, error)
        more = {"stub": error.stub} if isinstance(error, GoneError) else {}
        answer = problem(status_of(error), error.code, told(request, error), more)
        if answer.status_code in (429, 503):
            answer.headers["retry-after"] = str(getattr(error, "seconds", _COME_BACK_S))
        return answer

    async def by_framework(request: Request, error: Exception) -> JSONResponse:
        if not isinstance(error, HTTPException):
            raise error
        code = {404: "not-found", 405: "method-not-allowed"}.get(
            error.status_code, "invalid-input"
        )
        answer = problem(error.status_code, code, str(error.detail))
        if error.status_code == 405:
            # The framework names the methods of the first route of this path alone.
            answer.headers["allow"] = ", ".join(_methods(request))
        return answer

    async def by_validation(_: Request, error: Exception) -> JSONResponse:
        if not isinstance(error, RequestValidationError):
            raise error
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
        return problem(400, "invalid-input", f"{where}: {first['msg']}")

    async def by_accident(request: Request, error: Exception) -> JSONResponse:
        _LOG.error("failed on %s %s", request.method, request.url.path, exc_info=error)
        answer = problem(
            500, "error", "This server failed on the request; the operator can see why."
        )
        # This handler stands outside the middleware that adds them to every other answer.
        answer.headers.update(SECURITY_HEADERS)
        return answer

    app.state.denied = Denied()
    app.add_exception_handler(CommonsError, on_purpose)
    app.add_exception_handler(HTTPException, by_framework)
    app.add_exception_handler(RequestValidationError, by_validation)
    app.add_exception_handler(Exception, by_accident)


def _methods(request: Request) -> list[str]:
    """Return the methods that the path of a request knows (RFC 9110, 10.2.1)."""
    at = request.url.path
    routes = [
        (context.path, context.methods or ())
        for context in iter_route_contexts(request.app.routes)
        if context.path and compile_path(context.path)[0].match(at)
    ]
    # A name that stands in a path is no parameter: `/api/drafts/from-uploads` is no draft.
    meant = [methods for path, methods in routes if path == at]
    found = {name for methods in meant or [m for _, m in routes] for name in methods}
    # `heads` answers HEAD wherever a route answers GET.
    return sorted(found | {"HEAD"} if "GET" in found else found)
