from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box
from tests.indicators.conftest import PackNode, on_grid

from earthcommons.cube import grid_of
from earthcommons.errors import InvalidInputError
from earthcommons.indicators.green_cover import class_list, green_cover
from earthcommons.zones.coverage import coverage

KEY = "green-cover-by-elevation"
GREEN, OTHER = class_list("1-9,11-15"), class_list("10,16-19")
ABOVE_4500, TO_4500, TO_3500, ABOVE_2500 = range(4)


def test_belts_take_cells_by_height_and_water_counts_on_neither_side() -> None:
    # 4500 m belongs to the belt below, 4501 to the one above; 2500 to none.
    elevation = on_grid([[4501.0, 4500.0, 3500.0], [2500.0, 2600.0, 3000.0]])
    cover = on_grid([[8, 16, 1], [1, 16, 20]])
    zones = coverage([("z", box(0, -1, 3, 1))], grid_of(cover))
    share, belts = green_cover(cover, elevation, zones, GREEN, OTHER)
    np.testing.assert_allclose(share.mean[:, 0], [1, 0, 0.5, 0.5], rtol=1e-12)
    np.testing.assert_allclose(share.valid_cells[:, 0], [1, 1, 2, 4])
    cell = zones.row_areas_km2[0]
    np.testing.assert_allclose(belts.weight[:, 0] / cell, [1, 1, 3, 5])


@settings(max_examples=40)
@given(
    st.lists(st.sampled_from([*GREEN, *OTHER, 20]), min_size=6, max_size=6),
    st.lists(st.floats(0, 8000), min_size=6, max_size=6),
)
def test_belts_add_up_to_all_land_above_2500_m(codes: list[int], metres: list[float]) -> None:
    cover = on_grid(np.reshape(codes, (2, 3)))
    zones = coverage([("z", box(0.3, -0.8, 2.6, 1))], grid_of(cover))
    elevation = on_grid(np.reshape(metres, (2, 3)))
    share, _ = green_cover(cover, elevation, zones, GREEN, OTHER)
    for sums in (share.total, share.weight):
        np.testing.assert_allclose(sums[:ABOVE_2500, 0].sum(), sums[ABOVE_2500, 0], rtol=1e-9)


@pytest.mark.parametrize("text", ["", "green", "9-1", "1,,2"])
def test_a_list_without_classes_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="lists no classes"):
        class_list(text)


def test_a_class_both_green_and_not_is_refused(pack: PackNode) -> None:
    with pytest.raises(InvalidInputError, match="class 15 is named both"):
        pack.observations(KEY, other_classes="10,15-19")


def test_total_lies_between_the_belts_and_both_routes_agree(pack: PackNode) -> None:
    belts = ("2500-3500", "3500-4500", "above-4500", "above-2500")
    rows = [pack.one(KEY, "m49:156", "2008", measure="share", elevation=b) for b in belts]
    values = [row.value for row in rows]
    assert all(value is not None for value in values)
    assert min(values[:3]) < values[3] < max(values[:3])  # type: ignore[type-var]
    for row in rows:
        assert pack.again(row) == pytest.approx(row.value, abs=1e-6)
        assert (row.status, row.unit) == ("proxy", "percent")


def test_lower_mountains_say_which_data_they_need(pack: PackNode) -> None:
    for belt in ("kapos-4", "kapos-5", "kapos-6", "bioclimatic-belts"):
        row = pack.one(KEY, "m49:404", "2008", measure="share", elevation=belt)
        assert (row.value, row.status) == (None, "missing")
        assert row.reason == "needs a DEM of 1 km or finer"


def test_kenyas_few_high_cells_are_missing_and_an_absent_belt_is_not_zero(
    pack: PackNode,
) -> None:
    few = pack.one(KEY, "m49:404", "2008", measure="share", elevation="above-2500")
    none = pack.one(KEY, "m49:404", "2008", measure="share", elevation="above-4500")
    assert few.reason == "coverage: 8.2 valid cells, fewer than 30"
    assert none.reason == "coverage: no cell of this grid lies in this belt"
    assert few.value is none.value is None
