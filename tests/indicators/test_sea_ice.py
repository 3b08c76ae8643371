from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthcommons.errors import InvalidInputError
from earthcommons.indicators.sea_ice import calendar_baseline, monthly_means

if TYPE_CHECKING:
    from tests.indicators.conftest import PackNode


def every(first: str, last: str, step: int = 1) -> np.ndarray:
    return np.arange(first, last, step, dtype="datetime64[D]")


def test_days_expected_follow_the_sampling_of_the_year_and_gaps_keep_their_place() -> None:
    days = np.concatenate(
        [every("1987-11-01", "1987-12-01", 2), every("1988-01-13", "1988-01-23")]
    )
    extent = np.concatenate([np.full(15, 10.0), np.arange(10.0)])
    found = monthly_means(days, extent, 1988)
    assert [str(month) for month in found.months] == ["1987-11", "1987-12", "1988-01"]
    np.testing.assert_array_equal(found.mean, [10.0, np.nan, 4.5])
    np.testing.assert_array_equal(found.days, [15, 0, 10])
    np.testing.assert_array_equal(found.expected, [15.0, 15.5, 31.0])


def test_a_month_with_too_few_days_is_not_in_the_baseline() -> None:
    spans = [("2001-01-01", "2001-02-01"), ("2002-01-01", "2002-01-21")]
    spans.append(("2003-01-01", "2003-01-22"))
    days = np.concatenate([every(*span) for span in spans])
    extent = np.concatenate([np.full(31, 8.0), np.full(20, 99.0), np.full(21, 10.0)])
    series = monthly_means(days, extent, 1988)
    # 20 of 31 days are fewer than two thirds, 21 are not.
    mean, spread, count = calendar_baseline(series, 2001, 2003, 2 / 3)
    assert (mean[0], count[0]) == (9.0, 2)
    assert spread[0] == pytest.approx(np.sqrt(2))
    assert np.isnan(mean[1:]).all()


@given(st.permutations(range(60)), st.floats(0.1, 20))
def test_order_of_rows_does_not_matter_and_unit_scales(order: list[int], k: float) -> None:
    days, extent = every("2001-01-01", "2001-03-02"), np.arange(60.0)
    one = monthly_means(days, extent, 1988)
    other = monthly_means(days[order], k * extent[order], 1988)
    np.testing.assert_allclose(other.mean, k * one.mean, rtol=1e-12)
    np.testing.assert_array_equal(other.days, one.days)


def test_a_day_twice_and_a_negative_extent_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="one row a day"):
        monthly_means(every("2001-01-01", "2001-01-02")[[0, 0]], np.ones(2), 1988)
    with pytest.raises(InvalidInputError, match="below zero"):
        monthly_means(every("2001-01-01", "2001-01-03"), np.array([1.0, -0.1]), 1988)


@pytest.mark.parametrize(("year", "extent"), [(2007, 4.27), (2012, 3.57), (2020, 4.00)])
def test_arctic_septembers(pack: PackNode, year: int, extent: float) -> None:
    level = pack.one("sea-ice-extent", "ec:arctic", f"{year}-09", measure="level")
    assert level.value == pytest.approx(extent, abs=0.005)
    assert (level.cells, level.status) == (30, "estimated")
    anomaly = pack.one("sea-ice-extent", "ec:arctic", f"{year}-09", measure="anomaly")
    assert (level.value or 0) - (anomaly.value or 0) == pytest.approx(6.413, abs=5e-4)
    assert "September of 1981-2010, 30 values: mean 6.413" in anomaly.baseline
    assert "standard deviation 0.873" in anomaly.baseline
    assert pack.again(anomaly) == pytest.approx(anomaly.value, abs=1e-9)


@pytest.mark.parametrize(("year", "z"), [(2023, -7.18), (2024, -5.38)])
def test_antarctic_julys(pack: PackNode, year: int, z: float) -> None:
    anomaly = pack.one("sea-ice-extent", "ec:antarctic", f"{year}-07", measure="anomaly")
    assert "mean 15.961, standard deviation 0.345" in anomaly.baseline
    assert (anomaly.value or 0) / 0.344926 == pytest.approx(z, abs=0.005)
    level = pack.one("sea-ice-extent", "ec:antarctic", "2023-07", measure="level")
    assert level.value == pytest.approx(13.49, abs=0.005)
    assert pack.again(level) == pytest.approx(level.value, abs=1e-9)


def test_exactly_four_months_are_withheld_with_their_days(pack: PackNode) -> None:
    rows = [row for row in pack.observations("sea-ice-extent") if row.value is None]
    assert {str(row.period) for row in rows} == {"1978-10", "1987-12", "1988-01", "2025-05"}
    assert len(rows) == 4 * 2 * 2
    assert {row.status for row in rows} == {"withheld"}
    (row,) = {r.reason for r in rows if r.region == "ec:arctic" and str(r.period) == "1988-01"}
    assert row == "days: 19 of 31 expected, fewer than 67%"
    december = pack.one("sea-ice-extent", "ec:arctic", "2000-12", measure="anomaly")
    assert "29 values" in december.baseline
    assert pack.again(december) == pytest.approx(december.value, abs=1e-9)
