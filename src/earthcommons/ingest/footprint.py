"""The bbox and outline of data on the globe, in GeoJSON's order and range."""

from __future__ import annotations

from typing import Any

__all__ = ["footprint", "footprint_of_grid"]


def footprint(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    """Return `bbox` and `geometry` of a box in degrees that may run past 180° or 360°.

    Antimeridian: a box that crosses it keeps west > east in `bbox` and is cut in two in
    `geometry` (RFC 7946, 3.1.9 and 5.2).
    """
    south, north = max(south, -90.0), min(north, 90.0)
    if east - west >= 360 - 1e-6:
        west, east = -180.0, 180.0
    else:
        west, east = _wrap(west), _wrap(east)
        if east == -180.0:
            east = 180.0
    spans = [(west, east)] if west < east else [(west, 180.0), (-180.0, east)]
    rings = [
        [[[a, south], [b, south], [b, north], [a, north], [a, south]]]
        for a, b in spans
        if a < b
    ]
    geometry: dict[str, Any] = (
        {"type": "Polygon", "coordinates": rings[0]}
        if len(rings) == 1
        else {"type": "MultiPolygon", "coordinates": rings}
    )
    return {"bbox": [west, south, east, north], "geometry": geometry}


def footprint_of_grid(crs: str, bounds: tuple[float, float, float, float]) -> dict[str, Any]:
    """Return `bbox` and `geometry` of a box in a projected CRS: its outline in degrees.

    A grid around a pole has no box of longitudes; it spans them all.
    """
    from rasterio.warp import transform_bounds

    return footprint(*transform_bounds(crs, "EPSG:4326", *bounds, densify_pts=63))


def _wrap(longitude: float) -> float:
    if -180 <= longitude <= 180:
        return longitude
    return (longitude + 180) % 360 - 180
