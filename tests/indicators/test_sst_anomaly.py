from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthcommons.errors import InvalidInputError
from earthcommons.indicators.sst_anomaly import monthly_anomaly

if TYPE_CHECKING:
    from tests.indicators.conftest import PackNode


def months(first: str, count: int) -> np.ndarray:
    return np.datetime64(first, "M") + np.arange(count)


def test_each_month_is_compared_with_its_own_month_of_the_baseline() -> None:
    # Two years of January 10 and 14, July 20 and 20; a third year outside the baseline.
    level = np.full((36, 1), 15.0)
    level[[0, 12, 24], 0] = [10.0, 14.0, 13.0]
    level[[6, 18, 30], 0] = [20.0, np.nan, 21.5]
    anomaly, baseline = monthly_anomaly(level, months("2010-01", 36), 2010, 2011)
    np.testing.assert_array_equal(anomaly[[0, 12, 24], 0], [-2.0, 2.0, 1.0])
    np.testing.assert_array_equal(anomaly[[6, 18, 30], 0], [0.0, np.nan, 1.5])
    np.testing.assert_array_equal(baseline[[0, 6, 30], 0], [12.0, 20.0, 20.0])


@given(st.lists(st.floats(-2, 35), min_size=36, max_size=36), st.floats(-5, 5))
def test_a_warmer_ocean_throughout_has_the_same_anomalies(
    values: list[float], more: float
) -> None:
    level = np.array(values)[:, None]
    clock = months("2010-01", 36)
    anomaly, _ = monthly_anomaly(level, clock, 2010, 2012)
    moved, _ = monthly_anomaly(level + more, clock, 2010, 2012)
    np.testing.assert_allclose(moved, anomaly, atol=1e-9)
    for month in range(12):
        assert anomaly[month::12].mean() == pytest.approx(0, abs=1e-9)


def test_a_baseline_without_the_month_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="holds no July"):
        monthly_anomaly(np.zeros((8, 1)), months("2010-07", 8), 2011, 2019)


def test_nino34_in_november_2015(pack: PackNode) -> None:
    level = pack.one("sst-anomaly", "ec:nino34", "2015-11", measure="level")
    anomaly = pack.one("sst-anomaly", "ec:nino34", "2015-11", measure="anomaly")
    assert level.value == pytest.approx(29.41, abs=0.005)
    assert anomaly.value == pytest.approx(2.68, abs=0.005)
    # 5 rows of 24 whole columns and two half ones.
    assert level.cells == pytest.approx(125)
    assert level.valid_share == pytest.approx(1)
    assert anomaly.baseline.startswith("November of 2010-2019: mean 26.73 degC; 10 years")
    for row in (level, anomaly):
        assert pack.again(row) == pytest.approx(row.value, abs=1e-9)


def test_128_months_of_two_regions_and_the_ocean_without_its_land(pack: PackNode) -> None:
    rows = pack.observations("sst-anomaly")
    assert len(rows) == 2 * 2 * 128
    assert {str(row.period) for row in rows} >= {"2010-01", "2020-08"}
    assert {row.status for row in rows} == {"estimated"}
    ocean = pack.one("sst-anomaly", "ec:ocean", "2015-11", measure="anomaly")
    assert 0.7 < (ocean.valid_share or 0) < 0.8
    assert pack.again(ocean) == pytest.approx(ocean.value, abs=1e-9)


def test_another_baseline_is_another_number(pack: PackNode) -> None:
    rows = pack.observations("sst-anomaly", baseline_last=2014)
    wanted = ("ec:nino34", "2015-11", {"measure": "anomaly"})
    (row,) = (r for r in rows if (r.region, str(r.period), dict(r.dimensions)) == wanted)
    before = pack.one("sst-anomaly", "ec:nino34", "2015-11", measure="anomaly")
    # Without the event itself in the baseline, the event stands out more.
    assert (row.value or 0) > (before.value or 0) + 0.1
    assert row.run != before.run
