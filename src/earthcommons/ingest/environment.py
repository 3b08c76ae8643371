"""What a reading process finds in its environment, and nothing else.

No driver that follows references or opens connections, no sidecar files, no network for grids.
GDAL asks for these names whenever it registers drivers, so they stay while a file is read.
"""

from __future__ import annotations

__all__ = ["READERS_ENVIRONMENT"]

READERS_ENVIRONMENT = {
    "GDAL_SKIP": (
        "VRT,WMS,WCS,WMTS,OGCAPI,HTTP,STACIT,STACTA,GTI,DERIVED,PDF,MBTiles,EEDAI,PLMOSAIC,DAAS,"
        "NGW,Zarr,GPKG,SRTMHGT"
    ),
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_PAM_ENABLED": "NO",
    "GDAL_NUM_THREADS": "1",
    "GDAL_CACHEMAX": "256",
    "PROJ_NETWORK": "OFF",
    "OMP_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "2",
}
