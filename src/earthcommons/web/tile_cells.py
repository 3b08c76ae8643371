"""Which cells of a grid lie under the pixels of a Web Mercator tile: the nearest, on any CRS."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["TILE_SIZE", "Step", "tile_bounds"]

TILE_SIZE = 256
_GLOBE = "EPSG:4326"
# Half the circumference of the sphere of Web Mercator [m].
_HALF = math.pi * 6378137.0

_Numbers = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a cube in memory: rows from north to south, columns from west to east.

    Attributes:
        values: dims (row, column); `missing` tells which count as such beside NaN.
        north, west: outer edges of the first row and column [units of the CRS].
        step_y, step_x: size of a cell, positive [units of the CRS].
        crs: code or WKT.
        missing: the number that stands for missing, if any.
    """

    values: _Numbers
    north: float
    west: float
    step_y: float
    step_x: float
    crs: str
    missing: float | None = None

    @classmethod
    def of(cls, array: xr.DataArray) -> Step:
        """Return a two-dimensional array, dims (lat, lon) or (y, x), read and turned."""
        values = np.asarray(array.values)
        ys, xs = (np.asarray(array[dim].values, "f8") for dim in array.dims)
        if ys[0] < ys[-1]:
            values, ys = values[::-1], ys[::-1]
        if xs[0] > xs[-1]:
            values, xs = values[:, ::-1], xs[::-1]
        step_y, step_x = ((v.max() - v.min()) / (len(v) - 1) for v in (ys, xs))
        north, west = ys[0] + step_y / 2, xs[0] - step_x / 2
        crs = _GLOBE if array.dims[-1] == "lon" else str(array.attrs["crs"])
        missing = array.attrs.get("nodata")
        return cls(values, north, west, step_y, step_x, crs, missing)

    def under(self, z: int, x: int, y: int) -> np.ma.MaskedArray[Any, Any]:
        """Return what a tile shows, dims (y, x); masked beyond the grid and where missing."""
        rows, columns = self._cells(z, x, y)
        height, width = self.values.shape
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        found = self.values[np.where(inside, rows, 0), np.where(inside, columns, 0)]
        hidden = ~inside
        if found.dtype.kind == "f":
            hidden |= np.isnan(found)
        if self.missing is not None:
            hidden |= found == self.missing
        return np.ma.masked_array(found, hidden)

    def _cells(self, z: int, x: int, y: int) -> tuple[_Numbers, _Numbers]:
        lon, lat = _pixels(z, x, y)
        if self.crs == _GLOBE:
            # Once around the globe, wherever the first column begins.
            east = (lon - self.west) % 360
            columns = np.floor(east / self.step_x)
            around = self.values.shape[1] * self.step_x
            # Steps in single precision may end a hair before the first column comes again.
            if 0 < 360 - around < self.step_x / 2:
                columns = np.minimum(columns, self.values.shape[1] - 1)
            rows = np.floor((self.north - lat) / self.step_y)
            return rows.astype("i8")[:, None], columns.astype("i8")[None]
        xs, ys = _to(self.crs).transform(*np.meshgrid(lon, lat), errcheck=False)
        with np.errstate(invalid="ignore"):
            rows, columns = (self.north - ys) / self.step_y, (xs - self.west) / self.step_x
        # Beyond what the projection shows there is no number: no cell either.
        rows, columns = (
            np.nan_to_num(v, nan=-1, posinf=-1, neginf=-1) for v in (rows, columns)
        )
        return np.floor(rows).astype("i8"), np.floor(columns).astype("i8")


def tile_bounds(z: int, x: int, y: int) -> tuple[float, float, float, float]:
    """Return west, south, east, north of a tile [m of Web Mercator]."""
    side = 2 * _HALF / 2**z
    return x * side - _HALF, _HALF - (y + 1) * side, (x + 1) * side - _HALF, _HALF - y * side


@lru_cache(maxsize=64)
def _to(crs: str) -> Any:
    import pyproj

    return pyproj.Transformer.from_crs(_GLOBE, crs, always_xy=True)


def _pixels(z: int, x: int, y: int) -> tuple[_Numbers, _Numbers]:
    """Return longitudes and latitudes of the middles of a tile's columns and rows [degrees]."""
    middles = (np.arange(TILE_SIZE) + 0.5) / TILE_SIZE
    lon = ((x + middles) / 2**z) * 360 - 180
    lat = np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * (y + middles) / 2**z))))
    return lon, lat
