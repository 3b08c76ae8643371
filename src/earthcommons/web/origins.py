"""Pages of other origins that may read this node: those the operator names, reading alone.

A browser lets a page read another origin's answer only where the answer allows it (CORS). What is
allowed here never goes with a cookie: a page speaks for nobody, or by a key in its header.

Source:
    WHATWG Fetch, "HTTP CORS protocol".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.cors import CORSMiddleware

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["install_origins"]

_READS = ("GET", "HEAD")
# The one address that is read by POST.
_SEARCH = "/stac/search"
_MAY_SEND = ("Authorization", "Content-Type", "If-None-Match", "If-Range", "Range")
_MAY_READ = ("ETag", "Link", "Content-Range", "Accept-Ranges")


class _Origins:
    def __init__(self, app: ASGIApp, origins: tuple[str, ...]) -> None:
        self._app = app
        self._any = "*" in origins
        self._origins = frozenset(origins)
        self._doors = {
            path: CORSMiddleware(
                app,
                allow_origins=origins,
                allow_methods=methods,
                allow_headers=_MAY_SEND,
                expose_headers=_MAY_READ,
            )
            for path, methods in (("", _READS), (_SEARCH, (*_READS, "POST")))
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin, method = headers.get("origin", ""), scope["method"]
        if method == "OPTIONS":
            method = headers.get("access-control-request-method", method)
        searches = scope["path"] == _SEARCH
        reads = method in (*_READS, "OPTIONS") or (searches and method == "POST")
        if origin and reads and (self._any or origin in self._origins):
            await self._doors[_SEARCH if searches else ""](scope, receive, send)
            return

        async def by_origin(message: Message) -> None:
            if message["type"] == "http.response.start":
                # A copy kept from one origin is no answer to another.
                MutableHeaders(scope=message).add_vary_header("Origin")
            await send(message)

        await self._app(scope, receive, send if self._any else by_origin)


def install_origins(app: FastAPI, origins: tuple[str, ...]) -> None:
    """Let pages of these origins read answers; `*` is every origin, none leaves all as it is."""
    if origins:
        app.add_middleware(_Origins, origins=origins)
