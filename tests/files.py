"""Files that tests of several floors send in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import rasterio
from rasterio.transform import from_origin

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["snow"]


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
