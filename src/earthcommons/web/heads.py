"""HEAD wherever GET is: the same rule, status and headers, and no body (RFC 9110, 9.3.2)."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from fastapi.routing import iter_route_contexts
from starlette.routing import compile_path

if TYPE_CHECKING:
    import re

    from fastapi import FastAPI
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["install_heads"]


class _Heads:
    """Asks the route for GET, and lets go what it answers beyond its headers.

    Routes that name HEAD themselves are asked as they are: they have a cheaper answer.
    """

    def __init__(self, app: ASGIApp, application: FastAPI) -> None:
        self._app = app
        self._application = application

    @cached_property
    def _own(self) -> list[re.Pattern[str]]:
        return [
            compile_path(context.path)[0]
            for context in iter_route_contexts(self._application.routes)
            if context.path and "HEAD" in (context.methods or ())
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        if any(path.match(scope["path"]) for path in self._own):
            await self._app(scope, receive, send)
            return

        async def without_body(message: Message) -> None:
            if message["type"] == "http.response.body":
                if message.get("more_body"):
                    return
                message = {"type": "http.response.body", "body": b""}
            await send(message)

        asked: dict[str, Any] = {**scope, "method": "GET"}
        await self._app(asked, receive, without_body)


def install_heads(app: FastAPI) -> None:
    """Answer HEAD on every route of the application that answers GET."""
    app.add_middleware(_Heads, application=app)
