"""A choropleth of the world as one SVG text, equal-area, for pages and for paper."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from xml.sax.saxutils import escape, quoteattr

import numpy as np
import numpy.typing as npt
import shapely
from shapely.geometry.base import BaseGeometry

from earthcommons.errors import InvalidInputError
from earthcommons.render.equal_earth import X_EDGE, Y_EDGE, equal_earth
from earthcommons.render.format import check_language, value_text
from earthcommons.render.map_legend import DASHES, DOTS, HATCH, KEY_WORDS, map_foot
from earthcommons.render.ramps import Legend

DISCLAIMER = {
    "en": "The boundaries and names shown and the designations used on this map do not imply "
    "official endorsement or acceptance by the United Nations.",
    "zh": "本地图所示边界、名称及所用称谓不意味着联合国正式认可或接受。",
}
_PROJECTION = {
    "en": "Equal Earth projection: areas are comparable.",
    "zh": "Equal Earth 等积投影：面积可比。",
}
# The drawing unit is a tenth of a pixel, so that paths are whole numbers.
WIDTH = 9600
_MARGIN = 100
_SMALLEST = 900.0
_TOLERANCE = 4.0


@dataclass(frozen=True, slots=True)
class MapRegion:
    """One region to draw: `value` [unit of the legend], None where not observed or withheld."""

    id: str
    name: dict[str, str]
    geometry: BaseGeometry
    value: float | None = None
    withheld: bool = False
    href: str | None = None


@dataclass(frozen=True, slots=True)
class WorldMap:
    """What the map says; every text per language, English at least."""

    title: dict[str, str]
    description: dict[str, str]
    regions: Sequence[MapRegion]
    legend: Legend
    disputed_lines: Sequence[BaseGeometry] = ()
    note: dict[str, str] = field(default_factory=dict)
    disclaimer: dict[str, str] = field(default_factory=lambda: DISCLAIMER)
    digits: int = 1
    highlight: str | None = None


def world_map_svg(picture: WorldMap, lang: str) -> str:
    """Draw the map, its legend and its notes as a standalone SVG document.

    Args:
        picture: what to draw; coordinates of geometries are WGS 84, longitude first.
        lang: `en` or `zh`.

    Returns:
        SVG 1.1 text without scripts, styles or references to other files.

    Raises:
        InvalidInputError: no region, a region twice, or coordinates that are not degrees.
    """
    short = check_language(lang)
    ids = [region.id for region in picture.regions]
    if not ids or len(set(ids)) != len(ids):
        raise InvalidInputError(f"map of {len(ids)} regions, {len(set(ids))} of them distinct")
    map_height = round(2 * _MARGIN + (WIDTH - 2 * _MARGIN) * Y_EDGE / X_EDGE)
    texts = (picture.note, _PROJECTION, picture.disclaimer)
    notes = ("" if short == "zh" else " ").join(filter(None, (_say(t, short) for t in texts)))
    foot, foot_height = map_foot(
        picture.legend, _keys(picture), notes, short,
        left=_MARGIN, top=map_height, width=WIDTH - 2 * _MARGIN,
    )  # fmt: skip
    height = map_height + foot_height
    title, about = _say(picture.title, short), _say(picture.description, short)
    frame = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH // 10}" height="{height / 10:g}" role="img" xml:lang="{short}" '
        f'lang="{short}" font-family="Noto Sans SC, system-ui, Noto Sans, sans-serif">'
    )
    parts = [
        frame,
        f"<title>{escape(title)}</title><desc>{escape(about)}</desc>",
        _patterns(),
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<path d="{_outline()}" fill="#eef3f4" stroke="#c5cfce" stroke-width="8"/>',
        *_regions(picture, short),
        *_lines(picture.disputed_lines),
        *_highlighted(picture),
        *foot,
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _patterns() -> str:
    return (
        '<defs><pattern id="ec-hatch" width="60" height="60" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate(45)"><rect width="60" height="60" fill="#f7f7f5"/>'
        '<rect width="12" height="60" fill="#a8b0af"/></pattern></defs>'
    )


def _to_plane(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Degrees to drawing units, y down."""
    x, y = equal_earth(points[:, 0], points[:, 1])
    scale = (WIDTH / 2 - _MARGIN) / X_EDGE
    return np.column_stack([WIDTH / 2 + x * scale, _MARGIN + (Y_EDGE - y) * scale])


def _project(geometry: BaseGeometry, *, tolerance: float = _TOLERANCE) -> BaseGeometry:
    # Long straight edges (Antarctica along 180° and the pole) are curves in this plane.
    dense = shapely.segmentize(shapely.force_2d(geometry), 3.0)
    plane = shapely.transform(dense, _to_plane)
    return shapely.simplify(plane, tolerance, preserve_topology=False)


