"""Where and when the items of a collection lie, taken together."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import sqlite3

__all__ = ["Extent", "extent_of"]


class Extent(NamedTuple):
    """A box (west, south, east, north in degrees; None where nothing has a place) and a time."""

    bbox: tuple[float, float, float, float] | None
    first: datetime
    last: datetime


def extent_of(sql: sqlite3.Connection, collection: str, label: str) -> Extent | None:
    """Return the extent of those items of a collection that are found under this label.

    None where there are none. What crosses the antimeridian makes the box go round the Earth.
    """
    *box, first, last = sql.execute(
        "SELECT min(iif(west > east, -180, west)), min(south), max(iif(west > east, 180, east)),"
        " max(north), min(first), max(last) FROM item WHERE collection = ? AND access = ?",
        (collection, label),
    ).fetchone()
    if first is None:
        return None
    west, south, east, north = box
    return Extent(
        None if west is None else (west, south, east, north),
        datetime.fromtimestamp(first, UTC),
        datetime.fromtimestamp(last, UTC),
    )
