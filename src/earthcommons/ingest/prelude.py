"""What the fork server imports before the first foreign file arrives; imported nowhere else.

The settings must stand before GDAL registers its drivers: no driver that follows references or
opens connections, no sidecar files, no network for grids.
"""

from __future__ import annotations

import os

os.environ.update(
    {
        "GDAL_SKIP": (
            "VRT,WMS,WCS,WMTS,OGCAPI,HTTP,STACIT,STACTA,GTI,DERIVED,PDF,MBTiles,RASTERLITE,EEDAI,"
            "PLMOSAIC,DAAS,NGW,Zarr,netCDF,HDF5,HDF5Image,BAG,KEA,GPKG,SRTMHGT"
        ),
        "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
        "GDAL_PAM_ENABLED": "NO",
        "GDAL_NUM_THREADS": "1",
        "GDAL_CACHEMAX": "256",
        "PROJ_NETWORK": "OFF",
        "OMP_NUM_THREADS": "1",
    }
)

# GDAL registers its drivers on the first Env; the readers come with everything they import.
# What is not warm here is paid for by every file: the table of units alone takes half a second.
import h5netcdf
import rasterio
import zarr

from earthcommons.ingest import read_cube, read_raster, read_table, read_vector
from earthcommons.model.unit import check_unit

with rasterio.Env():
    check_unit("degC", "prelude")

__all__ = ["h5netcdf", "read_cube", "read_raster", "read_table", "read_vector", "zarr"]
