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


def unrolled(geometry: Any, bbox: list[float], *, depth: int = 0) -> Any:
    """Return lines and polygons as their bbox means them, where longitudes alone leave it open.

    The same place has many longitudes: where the written ones lie outside the bbox, those inside
    it are meant, so that an outline crosses 180° where its bbox has west > east. A bbox that
    reaches a pole means that an outline once around the globe holds the pole. What agrees with
    its bbox as it is written stays as it is.
    """
    if not isinstance(geometry, dict):
        return geometry
    kind: Any = geometry.get("type")
    coordinates: Any = geometry.get("coordinates")
    parts = geometry.get("geometries")
    if kind == "GeometryCollection" and isinstance(parts, list) and depth < _COLLECTIONS:
        read = [unrolled(part, bbox, depth=depth + 1) for part in parts]
        return {**geometry, "geometries": read}
    if kind not in ("LineString", "MultiLineString", "Polygon", "MultiPolygon"):
        return geometry
    # Judged first: what follows walks through lists of points.
    list(_points(coordinates, _DEPTH_OF[kind], ()))
    _check_rings(kind, coordinates)
    if kind == "LineString":
        return {**geometry, "coordinates": _read([coordinates], bbox)[0]}
    if kind == "MultiLineString":
        lines = [_read([line], bbox)[0] for line in coordinates]
        return {**geometry, "coordinates": lines}
    if kind == "Polygon":
        return {**geometry, "coordinates": _read_rings(coordinates, bbox)}
    return {**geometry, "coordinates": [_read_rings(rings, bbox) for rings in coordinates]}


def _read_rings(rings: list[Any], bbox: list[float]) -> list[Any]:
    poles = {lat for lat in (bbox[1], bbox[len(bbox) // 2 + 1]) if abs(lat) == 90}
    if not poles or not rings:
        return _read(rings, bbox)
    outer = _short_way(rings[0])
    # Twice around, it meets itself where it is no outline around the pole: along 180° and back.
    turns = shapely.LineString([*_flat(outer), *_flat(_short_way([outer[-1], *outer[1:]]))])
    if abs(abs(outer[-1][0] - outer[0][0]) - 360) > 1e-9 or not turns.is_simple:
        return _read(rings, bbox)
    south = sum(point[1] for point in outer) < 0
    over = _over_pole(rings[0], poles.pop() if len(poles) == 1 else -90 if south else 90)
    west = min(point[0] for point in outer)
    holes = [_from(west, _short_way(ring)) for ring in rings[1:]]
    try:
        holds = bool(shapely.Polygon(over, holes).is_valid)
    except ValueError:
        holds = False
    return [over, *holes] if holds else _read(rings, bbox)


def _read(lines: list[Any], bbox: list[float]) -> list[Any]:
    """Return lines, or the rings of one polygon, with longitudes that agree with the bbox."""
    west, east = bbox[0], bbox[len(bbox) // 2]
    crosses = west > east
    if crosses:
        east += 360
    longitudes = [point[0] for line in lines for point in line]
    # From the middle of what the bbox leaves out, so that one rounded inwards means the same.
    begin = (west + east) / 2 - 180
    slack = min((west + 360 - east) / 2, 1)
    sides = [(begin, min(begin + 360, 180))] + [(-180, begin)] * crosses
    if any(all(a <= lon <= b for lon in longitudes) for a, b in sides):
        return lines
    if not slack or max(longitudes) - min(longitudes) > 360:
        return lines
    read = [
        [[point[0] + 360 * math.ceil((begin - point[0]) / 360), *point[1:]] for point in line]
        for line in lines
    ]
    if all(west - slack <= point[0] <= east + slack for line in read for point in line):
        return read
    # The bbox is too small, or that of another place.
    return [_short_way(line) for line in lines] if crosses else lines


def _short_way(line: Any) -> list[Any]:
    lon = line[0][0] if line else 0
    out = [*line[:1]]
    for before, point in pairwise(line):
        lon += (point[0] - before[0] + 180) % 360 - 180
        out.append([lon, *point[1:]])
    return out


def _over_pole(ring: list[Any], pole: float) -> list[Any]:
    """Return an outline once around that runs on along one meridian to the pole and back.

    From its point next to the pole: there that meridian cannot meet the outline again.
    """
    n = min(range(len(ring) - 1), key=lambda n: abs(pole - ring[n][1]))
    out = _short_way([*ring[n:-1], *ring[: n + 1]])
    first, last = out[0], out[-1]
    last[0] = first[0] + math.copysign(360, last[0] - first[0])
    return [*out, [last[0], pole, *last[2:]], [first[0], pole, *first[2:]], first]


def _flat(ring: list[Any]) -> list[Any]:
    return [point[:2] for point in ring]


def _from(west: float, ring: list[Any]) -> list[Any]:
    turns = 360 * math.floor((ring[0][0] - west) / 360)
    return [[point[0] - turns, *point[1:]] for point in ring]


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
        slim = _cut(slim)
        warnings.append("antimeridian: what ran past 180° was cut there")
    value: dict[str, Any] = shapely.geometry.mapping(slim)
    return _listed(value), warnings


def _cut(shape: Any) -> Any:
    parts = []
    for turn in (-360, 0, 360):
        inside = shapely.intersection(shape, shapely.box(turn - 180, -90, turn + 180, 90))
        parts += [affinity.translate(part, xoff=-turn) for part in shapely.get_parts(inside)]
    if shape.geom_type not in ("Polygon", "MultiPolygon"):
        return shapely.union_all(parts)
    # Where it only touches 180°, a line of no area is left over.
    parts = [part for part in parts if part.geom_type == "Polygon" and not part.is_empty]
    whole = shapely.union_all(parts)
    if not math.isclose(whole.area, shape.area, rel_tol=1e-6, abs_tol=1e-9):
        raise RefusedFileError(
            "geometry: over 360° wide, it covers a place twice", code="invalid-geometry"
        )
    return shapely.orient_polygons(whole)


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
