from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from tests.indicators.conftest import PackNode, on_grid

from earthcommons.errors import InvalidInputError
from earthcommons.indicators.land_cover_share import class_counts

KEY, STP = "land-cover-share", "m49:678"


def test_pixels_are_counted_row_by_row() -> None:
    counts = class_counts(on_grid(np.array([[10, 10, 80], [0, 50, 10]], "u1")))
    assert counts.shape == (2, 256)
    assert [counts[0, 10], counts[0, 80], counts[1, 0], counts[1, 10]] == [2, 1, 1, 1]
    assert counts[1, 50] == 1


@given(arrays(np.uint8, st.tuples(st.integers(1, 6), st.integers(1, 6))))
def test_every_pixel_is_counted_once(classes: np.ndarray) -> None:
    counts = class_counts(on_grid(classes))
    np.testing.assert_array_equal(counts.sum(axis=1), classes.shape[1])
    np.testing.assert_array_equal(counts.sum(axis=0), np.bincount(classes.ravel(), None, 256))


def test_measures_are_refused_where_classes_are_expected() -> None:
    with pytest.raises(InvalidInputError, match="8-bit integers, not float64"):
        class_counts(on_grid([[10.0, 20.0]]))


@pytest.mark.parametrize(("year", "land", "built"), [("2020", 987, 11.3), ("2021", 986, 15.5)])
def test_land_and_built_up_area(pack: PackNode, year: str, land: int, built: float) -> None:
    whole = pack.one(KEY, STP, year, measure="area", class_="land")
    part = pack.one(KEY, STP, year, measure="area", class_="built-up")
    assert round(whole.value or 0) == land
    assert round(part.value or 0, 1) == built
    assert pack.again(part) == pytest.approx(part.value, rel=1e-6)


def test_classes_add_up_to_land_and_an_absent_class_is_zero(pack: PackNode) -> None:
    rows = [row for row in pack.observations(KEY) if str(row.period) == "2020"]
    areas = {
        r.dimensions["class"]: r.value or 0.0 for r in rows if r.dimensions["measure"] == "area"
    }
    shares = [r.value or 0.0 for r in rows if r.dimensions["measure"] == "share"]
    assert areas["snow-and-ice"] == 0.0
    assert sum(areas.values()) == pytest.approx(2 * areas["land"], rel=1e-9)
    assert sum(shares) == pytest.approx(100, abs=1e-9)


def test_change_is_withheld_with_the_reason_and_both_values(pack: PackNode) -> None:
    row = pack.one(KEY, STP, "2020/2022", measure="change", class_="built-up")
    assert (row.status, row.value) == ("withheld", None)
    assert "v100 to v200 is another algorithm" in row.reason
    assert "11.3 km2" in row.reason
    assert "15.5 km2" in row.reason
    changes = [r for r in pack.observations(KEY) if r.dimensions["measure"] == "change"]
    assert {r.status for r in changes} == {"withheld"}


def test_the_islet_beyond_the_tile_is_named(pack: PackNode) -> None:
    row = pack.one(KEY, STP, "2021", measure="area", class_="land")
    assert "Ilhéu das Rolas" in row.reason
    assert row.status == "estimated"


def test_a_water_class_the_product_does_not_have_is_refused(pack: PackNode) -> None:
    with pytest.raises(InvalidInputError, match="class 81 is not one"):
        pack.observations(KEY, water_class=81)
