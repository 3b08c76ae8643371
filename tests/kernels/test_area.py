import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earthcommons.errors import InvalidInputError
from earthcommons.kernels.area import band_areas_km2, row_areas_km2

WHOLE_EARTH_KM2 = 510065621.724088


@pytest.mark.parametrize(
    ("south", "km2"), [(0, 12308.463894), (45, 8686.494957), (60, 6123.140879)]
)
def test_one_degree_cell_has_its_published_area(south: int, km2: float) -> None:
    assert float(band_areas_km2(south + 0.5, 1, 1)) == pytest.approx(km2, abs=1e-6)
    assert float(band_areas_km2(-south - 0.5, 1, 1)) == pytest.approx(km2, abs=1e-6)


@settings(max_examples=30)
@given(st.integers(1, 2000))
def test_rows_of_any_height_add_up_to_the_whole_ellipsoid(rows: int) -> None:
    areas, kept = row_areas_km2(90.0, -180 / rows, rows, 360.0)
    assert areas.sum() == pytest.approx(WHOLE_EARTH_KM2, abs=1e-3)
    assert np.all(kept == 1)


@given(st.floats(-89.9, 89.9))
def test_cell_of_ten_metres_keeps_twelve_digits(latitude: float) -> None:
    step = 1 / 12000
    tall, _ = row_areas_km2(latitude - 500 * step, step, 1000, step)
    # The sum of 1000 tiny cells against one tall one: cancellation would show here.
    assert tall.sum() == pytest.approx(
        float(band_areas_km2(latitude, 1000 * step, step)), rel=1e-11
    )
    e2 = 0.0066943799901413165
    sine = math.sin(math.radians(latitude))
    local = 6378.137**2 * (1 - e2) / (1 - e2 * sine**2) ** 2 * math.cos(math.radians(latitude))
    one = float(band_areas_km2(latitude, step, step))
    assert one == pytest.approx(local * math.radians(step) ** 2, rel=1e-8)


def test_row_centred_on_the_pole_is_cut_in_half() -> None:
    areas, kept = row_areas_km2(90.125, -0.25, 721, 0.25)
    np.testing.assert_array_equal(kept[[0, 1, -1]], [0.5, 1, 0.5])
    assert areas[0] == pytest.approx(float(band_areas_km2(89.9375, 0.125, 0.25)), rel=1e-12)
    assert areas.sum() * 1440 == pytest.approx(WHOLE_EARTH_KM2, abs=1e-3)


def test_row_wholly_beyond_the_pole_has_no_area() -> None:
    areas, kept = row_areas_km2(94.0, -2.0, 3, 1.0)
    np.testing.assert_array_equal(areas[:2], [0, 0])
    np.testing.assert_array_equal(kept, [0, 0, 1])


def test_cells_without_size_or_beyond_a_pole_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="pole"):
        band_areas_km2(89.9, 1.0)
    with pytest.raises(InvalidInputError, match="no area"):
        row_areas_km2(0.0, 0.0, 3, 1.0)
    with pytest.raises(InvalidInputError, match="below zero"):
        band_areas_km2(0.0, -1.0)
    with pytest.raises(InvalidInputError, match="finite"):
        row_areas_km2(math.nan, 1.0, 3, 1.0)
