"""Tiles against the data: every grid lies where it lies, wherever its longitudes begin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyproj
import pytest
import rasterio
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.transform import from_origin
from starlette.testclient import TestClient
from tests.web.conftest import declare
from tests.web.test_doors import picture

from earthcommons.commons import make_node
from earthcommons.ingest import ingest
from earthcommons.model import VariableDeclaration
from earthcommons.render.ramps import ramp
from earthcommons.web import create_app
from earthcommons.web.tile_cells import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from earthcommons.commons import Node

CLASSES = VariableDeclaration(
    "v", "class", classes={"1": {"color_hint": "ff0000"}, "2": {"color_hint": "0000ff"}}
)
SINUSOIDAL = "+proj=sinu +lon_0=0 +R=6371007.181 +units=m +no_defs"
Raster = dict[str, Any]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    root = tmp_path_factory.mktemp("tiles")
    made = make_node(root / "node")
    for name, dataset in cubes().items():
        dataset.to_netcdf(root / f"{name}.nc", engine="h5netcdf")
        if name == "kinds":
            taken(made, root / "kinds.nc", name, CLASSES)
        else:
            taken(made, root / f"{name}.nc", name)
    for name, (values, west, changes) in rasters().items():
        profile = {
            "driver": "GTiff", "height": values.shape[0], "width": values.shape[1], "count": 1,
            "dtype": values.dtype, "crs": "EPSG:4326",
            "transform": from_origin(west, *changes),
        }  # fmt: skip
        with rasterio.open(root / f"{name}.tif", "w", **profile) as out:
            out.write(values, 1)
        taken(made, root / f"{name}.tif", name)
    yield made
    made.catalog.close()


def taken(node: Node, source: Path, name: str, *variables: VariableDeclaration) -> None:
    declared = variables or (VariableDeclaration("v", "percent"),)
    ingest(source, declare(name, "percent", variables=declared), node.catalog, node.store)


def cubes() -> dict[str, xr.Dataset]:
    """Of 1° over the globe, and squares on a projection, the right half of each missing."""
    lat, lon = np.arange(-89.5, 90), np.arange(-179.5, 180)
    globe = xr.Dataset(
        {"v": (("lat", "lon"), np.add.outer(lat, lon).astype("f4"), {"units": "percent"})},
        {
            "lat": ("lat", lat, {"units": "degrees_north"}),
            "lon": ("lon", lon, {"units": "degrees_east"}),
        },
    )
    kinds = globe["v"].copy(data=np.where(lon > 0, 1, 2).astype("u1") * np.ones((180, 1), "u1"))
    kinds[:90] = 255
    kinds.encoding["_FillValue"] = 255
    found = {"globe": globe, "kinds": kinds.assign_attrs(units="class").to_dataset()}
    for name, crs, (east, north), step in (
        ("modis", pyproj.CRS(SINUSOIDAL), (1_111_950.5, 5_559_752.6), 5000.0),
        ("polar", pyproj.CRS("EPSG:3413"), (-1_000_000.0, 1_000_000.0), 12500.0),
        ("utm", pyproj.CRS("EPSG:32737"), (250_000.0, 9_900_000.0), 1000.0),
    ):
        values = np.full((200, 200), 50, "f4")
        values[:, 100:] = np.nan
        place = np.arange(200) * step
        found[name] = xr.Dataset(
            {"v": (("y", "x"), values, {"units": "percent"})},
            {"y": north - place, "x": east + place},
            {"crs_wkt": crs.to_wkt()},
        )
    return found


def rasters() -> dict[str, tuple[np.ndarray[Any, Any], float, tuple[float, float, float]]]:
    """Name to values, west, (north, width and height of a cell)."""
    row = np.arange(360, dtype="f4")
    return {
        "rolled": (np.tile(row, (180, 1)), 0.0, (90, 1, 1)),
        # No edge at 180: such a grid stays as it is.
        "pacific": (np.tile(row, (180, 1)), -0.5, (90, 1, 1)),
        "fiji": (np.tile(row[:20], (10, 1)), 170.0, (-10, 1, 1)),
        "even": (np.full((8, 8), 7, "f4"), 10.0, (50, 1, 1)),
        "long": (np.full((8, 8), 2**60 + 1, "i8"), 10.0, (50, 1, 1)),
    }


@pytest.fixture(scope="module")
def web(node: Node) -> TestClient:
    return TestClient(create_app(node))


@pytest.fixture(scope="module")
def tile(web: TestClient) -> Callable[[str], Any]:
    def drawn(path: str) -> Any:
        answer = web.get(f"/tiles/demo/{path}")
        assert answer.status_code == 200, answer.text
        return picture(answer.content)

    return drawn


def lonlat(z: int, x: int, y: int) -> tuple[Any, Any]:
    """Middles of the pixels, by another route than the product's."""
    back = pyproj.Transformer.from_crs("EPSG:3857", "EPSG:4326", always_xy=True)
    side = 2 * 20037508.342789244 / 2**z
    middles = (np.arange(256) + 0.5) / 256 * side
    return back.transform(
        *np.meshgrid(middles + x * side - 20037508.342789244,
                     20037508.342789244 - y * side - middles)
    )  # fmt: skip


