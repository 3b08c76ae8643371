import dask.array as da
import numpy as np
import pytest
import xarray as xr
from affine import Affine
from exactextract import exact_extract
from exactextract.raster import NumPyRasterSource
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike
from odc.geo.geobox import GeoBox
from shapely import Point, Polygon, box
from shapely.geometry.base import BaseGeometry

from earthcommons.errors import InvalidInputError
from earthcommons.zones.coverage import Coverage, coverage
from earthcommons.zones.statistics import (
    ZonalSums,
    group_sums,
    zonal_class_areas,
    zonal_mean,
    zonal_sum,
)

ROWS, COLUMNS = 20, 30
GRID = GeoBox((ROWS, COLUMNS), Affine(1, 0, 0, 0, -1, 60), "EPSG:4326")
SHAPES: list[tuple[str, BaseGeometry]] = [
    ("triangle", Polygon([(2.3, 41.2), (28.7, 44.9), (11.1, 58.8)])),
    ("disc", Point(14, 50).buffer(7.7)),
    ("astride", box(25.5, 38.5, 33.25, 45.75)),
    ("far", box(-50, -20, -40, -10)),
]
COVER = coverage(SHAPES, GRID)


def on_grid(values: ArrayLike, cover: Coverage = COVER) -> xr.DataArray:
    array = np.asarray(values)
    dims = ("time", "y", "x")[-array.ndim :]
    coords = {"y": cover.latitudes, "x": cover.longitudes}
    return xr.DataArray(array, dims=dims, coords=coords)


def noise(seed: int, steps: int = 3, gaps: float = 0.2) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.normal(15, 8, (steps, ROWS, COLUMNS))
    values[rng.random(values.shape) < gaps] = np.nan
    return values


