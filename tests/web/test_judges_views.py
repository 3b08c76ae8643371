"""Judges from outside on what everybody sees, and on what a member of a group sees besides."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from pystac_client import Client
from tests.web.access_node import collection
from tests.web.listening import free_port, listening
from tests.web.test_stac_judges import GEOMETRY, offline

from earthcommons.commons import make_node
from earthcommons.model import OPERATOR, Link, Record
from earthcommons.policy import acting_as
from earthcommons.settings import Settings
from earthcommons.web import create_app

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["offline"]

OPEN, CLOSED = 14, 6
# Its sort posts `collections` as a text, which the standard has as a list; and where `geometry`
# alone is excluded it looks for the title to be gone as well.
OF_THE_JUDGE = ('"collections": "demo"',)
GDAL = """
import json, sys
import pyogrio
at, box = sys.argv[1], (9.5, 9.5, 14.5, 14.5)
def ids(**asked):
    return sorted(pyogrio.read_dataframe(at, layer="demo", **asked)["id"])
print(json.dumps({
    "layers": [str(row[0]) for row in pyogrio.list_layers(at)],
    "features": int(pyogrio.read_info(at, layer="demo", force_feature_count=True)["features"]),
    "all": ids(), "box": ids(bbox=box), "one": ids(where="title = 'open-03'"),
}))
"""


@dataclass(frozen=True)
class Views:
    """Where the node is, and the key of somebody who sees more."""

    url: str
    key: str


@pytest.fixture(scope="module")
def views(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Views]:
    node = make_node(tmp_path_factory.mktemp("views") / "node", Settings(port=free_port()))
    with acting_as(OPERATOR):
        node.catalog.people.add_group("snow", "Snow")
        node.catalog.people.add("gus", "Gus", issuer="https://id.example", subject="gus")
        node.catalog.people.join("gus", "snow")
        key = node.catalog.credentials.issue_key("gus", ("read",), 1).reveal()
    names = [f"open-{n:02d}" for n in range(OPEN)] + [f"shut-{n:02d}" for n in range(CLOSED)]
    with node.catalog.transaction() as tx:
        tx.put(Record("collection", "demo", collection("demo")))
        for n, name in enumerate(names):
            label = "open" if name.startswith("open") else "group:snow"
            links = (Link("in", "collection", "demo"),)
            tx.put(Record("item", f"demo/{name}", _item(n, name), access=label, links=links))
    with listening(create_app(node), node.settings.port):
        yield Views(node.settings.url, key)


def _item(n: int, name: str) -> dict[str, Any]:
    x = 10.0 + n
    ring = [[x, x], [x + 2, x], [x + 2, x + 2], [x, x + 2], [x, x]]
    return {
        "type": "Feature", "stac_version": "1.1.0", "id": name, "collection": "demo",
        "geometry": {"type": "Polygon", "coordinates": [ring]}, "bbox": [x, x, x + 2, x + 2],
        "properties": {"datetime": f"2015-06-{n + 1:02d}T00:00:00Z", "title": name,
                       "eo:cloud_cover": n,
                       "platform": "abc"[n % 3]},
        "assets": {"data": {"href": "https://data.example/x.tif", "type": "image/tiff"}},
        "links": [], "stac_extensions": [],
    }  # fmt: skip


def declared(views: Views) -> list[str]:
    """Return the judge's names of all classes that the landing page declares.

    `browseable` and `children` are not declared: items are paged, not linked to one by one.
    """
    stated = [
        uri.rpartition("/")[2]
        for uri in Client.open(f"{views.url}/stac/").get_conforms_to()
        if uri.startswith("https://api.stacspec.org/v1.0.0/")
    ]
    assert {"browseable", "children"} & set(stated) == set()
    # Its check of transactions names no version (`If-Match`) where this node demands one, and has
    # 204 and 404 where the standard leaves 200 and 410 open: `test_transactions.py` is the judge.
    named = [name.replace("ogcapi-features", "features") for name in stated]
    return [name for name in named if name != "transaction"]


def judged(views: Views, classes: list[str], key: str | None, **more: Any) -> list[str]:
    """Return what the judge finds wrong, but for where it is wrong itself."""
    from stac_api_validator.validations import QueryConfig, validate_api

    # Numbers, where its own type says text: it holds them against a number. And of what is `in` a
    # list it holds the single letters against the list, so that the names have one.
    query = QueryConfig(
        query_comparison_field="eo:cloud_cover", query_eq_value=4, query_neq_value=4,
        query_lt_value=5, query_lte_value=5, query_gt_value=5, query_gte_value=5,
        query_substring_field="title", query_starts_with_value="open",
        query_ends_with_value="03", query_contains_value="pen-0",
        query_in_field="platform", query_in_values="a,b",
    )  # type: ignore[typeddict-item]  # fmt: skip
    asked: dict[str, Any] = {"transaction_collection": None} | more
    _, errors = validate_api(
        root_url=f"{views.url}/stac/", ccs_to_validate=classes, collection="demo",
        geometry=GEOMETRY, auth_bearer_token=key, auth_query_parameter=None,
        fields_nested_property="properties.title", validate_pagination=True,
        query_config=query, headers=None, open_assets_urls=False, **asked,
    )  # fmt: skip
    found = [str(error) for error in errors.errors]
    return [said for said in found if not any(own in said for own in OF_THE_JUDGE)]


@pytest.mark.filterwarnings("ignore::Warning")
@pytest.mark.parametrize("member", [False, True], ids=["public", "member"])
def test_stac_api_validator_finds_nothing_in_either_view(
    views: Views, offline: list[str], member: bool
) -> None:
    classes = declared(views)
    assert set(classes) == {
        "core", "collections", "features", "item-search", "item-search#fields",
        "item-search#sort", "item-search#filter", "item-search#query",
    }  # fmt: skip
    assert judged(views, classes, views.key if member else None) == []


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_pystac_client_pages_through_either_view(views: Views, method: str) -> None:
    for headers, count in (
        ({}, OPEN),
        ({"authorization": f"Bearer {views.key}"}, OPEN + CLOSED),
    ):
        client = Client.open(f"{views.url}/stac/", headers=headers)
        search = client.search(collections=["demo"], limit=5, method=method)
        found = [item.id for item in search.items()]
        assert len(found) == len(set(found)) == search.matched() == count


@pytest.mark.parametrize("member", [False, True], ids=["public", "member"])
def test_gdal_reads_either_view_as_features(views: Views, member: bool) -> None:
    env = {**os.environ, "NO_PROXY": "127.0.0.1"}
    if member:
        env |= {"GDAL_HTTP_AUTH": "BEARER", "GDAL_HTTP_BEARER": views.key}
    ended = subprocess.run(  # noqa: S603 - the interpreter of this environment
        [sys.executable, "-c", GDAL, f"OAPIF:{views.url}/stac"],
        capture_output=True, text=True, check=False, env=env, timeout=100,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr[-2000:]
    found = json.loads(ended.stdout)
    names = [f"open-{n:02d}" for n in range(OPEN)]
    names += [f"shut-{n:02d}" for n in range(CLOSED)] if member else []
    assert found["layers"] == ["demo"]
    assert found["features"] == len(names)
    assert found["all"] == sorted(names)
    assert found["box"] == [f"open-{n:02d}" for n in range(5)]
    assert found["one"] == ["open-03"]
