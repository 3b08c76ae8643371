"""Monthly sea-ice extent of the Arctic and the Antarctic, and its anomaly."""

from __future__ import annotations

import csv
from calendar import month_name
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from earthcommons.errors import InvalidInputError
from earthcommons.indicators.cell_rows import less_same_month
from earthcommons.indicators.workbench import Cells, Figure
from earthcommons.model.indicator import Indicator, Need, Parameter, Text
from earthcommons.model.period import Period

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from earthcommons.indicators.workbench import Workbench
    from earthcommons.model.observation import Observation

__all__ = ["SEA_ICE_EXTENT", "Months", "calendar_baseline", "monthly_means"]

Floats = np.ndarray[Any, np.dtype[np.float64]]

_ITEMS = {"ec:arctic": 0, "ec:antarctic": 1}
_UNIT = "10^6 km2"
_NO_INTERVAL = "the error of a daily extent is not in the file"


@dataclass(frozen=True, slots=True, eq=False)
class Months:
    """Monthly means with the days they rest on, all dims (time), without a gap.

    Attributes:
        months: `datetime64[M]`.
        mean: mean of the days with a value, NaN without any.
        days: days with a value.
        expected: days on which the sampling of that year gives a value.
    """

    months: NDArray[np.datetime64]
    mean: Floats
    days: NDArray[np.int64]
    expected: Floats


def monthly_means(days: NDArray[np.datetime64], extent: ArrayLike, daily_since: int) -> Months:
    """Return the mean of daily values of each month, from the first month to the last.

    Args:
        days: dims (row), no day twice.
        extent: dims (row); NaN where missing.
        daily_since: first year expected to have a value every day; before, every second day.

    Raises:
        InvalidInputError: no day at all, a day twice, or an extent below zero.
    """
    values = np.asarray(extent, dtype=np.float64)
    date = np.asarray(days, dtype="datetime64[D]")
    known = ~np.isnan(values)
    if not known.any() or len(np.unique(date)) != len(date):
        raise InvalidInputError("daily values need one row a day, and one at least")
    if np.any(values[known] < 0):
        raise InvalidInputError(f"extent {values[known].min()} is below zero")
    place = date.astype("datetime64[M]").astype(np.int64)
    first, last = int(place.min()), int(place.max())
    size = last - first + 1
    count = np.bincount(place[known] - first, minlength=size)
    total = np.bincount(place[known] - first, weights=values[known], minlength=size)
    months = np.arange(first, last + 1).astype("datetime64[M]")
    length = (months + 1).astype("datetime64[D]") - months.astype("datetime64[D]")
    year = 1970 + np.arange(first, last + 1) // 12
    expected = length.astype(np.float64) / np.where(year < daily_since, 2, 1)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return Months(months, mean, count, expected)


