"""What a reading process finds in its environment, and nothing else.

No driver that follows references or opens connections, no sidecar files, no network for grids.
GDAL asks for these names whenever it registers drivers, so they stay while a file is read.
"""

from __future__ import annotations

__all__ = ["READERS_ENVIRONMENT", "SERVERS_ENVIRONMENT"]

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
# A fork owns no page until it writes one: large pages, kept once fetched, save it a tenth of its
# time. Other C libraries than glibc, and kernels without large pages, pass over this.
SERVERS_ENVIRONMENT = {
    "GLIBC_TUNABLES": ":".join(
        f"glibc.malloc.{name}"
        for name in (
            "hugetlb=1",
            f"mmap_threshold={32 * 2**20}",
            f"trim_threshold={64 * 2**20}",
            f"top_pad={64 * 2**20}",
        )
    )
}
