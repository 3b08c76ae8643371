"""Longitude and latitude in each other's place, where a second witness tells.

Coordinates within ±90 may be either: alone they do not show that they were swapped. A bbox that the
file, its declaration or its collection states does, when they agree with it in that way only.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from earthcommons.errors import NotFoundError
from earthcommons.model.party import OPERATOR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from earthcommons.catalog import Catalog
    from earthcommons.model.party import Party

__all__ = ["agrees_only_swapped", "stated_in", "swap_warnings", "swapped_in_collection"]

Edges = tuple[float, float, float, float]

# Stated extents are rounded, and go around cells or through their centres.
_SHARE, _LEAST = 0.1, 0.01


def agrees_only_swapped(stated: Any, found: Any) -> bool:
    """Return whether a bbox agrees with a stated one only once its axes are swapped.

    It does where it lies wholly outside the stated one, and swapped wholly inside; also, for
    places near the diagonal that overlap what they are when swapped, where it reaches out of it
    and has, swapped, the same edges. Edges are compared to a tenth of the stated box, or 0.01°.

    Args:
        stated: [west, south, east, north] or 6 numbers, in degrees; west > east crosses 180°, and
            longitudes may run to 360°. What is no such box says nothing.
        found: the same of the data.
    """
    box, here = _edges(stated), _edges(found)
    if box is None or here is None or max(abs(here[0]), abs(here[2])) > 90:
        return False
    west, south, east, north = here
    swapped = (south, west, north, east)
    wide, high = (max(_SHARE * side, _LEAST) for side in (box[2] - box[0], box[3] - box[1]))
    grown = (box[0] - wide, box[1] - high, box[2] + wide, box[3] + high)
    if _is_inside(here, grown) or not _is_inside(swapped, grown):
        return False
    slacks = (wide, high, wide, high)
    return _is_outside(here, grown) or any(
        all(abs(a - b) <= slack for a, b, slack in zip(turned, box, slacks, strict=True))
        for turned in _turned(swapped)
    )


def swap_warnings(stated: Any, found: Any, witness: str) -> list[str]:
    """Return the warning that coordinates agree with a stated bbox only swapped, if they do."""
    if not agrees_only_swapped(stated, found):
        return []
    text = f"the coordinates and {witness} agree only with longitude and latitude swapped"
    return [f"axis-order-suspect: {text}"]


def swapped_in_collection(
    catalog: Catalog, name: str, found: Any, party: Party = OPERATOR
) -> list[str]:
    """Return the warning that data would lie in its collection's extent only when swapped.

    A collection that the party may not find says nothing.
    """
    try:
        extent = catalog.get("collection", name, party).get("extent") or {}
    except NotFoundError:
        return []
    boxes = (extent.get("spatial") or {}).get("bbox") or [None]
    return swap_warnings(boxes[0], found, "the extent of the collection")


def stated_in(attributes: Mapping[Any, Any]) -> list[float] | None:
    """Return the bbox that the global attributes of a dataset state, if they do.

    Source:
        Attribute Convention for Data Discovery 1.3, geospatial_lat_min and its kin.
    """
    names = ("lon_min", "lat_min", "lon_max", "lat_max")
    try:
        return [float(attributes[f"geospatial_{name}"]) for name in names]
    except (KeyError, TypeError, ValueError):
        return None


def _edges(bbox: Any) -> Edges | None:
    """Return a box with west ≤ east, which may then lie beyond 180°; None for what is none."""
    if not isinstance(bbox, list | tuple) or len(bbox) not in (4, 6):
        return None
    half = len(bbox) // 2
    edges = (bbox[0], bbox[1], bbox[half], bbox[half + 1])
    if not all(isinstance(edge, int | float) and math.isfinite(edge) for edge in edges):
        return None
    west, south, east, north = (float(edge) for edge in edges)
    if not -90 <= south <= north <= 90 or max(abs(west), abs(east)) > 360:
        return None
    return west, south, east + 360 * (west > east), north


def _turned(box: Edges) -> list[Edges]:
    return [(box[0] + turn, box[1], box[2] + turn, box[3]) for turn in (-360, 0, 360)]


def _is_inside(box: Edges, outer: Edges) -> bool:
    return any(
        outer[0] <= west and east <= outer[2] and outer[1] <= south and north <= outer[3]
        for west, south, east, north in _turned(box)
    )


def _is_outside(box: Edges, other: Edges) -> bool:
    return all(
        east < other[0] or other[2] < west or north < other[1] or other[3] < south
        for west, south, east, north in _turned(box)
    )