@pytest.mark.parametrize("name", ["modis", "polar", "utm"])
def test_a_projected_cube_is_drawn_where_its_cells_are(
    name: str, tile: Callable[[str], Any], web: TestClient
) -> None:
    item = web.get(f"/stac/collections/demo/items/{name}").json()
    stated = item["properties"]
    crs = stated.get("proj:code") or stated["proj:wkt2"]
    # The tile that holds the middle, at a zoom where some dozen cover the data.
    z = {"modis": 5, "polar": 3, "utm": 8}[name]
    tall = cubes()[name]
    half = float(abs(tall["x"][1] - tall["x"][0])) / 2
    seen = 0
    back = pyproj.Transformer.from_crs(crs, "EPSG:3857", always_xy=True)
    at_x, at_y = back.transform(float(tall["x"][60]), float(tall["y"][100]))
    x = int((at_x + 20037508.342789244) / (2 * 20037508.342789244) * 2**z)
    y = int((20037508.342789244 - at_y) / (2 * 20037508.342789244) * 2**z)
    pixels = tile(f"{name}/data/{z}/{x}/{y}.png")
    forth = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    xs, ys = forth.transform(*lonlat(z, x, y))
    left, middle = float(tall["x"][0]) - half, float(tall["x"][100]) - half
    top, bottom = float(tall["y"][0]) + half, float(tall["y"][-1]) - half
    # A hair from an edge either side is right.
    for slack, expected in ((half / 50, 255), (-half / 50, 0)):
        inside = (
            (xs > left + slack)
            & (xs < middle - slack)
            & (ys < top - slack)
            & (ys > bottom + slack)
        )
        chosen = inside if expected else ~inside
        assert (pixels[..., 3][chosen] == expected).all()
        seen += int(chosen.sum())
    assert seen > 60_000
    for path in ("tilejson.json", "legend.json"):
        assert web.get(f"/tiles/demo/{name}/data/{path}").status_code == 200
    assert web.get(f"/en/data/demo/{name}").status_code == 200


def test_no_tile_of_a_global_cube_is_empty(tile: Callable[[str], Any]) -> None:
    for x in range(13, 19):
        for y in range(13, 19):
            assert (tile(f"globe/data/5/{x}/{y}.png")[..., 3] == 255).all(), (x, y)
    for x in range(4):
        for y in range(4):
            assert (tile(f"globe/data/2/{x}/{y}.png")[..., 3] == 255).all(), (x, y)


