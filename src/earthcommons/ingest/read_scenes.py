"""Bands of scenes, one file each, into one raster or one cube. Runs in the jail; see `jail`.

The task's `scenes` says of every file which band of which time it is, and what to make: `scene`
stacks the bands of one scene as they lie; `cube` brings all scenes to one grid and one time axis.
"""

from __future__ import annotations

import math
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from rasterio.warp import Resampling, reproject

from earthcommons.errors import RefusedFileError
from earthcommons.ingest import read_raster
from earthcommons.ingest.cube_out import check_count, finish
from earthcommons.ingest.settled import declared_of

if TYPE_CHECKING:
    from pathlib import Path

    from rasterio.io import DatasetReader

    from earthcommons.ingest.limits import Limits

__all__ = ["convert"]


def convert(folder: Path, task: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """Write one raster or one cube from the files below `folder / task["source"]`.

    Raises:
        RefusedFileError: a file that is not GeoTIFF or has several bands, bands of one scene on
            different grids, scenes in different CRS, a scene twice, too many values.
        UnitError: a band has no unit and none is declared.
    """
    root, scenes = folder / task["source"], task["scenes"]
    with ExitStack() as stack:
        opened = [
            (part, stack.enter_context(read_raster.opened(root / part["file"])))
            for part in scenes["files"]
        ]
        for part, source in opened:
            read_raster.check_size(source, limits)
            read_raster.check_grid(source, {**task, "crs": ""})
            if source.count != 1:
                raise RefusedFileError(
                    f"{part['file']!r} has {source.count} bands, expected one", code="malformed"
                )
        if scenes["make"] == "cube":
            for part, source in opened:
                if read_raster.has_scale(source):
                    raise RefusedFileError(
                        f"{part['file']!r} carries scale and offset, which a cube does not"
                        " apply: write the numbers after both (gdal_translate -unscale)",
                        code="format-mismatch",
                    )
            return {**_cube(opened, folder, task, limits), "format": "scenes"}
        stacked = _stack(opened, folder, scenes["nodata"])
    names = [part["band"] for part in scenes["files"]]
    variables = declared_of(task)
    ordered = [variables[name] for name in names if name in variables]
    inner = {**task, "source": stacked.name, "variables": ordered}
    return {**read_raster.convert(folder, inner, limits), "format": "scenes"}


def _stack(
    opened: list[tuple[dict[str, Any], DatasetReader]], folder: Path, nodata: float | None
) -> Path:
    """Write the bands of one scene, which lie on one grid, into one file."""
    first = opened[0][1]
    for part, source in opened:
        if (source.crs, source.transform, source.shape) != (
            first.crs, first.transform, first.shape,
        ):  # fmt: skip
            raise RefusedFileError(
                f"{part['file']!r} lies on another grid than the scene's first band",
                code="bad-geotransform",
            )
    target = folder / "stacked.tif"
    profile = {
        "driver": "GTiff", "count": len(opened), "dtype": _common([s for _, s in opened]),
        "width": first.width, "height": first.height, "crs": first.crs,
        "transform": first.transform,
        "nodata": first.nodata if nodata is None else nodata, "tiled": True,
        "blockxsize": 512, "blockysize": 512, "bigtiff": "if_safer",
    }  # fmt: skip
    with rasterio.open(target, "w", **profile) as out:
        for n, (part, source) in enumerate(opened, start=1):
            for _, window in source.block_windows(1):
                out.write(source.read(1, window=window), n, window=window)
            out.set_band_description(n, part["band"])
        out.scales = tuple(source.scales[0] for _, source in opened)
        out.offsets = tuple(source.offsets[0] for _, source in opened)
    return target


def _cube(
    opened: list[tuple[dict[str, Any], DatasetReader]],
    folder: Path,
    task: dict[str, Any],
    limits: Limits,
) -> dict[str, Any]:
    import xarray as xr

    scenes, declared = task["scenes"], declared_of(task)
    crs = opened[0][1].crs
    if any(source.crs != crs for _, source in opened):
        raise RefusedFileError(
            "scenes in different CRS: make one cube for each, or reproject", code="crs-invalid"
        )
    transform, shape = _grid([source for _, source in opened], scenes["resolution"])
    times = sorted({part["time"] for part, _ in opened})
    bands = sorted({part["band"] for part, _ in opened})
    check_count(len(times) * len(bands) * math.prod(shape), limits)
    names = ("lat", "lon") if crs.is_geographic else ("y", "x")
    variables = {}
    for band in bands:
        files = [(part, source) for part, source in opened if part["band"] == band]
        dtype = _common([source for _, source in files])
        nodata = _nodata(band, files[0][1], scenes)
        values = np.full((len(times), *shape), nodata, dtype)
        seen: set[tuple[str, str]] = set()
        for part, source in files if not task.get("look") else ():
            if (mark := (part["time"], part["scene"])) in seen:
                raise RefusedFileError(
                    f"two files for band {band!r} of scene {part['scene']!r}",
                    code="name-collision",
                )
            seen.add(mark)
            # Where two scenes of one pass overlap, the first by name is kept.
            _lay(source, values[times.index(part["time"])], transform, crs, nodata)
        said = declared.get(band, {})
        attrs = {"units": said.get("unit", ""), "long_name": said.get("meaning", "")}
        variables[band] = (("time", *names), values, attrs | {"nodata": nodata})
    xs = transform.c + transform.a * (np.arange(shape[1]) + 0.5)
    ys = transform.f + transform.e * (np.arange(shape[0]) + 0.5)
    units = ("degrees_north", "degrees_east") if crs.is_geographic else ("m", "m")
    coordinates = {
        "time": np.array(times, "M8[ns]"),
        names[0]: (names[0], ys, {"units": units[0]}),
        names[1]: (names[1], xs, {"units": units[1]}),
    }
    attrs = {} if crs.is_geographic else {"crs_wkt": crs.to_wkt()}
    dataset = xr.Dataset(variables, coordinates, attrs)
    return finish(dataset, folder, task, limits)


def _nodata(band: str, source: DatasetReader, scenes: dict[str, Any]) -> float:
    found = scenes["fill"].get(band, scenes["nodata"])
    found = source.nodata if found is None else found
    if found is None:
        raise RefusedFileError(
            f"nothing says which number of {band!r} stands for missing: declare nodata",
            code="nodata-missing",
        )
    return float(found)


def _lay(
    source: DatasetReader, layer: np.ndarray[Any, Any], transform: Any, crs: Any, nodata: float
) -> None:
    own = source.nodata if source.nodata is not None else nodata
    laid = np.full(layer.shape, nodata, layer.dtype)
    # Nearest: the scenes' own numbers, and codes of quality stay codes.
    reproject(
        source.read(1), laid, src_transform=source.transform, src_crs=source.crs,
        src_nodata=own, dst_transform=transform, dst_crs=crs, dst_nodata=nodata,
        resampling=Resampling.nearest,
    )  # fmt: skip
    free = layer == nodata
    layer[free] = laid[free]


def _grid(sources: list[DatasetReader], resolution: float) -> tuple[Any, tuple[int, int]]:
    size = resolution or max(abs(sources[0].transform.a), abs(sources[0].transform.e))
    west = math.floor(min(source.bounds.left for source in sources) / size) * size
    north = math.ceil(max(source.bounds.top for source in sources) / size) * size
    east = math.ceil(max(source.bounds.right for source in sources) / size) * size
    south = math.floor(min(source.bounds.bottom for source in sources) / size) * size
    shape = round((north - south) / size), round((east - west) / size)
    return rasterio.transform.from_origin(west, north, size, size), shape


def _common(sources: list[DatasetReader]) -> Any:
    return np.result_type(*(np.dtype(source.dtypes[0]) for source in sources))
