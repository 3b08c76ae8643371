from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from earthcommons.errors import InvalidInputError
from earthcommons.kernels.trend import exact_null_of_s, mann_kendall, theil_sen, trend_map

NDVI = [0.42, 0.45, 0.41, 0.47, 0.50, 0.49, 0.52, 0.55]


def test_eight_years_of_ndvi_give_the_worked_answer() -> None:
    found = mann_kendall(NDVI)
    assert found.s == 22
    assert found.variance == pytest.approx(65.3333, abs=1e-4)
    assert found.z == pytest.approx(2.598076, abs=1e-6)
    assert found.method == "exact"
    assert theil_sen(NDVI).slope == pytest.approx(0.01666667, abs=1e-8)


@pytest.mark.parametrize(
    ("n", "s", "p_rise"), [(4, 4, 0.167), (5, 6, 0.117), (6, 9, 0.068), (8, 14, 0.0543)]
)
def test_exact_one_sided_chances_are_those_tabled(n: int, s: int, p_rise: float) -> None:
    assert sum(p for value, p in exact_null_of_s(n) if value >= s) == pytest.approx(
        p_rise, abs=6e-4
    )


def test_exact_null_is_the_count_over_all_orders() -> None:
    orders = np.array(list(permutations(range(5))))
    i, j = np.triu_indices(5, 1)
    s = np.sign(orders[:, j] - orders[:, i]).sum(axis=1)
    for value, p in exact_null_of_s(5):
        assert p == pytest.approx(np.mean(s == value), abs=1e-15)


@given(st.lists(st.integers(-5, 5), min_size=4, max_size=30))
def test_reversing_time_swaps_the_two_sides(values: list[int]) -> None:
    there, back = mann_kendall(values), mann_kendall(values[::-1])
    assert there.s == -back.s
    assert there.p_rise == pytest.approx(back.p_fall, abs=1e-12)
    assert there.p_two_sided == pytest.approx(back.p_two_sided, abs=1e-12)
    assert there.p_two_sided <= 1


def test_tied_values_lower_the_variance_by_hand() -> None:
    # n = 5, one pair tied: (5·4·15 - 2·1·9) / 18.
    found = mann_kendall([1, 1, 2, 3, 4])
    assert (found.s, found.method) == (9, "normal")
    assert found.variance == pytest.approx(282 / 18)


def test_interval_of_an_outlier_ridden_line_holds_its_slope() -> None:
    rng = np.random.default_rng(3)
    times = np.sort(rng.uniform(0, 50, 60))
    values = 2.0 - 0.3 * times + rng.normal(0, 0.5, 60)
    values[::11] += 40
    found = theil_sen(values, times)
    assert found.low < -0.3 < found.high
    assert found.high - found.low < 0.05
    assert found.slope == pytest.approx(-0.3, abs=0.02)


def test_four_values_are_too_few_for_a_finite_interval() -> None:
    found = theil_sen([1, 2, 3, 5])
    assert (found.low, found.high) == (-np.inf, np.inf)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(4, 130),
    st.sampled_from([0, 1, 3]),
    st.floats(0, 0.5),
    st.booleans(),
)
def test_every_pixel_of_a_map_equals_its_own_series(
    seed: int, steps: int, digits: int, gaps: float, uneven: bool
) -> None:
    rng = np.random.default_rng(seed)
    cube = np.round(rng.normal(size=(steps, 2, 2)), digits)
    cube[rng.random(cube.shape) < gaps] = np.nan
    times = np.cumsum(rng.uniform(0.1, 2, steps)) if uneven else np.arange(steps) + 2000.0
    found = trend_map(cube, times)
    for y, x in np.ndindex(2, 2):
        series = cube[:, y, x]
        assert found.n[y, x] == np.sum(~np.isnan(series))
        if found.n[y, x] < 4:
            assert np.isnan(found.slope[y, x])
            continue
        test, slope = mann_kendall(series), theil_sen(series, times)
        assert found.s[y, x] == test.s
        assert found.z[y, x] == pytest.approx(test.z, abs=1e-12)
        assert found.p_two_sided[y, x] == pytest.approx(test.p_two_sided, abs=1e-12)
        assert found.slope[y, x] == pytest.approx(slope.slope, abs=1e-12, rel=1e-12)


def test_series_without_an_order_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="four values"):
        mann_kendall([1, 2, np.nan, 3])
    with pytest.raises(InvalidInputError, match="finite"):
        mann_kendall([1, 2, 3, np.inf, 4])
    with pytest.raises(InvalidInputError, match="rise"):
        theil_sen([1, 2, 3, 4], [0, 1, 1, 2])
    with pytest.raises(InvalidInputError, match="time, y, x"):
        trend_map(np.zeros((5, 5)))
    with pytest.raises(InvalidInputError, match="between 0 and 1"):
        theil_sen(NDVI, level=95)
    with pytest.raises(InvalidInputError, match="no order"):
        exact_null_of_s(1)
