"""Headers every answer carries: nothing from other hosts, no sniffing, no framing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["SECURITY_HEADERS", "install_headers"]

# No inline style or script at all: charts and maps set styles through the DOM, which is allowed.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:;"
    " font-src 'self'; connect-src 'self'; worker-src 'self'; form-action 'self';"
    " frame-ancestors 'none'; base-uri 'none'"
)
SECURITY_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
_MOST_HEADERS, _MOST_HEADER_BYTES = 100, 64 * 1024
# A media range with its parameters (RFC 9110, 12.5.1).
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_RANGE = re.compile(rb"\s*(?:\*|" + _TOKEN + rb"/" + _TOKEN + rb")\s*(?:;[^,]{0,200})?")
_HEADERS = [(name.encode(), value.encode()) for name, value in SECURITY_HEADERS.items()]


class _Headers:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_HEADERS]
            await send(message)

        if (refusal := _refusal(scope["headers"])) is not None:
            await refusal(scope, receive, with_headers)
            return
        await self._app(scope, receive, with_headers)


def _refusal(headers: list[tuple[bytes, bytes]]) -> Response | None:
    """Refuse headers that no client sends: very many, very long, or an `Accept` that is none."""
    from earthcommons.web.errors import problem

    size = sum(len(name) + len(value) for name, value in headers)
    if len(headers) > _MOST_HEADERS or size > _MOST_HEADER_BYTES:
        said = f"over {_MOST_HEADERS} headers, or over {_MOST_HEADER_BYTES} bytes of them"
        return problem(431, "headers-too-large", said)
    accepted = b",".join(value for name, value in headers if name == b"accept")
    ranges = [part for part in accepted.split(b",") if part.strip()]
    if not all(_RANGE.fullmatch(part) for part in ranges):
        return problem(406, "not-acceptable", "Accept names no media range: write type/subtype")
    return None


def install_headers(app: FastAPI) -> None:
    """Add the headers to every answer of the application."""
    app.add_middleware(_Headers)
