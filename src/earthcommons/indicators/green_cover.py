"""Green cover of high land in 2008, related to SDG 15.4.2 and not comparable with it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from earthcommons.errors import InvalidInputError
from earthcommons.indicators.cell_rows import cell_rows
from earthcommons.indicators.coverage_rule import area_figure, with_groups
from earthcommons.indicators.second_route import polygons_of, read_pixels, weighted_mean
from earthcommons.indicators.workbench import Cells, Figure
from earthcommons.model.indicator import Indicator, Need, Parameter, Text
from earthcommons.model.period import Period
from earthcommons.zones.statistics import zonal_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from earthcommons.indicators.workbench import Workbench
    from earthcommons.model.observation import Observation
    from earthcommons.zones.coverage import Coverage
    from earthcommons.zones.statistics import ZonalSums

__all__ = ["GREEN_COVER", "class_list", "green_cover"]

_PERIOD = Period.year(2008)
_NO_INTERVAL = "one map, no error model published with it"
# Elevation above the first number and not above the second [m].
_BELTS = {
    "above-4500": (4500.0, math.inf),
    "3500-4500": (3500.0, 4500.0),
    "2500-3500": (2500.0, 3500.0),
    "above-2500": (2500.0, math.inf),
}
_NEEDS_DEM = ("kapos-4", "kapos-5", "kapos-6", "bioclimatic-belts")
_NO_DEM = "needs a DEM of 1 km or finer"


def class_list(text: str) -> tuple[int, ...]:
    """Return the classes that `1-9,11-15` names.

    Raises:
        InvalidInputError: the text names none, or is written in another way.
    """
    found: list[int] = []
    try:
        for part in text.split(","):
            low, dash, high = part.strip().partition("-")
            found += range(int(low), int(high if dash else low) + 1)
    except ValueError as error:
        raise InvalidInputError(f"{text[:60]!r} lists no classes: write 1-9,11-15") from error
    if not found:
        raise InvalidInputError(f"{text[:60]!r} lists no classes: write 1-9,11-15")
    return tuple(found)


def green_cover(
    cover: xr.DataArray,
    elevation: xr.DataArray,
    zones: Coverage,
    green: tuple[int, ...],
    not_green: tuple[int, ...],
) -> tuple[ZonalSums, ZonalSums]:
    """Return the green share of each belt of elevation, and the extent of the belts.

    Args:
        cover: land cover class, dims (lat, lon).
        elevation: on the same grid, dims (lat, lon), [m]; NaN where unknown.
        zones: zones over the grid.
        green: classes of the numerator.
        not_green: classes that with `green` make the denominator; all others are left out.

    Returns:
        Sums whose `mean` is the green share, dims (belt, zone), [1]; and sums whose `weight` is
        the area of the belt, of whatever class, dims (belt, zone), [km2].

    Raises:
        InvalidInputError: a class is named both green and not green.
    """
    if both := sorted(set(green) & set(not_green)):
        raise InvalidInputError(f"class {both[0]} is named both green and not green")
    share, belts = _layers(cover, elevation, green, not_green)
    return zonal_mean(share, zones), zonal_mean(belts, zones)


def _layers(
    cover: xr.DataArray,
    elevation: xr.DataArray,
    green: tuple[int, ...],
    not_green: tuple[int, ...],
) -> tuple[xr.DataArray, xr.DataArray]:
    """1 for green and 0 for not green, then 1 for any class; NaN outside the belt."""
    height = elevation.compute()
    inside = xr.concat(
        [(height > low) & (height <= high) for low, high in _BELTS.values()], "belt"
    )
    classes = cover.compute()
    land = classes.isin([*green, *not_green])
    share = classes.isin(green).astype("f4")
    return share.where(inside & land).transpose("belt", ...), inside.astype("f4").where(inside)


def _inputs(
    bench: Workbench, parameters: Mapping[str, Any]
) -> tuple[xr.DataArray, xr.DataArray, tuple[int, ...], tuple[int, ...]]:
    green, not_green = (
        class_list(str(parameters[name])) for name in ("green_classes", "other_classes")
    )
    return bench.array("cover"), bench.array("elevation"), green, not_green


def _compute(bench: Workbench, parameters: Mapping[str, Any]) -> list[Figure]:
    inputs = _inputs(bench, parameters)
    cover, elevation, *classes = inputs
    found = green_cover(cover, elevation, bench.coverage(cover), *classes)
    sums, belts = (with_groups(part, bench.groups()) for part in found)
    figures = [
        _figure(sums, belts, step, n)
        for step in range(len(_BELTS))
        for n in range(len(sums.zone_ids))
    ]
    figures += [
        Figure(
            zone,
            _PERIOD,
            "percent",
            "missing",
            dimensions={"elevation": belt, "measure": "share"},
            reason=_NO_DEM,
        )
        for belt in _NEEDS_DEM
        for zone in sums.zone_ids
    ]
    return figures


def _figure(sums: ZonalSums, belts: ZonalSums, step: int, n: int) -> Figure:
    area = float(belts.weight[step, n])
    dimensions = {"elevation": list(_BELTS)[step], "measure": "share"}
    if area == 0:
        return Figure(
            sums.zone_ids[n],
            _PERIOD,
            "percent",
            "missing",
            dimensions=dimensions,
            valid_share=0.0,
            cells=0.0,
            reason="coverage: no cell of this grid lies in this belt",
        )
    return area_figure(
        sums.zone_ids[n],
        _PERIOD,
        100 * float(sums.mean[step, n]),
        "percent",
        "proxy",
        valid_share=float(sums.valid_area_km2[step, n]) / area,
        cells=float(sums.valid_cells[step, n]),
        dimensions=dimensions,
        interval_reason=_NO_INTERVAL,
    )


def _independent(
    bench: Workbench, parameters: Mapping[str, Any], observation: Observation
) -> float:
    """Second route: rasterio for the pixels, exactextract for coverage and sums."""
    cover = read_pixels(bench.source_path("cover"))
    height = read_pixels(bench.source_path("elevation")).values
    low, high = _BELTS[observation.dimensions["elevation"]]
    green, others = (
        np.isin(cover.values, class_list(str(parameters[name])))
        for name in ("green_classes", "other_classes")
    )
    cover.values[...] = 100.0 * green
    cover.values[~((green | others) & (height > low) & (height <= high))] = np.nan
    return weighted_mean(cover, polygons_of(bench, observation.region))


def _cells(bench: Workbench, parameters: Mapping[str, Any], observation: Observation) -> Cells:
    share, _ = _layers(*_inputs(bench, parameters))
    step = list(_BELTS).index(observation.dimensions["elevation"])
    layer = share[step]
    layer.attrs = bench.array("cover").attrs
    return Cells(
        {"cells": cell_rows(bench, layer, observation.region)},
        ["mul", 100, ["wmean", "cells"]],
        {
            "en": "Share of green cells (value 1) in the belt, by their area inside the region",
            "zh": "海拔带内绿色像元（值为1）的比例，权重为像元在区域内的面积",
        },
    )


GREEN_COVER = Indicator(
    key="green-cover-by-elevation",
    version="1",
    title=Text("Green cover of land above 2500 m", "海拔2500米以上陆地的绿色覆盖"),
    abstract=Text(
        "Share of land above 2500 m that a map of 2008 calls green, by belt of elevation.",
        "2008年地图上海拔2500米以上陆地中绿色覆盖所占比例，按海拔带划分。",
    ),
    not_said=Text(
        "Related to 15.4.2, not comparable with it: on cells of 37 km neither slopes nor"
        " bioclimatic belts nor mountains below 2500 m can be told.",
        "与15.4.2相关，但不可比：37公里格点无法辨别坡度、生物气候带和2500米以下的山地。",
    ),
    unit="percent",
    nature="proxy",
    related="15.4.2",
    goals=(15,),
    desirable="up",
    region_set="ec:countries-un",
    needs=(
        Need("cover", ("glcnmo-2008/glcnmo-cover-2008",), "cover", "class", "raster"),
        Need("elevation", ("glcnmo-2008/glcnmo-elevation-2008",), "elevation", "m", "raster"),
    ),
    parameters=(
        Parameter("green_classes", "1-9,11-15", "class", Text("green classes", "绿色类别")),
        Parameter(
            "other_classes",
            "10,16-19",
            "class",
            Text("land classes that are not green", "非绿色的陆地类别"),
        ),
    ),
    source="GLCNMO version 2 (Tateishi et al. 2014); elevation GMTED2010",
    compute=_compute,
    independent=_independent,
    independent_route="rasterio pixels of the received files, exactextract weighted sums, areas"
    " by Snyder 1987, 3-12",
    cells=_cells,
    measures={"share": Text("Green share of the belt", "海拔带内绿色覆盖比例")},
)
