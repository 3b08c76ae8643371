from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthcommons.errors import InvalidInputError
from earthcommons.indicators.stream_nitrate import medians

if TYPE_CHECKING:
    from tests.indicators.conftest import PackNode

KEY, STREAM = "stream-nitrate", "ec:quebrada-sonadora"


def test_blanks_count_as_samples_and_not_as_zero() -> None:
    keys = ["1987", "1988", "1987", "1987", "1988", "1987"]
    found = medians(keys, [10, np.nan, np.nan, 30, np.nan, 80])
    assert found["1987"] == (30.0, 3, 4)
    assert found["1988"][1:] == (0, 2)
    assert np.isnan(found["1988"][0])


@given(st.lists(st.floats(0, 700), min_size=1, max_size=20), st.integers(0, 5))
def test_a_median_lies_within_its_values_and_blanks_do_not_move_it(
    values: list[float], blanks: int
) -> None:
    middle, count, samples = medians(
        ["1987"] * (len(values) + blanks), [*values, *[np.nan] * blanks]
    )["1987"]
    assert min(values) <= middle <= max(values)
    assert middle == medians(["1987"] * len(values), values)["1987"][0]
    assert (count, samples) == (len(values), len(values) + blanks)


def test_negative_concentration_and_unequal_lengths_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="below zero"):
        medians(["1987", "1987"], [3, -1])
    with pytest.raises(InvalidInputError, match="do not match"):
        medians(["1987"], [3, 1])


@pytest.mark.parametrize(
    ("year", "median"),
    [(1987, 97), (1988, 98), (1989, 88), (1990, 208), (1991, 136), (1992, 110)],
)
def test_yearly_medians(pack: PackNode, year: int, median: float) -> None:
    row = pack.one(KEY, STREAM, str(year), measure="median")
    assert (row.value, row.unit) == (median, "ug/L")
    assert pack.again(row) == median


def test_samples_are_as_published_blanks_missing_and_two_of_one_day_kept(
    pack: PackNode,
) -> None:
    rows = [r for r in pack.observations(KEY) if r.dimensions["measure"] == "level"]
    assert len(rows) == 317
    blank = [row for row in rows if row.value is None]
    assert len(blank) == 27
    assert {row.status for row in blank} == {"missing"}
    assert all("never zero" in row.reason for row in blank)
    second = pack.one(KEY, STREAM, "1990-06-05", measure="level", sample="2")
    first = pack.one(KEY, STREAM, "1990-06-05", measure="level")
    assert second.value != first.value
    assert [pack.again(row) for row in (first, second)] == [first.value, second.value]


def test_a_year_with_too_few_values_has_no_median(pack: PackNode) -> None:
    rows = pack.observations(KEY, min_year=48)
    found = {str(r.period): r for r in rows if r.dimensions["measure"] == "median"}
    assert [year for year, row in found.items() if row.value is None] == [
        "1988", "1989", "1992",
    ]  # fmt: skip
    assert found["1988"].reason == "values: 43 of 52 samples, fewer than 48"


def test_months_have_medians_for_the_watch_to_read(pack: PackNode) -> None:
    rows = [r for r in pack.observations(KEY) if r.dimensions["measure"] == "monthly-median"]
    assert len(rows) == 72
    october = pack.one(KEY, STREAM, "1989-10", measure="monthly-median")
    assert (october.value, october.cells) == (135, 5)
    assert pack.again(october) == 135
