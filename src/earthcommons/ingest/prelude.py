"""What the fork server imports before the first foreign file arrives; imported nowhere else.

The settings must stand before GDAL registers its drivers.
"""

from __future__ import annotations

import os

from earthcommons.ingest.environment import READERS_ENVIRONMENT

os.environ.update(READERS_ENVIRONMENT)

# GDAL registers its drivers on the first Env; the readers come with everything they import.
# What is not warm here is paid for by every file: the table of units alone takes half a second.
import h5netcdf
import rasterio
import zarr

from earthcommons.ingest import (
    read_archive,
    read_cube,
    read_look,
    read_ogr,
    read_raster,
    read_scenes,
    read_table,
    read_vector,
    read_zarr,
)
from earthcommons.model.unit import check_unit

with rasterio.Env():
    check_unit("degC", "prelude")

# The other GDAL, that of pyogrio, would drop the driver it is wanted for.
del os.environ["GDAL_SKIP"]
read_ogr.only_two_drivers()
os.environ.update(READERS_ENVIRONMENT)

__all__ = [
    "h5netcdf",
    "read_archive",
    "read_cube",
    "read_look",
    "read_ogr",
    "read_raster",
    "read_scenes",
    "read_table",
    "read_vector",
    "read_zarr",
    "zarr",
]
