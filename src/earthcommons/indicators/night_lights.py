"""Night lights of Kenya, 2020 to 2023: radiance, lit share, and what the rise is made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from earthcommons.errors import InvalidInputError
from earthcommons.indicators.cell_rows import cell_rows
from earthcommons.indicators.coverage_rule import zone_figures
from earthcommons.indicators.second_route import polygons_of, read_pixels, weighted_sums
from earthcommons.indicators.workbench import Cells
from earthcommons.model.indicator import Indicator, Need, Parameter, Text
from earthcommons.model.period import Period
from earthcommons.zones.statistics import zonal_mean, zonal_sum

if TYPE_CHECKING:
    from collections.abc import Mapping

    from earthcommons.indicators.workbench import Figure, Workbench
    from earthcommons.model.observation import Observation
    from earthcommons.zones.coverage import Coverage
    from earthcommons.zones.statistics import ZonalSums

__all__ = ["NIGHT_LIGHTS", "parts_of_change"]

_KENYA = "m49:404"
_YEARS = (2020, 2021, 2022, 2023)
_SPAN = Period.parse("2020/2024")
_UNIT = "nW/cm2/sr"
_BASELINE = "2020, a year of the pandemic"
_NO_INTERVAL = "annual composites, no error model carried with them"


def parts_of_change(
    first: xr.DataArray, last: xr.DataArray, lit_from: float
) -> dict[str, xr.DataArray]:
    """Return the change of every pixel, each in one of four parts.

    Args:
        first: radiance of the first year, dims (lat, lon), [nW/cm2/sr]; NaN where not observed.
        last: radiance of the last year, on the same grid.
        lit_from: radiance from which a pixel counts as lit [nW/cm2/sr].

    Returns:
        `both-lit`, `newly-lit`, `gone-dark` (by the two years' state) and `rest` (lit in neither
        year, or not observed in one of them, where that year counts as 0). In each, dims
        (lat, lon), a pixel of another part is 0 and one observed in neither year is NaN. The
        parts add up to the change.

    Raises:
        InvalidInputError: the two years are not on one grid.
    """
    if first.shape != last.shape:
        raise InvalidInputError(f"grids of {first.shape} and {last.shape} cells do not match")
    before, after = first.astype("f8"), last.astype("f8")
    seen = before.notnull() | after.notnull()
    paired = before.notnull() & after.notnull()
    was, now = before >= lit_from, after >= lit_from
    change = after.fillna(0.0) - before.fillna(0.0)
    states = {
        "both-lit": paired & was & now,
        "newly-lit": paired & ~was & now,
        "gone-dark": paired & was & ~now,
    }
    states["rest"] = ~(states["both-lit"] | states["newly-lit"] | states["gone-dark"])
    return {name: change.where(state, 0.0).where(seen) for name, state in states.items()}


def _radiance(bench: Workbench, year: int) -> xr.DataArray:
    return bench.array("radiance", _YEARS.index(year)).compute()


def _zones(bench: Workbench, like: xr.DataArray) -> Coverage:
    return bench.coverage(like, only=(_KENYA,))


def _lit(radiance: xr.DataArray, lit_from: float) -> xr.DataArray:
    """100 where lit, 0 where not, NaN where not observed."""
    return (100.0 * (radiance >= lit_from)).where(radiance.notnull())


def _compute(bench: Workbench, parameters: Mapping[str, Any]) -> list[Figure]:
    lit_from = float(parameters["lit_from"])
    layers = xr.concat([_radiance(bench, year) for year in _YEARS], "year")
    zones = _zones(bench, layers)
    mean, total = zonal_mean(layers, zones), zonal_sum(layers, zones, per="cell")
    lit = zonal_mean(_lit(layers, lit_from), zones)
    figures: list[Figure] = []
    for step, year in enumerate(_YEARS):
        for measure, unit, values in (
            ("level", _UNIT, mean.mean),
            ("sum", _UNIT, total.total),
            ("lit-share", "percent", lit.mean),
        ):
            figures += _figures(mean, values[step], step, Period.year(year), unit, measure)
    # A change rests on both years; the one that saw less of the country speaks for it.
    step = int(np.argmin(mean.valid_share[[0, -1], 0])) * (len(_YEARS) - 1)
    first, last = total.total[0], total.total[-1]
    percent = 100 * (last - first) / np.where(first > 0, first, np.nan)
    figures += _figures(mean, last - first, step, _SPAN, _UNIT, "change")
    figures += _figures(mean, percent, step, _SPAN, "percent", "relative-change")
    parts = parts_of_change(layers[0], layers[-1], lit_from)
    sums = zonal_sum(xr.concat(list(parts.values()), "part"), zones, per="cell").total
    for name, values in zip(parts, sums, strict=True):
        figures += _figures(mean, values, step, _SPAN, _UNIT, f"change-{name}")
    return figures


def _figures(
    basis: ZonalSums, values: Any, step: int, period: Period, unit: str, measure: str
) -> list[Figure]:
    return zone_figures(
        basis,
        values,
        period,
        unit,
        "proxy",
        step=step,
        dimensions={"measure": measure},
        interval_reason=_NO_INTERVAL,
        baseline=_BASELINE if period == _SPAN else "",
    )


def _independent(
    bench: Workbench, parameters: Mapping[str, Any], observation: Observation
) -> float:
    """Second route: rasterio for the pixels, exactextract for coverage and sums."""
    lit_from = float(parameters["lit_from"])
    measure = observation.dimensions["measure"]
    shapes = polygons_of(bench, observation.region)
    year = observation.period.start.year
    pixels = read_pixels(bench.source_path("radiance", _YEARS.index(year)))
    if measure in ("level", "lit-share"):
        if measure == "lit-share":
            values = np.where(pixels.values >= lit_from, 100.0, 0.0)
            pixels.values[...] = np.where(np.isnan(pixels.values), np.nan, values)
        total, weight = weighted_sums(pixels, shapes)
        return total / weight
    if measure == "sum":
        return weighted_sums(pixels, shapes, by_area=False)[0]
    before = np.nan_to_num(pixels.values)
    after = read_pixels(bench.source_path("radiance", len(_YEARS) - 1)).values
    paired = ~(np.isnan(pixels.values) | np.isnan(after))
    after = np.nan_to_num(after)
    state = np.where(paired, 1 * (before >= lit_from) + 2 * (after >= lit_from), 0)
    codes = {
        "change-both-lit": 3,
        "change-newly-lit": 2,
        "change-gone-dark": 1,
        "change-rest": 0,
    }
    chosen = state == codes[measure] if measure in codes else np.ones_like(paired)
    pixels.values[...] = np.where(chosen, after - before, 0.0)
    change = weighted_sums(pixels, shapes, by_area=False)[0]
    if measure != "relative-change":
        return change
    pixels.values[...] = before
    return 100 * change / weighted_sums(pixels, shapes, by_area=False)[0]


def _cells(bench: Workbench, parameters: Mapping[str, Any], observation: Observation) -> Cells:
    measure, year = observation.dimensions["measure"], observation.period.start.year
    first = _radiance(bench, year)
    zones = _zones(bench, first)

    def table(values: xr.DataArray, per: Any = "cell") -> list[dict[str, float]]:
        return cell_rows(bench, values, _KENYA, zones=zones, per=per, zeros=False)

    if measure in ("level", "lit-share"):
        values = first if measure == "level" else _lit(first, float(parameters["lit_from"]))
        return Cells(
            {"cells": table(values, "km2"), "observed": _observed_rows(first, zones)},
            ["div", ["wsum", "cells"], ["weight", "observed"]],
            {
                "en": "Sum of value × km2 over pixels that are not zero, divided by the area"
                " observed, of which the table gives one row per raster row",
                "zh": "非零像元的数值与面积乘积之和，除以观测面积（表中每个栅格行一行）",
            },
        )
    if measure == "sum":
        return Cells({"cells": table(first)}, ["wsum", "cells"], _SUM_WORDS)
    last = _radiance(bench, _YEARS[-1])
    if measure.startswith("change-"):
        parts = parts_of_change(first, last, float(parameters["lit_from"]))
        part = parts[measure.removeprefix("change-")]
        return Cells({"cells": table(part)}, ["wsum", "cells"], _SUM_WORDS)
    formula: list[Any] = ["sub", ["wsum", "last"], ["wsum", "first"]]
    if measure == "relative-change":
        formula = ["div", ["mul", 100, formula], ["wsum", "first"]]
    return Cells({"first": table(first), "last": table(last)}, formula, _SUM_WORDS)


_SUM_WORDS = {
    "en": "Sum of the pixels' values, or of their changes, each times the share of the pixel"
    " inside the region; pixels of zero are left out",
    "zh": "各像元数值（或变化量）乘以像元在区域内的比例之和；略去零值像元",
}


def _observed_rows(radiance: xr.DataArray, zones: Coverage) -> list[dict[str, float]]:
    """One row per raster row: latitude and the observed area inside the region [km2]."""
    seen = np.isfinite(radiance.values).ravel()[zones.indices]
    line = zones.indices // zones.shape[1]
    areas = np.bincount(line, zones.areas_km2 * seen, minlength=zones.shape[0])
    return [
        {"lat": round(float(lat), 9), "value": 1.0, "weight": float(area)}
        for lat, area in zip(zones.latitudes, areas, strict=True)
        if area > 0
    ]


NIGHT_LIGHTS = Indicator(
    key="night-lights",
    version="1",
    title=Text("Night lights of Kenya", "肯尼亚夜间灯光"),
    abstract=Text(
        "Mean radiance at night, share of the country that is lit, and the sum of all pixels,"
        " 2020 to 2023, with the rise split by what the pixels were before.",
        "2020至2023年夜间平均辐射、亮灯面积比例及像元总和，并按像元此前状态分解增量。",
    ),
    not_said=Text(
        "Not a statement about electricity: the product sees no light below 0.5, and a part of"
        " the rise is pixels that crossed this floor. 2020 was a year of the pandemic.",
        "不说明电力普及：产品看不到低于0.5的光，部分增量来自越过该下限的像元。2020年是疫情之年。",
    ),
    unit=_UNIT,
    nature="proxy",
    goals=(7, 11),
    region_set="ec:countries-un",
    needs=(
        Need(
            "radiance",
            tuple(f"black-marble-kenya/night-lights-kenya-{year}" for year in _YEARS),
            "radiance",
            _UNIT,
            "raster",
        ),
    ),
    parameters=(
        Parameter(
            "lit_from",
            0.5,
            _UNIT,
            Text("radiance from which a pixel counts as lit", "像元视为亮灯的辐射下限"),
            0.5,
            1000,
        ),
    ),
    digits=2,
    source="NASA Black Marble VNP46A4, annual, near-nadir, snow-free",
    compute=_compute,
    independent=_independent,
    independent_route="rasterio pixels of the received files, exactextract weighted sums, areas"
    " by Snyder 1987, 3-12",
    cells=_cells,
    measures={
        "level": Text("Mean radiance", "平均辐射"),
        "lit-share": Text("Share of the area that is lit", "亮灯面积比例"),
        "sum": Text("Sum of pixels", "像元总和"),
        "change": Text("Rise of the sum, 2020 to 2023", "总和增量（2020至2023年）"),
        "relative-change": Text(
            "Rise of the sum in percent of 2020", "总和增量占2020年的百分比"
        ),
        "change-both-lit": Text("Rise of pixels lit in both years", "两年均亮像元的增量"),
        "change-newly-lit": Text("Rise of pixels lit only in 2023", "仅2023年亮的像元的增量"),
        "change-gone-dark": Text("Fall of pixels lit only in 2020", "仅2020年亮的像元的减量"),
        "change-rest": Text(
            "Pixels lit in neither year or observed in one only",
            "两年均未亮或仅一年有观测的像元",
        ),
    },
)
