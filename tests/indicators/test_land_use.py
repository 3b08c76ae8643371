from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box
from tests.indicators.conftest import PackNode, on_grid

from earthcommons.cube import grid_of
from earthcommons.errors import InvalidInputError
from earthcommons.indicators.land_use import land_use
from earthcommons.zones.coverage import coverage


def test_a_cell_without_1995_adds_no_area_but_stays_in_the_denominator() -> None:
    # Cells: both years, 2005 only, neither; the fourth has 1995 only and does not count.
    years = on_grid([[[0.4, np.nan], [np.nan, 0.9]], [[0.2, 0.6], [np.nan, np.nan]]])
    zones = coverage([("z", box(0, -1, 2, 1))], grid_of(years))
    sums, gaps = land_use(years, zones)
    np.testing.assert_allclose(sums.mean[:, 0], [0.2, 0.4], rtol=1e-12)
    np.testing.assert_allclose(sums.valid_cells[:, 0], [2, 2])
    assert gaps.total[0, 0] == 1.0
    # One degree from the equator to 1° N, 0-1° E: 12308.463894 km2.
    assert sums.total[1, 0] == pytest.approx(0.8 * 12308.463894, rel=1e-9)


@settings(max_examples=40)
@given(st.lists(st.floats(0, 1) | st.just(np.nan), min_size=8, max_size=8))
def test_shares_of_both_years_rest_on_the_same_land(values: list[float]) -> None:
    years = on_grid(np.reshape(values, (2, 2, 2)))
    zones = coverage([("z", box(0, -1, 1.7, 0.8))], grid_of(years))
    sums, gaps = land_use(years, zones)
    assert sums.weight[0, 0] == sums.weight[1, 0]
    assert 0 <= gaps.total[0, 0] <= sums.valid_cells[0, 0] + 1e-12


def test_a_third_layer_is_refused() -> None:
    years = on_grid(np.zeros((3, 2, 2)))
    zones = coverage([("z", box(0, -1, 1, 1))], grid_of(years))
    with pytest.raises(InvalidInputError, match="need the layers 1995 and 2005, found 3"):
        land_use(years, zones)


@pytest.mark.parametrize("measure", ["area", "share"])
def test_total_is_cropland_plus_pasture(pack: PackNode, measure: str) -> None:
    for year in ("1995", "2005"):
        crop, pasture, total = (
            pack.one("land-use", "m49:404", year, measure=measure, use=use).value
            for use in ("cropland", "pasture", "total")
        )
        assert total == pytest.approx(crop + pasture, rel=1e-12)  # type: ignore[operator]


def test_change_is_in_points_and_names_what_1995_lacks(pack: PackNode) -> None:
    before, after = (
        pack.one("land-use", "m49:001", year, measure="share", use="cropland")
        for year in ("1995", "2005")
    )
    change = pack.one("land-use", "m49:001", "1995/2006", measure="change", use="cropland")
    assert change.value == pytest.approx(after.value - before.value, abs=1e-12)  # type: ignore[operator]
    assert (change.unit, change.status) == ("percentage_point", "reconstruction")
    assert "not ten years of change" in change.reason
    assert "cells have no value in it and add no area" in before.reason
    assert pack.again(change) == pytest.approx(change.value, abs=1e-6)


def test_second_route_gives_the_area_of_a_country(pack: PackNode) -> None:
    row = pack.one("land-use", "m49:404", "2005", measure="area", use="pasture")
    assert pack.again(row) == pytest.approx(row.value, rel=1e-6)
