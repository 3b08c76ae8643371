"""Footprints on a small plate of the world: 360 by 180, north up, our own coastlines under it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import shapely

from earthcommons.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from earthcommons.web.pages.site import Site
    from earthcommons.web.words import Words

__all__ = ["coastlines", "footprint", "footprint_words"]

# Half a unit of the plate is half a degree: finer detail cannot be seen.
_FINE_DEG, _LEAST_DEG2 = 1.2, 4.0


def footprint(bbox: Sequence[float]) -> list[dict[str, float]]:
    """Return the boxes of a footprint in a drawing of 360 by 180, north up.

    Antimeridian: west > east is legal and gives two boxes. A box too small to be seen is grown
    about its middle.
    """
    if not bbox:
        return []
    west, south, east, north = _edges(bbox)
    spans = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
    boxes = []
    for left, right in spans:
        width, height = max(right - left, 4.0), max(north - south, 4.0)
        x, y = (left + right) / 2 + 180 - width / 2, 90 - (south + north) / 2 - height / 2
        boxes.append(
            {
                "x": round(min(max(x, 0.0), 360 - width), 2),
                "y": round(min(max(y, 0.0), 180 - height), 2),
                "width": round(width, 2),
                "height": round(height, 2),
            }
        )
    return boxes


def footprint_words(bbox: Sequence[float], words: Words, key: str = "footprint_alt") -> str:
    """Return a footprint in words; an empty string where there is none."""
    if not bbox:
        return ""
    west, south, east, north = (f"{edge:.1f}°".replace("-", "\u2212") for edge in _edges(bbox))
    return words(key, west=west, east=east, south=south, north=north)


def coastlines(site: Site) -> str:
    """Return the SVG path of the land on the plate; empty where the node holds no boundaries.

    Boundaries between countries are left out: the plate says where data lies, nothing else.
    """
    try:
        regions = site.places.region_set(geometry=True)
    except NotFoundError:
        return ""
    key = ("coastlines", regions.digest)
    return site.pictures.get(key, lambda: _path([r.geometry for r in regions.with_geometry()]))


def _path(shapes: Sequence[shapely.Geometry | None]) -> str:
    known = [shapely.simplify(s, 0.25, preserve_topology=True) for s in shapes if s is not None]
    land = shapely.simplify(
        shapely.unary_union([shapely.buffer(s, 0.05) for s in known]), _FINE_DEG
    )
    rings = []
    for part in shapely.get_parts(land):
        if part.geom_type != "Polygon" or part.area < _LEAST_DEG2:
            continue
        points = np.rint(np.asarray(part.exterior.coords)[:, :2]).astype(int)
        moved = points[np.r_[True, np.any(np.diff(points, axis=0) != 0, axis=1)]]
        if len(moved) > 3:
            steps = " ".join(f"{x + 180} {90 - y}" for x, y in moved[:-1].tolist())
            rings.append(f"M{steps}z")
    return "".join(rings)


def _edges(bbox: Sequence[float]) -> tuple[float, float, float, float]:
    if len(bbox) == 6:
        return bbox[0], bbox[1], bbox[3], bbox[4]
    return bbox[0], bbox[1], bbox[2], bbox[3]
