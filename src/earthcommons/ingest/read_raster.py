"""GeoTIFF in, Cloud Optimized GeoTIFF out. Runs in the jail; see `jail`."""

from __future__ import annotations

import math
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from rasterio.enums import ColorInterp, MaskFlags
from rasterio.shutil import copy
from rasterio.warp import transform_bounds
from rasterio.windows import Window

from earthcommons.errors import RefusedFileError
from earthcommons.ingest.causes import cause_in_words
from earthcommons.ingest.footprint import footprint
from earthcommons.ingest.settled import settle_unit, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rasterio.io import DatasetReader, DatasetWriter

    from earthcommons.ingest.limits import Limits

__all__ = ["check_grid", "check_size", "columns_to_roll", "convert", "has_scale", "opened"]

# A raster of up to so many bytes is read once and held; a larger one goes through a file.
_HELD_BYTES = 64 * 2**20
# A grid goes once around, and an edge lies at 180°, to so much of a cell.
_SLACK_CELLS = 0.05
# What a GeoTIFF of so many bands of bytes says of their colours when nobody says otherwise.
_RGB = (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
_COLOURS = {3: _RGB, 4: (*_RGB, ColorInterp.alpha)}


def convert(folder: Path, task: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """Write `folder/out.tif` as COG with the pixels of `folder/source` and say what it holds.

    Raises:
        RefusedFileError: not a GeoTIFF, truncated, too large by its own declaration, no CRS, a
            degenerate or rotated grid, or coordinates that cannot be on Earth.
        UnitError: a band has no unit and none is declared, or both speak and disagree.
    """
    target = folder / "out.tif"
    with opened(folder / task.get("source", "source")) as source:
        check_size(source, limits)
        if any(np.dtype(dtype).kind == "c" for dtype in source.dtypes):
            raise RefusedFileError(
                "complex numbers are not read: write amplitude and phase, or real and"
                " imaginary part, as bands of their own",
                code="format-mismatch",
            )
        check_grid(source, task)
        if (declared := len(task["variables"])) > source.count:
            raise RefusedFileError(
                f"declares {declared} bands, the file has {source.count}", code="malformed"
            )
        bands = [_band_facts(source, n, task) for n in source.indexes]
        if task.get("look"):
            facts = _projection(source)
            return shown(
                ({**band, "datatype": band["data_type"]} for band in bands),
                crs=facts["properties"].get("proj:code", "")[:60], bbox=facts["bbox"],
                warnings=_roll_told(columns_to_roll(source)),
            )  # fmt: skip
        with _decoded(source, folder) as (values, warnings):
            for band, dtype, nodata in zip(
                bands, values.dtypes, values.nodatavals, strict=True
            ):
                band["data_type"] = dtype
                if nodata is not None:
                    band["nodata"] = "nan" if math.isnan(nodata) else nodata
            units, categorical = [band["unit"] for band in bands], _categorical(task, bands)
            if _small(values):
                statistics, infinite = _through_memory(values, target, units, categorical)
            else:
                statistics, infinite = _statistics(values)
                _through_file(values, target, units, categorical)
            facts = _projection(values)
    if infinite:
        warnings.append(f"{infinite} infinite values count as missing in the statistics")
    for band, figures in zip(bands, statistics, strict=True):
        band["statistics"] = figures
    if warnings:
        facts["properties"]["ec:warnings"] = warnings
    return {
        "suffix": ".tif",
        "bands": bands,
        **facts,
    }


@contextmanager
def opened(source: Path) -> Iterator[DatasetReader]:
    """Yield a GeoTIFF, opened by its one driver; a read that fails is a refusal.

    Raises:
        RefusedFileError: not a whole GeoTIFF.
    """
    try:
        with rasterio.open(source, driver="GTiff") as reader:
            yield reader
    except rasterio.errors.RasterioIOError as error:
        words = cause_in_words(error).replace(str(source), source.name)
        raise RefusedFileError(
            f"not a whole GeoTIFF, cut short or damaged: {words}"[:300], code="malformed"
        ) from error


@contextmanager
def _decoded(source: DatasetReader, folder: Path) -> Iterator[tuple[DatasetReader, list[str]]]:
    """Yield the raster as it is kept: numbers after scale and offset, and a number for missing.

    What a mask beside the values hides is written as a number that no visible cell has, since
    everything that reads the copy asks the numbers alone.
    """
    scaled, hidden, turn = has_scale(source), _hidden(source), columns_to_roll(source)
    if not (scaled or hidden or turn):
        yield source, []
        return
    warnings = _roll_told(turn)
    dtype, missing = source.dtypes[0], source.nodata
    if scaled:
        dtype, missing = _float_for(source), math.nan
    elif hidden:
        dtype, missing = _number_for_missing(source)
    profile = {
        "driver": "GTiff", "dtype": dtype, "count": source.count, "width": source.width,
        "height": source.height, "crs": source.crs, "transform": _rolled(source, turn),
        "nodata": missing, "tiled": True, "blockxsize": 512, "blockysize": 512,
        "compress": "zstd", "zstd_level": 1, "bigtiff": "if_safer",
    }  # fmt: skip
    with rasterio.open(folder / "decoded.tif", "w", **profile) as out:
        for n, scale, offset in zip(source.indexes, source.scales, source.offsets, strict=True):
            sound = scale != 0 and math.isfinite(scale) and math.isfinite(offset)
            if not sound:
                warnings.append(f"band {n} has scale {scale:g}: its values cannot be known")
            for _, window in out.block_windows(n):
                raw = _read(source, n, window, turn, masked=scaled or hidden)
                if not scaled:
                    kept = raw.astype(dtype).filled(missing) if hidden else raw
                    out.write(kept, n, window=window)
                    continue
                values = (raw.astype("f8") * scale + offset).filled(math.nan)
                out.write(
                    (values if sound else np.full_like(values, math.nan)).astype(dtype),
                    n, window=window,
                )  # fmt: skip
        out.descriptions = source.descriptions
    with rasterio.open(folder / "decoded.tif", driver="GTiff") as reader:
        yield reader, warnings


def columns_to_roll(source: DatasetReader) -> int:
    """Return how many columns stand west of what becomes the first, to begin at 180° west.

    None of a grid that lies within ±180°, goes not exactly once around the globe, or has no edge
    there: such a grid stays as it is.
    """
    if not source.crs.is_geographic:
        return 0
    step, (west, _, east, _) = source.transform.a, source.bounds
    slack = step * _SLACK_CELLS
    if abs(east - west - 360) > slack or (west > -180 - slack and east < 180 + slack):
        return 0
    columns = (180 - west) % 360 / step
    whole = round(columns)
    return whole % source.width if abs(columns - whole) < _SLACK_CELLS else 0


def _roll_told(turn: int) -> list[str]:
    if not turn:
        return []
    words = f"{turn} columns moved to the other side, so that longitudes run from -180° to 180°"
    return [f"longitudes-rolled: {words}; no value was changed"]


def _rolled(source: DatasetReader, turn: int) -> Any:
    """Return the geotransform after so many columns moved from the west to the east."""
    t = source.transform
    west = t.c + turn * t.a
    return rasterio.Affine(t.a, t.b, west - 360 * round((west + 180) / 360), t.d, t.e, t.f)


def _read(source: DatasetReader, n: int, window: Window, turn: int, *, masked: bool) -> Any:
    """Return a window of the rolled grid, whose columns may stand in two parts of the source."""
    begin, row = (window.col_off + turn) % source.width, window.row_off
    first = min(window.width, source.width - begin)
    parts = [
        source.read(n, window=Window(column, row, width, window.height), masked=masked)
        for column, width in ((begin, first), (0, window.width - first))
        if width
    ]
    return parts[0] if len(parts) == 1 else np.ma.concatenate(parts, 1)  # type: ignore[no-untyped-call]


def has_scale(source: DatasetReader) -> bool:
    """Whether a band carries a scale or an offset."""
    pairs = zip(source.scales, source.offsets, strict=True)
    return any(pair != (1.0, 0.0) for pair in pairs)


def _float_for(source: DatasetReader) -> str:
    # A single holds every 16-bit integer; of wider numbers it would lose the last digits.
    wide = any(np.dtype(dtype).itemsize > 2 and dtype != "float32" for dtype in source.dtypes)
    return "float64" if wide else "float32"


def _hidden(source: DatasetReader) -> bool:
    """Whether a mask, an alpha band or an infinite number tells what is missing."""
    if source.nodata is not None and math.isinf(source.nodata):
        return True
    flags = {flag for band in source.mask_flag_enums for flag in band}
    if source.dtypes[0] == "uint8" and len(_COLOURS.get(source.count, ())) == 4:
        return False
    return bool(flags & {MaskFlags.per_dataset, MaskFlags.alpha})


def _number_for_missing(source: DatasetReader) -> tuple[str, float]:
    """Return a type that holds the raster's values, and a number that none of them is."""
    kind = np.dtype(source.dtypes[0])
    if kind.kind == "f":
        return kind.name, math.nan
    bounds = np.iinfo(kind)
    free = [n for n in (source.nodata, bounds.max, bounds.min) if n is not None]
    for n in source.indexes:
        for _, window in source.block_windows(n):
            seen = np.ma.compressed(source.read(n, window=window, masked=True))
            free = [number for number in free if not (seen == number).any()]
    if free:
        return kind.name, free[0]
    if kind.itemsize == 8:
        raise RefusedFileError(
            "no number is left to stand for what the mask hides: declare fewer values, or"
            " write them as floating point",
            code="nodata-missing",
        )
    wider = np.dtype(f"i{2 * kind.itemsize}")
    return wider.name, np.iinfo(wider).min


def check_size(source: DatasetReader, limits: Limits) -> None:
    """Refuse a raster by the size it declares.

    Raises:
        RefusedFileError: too many pixels or bands (`declared-too-large`).
    """
    pixels = source.width * source.height
    if pixels > limits.band_pixels or source.count > limits.bands:
        raise RefusedFileError(
            f"declares {source.count} bands of {pixels} pixels,"
            f" allowed {limits.bands} of {limits.band_pixels}",
            code="declared-too-large",
        )


def check_grid(source: DatasetReader, task: dict[str, Any]) -> None:
    """Refuse a grid that is none: no CRS, rotated, without size, or not on Earth.

    Raises:
        RefusedFileError: `crs-missing`, `crs-invalid`, `bad-geotransform`, `axis-order`.
    """
    if source.crs is None and source.gcps[0]:
        raise RefusedFileError(
            "ground control points only, no grid: warp it first (gdalwarp in.tif out.tif)",
            code="bad-geotransform",
        )
    if source.crs is None or not source.crs.to_wkt():
        raise RefusedFileError(
            "no CRS: write one into the file (gdal_edit.py -a_srs EPSG:4326 file.tif)",
            code="crs-missing",
        )
    if not (source.crs.is_geographic or source.crs.is_projected):
        raise RefusedFileError(
            "the CRS is no place on a map (vertical, or of an instrument)", code="crs-invalid"
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
    if t.a < 0 or t.e > 0:
        raise RefusedFileError(
            "rows run from south to north or columns from east to west: turn it"
            " (gdalwarp in.tif out.tif)",
            code="bad-geotransform",
        )
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
    nodata = source.nodatavals[n - 1]
    facts: dict[str, Any] = {
        "name": name,
        "data_type": source.dtypes[n - 1],
        "unit": settle_unit(written, stated, f"band {n} ({name})", task),
    }
    if meaning := declared.get("meaning"):
        facts["description"] = meaning
    if nodata is not None:
        facts["nodata"] = nodata if math.isfinite(nodata) else "nan"
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


def _small(source: DatasetReader) -> bool:
    size = source.width * source.height * source.count * np.dtype(source.dtypes[0]).itemsize
    return bool(size <= _HELD_BYTES)


def _statistics(
    source: DatasetReader, held: Sequence[np.ndarray[Any, Any]] = ()
) -> tuple[list[dict[str, float]], int]:
    """Return figures for each band, of the values held or read, and how many are infinite."""
    # Reading every block here also proves that the file is whole before anything is published.
    figures = []
    infinite = 0
    masked = _masked(source)
    for n in source.indexes:
        count, mean, m2 = 0, 0.0, 0.0
        low, high = math.inf, -math.inf
        for _, window in source.block_windows(n):
            block = (
                held[n - 1][window.toslices()]
                if held
                else source.read(n, window=window, masked=masked)
            )
            values = np.ma.compressed(block).astype("f8")
            finite = np.isfinite(values)
            if not finite.all():
                infinite += int(np.isinf(values).sum())
                values = values[finite]
            if values.size == 0:
                continue
            low, high = min(low, float(values.min())), max(high, float(values.max()))
            # Chan et al. 1979: means and squares of blocks combine without cancellation.
            part, delta = float(values.mean()), float(values.mean()) - mean
            total = count + values.size
            values -= part
            values *= values
            m2 += float(values.sum()) + delta**2 * count * values.size / total
            mean += delta * values.size / total
            count = total
        share = 100 * count / (source.width * source.height)
        figure = {"valid_percent": share}
        if count:
            figure |= {"minimum": low, "maximum": high, "mean": mean}
            figure |= {"stddev": math.sqrt(m2 / count)}
        figures.append(figure)
    return figures, infinite


def _masked(source: DatasetReader) -> bool:
    """Whether a value alone does not tell that it is missing: NaN does."""
    return any(
        flags != [MaskFlags.all_valid]
        and not (flags == [MaskFlags.nodata] and nodata is not None and math.isnan(nodata))
        for flags, nodata in zip(source.mask_flag_enums, source.nodatavals, strict=True)
    )


def _through_memory(
    source: DatasetReader, target: Path, units: list[str], categorical: bool
) -> tuple[list[dict[str, float]], int]:
    """Write the COG and return the statistics of a raster that is read once and held."""
    masked = _masked(source)
    held = [source.read(n, masked=masked) for n in source.indexes]
    figures = _statistics(source, held)
    with rasterio.open("", "w", driver="MEM", **_frame(source)) as plain:
        for n, values in enumerate(held, 1):
            plain.write(np.ma.getdata(values), n)
        plain.units, plain.descriptions = tuple(units), source.descriptions
        if source.count in _COLOURS and source.dtypes[0] == "uint8":
            plain.colorinterp = _COLOURS[source.count]
        # Overviews of what fits in memory are not compressed before they are compressed for good.
        with rasterio.Env(COG_TMP_COMPRESSION="NONE"):
            _order(plain, target, categorical)
    return figures


def _through_file(
    source: DatasetReader, target: Path, units: list[str], categorical: bool
) -> None:
    plain = target.with_name("plain.tif")
    profile = {
        "driver": "GTiff", "tiled": True, "blockxsize": 512, "blockysize": 512,
        "compress": "zstd", "zstd_level": 1, "bigtiff": "if_safer", "sparse_ok": True,
    }  # fmt: skip
    with rasterio.open(plain, "w", **profile, **_frame(source)) as out:
        for n in source.indexes:
            for _, window in out.block_windows(n):
                out.write(source.read(n, window=window), n, window=window)
        out.units, out.descriptions = tuple(units), source.descriptions
    _order(str(plain), target, categorical)
    plain.unlink()


def _frame(source: DatasetReader) -> dict[str, Any]:
    # What the copy takes over: units come settled, foreign tags stay behind.
    return {
        "dtype": source.dtypes[0], "count": source.count, "width": source.width,
        "height": source.height, "crs": source.crs, "transform": source.transform,
        "nodata": source.nodata,
    }  # fmt: skip


def _order(plain: DatasetWriter | str, target: Path, categorical: bool) -> None:
    copy(
        plain, str(target), driver="COG", COMPRESS="ZSTD", LEVEL="9", BLOCKSIZE="256",
        PREDICTOR="YES", OVERVIEW_RESAMPLING="MODE" if categorical else "AVERAGE",
        NUM_THREADS="1", SPARSE_OK="YES",
    )  # fmt: skip


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