def _outline() -> str:
    side = np.linspace(-90, 90, 61)
    ring = np.vstack(
        [
            np.column_stack([np.full(61, 180.0), side]),
            np.column_stack([np.full(61, -180.0), side[::-1]]),
        ]
    )
    return _ring_path(_to_plane(ring))


def _ring_path(points: npt.NDArray[np.float64], *, close: bool = True) -> str:
    """Path of one ring in relative whole units, repeated points left out."""
    whole = np.rint(points).astype(int)
    steps = np.diff(whole, axis=0)
    moved = steps[np.any(steps != 0, axis=1)]
    if close and len(moved) < 3:
        return ""
    if close:
        moved = moved[:-1] if np.array_equal(whole[0], whole[-1]) else moved
    body = "".join(f"{dx} {dy} " if dy >= 0 else f"{dx}{dy} " for dx, dy in moved.tolist())
    return f"M{whole[0, 0]} {whole[0, 1]}l{body.rstrip()}" + ("z" if close else "")


def _polygon_path(plane: BaseGeometry) -> str:
    paths = []
    for part in shapely.get_parts(plane):
        if part.geom_type == "Polygon" and not part.is_empty:
            rings = [part.exterior, *part.interiors]
            paths += [_ring_path(shapely.get_coordinates(ring)) for ring in rings]
    return "".join(paths)


def _regions(picture: WorldMap, lang: str) -> list[str]:
    """Paths first, small places after, so that an island state is never under its neighbour."""
    large: list[str] = []
    small: list[str] = []
    for region in picture.regions:
        plane = _project(region.geometry)
        path = _polygon_path(plane)
        tall = bool(path) and shapely.area(plane) >= _SMALLEST
        shape = f'<path d="{path}"' if tall else _dot(region)
        (large if tall else small).append(_shape(shape, region, picture, lang))
    group = '<g stroke="#6a7977" stroke-width="4" stroke-linejoin="round" fill-rule="evenodd">'
    return [group, *large, *small, "</g>"]


def _dot(region: MapRegion) -> str:
    centre = shapely.get_coordinates(_to_point(region.geometry))
    x, y = np.rint(_to_plane(centre))[0].astype(int).tolist()
    return f'<circle cx="{x}" cy="{y}" r="26"'


def _to_point(geometry: BaseGeometry) -> BaseGeometry:
    if geometry.is_empty:
        raise InvalidInputError("a region of the map has an empty geometry")
    parts = shapely.get_parts(geometry)
    largest = parts[int(np.argmax(shapely.area(parts)))]
    point: BaseGeometry = shapely.point_on_surface(largest)
    return point


def _shape(shape: str, region: MapRegion, picture: WorldMap, lang: str) -> str:
    unit = picture.legend.unit
    colour = None if region.withheld else picture.legend.colour_of(region.value)
    if region.withheld:
        paint = DOTS
        said = KEY_WORDS["withheld"][lang]
    elif colour is None:
        paint, said = HATCH, KEY_WORDS["missing"][lang]
    else:
        paint = f'fill="{colour}"'
        said = value_text(region.value or 0.0, unit, picture.digits, lang)
    label = f"{_say(region.name, lang)}: {said}"
    drawn = f"{shape} {paint} data-region={quoteattr(region.id)}><title>{escape(label)}</title>"
    drawn += "</path>" if shape.startswith("<path") else "</circle>"
    if region.href is None:
        return drawn
    if not region.href.startswith("/") or region.href.startswith(("//", "/\\")):
        raise InvalidInputError(f"link of region {region.id} leaves this host: {region.href}")
    return f"<a href={quoteattr(region.href)}>{drawn}</a>"


def _lines(lines: Sequence[BaseGeometry]) -> list[str]:
    paths = "".join(
        _ring_path(shapely.get_coordinates(part), close=False)
        for line in lines
        for part in shapely.get_parts(_project(line))
        if part.geom_type == "LineString" and not part.is_empty
    )
    if not paths:
        return []
    return [f'<path d="{paths}" {DASHES}/>']


def _highlighted(picture: WorldMap) -> list[str]:
    found = [region for region in picture.regions if region.id == picture.highlight]
    if not found:
        return []
    path = _polygon_path(_project(found[0].geometry))
    return [f'<path d="{path}" fill="none" stroke="#0b5c5e" stroke-width="22"/>']


def _say(texts: dict[str, str], lang: str) -> str:
    return texts.get(lang) or texts.get("en", "")


def _keys(picture: WorldMap) -> list[str]:
    """Which states beside a value the map shows, so that the legend names no other."""
    legend, regions = picture.legend, picture.regions
    shown = {
        "missing": any(not r.withheld and legend.colour_of(r.value) is None for r in regions),
        "withheld": any(r.withheld for r in regions),
        "disputed": bool(picture.disputed_lines),
    }
    return [kind for kind, used in shown.items() if used]
