"""Sea-surface temperature anomaly of a month as an equal-area picture, drawn on the server."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import shapely
from fastapi import APIRouter, Request, Response

from earthcommons.cube import open_array
from earthcommons.errors import NotFoundError
from earthcommons.indicators import find_indicator
from earthcommons.render.equal_earth import X_EDGE, Y_EDGE, equal_earth
from earthcommons.render.map_legend import map_foot
from earthcommons.render.ramps import Legend, ramp
from earthcommons.render.world_map import DISCLAIMER, WIDTH
from earthcommons.web.pages.choropleths import ground
from earthcommons.web.pages.site import compressed
from earthcommons.web.parameters import known
from earthcommons.web.places import COUNTRIES, PLACES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from earthcommons.web.pages.site import Site
    from earthcommons.web.pages.view import Row

__all__ = ["ITEM", "LEGEND_BREAKS", "SeaCube", "sea_cube", "sea_router", "sea_svg"]

ITEM = "ersst-v5/ersst-v5-anomaly"
LEGEND_BREAKS = tuple(step / 2 for step in range(-6, 7))
_INDICATOR = "sst-anomaly"
_MARGIN = 100
_MONTH = re.compile(r"\d{4}-\d{2}")

Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True, eq=False)
class SeaCube:
    """Monthly anomalies of the whole grid.

    Attributes:
        months: `YYYY-MM`, in order.
        anomaly: dims (month, lat, lon), [degC]; NaN over land and where not analysed.
        lat, lon: cell centres; lon runs from 0 to 360.
        first, last: years of the baseline.
    """

    months: tuple[str, ...]
    anomaly: Floats
    lat: Floats
    lon: Floats
    first: int
    last: int

    @property
    def years(self) -> str:
        """The baseline in figures."""
        return f"{self.first}\u2013{self.last}"

    def at(self, month: str) -> Floats:
        """Return one month, dims (lat, lon).

        Raises:
            NotFoundError: the series has no such month.
        """
        if month not in self.months:
            raise NotFoundError(f"the series has no month {month[:20]!r}")
        grid: Floats = self.anomaly[self.months.index(month)]
        return grid


def sea_cube(site: Site) -> SeaCube | None:
    """Return the anomalies of the node's monthly sea-surface temperature, or None without it."""
    item = site.item(ITEM)
    if item is None or "data" not in item["assets"]:
        return None
    digest = item["assets"]["data"]["file:checksum"]
    return site.pictures.get(("sea", digest), lambda: _read(site, item))


def sea_router(site: Site) -> APIRouter:
    """Return the routes of the anomaly's picture and tiles."""
    router = APIRouter(prefix="/figures", include_in_schema=False)

    def cube() -> SeaCube:
        found = sea_cube(site)
        if found is None:
            raise NotFoundError(f"this node does not hold {ITEM}")
        return found

    @router.get("/sea-temperature/{month}.{lang}.svg")
    def picture(request: Request, month: str, lang: str) -> Response:
        known(request, ())
        if lang not in site.words or not _MONTH.fullmatch(month):
            raise NotFoundError("there is no such picture")
        found = cube()
        svg = site.pictures.get(
            ("sea-map", month, lang, _digest(site), ground(site)),
            lambda: sea_svg(site, found, month, lang),
        )
        return compressed(request, svg.encode(), "image/svg+xml")

    @router.get("/sea-regions.geojson")
    def outlines(request: Request) -> Response:
        known(request, ())
        sets = [site.places.region_set(name).digest for name in (COUNTRIES, PLACES)]
        key = ("sea-regions", *sets, site.run_of(_INDICATOR))
        body = site.pictures.get(key, lambda: _outlines(site))
        return compressed(request, body, "application/geo+json")

    return router


def sea_svg(site: Site, cube: SeaCube, month: str, lang: str) -> str:
    """Return the month as an equal-area picture with legend and notes.

    Raises:
        NotFoundError: the series has no such month.
    """
    grid, words = cube.at(month), site.words[lang]
    title = words.phrase([words["layer_sst"], words.when(month)])
    shades = Legend(
        "°C", LEGEND_BREAKS, _colours(), int(np.isfinite(grid).sum()), {lang: title}
    )
    height = round(2 * _MARGIN + (WIDTH - 2 * _MARGIN) * Y_EDGE / X_EDGE)
    gap = "" if lang == "zh" else " "
    notes = gap.join([words("sst_note", years=cube.years), DISCLAIMER[lang]])
    foot, foot_height = map_foot(
        shades, ["missing"], notes, lang, left=_MARGIN, top=height, width=WIDTH - 2 * _MARGIN
    )
    land = site.pictures.get(("land", ground(site)[0]), lambda: _land(site))
    whole = height + foot_height
    parts = [
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {whole}"'
            f' width="{WIDTH // 10}" height="{whole / 10:g}" role="img" lang="{lang}"'
            ' font-family="Noto Sans SC, system-ui, Noto Sans, sans-serif">'
        ),
        f"<title>{title}</title>",
        (
            '<defs><pattern id="ec-hatch" width="60" height="60" patternUnits="userSpaceOnUse"'
            ' patternTransform="rotate(45)"><rect width="60" height="60" fill="#f7f7f5"/>'
            '<rect width="12" height="60" fill="#a8b0af"/></pattern></defs>'
        ),
        f'<rect width="{WIDTH}" height="{whole}" fill="#ffffff"/>',
        f'<path d="{_outline()}" fill="url(#ec-hatch)"/>',
        *_strips(cube, grid, shades),
        f'<path d="{land}" fill="#e8e8e4" stroke="#6a7977" stroke-width="5"/>',
        *foot,
        "</svg>",
    ]
    return "\n".join(parts)


