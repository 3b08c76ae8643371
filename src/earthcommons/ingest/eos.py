"""Where the arrays of HDF-EOS grids and of bare HDF files lie. Runs in the jail; see `jail`.

Source:
    HDF-EOS Library User's Guide, volume 2, section 6 (grid structure); GCTP projection codes.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from earthcommons.errors import RefusedFileError

__all__ = ["Array", "Grid", "divided", "grids_in", "placed"]

_LAT, _LON = ("lat", "latitude", "nlat"), ("lon", "longitude", "nlon")
# Radius of the sphere that the sinusoidal grids of MODIS and VIIRS stand on [m].
_SPHERE = 6371007.181


@dataclass(frozen=True, slots=True)
class Array:
    """One array of an HDF file: its name, where it stands, its values, its attributes."""

    name: str
    path: str
    values: Any
    facts: dict[str, Any]
    dims: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Grid:
    """One grid of StructMetadata: size, corners, projection."""

    name: str
    columns: int
    rows: int
    upper_left: tuple[float, float]
    lower_right: tuple[float, float]
    projection: str
    parameters: tuple[float, ...] = field(default=())

    def axes(self) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], str]:
        """Return cell centres of columns and rows, and the CRS as WKT; empty on the globe.

        Raises:
            RefusedFileError: a projection that is not read, or a grid without size.
        """
        (west, north), (east, south) = self.upper_left, self.lower_right
        if not (0 < self.columns < 10**6 and 0 < self.rows < 10**6):
            raise RefusedFileError(f"grid {self.name[:60]!r} has no size", code="malformed")
        crs = ""
        if self.projection in ("HE5_GCTP_GEO", "GCTP_GEO"):
            west, north, east, south = (_degrees(v) for v in (west, north, east, south))
        else:
            crs = _wkt(self)
        dx, dy = (east - west) / self.columns, (south - north) / self.rows
        return (
            west + dx * (np.arange(self.columns) + 0.5),
            north + dy * (np.arange(self.rows) + 0.5),
            crs,
        )


def grids_in(text: str) -> list[Grid]:
    """Return the grids that StructMetadata describes."""
    found = []
    for block in re.findall(r"GROUP=GRID_\d+\n(.*?)END_GROUP=GRID_\d+", text, re.DOTALL):
        words = dict(re.findall(r"^\s*(\w+)=(.+?)\s*$", block, re.MULTILINE))
        parameters = words.get("ProjParams", "").strip("()")
        try:
            found.append(
                Grid(
                    words["GridName"].strip('"'),
                    int(words["XDim"]),
                    int(words["YDim"]),
                    _pair(words["UpperLeftPointMtrs"]),
                    _pair(words["LowerRightMtrs"]),
                    words["Projection"].strip('"'),
                    tuple(float(v) for v in parameters.split(",") if v.strip()),
                )
            )
        except (KeyError, ValueError) as error:
            raise RefusedFileError(
                f"StructMetadata cannot be read: {error}"[:200], code="malformed"
            ) from error
    return found


def divided(arrays: list[Array], task: dict[str, Any]) -> list[str]:
    """Turn scales that divide into those that multiply, in place; return a warning for each.

    MOD13 and MOD09GA state 100 or 10000 and mean that numbers were multiplied by it before they
    were stored; MOD09A1, MOD11 and others state 0.0001 or 0.02, to multiply by. Only a power of
    ten divides, and only where the valid range reaches it: divided it then spans one or more, as
    shares, indices and angles do.

    Source:
        MOD13 User's Guide (C6.1), tables of layers: valid range and scale factor.
    """
    wanted = {variable["name"] for variable in task["variables"]}
    doubts = []
    for array in arrays:
        scale = float(array.facts.get("scale_factor", 1))
        reach = array.facts.pop("valid_range", None)
        if not _divides(scale, reach) or array.values.dtype.kind not in "iu":
            continue
        array.facts["scale_factor"] = 1 / scale
        if not wanted or array.name in wanted:
            doubts.append(
                f"scale-divides: {array.name[:60]} states the scale {scale:g}; its numbers were"
                " divided by it, as the makers of MOD13 and MOD09 mean it"
            )
    return doubts


def _divides(scale: float, reach: Any) -> bool:
    if not 10 <= scale <= 10**6 or not math.log10(scale).is_integer():
        return False
    try:
        edges = np.asarray(reach, "f8").ravel()
    except (TypeError, ValueError):
        return True
    known = edges.size == 2 and np.isfinite(edges).all()
    return not known or float(np.abs(edges).max()) >= scale


def placed(arrays: list[Array], grids: list[Grid], task: dict[str, Any]) -> Any:
    """Return a dataset of those arrays that lie on one grid.

    The grid is that of StructMetadata (chosen by the declared `group` where there are several),
    or latitudes and longitudes among the arrays, or the declared `crs` and `bbox` (edges; the
    first row is the northernmost).

    Raises:
        RefusedFileError: nothing says where the arrays lie, or several grids and none chosen.
    """
    import xarray as xr

    if wanted := task.get("group", "").strip("/"):
        grids = [grid for grid in grids if grid.name == wanted]
        arrays = [array for array in arrays if f"/{wanted}/" in f"/{array.path.strip('/')}"]
        if not arrays:
            raise RefusedFileError(f"there is no group {wanted[:80]!r}", code="malformed")
    if len(grids) > 1:
        names = ", ".join(grid.name for grid in grids)[:300]
        raise RefusedFileError(
            f'several grids: declare group = "…", one of {names}', code="several-files"
        )
    if grids:
        xs, ys, crs = grids[0].axes()
    else:
        xs, ys, crs = _said(arrays, task)
    axes = ("y", "x") if crs else ("lat", "lon")
    variables = {}
    for array in arrays:
        if array.values.ndim < 2 or array.values.shape[-2:] != (len(ys), len(xs)):
            continue
        leading = tuple(f"{array.name}_{n}" for n in range(array.values.ndim - 2))
        variables[array.name] = ((*leading, *axes), array.values, array.facts)
    units = ({"units": "degrees_north"}, {"units": "degrees_east"}) if not crs else ({}, {})
    return xr.Dataset(
        variables,
        {axes[0]: (axes[0], ys, units[0]), axes[1]: (axes[1], xs, units[1])},
        {"crs_wkt": crs} if crs else {},
    )


def _said(
    arrays: list[Array], task: dict[str, Any]
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], str]:
    flat = {array.name.lower(): array for array in arrays if array.values.ndim == 1}
    lat, lon = (next((flat[n] for n in names if n in flat), None) for names in (_LAT, _LON))
    if lat is not None and lon is not None:
        return np.asarray(lon.values), np.asarray(lat.values), ""
    if task["crs"] and task.get("bbox"):
        wanted = [v["name"] for v in task["variables"]]
        shapes = {
            tuple(array.values.shape[-2:])
            for array in arrays
            if array.values.ndim >= 2 and (not wanted or array.name in wanted)
        }
        if len(shapes) == 1:
            rows, columns = next(iter(shapes))
            west, south, east, north = task["bbox"]
            xs = west + (east - west) / columns * (np.arange(columns) + 0.5)
            ys = north - (north - south) / rows * (np.arange(rows) + 0.5)
            return xs, ys, "" if task["crs"] in ("EPSG:4326", "OGC:CRS84") else task["crs"]
    raise RefusedFileError(
        "nothing says where the arrays lie: no grid, no latitudes and longitudes;"
        " declare crs and bbox",
        code="crs-missing",
    )


def _wkt(grid: Grid) -> str:
    import pyproj

    kind = grid.projection.rpartition("GCTP_")[2]
    p = (*grid.parameters, *(0.0,) * 13)[:13]
    radius = p[0] if p[0] > 0 else _SPHERE
    lon, lat = _degrees(p[4]), _degrees(p[5])
    shift = f"+x_0={p[6]} +y_0={p[7]} +units=m +no_defs"
    pole = math.copysign(90, lat)
    ball = f"+R={radius}" if p[1] <= 0 else f"+a={p[0]} +b={p[1]}"
    texts = {
        "SNSOID": f"+proj=sinu +lon_0={lon} {ball} {shift}",
        "CEA": f"+proj=cea +lon_0={lon} +lat_ts={lat} {ball} {shift}",
        "LAMAZ": f"+proj=laea +lon_0={lon} +lat_0={lat} {ball} {shift}",
        "PS": f"+proj=stere +lat_0={pole} +lat_ts={lat} +lon_0={lon} {ball} {shift}",
    }
    if kind not in texts:
        raise RefusedFileError(
            f"grid {grid.name[:60]!r} has the projection {kind[:20]}, which is not read:"
            " convert it to GeoTIFF",
            code="crs-invalid",
        )
    return str(pyproj.CRS.from_proj4(texts[kind]).to_wkt())


def _degrees(packed: float) -> float:
    """Return degrees of a packed DDDMMMSSS.SS number."""
    size = abs(packed)
    whole, rest = divmod(size, 1_000_000)
    minutes, seconds = divmod(rest, 1000)
    return math.copysign(whole + minutes / 60 + seconds / 3600, packed)


def _pair(text: str) -> tuple[float, float]:
    one, other = text.strip("()").split(",")
    return float(one), float(other)
