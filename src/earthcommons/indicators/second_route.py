"""A second, independent way to a value over an area: other readers, other coverage, other sums.

It shares no code with `cube`, `zones` and `kernels`: pixels come through rasterio or h5py alone,
coverage and sums from exactextract, areas from the plain difference of a closed formula.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from earthcommons.errors import InvalidInputError

if TYPE_CHECKING:
    from pathlib import Path

    from shapely.geometry.base import BaseGeometry

    from earthcommons.indicators.workbench import Workbench

__all__ = [
    "Pixels",
    "areas_km2",
    "polygons_of",
    "read_layers",
    "read_pixels",
    "weighted_mean",
    "weighted_sums",
]

Floats = np.ndarray[Any, np.dtype[np.float64]]
_E = 0.0818191908426215  # first eccentricity of WGS 84
_B2_KM2 = 6356.752314245179**2  # square of its polar radius


@dataclass(frozen=True, slots=True)
class Pixels:
    """Values on a grid in degrees, row 0 in the north; NaN where missing."""

    values: Floats
    bounds: tuple[float, float, float, float]


def read_pixels(path: Path, band: int = 1) -> Pixels:
    """Return one band of a GeoTIFF, nodata as NaN."""
    import rasterio

    with rasterio.open(path) as source:
        values = source.read(band, masked=True).astype("f8").filled(np.nan)
        box = source.bounds
    return Pixels(values, (box.left, box.bottom, box.right, box.top))


def read_layers(path: Path, variable: str, labels: str = "") -> dict[str, Pixels]:
    """Return every layer of a variable (layer, lat, lon) of a netCDF-4 file, in its order.

    Args:
        path: the file as it was received.
        variable: name of the variable.
        labels: variable with the names of the layers; numbers from "0" where there is none.
    """
    import h5py

    with h5py.File(path) as file:
        values = file[variable][...].astype("f8")
        lat, lon = file["lat"][...], file["lon"][...]
        names = (
            [label.decode() for label in file[labels][...]]
            if labels
            else [str(number) for number in range(len(values))]
        )
    half_x, half_y = float(lon[1] - lon[0]) / 2, float(lat[0] - lat[1]) / 2
    if half_y <= 0:
        raise InvalidInputError(f"{path.name}: row 0 is not in the north")
    bounds = (lon[0] - half_x, lat[-1] - half_y, lon[-1] + half_x, lat[0] + half_y)
    return {name: Pixels(layer, bounds) for name, layer in zip(names, values, strict=True)}


def areas_km2(pixels: Pixels) -> Floats:
    """Return the true area of a pixel in each row, dims (row), [km2].

    Source:
        Snyder (1987), Map Projections: A Working Manual, eq. 3-12.
    """
    rows, columns = pixels.values.shape
    west, south, east, north = pixels.bounds
    edges = _authalic(np.radians(np.linspace(north, south, rows + 1)))
    areas: Floats = -np.diff(edges) * _B2_KM2 / 2 * np.radians((east - west) / columns)
    return areas


def polygons_of(bench: Workbench, region: str) -> list[BaseGeometry]:
    """Return the polygons of a region, or of every member of a group."""
    members = bench.regions.find(region).members or (region,)
    shapes = [bench.regions.regions[member].geometry for member in members]
    return [shape for shape in shapes if shape is not None]


def weighted_sums(
    pixels: Pixels,
    shapes: list[BaseGeometry],
    extra_weight: Floats | None = None,
    *,
    by_area: bool = True,
) -> tuple[float, float]:
    """Return (Σ w·v, Σ w) over valid pixels, w = coverage × true area [km2] × extra weight.

    Without `by_area` the area is left out of the weight.
    """
    from exactextract import exact_extract
    from exactextract.raster import NumPyRasterSource

    area = areas_km2(pixels) if by_area else np.ones(pixels.values.shape[0])
    weight = np.repeat(area[:, None], pixels.values.shape[1], axis=1)
    if extra_weight is not None:
        weight = weight * np.nan_to_num(extra_weight)
    valid = np.isfinite(pixels.values)
    sources = [
        NumPyRasterSource(
            np.ascontiguousarray(array), *pixels.bounds, srs_wkt="EPSG:4326", name=name
        )
        for name, array in (
            ("value", np.where(valid, pixels.values, 0.0)),
            ("one", np.where(valid, 1.0, 0.0)),
            ("weight", weight),
        )
    ]
    features = [
        {"type": "Feature", "properties": {}, "geometry": shape.__geo_interface__}
        for shape in shapes
    ]
    sums = []
    for source in sources[:2]:
        found = exact_extract(source, features, ["weighted_sum"], weights=sources[2])
        parts = [feature["properties"]["weighted_sum"] for feature in found]
        sums.append(float(np.nansum(np.array(parts, dtype="f8"))))
    return sums[0], sums[1]


def weighted_mean(
    pixels: Pixels, shapes: list[BaseGeometry], extra_weight: Floats | None = None
) -> float:
    """Return the mean of valid pixels over all shapes together; NaN where nothing has weight."""
    total, weight = weighted_sums(pixels, shapes, extra_weight)
    return total / weight if weight > 0 else float("nan")


def _authalic(latitude: Floats) -> Floats:
    # Snyder 1987, equation 3-12, up to a constant: area between the equator and a latitude.
    sine = np.sin(latitude)
    area: Floats = sine / (1 - (_E * sine) ** 2) + np.arctanh(_E * sine) / _E
    return area
