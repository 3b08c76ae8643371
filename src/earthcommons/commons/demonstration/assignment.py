"""Which polygon belongs to which area: a worldview's rules applied to source features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import shapely
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, box
from shapely.ops import nearest_points, polygonize, unary_union

from earthcommons.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from shapely.geometry.base import BaseGeometry

    from earthcommons.commons.demonstration.worldview import Rule, Worldview

__all__ = ["DECIMALS", "assign", "lies_within"]

DECIMALS = 6
# The ends of a disputed line stop a few metres short of the border they should meet.
_REACH = 0.001
# Rounding leaves dust where a cut meets a border; the smallest true ring has 7.7e-5 deg2.
_DUST = 1e-8

Split = tuple[list[Polygon], list[Polygon]]


def assign(
    shapes: Mapping[str, tuple[str, BaseGeometry]],
    lines: Sequence[BaseGeometry],
    worldview: Worldview,
    codes: Iterable[str],
) -> dict[str, MultiPolygon]:
    """Return one polygon set per region id.

    Args:
        shapes: adm0_a3 → (code the source gives it, polygons), degrees on WGS 84.
        lines: disputed lines, for rules that carve along one.
        worldview: the rules; what no rule names goes to the code the source gives.
        codes: M49 codes a polygon may go to.

    Returns:
        Region id → valid polygons, largest first, rounded to `DECIMALS`.

    Raises:
        InvalidInputError: a rule that matches nothing, a target that does not exist, a feature
            with neither rule nor known code.
    """
    known = {f"m49:{code}" for code in codes} | {entry.id for entry in worldview.disputed}
    if strange := sorted({rule.feature for rule in worldview.rules} - set(shapes)):
        raise InvalidInputError(f"worldview: no feature {strange[0]}")
    parts: dict[str, list[Polygon]] = {}
    for feature, (code, geometry) in shapes.items():
        rest = _rings(geometry)
        for rule in worldview.rules:
            if rule.feature == feature:
                taken, rest = _apply(rule, rest, lines)
                parts.setdefault(_target(rule.target), []).extend(taken)
        if rest:
            parts.setdefault(f"m49:{code}", []).extend(rest)
    if unknown := sorted(set(parts) - known):
        raise InvalidInputError(f"worldview: polygons go to {unknown[0]}, which is no area")
    return {key: _polygons(unary_union(found)) for key, found in parts.items()}


def lies_within(geometry: BaseGeometry, bounds: Sequence[float]) -> bool:
    """Return whether the bounds of a geometry lie in west, south, east, north."""
    west, south, east, north = geometry.bounds
    return bounds[0] <= west and bounds[1] <= south and east <= bounds[2] and north <= bounds[3]


def _apply(rule: Rule, rings: list[Polygon], lines: Sequence[BaseGeometry]) -> Split:
    """Return what the rule takes of the rings, and what it leaves."""
    if rule.how == "feature":
        taken, rest = rings, []
    elif rule.how == "part" and rule.box:
        taken = [ring for ring in rings if lies_within(ring, rule.box)]
        rest = [ring for ring in rings if not lies_within(ring, rule.box)]
    elif rule.how == "cut" and rule.box:
        area = box(*rule.box)
        taken = [part for ring in rings for part in _rings(ring.intersection(area))]
        rest = [part for ring in rings for part in _rings(ring.difference(area))]
    else:
        taken, rest = _carve(rule, rings, lines)
    if not taken:
        raise InvalidInputError(
            f"worldview: {rule.how} {rule.feature} → {rule.target} is empty"
        )
    return taken, rest


def _carve(rule: Rule, rings: list[Polygon], lines: Sequence[BaseGeometry]) -> Split:
    if rule.along is None or rule.inside is None or not lines:
        raise InvalidInputError(f"worldview: carve {rule.feature} names no line")
    along, inside = Point(rule.along), Point(rule.inside)
    line = min(lines, key=lambda entry: entry.distance(along))
    ring = next((ring for ring in rings if ring.covers(inside)), None)
    if ring is None:
        raise InvalidInputError(f"worldview: {rule.inside} is not in {rule.feature}")
    faces = list(polygonize(unary_union([ring.boundary, _reach(line, ring.boundary)])))
    taken = [face for face in faces if face.covers(inside)]
    if len(faces) < 2 or not taken:
        raise InvalidInputError(f"worldview: the line does not close with {rule.feature}")
    others = [other for other in rings if other is not ring]
    return taken, [*others, *_rings(ring.difference(unary_union(taken)))]


def _reach(line: BaseGeometry, border: BaseGeometry) -> LineString:
    """Lengthen a line at both ends until it crosses the border it all but touches."""
    points = list(line.coords)
    ends = []
    for end in (points[0], points[-1]):
        near = nearest_points(border, Point(end))[0]
        gap = Point(end).distance(near)
        if gap > _REACH:
            raise InvalidInputError(f"worldview: line ends {gap:.4f}° from the border")
        step = _REACH / gap if gap else 0.0
        ends.append((near.x + (near.x - end[0]) * step, near.y + (near.y - end[1]) * step))
    return LineString([ends[0], *points, ends[1]])


def _target(text: str) -> str:
    return text if text.startswith("ec:") else f"m49:{text}"


def _rings(geometry: BaseGeometry) -> list[Polygon]:
    """Return the polygons of any geometry; points and lines are left out."""
    if isinstance(geometry, Polygon):
        return [] if geometry.is_empty else [geometry]
    parts: Any = getattr(geometry, "geoms", ())
    return [ring for part in parts for ring in _rings(part)]


def _polygons(geometry: BaseGeometry) -> MultiPolygon:
    rounded = shapely.transform(geometry, lambda xy: xy.round(DECIMALS))
    rings = [ring for ring in _rings(shapely.make_valid(rounded)) if ring.area > _DUST]
    rings.sort(key=_size)
    return MultiPolygon(rings)


def _size(ring: Polygon) -> tuple[float, ...]:
    return (-ring.area, *ring.bounds)
