"""The grid of a GRIB message: cell centres, CRS, and the order its values come in.

Runs in the jail, for `read_grib`.

Source:
    WMO Manual on Codes, FM 92 GRIB, code tables 3.1, 3.2 and 3.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from earthcommons.errors import RefusedFileError

__all__ = ["GribGrid", "grid_of_message"]


@dataclass(frozen=True, slots=True)
class GribGrid:
    """Shape (rows, columns), names and coordinates of the axes, CRS as WKT or empty.

    Attributes:
        east_first: whether values run from east to west along a row.
        columns_first: whether consecutive values run along a column.
        zigzag: whether every other row runs backwards.
    """

    shape: tuple[int, int]
    names: tuple[str, str]
    coordinates: dict[str, Any]
    crs: str
    columns_first: bool
    zigzag: bool

    def ordered(self, flat: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return the values as rows and columns in the order of the coordinates."""
        if self.columns_first:
            return flat.reshape(self.shape[::-1]).T
        values = flat.reshape(self.shape)
        if self.zigzag:
            values = values.copy()
            values[1::2] = values[1::2, ::-1]
        return values


def grid_of_message(eccodes: Any, data: bytes) -> GribGrid:
    """Return the grid a message declares.

    Raises:
        RefusedFileError: a grid that is not regular (`bad-geotransform`).
    """
    handle = eccodes.codes_new_from_message(data)
    try:
        kind = eccodes.codes_get_string(handle, "gridType")
        if kind == "regular_ll":
            return _globe(eccodes, handle)
        if kind in ("lambert", "polar_stereographic", "mercator"):
            return _projected(eccodes, handle, kind)
        raise RefusedFileError(
            f"grid {kind!r} is not regular: interpolate to latitude and longitude first"
            " (cdo remapbil, or grib_interpolate)",
            code="bad-geotransform",
        )
    finally:
        eccodes.codes_release(handle)


def _globe(eccodes: Any, handle: Any) -> GribGrid:
    columns, rows = (eccodes.codes_get_long(handle, key) for key in ("Ni", "Nj"))
    _check_points(eccodes, handle, columns, rows)
    north, west, south, east = (
        eccodes.codes_get_double(handle, key)
        for key in (
            "latitudeOfFirstGridPointInDegrees", "longitudeOfFirstGridPointInDegrees",
            "latitudeOfLastGridPointInDegrees", "longitudeOfLastGridPointInDegrees",
        )
    )  # fmt: skip
    if eccodes.codes_get_long(handle, "iScansNegatively"):
        west, east = (west if west >= east else west + 360), east
    elif east < west:
        west -= 360
    lats, lons = np.linspace(north, south, rows), np.linspace(west, east, columns)
    if lons.max() > 360:
        lons = lons - 360
    return GribGrid(
        (rows, columns),
        ("lat", "lon"),
        {
            "lat": ("lat", lats, {"units": "degrees_north"}),
            "lon": ("lon", lons, {"units": "degrees_east"}),
        },
        "",
        *_scanning(eccodes, handle),
    )


def _projected(eccodes: Any, handle: Any, kind: str) -> GribGrid:
    import pyproj

    def number(key: str, default: float = 0.0) -> float:
        if not eccodes.codes_is_defined(handle, key):
            return default
        return float(eccodes.codes_get_double(handle, key))

    lon = number("LoVInDegrees", number("orientationOfTheGridInDegrees"))
    lad = number("LaDInDegrees", 60.0)
    places = {
        "lambert": f"+proj=lcc +lat_0={lad} +lon_0={lon} +lat_1={number('Latin1InDegrees')}"
        f" +lat_2={number('Latin2InDegrees')}",
        "polar_stereographic": f"+proj=stere +lat_ts={lad} +lon_0={lon}"
        f" +lat_0={-90 if number('projectionCentreFlag') else 90}",
        "mercator": f"+proj=merc +lat_ts={lad} +lon_0={number('orientationOfTheGridInDegrees')}",
    }
    major = number("earthMajorAxisInMetres", number("radius", 6367470.0))
    minor = number("earthMinorAxisInMetres", major)
    ball = f"+a={major} +b={minor} +units=m +no_defs"
    crs = pyproj.CRS.from_proj4(f"{places[kind]} {ball}")
    # The first point is on the same ellipsoid: no change of datum on the way.
    first = pyproj.Proj(crs)(
        number("longitudeOfFirstGridPointInDegrees"),
        number("latitudeOfFirstGridPointInDegrees"),
    )
    columns, rows = int(number("Nx", number("Ni"))), int(number("Ny", number("Nj")))
    _check_points(eccodes, handle, columns, rows)
    dx, dy = (
        number(f"D{a}InMetres", number(f"D{b}InMetres")) for a, b in (("x", "i"), ("y", "j"))
    )
    if not all(np.isfinite((*first, dx, dy))) or dx <= 0 or dy <= 0:
        raise RefusedFileError("a grid without cell size", code="bad-geotransform")
    xs = first[0] + dx * np.arange(columns) * (-1 if number("iScansNegatively") else 1)
    ys = first[1] + dy * np.arange(rows) * (1 if number("jScansPositively") else -1)
    return GribGrid(
        (rows, columns),
        ("y", "x"),
        {"y": ("y", ys), "x": ("x", xs)},
        crs.to_wkt(),
        *_scanning(eccodes, handle),
    )


def _check_points(eccodes: Any, handle: Any, columns: int, rows: int) -> None:
    # Before any axis is made: the count of points was held against the limits already.
    points = eccodes.codes_get_long(handle, "numberOfDataPoints")
    if not 0 < points == columns * rows:
        raise RefusedFileError(
            f"a grid of {columns} by {rows} with {points} points", code="malformed"
        )


def _scanning(eccodes: Any, handle: Any) -> tuple[bool, bool]:
    def flag(key: str) -> bool:
        known = eccodes.codes_is_defined(handle, key)
        return bool(known and eccodes.codes_get_long(handle, key))

    return flag("jPointsAreConsecutive"), flag("alternativeRowScanning")
