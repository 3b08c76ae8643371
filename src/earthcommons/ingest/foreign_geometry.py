"""The geometry of a foreign record: mended where the meaning is plain, refused where it is not."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import shapely
from shapely import affinity

from earthcommons.errors import RefusedFileError
from earthcommons.ingest.axis_order import agrees_only_swapped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from earthcommons.ingest.limits import Limits

__all__ = ["check_bbox", "check_place", "mend_geometry", "unrolled"]

_DEPTH_OF = {
    "Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2,
    "MultiPolygon": 3,
}  # fmt: skip
_COLLECTIONS = 4


def mend_geometry(
    value: Any, limits: Limits, *, depth: int = 0
) -> tuple[dict[str, Any], list[str]]:
    """Return a GeoJSON geometry that follows RFC 7946, and what was mended.

    Rings are turned to run the right way, points that repeat are dropped, and what runs past
    180° is cut there (RFC 7946, 3.1.6 and 3.1.9).

    Raises:
        RefusedFileError: `invalid-geometry` (with the position where there is one), `axis-order`
            for latitudes beyond 90°, `declared-too-large` for too many vertices.
    """
    if not isinstance(value, dict) or depth > _COLLECTIONS:
        raise RefusedFileError("a geometry that is none", code="invalid-geometry")
    if value.get("type") == "GeometryCollection":
        parts = value.get("geometries")
        if not isinstance(parts, list) or not parts:
            raise RefusedFileError("an empty collection", code="invalid-geometry")
        mended = [mend_geometry(part, limits, depth=depth + 1) for part in parts]
        return (
            {"type": "GeometryCollection", "geometries": [part for part, _ in mended]},
            [text for _, texts in mended for text in texts],
        )
    kind, coordinates = value.get("type"), value.get("coordinates")
    if not isinstance(kind, str) or kind not in _DEPTH_OF:
        raise RefusedFileError(
            f"a geometry of type {str(kind)[:40]!r}", code="invalid-geometry"
        )
    points = list(_points(coordinates, _DEPTH_OF[kind], ()))
    if not points:
        raise RefusedFileError("a geometry without points", code="invalid-geometry")
    if len(points) > limits.vertices:
        raise RefusedFileError(
            f"{len(points)} vertices, allowed {limits.vertices}", code="declared-too-large"
        )
    _check_rings(kind, coordinates)
    try:
        shape = shapely.geometry.shape({"type": kind, "coordinates": coordinates})
    except ValueError as error:
        raise RefusedFileError(
            "positions with and without height in one outline", code="invalid-geometry"
        ) from error
    return _mended(shape)


def check_bbox(value: Any) -> list[float]:
    """Return a bbox of 4 or 6 numbers; west > east crosses 180°.

    Raises:
        RefusedFileError: another count, no numbers, off the globe, south of its south (`bad-bbox`).
    """
    whole = isinstance(value, list) and all(_is_number(number) for number in value)
    if not whole or len(value) not in (4, 6):
        raise RefusedFileError("bbox: need 4 or 6 numbers", code="bad-bbox")
    half = len(value) // 2
    west, south, east, north = value[0], value[1], value[half], value[half + 1]
    if max(abs(south), abs(north)) > 90 or max(abs(west), abs(east)) > 180 or south > north:
        raise RefusedFileError(f"bbox {value}: no box on the globe", code="bad-bbox")
    return list(value)


def check_place(bbox: list[float], geometry: dict[str, Any]) -> list[str]:
    """Return warnings where bbox and geometry name different places.

    Swapped axes are suspected where the geometry swapped would fit and the given one does not.
    """
    half = len(bbox) // 2
    west, south, east, north = bbox[0], bbox[1], bbox[half], bbox[half + 1]
    shape = shapely.geometry.shape(geometry)
    if _box(west, south, east, north).intersects(shape):
        return []
    if agrees_only_swapped(bbox, shape.bounds):
        return ["axis-order-suspect: bbox and geometry agree only with their axes swapped"]
    return ["bbox-elsewhere: bbox and geometry do not touch"]


def unrolled(geometry: Any, bbox: list[float]) -> Any:
    """Return a polygon as its bbox means it: over 180°, or around a pole, where that says so.

    A bbox with west > east means that the outline takes the short way between its points; a bbox
    that reaches a pole means that an outline once around the globe holds the pole.
    """
    half = len(bbox) // 2
    crosses = bbox[0] > bbox[half]
    polar = max(abs(bbox[1]), abs(bbox[half + 1])) == 90
    if not (crosses or polar) or not isinstance(geometry, dict):
        return geometry
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if kind not in ("Polygon", "MultiPolygon") or not isinstance(coordinates, list):
        return geometry
    # Judged first: what follows walks through lists of points.
    list(_points(coordinates, _DEPTH_OF[kind], ()))
    _check_rings(kind, coordinates)
    if kind == "Polygon":
        return {**geometry, "coordinates": [_unrolled(ring) for ring in coordinates]}
    if crosses:
        rings = [[_unrolled(ring) for ring in polygon] for polygon in coordinates]
        return {**geometry, "coordinates": rings}
    return geometry


def _unrolled(ring: Any) -> Any:
    points = list(_points(ring, 1, ()))
    lon = points[0][0]
    out = [points[0]]
    for before, point in pairwise(points):
        lon += (point[0] - before[0] + 180) % 360 - 180
        out.append([lon, *point[1:]])
    if abs(abs(lon - points[0][0]) - 360) > 1e-9:
        return out
    # Once around: the outline runs on along one meridian to the pole and back.
    pole = math.copysign(90.0, sum(point[1] for point in points))
    return [*out, [lon, pole], [out[0][0], pole], out[0]]


def _box(west: float, south: float, east: float, north: float) -> Any:
    if west <= east:
        return shapely.box(west, south, east, north)
    return shapely.union(
        shapely.box(west, south, 180, north), shapely.box(-180, south, east, north)
    )


def _points(value: Any, depth: int, place: tuple[int, ...]) -> Iterator[list[float]]:
    if not isinstance(value, list):
        raise _wrong(place, "no list")
    if depth:
        for n, inner in enumerate(value):
            yield from _points(inner, depth - 1, (*place, n))
        return
    if not 2 <= len(value) <= 3 or not all(_is_number(number) for number in value):
        raise _wrong(place, "need two or three numbers")
    lon, lat = value[0], value[1]
    if abs(lat) > 90:
        raise RefusedFileError(
            f"latitude {lat} beyond ±90 at {_path(place)}: longitude and latitude look swapped",
            code="axis-order",
        )
    if abs(lon) > 540:
        raise _wrong(place, f"longitude {lon}")
    yield value


def _check_rings(kind: str, coordinates: Any) -> None:
    polygons = {"Polygon": [coordinates], "MultiPolygon": coordinates}.get(kind, [])
    for p, polygon in enumerate(polygons):
        for r, ring in enumerate(polygon):
            if len(ring) < 4 or ring[0] != ring[-1]:
                raise _wrong((p, r), "a ring needs four points, the last equal to the first")


def _mended(shape: Any) -> tuple[dict[str, Any], list[str]]:
    warnings = []
    slim = shapely.remove_repeated_points(shape)
    if shapely.get_num_coordinates(slim) != shapely.get_num_coordinates(shape):
        warnings.append("duplicate-points: points that repeat the one before were dropped")
    if slim.is_empty or not slim.is_valid:
        why = shapely.is_valid_reason(slim) if not slim.is_empty else "collapsed"
        raise RefusedFileError(f"geometry: {why}", code="invalid-geometry")
    if shape.geom_type in ("Polygon", "MultiPolygon"):
        if shape.area == 0:
            raise RefusedFileError("geometry: a polygon without area", code="invalid-geometry")
        turned = shapely.orient_polygons(slim)
        if not shapely.equals_exact(turned, slim, tolerance=0):
            warnings.append("ring-orientation: rings were turned to run the right way")
        slim = turned
    west, _, east, _ = slim.bounds
    if east > 180 or west < -180:
        if east - west > 360:
            raise RefusedFileError("geometry: over 360° wide", code="invalid-geometry")
        slim = _cut(slim)
        warnings.append("antimeridian: what ran past 180° was cut there")
    value: dict[str, Any] = shapely.geometry.mapping(slim)
    return _listed(value), warnings


def _cut(shape: Any) -> Any:
    parts = []
    for turn in (-360, 0, 360):
        inside = shapely.intersection(shape, shapely.box(turn - 180, -90, turn + 180, 90))
        if not inside.is_empty:
            parts.append(affinity.translate(inside, xoff=-turn))
    kinds = {part.geom_type for part in parts}
    if kinds <= {"Polygon", "MultiPolygon"}:
        return shapely.orient_polygons(
            shapely.multipolygons([p for part in parts for p in shapely.get_parts(part)])
        )
    return shapely.union_all(parts)


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _listed(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_listed(inner) for inner in value]
    return value


def _is_number(value: Any) -> bool:
    return (
        isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    )


def _wrong(place: tuple[int, ...], why: str) -> RefusedFileError:
    return RefusedFileError(f"geometry at {_path(place)}: {why}", code="invalid-geometry")


def _path(place: tuple[int, ...]) -> str:
    return "coordinates" + "".join(f"[{n}]" for n in place)
