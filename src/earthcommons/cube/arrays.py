"""Rasters and cubes as xarray arrays on Dask: nothing is read before it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from earthcommons.cube.assets import asset_key
from earthcommons.errors import InvalidInputError, NotFoundError
from earthcommons.model.unit import converter

if TYPE_CHECKING:
    from collections.abc import Mapping

    import xarray as xr
    from odc.geo.geobox import GeoBox

    from earthcommons.store import ObjectStore

__all__ = ["grid_of", "open_array"]

_BLOCK = 1024


def open_array(
    item: Mapping[str, Any], store: ObjectStore, variable: str = "", unit: str = ""
) -> xr.DataArray:
    """Return one variable of an item.

    Args:
        item: a STAC item of this node whose asset `data` is a COG or a Zarr store.
        store: where its objects are.
        variable: band or data variable; may be left out where there is only one.
        unit: unit wanted; the stored unit is converted. Empty keeps it.

    Returns:
        Lazy array, dims (…, lat, lon) on a geographic grid, (…, y, x) on a projected one,
        [unit]. Measures are floating point with NaN where missing; classes (unit `class`) keep
        their integers and name the missing one in `attrs["nodata"]`.

    Raises:
        NotFoundError: no such asset or variable.
        UnitError: the stored unit does not convert.
    """
    key = asset_key(item)
    band, number = _band(item, variable)
    path = store.path(key)
    array = _open_zarr(path, band["name"]) if path.is_dir() else _open_cog(path, number)
    array = _masked(array, band)
    wanted = unit or band["unit"]
    factor, offset = converter(band["unit"], wanted)
    if (factor, offset) != (1.0, 0.0):
        array = array * factor + offset
    array.name = band["name"]
    stated = item["properties"]
    crs = stated.get("proj:code") or stated.get("proj:wkt2", "")
    array.attrs = {"unit": wanted, "crs": crs}
    if band["unit"] == "class":
        array.attrs["nodata"] = band.get("nodata")
    return array


def grid_of(array: xr.DataArray) -> GeoBox:
    """Return the grid of an array's last two dimensions as a GeoBox.

    Longitudes may run from 0 to 360; rows run as stored, north to south or south to north.

    Raises:
        InvalidInputError: fewer than two rows or columns, or uneven spacing.
    """
    import numpy as np
    from affine import Affine
    from odc.geo.geobox import GeoBox

    rows, columns = (np.asarray(array[dim].values, "f8") for dim in array.dims[-2:])
    if len(rows) < 2 or len(columns) < 2:
        raise InvalidInputError("a grid needs two rows and two columns at least")
    step_y, step_x = (_step(axis) for axis in (rows, columns))
    corner = Affine.translation(columns[0] - step_x / 2, rows[0] - step_y / 2)
    code = array.attrs.get("crs") or "EPSG:4326"
    return GeoBox((len(rows), len(columns)), corner * Affine.scale(step_x, step_y), code)


def _step(axis: Any) -> float:
    import numpy as np

    steps = np.diff(axis)
    if not np.allclose(steps, steps[0], rtol=1e-3, atol=1e-6):
        raise InvalidInputError("coordinates are not evenly spaced")
    return float((axis[-1] - axis[0]) / (len(axis) - 1))


def _band(item: Mapping[str, Any], variable: str) -> tuple[dict[str, Any], int]:
    bands = item["assets"]["data"].get("bands", [])
    for n, band in enumerate(bands, start=1):
        if band["name"] == variable or (not variable and len(bands) == 1):
            return band, n
    names = ", ".join(band["name"] for band in bands) or "none"
    raise NotFoundError(f"item {item['id']} has no variable {variable[:40]!r}; it has {names}")


def _open_cog(path: Any, number: int) -> xr.DataArray:
    import rioxarray
    import xarray as xr

    opened = rioxarray.open_rasterio(
        path, chunks={"x": _BLOCK, "y": _BLOCK}, lock=False, mask_and_scale=False
    )
    if not isinstance(opened, xr.DataArray):
        raise InvalidInputError(f"{path.name} holds no single raster")
    array = opened.sel(band=number).drop_vars(["band", "spatial_ref"])
    if opened.rio.crs.is_geographic:
        array = array.rename({"y": "lat", "x": "lon"})
    return array


def _open_zarr(path: Any, name: str) -> xr.DataArray:
    import xarray as xr

    array: xr.DataArray = xr.open_zarr(path, consolidated=False)[name]
    return array


def _masked(array: xr.DataArray, band: dict[str, Any]) -> xr.DataArray:
    import numpy as np

    if band["unit"] == "class":
        return array
    nodata = band.get("nodata")
    wide = array.astype(np.result_type(array.dtype, np.float32), copy=False)
    if nodata is None or nodata == "nan":
        return wide
    return wide.where(array != array.dtype.type(nodata))
