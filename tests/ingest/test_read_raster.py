"""A raster held in memory and one taken through a file become the same COG."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.transform import from_origin

from earthcommons.errors import RefusedFileError
from earthcommons.ingest import read_raster
from earthcommons.ingest.limits import Limits

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, values: np.ndarray[Any, Any], **changes: Any) -> None:
    profile = {
        "driver": "GTiff", "count": values.shape[0], "height": values.shape[1],
        "width": values.shape[2], "dtype": values.dtype, "crs": "EPSG:32737",
        "transform": from_origin(300_000, 9_900_000, 10, 10),
    }  # fmt: skip
    with rasterio.open(folder / "source", "w", **(profile | changes)) as out:
        out.write(values)


def converted(folder: Path, bands: int, held_bytes: int) -> tuple[Any, list[Any]]:
    """Return what the reader says, and all that the COG it made holds, at two sizes."""
    variables = [
        {"name": f"b{n}", "unit": "1", "meaning": "", "classes": {}} for n in range(bands)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(read_raster, "_HELD_BYTES", held_bytes)
        said = read_raster.convert(folder, {"crs": "", "variables": variables}, Limits())
    held: list[Any] = []
    for level in (None, 0):
        more = {} if level is None else {"overview_level": level}
        with rasterio.open(folder / "out.tif", **more) as made:
            held += [made.read().tobytes(), made.colorinterp, made.nodatavals, made.units]
            held += [made.descriptions, made.crs, made.transform, made.tags(), made.dtypes]
    return said, held


# Four bands of bytes have an alpha, and nodata as well: rasterio says which of the two it takes.
@pytest.mark.filterwarnings("ignore::rasterio.errors.NodataShadowWarning")
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
@pytest.mark.parametrize("bands", [1, 3, 4])
@pytest.mark.parametrize("nodata", [None, 7])
def test_memory_and_file_give_the_same_pixels_overviews_colours_and_figures(
    tmp_path: Path, dtype: str, bands: int, nodata: int | None
) -> None:
    values = np.random.default_rng(0).integers(0, 99, (bands, 600, 530)).astype(dtype)
    values[:, :300] = 7
    write(tmp_path, values, nodata=nodata)
    in_memory = converted(tmp_path, bands, 2**30)
    assert in_memory == converted(tmp_path, bands, 0)
    assert not (tmp_path / "plain.tif").exists()


def test_statistics_of_values_worked_out_by_hand(tmp_path: Path) -> None:
    values = np.array([[[1, 3], [math.nan, math.inf]]], "f4")
    write(tmp_path, values, nodata=math.nan)
    said = read_raster.convert(
        tmp_path,
        {"crs": "", "variables": [{"name": "v", "unit": "1", "classes": {}}]},
        Limits(),
    )
    assert said["bands"][0]["statistics"] == {
        "valid_percent": 50.0, "minimum": 1.0, "maximum": 3.0, "mean": 2.0, "stddev": 1.0,
    }  # fmt: skip
    assert said["properties"]["ec:warnings"][0].startswith("1 infinite values")


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.floats(-1e3, 1e3, width=32), min_size=12, max_size=12),
    st.sampled_from([None, math.nan, 5.0]),
)
def test_a_value_is_counted_exactly_when_it_is_finite_and_not_the_declared_nodata(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[float], nodata: float | None
) -> None:
    folder = tmp_path_factory.mktemp("raster")
    values = np.array([*numbers, 5.0, math.nan, math.nan, math.inf], "f4").reshape(1, 4, 4)
    write(folder, values, nodata=nodata)
    variable = {"name": "v", "unit": "1", "classes": {}}
    said = read_raster.convert(folder, {"crs": "", "variables": [variable]}, Limits())
    counted = np.isfinite(values) if nodata != 5.0 else np.isfinite(values) & (values != 5.0)
    share = said["bands"][0]["statistics"]["valid_percent"]
    assert share == pytest.approx(100 * counted.mean())


def test_a_cut_raster_held_in_memory_is_refused_and_leaves_no_cog(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(1, 300, 300)).astype("f4")
    write(tmp_path, values)
    whole = (tmp_path / "source").read_bytes()
    (tmp_path / "source").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RefusedFileError) as error:
        converted(tmp_path, 1, 2**30)
    assert error.value.code == "malformed"
    assert not (tmp_path / "out.tif").exists()


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from([0.0, -90.0, -360.0, -200.0, -0.5]),
    st.sampled_from([None, 7]),
    st.sampled_from(["uint8", "int16", "float32"]),
    st.integers(0, 2**16),
    st.sampled_from([2**30, 0]),
)
def test_a_global_grid_begins_at_180_west_and_each_cell_keeps_its_place(
    tmp_path_factory: pytest.TempPathFactory,
    west: float, nodata: int | None, dtype: str, seed: int, held: int,
) -> None:  # fmt: skip
    folder = tmp_path_factory.mktemp("rolled")
    values = np.random.default_rng(seed).integers(0, 99, (1, 9, 720)).astype(dtype)
    grid = {"crs": "EPSG:4326", "transform": from_origin(west, 45, 0.5, 0.5)}
    write(folder, values, nodata=nodata, **grid)
    said, _ = converted(folder, 1, held)
    with rasterio.open(folder / "out.tif") as made:
        assert made.bounds.left == -180
        assert made.bounds.right == 180
        assert (made.nodata, made.dtypes[0]) == (nodata, dtype)
        for column in (0, 1, 359, 360, 719):
            lon = west + 0.25 + column / 2
            row, there = made.index((lon + 180) % 360 - 180, 40.7)
            assert made.read(1)[row, there] == values[0, row, column]
    (warning,) = said["properties"]["ec:warnings"]
    assert warning.startswith("longitudes-rolled: ")
    real = values[values != nodata].astype("f8")
    figures = said["bands"][0]["statistics"]
    assert figures["mean"] == pytest.approx(real.mean())
    assert figures["stddev"] == pytest.approx(real.std())
    assert said["bbox"] == [-180, 40.5, 180, 45]


@pytest.mark.parametrize(
    ("west", "step"), [(-0.25, 0.5), (170.0, 0.02), (0.0, 0.4999), (-180.0, 0.5)]
)
def test_a_grid_that_is_not_once_around_from_180_is_left_as_it_is(
    tmp_path: Path, west: float, step: float
) -> None:
    values = np.arange(9 * 720, dtype="f4").reshape(1, 9, 720)
    write(tmp_path, values, crs="EPSG:4326", transform=from_origin(west, 45, step, step))
    said, _ = converted(tmp_path, 1, 2**30)
    with rasterio.open(tmp_path / "out.tif") as made:
        assert made.bounds.left == pytest.approx(west)
        np.testing.assert_array_equal(made.read(), values)
    assert "ec:warnings" not in said["properties"]
