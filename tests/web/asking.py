"""Ask an application in this process: its own event loop, no network, nothing remembered.

The matrix asks tens of thousands of times: a client that keeps cookies and a portal between two
threads would cost more than the answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote_to_bytes, urlencode, urlsplit

import anyio.to_thread
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fastapi import FastAPI

__all__ = ["Answer", "Asker"]


@dataclass(frozen=True)
class Answer:
    """What was answered; a header that came twice is one value with a comma."""

    status_code: int
    headers: dict[str, str]
    content: bytes

    @cached_property
    def text(self) -> str:
        """Body as text, whatever it is."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """Body as a JSON value."""
        return json.loads(self.content)


async def _here(done: Callable[..., Any], *args: Any, **more: Any) -> Any:
    """Run a handler in this thread: one asks at a time, and a change of threads costs a third."""
    return contextvars.copy_context().run(done, *args)


class Asker:
    """Sends requests to an application, one after another."""

    def __init__(self, app: FastAPI, base_url: str) -> None:
        self._app = app
        self._host = urlsplit(base_url)
        self._loop = asyncio.new_event_loop()
        self._asked: asyncio.Queue[tuple[Any, ...] | None] = asyncio.Queue()
        self._serving = self._loop.create_task(self._serve())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        """End the loop and its threads."""
        if not self._loop.is_closed():
            self._asked.put_nowait(None)
            self._loop.run_until_complete(self._serving)
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        body: Any = None,
        form: Mapping[str, str] | None = None,
    ) -> Answer:
        """Return the answer to a request; an error that nobody caught is a 500."""
        content, kind = b"", ""
        if form is not None:
            content, kind = urlencode(form).encode(), "application/x-www-form-urlencoded"
        elif isinstance(body, bytes):
            content = body
        elif body is not None:
            content, kind = json.dumps(body).encode(), "application/json"
        sent = {"host": self._host.netloc, "user-agent": "matrix", "accept": "*/*"}
        if content or method in ("POST", "PUT", "PATCH"):
            sent["content-length"] = str(len(content))
        if kind:
            sent["content-type"] = kind
        sent |= {name.lower(): value for name, value in headers.items()}
        done = self._loop.create_future()
        self._asked.put_nowait((self._scope(method, path, sent), content, done))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(anyio.to_thread, "run_sync", _here)
            answer: Answer = self._loop.run_until_complete(done)
        return answer

    def _scope(self, method: str, path: str, headers: Mapping[str, str]) -> dict[str, Any]:
        before, _, query = path.partition("?")
        return {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1",
            "method": method, "scheme": self._host.scheme, "root_path": "",
            "path": unquote_to_bytes(before).decode("utf-8", "replace"),
            "raw_path": before.encode(), "query_string": query.encode(),
            "headers": [(k.encode("latin-1"), v.encode("latin-1")) for k, v in headers.items()],
            "client": ("testclient", 50000), "server": (self._host.hostname, self._host.port),
            "state": {},
        }  # fmt: skip

    async def _serve(self) -> None:
        while (asked := await self._asked.get()) is not None:
            scope, content, done = asked
            try:
                done.set_result(await self._answer(scope, content))
            except Exception as error:
                done.set_exception(error)

    async def _answer(self, scope: dict[str, Any], content: bytes) -> Answer:
        given = [{"type": "http.request", "body": content, "more_body": False}]
        status, headers, parts = 500, {}, []
        over = asyncio.Event()

        async def receive() -> dict[str, Any]:
            if given:
                return given.pop()
            await over.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                for name, value in message["headers"]:
                    key, text = name.decode("latin-1").lower(), value.decode("latin-1")
                    headers[key] = f"{headers[key]}, {text}" if key in headers else text
            elif message["type"] == "http.response.body":
                parts.append(message.get("body", b""))
                if not message.get("more_body", False):
                    over.set()

        # The outermost layer has answered 500 before it raises.
        with contextlib.suppress(Exception):
            await self._app(scope, receive, send)
        return Answer(status, headers, b"".join(parts))
