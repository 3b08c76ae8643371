import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthcommons.errors import InvalidInputError
from earthcommons.kernels.pettitt import pettitt_rise


def test_clean_step_of_six_values_has_one_chance_in_twenty() -> None:
    # Of the 720 orders, 3!·3! put the three smallest first.
    found = pettitt_rise(np.array([[3.0, 1, 2, 11, 9, 10]]))
    assert found.last_before[0] == 2
    assert found.statistic[0] == 9
    assert found.p_rise[0] == pytest.approx(36 / 720)
    assert found.method == "exact"


@given(st.lists(st.integers(0, 4), min_size=4, max_size=25))
def test_statistic_is_the_count_of_rising_pairs_across_a_split(values: list[int]) -> None:
    x = np.array(values, dtype=np.float64)
    across = [np.sign(x[k:, None] - x[None, :k]).sum() for k in range(1, len(x))]
    found = pettitt_rise(x[None])
    assert found.statistic[0] == pytest.approx(max(across))
    assert across[found.last_before[0]] == pytest.approx(max(across))


def test_fall_is_no_rise() -> None:
    found = pettitt_rise(np.repeat([[9.0, 1.0]], 10, axis=1).reshape(1, -1))
    falling = pettitt_rise(np.repeat([9.0, 1.0], 10)[None])
    assert falling.p_rise[0] == 1
    assert found.p_rise[0] == 1


def test_gaps_and_short_series_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="missing"):
        pettitt_rise(np.array([[1.0, 2, np.nan, 3]]))
    with pytest.raises(InvalidInputError, match="four"):
        pettitt_rise(np.ones((1, 3)))
