"""GeoTIFF to GeoTIFF: the same values, said completely and packed tighter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from rasterio.windows import Window

from earthcommons.errors import InvalidInputError

if TYPE_CHECKING:
    from pathlib import Path

    from rasterio.io import DatasetReader

    from earthcommons.commons.demonstration.sources import Piece

__all__ = ["write_raster"]

_STRIP = 1000


def write_raster(piece: Piece, sources: Path, target: Path) -> None:
    """Write the one band of the provider's file, value for value, with unit and meaning.

    With `options.window` (column, row, width, height) only that window is written, and every
    pixel outside it must hold one of `options.outside`, so that nothing is lost in silence.

    Raises:
        InvalidInputError: more than one band, or something else outside the window.
    """
    variable = piece.variables[0]
    with rasterio.open(sources / piece.providers[0].path) as source:
        if source.count != 1:
            raise InvalidInputError(f"{piece.id}: {source.count} bands, expected 1")
        window = _window(piece, source)
        values = source.read(1, window=window)
        profile = _profile(source, window, values)
        with rasterio.open(target, "w", **profile) as out:
            out.write(values, 1)
            out.set_band_description(1, variable.name)
            out.set_band_unit(1, variable.unit)
            # Only words that never change: no date, no software version.
            out.update_tags(TITLE=piece.title["en"], ATTRIBUTION=piece.attribution)


def _window(piece: Piece, source: DatasetReader) -> Window:
    if "window" not in piece.options:
        return Window(0, 0, source.width, source.height)
    window = Window(*piece.options["window"])
    rows = slice(window.row_off, window.row_off + window.height)
    columns = slice(window.col_off, window.col_off + window.width)
    for top in range(0, source.height, _STRIP):
        strip = source.read(
            1, window=Window(0, top, source.width, min(_STRIP, source.height - top))
        )
        foreign = ~np.isin(strip, piece.options["outside"])
        inside = slice(max(rows.start - top, 0), max(rows.stop - top, 0))
        foreign[inside, columns] = False
        if foreign.any():
            raise InvalidInputError(
                f"{piece.id}: values other than {piece.options['outside']} outside the window"
            )
    return window


def _profile(source: DatasetReader, window: Window, values: Any) -> dict[str, Any]:
    block = 512 if max(values.shape) <= 3000 else 1024
    return {
        "driver": "GTiff",
        "height": values.shape[0],
        "width": values.shape[1],
        "count": 1,
        "dtype": values.dtype,
        "crs": source.crs,
        "transform": source.window_transform(window),
        "nodata": source.nodata,
        "tiled": True,
        "blockxsize": block,
        "blockysize": block,
        "compress": "zstd",
        "zstd_level": 22,
        "predictor": 2 if values.dtype == np.int16 else 1,
    }