def _digest(site: Site) -> str:
    item = site.item(ITEM)
    return "" if item is None else str(item["assets"]["data"]["file:checksum"])


def _read(site: Site, item: Row) -> SeaCube:
    array = open_array(item, site.node.store, "sst_anomaly")
    months = tuple(str(step)[:7] for step in array[array.dims[0]].values)
    declared = {p.name: p.default for p in find_indicator(_INDICATOR).parameters}
    first, last = int(declared["baseline_first"]), int(declared["baseline_last"])
    values = np.asarray(array.values, dtype=np.float64)
    lat, lon = (np.asarray(array[dim].values, np.float64) for dim in array.dims[-2:])
    return SeaCube(months, values, lat, lon, first, last)


def _colours() -> tuple[str, ...]:
    return ramp("temperature").classes(len(LEGEND_BREAKS) - 1)


def _classes(values: Floats) -> NDArray[np.int64]:
    """Class of each value, -1 where missing; values beyond the ends fall in the end classes."""
    index = np.digitize(np.nan_to_num(values), LEGEND_BREAKS[1:-1])
    return np.where(np.isfinite(values), index, -1)


def _strips(cube: SeaCube, grid: Floats, shades: Legend) -> list[str]:
    """Neighbouring cells of one class in a row as one strip; parallels are straight here."""
    turn = int(np.searchsorted(cube.lon, 180.0))
    lon = np.concatenate([cube.lon[turn:] - 360, cube.lon[:turn]])
    classes = np.roll(_classes(grid), -turn, axis=1)
    half_lat = abs(cube.lat[1] - cube.lat[0]) / 2
    half_lon = (lon[1] - lon[0]) / 2
    paths: dict[int, list[str]] = {}
    for row, centre in zip(classes, cube.lat, strict=True):
        south, north = max(centre - half_lat, -90.0), min(centre + half_lat, 90.0)
        edges = np.flatnonzero(np.diff(row)) + 1
        for start, end in zip([0, *edges], [*edges, len(row)], strict=True):
            if row[start] < 0:
                continue
            west = max(lon[start] - half_lon, -180.0)
            east = min(lon[end - 1] + half_lon, 180.0)
            corners = _plane([west, east, east, west], [south, south, north, north])
            paths.setdefault(int(row[start]), []).append(
                "M" + "L".join(f"{x} {y}" for x, y in corners) + "z"
            )
    return [
        f'<path d="{"".join(found)}" fill="{shades.colours[n]}" stroke="{shades.colours[n]}"'
        ' stroke-width="3"/>'
        for n, found in sorted(paths.items())
    ]


def _plane(lon: list[float], lat: list[float]) -> list[tuple[int, int]]:
    x, y = equal_earth(np.array(lon), np.array(lat))
    scale = (WIDTH / 2 - _MARGIN) / X_EDGE
    across = np.rint(WIDTH / 2 + x * scale).astype(int)
    down = np.rint(_MARGIN + (Y_EDGE - y) * scale).astype(int)
    return list(zip(across.tolist(), down.tolist(), strict=True))


def _outlines(site: Site) -> bytes:
    """Countries to know the coasts by, and the boxes of the sea that have a series."""
    found = orjson.loads(site.places.outlines(COUNTRIES))
    named = orjson.loads(site.places.outlines(PLACES))["features"]
    held = site.values(_INDICATOR)
    for feature in named:
        west, _, east, _ = shapely.from_geojson(orjson.dumps(feature["geometry"])).bounds
        # A band around the whole globe would lie over everything else.
        if feature["id"] in held and east - west < 180:
            found["features"].append(feature)
    return orjson.dumps(found)


def _outline() -> str:
    side = np.linspace(-90, 90, 61).tolist()
    ring = _plane([180.0] * 61 + [-180.0] * 61, side + side[::-1])
    return "M" + "L".join(f"{x} {y}" for x, y in ring) + "z"


def _land(site: Site) -> str:
    """All countries as one path, coarse: here they only say where the sea is not."""
    try:
        regions = site.places.region_set(COUNTRIES, geometry=True).with_geometry()
    except NotFoundError:
        return ""
    paths = []
    for region in regions:
        shape = shapely.segmentize(shapely.simplify(region.geometry, 0.2), 3.0)
        for part in shapely.get_parts(shape):
            if part.geom_type != "Polygon" or part.area < 0.3:
                continue
            points = shapely.get_coordinates(part.exterior)
            ring = _plane(points[:, 0].tolist(), points[:, 1].tolist())
            paths.append("M" + "L".join(f"{x} {y}" for x, y in ring) + "z")
    return "".join(paths)
