"""Where and when the items of a collection lie, taken together."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import sqlite3

__all__ = ["Extent", "extent_of"]


# The same edges as longitudes from 0° to 360°, and whether an item runs through 0°.
_EASTWARD = (
    "min(west + 360 * (west < 0)), max(east + 360 * (east < 0)),"
    " max(iif(west > east, west < 0 OR east >= 0, west < 0 AND east >= 0))"
)


class Extent(NamedTuple):
    """A box (west, south, east, north in degrees; None where nothing has a place) and a time."""

    bbox: tuple[float, float, float, float] | None
    first: datetime
    last: datetime


def extent_of(sql: sqlite3.Connection, collection: str, label: str) -> Extent | None:
    """Return the extent of those items of a collection that are found under this label.

    None where there are none. The box runs through 180° where it is narrower that way; where items
    cross both 180° and 0°, it goes round the Earth.
    """
    row = sql.execute(
        f"SELECT min(west), max(east), max(west > east), {_EASTWARD}, min(south), max(north),"
        " min(first), max(last) FROM item WHERE collection = ? AND access = ?",
        (collection, label),
    ).fetchone()
    *lons, south, north, first, last = row
    if first is None:
        return None
    west, east = _sides(*lons) if south is not None else (None, None)
    return Extent(
        None if west is None or east is None else (west, south, east, north),
        datetime.fromtimestamp(first, UTC),
        datetime.fromtimestamp(last, UTC),
    )


def _sides(
    west: float, east: float, cut: int, west_0: float, east_0: float, cut_0: int
) -> tuple[float, float]:
    """Return west and east of what lies between some edges, counted from 180° and from 0°."""
    around = -180.0, 180.0
    here = around if cut else (west, east)
    if cut_0 or east_0 - west_0 >= here[1] - here[0]:
        return here
    return west_0 - 360 * (west_0 > 180), east_0 - 360 * (east_0 > 180)
