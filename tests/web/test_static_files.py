"""The bundle's files: types, compression, revalidation, and a plain word when there is none."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from earthcommons.web.static_files import static_router

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    bundle = tmp_path / "static"
    (bundle / "fonts").mkdir(parents=True)
    (bundle / "portal.js").write_text("let a = 1;" * 400)
    (bundle / "fonts" / "a.woff2").write_bytes(b"wOF2")
    (bundle / ".inputs.sha256").write_text("x")
    (tmp_path / "secret.js").write_text("no")
    app = FastAPI()
    app.include_router(static_router(bundle))
    return TestClient(app)


def test_a_script_is_compressed_and_answers_304_to_who_has_it(client: TestClient) -> None:
    asked = {"accept-encoding": "gzip"}
    answer = client.get("/static/portal.js", headers=asked)
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.text.startswith("let a = 1;")
    tag = answer.headers["etag"]
    again = client.get("/static/portal.js", headers=asked | {"if-none-match": tag})
    assert (again.status_code, again.content) == (304, b"")
    plain = client.get("/static/portal.js", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.headers["etag"] != tag
    assert gzip.compress(plain.content, compresslevel=6, mtime=0) != plain.content


def test_a_font_is_sent_as_it_is(client: TestClient) -> None:
    answer = client.get("/static/fonts/a.woff2", headers={"accept-encoding": "gzip"})
    assert (answer.headers["content-type"], answer.content) == ("font/woff2", b"wOF2")


@pytest.mark.parametrize(
    "name", ["../secret.js", "%2e%2e/secret.js", "none.js", ".inputs.sha256", "fonts", ""]
)
def test_nothing_but_the_bundles_own_files_is_served(client: TestClient, name: str) -> None:
    answer = client.get(f"/static/{name}")
    assert answer.status_code == 404
    assert "no such file" in answer.text or "Not Found" in answer.text


def test_without_a_bundle_the_answer_says_how_to_build_it(tmp_path: Path) -> None:
    app = FastAPI()
    app.include_router(static_router(tmp_path / "absent"))
    answer = TestClient(app).get("/static/portal.js")
    assert answer.status_code == 404
    assert "python web-ui/build.py" in answer.text