def test_classes_of_a_cube_have_their_colours_and_missing_cells_none(
    tile: Callable[[str], Any],
) -> None:
    pixels = tile("kinds/data/0/0/0.png")
    assert (pixels[50, 10] == (0, 0, 255, 255)).all()
    assert (pixels[50, 200] == (255, 0, 0, 255)).all()
    # Rows run from south to north in the file: the southern half is missing.
    assert (pixels[129:, :, 3] == 0).all()
    assert (pixels[:128, :, 3] == 255).all()


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([-180.0, 0.0, 37.0, -359.0]),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2**5 - 1),
    st.integers(0, 2**5 - 1),
)
def test_a_tile_shows_the_cell_that_holds_each_pixel(
    west: float, from_south: bool, from_east: bool, x: int, y: int
) -> None:
    lat, lon = np.arange(-89.5, 90), west + np.arange(0.5, 360)
    values = np.arange(180 * 360).reshape(180, 360)
    array = xr.DataArray(values, {"lat": lat, "lon": lon}, ("lat", "lon"))
    turned = array[:: 1 if from_south else -1, :: -1 if from_east else 1]
    found = Step.of(turned).under(5, x, y)
    at_lon, at_lat = lonlat(5, x, y)
    expected = values[
        np.floor(at_lat + 90).astype(int), np.floor((at_lon - west) % 360).astype(int)
    ]
    assert not found.mask.any()
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", ["rolled", "pacific"])
@pytest.mark.parametrize(("x", "first"), [(0, 180), (1, 270), (2, 0), (3, 90)])
def test_a_raster_from_0_to_360_is_drawn_on_both_sides(
    name: str, x: int, first: int, tile: Callable[[str], Any]
) -> None:
    pixels = tile(f"{name}/data/2/{x}/1.png?low=0&high=359")
    assert (pixels[..., 3] == 255).all()
    table = ramp("viridis").classes(256)
    for column in (3, 100, 200, 250):
        value = first + int((column + 0.5) / 256 * 90)
        colour = table[round(value / 359 * 255)]
        expected = np.array([int(colour[n : n + 2], 16) for n in (1, 3, 5)])
        assert np.abs(pixels[128, column, :3].astype(int) - expected).max() <= 4


def test_a_raster_across_180_is_drawn_up_to_its_edges(
    tile: Callable[[str], Any], web: TestClient
) -> None:
    # Row 17 of 32 ends at 21.9 S; a tile is 11.25 degrees wide.
    row = 17
    bbox = web.get("/stac/collections/demo/items/fiji").json()["bbox"]
    assert bbox == [170.0, -20.0, -170.0, -10.0]
    west, east = (tile(f"fiji/data/5/{x}/{row}.png?low=0&high=19") for x in (31, 0))
    lon, lat = lonlat(5, 31, row)
    np.testing.assert_array_equal(west[..., 3] == 255, (lat < -10) & (lat > -20) & (lon > 170))
    lon, lat = lonlat(5, 0, row)
    np.testing.assert_array_equal(east[..., 3] == 255, (lat < -10) & (lat > -20) & (lon < -170))
    assert (tile(f"fiji/data/5/15/{row}.png")[..., 3] == 0).all()
    # Values go on over the line.
    assert west[200, 250, 1] < east[200, 5, 1] < east[200, 200, 1]


@pytest.mark.parametrize(("name", "value"), [("even", 7.0), ("long", 2.0**60)])
def test_a_raster_of_one_value_is_drawn_and_its_legend_says_it(
    name: str, value: float, tile: Callable[[str], Any], web: TestClient
) -> None:
    pixels = tile(f"{name}/data/5/17/11.png")
    shown = pixels[pixels[..., 3] == 255]
    assert len(shown) > 100
    assert (shown == shown[0]).all()
    legend = web.get(f"/tiles/demo/{name}/data/legend.json").json()
    assert (legend["low"], legend["high"], len(legend["colours"])) == (value, value, 1)
    assert web.get(f"/tiles/demo/{name}/data/tilejson.json").status_code == 200
    # Whoever asks for a range that is none is told as before.
    assert web.get(f"/tiles/demo/{name}/data/legend.json?low=1&high=1").status_code == 400
