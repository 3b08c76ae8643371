"""A synthetic GeoTIFF: smooth field, fine noise, a corner without data, in a UTM zone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import rasterio
from affine import Affine

from earthcommons.model.declaration import Declaration, VariableDeclaration
from earthcommons.model.indicator import Text
from earthcommons.model.period import Period

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["LIMITS", "PIXEL_M", "declaration", "write_geotiff"]

PIXEL_M = 10.0
LIMITS = (0.0, 40.0)
_WEST, _NORTH, _EPSG = 300_000.0, 9_900_000.0, "EPSG:32737"


def write_geotiff(path: Path, size: int) -> None:
    """Write a float32 GeoTIFF of `size` by `size` pixels, tiled, without overviews."""
    rng = np.random.default_rng(0)
    line = np.linspace(0, 25, size, dtype=np.float32)
    field = 20 + 8 * np.sin(line)[:, None] + 8 * np.cos(1.3 * line)[None, :]
    # Sixteenths of a unit: noise as an instrument's counts have it, not as random bits.
    field += np.round(rng.normal(0, 1, (size, size)) * 16).astype(np.float32) / 16
    field[: size // 8, : size // 8] = np.nan
    profile = {
        "driver": "GTiff",
        "dtype": "float32",
        "count": 1,
        "width": size,
        "height": size,
        "crs": _EPSG,
        "transform": Affine(PIXEL_M, 0, _WEST, 0, -PIXEL_M, _NORTH),
        "nodata": float("nan"),
        "tiled": True,
        "compress": "deflate",
        "zlevel": 1,
    }
    with rasterio.open(path, "w", **profile) as out:
        out.write(field.astype(np.float32), 1)


def declaration(item: str) -> Declaration:
    """Return what is declared of the file."""
    words = Text("Synthetic temperature", "合成温度")
    return Declaration(
        item=item,
        collection="synthetic",
        title=words,
        description=words,
        period=Period.parse("2020"),
        licence="CC0-1.0",
        attribution="none: synthetic",
        nature="model",
        variables=(VariableDeclaration(name="temperature", unit="degC"),),
    )
