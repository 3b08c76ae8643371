"""GeoTIFF in, Cloud Optimized GeoTIFF out. Runs in the jail; see `jail`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from rasterio.warp import transform_bounds

from earthcommons.errors import RefusedFileError, UnitError
from earthcommons.ingest.footprint import footprint
from earthcommons.model.unit import check_unit, same_unit

if TYPE_CHECKING:
    from pathlib import Path

    from rasterio.io import DatasetReader

    from earthcommons.ingest.limits import Limits

__all__ = ["convert"]

_MEDIA_TYPE = "image/tiff; application=geotiff; profile=cloud-optimized"


def convert(folder: Path, task: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """Write `folder/out.tif` as COG with the pixels of `folder/source` and say what it holds.

    Raises:
        RefusedFileError: not a GeoTIFF, truncated, too large by its own declaration, no CRS, a
            degenerate or rotated grid, or coordinates that cannot be on Earth.
        UnitError: a band has no unit and none is declared, or both speak and disagree.
    """
    target = folder / "out.tif"
    try:
        with rasterio.open(folder / "source", driver="GTiff") as source:
            _check_size(source, limits)
            _check_grid(source, task)
            bands = [_band_facts(source, n, task) for n in source.indexes]
            statistics = _statistics(source)
            _write(source, target, [band["unit"] for band in bands], _categorical(task, bands))
            facts = _projection(source)
    except rasterio.errors.RasterioIOError as error:
        raise RefusedFileError(f"not a whole GeoTIFF: {error}", code="malformed") from error
    for band, figures in zip(bands, statistics, strict=True):
        band["statistics"] = figures
    return {
        "output": target.name,
        "suffix": ".tif",
        "media_type": _MEDIA_TYPE,
        "bands": bands,
        **facts,
    }


def _check_size(source: DatasetReader, limits: Limits) -> None:
    pixels = source.width * source.height
    if pixels > limits.band_pixels or source.count > limits.bands:
        raise RefusedFileError(
            f"declares {source.count} bands of {pixels} pixels,"
            f" allowed {limits.bands} of {limits.band_pixels}",
            code="declared-too-large",
        )


def _check_grid(source: DatasetReader, task: dict[str, Any]) -> None:
    if source.crs is None or not source.crs.to_wkt():
        raise RefusedFileError(
            "no CRS: write one into the file (gdal_edit.py -a_srs EPSG:4326 file.tif)",
            code="crs-missing",
        )
    if task["crs"] and source.crs != _crs(task["crs"]):
        raise RefusedFileError(
            f"the file says CRS {source.crs.to_string()[:60]}, the declaration {task['crs']}",
            code="crs-invalid",
        )
    t = source.transform
    numbers = (t.a, t.b, t.c, t.d, t.e, t.f)
    if not all(map(math.isfinite, numbers)) or t.a == 0 or t.e == 0:
        raise RefusedFileError(f"geotransform {numbers} is no grid", code="bad-geotransform")
    if t.b or t.d:
        raise RefusedFileError(
            "rotated grids are not read: warp it first", code="bad-geotransform"
        )
    if source.crs.is_geographic:
        _check_degrees(*source.bounds)


def _crs(text: str) -> rasterio.CRS:
    try:
        return rasterio.CRS.from_user_input(text)
    except rasterio.errors.CRSError as error:
        raise RefusedFileError(
            f"declares CRS {text[:40]!r}, which is none", code="crs-invalid"
        ) from error


def _check_degrees(west: float, south: float, east: float, north: float) -> None:
    slack = 1e-3
    if max(abs(south), abs(north)) > 90 + slack:
        raise RefusedFileError(
            f"latitudes run from {south:g} to {north:g}: longitude and latitude look swapped",
            code="axis-order",
        )
    if east - west > 360 + slack or max(abs(west), abs(east)) > 360 + slack:
        raise RefusedFileError(
            f"longitudes run from {west:g} to {east:g}: not on one globe",
            code="bad-geotransform",
        )


def _band_facts(source: DatasetReader, n: int, task: dict[str, Any]) -> dict[str, Any]:
    declared = task["variables"][n - 1] if n <= len(task["variables"]) else {}
    name = declared.get("name") or source.descriptions[n - 1] or f"b{n}"
    written, stated = source.units[n - 1] or "", declared.get("unit", "")
    if written and stated and not same_unit(written, stated):
        raise UnitError(f"band {n}: the file says {written}, the declaration {stated}")
    nodata = source.nodatavals[n - 1]
    facts: dict[str, Any] = {
        "name": name,
        "data_type": source.dtypes[n - 1],
        "unit": check_unit(stated or written, f"band {n} ({name})"),
    }
    if meaning := declared.get("meaning"):
        facts["description"] = meaning
    if nodata is not None:
        facts["nodata"] = "nan" if math.isnan(nodata) else nodata
    if classes := declared.get("classes"):
        facts["classification:classes"] = [
            {"value": int(value), "name": f"class-{value}", **named}
            for value, named in sorted(classes.items(), key=lambda pair: int(pair[0]))
        ]
    return facts


def _categorical(task: dict[str, Any], bands: list[dict[str, Any]]) -> bool:
    return any(variable["classes"] for variable in task["variables"]) or all(
        band["unit"] == "class" for band in bands
    )


def _statistics(source: DatasetReader) -> list[dict[str, float]]:
    # Reading every block here also proves that the file is whole before anything is published.
    figures = []
    for n in source.indexes:
        count, mean, m2 = 0, 0.0, 0.0
        low, high = math.inf, -math.inf
        for _, window in source.block_windows(n):
            values = source.read(n, window=window, masked=True).compressed().astype("f8")
            values = values[np.isfinite(values)]
            if values.size == 0:
                continue
            low, high = min(low, float(values.min())), max(high, float(values.max()))
            # Chan et al. 1979: means and squares of blocks combine without cancellation.
            part, delta = float(values.mean()), float(values.mean()) - mean
            total = count + values.size
            m2 += float(((values - part) ** 2).sum()) + delta**2 * count * values.size / total
            mean += delta * values.size / total
            count = total
        share = 100 * count / (source.width * source.height)
        figure = {"valid_percent": share}
        if count:
            figure |= {"minimum": low, "maximum": high, "mean": mean}
            figure |= {"stddev": math.sqrt(m2 / count)}
        figures.append(figure)
    return figures


def _write(source: DatasetReader, target: Path, units: list[str], categorical: bool) -> None:
    from rasterio.shutil import copy

    plain = target.with_name("plain.tif")
    # A plain copy first carries units and drops foreign tags; the COG driver then orders it.
    profile = {
        "driver": "GTiff", "dtype": source.dtypes[0], "count": source.count,
        "width": source.width, "height": source.height, "crs": source.crs,
        "transform": source.transform, "nodata": source.nodata, "tiled": True,
        "blockxsize": 512, "blockysize": 512, "compress": "zstd", "zstd_level": 1,
        "bigtiff": "if_safer", "sparse_ok": True,
    }  # fmt: skip
    with rasterio.open(plain, "w", **profile) as out:
        for n in source.indexes:
            for _, window in out.block_windows(n):
                out.write(source.read(n, window=window), n, window=window)
        out.units = tuple(units)
        out.descriptions = source.descriptions
    copy(
        str(plain), str(target), driver="COG", COMPRESS="ZSTD", LEVEL="9", BLOCKSIZE="256",
        PREDICTOR="YES", OVERVIEW_RESAMPLING="MODE" if categorical else "AVERAGE",
        NUM_THREADS="1", SPARSE_OK="YES",
    )  # fmt: skip
    plain.unlink()


def _projection(source: DatasetReader) -> dict[str, Any]:
    west, south, east, north = source.bounds
    if not source.crs.is_geographic:
        west, south, east, north = transform_bounds(
            source.crs, "EPSG:4326", *source.bounds, densify_pts=63
        )
    t = source.transform
    epsg = source.crs.to_epsg()
    return {
        **footprint(west, south, east, north),
        "properties": {
            **({"proj:code": f"EPSG:{epsg}"} if epsg else {"proj:wkt2": source.crs.to_wkt()}),
            "proj:shape": [source.height, source.width],
            "proj:transform": [t.a, t.b, t.c, t.d, t.e, t.f],
            "proj:bbox": list(source.bounds),
        },
        "spatial_resolution": abs(t.a),
    }
