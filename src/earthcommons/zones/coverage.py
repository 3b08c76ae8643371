"""Which share of which cell lies in which zone: measured once per grid and region set."""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from earthcommons.errors import InvalidInputError
from earthcommons.kernels.zonal import Plan, make_plan
from earthcommons.zones.fractions import Lattice, cell_fractions

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox
    from shapely.geometry.base import BaseGeometry

__all__ = ["Coverage", "coverage", "coverage_key"]

_FORMAT = "coverage/1"
_ARRAYS = (
    "indptr",
    "indices",
    "fractions",
    "row_areas_km2",
    "area_inside_km2",
    "area_outside_km2",
)


@dataclass(frozen=True, eq=False)
class Coverage:
    """Covered fractions of cells, sparse by zone, with the areas of the zones.

    Attributes:
        zone_ids: names of the zones, in order.
        shape: rows and columns of the grid.
        transform: longitude of the outer edge and step of the columns, latitude of the outer
            edge and step of the rows [degrees]; the last is negative when row 0 is in the north.
        indptr: start of each zone's entries, dims (zone + 1).
        indices: flat cell number of each entry, row times columns plus column, dims (entry).
        fractions: share of the cell inside the zone, dims (entry), [1].
        row_areas_km2: true area of one cell, clipped at the poles, dims (row), [km2].
        area_inside_km2: area of the zone on the grid, dims (zone), [km2].
        area_outside_km2: area of the zone beyond the grid's edges, dims (zone), [km2].
    """

    zone_ids: tuple[str, ...]
    shape: tuple[int, int]
    transform: tuple[float, float, float, float]
    indptr: NDArray[np.int64]
    indices: NDArray[np.int64]
    fractions: NDArray[np.float64]
    row_areas_km2: NDArray[np.float64]
    area_inside_km2: NDArray[np.float64]
    area_outside_km2: NDArray[np.float64]

    @property
    def zone_area_km2(self) -> NDArray[np.float64]:
        """Area of each zone, on the grid or not, dims (zone), [km2]."""
        return self.area_inside_km2 + self.area_outside_km2

    @property
    def touched_cells(self) -> NDArray[np.int64]:
        """Number of cells of the grid that each zone touches, dims (zone)."""
        return np.diff(self.indptr)

    @property
    def longitudes(self) -> NDArray[np.float64]:
        """Centres of the columns [degrees_east]."""
        edges = np.arange(self.shape[1], dtype=np.float64)
        return self.transform[0] + self.transform[1] * (edges + 0.5)

    @property
    def latitudes(self) -> NDArray[np.float64]:
        """Centres of the rows [degrees_north]."""
        edges = np.arange(self.shape[0], dtype=np.float64)
        return self.transform[2] + self.transform[3] * (edges + 0.5)

    @cached_property
    def areas_km2(self) -> NDArray[np.float64]:
        """Area of each entry's cell inside its zone, dims (entry), [km2]."""
        return self.fractions * self.row_areas_km2[self.indices // self.shape[1]]

    @cached_property
    def plan(self) -> Plan:
        """The weights laid out for `kernels.zonal.weighted_sums`, the value weighted by area."""
        return make_plan(
            self.indptr,
            self.indices,
            self.areas_km2,
            self.fractions,
            cells=self.shape[0] * self.shape[1],
        )

    def to_bytes(self) -> bytes:
        """The coverage as an npz archive; equal coverages give equal bytes."""
        head = {"format": _FORMAT, "zone_ids": self.zone_ids, "shape": self.shape}
        text = json.dumps({**head, "transform": [float(x).hex() for x in self.transform]})
        arrays: dict[str, Any] = {name: getattr(self, name) for name in _ARRAYS}
        buffer = io.BytesIO()
        np.savez(
            buffer, allow_pickle=False, head=np.frombuffer(text.encode(), np.uint8), **arrays
        )
        return buffer.getvalue()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Coverage":
        """Read what `to_bytes` wrote.

        Raises:
            InvalidInputError: the bytes are no coverage, or one of another format.
        """
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as archive:
                head = json.loads(archive["head"].tobytes())
                arrays = {name: archive[name] for name in _ARRAYS}
            if head["format"] != _FORMAT:
                raise InvalidInputError(f"expected {_FORMAT}, found {head['format']!r}")
            found = cls(
                zone_ids=tuple(head["zone_ids"]),
                shape=(int(head["shape"][0]), int(head["shape"][1])),
                transform=_four(float.fromhex(x) for x in head["transform"]),
                **arrays,
            )
        except (KeyError, TypeError, AttributeError, IndexError, OSError, EOFError) as error:
            raise InvalidInputError("these bytes are no stored coverage") from error
        except (ValueError, zipfile.BadZipFile) as error:
            if isinstance(error, InvalidInputError):
                raise
            raise InvalidInputError("these bytes are no stored coverage") from error
        found._check()
        return found

    def _check(self) -> None:
        zones, entries = len(self.zone_ids), len(self.indices)
        fits = (
            self.indptr.shape == (zones + 1,)
            and self.fractions.shape == (entries,)
            and self.row_areas_km2.shape == (self.shape[0],)
            and self.area_inside_km2.shape == self.area_outside_km2.shape == (zones,)
            and self.indices.dtype == self.indptr.dtype == np.int64
            and int(self.indptr[0]) == 0
            and int(self.indptr[-1]) == entries
            and bool(np.all(np.diff(self.indptr) >= 0))
            and (entries == 0 or self.indices.min() >= 0)
            and (entries == 0 or self.indices.max() < self.shape[0] * self.shape[1])
        )
        if not fits:
            raise InvalidInputError("the arrays of this stored coverage do not fit together")


def _four(numbers: Iterable[float]) -> tuple[float, float, float, float]:
    a, b, c, d = numbers
    return a, b, c, d


def coverage(regions: Sequence[tuple[str, "BaseGeometry"]], grid: "GeoBox") -> Coverage:
    """Measure which share of each cell of a grid lies in each region.

    The area of a zone is the sum of share times true cell area over all cells it touches. Where
    a zone reaches beyond the grid, the grid is continued in thought, in the same steps, so that
    inside and outside add up to the whole zone. A grid may run from -180 to 180, from 0 to 360
    or anything between, with row 0 in the north or in the south.

    Args:
        regions: names and polygons, longitudes within -180 to 180 or 0 to 360 [degrees].
            Several polygons of a zone across the antimeridian are one zone.
        grid: an axis-aligned grid in EPSG:4326.

    Raises:
        InvalidInputError: the grid is rotated, projected, runs westward, or is too fine; a region
            is not a valid polygon, has a name twice, reaches beyond a pole, or overlaps
            itself after turning once around the Earth.

    Source:
        Fractions: exactextract (ISciences). Areas: closed form on WGS 84, `kernels.area`.
    """
    lattice = _lattice(grid)
    _check_regions(regions)
    rows_km2, _ = lattice.row_areas()
    pieces = [cell_fractions(zone_id, shape, lattice) for zone_id, shape in regions]
    lengths = [len(piece.indices) for piece in pieces]
    empty = np.zeros(0)
    return Coverage(
        zone_ids=tuple(zone_id for zone_id, _ in regions),
        shape=(lattice.rows, lattice.columns),
        transform=(lattice.west, lattice.dx, lattice.first, lattice.dy),
        indptr=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        indices=np.concatenate([empty, *(p.indices for p in pieces)]).astype(np.int64),
        fractions=np.concatenate([empty, *(p.fractions for p in pieces)]),
        row_areas_km2=rows_km2,
        area_inside_km2=np.array([p.area_inside_km2 for p in pieces], dtype=np.float64),
        area_outside_km2=np.array([p.area_outside_km2 for p in pieces], dtype=np.float64),
    )


def coverage_key(region_set_digest: str, grid: "GeoBox") -> str:
    """Name under which a coverage may be kept: the same regions on the same grid, nothing else.

    Raises:
        InvalidInputError: the grid is not one that `coverage` takes.
    """
    lattice = _lattice(grid)
    numbers = [float(x).hex() for x in (lattice.west, lattice.dx, lattice.first, lattice.dy)]
    facts = [_FORMAT, region_set_digest, lattice.rows, lattice.columns, *numbers]
    return "coverage-" + hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _lattice(grid: "GeoBox") -> Lattice:
    if grid.crs is None or grid.crs.epsg != 4326:
        raise InvalidInputError(f"zones need a grid in EPSG:4326, not {grid.crs}")
    affine = grid.affine
    if affine.b != 0 or affine.d != 0:
        raise InvalidInputError("zones need an axis-aligned grid; this one is rotated")
    if not affine.a > 0 or affine.e == 0:
        raise InvalidInputError("zones need columns that run eastward and rows of some height")
    rows, columns = grid.shape
    if columns * affine.a > 360 * (1 + 1e-9):
        raise InvalidInputError("the grid turns more than once around the Earth")
    return Lattice(
        float(affine.c), float(affine.a), columns, float(affine.f), float(affine.e), rows
    )


def _check_regions(regions: Sequence[tuple[str, "BaseGeometry"]]) -> None:
    seen: set[str] = set()
    for zone_id, shape in regions:
        if zone_id in seen:
            raise InvalidInputError(f"region {zone_id} is given twice")
        seen.add(zone_id)
        if shape.geom_type not in {"Polygon", "MultiPolygon"}:
            raise InvalidInputError(f"region {zone_id} is a {shape.geom_type}, not a polygon")
        if shape.is_empty:
            continue
        if not shapely.is_valid(shape):
            reason = shapely.is_valid_reason(shape)
            raise InvalidInputError(f"region {zone_id} is no valid polygon: {reason}")
        west, south, east, north = shape.bounds
        if south < -90 - 1e-9 or north > 90 + 1e-9:
            raise InvalidInputError(f"region {zone_id} reaches beyond a pole")
        if west < -360 - 1e-9 or east > 720 + 1e-9:
            raise InvalidInputError(f"region {zone_id} has longitudes from {west} to {east}")
