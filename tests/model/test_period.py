from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthcommons.errors import InvalidInputError
from earthcommons.model import Period


def test_november_2015_is_half_open_and_thirty_days_long() -> None:
    month = Period.parse("2015-11")
    assert (month.start, month.end) == (date(2015, 11, 1), date(2015, 12, 1))
    assert month.last_time.isoformat() == "2015-11-30T23:59:59+00:00"


def test_the_end_of_a_span_is_the_first_day_it_names() -> None:
    assert Period.parse("2010/2020") == Period(date(2010, 1, 1), date(2020, 1, 1))
    assert str(Period(date(2015, 4, 1), date(2016, 5, 1))) == "2015-04/2016-05"


@given(st.dates(date(1800, 1, 1), date(2200, 1, 1)), st.integers(1, 40_000))
def test_every_period_reads_back_as_it_was_written(start: date, days: int) -> None:
    period = Period(start, date.fromordinal(start.toordinal() + days))
    assert Period.parse(str(period)) == period


@pytest.mark.parametrize(
    "text",
    ["", "15", "2015-13", "2015-02-30", "2016/2015", "2015/2015", "2015-1", "x", "2015-11T"],
)
def test_what_names_no_period_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        Period.parse(text)
    assert refused.value.code == "bad-time"


def test_periods_that_touch_do_not_overlap() -> None:
    assert not Period.year(2008).overlaps(Period.year(2009))
    assert Period.year(2008).overlaps(Period.month(2008, 12))
