import numpy as np
import pytest
from affine import Affine
from exactextract import exact_extract
from exactextract.raster import NumPyRasterSource
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from shapely import Point, Polygon, box, unary_union
from shapely.geometry.base import BaseGeometry

from earthcommons.errors import InvalidInputError
from earthcommons.kernels.area import band_areas_km2
from earthcommons.zones.coverage import Coverage, coverage, coverage_key

WHOLE_EARTH_KM2 = 510065621.724088
WORLD = ("world", box(-180, -90, 180, 90))


def grid(west: float, north: float, step: float, rows: int, columns: int) -> GeoBox:
    return GeoBox((rows, columns), Affine(step, 0, west, 0, -step, north), "EPSG:4326")


GLOBAL = grid(-180, 90, 1.0, 180, 360)
ERSST = GeoBox((89, 180), Affine(2, 0, -1, 0, -2, 89), "EPSG:4326")


@pytest.mark.parametrize("k", [0, 1, 3])
def test_square_of_k_and_a_half_cells_has_that_many_squared_cells(k: int) -> None:
    side = k + 0.5
    found = coverage([("square", box(10, 45 - side, 10 + side, 45))], GLOBAL)
    assert found.fractions.sum() == side**2
    rows = [(44.5 - r, min(1.0, side - r)) for r in range(k + 1)]
    expected = sum(float(band_areas_km2(lat, 1, 1)) * side * share for lat, share in rows)
    assert found.zone_area_km2[0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    "cells",
    [
        GLOBAL,
        grid(0, 90, 2.0, 90, 180),
        ERSST,
        GeoBox((721, 1440), Affine(0.25, 0, -0.125, 0, 0.25, -90.125), "EPSG:4326"),
        grid(30, 10, 1 / 3, 20, 25),
    ],
)
def test_world_is_whole_on_and_off_every_grid(cells: GeoBox) -> None:
    found = coverage([WORLD], cells)
    assert found.zone_area_km2[0] == pytest.approx(WHOLE_EARTH_KM2, rel=1e-9)
    np.testing.assert_allclose(found.fractions, 1, rtol=1e-6)
    assert len(found.indices) == cells.shape[0] * cells.shape[1]


