"""Nitrate in a stream of Puerto Rico, as sampled and as medians of months and years."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from earthcommons.errors import InvalidInputError
from earthcommons.indicators.workbench import Cells, Figure
from earthcommons.model.indicator import Indicator, Need, Parameter, Text
from earthcommons.model.period import Period

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from numpy.typing import ArrayLike

    from earthcommons.indicators.workbench import Workbench
    from earthcommons.model.observation import Observation

__all__ = ["STREAM_NITRATE", "medians"]

_REGION, _SITE = "ec:quebrada-sonadora", "QS"
_UNIT = "ug/L"
_BLANK = "blank in the source: not observed or below detection, never zero"
_NO_INTERVAL = "one sample a week; the error of the laboratory is not in the file"


def medians(keys: Sequence[str], values: ArrayLike) -> dict[str, tuple[float, int, int]]:
    """Return median, number of values and number of samples under each key.

    Args:
        keys: the month or year of each sample, dims (sample).
        values: dims (sample), [ug/L as N]; NaN where blank, which counts as a sample only.

    Returns:
        In order of keys; the median is NaN without a value.

    Raises:
        InvalidInputError: keys and values do not match, or a value is below zero.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (len(keys),):
        raise InvalidInputError(f"{array.size} values do not match {len(keys)} samples")
    if np.any(array < 0):
        raise InvalidInputError(f"concentration {np.nanmin(array)} is below zero")
    names = np.array(keys)
    found: dict[str, tuple[float, int, int]] = {}
    for key in sorted(set(keys)):
        part = array[names == key]
        known = part[~np.isnan(part)]
        middle = float(np.median(known)) if len(known) else float("nan")
        found[key] = (middle, len(known), len(part))
    return found


def _samples(bench: Workbench) -> list[tuple[date, float]]:
    table = bench.table("nitrate")
    table = table[table["sample_id"] == _SITE]
    return list(zip(table["sample_date"], table["no3_n"], strict=True))


def _compute(bench: Workbench, parameters: Mapping[str, Any]) -> list[Figure]:
    samples = _samples(bench)
    values = [value for _, value in samples]
    found: list[Figure] = []
    seen: dict[date, int] = {}
    for day, value in samples:
        seen[day] = seen.get(day, 0) + 1
        # A second sample of a day is a sample of its own, told apart by its number.
        more = {"sample": str(seen[day])} if seen[day] > 1 else {}
        found.append(_figure(str(day), value, {"measure": "level", **more}, 1, 1, 1))
    for measure, width, least in (
        ("monthly-median", 7, int(parameters["min_month"])),
        ("median", 4, int(parameters["min_year"])),
    ):
        groups = medians([str(day)[:width] for day, _ in samples], values)
        for key, (middle, count, samples_in) in groups.items():
            figure = _figure(key, middle, {"measure": measure}, count, samples_in, least)
            found.append(figure)
    return found


def _figure(
    period: str,
    value: float,
    dimensions: Mapping[str, str],
    count: int,
    samples: int,
    least: int,
) -> Figure:
    single = dimensions["measure"] == "level"
    if single:
        known = value == value
        reason = "" if known else _BLANK
        count = int(known)
    else:
        known = count >= least
        reason = f"{count} of {samples} samples have a value, the rest is blank"
        if not known:
            reason = f"values: {count} of {samples} samples, fewer than {least}"
    return Figure(
        region=_REGION,
        period=Period.parse(period),
        unit=_UNIT,
        status="estimated" if known else "missing",
        value=value if known else None,
        dimensions=dimensions,
        interval_reason=_NO_INTERVAL,
        cells=float(count),
        reason=reason,
    )


def _cells(bench: Workbench, parameters: Mapping[str, Any], observation: Observation) -> Cells:
    del parameters
    span = observation.period
    rows = [
        {"date": str(day), "value": float(value)}
        for day, value in _samples(bench)
        if span.start <= day < span.end and value == value
    ]
    if observation.dimensions["measure"] == "level":
        rows = [row for row in rows if row["value"] == observation.value][:1]
    return Cells(
        {"samples": rows},
        ["median", "samples"],
        {"en": "Median of the samples with a value", "zh": "有数值样品的中位数"},
    )


def _independent(
    bench: Workbench, parameters: Mapping[str, Any], observation: Observation
) -> float:
    """Second route: the csv and statistics modules on the file as received."""
    import csv
    import statistics

    del parameters
    first, end = str(observation.period.start), str(observation.period.end)
    with bench.source_path("nitrate").open(encoding="utf-8", newline="") as file:
        rows = [
            row["no3_n"] for row in csv.DictReader(file) if first <= row["sample_date"] < end
        ]
    if observation.dimensions["measure"] == "level":
        return float(rows[int(observation.dimensions.get("sample", 1)) - 1])
    return statistics.median(float(cell) for cell in rows if cell)


STREAM_NITRATE = Indicator(
    key="stream-nitrate",
    version="1",
    title=Text("Nitrate in stream water", "溪水硝酸盐浓度"),
    abstract=Text(
        "Nitrate, in micrograms of nitrogen per litre, of the Quebrada Sonadora in the Luquillo"
        " Mountains: every sample as published, and medians of months and years, 1987-1992."
        " Hurricane Hugo crossed the island in September 1989.",
        "卢基约山索纳多拉溪硝酸盐浓度（以氮计，微克/升）：1987—1992年各样品的发布值，"
        "以及月、年中位数。1989年9月“雨果”飓风过境。",
    ),
    not_said=Text(
        "One stream in one forest, not the water quality of a country; related to 6.3.2, not"
        " comparable with it. Blanks may be values below detection, so a median of few values"
        " can be too high.",
        "仅为一处森林的一条溪流，不代表一国水质；与6.3.2相关，但不可比。"
        "空白可能低于检出限，因此数值较少时中位数可能偏高。",
    ),
    unit=_UNIT,
    nature="observation",
    related="6.3.2",
    goals=(6, 15),
    desirable="down",
    region_set="ec:places",
    needs=(
        Need("nitrate", ("luq-stream-chemistry/luq-stream-chemistry",), "no3_n", _UNIT, "table"),
    ),
    parameters=(
        Parameter(
            "min_month", 1, "count",
            Text("least values of a monthly median", "月中位数所需最少数值"), 1, 31,
        ),
        Parameter(
            "min_year", 26, "count",
            Text("least values of a yearly median", "年中位数所需最少数值"), 1, 366,
        ),
    ),
    source="Luquillo LTER (McDowell 2021)",
    compute=_compute,
    independent=_independent,
    independent_route="csv and statistics modules of Python on the file as received",
    cells=_cells,
    digits=0,
    measures={
        "level": Text("Sample", "单个样品"),
        "monthly-median": Text("Median of a month", "月中位数"),
        "median": Text("Median of a year", "年中位数"),
    },
)  # fmt: skip
