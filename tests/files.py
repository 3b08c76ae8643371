"""Files that tests of several floors send in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import rasterio
from rasterio.transform import from_origin

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["snow", "wide"]


def snow(path: Path, add: float = 0) -> Path:
    """Write a small raster of depths: the values 0 to 63, and `add`."""
    profile = {
        "driver": "GTiff", "height": 8, "width": 8, "count": 1, "dtype": "float32",
        "crs": "EPSG:4326", "nodata": -1, "transform": from_origin(10, 50, 0.5, 0.5),
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as out:
        out.write(np.arange(64, dtype="f4").reshape(8, 8) + add, 1)
        out.set_band_description(1, "depth")
    return path


def wide(path: Path) -> Path:
    """Write a raster of depths over some tens of kilobytes in many strips."""
    values = np.arange(40_000, dtype="f4").reshape(200, 200)
    profile = {
        "driver": "GTiff", "height": 200, "width": 200, "count": 1, "dtype": "float32",
        "crs": "EPSG:4326", "nodata": -1, "transform": from_origin(10, 50, 0.01, 0.01),
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as out:
        # Set first: the header then stands before the pixels.
        out.set_band_description(1, "depth")
        out.write(values, 1)
    return path
