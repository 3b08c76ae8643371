"""Judges from outside, offline: stac-api-validator and pystac-client on a served node.

Core schemas come from the installed pystac package. Schemas of extensions are in no package we
install: there the judge gets a schema that accepts everything, and the test says which.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pystac
import pytest
import requests
from pystac_client import Client
from requests.adapters import HTTPAdapter

from earthcommons.commons import Node

Served = tuple[str, Node]
SCHEMAS = Path(pystac.__file__).parent / "validation" / "jsonschemas"
GEOMETRY = '{"type":"Polygon","coordinates":[[[10,10],[60,10],[60,50],[10,50],[10,10]]]}'


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Answer schema requests from disk, let loopback through, refuse everything else."""
    accepted_blindly: list[str] = []
    send = HTTPAdapter.send

    def local(
        self: HTTPAdapter, request: requests.PreparedRequest, **more: Any
    ) -> requests.Response:
        url = str(request.url)
        host = urlsplit(url).hostname or ""
        if host == "127.0.0.1":
            return send(self, request, **more)
        name = urlsplit(url).path.rsplit("/", 1)[-1]
        folder = {
            "schemas.stacspec.org": SCHEMAS / "stac-spec" / "v1.1.0",
            "geojson.org": SCHEMAS / "geojson",
        }
        if host in folder and (folder[host] / name).exists():
            body = (folder[host] / name).read_bytes()
        elif host in ("stac-extensions.github.io", "json-schema.org"):
            accepted_blindly.append(url)
            body = json.dumps({"$id": url}).encode()
        else:
            raise AssertionError(f"a judge asked {url}")
        answer = requests.Response()
        answer.status_code, answer.url, answer._content = 200, url, body
        answer.headers["content-type"] = "application/json"
        return answer

    monkeypatch.setattr(HTTPAdapter, "send", local)
    return accepted_blindly


@pytest.mark.filterwarnings("ignore::Warning")
def test_stac_api_validator_finds_nothing(served: Served, offline: list[str]) -> None:
    from stac_api_validator.validations import QueryConfig, validate_api

    url, _ = served
    warnings, errors = validate_api(
        root_url=f"{url}/stac/",
        ccs_to_validate=[
            "core", "collections", "features", "item-search", "filter",
        ],
        collection="demo",
        geometry=GEOMETRY,
        auth_bearer_token=None,
        auth_query_parameter=None,
        fields_nested_property="properties.title",
        validate_pagination=True,
        query_config=QueryConfig(
            query_comparison_field=None, query_eq_value=None, query_neq_value=None,
            query_lt_value=None, query_lte_value=None, query_gt_value=None, query_gte_value=None,
            query_substring_field=None, query_starts_with_value=None, query_ends_with_value=None,
            query_contains_value=None, query_in_field=None, query_in_values=None,
        ),
        transaction_collection=None,
        headers=None,
        open_assets_urls=False,
    )  # fmt: skip
    found = [str(error) for error in errors.errors]
    assert not found, found[0]
    assert {u.split("/")[3] for u in offline if "stac-extensions" in u} <= {
        "file", "projection", "raster", "datacube", "processing", "classification", "table",
    }  # fmt: skip
    del warnings


def test_core_schemas_hold_for_what_is_served(served: Served, offline: list[str]) -> None:
    url, _ = served
    for path in ("/stac/", "/stac/collections/demo", "/stac/collections/demo/items/cube"):
        body = requests.get(url + path, timeout=20).json()
        thing = pystac.read_dict(body)
        thing.stac_extensions = []
        assert thing.validate()


def test_pystac_client_pages_to_the_end_and_finds_each_item_once(served: Served) -> None:
    url, node = served
    client = Client.open(f"{url}/stac/")
    assert [c.id for c in client.get_collections()] == ["demo"]
    for method in ("GET", "POST"):
        found = [
            i.id for i in client.search(collections=["demo"], limit=5, method=method).items()
        ]
        assert len(found) == len(set(found)) == node.catalog.count("item") == 14
    # It names the collection of the path once more, as a parameter.
    listed = [i.id for i in client.get_collection("demo").get_items()]
    assert len(listed) == len(set(listed)) == 14
    crossing = client.search(
        bbox=[170, -10, -170, 10], datetime="2003-01-01T00:00:00Z/2004-06-01T00:00:00Z"
    )
    assert {i.id for i in crossing.items()} == {"raster-03", "raster-04"}
