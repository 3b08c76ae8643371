"""Days of ice cover of two lakes, winter by winter since 1851, and their trend."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from earthcommons.errors import InvalidInputError
from earthcommons.indicators.workbench import Cells, Figure
from earthcommons.kernels.trend import mann_kendall, theil_sen
from earthcommons.model.indicator import Indicator, Need, Parameter, Text
from earthcommons.model.observation import Interval
from earthcommons.model.period import Period

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from earthcommons.indicators.workbench import Workbench
    from earthcommons.model.observation import Observation

__all__ = ["LAKE_ICE_DURATION", "IceTrend", "Winters", "ice_trend", "winters_of"]

Floats = np.ndarray[Any, np.dtype[np.float64]]

_LAKES = {"ec:lake-mendota": "Lake Mendota", "ec:lake-monona": "Lake Monona"}
_NO_INTERVAL = "days were counted by observers; no error is published with them"


@dataclass(frozen=True, slots=True, eq=False)
class Winters:
    """Ice duration of one lake, one entry for every winter from the first to the last.

    Attributes:
        years: year in which the winter began, dims (winter).
        days: days of ice cover, dims (winter), [day]; NaN where unknown, 0 in an open winter.
        why: why a value is unknown, empty where it is known, dims (winter).
    """

    years: np.ndarray[Any, np.dtype[np.int64]]
    days: Floats
    why: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IceTrend:
    """Theil-Sen slope of ice duration and the Mann-Kendall test of it.

    Attributes:
        slope: [day/decade].
        low, high: two-sided 95 % interval of the slope [day/decade].
        p_two_sided: chance, without trend, of an S at least as far from zero.
        n: winters with a value.
    """

    slope: float
    low: float
    high: float
    p_two_sided: float
    n: int


def winters_of(table: pd.DataFrame, lake: str, first: int, last: int) -> Winters:
    """Return the published durations of a lake; what is blank or has no row is unknown.

    A published duration of 0 is an open winter and counts as 0. A blank duration stays unknown,
    also where both dates are there: the days exclude spells of thaw, which the dates do not tell.

    Args:
        table: columns `lakeid`, `year`, `ice_on`, `ice_off`, `ice_duration` [day].
        lake: the lake's name in `lakeid`.
        first: year in which the first winter began.
        last: the same of the last winter.

    Raises:
        InvalidInputError: a winter twice, or a duration below 0 or above 366 days.
    """
    rows = table[table["lakeid"] == lake]
    years = np.arange(first, last + 1)
    days = np.full(len(years), np.nan)
    why = ["no row in the source"] * len(years)
    seen: set[int] = set()
    columns = (rows[name] for name in ("year", "ice_on", "ice_off", "ice_duration"))
    for year, on, off, duration in zip(*columns, strict=True):
        n = int(year) - first
        if year in seen:
            raise InvalidInputError(f"{lake} has the winter {year} twice")
        seen.add(year)
        if not 0 <= n < len(years):
            continue
        if duration < 0 or duration > 366:
            raise InvalidInputError(f"{lake} {year}: {duration} days of ice")
        blanks = [name for name, cell in (("ice-on", on), ("ice-off", off)) if not _given(cell)]
        days[n] = duration
        why[n] = "" if duration == duration else f"blank: {' and '.join(blanks) or 'duration'}"
    return Winters(years, days, tuple(why))


def ice_trend(winters: Winters) -> IceTrend:
    """Return the trend over all winters with a value; gaps keep their place in time.

    Raises:
        InvalidInputError: fewer than four winters have a value.

    Source:
        `kernels.trend`: Sen (1968), Mann (1945), Kendall (1975).
    """
    fit = theil_sen(winters.days, winters.years)
    test = mann_kendall(winters.days)
    return IceTrend(10 * fit.slope, 10 * fit.low, 10 * fit.high, test.p_two_sided, test.n)


def _given(cell: Any) -> bool:
    return isinstance(cell, date) or (isinstance(cell, str) and bool(cell))


def _winters(bench: Workbench, parameters: Mapping[str, Any], region: str) -> Winters:
    first, last = int(parameters["first_winter"]), int(parameters["last_winter"])
    return winters_of(bench.table("ice"), _LAKES[region], first, last)


def _winter_period(year: int) -> Period:
    return Period(date(year, 7, 1), date(year + 1, 7, 1))


def _spans(parameters: Mapping[str, Any]) -> tuple[Period, Period]:
    first, last = int(parameters["first_winter"]), int(parameters["last_winter"])
    early, late = int(parameters["early_last"]), int(parameters["late_first"])
    return (
        Period(date(first, 1, 1), date(early + 1, 1, 1)),
        Period(date(late, 1, 1), date(last + 1, 1, 1)),
    )


def _compute(bench: Workbench, parameters: Mapping[str, Any]) -> list[Figure]:
    found: list[Figure] = []
    for region in _LAKES:
        winters = _winters(bench, parameters, region)
        for year, days, why in zip(
            winters.years.tolist(), winters.days.tolist(), winters.why, strict=True
        ):
            found.append(_level(region, year, days, why))
        found += [_mean(region, winters, span) for span in _spans(parameters)]
        found.append(_trend(region, winters))
    return found


def _level(region: str, year: int, days: float, why: str) -> Figure:
    return Figure(
        region=region,
        period=_winter_period(year),
        unit="day",
        status="missing" if why else "estimated",
        value=None if why else days,
        dimensions={"measure": "level"},
        interval_reason=_NO_INTERVAL,
        cells=0.0 if why else 1.0,
        reason=why,
    )


def _mean(region: str, winters: Winters, span: Period) -> Figure:
    values = winters.days[_inside(winters, span)]
    known = values[~np.isnan(values)]
    return Figure(
        region=region,
        period=span,
        unit="day",
        status="estimated" if len(known) else "missing",
        value=float(known.mean()) if len(known) else None,
        dimensions={"measure": "mean"},
        interval_reason="mean of the winters that were; no sample of others",
        cells=float(len(known)),
        reason=f"{len(known)} of {len(values)} winters have a value",
    )


def _inside(winters: Winters, span: Period) -> Any:
    return (winters.years >= span.start.year) & (winters.years < span.end.year)


def _trend(region: str, winters: Winters) -> Figure:
    trend = ice_trend(winters)
    first, last = int(winters.years[0]), int(winters.years[-1])
    return Figure(
        region=region,
        period=Period(date(first, 1, 1), date(last + 1, 1, 1)),
        unit="day/decade",
        status="estimated",
        value=trend.slope,
        dimensions={"measure": "trend"},
        interval=Interval(trend.low, trend.high, 0.95, "Theil-Sen, two-sided (Gilbert 1987)"),
        cells=float(trend.n),
        reason=(
            f"Mann-Kendall, two-sided p = {trend.p_two_sided:.2g}, {trend.n} of"
            f" {len(winters.years)} winters; winters are taken as independent"
        ),
    )


def _cells(bench: Workbench, parameters: Mapping[str, Any], observation: Observation) -> Cells:
    winters = _winters(bench, parameters, observation.region)
    measure = observation.dimensions["measure"]
    span = observation.period
    if measure == "level":
        span = Period(date(span.start.year, 1, 1), date(span.start.year + 1, 1, 1))
    keep = _inside(winters, span) & ~np.isnan(winters.days)
    rows = [
        {"time": int(year), "value": float(days)}
        for year, days in zip(winters.years[keep], winters.days[keep], strict=True)
    ]
    if measure == "trend":
        return Cells(
            {"winters": rows},
            ["mul", ["slope", "winters"], 10],
            {
                "en": "Median of the slopes of all pairs of winters, times ten years",
                "zh": "全部冬季两两斜率的中位数，乘以十年",
            },
        )
    return Cells(
        {"winters": rows},
        ["mean", "winters"],
        {"en": "Mean of the winters' days", "zh": "各冬季天数的平均"},
    )


def _independent(
    bench: Workbench, parameters: Mapping[str, Any], observation: Observation
) -> float:
    """Second route: the csv module on the file as received, slopes of all pairs in NumPy."""
    import csv

    first, last = observation.period.start.year, observation.period.end.year
    with bench.source_path("ice").open(encoding="utf-8", newline="") as file:
        points = [
            (float(row["year"]), float(row["ice_duration"]))
            for row in csv.DictReader(file)
            if row["lakeid"] == _LAKES[observation.region]
            and row["ice_duration"]
            and first <= float(row["year"]) < last
        ]
    year, days = np.array(points).T
    if observation.dimensions["measure"] != "trend":
        return float(days.mean())
    run, rise = np.subtract.outer(year, year), np.subtract.outer(days, days)
    return 10 * float(np.median(rise[run > 0] / run[run > 0]))


LAKE_ICE_DURATION = Indicator(
    key="lake-ice-duration",
    version="1",
    title=Text("Days of lake ice", "湖泊封冻天数"),
    abstract=Text(
        "Days of ice cover of Lakes Mendota and Monona in each winter since 1851, the means of"
        " the first and the latest decades, and the trend over all winters with its interval.",
        "门多塔湖和莫诺纳湖1851年以来每个冬季的封冻天数、最初与最近数十年的平均值，"
        "以及全部冬季的趋势及其区间。",
    ),
    not_said=Text(
        "Two lakes in one town are no sample of the world's lakes. The test takes winters as"
        " independent; it does not say what made the ice shorter.",
        "同一城市的两个湖泊不能代表全球湖泊。检验假定各冬季相互独立，且不说明封冻缩短的原因。",
    ),
    unit="day",
    nature="observation",
    goals=(13, 6),
    region_set="ec:places",
    needs=(Need("ice", ("ntl-lake-ice/ntl-ice-cover",), "", "day", "table"),),
    parameters=(
        Parameter(
            "first_winter", 1851, "year",
            Text("year in which the first winter began", "首个冬季开始的年份"), 1800, 2100,
        ),
        Parameter(
            "last_winter", 2019, "year",
            Text("year in which the last winter began", "末个冬季开始的年份"), 1800, 2100,
        ),
        Parameter(
            "early_last", 1859, "year",
            Text("last winter of the early mean", "早期平均的末个冬季"), 1800, 2100,
        ),
        Parameter(
            "late_first", 1980, "year",
            Text("first winter of the late mean", "近期平均的首个冬季"), 1800, 2100,
        ),
    ),
    source="North Temperate Lakes LTER (Magnuson, Carpenter and Stanley 2021)",
    compute=_compute,
    independent=_independent,
    independent_route="csv module on the file as received, slopes of all pairs in NumPy",
    cells=_cells,
    measures={
        "level": Text("Days of ice in a winter", "单个冬季封冻天数"),
        "mean": Text("Mean over winters", "多个冬季的平均"),
        "trend": Text("Change per decade", "每十年变化"),
    },
)  # fmt: skip
