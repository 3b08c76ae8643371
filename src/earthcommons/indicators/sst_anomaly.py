"""Monthly sea-surface temperature of the Niño 3.4 region and the ocean, and its anomaly."""

from __future__ import annotations

from calendar import month_name
from typing import TYPE_CHECKING, Any

import numpy as np

from earthcommons.errors import InvalidInputError
from earthcommons.indicators.cell_rows import cell_rows, less_same_month
from earthcommons.indicators.coverage_rule import area_figure
from earthcommons.indicators.workbench import Cells
from earthcommons.model.indicator import Indicator, Need, Parameter, Text
from earthcommons.model.period import Period
from earthcommons.zones.statistics import zonal_mean

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from earthcommons.indicators.workbench import Figure, Workbench
    from earthcommons.model.observation import Observation
    from earthcommons.zones.statistics import ZonalSums

__all__ = ["SST_ANOMALY", "monthly_anomaly"]

Floats = np.ndarray[Any, np.dtype[np.float64]]

_REGIONS = ("ec:nino34", "ec:ocean")
_NO_INTERVAL = "the error fields of the analysis are not among the inputs"
_E2 = 0.00669437999014  # first eccentricity of WGS 84, squared


def monthly_anomaly(
    level: Floats, months: NDArray[np.datetime64], first: int, last: int
) -> tuple[Floats, Floats]:
    """Return each month's departure from the mean of its calendar month in the baseline.

    Args:
        level: dims (time, region), [degC]; NaN where missing.
        months: dims (time), any day in the month.
        first: first year of the baseline.
        last: last year of the baseline, in it.

    Returns:
        Anomaly and the baseline it is against, both dims (time, region), [degC]; NaN where the
        value is missing, or all its calendar month's values in the baseline are.

    Raises:
        InvalidInputError: a calendar month of the series has no step in the baseline.
    """
    clock = np.asarray(months, dtype="datetime64[M]").astype(np.int64)
    year, month = 1970 + clock // 12, clock % 12
    inside = (year >= first) & (year <= last)
    baseline = np.full(level.shape, np.nan)
    for k in np.unique(month):
        rows = level[inside & (month == k)]
        if not len(rows):
            raise InvalidInputError(f"baseline {first}-{last} holds no {month_name[k + 1]}")
        known = ~np.isnan(rows)
        count = known.sum(axis=0)
        total = np.where(known, rows, 0.0).sum(axis=0)
        baseline[month == k] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return level - baseline, baseline


def _compute(bench: Workbench, parameters: Mapping[str, Any]) -> list[Figure]:
    sst = bench.array("sst")
    sums = zonal_mean(sst, bench.coverage(sst))
    first, last = int(parameters["baseline_first"]), int(parameters["baseline_last"])
    anomaly, baseline = monthly_anomaly(sums.mean, sums.steps, first, last)
    found: list[Figure] = []
    for step, month in enumerate(sums.steps.astype("datetime64[M]")):
        for n, zone in enumerate(sums.zone_ids):
            if zone not in _REGIONS:
                continue
            against = _baseline_words(month, first, last, float(baseline[step, n]))
            level = float(sums.mean[step, n])
            found.append(_figure(sums, step, n, level, "level", ""))
            found.append(_figure(sums, step, n, float(anomaly[step, n]), "anomaly", against))
    return found


def _figure(
    sums: ZonalSums, step: int, n: int, value: float, measure: str, baseline: str
) -> Figure:
    return area_figure(
        sums.zone_ids[n],
        Period.parse(str(sums.steps[step].astype("datetime64[M]"))),
        value,
        "degC",
        "estimated",
        valid_share=float(sums.valid_share[step, n]),
        cells=float(sums.valid_cells[step, n]),
        dimensions={"measure": measure},
        interval_reason=_NO_INTERVAL,
        baseline=baseline,
    )


def _baseline_words(month: Any, first: int, last: int, mean: float) -> str:
    name = month_name[int(month.astype(int)) % 12 + 1]
    return (
        f"{name} of {first}-{last}: mean {mean:.2f} degC; {last - first + 1} years are short, and"
        " events of these years are in it"
    )


def _steps(parameters: Mapping[str, Any], month: str, months: list[str]) -> list[int]:
    """Return the baseline steps of a month `YYYY-MM`."""
    years = range(int(parameters["baseline_first"]), int(parameters["baseline_last"]) + 1)
    return [
        n
        for n, label in enumerate(months)
        if label[5:] == month[5:] and int(label[:4]) in years
    ]


def _cells(bench: Workbench, parameters: Mapping[str, Any], observation: Observation) -> Cells:
    sst = bench.array("sst")
    months = [str(step)[:7] for step in sst[sst.dims[0]].values]
    month = str(observation.period)
    cells = cell_rows(bench, sst[months.index(month)], observation.region)
    words = {
        "en": "Mean of sea-surface temperature, each cell weighing its area inside the region",
        "zh": "海表温度的加权平均，权重为各格点在区域内的面积",
    }
    level = Cells({"cells": cells}, ["wmean", "cells"], words)
    if observation.dimensions["measure"] == "level":
        return level
    baseline: list[dict[str, Any]] = []
    for step in _steps(parameters, month, months):
        rows = cell_rows(bench, sst[step], observation.region)
        total = sum(row["weight"] for row in rows)
        baseline += [
            {"month": months[step], **row, "weight": row["weight"] / total} for row in rows
        ]
    return less_same_month(level, baseline)


