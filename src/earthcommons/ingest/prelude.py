"""What the fork server for all formats imports before the first foreign file arrives.

What is not warm here is paid for by every file. Imported nowhere else.
"""

from __future__ import annotations

import os

# First: it sets what GDAL must find when it registers its drivers.
from earthcommons.ingest import prelude_units  # isort: skip

import h5netcdf
import zarr

from earthcommons.ingest import (
    read_archive,
    read_cube,
    read_ogr,
    read_scenes,
    read_table,
    read_vector,
    read_zarr,
)
from earthcommons.ingest.environment import READERS_ENVIRONMENT

# The other GDAL, that of pyogrio, would drop the driver it is wanted for.
del os.environ["GDAL_SKIP"]
read_ogr.only_two_drivers()
os.environ.update(READERS_ENVIRONMENT)
prelude_units.prelude_raster.hold_still()

__all__ = [
    "h5netcdf",
    "prelude_units",
    "read_archive",
    "read_cube",
    "read_ogr",
    "read_scenes",
    "read_table",
    "read_vector",
    "read_zarr",
    "zarr",
]
