"""Conditions and ranges of an asset's bytes, as RFC 9110 has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from earthcommons.commons import Node


@pytest.fixture(params=["raster-00", "cube"])
def asset(request: pytest.FixtureRequest, served: tuple[str, Node]) -> str:
    """Address of a file, and of the manifest of a tree."""
    url, _ = served
    item = httpx.get(f"{url}/stac/collections/demo/items/{request.param}").json()
    return str(item["assets"]["data"]["href"])


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_bytes_that_are_not_those_required_are_not_sent(asset: str, method: str) -> None:
    tag = httpx.get(asset).headers["etag"]
    for wrong in ('"0"', f"W/{tag}", f'"0", W/{tag}', ""):
        answer = httpx.request(method, asset, headers={"if-match": wrong})
        assert answer.status_code == 412, wrong
        if method == "GET":
            assert answer.json()["type"] == "urn:earthcommons:problem:stale"
    for right in (tag, "*", f'"0", {tag}'):
        assert httpx.request(method, asset, headers={"if-match": right}).status_code == 200


def test_what_is_required_is_looked_at_before_what_is_known(asset: str) -> None:
    tag = httpx.get(asset).headers["etag"]
    both = {"if-match": '"0"', "if-none-match": tag}
    assert httpx.get(asset, headers=both).status_code == 412
    assert httpx.get(asset, headers=both | {"if-match": tag}).status_code == 304


@pytest.mark.parametrize("asked", ["bytes=0-3", "bytes=99999999-", "bytes=3-1"])
def test_a_range_of_head_is_ignored(asset: str, asked: str) -> None:
    whole = httpx.head(asset)
    answer = httpx.head(asset, headers={"range": asked})
    assert (answer.status_code, answer.content) == (200, b"")
    for name in ("etag", "accept-ranges", "content-length"):
        assert answer.headers[name] == whole.headers[name]
    assert "content-range" not in answer.headers


def test_a_range_goes_with_what_is_required(served: tuple[str, Node]) -> None:
    url, _ = served
    item = httpx.get(f"{url}/stac/collections/demo/items/raster-00").json()
    address = item["assets"]["data"]["href"]
    tag = httpx.get(address).headers["etag"]
    answer = httpx.get(address, headers={"range": "bytes=0-3", "if-match": tag})
    assert (answer.status_code, answer.content) == (206, b"II*\0")
    broken = httpx.get(address, headers={"range": "bytes=0-3", "if-match": '"0"'})
    assert broken.status_code == 412
