"""HEAD on every route that answers GET: the same status and headers, and no body."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from tests.web.access_node import desk
from tests.web.listening import free_port, listening
from tests.web.policy_table import routes_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.web.access_node import Desk

NAMES = {
    "collection": "snow", "item": "open", "asset": "data", "z": "0", "x": "0", "y": "0",
    "kind": "collection", "name": "snow", "lang": "en", "lang:lang": "en", "version": "1",
    "name:path": "snow",
}  # fmt: skip


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    made = desk(tmp_path_factory.mktemp("heads"))
    yield made
    made.node.catalog.close()


def _filled(path: str) -> str:
    for name, value in NAMES.items():
        path = path.replace(f"{{{name}}}", value)
    return path


def test_head_answers_as_get_does_on_every_route_and_without_a_body(node: Desk) -> None:
    asked = node.at()
    paths = sorted({_filled(path) for method, path in routes_of(node.app) if method == "GET"})
    assert len(paths) > 80
    faults = {}
    for path in paths:
        got = asked.get(path, follow_redirects=False)
        head = asked.head(path, follow_redirects=False)
        for name in ("date", "set-cookie", "location"):
            got.headers.pop(name, None)
            head.headers.pop(name, None)
        # A built answer may be made anew; what it is does not change.
        if (head.status_code, head.content) != (got.status_code, b"") or (
            head.headers.get("content-type") != got.headers.get("content-type")
            or head.headers.get("content-length") != got.headers.get("content-length")
            or head.headers.get("etag") != got.headers.get("etag")
        ):
            faults[path] = (got.status_code, head.status_code, len(head.content))
    assert faults == {}


def test_head_learns_nothing_that_get_does_not_tell(node: Desk) -> None:
    asked = node.at()
    hidden, absent = (
        asked.head(f"/stac/collections/{name}") for name in ("closed", "never-was")
    )
    assert hidden.status_code == absent.status_code == 404
    assert asked.head("/api/session").status_code == 405


def test_no_byte_follows_the_headers_on_the_wire(node: Desk) -> None:
    port = free_port()
    asked = b"HEAD /stac/collections/snow HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"
    with (
        listening(node.app, port),
        socket.create_connection(("127.0.0.1", port), timeout=10) as line,
    ):
        line.sendall(asked * 2)
        said = b""
        while said.count(b"\r\n\r\n") < 2:
            said += line.recv(65536)
    assert said.count(b"HTTP/1.1 200") == 2
    assert said.endswith(b"\r\n\r\n")
    assert b'"type"' not in said