def test_columns_of_nino34_on_the_two_degree_grid_count_half_at_the_edges() -> None:
    found = coverage([("nino34", box(-170, -5, -120, 5))], ERSST)
    lon = found.longitudes[found.indices % 180]
    lat = found.latitudes[found.indices // 180]
    assert (lon.min(), lon.max(), lat.min(), lat.max()) == (190, 240, -4, 4)
    edge = (lon == 190) | (lon == 240)
    np.testing.assert_array_equal(found.fractions, np.where(edge, 0.5, 1.0))


def test_region_across_the_antimeridian_is_one_on_either_kind_of_grid() -> None:
    fiji = unary_union([box(177, -19, 180, -16), box(-180, -19, -179, -16)])
    here, there = coverage([("fiji", fiji)], GLOBAL), coverage([("fiji", fiji)], ERSST)
    assert sorted({float(x) for x in there.longitudes[there.indices % 180]}) == [178, 180]
    # The ERSST column about 180 is filled from both sides.
    np.testing.assert_array_equal(
        there.fractions[there.longitudes[there.indices % 180] == 180].max(), 1.0
    )
    assert here.zone_area_km2[0] == pytest.approx(there.zone_area_km2[0], rel=1e-3)


def test_south_up_grid_holds_the_same_cells_under_other_numbers() -> None:
    shape = Polygon([(1.2, 3.4), (8.9, 2.2), (6.1, 9.7)])
    up = GeoBox((180, 360), Affine(1, 0, -180, 0, 1, -90), "EPSG:4326")
    north, south = coverage([("a", shape)], GLOBAL), coverage([("a", shape)], up)
    flat = np.zeros((180, 360))
    flat.ravel()[north.indices] = north.fractions
    other = np.zeros((180, 360))
    other.ravel()[south.indices] = south.fractions
    np.testing.assert_allclose(flat, other[::-1], rtol=0, atol=1e-7)
    assert north.zone_area_km2[0] == pytest.approx(south.zone_area_km2[0], rel=1e-9)


def test_area_beyond_the_edge_is_kept_apart_by_hand() -> None:
    found = coverage(
        [("half", box(-1, 0, 1, 1)), ("far", box(50, 0, 51, 1))], grid(0, 2, 1, 2, 3)
    )
    one = 12308.463894
    np.testing.assert_allclose(found.area_inside_km2, [one, 0], rtol=1e-9)
    np.testing.assert_allclose(found.area_outside_km2, [one, one], rtol=1e-9)
    np.testing.assert_array_equal(found.touched_cells, [1, 0])


def test_zone_much_larger_than_a_fine_grid_keeps_its_area() -> None:
    fine = grid(10.2, 0.3, 1 / 1200, 300, 200)
    wide = box(-60, -40, 60, 40)
    found = coverage([("wide", wide)], fine)
    np.testing.assert_array_equal(found.touched_cells, [60_000])
    expected = coverage([("wide", wide)], GLOBAL).zone_area_km2
    np.testing.assert_allclose(found.zone_area_km2, expected, rtol=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_fractions_are_exactextracts_own_where_the_grid_holds_the_zone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    centre = rng.uniform((-170, -80), (170, 80))
    shape = Point(*centre).buffer(rng.uniform(0.1, 9), quad_segs=int(rng.integers(1, 20)))
    found = coverage([("blob", shape)], GLOBAL)
    source = NumPyRasterSource(np.zeros((180, 360)), -180, -90, 180, 90)
    feature = {"type": "Feature", "properties": {}, "geometry": shape.__geo_interface__}
    peer = exact_extract(source, feature, ["cell_id", "coverage"])[0]["properties"]
    seen = peer["coverage"] > 0
    order = np.argsort(peer["cell_id"][seen])
    np.testing.assert_array_equal(found.indices, peer["cell_id"][seen][order])
    np.testing.assert_allclose(found.fractions, peer["coverage"][seen][order], atol=1e-6)


def test_stored_coverage_comes_back_the_same_and_damage_is_refused() -> None:
    first = coverage([("a", box(0, 0, 2.5, 2.5)), ("空", Polygon())], GLOBAL)
    again = Coverage.from_bytes(first.to_bytes())
    assert (again.zone_ids, again.shape) == (first.zone_ids, first.shape)
    assert again.transform == first.transform
    np.testing.assert_array_equal(again.fractions, first.fractions)
    assert again.to_bytes() == first.to_bytes()
    for bad in (b"", b"no archive", first.to_bytes()[:200]):
        with pytest.raises(InvalidInputError):
            Coverage.from_bytes(bad)


def test_key_changes_with_the_regions_and_with_the_grid_only() -> None:
    key = coverage_key("sha256:1", GLOBAL)
    assert key == coverage_key("sha256:1", grid(-180, 90, 1.0, 180, 360))
    others = {coverage_key("sha256:2", GLOBAL), coverage_key("sha256:1", ERSST)}
    assert len({key, *others}) == 3


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (GeoBox((2, 2), Affine(1, 0.1, 0, 0, -1, 0), "EPSG:4326"), "rotated"),
        (GeoBox((2, 2), Affine(10, 0, 0, 0, -10, 0), "EPSG:3857"), "EPSG:4326"),
        (GeoBox((2, 2), Affine(-1, 0, 0, 0, -1, 0), "EPSG:4326"), "eastward"),
        (GeoBox((2, 400), Affine(1, 0, 0, 0, -1, 0), "EPSG:4326"), "more than once"),
    ],
)
def test_grid_of_another_kind_is_refused(cells: GeoBox, reason: str) -> None:
    with pytest.raises(InvalidInputError, match=reason):
        coverage([WORLD], cells)


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        (Point(0, 0), "not a polygon"),
        (Polygon([(0, 0), (2, 2), (2, 0), (0, 2)]), "no valid polygon"),
        (box(0, 80, 10, 95), "pole"),
        (box(-190, 0, 190, 10), "more than once"),
    ],
)
def test_region_that_cannot_be_measured_is_refused(shape: BaseGeometry, reason: str) -> None:
    with pytest.raises(InvalidInputError, match=reason):
        coverage([("odd", shape)], GLOBAL)


def test_turn_that_columns_do_not_divide_is_refused_rather_than_misplaced() -> None:
    with pytest.raises(InvalidInputError, match="turn"):
        coverage([("west", box(-10, 0, -5, 5))], grid(300, 10, 0.44, 20, 130))


def test_name_given_twice_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="twice"):
        coverage([WORLD, WORLD], GLOBAL)