def test_mean_of_two_cells_weighs_their_true_areas() -> None:
    cover = coverage([("pair", box(0, 44, 1, 46)), ("dry", box(5, 45, 6, 46))], GRID)
    field = np.full((ROWS, COLUMNS), np.nan)
    field[14, 0], field[15, 0] = 10.0, 20.0
    found = zonal_mean(on_grid(field), cover)
    north, south = cover.row_areas_km2[14:16]
    assert found.mean[0, 0] == pytest.approx((10 * north + 20 * south) / (north + south))
    assert np.isnan(found.mean[0, 1])
    np.testing.assert_allclose(found.valid_share, [[1, 0]])
    np.testing.assert_allclose(found.valid_cells, [[2, 0]])


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6))
def test_means_equal_exactextracts_own_with_and_without_true_areas(seed: int) -> None:
    field = noise(seed, steps=1)[0]
    areas = np.repeat(COVER.row_areas_km2[:, None], COLUMNS, axis=1)
    inside = [shape for name, shape in SHAPES if name in {"triangle", "disc"}]
    features = [
        {"type": "Feature", "properties": {}, "geometry": shape.__geo_interface__}
        for shape in inside
    ]
    source = NumPyRasterSource(field, 0, 40, 30, 60)
    weight = NumPyRasterSource(areas, 0, 40, 30, 60)
    peer = exact_extract(source, features, ["mean", "weighted_mean", "count"], weights=weight)
    ours = zonal_mean(on_grid(field), COVER)
    plain = zonal_sum(on_grid(field), COVER, per="cell")
    for z in range(2):
        theirs = peer[z]["properties"]
        assert ours.mean[0, z] == pytest.approx(theirs["weighted_mean"], rel=1e-12)
        assert plain.mean[0, z] == pytest.approx(theirs["mean"], rel=1e-12)
        assert ours.valid_cells[0, z] == pytest.approx(theirs["count"], rel=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_classes_nodata_and_outside_add_up_to_the_zone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    classes = rng.choice([1, 2, 20, 255], (2, ROWS, COLUMNS)).astype(np.uint8)
    found = zonal_class_areas(on_grid(classes), COVER, class_values=[1, 2, 20, 7], nodata=255)
    total = found.area_km2.sum(axis=2) + found.nodata_km2 + found.outside_km2
    np.testing.assert_allclose(
        total, np.broadcast_to(found.zone_area_km2, total.shape), rtol=1e-9
    )
    assert np.all(found.area_km2[:, :, 3] == 0)
    assert found.valid_share[0, 3] == 0


def test_weighted_mean_shares_one_mask_above_and_below_the_line() -> None:
    cover = coverage([("row", box(0, 50, 4, 51))], GRID)
    field = np.full((ROWS, COLUMNS), np.nan)
    people = np.zeros((ROWS, COLUMNS))
    field[9, :4] = [10, 20, np.nan, 40]
    people[9, :4] = [1, 3, 100, np.nan]
    found = zonal_mean(on_grid(field), cover, weight=on_grid(people))
    assert found.mean[0, 0] == pytest.approx((10 * 1 + 20 * 3) / 4)
    np.testing.assert_allclose(found.valid_cells, [[2]])
    keep = np.ones((ROWS, COLUMNS), dtype=bool)
    keep[9, 0] = False
    masked = zonal_mean(on_grid(field), cover, weight=on_grid(people), mask=on_grid(keep))
    assert masked.mean[0, 0] == pytest.approx(20)


def test_mask_that_moves_with_the_steps_equals_gaps_in_the_values() -> None:
    values = noise(1, gaps=0)
    keep = np.random.default_rng(2).random(values.shape) < 0.7
    moving = zonal_mean(on_grid(values), COVER, mask=on_grid(keep))
    gaps = zonal_mean(on_grid(np.where(keep, values, np.nan)), COVER)
    np.testing.assert_array_equal(moving.total, gaps.total)
    np.testing.assert_array_equal(moving.valid_cells, gaps.valid_cells)


def test_sums_of_amounts_split_cells_and_sums_of_densities_use_areas() -> None:
    cover = coverage([("half", box(0, 50, 0.5, 51))], GRID)
    ones = on_grid(np.ones((ROWS, COLUMNS), dtype=np.int16))
    assert zonal_sum(ones, cover, per="cell").total[0, 0] == 0.5
    assert zonal_sum(ones, cover, per="km2").total[0, 0] == pytest.approx(
        cover.zone_area_km2[0]
    )


def test_groups_divide_sums_and_never_average_means() -> None:
    values = zonal_mean(on_grid(noise(5)), COVER)
    found = group_sums(values, {"all": COVER.zone_ids, "none": (), "disc": ("disc",)})
    expected = values.total.sum(axis=1) / values.weight.sum(axis=1)
    np.testing.assert_allclose(found.mean[:, 0], expected, rtol=1e-14)
    assert np.all(np.isnan(found.mean[:, 1]))
    np.testing.assert_array_equal(found.mean[:, 2], values.mean[:, 1])
    assert found.zone_area_km2[0] == pytest.approx(COVER.zone_area_km2.sum())
    with pytest.raises(InvalidInputError, match="unknown"):
        group_sums(values, {"g": ("disc", "atlantis")})
    with pytest.raises(InvalidInputError, match="twice"):
        group_sums(values, {"g": ("disc", "disc")})


def test_groups_of_class_areas_still_add_up() -> None:
    classes = on_grid(np.ones((ROWS, COLUMNS), dtype=np.int32))
    one = zonal_class_areas(classes, COVER, class_values=[1])
    found = group_sums(one, {"all": COVER.zone_ids})
    total = found.area_km2.sum(axis=2) + found.nodata_km2 + found.outside_km2
    np.testing.assert_allclose(total[0], found.zone_area_km2, rtol=1e-12)


def test_lazy_cube_in_blocks_equals_the_array_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    values = noise(7, steps=11).astype(np.float32)
    whole = zonal_mean(on_grid(values), COVER)
    monkeypatch.setattr("earthcommons.zones.statistics._BLOCK_BYTES", 3 * ROWS * COLUMNS * 4)
    lazy = on_grid(values).copy(data=da.from_array(values, chunks=(2, 7, 30)))
    found: ZonalSums = zonal_mean(lazy, COVER, threads=2)
    np.testing.assert_array_equal(found.total, whole.total)
    np.testing.assert_array_equal(found.steps, np.arange(11))


def test_array_on_another_grid_is_refused_even_in_the_right_shape() -> None:
    field = np.zeros((ROWS, COLUMNS))
    flipped = on_grid(field).assign_coords(y=COVER.latitudes[::-1])
    with pytest.raises(InvalidInputError, match="y of the array"):
        zonal_mean(flipped, COVER)
    with pytest.raises(InvalidInputError, match="expected"):
        zonal_mean(xr.DataArray(np.zeros((COLUMNS, ROWS))), COVER)
    with pytest.raises(InvalidInputError, match="boolean"):
        zonal_mean(on_grid(field), COVER, mask=on_grid(field))
    with pytest.raises(InvalidInputError, match="negative"):
        zonal_mean(on_grid(field), COVER, weight=on_grid(field - 1))
    with pytest.raises(InvalidInputError, match="per cell"):
        zonal_sum(on_grid(field), COVER, per="acre")  # type: ignore[arg-type]
