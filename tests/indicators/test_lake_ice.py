from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthcommons.errors import InvalidInputError
from earthcommons.indicators.lake_ice import Winters, ice_trend, winters_of

if TYPE_CHECKING:
    from tests.indicators.conftest import PackNode

LAKE = "Lake Mendota"


def table(*rows: tuple[int, str | None, str | None, float]) -> pd.DataFrame:
    names = ["year", "ice_on", "ice_off", "ice_duration"]
    return pd.DataFrame(list(rows), columns=names).assign(lakeid=LAKE)


def winters(days: Any, first: int = 1900) -> Winters:
    values = np.array(days, dtype="f8")
    return Winters(first + np.arange(len(values)), values, ("",) * len(values))


def test_open_winter_is_zero_and_an_unknown_one_is_missing_with_its_blank() -> None:
    found = winters_of(
        table(
            (1900, "1900-12-20", "1901-03-20", 90),
            (1901, None, None, 0),
            (1903, "1903-12-20", None, np.nan),
            (1904, "1904-12-20", "1905-03-20", np.nan),
        ),
        LAKE,
        1900,
        1905,
    )
    np.testing.assert_array_equal(found.days, [90, 0, np.nan, np.nan, np.nan, np.nan])
    unknown = ("no row in the source", "blank: ice-off", "blank: duration")
    assert found.why == ("", "", *unknown, "no row in the source")


def test_two_days_less_every_winter_are_twenty_days_less_a_decade() -> None:
    days = 120.0 - 2 * np.arange(12)
    days[3] = np.nan
    found = ice_trend(winters(days))
    assert found.slope == pytest.approx(-20)
    assert (found.low, found.high) == pytest.approx((-20, -20))
    # 11 values, all 55 pairs fall: S = -55, variance 165, z = 54 / sqrt(165).
    assert found.n == 11
    assert found.p_two_sided == pytest.approx(2.62e-5, rel=0.01)


@given(st.lists(st.integers(0, 160), min_size=4, max_size=30), st.integers(-30, 30))
def test_more_ice_every_winter_leaves_the_trend_and_backwards_turns_it(
    days: list[int], more: int
) -> None:
    one = ice_trend(winters(days))
    assert ice_trend(winters(np.array(days) + more)).slope == pytest.approx(one.slope)
    back = ice_trend(winters(days[::-1]))
    assert back.slope == pytest.approx(-one.slope)
    assert back.p_two_sided == pytest.approx(one.p_two_sided)


def test_winter_twice_and_impossible_days_are_refused() -> None:
    twice = table((1900, None, None, 90), (1900, None, None, 91))
    with pytest.raises(InvalidInputError, match="twice"):
        winters_of(twice, LAKE, 1900, 1901)
    for days in (-1, 400):
        with pytest.raises(InvalidInputError, match="days of ice"):
            winters_of(table((1900, None, None, days)), LAKE, 1900, 1901)


@pytest.mark.parametrize(
    ("lake", "early", "late", "slope"),
    [("ec:lake-mendota", 119.2, 86.825, -1.733), ("ec:lake-monona", 116.0, 89.325, -2.105)],
)
def test_ice_of_both_lakes_grew_shorter(
    pack: PackNode, lake: str, early: float, late: float, slope: float
) -> None:
    key = "lake-ice-duration"
    first = pack.one(key, lake, "1851/1860", measure="mean")
    last = pack.one(key, lake, "1980/2020", measure="mean")
    assert (first.value, last.value) == pytest.approx((early, late))
    trend = pack.one(key, lake, "1851/2020", measure="trend")
    assert trend.value == pytest.approx(slope, abs=5e-4)
    assert trend.unit == "day/decade"
    assert trend.interval is not None
    assert trend.interval.low < slope < trend.interval.high < 0
    assert "two-sided p = " in trend.reason
    for row in (first, last, trend):
        assert pack.again(row) == pytest.approx(row.value, abs=1e-9)


def test_seven_winters_are_missing_and_the_broken_winter_of_2001_keeps_its_count(
    pack: PackNode,
) -> None:
    rows = pack.observations("lake-ice-duration")
    missing = [row for row in rows if row.value is None]
    assert len(missing) == 7
    assert {row.reason for row in missing} == {
        "no row in the source", "blank: ice-on", "blank: ice-off",
    }  # fmt: skip
    broken = pack.one(
        "lake-ice-duration", "ec:lake-mendota", "2001-07/2002-07", measure="level"
    )
    assert broken.value == 21
    assert pack.again(broken) == 21
