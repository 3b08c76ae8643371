"""Cropland and pasture in 1995 and 2005, a reconstruction: area, share of land, difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from earthcommons.errors import InvalidInputError
from earthcommons.indicators.cell_rows import cell_rows
from earthcommons.indicators.coverage_rule import with_groups, zone_figures
from earthcommons.indicators.second_route import (
    Pixels,
    polygons_of,
    read_layers,
    weighted_sums,
)
from earthcommons.indicators.workbench import Cells
from earthcommons.model.indicator import Indicator, Need, Text
from earthcommons.model.period import Period
from earthcommons.zones.statistics import zonal_mean, zonal_sum

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr

    from earthcommons.indicators.workbench import Figure, Workbench
    from earthcommons.model.observation import Observation
    from earthcommons.zones.coverage import Coverage
    from earthcommons.zones.statistics import ZonalSums

__all__ = ["LAND_USE", "land_use"]

_ITEM = ("isimip2b-landuse/isimip2b-landuse",)
_YEARS = (Period.year(1995), Period.year(2005))
_CHANGE = Period.parse("1995/2006")
_USES = {"cropland": ("cropland",), "pasture": ("pasture",), "total": ("cropland", "pasture")}
_NO_INTERVAL = "one reconstruction, no error model published with it"
_LAYER_1995 = "the layer 1995 very probably is a mean of 1980-2009"
_NOT_TEN_YEARS = f"{_LAYER_1995}: the difference is not ten years of change"


def land_use(fraction: xr.DataArray, zones: Coverage) -> tuple[ZonalSums, ZonalSums]:
    """Return how much land is under a use in two years, over one and the same cells.

    Args:
        fraction: share of the cell under the use, dims (time, lat, lon), 1995 first and 2005
            second, [1]; NaN where not reconstructed.
        zones: zones over the grid.

    Returns:
        Sums over the cells valid in 2005, dims (time, zone): `total` is the area [km2] and `mean`
        the share of land [1]. Then the sums whose `total` is the number of these cells without a
        value in 1995, dims (1, zone); such a cell adds no area to 1995.

    Raises:
        InvalidInputError: there are not two years.
    """
    if fraction.shape[0] != len(_YEARS):
        raise InvalidInputError(f"need the layers 1995 and 2005, found {fraction.shape[0]}")
    filled = _filled(fraction)
    gaps = fraction[0].isnull().where(filled[1].notnull()).astype("f8")
    return zonal_mean(filled, zones), zonal_sum(gaps, zones, per="cell")


def _filled(fraction: xr.DataArray) -> xr.DataArray:
    """Both years with 0 where only 2005 has a value, NaN where 2005 has none."""
    wide = fraction.astype("f8").drop_vars([fraction.dims[0]], errors="ignore")
    return wide.fillna(0.0).where(wide[1].notnull())


def _compute(bench: Workbench, parameters: Mapping[str, Any]) -> list[Figure]:
    figures: list[Figure] = []
    for use in _USES:
        fraction = _fraction(bench, use)
        sums, gaps = land_use(fraction, bench.coverage(fraction))
        sums, gaps = (with_groups(part, bench.groups()) for part in (sums, gaps))
        figures += _figures(use, sums, gaps.total[0])
    return figures


def _figures(
    use: str, sums: ZonalSums, gaps: np.ndarray[Any, np.dtype[np.float64]]
) -> list[Figure]:
    found: list[Figure] = []
    before = [
        f"{_LAYER_1995}; {count:.1f} of {cells:.1f} cells have no value in it and add no area"
        for count, cells in zip(gaps, sums.valid_cells[0], strict=True)
    ]
    after = [_NOT_TEN_YEARS + text.removeprefix(_LAYER_1995) for text in before]
    for step, year in enumerate(_YEARS):
        for measure, values, unit in (
            ("area", sums.total[step], "km2"),
            ("share", 100 * sums.mean[step], "percent"),
        ):
            found += zone_figures(
                sums,
                values,
                year,
                unit,
                "reconstruction",
                step=step,
                dimensions={"measure": measure, "use": use},
                interval_reason=_NO_INTERVAL,
                caveats=before if step == 0 else None,
            )
    return found + zone_figures(
        sums,
        100 * sums.mean[1] - 100 * sums.mean[0],
        _CHANGE,
        "percentage_point",
        "reconstruction",
        dimensions={"measure": "change", "use": use},
        interval_reason=_NO_INTERVAL,
        baseline="1995, over the cells valid in 2005",
        caveats=after,
    )


def _fraction(bench: Workbench, use: str) -> xr.DataArray:
    first, *rest = (bench.array(name) for name in _USES[use])
    # In double precision, so that total is cropland plus pasture to the last digit.
    total = first.astype("f8").compute()
    for other in rest:
        total = total + other.astype("f8").compute()
    total.attrs = first.attrs
    return total


def _independent(
    bench: Workbench, parameters: Mapping[str, Any], observation: Observation
) -> float:
    """Second route: h5py for the cells, exactextract for coverage and sums."""
    names = _USES[observation.dimensions["use"]]
    found = [
        read_layers(bench.source_path(need.name), need.variable)
        for need in bench.indicator.needs
        if need.name in names
    ]
    years = [np.sum([layers[step].values for layers in found], axis=0) for step in ("0", "1")]
    years[0] = np.where(np.isnan(years[1]), np.nan, np.nan_to_num(years[0]))
    shapes = polygons_of(bench, observation.region)
    bounds = found[0]["0"].bounds
    sums = [weighted_sums(Pixels(values, bounds), shapes) for values in years]
    shares = [100 * total / weight for total, weight in sums]
    if observation.dimensions["measure"] == "change":
        return shares[1] - shares[0]
    step = _YEARS.index(observation.period)
    return sums[step][0] if observation.dimensions["measure"] == "area" else shares[step]


def _cells(bench: Workbench, parameters: Mapping[str, Any], observation: Observation) -> Cells:
    filled = _filled(_fraction(bench, observation.dimensions["use"]))
    measure = observation.dimensions["measure"]

    def table(step: int) -> list[dict[str, float]]:
        return cell_rows(bench, filled[step], observation.region)

    if measure == "change":
        share = [["mul", 100, ["wmean", name]] for name in ("after", "before")]
        return Cells(
            {"before": table(0), "after": table(1)},
            ["sub", *share],
            {
                "en": "Share of 2005 less share of 1995, each cell weighing its area in the region",
                "zh": "2005年占比减去1995年占比，权重为各像元在区域内的面积",
            },
        )
    formula = ["wsum", "cells"] if measure == "area" else ["mul", 100, ["wmean", "cells"]]
    return Cells(
        {"cells": table(_YEARS.index(observation.period))},
        formula,
        {
            "en": "Sum, or mean, of the cells' shares, each weighing its area inside the region",
            "zh": "各像元比例的加权总和或平均，权重为像元在区域内的面积",
        },
    )


LAND_USE = Indicator(
    key="land-use",
    version="1",
    title=Text("Cropland and pasture", "耕地与牧场"),
    abstract=Text(
        "Area and share of land under cropland, pasture and both, reconstructed for 1995 and"
        " 2005, over the cells of half a degree that have a value in 2005.",
        "1995年和2005年重建的耕地、牧场及两者合计的面积和占陆地比例，以2005年有值的半度格点计。",
    ),
    not_said=Text(
        "A reconstruction, not an observation and not what countries report. The layer 1995 very"
        " probably is a mean of 1980–2009, so the difference is not ten years of change.",
        "这是重建数据，不是观测，也不是各国上报数据。1995年图层很可能是1980–2009年的平均，"
        "因此差值不是十年的变化。",
    ),
    unit="percent",
    nature="reconstruction",
    goals=(2, 15),
    region_set="ec:countries-un",
    needs=(
        Need("cropland", _ITEM, "cropland_total", "1", "cube"),
        Need("pasture", _ITEM, "pastures", "1", "cube"),
    ),
    source="ISIMIP2b land-use input data, through rISIMIP",
    compute=_compute,
    independent=_independent,
    independent_route="h5py cells of the received file, exactextract weighted sums, areas by"
    " Snyder 1987, 3-12",
    cells=_cells,
    measures={
        "area": Text("Area", "面积"),
        "share": Text("Share of land", "占陆地比例"),
        "change": Text("Difference 2005 less 1995", "2005年与1995年之差"),
    },
)
