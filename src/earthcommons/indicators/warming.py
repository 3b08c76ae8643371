"""Warming where people live: one model's annual mean temperature, weighted by population."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from earthcommons.errors import InvalidInputError
from earthcommons.indicators.cell_rows import cell_rows
from earthcommons.indicators.coverage_rule import with_groups, zone_figures
from earthcommons.indicators.second_route import (
    polygons_of,
    read_layers,
    read_pixels,
    weighted_mean,
)
from earthcommons.indicators.workbench import Cells
from earthcommons.model.indicator import Indicator, Need, Text
from earthcommons.model.period import Period
from earthcommons.zones.statistics import zonal_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr

    from earthcommons.indicators.workbench import Figure, Workbench
    from earthcommons.model.observation import Observation
    from earthcommons.zones.coverage import Coverage
    from earthcommons.zones.statistics import ZonalSums

__all__ = ["WARMING", "people_per_cell", "temperature_of_people"]

# Scenario -> layer of the cube and its 30-year window, as the cube states them.
_RUNS = {
    "historical": ("mpi_hist_1995", Period.parse("1980/2010")),
    "ssp126": ("mpi_ssp126_2050", Period.parse("2036/2066")),
    "ssp585": ("mpi_ssp585_2050", Period.parse("2036/2066")),
}
_BASELINE = "1980-2009, historical run of the same model (mpi_hist_1995)"
_NO_INTERVAL = "one model, one run"
_CAVEAT = "population held at 2020"


def people_per_cell(density: xr.DataArray, like: xr.DataArray) -> xr.DataArray:
    """Return population density on the coarser grid of the temperatures, as weights.

    Args:
        density: persons per km2 of land, dims (lat, lon); NaN where there is no land.
        like: array whose last two dims are the coarser grid.

    Returns:
        Mean of the cells of `density` in each coarser cell, dims (lat, lon), [person/km2]. A
        cell without land holds nobody: it counts as 0, so that a coastal cell does not weigh as
        if it were land all over.

    Raises:
        InvalidInputError: the coarser grid is no whole multiple of the finer one.
    """
    rows, columns = like.shape[-2:]
    down, across = density.shape[0] // rows, density.shape[1] // columns
    if density.shape != (rows * down, columns * across):
        raise InvalidInputError(f"{density.shape} cells do not fill {(rows, columns)} evenly")
    lat, lon = like.dims[-2:]
    wide = density.astype("f8").fillna(0.0)
    mean = wide.coarsen({density.dims[0]: down, density.dims[1]: across}).mean()
    return mean.rename(dict(zip(density.dims, (lat, lon), strict=True)))


def temperature_of_people(
    temperature: xr.DataArray, people: xr.DataArray, zones: Coverage
) -> ZonalSums:
    """Return mean temperature, each cell weighing its area inside the zone times its people.

    Args:
        temperature: dims (scenario, lat, lon), [degC]; NaN where the model has no land.
        people: weights on the same grid, dims (lat, lon), [person/km2].
        zones: zones over the grid.

    Returns:
        Sums whose `mean` is the temperature, dims (scenario, zone), [degC].
    """
    return zonal_mean(temperature, zones, weight=people)


def _inputs(bench: Workbench) -> tuple[xr.DataArray, xr.DataArray]:
    bio1 = bench.array("temperature")
    layers = bio1.sel(scenario=[layer for layer, _ in _RUNS.values()])
    return layers.drop_vars("scenario"), people_per_cell(bench.array("density"), bio1).compute()


def _compute(bench: Workbench, parameters: Mapping[str, Any]) -> list[Figure]:
    temperature, people = _inputs(bench)
    sums = temperature_of_people(temperature, people, bench.coverage(temperature))
    sums = with_groups(sums, bench.groups())
    figures: list[Figure] = []
    for step, (scenario, (_, window)) in enumerate(_RUNS.items()):
        measures = {"level": sums.mean[step]}
        if step:
            measures["change"] = sums.mean[step] - sums.mean[0]
        for measure, values in measures.items():
            figures += zone_figures(
                sums,
                values,
                window,
                "degC",
                "model",
                step=step,
                dimensions={"measure": measure, "scenario": scenario},
                interval_reason=_NO_INTERVAL,
                baseline=_BASELINE if measure == "change" else "",
                caveats=[_CAVEAT] * len(sums.zone_ids),
            )
    return figures


def _independent(
    bench: Workbench, parameters: Mapping[str, Any], observation: Observation
) -> float:
    """Second route: h5py and rasterio for the cells, exactextract for coverage and sums."""
    runs = [layer for layer, _ in _RUNS.values()]
    layers = read_layers(bench.source_path("temperature"), "bio1", "scenario")
    density = np.nan_to_num(read_pixels(bench.source_path("density")).values)
    people = (
        density[::2, ::2] + density[1::2, ::2] + density[::2, 1::2] + density[1::2, 1::2]
    ) / 4
    shapes = polygons_of(bench, observation.region)
    step = list(_RUNS).index(observation.dimensions["scenario"])
    level = weighted_mean(layers[runs[step]], shapes, people)
    if observation.dimensions["measure"] == "level":
        return level
    return level - weighted_mean(layers[runs[0]], shapes, people)


def _cells(bench: Workbench, parameters: Mapping[str, Any], observation: Observation) -> Cells:
    temperature, people = _inputs(bench)
    step = list(_RUNS).index(observation.dimensions["scenario"])

    def table(number: int) -> list[dict[str, float]]:
        return cell_rows(bench, temperature[number], observation.region, people)

    if observation.dimensions["measure"] == "level":
        return Cells(
            {"cells": table(step)},
            ["wmean", "cells"],
            {
                "en": "Mean temperature, each cell weighing area in the region × people per km2",
                "zh": "气温的加权平均，权重为像元在区域内的面积乘以人口密度",
            },
        )
    return Cells(
        {"scenario": table(step), "historical": table(0)},
        ["sub", ["wmean", "scenario"], ["wmean", "historical"]],
        {
            "en": "Scenario less historical run, each cell weighing area × people per km2",
            "zh": "情景减去历史时段，权重为像元在区域内的面积乘以人口密度",
        },
    )


WARMING = Indicator(
    key="warming",
    version="1",
    title=Text("Warming where people live", "人口居住地的升温"),
    abstract=Text(
        "Annual mean temperature weighted by the population of 2020, in 30-year windows of one"
        " model run, and its difference from the same model's window of 1980–2009.",
        "以2020年人口加权的年平均气温（一个模式一次模拟的30年窗口值），"
        "及其与同一模式1980–2009年窗口之差。",
    ),
    not_said=Text(
        "One model, one run: no interval, no likelihood, no forecast. Population is held at 2020,"
        " and a scenario is never compared with observations.",
        "一个模式、一次模拟：没有区间、没有可能性判断、不是预报。"
        "人口固定为2020年，情景不与观测比较。",
    ),
    unit="degC",
    nature="model",
    related="13",
    goals=(13,),
    desirable="down",
    region_set="ec:countries-un",
    needs=(
        Need("temperature", ("isimip3-bioclim/isimip3-bio1",), "bio1", "degC", "cube"),
        Need(
            "density",
            ("gpw-v4/gpw-density-2020",),
            "population_density",
            "person/km2",
            "raster",
        ),
    ),
    source="ISIMIP3b (MPI-ESM1-2-HR) through rISIMIP; weights CIESIN GPW v4.11",
    compute=_compute,
    independent=_independent,
    independent_route="h5py and rasterio cells of the received files, exactextract weighted"
    " sums, areas by Snyder 1987, 3-12",
    cells=_cells,
    measures={
        "level": Text("Mean temperature of a 30-year window", "30年窗口的平均气温"),
        "change": Text("Difference from 1980–2009", "与1980–2009年之差"),
    },
)