def _independent(
    bench: Workbench, parameters: Mapping[str, Any], observation: Observation
) -> float:
    """Second route: h5py on the file as received, overlaps of boxes worked out in NumPy."""
    shape = bench.regions.find(observation.region).geometry
    if shape is None or not shape.equals(shape.envelope):
        raise InvalidInputError(f"the second route knows boxes, {observation.region} is none")
    months, sst, lat, lon = _read(bench.source_path("sst"))
    west, south, east, north = shape.bounds
    weight = _overlap(lat, south, north) * _row_area(lat)
    turns = sum(_overlap(lon, west + turn, east + turn) for turn in (-360, 0, 360, 720))
    weights = weight[:, None] * turns

    def mean(step: int) -> float:
        valid = np.isfinite(sst[step])
        return float(np.average(sst[step][valid], weights=weights[valid]))

    month = str(observation.period)
    value = mean(months.index(month))
    if observation.dimensions["measure"] == "level":
        return value
    return value - float(np.mean([mean(n) for n in _steps(parameters, month, months)]))


def _read(path: Path) -> tuple[list[str], Floats, Floats, Floats]:
    import h5py

    with h5py.File(path) as file:
        packed = file["sst"]
        raw = packed[...]
        # CF 8.1: unpacked values have the type of the packing attributes.
        sst = raw * packed.attrs["scale_factor"] + packed.attrs["add_offset"]
        sst = np.where(raw == packed.attrs["_FillValue"], np.nan, sst.astype("f8"))
        units = file["time"].attrs["units"]
        epoch = (units.decode() if isinstance(units, bytes) else str(units)).split()[2]
        days = np.datetime64(epoch[:10]) + file["time"][...].astype("timedelta64[D]")
        lat, lon = file["lat"][...].astype("f8"), file["lon"][...].astype("f8")
    return [str(day)[:7] for day in days], sst, lat, lon


def _overlap(centres: Floats, low: float, high: float) -> Floats:
    """Share of each cell of an even axis that lies between two edges, dims (cell), [1]."""
    half = abs(centres[1] - centres[0]) / 2
    inside = np.minimum(centres + half, high) - np.maximum(centres - half, low)
    share: Floats = np.clip(inside / (2 * half), 0.0, 1.0)
    return share


def _row_area(lat: Floats) -> Floats:
    # Area of a band of the ellipsoid up to a constant: integral of cos(φ) / (1 - e² sin²φ)²,
    # by Gauss-Legendre over the band.
    half = np.radians(abs(lat[1] - lat[0]) / 2)
    nodes, weights = np.polynomial.legendre.leggauss(8)
    angle = np.radians(lat)[:, None] + half * nodes
    density = np.cos(angle) / (1 - _E2 * np.sin(angle) ** 2) ** 2
    area: Floats = (density * weights).sum(axis=1)
    return area


SST_ANOMALY = Indicator(
    key="sst-anomaly",
    version="1",
    title=Text("Sea-surface temperature and its anomaly", "海表温度及其距平"),
    abstract=Text(
        "Monthly mean sea-surface temperature of the Niño 3.4 region and of the ocean between"
        " 60° S and 60° N, and its departure from the mean of the same calendar month over the"
        " baseline years.",
        "尼诺3.4区和南北纬60°之间海洋的月平均海表温度，以及相对基准期同月平均值的距平。",
    ),
    not_said=Text(
        "Not the Oceanic Niño Index: that index takes 30-year baselines that move every five"
        " years. Ten years are a short baseline, and it contains the events it is compared with.",
        "不是海洋尼诺指数（ONI）：该指数采用每五年更新的30年基准期。十年基准期较短，"
        "且包含了被比较的事件。",
    ),
    unit="degC",
    nature="reconstruction",
    goals=(13, 14),
    region_set="ec:places",
    needs=(Need("sst", ("ersst-v5/ersst-v5",), "sst", "degC", "cube"),),
    parameters=(
        Parameter(
            "baseline_first", 2010, "year", Text("first year of the baseline", "基准期首年"),
            1850, 2100,
        ),
        Parameter(
            "baseline_last", 2019, "year", Text("last year of the baseline", "基准期末年"),
            1850, 2100,
        ),
    ),
    source="NOAA ERSST version 5 (Huang et al. 2017)",
    compute=_compute,
    independent=_independent,
    independent_route="h5py on the file as received, box overlaps and band areas in NumPy",
    cells=_cells,
    digits=2,
    measures={
        "level": Text("Monthly mean", "月平均"),
        "anomaly": Text("Departure from the baseline", "距平"),
    },
)  # fmt: skip
