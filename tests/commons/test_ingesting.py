"""From files to items: what a plan says, what carrying it out leaves, and a folder watched."""

from __future__ import annotations

import json
import os
import threading
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
import xarray as xr
from rasterio.transform import from_origin

from earthcommons.commons.stories.ingesting import (
    PlannedItem,
    Progress,
    plan,
    take_in,
)
from earthcommons.commons.stories.ingesting_follow import follow
from earthcommons.commons.stories.ingesting_recipe import Recipe, read_recipe
from earthcommons.cube import open_array
from earthcommons.errors import CommonsError, InvalidInputError
from earthcommons.ingest import jail
from earthcommons.ingest.limits import Limits
from earthcommons.model import OPERATOR, Party
from earthcommons.policy import acting_as

if TYPE_CHECKING:
    from collections.abc import Iterator

    from earthcommons.commons import Node


@pytest.fixture(autouse=True)
def operator() -> Iterator[None]:
    with acting_as(OPERATOR):
        yield


SHARED = """
collection = "c"
licence = "CC0-1.0"
attribution = "someone"
"""
SCENES = (
    SHARED
    + """
title = "Scenes"
[scenes]
pattern = '(?P<scene>S_(?P<date>\\d{8}))_(?P<band>B\\d|QA)\\.tif'
item = "{scene}"
cube = "cube-{year}"
nodata = 0
fill = { QA = 1 }
[scenes.bands]
B2 = "blue"
QA = "quality"
[[variable]]
name = "blue"
unit = "1"
[[variable]]
name = "quality"
unit = "class"
"""
)


def recipe(tmp_path: Path, text: str = SHARED) -> Recipe:
    file = tmp_path / "recipe.toml"
    file.write_text(text, encoding="utf-8")
    return read_recipe(file)


def raster(file: Path, value: float = 1.0, west: float = 500_000, **more: Any) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    values = np.full((2, 3), value, more.pop("dtype", "u2"))
    profile = {
        "driver": "GTiff", "height": 2, "width": 3, "count": 1, "dtype": values.dtype,
        "crs": "EPSG:32618", "transform": from_origin(west, 4_600_000, 1000, 1000),
    }  # fmt: skip
    with rasterio.open(file, "w", **(profile | more)) as out:
        out.write(values, 1)
        out.units = ("1",)
    return file


def by_item(planned: list[PlannedItem]) -> dict[str, PlannedItem]:
    return {one.item: one for one in planned}


def test_a_plan_says_what_is_guessed_and_what_is_missing_and_publishes_nothing(
    node: Node, tmp_path: Path
) -> None:
    raster(tmp_path / "in" / "cover_2018-07.tif")
    (tmp_path / "in" / "notes.txt").write_text("no data")
    found = by_item(plan([tmp_path / "in"]))
    one = found["cover_2018-07"]
    assert one.state == "incomplete"
    assert one.period == "2018-07"
    assert one.guessed == ("title", "description", "period")
    assert one.missing == ("licence", "attribution", "collection")
    assert one.variables == (("b1", "1"),)
    assert found["notes"].code == "format-mismatch"
    assert node.catalog.count("item") == 0


def test_a_unit_is_never_guessed(tmp_path: Path, node: Node) -> None:
    source = raster(tmp_path / "x_2018.tif")
    with rasterio.open(source, "r+") as file:
        file.units = ("",)
    (one,) = plan([source], recipe(tmp_path))
    assert one.missing == ("unit of b1",)
    (outcome,) = take_in(node, [source], recipe(tmp_path))
    assert (outcome.state, outcome.code) == ("refused", "unit-missing")


def test_what_was_guessed_is_kept_with_the_item_and_a_refusal_ends_nothing(
    node: Node, tmp_path: Path
) -> None:
    raster(tmp_path / "in" / "a_2018.tif")
    raster(tmp_path / "in" / "b_2019.tif", crs=None)
    raster(tmp_path / "in" / "c_2020.tif", 3)
    outcomes = take_in(node, [tmp_path / "in"], recipe(tmp_path))
    assert [o.state for o in outcomes] == ["published", "refused", "published"]
    assert outcomes[1].code == "crs-missing"
    properties = node.catalog.get("item", "c/a_2018")["properties"]
    assert properties["ec:guessed"] == ["description", "period", "title"]
    assert properties["ec:period"] == "2018"
    again = take_in(node, [tmp_path / "in"], recipe(tmp_path))
    assert [o.state for o in again] == ["unchanged", "refused", "unchanged"]


def test_two_sources_of_one_name_are_not_mixed(node: Node, tmp_path: Path) -> None:
    raster(tmp_path / "a" / "x_2018.tif")
    raster(tmp_path / "b" / "x_2018.tif", 2)
    planned = plan([tmp_path / "a", tmp_path / "b"], recipe(tmp_path))
    assert [one.code for one in planned] == ["", "name-collision"]


