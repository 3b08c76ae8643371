"""What the fork server for GeoTIFF does before the first foreign file arrives.

One small raster of our own goes the whole way, in memory: what a first conversion loads and looks
up, each child would do again. Not so the table of units: where a unit is declared that is not plain
(`model.plain_units`), `prelude_units` has it; a child that meets one in its file alone reads the
table for itself, a quarter of a second, so that the others need not wait for it.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
from pathlib import Path
from typing import Any

from earthcommons.ingest import before_gdal  # isort: skip

import numpy as np
import rasterio
from affine import Affine

from earthcommons.ingest import inside, read_raster
from earthcommons.ingest.landlock import readable_by_readers
from earthcommons.ingest.limits import Limits

__all__ = ["before_gdal", "hold_still", "inside", "read_raster"]


def hold_still() -> None:
    """Leave a child little to copy: the collector visits nothing, and free memory is given back.

    What was freed but kept would be taken up again by each child, page for page, as a copy.
    """
    gc.collect()
    gc.freeze()
    # Other C libraries than glibc keep nothing back, or cannot be asked.
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _rehearse() -> None:
    folder = Path("/vsimem/prelude")
    profile: dict[str, Any] = {
        "driver": "GTiff", "dtype": "float32", "count": 1, "width": 512, "height": 512,
        "crs": "EPSG:32737", "transform": Affine(10, 0, 300_000, 0, -10, 9_900_000),
        "nodata": float("nan"), "tiled": True,
    }  # fmt: skip
    with rasterio.open(folder / "source", "w", **profile) as out:
        out.write(np.zeros((512, 512), "f4"), 1)
    said = {"name": "rehearsal", "unit": "degC", "classes": {}}
    read_raster.convert(folder, {"crs": "", "variables": [said]}, Limits())
    for name in ("source", "out.tif"):
        rasterio.shutil.delete(str(folder / name))


_rehearse()
readable_by_readers()
hold_still()
