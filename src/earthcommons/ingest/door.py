"""The one door: look at the first bytes, choose one reader, let it work in the jail."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from earthcommons.errors import NotFoundError, RefusedFileError
from earthcommons.ingest.jail import run_jailed

if TYPE_CHECKING:
    from pathlib import Path

    from earthcommons.ingest.limits import Limits
    from earthcommons.model.declaration import Declaration

__all__ = ["Admission", "admit", "copy_in", "sniff"]

_BLOCK = 1 << 20
_HEAD = 4096
_READER_OF = {"geotiff": "raster", "netcdf": "cube", "csv": "table", "geojson": "vector"}
_SUFFIX_OF = {"geotiff": ".tif", "netcdf": ".nc", "csv": ".csv", "geojson": ".geojson"}


@dataclass(frozen=True, slots=True)
class Admission:
    """What came through: the format, where the converted bytes lie, and what they hold.

    Attributes:
        output: file or folder inside the scratch folder.
        suffix, source_suffix: object suffixes of the output and of the foreign file.
        facts: STAC members the reader found: bbox, geometry, bands, dimensions, projection.
    """

    format: str
    output: Path
    suffix: str
    source_suffix: str
    media_type: str
    facts: dict[str, Any]


def sniff(head: bytes) -> str:
    """Return the format the first bytes show: geotiff, netcdf, csv or geojson.

    The name of the file is not asked: a VRT called `.tif` is text that begins with `<`.

    Raises:
        RefusedFileError: none of these formats (`format-mismatch`).
    """
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "geotiff"
    if head[:8] == b"\x89HDF\r\n\x1a\n":
        return "netcdf"
    if head[:3] == b"CDF":
        raise RefusedFileError(
            "classic netCDF: convert to netCDF-4 first (nccopy -k nc4 in.nc out.nc)",
            code="format-mismatch",
        )
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if text[:1] == b"{":
        return "geojson"
    first_line = text.split(b"\n", 1)[0]
    if text[:1] not in (b"<", b"[", b"") and b"\0" not in head and b"," in first_line:
        return "csv"
    raise RefusedFileError(
        "these bytes are not GeoTIFF, netCDF-4, CSV or GeoJSON, whatever the file is called",
        code="format-mismatch",
    )


def copy_in(source: Path, target: Path, limits: Limits) -> str:
    """Copy a foreign file into scratch and return its SHA-256.

    The file is opened once, without following a symbolic link at its end, and everything
    afterwards reads the copy: a file swapped under us changes nothing.

    Raises:
        NotFoundError: no such file.
        RefusedFileError: not a regular file, empty, or over the limit.
    """
    try:
        descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no file {source.name!r}") from error
    except OSError as error:
        raise RefusedFileError(
            f"{source.name}: cannot be opened ({error.strerror})", code="invalid-source"
        ) from error
    info = os.fstat(descriptor)
    if not stat.S_ISREG(info.st_mode):
        os.close(descriptor)
        raise RefusedFileError(f"{source.name} is no regular file", code="invalid-source")
    with os.fdopen(descriptor, "rb") as file:
        if not 0 < info.st_size <= limits.file_bytes:
            raise RefusedFileError(
                f"{source.name} has {info.st_size} bytes, allowed 1 to {limits.file_bytes}",
                code="declared-too-large" if info.st_size else "malformed",
            )
        digest = hashlib.sha256()
        with target.open("wb") as copy:
            while block := file.read(_BLOCK):
                digest.update(block)
                copy.write(block)
    return digest.hexdigest()


def admit(scratch: Path, declaration: Declaration, limits: Limits) -> Admission:
    """Convert the foreign file `scratch/source` in the jail and return what it holds.

    Raises:
        RefusedFileError: a rule is broken; the message says what to mend.
        UnitError: a unit is missing or disagrees with the declaration.
    """
    with (scratch / "source").open("rb") as file:
        kind = sniff(file.read(_HEAD))
    answer = run_jailed(_READER_OF[kind], scratch, _task(declaration), limits)
    return Admission(
        format=kind,
        output=scratch / answer.pop("output"),
        suffix=answer.pop("suffix"),
        source_suffix=_SUFFIX_OF[kind],
        media_type=answer.pop("media_type"),
        facts=answer,
    )


def _task(declaration: Declaration) -> dict[str, Any]:
    return {
        "item": declaration.item,
        "crs": declaration.crs,
        "variables": [
            {
                "name": variable.name,
                "unit": variable.unit,
                "meaning": variable.meaning,
                "datatype": variable.datatype,
                "classes": {key: dict(value) for key, value in variable.classes.items()},
            }
            for variable in declaration.variables
        ],
    }
