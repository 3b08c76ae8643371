"""A newcomer's own file: declared, published, found, read and refused."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from starlette.testclient import TestClient
from tests.cli.conftest import Ended, run_cli

from earthcommons.commons import open_node
from earthcommons.web import create_app

PAGE = Path(__file__).parents[2] / "docs" / "ingest.md"


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A new node, a small map, and the first declaration the documentation shows."""
    assert run_cli("init", tmp_path / "node").code == 0
    profile = {
        "driver": "GTiff", "height": 8, "width": 10, "count": 1, "dtype": "float32",
        "crs": "EPSG:4326", "nodata": -1, "transform": from_origin(36, 1, 0.25, 0.25),
    }  # fmt: skip
    with rasterio.open(tmp_path / "map.tif", "w", **profile) as out:
        out.write(np.arange(80, dtype="f4").reshape(8, 10), 1)
    shown = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "map.toml").write_text(shown[0], encoding="utf-8")
    return tmp_path


def ingested(desk: Path, declaration: str = "map.toml", file: str = "map.tif") -> Ended:
    return run_cli(
        "ingest", desk / file, "--declare", desk / declaration, "--node", desk / "node"
    )


def test_a_file_is_published_found_and_read_back(desk: Path) -> None:
    assert ingested(desk).out == "published  survey/tree-cover-2020\n"
    assert ingested(desk).out == "unchanged  survey/tree-cover-2020\n"
    for words in ("canopy", "树木", "Tree cover"):
        found = run_cli("search", words, "--node", desk / "node", "--json").json()
        assert [item["id"] for item in found] == ["tree-cover-2020"], words
    nearby = run_cli("search", "--bbox", "30,-5,40,5", "--node", desk / "node")
    assert nearby.out.splitlines()[-1] == "1 of 1"
    away = run_cli("search", "--bbox", "170,-5,-170,5", "--node", desk / "node")
    assert away.out.splitlines()[-1] == "0 of 0"
    shown = run_cli("show", "survey/tree-cover-2020", "--node", desk / "node").json()
    assert shown["properties"]["title_zh"] == "2020年树木覆盖"


def test_a_published_file_is_seen_over_stac_and_its_bytes_come_back(desk: Path) -> None:
    ingested(desk)
    node = open_node(desk / "node")
    http = TestClient(create_app(node))
    found = http.get("/stac/search", params={"bbox": "30,-5,40,5"}).json()
    (item,) = found["features"]
    assert item["assets"]["data"]["bands"][0]["unit"] == "percent"
    collections = http.get("/stac/collections").json()["collections"]
    assert [collection["id"] for collection in collections] == ["survey"]
    href = item["assets"]["source"]["href"].removeprefix(node.settings.url)
    assert http.get(href).content == (desk / "map.tif").read_bytes()
    tile = http.get("/tiles/survey/tree-cover-2020/data/0/0/0.png")
    assert (tile.status_code, tile.headers["content-type"]) == (200, "image/png")
    node.catalog.close()


def test_other_bytes_under_the_same_name_are_a_conflict(desk: Path) -> None:
    ingested(desk)
    data = bytearray((desk / "map.tif").read_bytes())
    data[-1] ^= 1
    (desk / "other.tif").write_bytes(data)
    ended = ingested(desk, file="other.tif")
    assert (ended.code, ended.err.rstrip()[-8:]) == (4, "[exists]")


def test_a_mistake_is_told_in_one_line_and_publishes_nothing(desk: Path) -> None:
    text = (desk / "map.toml").read_text(encoding="utf-8")
    (desk / "unitless.toml").write_text(text.replace('unit = "percent"', 'unit = "blorb"'))
    (desk / "keyless.toml").write_text(text.replace("licence =", "license ="))
    (desk / "page.tif").write_text("<html>")
    for ended, code in (
        (ingested(desk, "unitless.toml"), "[unit-missing]"),
        (ingested(desk, "keyless.toml"), "[invalid-input]"),
        (ingested(desk, file="page.tif"), "[format-mismatch]"),
    ):
        assert (ended.code, ended.out) == (2, "")
        assert ended.err.startswith("earthcommons: ")
        assert ended.err.count("\n") == 1
        assert ended.err.rstrip().endswith(code)
    assert ingested(desk, file="none.tif").code == 3
    assert ingested(desk, "none.toml").code == 3
    assert run_cli("search", "--node", desk / "node").out.splitlines()[-1] == "0 of 0"