def mixed(folder: Path) -> Path:
    """One file of each fate, in several formats; two that would have one name."""
    raster(folder / "a_2018.tif")
    raster(folder / "b_2019.tif", crs=None)
    raster(folder / "more" / "a_2018.tif", 2)
    raster(folder / "undated.tif", 3)
    with rasterio.open(raster(folder / "c_2018.tif", 4), "r+") as file:
        file.units = ("",)
    whole = raster(folder / "d_2020.tif", 5).read_bytes()
    (folder / "cut_2020.tif").write_bytes(whole[: len(whole) // 2])
    (folder / "notes.txt").write_text("no data")
    (folder / "wells_2018.csv").write_text("depth,day\n1.5,2018-05-01\n")
    ring = [[0, 0], [1, 0], [1, 1], [0, 0]]
    feature = {
        "type": "Feature", "properties": {"name": "x"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }  # fmt: skip
    features = json.dumps({"type": "FeatureCollection", "features": [feature]})
    (folder / "areas_2018.geojson").write_text(features)
    with zipfile.ZipFile(folder / "packed_2018.zip", "w") as archive:
        archive.writestr("inside/areas.geojson", features)
    lat, lon = np.array([1.0, 0.0]), np.array([10.0, 11.0])
    cube = xr.Dataset(
        {"t": (("time", "lat", "lon"), np.ones((1, 2, 2), "f4"), {"units": "degC"})},
        {"time": np.array(["2018-01-01"], "M8[ns]"),
         "lat": ("lat", lat, {"units": "degrees_north"}),
         "lon": ("lon", lon, {"units": "degrees_east"})},
    )  # fmt: skip
    cube.to_netcdf(folder / "cube.nc", engine="h5netcdf")
    return folder


def test_what_is_planned_of_each_source_becomes_of_it(node: Node, tmp_path: Path) -> None:
    folder, said = mixed(tmp_path / "in"), recipe(tmp_path)
    planned = plan([folder], said)
    outcomes = take_in(node, [folder], said)
    for one, became in zip(planned, outcomes, strict=True):
        assert one.source == became.source
        if one.state == "ready":
            assert became.state == "published"
            item = node.catalog.get("item", became.item)
            assert tuple(item["properties"]["ec:guessed"]) == tuple(sorted(one.guessed))
        elif one.state == "refused":
            assert (one.item, one.code, one.message) == (
                became.item,
                became.code,
                became.message,
            )
        else:
            assert became.message == f"declare {', '.join(one.missing)}"
    assert {o.item: o.code for o in outcomes if o.state == "refused"} == {
        "b_2019": "crs-missing", "c_2018": "unit-missing", "cut_2020": "malformed",
        "notes": "format-mismatch", "wells_2018": "unit-missing", "a_2018": "name-collision",
        "undated": "invalid-input",
    }  # fmt: skip
    assert sum(o.state == "published" for o in outcomes) == 5
    assert list((node.root / "tmp").iterdir()) == []


def test_each_file_is_read_by_one_process_of_its_own(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(3):
        raster(tmp_path / "in" / f"x{n}_2018.tif", n + 1)
    started: list[object] = []
    usual = jail.forked_for

    def counted(reader: str, task: Any) -> Any:
        started.append(reader)
        return usual(reader, task)

    monkeypatch.setattr(jail, "forked_for", counted)
    outcomes = take_in(node, [tmp_path / "in"], recipe(tmp_path))
    assert [o.state for o in outcomes] == ["published"] * 3
    assert len(started) == 3


def test_a_cancelled_run_keeps_what_was_published_and_is_resumed(
    node: Node, tmp_path: Path
) -> None:
    for n in range(3):
        raster(tmp_path / "in" / f"x{n}_2018.tif", n + 1)
    seen: list[Progress] = []

    def run(cancelled: Any = None) -> list[str]:
        found = take_in(node, [tmp_path / "in"], recipe(tmp_path), seen.append, cancelled)
        return [outcome.state for outcome in found]

    assert run(lambda: seen[-1].done >= 1) == ["published", "cancelled", "cancelled"]
    assert (seen[0].total, seen[0].item) == (3, "x0_2018")
    assert node.catalog.count("item") == 1
    assert list((node.root / "tmp").iterdir()) == []
    assert run() == ["unchanged", "published", "published"]


def test_nobody_takes_in_past_the_reviewers(node: Node, tmp_path: Path) -> None:
    source = raster(tmp_path / "2015.tif")
    with acting_as(Party("mei", frozenset({"contributor:hydro"}))):
        (refused,) = take_in(node, [source], recipe(tmp_path))
    assert (refused.state, refused.code) == ("refused", "access-denied")
    assert node.catalog.count("item") == 0
    (done,) = take_in(node, [source], recipe(tmp_path))
    assert done.state == "published"


def test_scenes_are_taken_as_planned(node: Node, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    raster(folder / "1" / "S_20180101_B2.tif", 10)
    raster(folder / "1" / "S_20180101_QA.tif", 4)
    (folder / "1" / "MTL.txt").write_text("x")
    outcomes = take_in(node, [folder], recipe(tmp_path, SCENES))
    assert {o.item: o.code or o.state for o in outcomes} == {
        "MTL": "format-mismatch", "c/S_20180101": "published", "c/cube-2018": "published",
    }  # fmt: skip
    scene = node.catalog.get("item", "c/S_20180101")
    assert [band["name"] for band in scene["assets"]["data"]["bands"]] == ["blue", "quality"]
    assert scene["properties"]["title"] == "Scenes, S_20180101"


def test_scenes_become_items_and_one_cube(node: Node, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    # Two days; on the second two scenes side by side, the first of them cloud-free on one half.
    raster(folder / "1" / "S_20180101_B2.tif", 10)
    raster(folder / "1" / "S_20180101_QA.tif", 4)
    raster(folder / "2" / "S_20180203_B2.tif", 20, west=502_000)
    raster(folder / "2" / "S_20180203_QA.tif", 1, west=502_000)
    (folder / "1" / "MTL.txt").write_text("x")
    planned = plan([folder], recipe(tmp_path, SCENES))
    found = by_item(planned)
    assert set(found) == {"MTL", "S_20180101", "S_20180203", "cube-2018"}
    assert found["MTL"].code == "format-mismatch"
    assert found["S_20180203"].period == "2018-02-03"
    assert found["cube-2018"].period == "2018/2018-02-04"
    outcomes = {o.item: o.state for o in take_in(node, [folder], recipe(tmp_path, SCENES))}
    assert outcomes["c/cube-2018"] == "published"
    item = node.catalog.get("item", "c/cube-2018")
    blue = open_array(item, node.store, "blue")
    assert blue.dims == ("time", "y", "x")
    assert blue.attrs["crs"] == "EPSG:32618"
    # By hand: five columns of 1 km; the scenes overlap in the third.
    first, second = blue.values
    np.testing.assert_array_equal(first[0], [10, 10, 10, np.nan, np.nan])
    np.testing.assert_array_equal(second[0], [np.nan, np.nan, 20, 20, 20])
    quality = open_array(item, node.store, "quality")
    assert quality.values[0][0].tolist() == [4, 4, 4, 1, 1]
    scene = node.catalog.get("item", "c/S_20180101")
    assert [band["name"] for band in scene["assets"]["data"]["bands"]] == ["blue", "quality"]


def test_a_cube_without_a_word_on_missing_numbers_is_refused(
    node: Node, tmp_path: Path
) -> None:
    raster(tmp_path / "in" / "S_20180101_B2.tif", 10)
    text = SCENES.replace("nodata = 0\n", "").replace('item = "{scene}"\n', "")
    (one,) = plan([tmp_path / "in"], recipe(tmp_path, text))
    assert one.code == "nodata-missing"


def test_a_file_being_read_is_let_go_of_when_cancelled(node: Node, tmp_path: Path) -> None:
    begun: list[Progress] = []

    def cancelled() -> bool:
        # Yes once the reader is at work: progress is told before, then while it is.
        return len(begun) > 1

    lat, lon = np.linspace(60, -60, 1200), np.linspace(-170, 170, 3400)
    values = np.random.default_rng(1).random((4, 1200, 3400), "f4")
    big = xr.Dataset(
        {"v": (("time", "lat", "lon"), values, {"units": "1"})},
        {"time": np.arange(4).astype("M8[D]").astype("M8[ns]"),
         "lat": ("lat", lat, {"units": "degrees_north"}),
         "lon": ("lon", lon, {"units": "degrees_east"})},
    )  # fmt: skip
    big.to_netcdf(tmp_path / "big.nc", engine="h5netcdf")
    sources, said = [tmp_path / "big.nc"], recipe(tmp_path)
    (outcome,) = take_in(node, sources, said, begun.append, cancelled)
    assert outcome.state == "cancelled"
    assert node.catalog.count("item") == 0
    assert list((node.root / "tmp").iterdir()) == []


def test_an_address_is_no_source(tmp_path: Path) -> None:
    with pytest.raises(CommonsError) as error:
        plan(["http://127.0.0.1:9/x.tif"])
    assert error.value.code == "source-forbidden"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[scenes]\npattern = '('\nitem = 'x'", "pattern"),
        ("[scenes]\npattern = 'x'\nitem = 'x'", "groups"),
        ("[scenes]\npattern = '(?P<date>x)(?P<band>y)'", "item, cube or both"),
        ("[scenes]\npattern = '(?P<date>x)(?P<band>y)'\nitem = '{z}'", "'z'"),
        ("[scenes]\nwhat = 1", "'what'"),
        ("bogus = 1", "'bogus'"),
    ],
)
def test_a_recipe_that_is_none_is_named(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        recipe(tmp_path, text)


def test_a_watched_folder_takes_what_has_come_to_rest_and_says_refusals_once(
    node: Node, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    raster(folder / "a_2018.tif")
    raster(folder / "bad_2018.tif", crs=None)
    said = recipe(tmp_path)

    def run() -> list[str]:
        dealt = follow(folder, node, said, still_s=0.1, poll_s=0.02, until_idle=True)
        return [o.state for o in dealt]

    assert run() == ["published", "refused"]
    report = json.loads((folder / ".refused" / "bad_2018.tif.json").read_text())
    assert report["code"] == "crs-missing"
    assert report["message"]
    # A new watch knows what was refused, and finds the rest unchanged.
    assert run() == ["unchanged"]
    raster(folder / "bad_2018.tif")
    os.utime(folder / "bad_2018.tif")
    assert run() == ["unchanged", "published"]
    assert not (folder / ".refused" / "bad_2018.tif.json").exists()


def test_a_file_that_still_grows_is_left_alone(node: Node, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    whole = raster(tmp_path / "whole_2018.tif").read_bytes()
    folder.mkdir()
    growing = folder / "x_2018.tif"
    growing.write_bytes(whole[:100])
    done = threading.Event()

    def write() -> None:
        for n in range(100, len(whole), max(1, len(whole) // 8)):
            time.sleep(0.05)
            growing.write_bytes(whole[:n])
        growing.write_bytes(whole)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    outcomes = follow(folder, node, recipe(tmp_path), still_s=0.8, poll_s=0.02, until_idle=True)
    writer.join()
    assert done.is_set()
    assert [o.state for o in outcomes] == ["published"]


@pytest.mark.sources
def test_the_scenes_of_new_york_become_nineteen_items_and_a_cube(
    node: Node, tmp_path: Path
) -> None:
    folder = os.environ.get("EARTHCOMMONS_SOURCES")
    if not folder:
        pytest.skip("EARTHCOMMONS_SOURCES names no folder")
    text = SCENES.replace(r"S_(?P<date>\d{8})", r"LC08_L1TP_\d{6}_(?P<date>\d{8})")
    text = text.replace("QA", "BQA").replace(".tif", ".TIF")
    text = text.replace("nodata = 0", "nodata = 0\nresolution = 3000")
    sources, said = [Path(folder, "local", "landsat8_new_york_2018")], recipe(tmp_path, text)
    planned = plan(sources, said)
    assert len(planned) == 20
    assert {one.state for one in planned} == {"ready"}
    assert {o.state for o in take_in(node, sources, said)} == {"published"}
    blue = open_array(node.catalog.get("item", "c/cube-2018"), node.store, "blue")
    # 19 scenes on 17 days: on two days two scenes of one pass lie one below the other.
    assert blue.sizes["time"] == 17
    assert float(blue.min()) > 0
    pair = np.isfinite(blue.sel(time="2018-04-28").values)
    alone = np.isfinite(blue.sel(time="2018-05-30").values)
    assert pair.sum() > 1.5 * alone.sum()


def test_limits_reach_the_look(tmp_path: Path) -> None:
    (one,) = plan([raster(tmp_path / "x_2018.tif")], limits=Limits(file_bytes=10))
    assert one.code == "declared-too-large"


def test_a_plan_and_the_work_tell_of_times_outside_the_declared_period(
    node: Node, tmp_path: Path
) -> None:
    cube = xr.Dataset(
        {"t": (("time", "lat", "lon"), np.ones((2, 3, 4), "f4"), {"units": "degC"})},
        {
            "time": np.array(["2015-11-01", "2015-12-01"], "M8[ns]"),
            "lat": ("lat", [2.0, 0.0, -2.0], {"units": "degrees_north"}),
            "lon": ("lon", [0.0, 90.0, 180.0, 270.0], {"units": "degrees_east"}),
        },
    )
    cube.to_netcdf(tmp_path / "t.nc", engine="h5netcdf")
    for period, told in (("2008", ["period-differs"]), ("2015-11/2016", [])):
        said = recipe(tmp_path, SHARED + f'period = "{period}"\n')
        for whole in (False, True):
            (one,) = plan([tmp_path / "t.nc"], said, whole=whole)
            assert one.state == "ready"
            assert [text.split(":")[0] for text in one.warnings] == told
    (outcome,) = take_in(
        node, [tmp_path / "t.nc"], recipe(tmp_path, SHARED + 'period = "2008"\n')
    )
    assert [text.split(":")[0] for text in outcome.warnings] == ["period-differs"]
