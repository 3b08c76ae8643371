"""Land cover of São Tomé and Príncipe at 10 m, 2020 and 2021; the change is withheld."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from earthcommons.cube import grid_of
from earthcommons.errors import InvalidInputError
from earthcommons.indicators.second_route import Pixels, areas_km2
from earthcommons.indicators.workbench import Cells, Figure
from earthcommons.kernels.area import row_areas_km2
from earthcommons.model.indicator import Indicator, Need, Parameter, Text
from earthcommons.model.period import Period

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr
    from numpy.typing import NDArray

    from earthcommons.indicators.workbench import Workbench
    from earthcommons.model.observation import Observation

__all__ = ["LAND_COVER_SHARE", "class_counts"]

_REGION = "m49:678"
_VERSIONS = {2020: "v100", 2021: "v200"}
_SPAN = Period.parse("2020/2022")
_NODATA = 0
# Class of the product -> its name among the figures; `land` is all of them but water.
_CLASSES = {
    "trees": 10,
    "shrubs": 20,
    "grassland": 30,
    "cropland": 40,
    "built-up": 50,
    "bare-or-sparse": 60,
    "snow-and-ice": 70,
    "water": 80,
    "wetland": 90,
    "mangroves": 95,
    "moss-and-lichen": 100,
}
_BLOCK = 1024
_NO_INTERVAL = "the map carries no error of its areas"
_ISLET = (
    "all pixels of the tile; Ilhéu das Rolas lies on the equator, where the tile ends, and its"
    " part south of it is not counted"
)
_WITHHELD = "v100 to v200 is another algorithm: the difference is no change of the land"


def class_counts(cover: xr.DataArray) -> NDArray[np.int64]:
    """Count the pixels of every class in every row, reading a block of rows at a time.

    Args:
        cover: classes from 0 to 255, dims (lat, lon).

    Returns:
        Counts, dims (row, class), 256 classes.

    Raises:
        InvalidInputError: the classes are not 8-bit integers.
    """
    if cover.dtype != np.uint8:
        raise InvalidInputError(f"classes must be 8-bit integers, not {cover.dtype}")
    counts = np.zeros((cover.shape[0], 256), dtype=np.int64)
    for start in range(0, cover.shape[0], _BLOCK):
        for number, row in enumerate(cover[start : start + _BLOCK].values, start=start):
            counts[number] = np.bincount(row, minlength=256)
    return counts


def _counted(bench: Workbench, year: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Counts, dims (row, class), and the true area of a pixel, dims (row), [km2]."""
    cover = bench.array("cover", list(_VERSIONS).index(year))
    affine = grid_of(cover).affine
    counts = class_counts(cover)
    known = [_NODATA, *_CLASSES.values()]
    if stray := sorted(set(np.flatnonzero(counts.any(axis=0)).tolist()) - set(known)):
        raise InvalidInputError(f"class {stray[0]} is not one of the product's classes")
    return counts, row_areas_km2(affine.f, affine.e, cover.shape[0], affine.a)[0]


def _codes(name: str, water: int) -> list[int]:
    """Classes that a name of the figures stands for."""
    land = [code for code in _CLASSES.values() if code != water]
    return land if name == "land" else [_CLASSES[name]]


def _names(water: int) -> list[str]:
    if water not in _CLASSES.values():
        raise InvalidInputError(f"class {water} is not one of the product's classes")
    return ["land", *(name for name, code in _CLASSES.items() if code != water)]


def _compute(bench: Workbench, parameters: Mapping[str, Any]) -> list[Figure]:
    water = int(parameters["water_class"])
    names = _names(water)
    areas: dict[int, dict[str, float]] = {}
    figures: list[Figure] = []
    for year in _VERSIONS:
        counts, pixel_km2 = _counted(bench, year)
        pixels = {name: counts[:, _codes(name, water)].sum(axis=1) for name in names}
        areas[year] = {name: float(rows @ pixel_km2) for name, rows in pixels.items()}
        land = float(pixels["land"].sum())
        for name, area in areas[year].items():
            figures.append(_figure(year, "area", name, area, "km2", float(pixels[name].sum())))
            if name != "land" and areas[year]["land"] > 0:
                share = 100 * area / areas[year]["land"]
                figures.append(_figure(year, "share", name, share, "percent", land))
    first, last = (areas[year] for year in _VERSIONS)
    return figures + [_withheld(name, first[name], last[name]) for name in first]


