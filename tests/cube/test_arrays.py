from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
import xarray as xr
from rasterio.transform import from_origin

from earthcommons.commons import Node, make_node
from earthcommons.cube import (
    asset_key,
    grid_of,
    input_ref,
    open_array,
    read_features,
    read_table,
)
from earthcommons.errors import InvalidInputError, NotFoundError, UnitError
from earthcommons.ingest import ingest
from earthcommons.model import Declaration, Period, Text, VariableDeclaration

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    root = tmp_path_factory.mktemp("cube")
    node = make_node(root / "node")
    write_files(root)
    for name, variables in {
        "cover.tif": [VariableDeclaration("cover", "percent")],
        "classes.tif": [VariableDeclaration("kind", "class", classes={"1": {"title": "Lake"}})],
        "sst.nc": [VariableDeclaration("sst", "degC"), VariableDeclaration("ice", "1")],
        "wells.csv": [
            VariableDeclaration("day", "date", datatype="date"),
            VariableDeclaration("depth", "m"),
        ],
        "places.geojson": [],
    }.items():
        item = name.partition(".")[0]
        text = Text(item, item)
        declaration = Declaration(
            item, "c", text, text, Period.year(2020), "CC0-1.0", "nobody", "observation",
            tuple(variables),
        )  # fmt: skip
        ingest(root / name, declaration, node.catalog, node.store)
    yield node
    node.catalog.close()


def write_files(root: Path) -> None:
    for name, dtype, nodata in (("cover", "int16", -1), ("classes", "uint8", 0)):
        profile = {
            "driver": "GTiff", "height": 2, "width": 3, "count": 1, "dtype": dtype,
            "crs": "EPSG:4326", "nodata": nodata, "transform": from_origin(10, 50, 0.5, 0.5),
        }  # fmt: skip
        with rasterio.open(root / f"{name}.tif", "w", **profile) as out:
            out.write(np.array([[nodata, 1, 2], [3, 4, 50]], dtype), 1)
    dims = ("time", "lat", "lon")
    values = np.arange(12, dtype="f4").reshape(1, 3, 4)
    cube = xr.Dataset(
        {"sst": (dims, values, {"units": "degC"}), "ice": (dims, values / 100, {"units": "1"})},
        {
            "time": np.array(["2015-11-01"], "M8[ns]"),
            "lat": ("lat", [10.0, 0.0, -10.0], {"units": "degrees_north"}),
            "lon": ("lon", [0.0, 90.0, 180.0, 270.0], {"units": "degrees_east"}),
        },
    )
    cube.to_netcdf(root / "sst.nc", engine="h5netcdf")
    (root / "wells.csv").write_text("day,depth\n2020-01-01,1.5\n2020-01-02,NA\n")
    (root / "places.geojson").write_text(
        '{"type":"FeatureCollection","note":"kept","features":[{"type":"Feature",'
        '"properties":{"id":"a"},"geometry":{"type":"Point","coordinates":[1,2]}}]}'
    )


def item(node: Node, name: str) -> dict[str, Any]:
    return node.catalog.get("item", f"c/{name}")


def test_a_measure_is_floating_with_nan_where_missing(held: Node) -> None:
    array = open_array(item(held, "cover"), held.store)
    assert (array.dims, array.name, array.attrs["unit"]) == (("lat", "lon"), "cover", "percent")
    np.testing.assert_array_equal(array, [[np.nan, 1, 2], [3, 4, 50]])
    np.testing.assert_array_equal(array["lat"], [49.75, 49.25])


def test_a_class_keeps_its_integers_and_names_the_missing_one(held: Node) -> None:
    array = open_array(item(held, "classes"), held.store)
    assert array.dtype == np.uint8
    assert array.attrs["nodata"] == 0
    np.testing.assert_array_equal(array, [[0, 1, 2], [3, 4, 50]])


def test_values_come_in_the_unit_asked_for_or_not_at_all(held: Node) -> None:
    sst = item(held, "sst")
    kelvin = open_array(sst, held.store, "sst", "K")
    np.testing.assert_allclose(kelvin[0, 0], [273.15, 274.15, 275.15, 276.15], rtol=1e-6)
    share = open_array(item(held, "cover"), held.store, unit="1")
    assert float(share[1, 2]) == pytest.approx(0.5)
    with pytest.raises(UnitError, match="degC does not convert to km2"):
        open_array(sst, held.store, "sst", "km2")
    with pytest.raises(UnitError):
        open_array(item(held, "classes"), held.store, unit="percent")


def test_a_variable_must_be_named_where_there_are_two(held: Node) -> None:
    sst = item(held, "sst")
    assert open_array(sst, held.store, "ice").name == "ice"
    for name in ("", "salt"):
        with pytest.raises(NotFoundError, match="it has"):
            open_array(sst, held.store, name)
    with pytest.raises(NotFoundError, match="it has none"):
        open_array(item(held, "wells"), held.store)


def test_the_grid_is_that_of_the_file(held: Node) -> None:
    grid = grid_of(open_array(item(held, "cover"), held.store))
    assert grid.shape == (2, 3)
    assert tuple(grid.boundingbox) == pytest.approx((10.0, 49.0, 11.5, 50.0))
    around = grid_of(open_array(item(held, "sst"), held.store, "sst"))
    assert tuple(around.boundingbox) == pytest.approx((-45.0, -15.0, 315.0, 15.0))


def test_one_row_or_an_uneven_axis_is_no_grid() -> None:
    lat, lon = [0.0, 1.0, 2.0], [0.0, 1.0, 3.0]
    array = xr.DataArray(np.zeros((3, 3)), dims=("lat", "lon"), coords={"lat": lat, "lon": lon})
    with pytest.raises(InvalidInputError, match="not evenly spaced"):
        grid_of(array)
    with pytest.raises(InvalidInputError, match="two rows and two columns"):
        grid_of(array[:1])


def test_tables_and_features_come_whole_in_their_stored_order(held: Node) -> None:
    table = read_table(item(held, "wells"), held.store)
    assert list(table.columns) == ["day", "depth"]
    assert table["depth"][0] == 1.5
    assert np.isnan(table["depth"][1])
    features = read_features(item(held, "places"), held.store)
    assert features.properties == ({"id": "a"},)
    assert features.geometries[0].wkt == "POINT (1 2)"
    assert features.members == {"note": "kept"}


def test_an_input_is_recorded_by_the_digest_of_its_bytes(held: Node) -> None:
    body = item(held, "cover")
    ref = input_ref(body, "source")
    assert asset_key(body, "source").startswith(ref.sha256)
    assert (ref.item, ref.asset, ref.licence) == ("c/cover", "source", "CC0-1.0")
    with pytest.raises(NotFoundError, match="has no asset 'none'"):
        asset_key(body, "none")


def test_a_grid_without_a_code_keeps_the_crs_it_was_described_with() -> None:
    from pyproj import CRS

    azimuthal = CRS("+proj=laea +lat_0=90 +lon_0=0 +datum=WGS84 +units=m")
    array = xr.DataArray(
        np.zeros((2, 2)),
        dims=("y", "x"),
        coords={"y": [25_000.0, 0.0], "x": [0.0, 25_000.0]},
        attrs={"crs": azimuthal.to_wkt()},
    )
    assert CRS(str(grid_of(array).crs)).equals(azimuthal, ignore_axis_order=True)
