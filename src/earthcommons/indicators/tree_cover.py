"""Mean tree canopy cover of land in 2008, related to SDG 15.1.1 and not comparable with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from earthcommons.indicators.cell_rows import cell_rows
from earthcommons.indicators.coverage_rule import with_groups, zone_figures
from earthcommons.indicators.second_route import polygons_of, read_pixels, weighted_mean
from earthcommons.indicators.workbench import Cells
from earthcommons.model.indicator import Indicator, Need, Parameter, Text
from earthcommons.model.period import Period
from earthcommons.zones.statistics import zonal_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr

    from earthcommons.indicators.workbench import Figure, Workbench
    from earthcommons.model.observation import Observation
    from earthcommons.zones.coverage import Coverage
    from earthcommons.zones.statistics import ZonalSums

__all__ = ["TREE_COVER", "mean_canopy"]

_PERIOD = Period.year(2008)
_NO_INTERVAL = "one map, no error model published with it"


def mean_canopy(
    trees: xr.DataArray, cover: xr.DataArray, zones: Coverage, water: int
) -> ZonalSums:
    """Return canopy cover summed over each zone's valid land cells.

    Args:
        trees: canopy cover, dims (lat, lon), [percent]; NaN where not observed.
        cover: land cover class on the same grid, dims (lat, lon).
        zones: zones over the grid.
        water: class of water bodies, left out of numerator and denominator alike.

    Returns:
        Sums whose `mean` is the mean canopy cover, dims (1, zone), [percent].
    """
    return zonal_mean(trees, zones, mask=cover != water)


def _compute(bench: Workbench, parameters: Mapping[str, Any]) -> list[Figure]:
    trees, cover = bench.array("trees"), bench.array("cover")
    sums = mean_canopy(trees, cover, bench.coverage(trees), int(parameters["water_class"]))
    sums = with_groups(sums, bench.groups())
    return zone_figures(
        sums,
        sums.mean[0],
        _PERIOD,
        "percent",
        "proxy",
        dimensions={"measure": "level"},
        interval_reason=_NO_INTERVAL,
    )


def _independent(
    bench: Workbench, parameters: Mapping[str, Any], observation: Observation
) -> float:
    """Second route: rasterio for the pixels, exactextract for coverage and sums."""
    trees = read_pixels(bench.path("trees"))
    cover = read_pixels(bench.path("cover"))
    trees.values[cover.values == int(parameters["water_class"])] = np.nan
    return weighted_mean(trees, polygons_of(bench, observation.region))


def _cells(bench: Workbench, parameters: Mapping[str, Any], observation: Observation) -> Cells:
    trees, cover = bench.array("trees"), bench.array("cover")
    land = trees.where(cover != int(parameters["water_class"]))
    return Cells(
        {"cells": cell_rows(bench, land, observation.region)},
        ["wmean", "cells"],
        {
            "en": "Mean of canopy cover, each cell weighing its area inside the region",
            "zh": "冠层覆盖度的加权平均，权重为各像元在区域内的面积",
        },
    )


TREE_COVER = Indicator(
    key="tree-cover",
    version="1",
    title=Text("Mean tree canopy cover of land", "陆地平均树冠覆盖度"),
    abstract=Text(
        "Mean canopy cover of all land cells, without a threshold, in 2008.",
        "2008 年全部陆地像元的平均树冠覆盖度，不设阈值。",
    ),
    not_said=Text(
        "Related to 15.1.1, not comparable with it: forest area counts land by use and by a"
        " canopy threshold, this counts canopy wherever it stands.",
        "与 15.1.1 相关，但不可比：森林面积按土地利用和冠层阈值统计，本指标统计任何地方的冠层。",
    ),
    unit="percent",
    nature="proxy",
    related="15.1.1",
    goals=(15,),
    desirable="up",
    region_set="ec:countries-un",
    needs=(
        Need("trees", ("glcnmo-2008/glcnmo-trees-2008",), "trees", "percent", "raster"),
        Need("cover", ("glcnmo-2008/glcnmo-cover-2008",), "cover", "class", "raster"),
    ),
    parameters=(
        Parameter(
            "water_class", 20, "class", Text("class of water bodies", "水体类别代码"), 1, 255
        ),
    ),
    source="GLCNMO version 2 (Tateishi et al. 2014)",
    compute=_compute,
    independent=_independent,
    independent_route="rasterio pixels, exactextract weighted sums, areas by Snyder 1987, 3-12",
    cells=_cells,
    measures={"level": Text("Mean canopy cover", "平均树冠覆盖度")},
)
