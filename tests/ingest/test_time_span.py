"""What time the steps of a cube cover, worked out by hand and against what always holds."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from earthcommons.ingest.door import look
from earthcommons.ingest.limits import Limits
from earthcommons.ingest.time_span import covered, span_of
from earthcommons.model import Period

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def period(times: Any) -> str:
    start, end = (str(time)[:10] for time in covered(np.array(times, "M8[ns]")))
    return str(Period(date.fromisoformat(start), date.fromisoformat(end)))


def every(start: str, end: str, unit: str) -> Any:
    return np.arange(start, end, dtype=f"M8[{unit}]")


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        (every("2015-01", "2016-01", "M"), "2015"),
        (every("2015-11", "2016-03", "M"), "2015-11/2016-03"),
        (["2015-11-01", "2015-12-01"], "2015-11/2016"),
        (["2015-01-16T12", "2015-02-15", "2015-03-16T12", "2015-04-16"], "2015/2015-05"),
        (["2015-01-31", "2015-02-28", "2015-03-31"], "2015/2015-04"),
        (every("2001", "2004", "Y"), "2001/2004"),
        (["2001-07-02", "2002-07-02"], "2001/2003"),
        (["2014-10-01", "2015-10-01"], "2014-10/2016-10"),
        (["2000-01-01", "2005-01-01", "2010-01-01"], "2000/2015"),
        (["2000-01-01", "2005-01-01"], "2000/2005-01-02"),
        (every("2015-01-01", "2016-01-01", "D"), "2015"),
        (every("2015-01-01T12", "2015-02-01T12", "D"), "2015-01"),
        (["2015-06-01", "2015-06-09", "2015-06-17"], "2015-06/2015-06-25"),
        (every("2015-06-01T00", "2015-06-02T00", "h"), "2015-06-01"),
        (every("2015-06-01T00:30", "2015-06-02T00:30", "h"), "2015-06-01"),
        (["2015-01-01"], "2015-01-01"),
        (["2015-01-05", "2015-02-20", "2015-03-11"], "2015-01-05/2015-03-12"),
        (["2015-01-01", "2019-06-15"], "2015/2019-06-16"),
    ],
    ids=str,
)  # fmt: skip
def test_steps_cover_whole_months_years_and_days_as_they_say(times: Any, expected: str) -> None:
    assert period(times) == expected


@given(
    st.lists(st.integers(0, 40_000).map(lambda n: date(1900, 1, 1) + timedelta(n)), min_size=1)
)
def test_every_step_lies_inside_what_the_steps_cover(days: list[date]) -> None:
    start, end = covered(np.array(days, "M8[D]"))
    times = np.array(days, "M8[s]")
    assert start <= times.min()
    assert times.max() < end
    assert covered(np.array(days[::-1] + days, "M8[D]")) == (start, end)


@given(st.integers(1900, 2100), st.integers(1, 12), st.integers(2, 40))
def test_the_last_of_regular_months_is_as_long_as_the_others(
    year: int, month: int, count: int
) -> None:
    begin = np.datetime64(f"{year}-{month:02d}", "M")
    assert covered(begin + np.arange(count)) == (begin, begin + count)


@pytest.mark.parametrize("attribute", ["bounds", "climatology"])
def test_bounds_decide_where_there_are_any(attribute: str) -> None:
    edges = np.array([["1961-01-01", "1990-02-01"], ["1961-02-01", "1991-01-01"]], "M8[s]")
    time = ("time", np.array(["1975-01-16", "1975-02-15"], "M8[s]"), {attribute: "edges"})
    dataset = xr.Dataset({"edges": (("time", "nv"), edges)}, {"time": time})
    assert span_of(dataset, ["time"]) == ("1961-01-01T00:00:00", "1990-12-31T23:59:59")
    # Bounds that are no pair for each step say nothing.
    broken = dataset.assign(edges=("time", edges[:, 0]))
    assert span_of(broken, ["time"]) == ("1975-01-01T00:00:00", "1975-02-28T23:59:59")


def test_a_file_of_months_is_seen_to_cover_its_months(
    netcdf: Callable[..., Path], tmp_path: Path
) -> None:
    def bounded(made: xr.Dataset) -> xr.Dataset:
        edges = np.array([["2015-11-01", "2015-12-01"], ["2015-12-01", "2016-01-11"]], "M8[ns]")
        made["time"].attrs["bounds"] = "time_bnds"
        made["time"].encoding["units"] = "days since 2015-01-01"
        return made.assign(time_bnds=(("time", "nv"), edges))

    for change, last in ((lambda made: made, "2015-12-31"), (bounded, "2016-01-10")):
        scratch = tmp_path / last
        scratch.mkdir()
        netcdf("x.nc", change=change).rename(scratch / "source")
        seen = look(scratch, {}, Limits())
        assert seen["period"] == ["2015-11-01T00:00:00", f"{last}T23:59:59"]
