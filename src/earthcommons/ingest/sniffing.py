"""Which format a file is, by its first bytes; its name is not asked."""

from __future__ import annotations

from earthcommons.errors import RefusedFileError

__all__ = ["HEAD", "READER_OF", "SUFFIX_OF", "sniff"]

HEAD = 4096
READER_OF = {
    "geotiff": "raster",
    "netcdf": "cube",
    "csv": "table",
    "geojson": "vector",
    "grib": "grib",
    "hdf4": "hdf4",
    "geopackage": "ogr",
    "shapefile": "ogr",
    "zip": "archive",
    "tar": "archive",
}
SUFFIX_OF = {
    "geotiff": ".tif",
    "netcdf": ".nc",
    "csv": ".csv",
    "geojson": ".geojson",
    "grib": ".grib",
    "hdf4": ".hdf",
    "geopackage": ".gpkg",
    "zip": ".zip",
    "tar": ".tar",
}
_MAGIC = (
    (b"\x89HDF\r\n\x1a\n", "netcdf"),
    (b"GRIB", "grib"),
    (b"\x0e\x03\x13\x01", "hdf4"),
    (b"PK\x03\x04", "zip"),
    (b"\x1f\x8b\x08", "tar"),
    (b"II*\0", "geotiff"),
    (b"MM\0*", "geotiff"),
    (b"II+\0", "geotiff"),
    (b"MM\0+", "geotiff"),
)
_SQLITE, _GEOPACKAGE = b"SQLite format 3\0", (b"GPKG", b"GP10", b"GP11")


def sniff(head: bytes) -> str:
    """Return the format the first bytes show, one of the keys of `READER_OF`.

    The name of the file is not asked: a VRT called `.tif` is text that begins with `<`.

    Raises:
        RefusedFileError: none of these formats (`format-mismatch`), or a Shapefile without its
            other parts (`part-missing`).
    """
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head[257:262] == b"ustar":
        return "tar"
    if head.startswith(_SQLITE) and head[68:72] in _GEOPACKAGE:
        return "geopackage"
    _name_the_way_out(head)
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text[:1] == b"{":
        return "geojson"
    first_line = text.split(b"\n", 1)[0]
    if text[:1] not in (b"<", b"[", b"") and b"\0" not in head and b"," in first_line:
        return "csv"
    _name_the_way_of_tables(head, first_line)
    raise RefusedFileError(
        "these bytes are none of the formats that are read, whatever the file is called:"
        " GeoTIFF, netCDF-4, HDF5, HDF4, GRIB, Zarr, GeoPackage, Shapefile, GeoJSON, CSV,"
        " Darwin Core archive",
        code="format-mismatch",
    )


def _name_the_way_out(head: bytes) -> None:
    if head[:3] == b"CDF":
        raise RefusedFileError(
            "classic netCDF: convert to netCDF-4 first (nccopy -k nc4 in.nc out.nc)",
            code="format-mismatch",
        )
    if head[:4] == b"\0\0\x27\x0a":
        raise RefusedFileError(
            "a Shapefile is several files: give the .shp beside its .shx, .dbf and .prj, or"
            " zip the four",
            code="part-missing",
        )


def _name_the_way_of_tables(head: bytes, first_line: bytes) -> None:
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise RefusedFileError(
            "a text in UTF-16: save it as CSV in UTF-8", code="format-mismatch"
        )
    parts = {b";": "semicolons", b"\t": "tabs"}
    for mark, word in parts.items():
        if mark in first_line and b"\0" not in head and first_line[:1] not in (b"<", b"["):
            raise RefusedFileError(
                f"looks like a table whose cells part at {word}: write it with commas between"
                " cells and points in numbers, as CSV in UTF-8",
                code="format-mismatch",
            )
