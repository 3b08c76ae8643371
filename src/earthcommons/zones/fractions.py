"""Covered fractions of one zone on a grid that is continued around the Earth."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from earthcommons.errors import InvalidInputError
from earthcommons.kernels.area import row_areas_km2

if TYPE_CHECKING:
    from shapely.geometry.base import BaseGeometry

__all__ = ["Fractions", "Lattice", "Window", "cell_fractions"]

_TOUCH = 1e-9
_MOST_OUTSIDE = 2_000_000
# A zone with more cells than this on the grid is a task for blocks of pixels, not for weights.
_MOST_INSIDE = 100_000_000


@dataclass(frozen=True, slots=True)
class Lattice:
    """A longitude-latitude grid: outer edges of cell (0, 0), steps and counts [degrees]."""

    west: float
    dx: float
    columns: int
    first: float
    dy: float
    rows: int

    @property
    def turn(self) -> int | None:
        """Columns in a full turn of 360 degrees, or None when that is no whole number."""
        columns = 360 / self.dx
        return round(columns) if abs(columns - round(columns)) < 1e-6 else None

    def row_areas(self, start: int = 0, stop: int | None = None) -> tuple[Any, Any]:
        """`row_areas_km2` for rows start to stop, which may lie beyond the grid."""
        count = (self.rows if stop is None else stop) - start
        return row_areas_km2(self.first + start * self.dy, self.dy, count, self.dx)

    def window(self, shape: "BaseGeometry") -> "Window":
        """The cells of the continued grid that hold a shape."""
        west, south, east, north = shape.bounds
        left, right = (west - self.west) / self.dx, (east - self.west) / self.dx
        top, bottom = sorted(((north - self.first) / self.dy, (south - self.first) / self.dy))
        # An edge that meets a cell edge, give or take rounding, does not touch the next cell.
        return Window(
            math.floor(left + _TOUCH),
            max(math.ceil(right - _TOUCH), math.floor(left + _TOUCH) + 1),
            math.floor(top + _TOUCH),
            max(math.ceil(bottom - _TOUCH), math.floor(top + _TOUCH) + 1),
        )


@dataclass(frozen=True, slots=True)
class Window:
    """Half-open ranges of columns and rows, counted from the grid's cell (0, 0)."""

    left: int
    right: int
    top: int
    bottom: int

    @property
    def cells(self) -> int:
        """Number of cells."""
        return max(0, self.right - self.left) * max(0, self.bottom - self.top)

    def within(self, other: "Window") -> "Window":
        """The part shared with another window."""
        return Window(
            max(self.left, other.left),
            min(self.right, other.right),
            max(self.top, other.top),
            min(self.bottom, other.bottom),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Fractions:
    """Flat cell numbers and covered fractions of one zone, and its area on and off the grid."""

    indices: NDArray[np.int64]
    fractions: NDArray[np.float64]
    area_inside_km2: float
    area_outside_km2: float


def cell_fractions(zone_id: str, shape: "BaseGeometry", lattice: Lattice) -> Fractions:
    """Measure one zone.

    A zone that reaches beyond the grid, in a window of more than two million cells, has its
    whole area measured on coarser cells, and only its part on the grid on the grid's own.

    Args:
        zone_id: name, for messages.
        shape: a valid polygon or multipolygon [degrees].
        lattice: the grid.

    Raises:
        InvalidInputError: the part on the grid holds more than 100 million cells, the
            grid cannot be continued around the Earth, or the zone overlaps itself there.
    """
    if shape.is_empty:
        return Fractions(np.zeros(0, np.int64), np.zeros(0), 0.0, 0.0)
    window = lattice.window(shape)
    turns = lattice.turn == lattice.columns
    left, right = (window.left, window.right) if turns else (0, lattice.columns)
    on_grid = window.within(Window(left, right, 0, lattice.rows))
    if window == on_grid or window.cells <= _MOST_OUTSIDE:
        _refuse_many(zone_id, window)
        column, row, fraction = _extract(shape, lattice, window)
        areas = _areas(row, fraction, lattice)
        index, inside = _place(zone_id, column, row, lattice)
        index, fraction = _merge(zone_id, index, fraction[inside])
        return Fractions(
            index, fraction, float(areas[inside].sum()), float(areas[~inside].sum())
        )
    return _large_zone(zone_id, shape, lattice, window)


def _refuse_many(zone_id: str, window: Window) -> None:
    if window.cells > _MOST_INSIDE:
        raise InvalidInputError(
            f"region {zone_id} spans {window.cells} cells of this grid, more than {_MOST_INSIDE};"
            " count pixels by block instead, or use a coarser grid"
        )


def _large_zone(
    zone_id: str, shape: "BaseGeometry", lattice: Lattice, window: Window
) -> Fractions:
    """As `cell_fractions`, for a zone that is much larger than the grid."""
    found = []
    for shift in (0,) if lattice.turn is None else (-lattice.turn, 0, lattice.turn):
        seen = Window(shift, lattice.columns + shift, 0, lattice.rows)
        part = window.within(seen)
        _refuse_many(zone_id, part)
        if part.cells:
            found.append(_extract(shape, lattice, part))
    factor = math.ceil(math.sqrt(window.cells / _MOST_OUTSIDE))
    coarse = Lattice(
        lattice.west, lattice.dx * factor, 1, lattice.first, lattice.dy * factor, 1
    )
    _, coarse_row, coarse_fraction = _extract(shape, coarse, coarse.window(shape))
    whole = float(_areas(coarse_row, coarse_fraction, coarse).sum())
    none = np.zeros(0, np.int64)
    column = np.concatenate([none, *(part[0] for part in found)])
    row = np.concatenate([none, *(part[1] for part in found)])
    fraction = np.concatenate([np.zeros(0), *(part[2] for part in found)])
    index, inside = _place(zone_id, column, row, lattice)
    area = float(_areas(row, fraction, lattice)[inside].sum())
    index, fraction = _merge(zone_id, index, fraction[inside])
    return Fractions(index, fraction, area, max(0.0, whole - area))


def _extract(
    shape: "BaseGeometry", lattice: Lattice, window: Window
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Columns, rows and covered fractions of the cells of a window."""
    west = lattice.west + lattice.dx * window.left
    width, height = window.right - window.left, window.bottom - window.top
    a, b = lattice.first + lattice.dy * window.top, lattice.first + lattice.dy * window.bottom
    # The library is loaded where weights are made: whoever only reads the catalogue does without.
    from earthcommons.zones.exact_cells import covered_cells

    box = (west, min(a, b), west + lattice.dx * width, max(a, b))
    cell, covered = covered_cells(shape, box, (height, width))
    keep = covered > 0
    row, column, fraction = *np.divmod(cell[keep], width), covered[keep]
    # exactextract numbers rows from the north.
    row = window.top + row if lattice.dy < 0 else window.bottom - 1 - row
    if len(row):
        # A cell that sticks out over a pole is as large as its part on Earth.
        start, stop = int(row.min()), int(row.max()) + 1
        _, kept = lattice.row_areas(start, stop)
        kept = np.where(kept > 0, kept, 1.0)
        fraction /= kept[row - start]
    return window.left + column, row, fraction


def _areas(
    row: NDArray[np.int64], fraction: NDArray[np.float64], lattice: Lattice
) -> NDArray[np.float64]:
    if len(row) == 0:
        return np.zeros(0)
    start, stop = int(row.min()), int(row.max()) + 1
    areas: NDArray[np.float64] = fraction * lattice.row_areas(start, stop)[0][row - start]
    return areas


def _place(
    zone_id: str, column: NDArray[np.int64], row: NDArray[np.int64], lattice: Lattice
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Flat numbers of the cells on the grid, and which cells those are."""
    turn = lattice.turn
    if turn is not None:
        column = column % turn
    else:
        for shifted in (column + 360 / lattice.dx, column - 360 / lattice.dx):
            if np.any((shifted > -1) & (shifted < lattice.columns)):
                raise InvalidInputError(
                    f"region {zone_id} meets the grid only after a turn around the Earth, which"
                    f" columns of {lattice.dx} degrees do not divide"
                )
    inside = (column >= 0) & (column < lattice.columns) & (row >= 0) & (row < lattice.rows)
    return (row * lattice.columns + column)[inside], inside


def _merge(
    zone_id: str, index: NDArray[np.int64], fraction: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Sort cells, adding up the two parts of a cell that lies across the antimeridian."""
    cells, position = np.unique(index, return_inverse=True)
    total = np.bincount(position, weights=fraction, minlength=len(cells))
    if np.any(total > 1 + 1e-6):
        raise InvalidInputError(f"region {zone_id} covers a cell more than once")
    return cells, np.asarray(total, np.float64)