def _figure(
    year: int, measure: str, name: str, value: float, unit: str, cells: float
) -> Figure:
    return Figure(
        _REGION,
        Period.year(year),
        unit,
        "estimated",
        value=value,
        dimensions={"measure": measure, "class": name},
        interval_reason=_NO_INTERVAL,
        cells=cells,
        reason=f"product {_VERSIONS[year]}; {_ISLET}",
    )


def _withheld(name: str, first: float, last: float) -> Figure:
    both = f"2020 (v100) {first:.1f} km2, 2021 (v200) {last:.1f} km2"
    return Figure(
        _REGION,
        _SPAN,
        "km2",
        "withheld",
        dimensions={"measure": "change", "class": name},
        baseline="2020",
        reason=f"{_WITHHELD}; {both}",
    )


def _independent(
    bench: Workbench, parameters: Mapping[str, Any], observation: Observation
) -> float:
    """Second route: rasterio for the pixels, comparisons for the counts, areas by differences."""
    import rasterio
    from rasterio.windows import Window

    number = list(_VERSIONS).index(observation.period.start.year)
    water = int(parameters["water_class"])
    wanted = _codes(observation.dimensions["class"], water)
    chosen, land = 0.0, 0.0
    with rasterio.open(bench.source_path("cover", number)) as source:
        west, _, east, north = source.bounds
        height = abs(source.transform.e)
        for top in range(0, source.height, 512):
            rows = min(512, source.height - top)
            block = source.read(1, window=Window(0, top, source.width, rows))
            edges = (west, north - (top + rows) * height, east, north - top * height)
            pixel_km2 = areas_km2(Pixels(block, edges))
            chosen += float(np.isin(block, wanted).sum(axis=1) @ pixel_km2)
            land += float(((block != _NODATA) & (block != water)).sum(axis=1) @ pixel_km2)
    return chosen if observation.dimensions["measure"] == "area" else 100 * chosen / land


def _cells(bench: Workbench, parameters: Mapping[str, Any], observation: Observation) -> Cells:
    counts, pixel_km2 = _counted(bench, observation.period.start.year)
    lat = bench.array("cover")["lat"].values
    water = int(parameters["water_class"])

    def table(name: str) -> list[dict[str, float]]:
        rows = counts[:, _codes(name, water)].sum(axis=1)
        return [
            {
                "lat": round(float(lat[n]), 9),
                "value": int(rows[n]),
                "weight": float(pixel_km2[n]),
            }
            for n in np.flatnonzero(rows)
        ]

    name = observation.dimensions["class"]
    words = {
        "en": "One row per raster row: number of pixels of the class (value) times the true area"
        " of one pixel in km2 (weight), summed; a share is divided by the same sum for land",
        "zh": "每个栅格行一行：该类像元数（value）乘以单个像元真实面积（weight，平方公里）求和；"
        "比例再除以陆地的同样总和",
    }
    if observation.dimensions["measure"] == "area":
        return Cells({"cells": table(name)}, ["wsum", "cells"], words)
    share = ["div", ["wsum", "cells"], ["wsum", "land"]]
    return Cells({"cells": table(name), "land": table("land")}, ["mul", 100, share], words)


LAND_COVER_SHARE = Indicator(
    key="land-cover-share",
    version="1",
    title=Text("Land cover of São Tomé and Príncipe", "圣多美和普林西比土地覆盖"),
    abstract=Text(
        "Area and share of each land cover class at 10 m, 2020 (product v100) and 2021 (v200).",
        "10米分辨率各土地覆盖类别的面积和比例，2020年（产品v100）与2021年（v200）。",
    ),
    not_said=Text(
        "No change can be read from the two years: v100 and v200 are different algorithms, and"
        " the change is withheld for this reason.",
        "两年之间不能得出变化：v100与v200算法不同，因此变化值不予给出。",
    ),
    unit="km2",
    nature="observation",
    goals=(15,),
    region_set="ec:countries-un",
    needs=(
        Need(
            "cover",
            tuple(f"worldcover-sao-tome/worldcover-stp-{year}" for year in _VERSIONS),
            "land_cover",
            "class",
            "raster",
        ),
    ),
    parameters=(
        Parameter(
            "water_class", 80, "class", Text("class of permanent water", "永久水体类别"), 1, 255
        ),
    ),
    source="ESA WorldCover v100 (2020) and v200 (2021)",
    compute=_compute,
    independent=_independent,
    independent_route="rasterio pixels of the received files counted by comparison, areas by"
    " Snyder 1987, 3-12",
    cells=_cells,
    measures={
        "area": Text("Area of the class", "类别面积"),
        "share": Text("Share of land", "占陆地比例"),
        "change": Text("Change of area", "面积变化"),
    },
)
