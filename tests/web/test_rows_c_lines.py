"""Bad input before anything is searched, C15 to C18: bodies, headers, a forged host, paths."""

from __future__ import annotations

import gzip
import socket
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest
from tests.web.told import told

from earthcommons.commons import Node
from earthcommons.web import bodies

if TYPE_CHECKING:
    from collections.abc import Iterator

Served = tuple[str, Node]


@pytest.fixture(scope="module")
def http(served: Served) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served[0], timeout=30) as client:
        yield client


def _raw(url: str, head: bytes, *parts: bytes) -> bytes:
    """Send bytes as they are and return the answer's head."""
    place = urlsplit(url)
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=20) as sent:
        sent.sendall(head)
        for part in parts:
            try:
                sent.sendall(part)
            except (BrokenPipeError, ConnectionResetError):
                break
        answer = b""
        try:
            while b"\r\n\r\n" not in answer and (more := sent.recv(65536)):
                answer += more
        except ConnectionResetError:
            pass
        return answer


_POST = b"POST /stac/search HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"


def test_c15_a_body_is_bounded_however_it_is_sent(served: Served) -> None:
    url, _ = served
    stated = _raw(url, _POST + b"content-length: 68157440\r\n\r\n")
    assert stated.startswith(b"HTTP/1.1 413"), stated[:200]
    chunk = b"%x\r\n" % 2**16 + b" " * 2**16 + b"\r\n"
    chunked = _raw(url, _POST + b"transfer-encoding: chunked\r\n\r\n", *[chunk] * 48)
    assert chunked.startswith(b"HTTP/1.1 413"), chunked[:200]
    bomb = gzip.compress(b" " * 2**24)
    answer = httpx.post(
        f"{url}/stac/search", content=bomb, headers={"content-encoding": "gzip"}
    )
    assert told(answer) == (415, "content-encoding")


def test_c15_a_body_that_trickles_is_given_up(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "PATIENCE_S", 0.2)
    monkeypatch.setattr(bodies, "_LEAST_PER_S", 2**40)
    start = time.perf_counter()
    answer = _raw(served[0], _POST + b"content-length: 100\r\n\r\n", b'{"limit"')
    assert answer.startswith(b"HTTP/1.1 408"), answer[:200]
    assert time.perf_counter() - start < 5


def test_c16_headers_are_bounded_and_accept_names_a_type(
    http: httpx.Client, served: Served
) -> None:
    assert told(http.get("/stac/", headers={"accept": "../"})) == (406, "not-acceptable")
    for fine in ("*/*", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8", "*; q=.2", "a/b"):
        assert http.get("/stac/", headers={"accept": fine}).status_code == 200
    assert told(http.get("/stac/?f=exe")) == (400, "unknown-parameter")
    many = b"".join(b"x-%d: 1\r\n" % n for n in range(10_000))
    answer = _raw(served[0], b"GET /stac/ HTTP/1.1\r\nhost: x\r\n" + many + b"\r\n")
    assert answer.startswith(b"HTTP/1.1 431"), answer[:200]
    long = http.get("/", headers={"accept-language": "a" * 100_000})
    assert long.status_code == 431
    assert http.get("/en/", headers={"accept-language": "zz-ZZ;q=x,,;"}).status_code == 200


def test_c17_a_forged_host_is_in_no_link(http: httpx.Client, served: Served) -> None:
    forged = {"host": "evil.example", "x-forwarded-host": "evil.example",
              "x-forwarded-proto": "https", "forwarded": "host=evil.example"}  # fmt: skip
    for path in ("/stac/", "/stac/collections", "/stac/search?limit=2", "/stac/collections/demo",
                 "/stac/collections/demo/items/cube", "/tiles/demo/cube/data/tilejson.json",
                 "/en/", "/en/data/demo/cube", "/openapi.json", "/api/citation/demo/cube",
                 "/stac/nowhere", "/"):  # fmt: skip
        answer = http.get(path, headers=forged)
        assert answer.status_code < 500, path
        assert "evil" not in answer.text + str(dict(answer.headers)), path
    assert served[0] in http.get("/stac/", headers=forged).text


@pytest.mark.parametrize(
    "path",
    ["/stac/collections/%2e%2e%2f", "/stac/collections/%2e%2e%2fnode.toml",
     "/objects/%2e%2e%2fnode.toml", "/stac/collections/demo/", "/en/data/",
     "/objects/%252e%252e%252fnode.toml", "/stac/collections/%00", "/stac/collections/demo%00",
     "/stac/collections/%c0%ae%c0%ae%c0%af", "/static/%2e%2e/%2e%2e/app.py", "/static/..%5capp.py",
     "/tiles/demo/..%2fcube/data/0/0/0.png", "/en/data/demo/%2e%2e%2f%2e%2e%2fnode.toml",
     "/objects/" + "a" * 64 + ".zarr/..%2f..%2fnode.toml", "/reports/..%2f..%2fnode.en.pdf"],
)  # fmt: skip
def test_c18_a_path_leads_to_no_file(served: Served, path: str) -> None:
    answer = _raw(
        served[0], f"GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".encode()
    )
    assert answer.split(b" ", 2)[1] in (b"404", b"400"), answer[:200]
    assert b"[node]" not in answer
    assert b"evil" not in answer
