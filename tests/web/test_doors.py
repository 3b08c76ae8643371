"""The API, tiles and objects on a small node: shapes, refusals, and what must not leak."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from rasterio.errors import NotGeoreferencedWarning
from rasterio.io import MemoryFile
from starlette.testclient import TestClient
from tests.web.conftest import fill

from earthcommons.commons import Node, make_node
from earthcommons.model import Observation, Period, Record
from earthcommons.web import create_app

if TYPE_CHECKING:
    from collections.abc import Iterator

REGIONS = [
    {"id": "m49:404", "names": {"en": "Kenya", "zh": "肯尼亚"}, "kind": "country", "iso3": "KEN",
     "groups": ["m49:001"], "members": []},
    {"id": "m49:001", "names": {"en": "World", "zh": "世界"}, "kind": "group", "iso3": None,
     "groups": [], "members": ["m49:404"]},
]  # fmt: skip


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    root = tmp_path_factory.mktemp("doors")
    made = make_node(root / "node")
    fill(made, root)
    rows = [
        Observation("tree-cover", region, Period.year(2008), "percent", "proxy", "run-a", value,
                    {"measure": "level"}, valid_share=0.9, cells=40.0)
        for region, value in (("m49:404", 13.5), ("m49:001", 21.0))
    ]  # fmt: skip
    with made.catalog.transaction() as tx:
        body = {"id": "ec:countries-un", "version": "1", "sha256": "d" * 64, "item": "r/c"}
        tx.put(Record("region-set", "ec:countries-un", {**body, "regions": REGIONS}))
        tx.put(Record("run", "run-a", {"id": "run-a", "output": "", "method": "tree-cover"}))
        tx.put_observations("run-a", "", rows)
        tx.put(Record("series", "tree-cover", {"id": "tree-cover", "run": "run-a"}))
        tx.put(Record("need", "need-hidden", {"id": "need-hidden"}, access="steward"))
    yield made
    made.catalog.close()


@pytest.fixture(scope="module")
def web(node: Node) -> TestClient:
    return TestClient(create_app(node), raise_server_exceptions=False)


@pytest.mark.parametrize("region", ["m49:404", "404", "KEN"])
def test_an_observation_is_found_by_every_name_of_its_region(
    web: TestClient, region: str
) -> None:
    found = web.get(f"/api/observations?indicator=tree-cover&region={region}").json()
    (row,) = found["observations"]
    assert set(row) == {
        "id", "indicator", "region", "period", "dimensions", "value", "unit", "interval",
        "interval_reason", "valid_share", "cells", "status", "reason", "baseline", "run",
    }  # fmt: skip
    assert (row["value"], row["period"], found["numberMatched"]) == (13.5, "2008", 1)
    assert web.get(f"/api/observations/{row['id']}").json() == row


def test_a_dimension_narrows_and_another_finds_nothing(web: TestClient) -> None:
    assert web.get("/api/observations?dim.measure=level").json()["numberMatched"] == 2
    assert web.get("/api/observations?dim.measure=change").json()["observations"] == []


def test_the_table_holds_the_same_values(web: TestClient) -> None:
    lines = web.get("/api/observations.csv?indicator=tree-cover").text.splitlines()
    assert lines[0].startswith("id,indicator,region,period,dimensions,value,unit,status")
    assert [line.split(",")[5] for line in lines[1:]] == ["21", "13.5"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/observations?url=x", 400, "unknown-parameter"),
        ("/api/observations?dim.%22=1", 400, "unknown-parameter"),
        ("/api/observations?indicator=nope", 404, "not-found"),
        ("/api/observations?region=ZZZ", 404, "not-found"),
        ("/api/observations?limit=0", 400, "bad-limit"),
        ("/api/observations?limit=1&limit=2", 400, "invalid-input"),
        ("/api/observations?token=abc", 400, "bad-token"),
        ("/api/observations/obs-nope", 404, "not-found"),
        ("/api/needs/need-hidden/candidates", 404, "not-found"),
        ("/api/offers?goal=18", 400, "invalid-input"),
        ("/stac/search?bbox=1,2,3", 400, "bad-bbox"),
        ("/stac/search?bbox=0,5,1,4", 400, "bad-bbox"),
        ("/stac/search?bbox=nan,0,1,1", 400, "bad-bbox"),
        ("/stac/search?datetime=../..", 400, "bad-time"),
        ("/stac/search?datetime=2024-02-30T00:00:00Z", 400, "bad-time"),
        ("/stac/search?datetime=2024-01-02T00:00:00Z/2024-01-01T00:00:00Z", 400, "bad-time"),
        ("/stac/search?filter=nope=1", 400, "unknown-queryable"),
        ("/stac/search?filter=gsd<1;DROP TABLE item", 400, "bad-filter"),
        ("/stac/search?filter=gsd<1&filter-lang=sql", 400, "bad-filter"),
        ("/stac/search?sortby=geometry", 400, "unknown-queryable"),
        ("/stac/search?sortby=a,b,c,d,e,f,g,h,i", 400, "invalid-input"),
        ("/stac/collections/%2e%2e%2fx", 404, "not-found"),
        ("/stac/collections/demo/items/nope", 404, "not-found"),
        ("/tiles/demo/raster-00/data/60/0/0.png", 404, "out-of-range"),
        ("/tiles/demo/raster-00/data/1/2/0.png", 404, "out-of-range"),
        ("/tiles/demo/raster-00/data/x/0/0.png", 400, "invalid-input"),
        (
            "/tiles/demo/raster-00/data/0/0/0.png?url=http://127.0.0.1/x",
            400,
            "unknown-parameter",
        ),
        ("/tiles/demo/raster-00/data/0/0/0.png?expression=1", 400, "unknown-parameter"),
        ("/tiles/demo/raster-00/data/0/0/0.png?ramp=../x", 404, "not-found"),
        ("/tiles/demo/raster-00/data/0/0/0.png?low=nan", 400, "invalid-input"),
        ("/tiles/demo/raster-00/data/0/0/0.png?low=9&high=1", 400, "invalid-input"),
        ("/tiles/demo/raster-00/source/0/0/0.png", 404, "not-found"),
        ("/tiles/demo/cube/data/0/0/0.png?step=1999-01", 404, "not-found"),
        ("/objects/../node.toml", 404, "not-found"),
        ("/objects/" + "a" * 64 + ".tif", 404, "not-found"),
        ("/nowhere", 404, "not-found"),
    ],
)
def test_a_request_that_needs_mending_is_told_so(
    web: TestClient, path: str, status: int, code: str
) -> None:
    answer = web.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (
        status,
        "application/problem+json",
    )
    body = answer.json()
    assert body["type"] == f"urn:earthcommons:problem:{code}"
    assert body["status"] == status
    assert body["detail"]
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "body",
    ['{"a": NaN}', '{"bbox": [1], "bbox": [2]}', "[1]", '{"bbox": "1,2,3,4"}', '{"url": "x"}',
     '{"ids": "a"}', '{"intersects": {"type": "Point"}}', '{"limit": 1e9}',
     '{"bbox": [true,0,1,1]}',
     '{"bbox": [0,0,1,1], "intersects": {"type": "Point", "coordinates": [0, 0]}}'],
)  # fmt: skip
def test_a_search_body_that_needs_mending_is_refused(web: TestClient, body: str) -> None:
    assert web.post("/stac/search", content=body).status_code == 400


def test_get_and_post_give_the_same_items_in_the_same_order(web: TestClient) -> None:
    got = web.get("/stac/search?bbox=-10,-10,10,10&limit=7&collections=demo").json()
    asked = {"bbox": [-10, -10, 10, 10], "limit": 7, "collections": ["demo"]}
    posted = web.post("/stac/search", json=asked).json()
    ids = [feature["id"] for feature in got["features"]]
    assert ids == [feature["id"] for feature in posted["features"]]
    assert len(ids) == 7
    assert got["numberMatched"] == posted["numberMatched"] == 13


def test_a_search_is_filtered_sorted_and_cut_alike_by_get_and_post(web: TestClient) -> None:
    asked = (
        "/stac/search?filter=title LIKE 'Item raster%25'&filter-lang=cql2-text"
        "&sortby=-title,id&limit=3&fields=properties.title,-bbox"
    )
    got = web.get(asked).json()
    body = {
        "filter": {"op": "like", "args": [{"property": "title"}, "Item raster%"]},
        "sortby": [{"field": "properties.title", "direction": "desc"}, {"field": "id"}],
        "limit": 3, "fields": {"include": ["properties.title"], "exclude": ["bbox"]},
    }  # fmt: skip
    posted = web.post("/stac/search", json=body).json()
    titles = ["Item raster-11", "Item raster-10", "Item raster-09"]
    for answer in (got, posted):
        assert [f["properties"] for f in answer["features"]] == [{"title": t} for t in titles]
        assert "bbox" not in answer["features"][0]
        assert answer["features"][0]["links"]
        assert answer["numberMatched"] == 12
    more = next(link for link in posted["links"] if link["rel"] == "next")
    rest = web.post("/stac/search", json=more["body"]).json()
    assert rest["features"][0]["properties"]["title"] == "Item raster-08"


def test_queryables_name_what_a_filter_may_ask(web: TestClient) -> None:
    for path in ("/stac/queryables", "/stac/collections/demo/queryables"):
        schema = web.get(path).json()
        assert schema["$id"].endswith(path)
        assert schema["properties"]["datetime"]["format"] == "date-time"
    assert "geometry" not in web.get("/stac/sortables").json()["properties"]


def test_links_use_the_configured_address_not_the_requests_host(web: TestClient) -> None:
    page = web.get(
        "/stac/", headers={"host": "evil.example", "x-forwarded-host": "evil.example"}
    )
    assert "evil.example" not in page.text


def picture(png: bytes) -> np.ndarray:  # type: ignore[type-arg]
    with (
        pytest.warns(NotGeoreferencedWarning),
        MemoryFile(png) as file,
        file.open(driver="PNG") as source,
    ):
        return np.moveaxis(source.read(), 0, -1)


def test_a_tile_shows_values_on_the_ramp_and_nothing_where_there_is_none(
    web: TestClient,
) -> None:
    answer = web.get("/tiles/demo/raster-00/data/0/0/0.png?low=0&high=100")
    assert answer.headers["content-type"] == "image/png"
    pixels = picture(answer.content)
    assert pixels.shape == (256, 256, 4)
    # The first ten of 120 columns hold nodata: a twelfth of the globe from the west.
    assert (pixels[128, : 256 // 12 - 2, 3] == 0).all()
    assert (pixels[128, 256 // 12 + 2 :, 3] == 255).all()
    # Row 0 is 0..., the last row is 100: viridis runs from dark violet to yellow.
    assert pixels[20, 200, 2] > pixels[20, 200, 1]
    assert pixels[235, 200, 1] > 180


def test_a_cube_is_drawn_by_its_step_with_longitudes_put_right(web: TestClient) -> None:
    first = web.get("/tiles/demo/cube/data/0/0/0.png?step=2015-11&low=0&high=40000").content
    last = web.get("/tiles/demo/cube/data/0/0/0.png?step=2015-12&low=0&high=40000").content
    assert first != last
    assert (picture(first)[128, :, 3] == 255).all()


def test_a_tile_beyond_the_data_is_transparent(web: TestClient) -> None:
    pixels = picture(web.get("/tiles/demo/regional/data/5/0/0.png").content)
    assert (pixels[..., 3] == 0).all()


def test_an_unchanged_tile_is_not_sent_again(web: TestClient) -> None:
    path = "/tiles/demo/raster-01/data/2/1/1.png"
    etag = web.get(path).headers["etag"]
    assert web.get(path, headers={"if-none-match": etag}).status_code == 304
    assert web.get(path + "?high=50", headers={"if-none-match": etag}).status_code == 200


def test_an_asset_is_served_by_ranges_and_only_when_an_item_has_it(
    web: TestClient, node: Node
) -> None:
    item = web.get("/stac/collections/demo/items/raster-00").json()
    path = item["assets"]["data"]["href"].removeprefix(node.settings.url)
    assert web.get(path, headers={"range": "bytes=0-3"}).content == b"II*\0"
    records = list(node.store.all_keys(".record"))
    assert web.get(f"/objects/{records[0]}").status_code == 404
    zarr = web.get("/stac/collections/demo/items/cube").json()["assets"]["data"]["href"]
    tree = zarr.removeprefix(node.settings.url)
    assert web.get(f"{tree}/zarr.json").json()["zarr_format"] == 3
    assert web.get(f"{tree}/../../../node.toml").status_code == 404
    assert web.get(f"{tree}/%2e%2e/%2e%2e/catalog.sqlite").status_code == 404


def test_every_answer_forbids_other_hosts_and_sniffing(web: TestClient) -> None:
    for path in ("/health", "/stac/", "/nowhere", "/tiles/demo/raster-00/data/0/0/0.png"):
        headers = web.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_every_get_route_refuses_an_unknown_parameter(web: TestClient) -> None:
    known = {
        "collection": "demo",
        "item": "raster-00",
        "asset": "data",
        "z": "0",
        "x": "0",
        "y": "0",
    }
    routes = web.get("/openapi.json").json()["paths"]
    assert len(routes) > 20
    for path, methods in routes.items():
        if "get" not in methods or path.startswith(("/objects", "/en", "/zh", "/{lang}")):
            continue
        for name, value in known.items():
            path = path.replace("{" + name + "}", value)
        if "{" in path:
            continue
        assert web.get(f"{path}?url=http://127.0.0.1/").status_code == 400, path


def test_a_failure_of_our_own_says_no_more_than_that(
    web: TestClient,
    node: Node,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError(f"secret at {Path.home()}")

    monkeypatch.setattr(type(node.catalog), "count", fail)
    answer = web.get("/health")
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "secret" in caplog.text
