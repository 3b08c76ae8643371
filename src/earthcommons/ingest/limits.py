"""What the door accepts at most."""

from __future__ import annotations

from dataclasses import asdict, dataclass

__all__ = ["Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Budgets of one admission; a declared size over budget is refused before it is read.

    Attributes:
        file_bytes: size of the foreign file.
        band_pixels: pixels of one raster band.
        bands: bands of one raster.
        values: values of one data variable of a cube, and of all of them together times eight.
        json_bytes: size of a GeoJSON document.
        vertices: vertices of all geometries of one file.
        rows: rows of a table.
        objects: datasets and groups of one HDF file, arrays of one Zarr store, messages of one
            GRIB file.
        attribute_bytes: size of one attribute of an HDF file.
        archive_bytes, archive_members, archive_ratio: what an archive may unpack to, in how
            many members, and how many bytes one packed byte may become.
        memory_bytes: address space of the child process.
        written_bytes: size of one file that the child writes, and of its result.
        scratch_bytes: disk that all the child writes takes at one time: an unpacked archive and
            what is made of it, or a raster as it is decoded, laid out and ordered.
        cpu_s, wall_s: processor time and wall clock of the child process.
    """

    file_bytes: int = 5 * 2**30
    band_pixels: int = 2**31
    bands: int = 512
    values: int = 2**31
    json_bytes: int = 64 * 2**20
    vertices: int = 2_000_000
    rows: int = 10_000_000
    objects: int = 20_000
    attribute_bytes: int = 2**20
    archive_bytes: int = 20 * 2**30
    archive_members: int = 10_000
    archive_ratio: int = 200
    memory_bytes: int = 6 * 2**30
    written_bytes: int = 8 * 2**30
    scratch_bytes: int = 32 * 2**30
    cpu_s: int = 600
    wall_s: int = 900

    def as_json(self) -> dict[str, int]:
        """Return the limits by name."""
        return asdict(self)
