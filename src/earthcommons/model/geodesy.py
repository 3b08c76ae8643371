"""Boxes on the globe, which may cross the antimeridian."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from earthcommons.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["BBox"]


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
        numbers = (self.west, self.south, self.east, self.north)
        if not all(math.isfinite(number) for number in numbers):
            raise InvalidInputError(f"bbox {numbers} is not finite", code="bad-bbox")
        if not (-90 <= self.south <= self.north <= 90):
            raise InvalidInputError(
                f"bbox latitudes {self.south}, {self.north}: need -90 <= south <= north <= 90",
                code="bad-bbox",
            )
        if not (-180 <= self.west <= 180 and -180 <= self.east <= 180):
            raise InvalidInputError(
                f"bbox longitudes {self.west}, {self.east}: need -180 to 180", code="bad-bbox"
            )

    @classmethod
    def of(cls, numbers: Sequence[float]) -> BBox:
        """Return a box from four numbers, or six with heights (dropped).

        Raises:
            InvalidInputError: another count, or no box.
        """
        if len(numbers) == 6:
            numbers = (numbers[0], numbers[1], numbers[3], numbers[4])
        if len(numbers) != 4:
            raise InvalidInputError(
                f"bbox of {len(numbers)} numbers, need 4 or 6", code="bad-bbox"
            )
        return cls(*(float(number) for number in numbers))

    def parts(self) -> tuple[tuple[float, float, float, float], ...]:
        """Return one box, or two when it crosses the antimeridian; each west <= east."""
        if self.west <= self.east:
            return ((self.west, self.south, self.east, self.north),)
        return (
            (self.west, self.south, 180.0, self.north),
            (-180.0, self.south, self.east, self.north),
        )

    def as_list(self) -> list[float]:
        """Return the four numbers in GeoJSON order."""
        return [self.west, self.south, self.east, self.north]