def calendar_baseline(
    series: Months, first: int, last: int, min_share: float
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Return mean, standard deviation (n - 1) and number of each calendar month's values.

    Only months with enough days count.

    Args:
        series: monthly means.
        first: first year of the baseline.
        last: last year, in it.
        min_share: least share of the expected days, [1].

    Returns:
        All dims (12), January first; NaN where fewer than one or two values are there.
    """
    clock = series.months.astype(np.int64)
    year, month = 1970 + clock // 12, clock % 12
    use = (year >= first) & (year <= last) & (series.days / series.expected >= min_share)
    mean, spread = np.full((2, 12), np.nan)
    count = np.bincount(month[use], minlength=12)
    for k in np.flatnonzero(count):
        values = series.mean[use & (month == k)]
        mean[k] = values.mean()
        if len(values) > 1:
            spread[k] = values.std(ddof=1)
    return mean, spread, count


def _series(bench: Workbench, region: str, parameters: Mapping[str, Any]) -> Months:
    table = bench.table("extent", _ITEMS[region])
    return monthly_means(_dates(table), table["extent"], int(parameters["daily_since"]))


def _dates(table: pd.DataFrame) -> NDArray[np.datetime64]:
    month = (table["year"].to_numpy() - 1970) * 12 + table["month"].to_numpy() - 1
    start = month.astype("datetime64[M]").astype("datetime64[D]")
    days: NDArray[np.datetime64] = start + (table["day"].to_numpy() - 1)
    return days


def _compute(bench: Workbench, parameters: Mapping[str, Any]) -> list[Figure]:
    share = float(parameters["min_days_share"])
    first, last = int(parameters["baseline_first"]), int(parameters["baseline_last"])
    found: list[Figure] = []
    for region in _ITEMS:
        series = _series(bench, region, parameters)
        mean, spread, count = calendar_baseline(series, first, last, share)
        for n, month in enumerate(series.months.tolist()):
            k = month.month - 1
            words = (
                f"{month_name[k + 1]} of {first}-{last}, {count[k]} values: mean {mean[k]:.3f},"
                f" standard deviation {spread[k]:.3f} {_UNIT}"
            )
            value = float(series.mean[n])
            pairs = [("level", value, ""), ("anomaly", value - float(mean[k]), words)]
            found += [_figure(region, series, n, share, *pair) for pair in pairs]
    return found


def _figure(
    region: str,
    series: Months,
    n: int,
    share: float,
    measure: str,
    value: float,
    baseline: str,
) -> Figure:
    days, expected = int(series.days[n]), float(series.expected[n])
    why = ""
    if days / expected < share:
        why = f"days: {days} of {expected:g} expected, fewer than {share:.0%}"
    elif value != value:
        why = "baseline: no value of this calendar month in it"
    return Figure(
        region=region,
        period=Period.parse(str(series.months[n])),
        unit=_UNIT,
        status="withheld" if why else "estimated",
        value=None if why else value,
        dimensions={"measure": measure},
        interval_reason=_NO_INTERVAL,
        cells=float(days),
        baseline=baseline,
        reason=why,
    )


def _cells(bench: Workbench, parameters: Mapping[str, Any], observation: Observation) -> Cells:
    table = bench.table("extent", _ITEMS[observation.region])
    dates, extent = _dates(table), table["extent"].to_numpy()
    month = np.datetime64(str(observation.period), "M")

    def rows(of: np.datetime64) -> list[dict[str, Any]]:
        take = (dates.astype("datetime64[M]") == of) & ~np.isnan(extent)
        return [
            {"date": str(day), "value": float(value)}
            for day, value in zip(dates[take], extent[take], strict=True)
        ]

    words = Text("Mean of the month's daily values", "该月逐日数值的平均")
    level = Cells({"days": rows(month)}, ["mean", "days"], words.as_json())
    if observation.dimensions["measure"] == "level":
        return level
    series = _series(bench, observation.region, parameters)
    kept = series.days / series.expected >= float(parameters["min_days_share"])
    baseline: list[dict[str, Any]] = []
    for other in series.months[kept]:
        year = 1970 + int(other.astype(int)) // 12
        inside = int(parameters["baseline_first"]) <= year <= int(parameters["baseline_last"])
        if inside and (other - month).astype(int) % 12 == 0:
            days = rows(other)
            baseline += [{**row, "weight": 1 / len(days)} for row in days]
    return less_same_month(level, baseline)


def _independent(
    bench: Workbench, parameters: Mapping[str, Any], observation: Observation
) -> float:
    """Second route: the csv and statistics modules on the file as received."""
    import calendar
    import statistics

    days: dict[tuple[int, int], list[float]] = {}
    path = bench.source_path("extent", _ITEMS[observation.region])
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["extent"]:
                key = int(row["year"]), int(row["month"])
                days.setdefault(key, []).append(float(row["extent"]))

    def enough(year: int, month: int) -> bool:
        every = 2 if year < parameters["daily_since"] else 1
        length = calendar.monthrange(year, month)[1]
        share = len(days.get((year, month), ())) * every / length
        return bool(share >= parameters["min_days_share"])

    year, month = observation.period.start.year, observation.period.start.month
    value = statistics.fmean(days[year, month])
    if observation.dimensions["measure"] == "level":
        return value
    years = range(parameters["baseline_first"], parameters["baseline_last"] + 1)
    return value - statistics.fmean(
        statistics.fmean(days[y, month]) for y in years if enough(y, month)
    )


SEA_ICE_EXTENT = Indicator(
    key="sea-ice-extent",
    version="1",
    title=Text("Sea-ice extent", "海冰范围"),
    abstract=Text(
        "Monthly mean of daily sea-ice extent, and its departure from the mean of the same"
        " calendar month in 1981-2010. A month with fewer than two thirds of the days its"
        " year's sampling gives is withheld.",
        "逐日海冰范围的月平均，以及相对1981—2010年同月平均值的距平。"
        "有效天数不足该年采样应有天数三分之二的月份不予给出。",
    ),
    not_said=Text(
        "Extent is not area: it counts whole cells with at least 15 percent of ice. It says"
        " nothing about thickness. Monthly values published by the provider can differ, because"
        " they average maps and not daily totals.",
        "范围不是面积：凡海冰密集度不低于15%的格点均整格计入，且不反映厚度。"
        "提供方发布的月值可能不同，因为其按图像而非逐日总量平均。",
    ),
    unit=_UNIT,
    nature="observation",
    goals=(13, 14),
    region_set="ec:places",
    needs=(
        Need(
            "extent",
            (
                "nsidc-sea-ice-index/sea-ice-north-daily",
                "nsidc-sea-ice-index/sea-ice-south-daily",
            ),
            "",
            _UNIT,
            "table",
        ),
    ),
    parameters=(
        Parameter(
            "baseline_first", 1981, "year", Text("first year of the baseline", "基准期首年"),
            1978, 2100,
        ),
        Parameter(
            "baseline_last", 2010, "year", Text("last year of the baseline", "基准期末年"),
            1978, 2100,
        ),
        Parameter(
            "daily_since", 1988, "year",
            Text(
                "first year expected to have a value every day; before, every second day",
                "首个应有逐日数值的年份；此前为隔日",
            ),
            1978, 2100,
        ),
        Parameter(
            "min_days_share", 2 / 3, "1",
            Text("least share of the expected days", "有效天数占应有天数的最低比例"), 0, 1,
        ),
    ),
    source="NSIDC Sea Ice Index, version 3 (Fetterer et al., G02135)",
    compute=_compute,
    independent=_independent,
    independent_route="csv and statistics modules of Python on the file as received",
    cells=_cells,
    digits=2,
    measures={
        "level": Text("Monthly mean", "月平均"),
        "anomaly": Text("Departure from the baseline", "距平"),
    },
)  # fmt: skip
