"""Boxes on the globe, which may cross the antimeridian."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from earthcommons.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BBox", "Edges", "edges_of", "parts_of"]

# West, south, east, north of a `BBox`, where there are too many for an object each.
Edges = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class BBox:
    """West, south, east, north in degrees on WGS 84.

    Antimeridian: west > east is legal here (RFC 7946, 5.2) and means the box runs through 180°.
    """

    west: float
    south: float
    east: float
    north: float

    def __post_init__(self) -> None:
        _check(self.west, self.south, self.east, self.north)

    @classmethod
    def of(cls, numbers: Sequence[float]) -> BBox:
        """Return a box from four numbers, or six with heights (dropped).

        Raises:
            InvalidInputError: another count, or no box.
        """
        return cls(*_four(numbers))

    def parts(self) -> tuple[Edges, ...]:
        """Return one box, or two when it crosses the antimeridian; each west <= east."""
        return parts_of((self.west, self.south, self.east, self.north))

    def as_list(self) -> list[float]:
        """Return the four numbers in GeoJSON order."""
        return [self.west, self.south, self.east, self.north]


def edges_of(numbers: Sequence[float]) -> Edges:
    """Return the edges of `BBox.of`.

    Raises:
        InvalidInputError: another count than 4 or 6, or no box.
    """
    west, south, east, north = edges = _four(numbers)
    _check(west, south, east, north)
    return edges


def parts_of(edges: Edges) -> tuple[Edges, ...]:
    """Return one box, or two when it crosses the antimeridian; each west <= east."""
    west, south, east, north = edges
    if west <= east:
        return (edges,)
    return (west, south, 180.0, north), (-180.0, south, east, north)


def _four(numbers: Sequence[float]) -> Edges:
    if len(numbers) == 6:
        west, south, _, east, north, _ = numbers
    elif len(numbers) == 4:
        west, south, east, north = numbers
    else:
        raise InvalidInputError(f"bbox of {len(numbers)} numbers, need 4 or 6", code="bad-bbox")
    return float(west), float(south), float(east), float(north)


def _check(west: float, south: float, east: float, north: float) -> None:
    # What is not finite lies between no two numbers.
    if -90 <= south <= north <= 90 and -180 <= west <= 180 and -180 <= east <= 180:
        return
    numbers = (west, south, east, north)
    if not all(math.isfinite(number) for number in numbers):
        raise InvalidInputError(f"bbox {numbers} is not finite", code="bad-bbox")
    if not (-90 <= south <= north <= 90):
        raise InvalidInputError(
            f"bbox latitudes {south}, {north}: need -90 <= south <= north <= 90",
            code="bad-bbox",
        )
    raise InvalidInputError(
        f"bbox longitudes {west}, {east}: need -180 to 180", code="bad-bbox"
    )
