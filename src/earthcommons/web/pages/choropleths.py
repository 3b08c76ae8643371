"""Country indicators as world maps: equal-area, drawn on the server, kept by run."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import shapely
from fastapi import APIRouter, Request, Response

from earthcommons.cube import read_features
from earthcommons.errors import NotFoundError
from earthcommons.indicators import find_indicator
from earthcommons.render.ramps import Legend, breaks, legend, ramp
from earthcommons.render.world_map import MapRegion, WorldMap, world_map_svg
from earthcommons.web.pages.site import compressed
from earthcommons.web.pages.view import figure_digits, figure_label, is_signed, unit_sign
from earthcommons.web.parameters import known
from earthcommons.web.places import COUNTRIES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapely.geometry.base import BaseGeometry

    from earthcommons.web.pages.site import Site
    from earthcommons.web.pages.view import Row

__all__ = ["DISPUTED_LINES", "Layer", "choropleth_router", "ground", "layers_of", "values_on"]

DISPUTED_LINES = "regions/ec-disputed-lines"
# Fewer countries than this make no map of the world.
_LEAST = 20
# Half the width of a stroke of the map: finer detail cannot be seen.
_FINE_DEG = 0.03


@dataclass(frozen=True, slots=True)
class Layer:
    """One figure of an indicator in one period, over the countries."""

    indicator: str
    period: str
    dimensions: tuple[tuple[str, str], ...]

    def pairs(self) -> dict[str, str]:
        """Return what names the layer in an address."""
        return {"period": self.period, **{f"dim.{k}": v for k, v in self.dimensions}}

    def address(self, lang: str) -> str:
        """Return the address of the picture."""
        return f"/figures/map/{self.indicator}.{lang}.svg?{urlencode(self.pairs())}"


def layers_of(site: Site, key: str) -> list[Layer]:
    """Return the figures of an indicator that enough countries have a value for."""
    if find_indicator(key).region_set != COUNTRIES:
        return []
    counts: dict[Layer, int] = {}
    for region, rows in site.values(key).items():
        if region.startswith("m49:"):
            for row in rows:
                if row["value"] is not None:
                    layer = _layer_of(row)
                    counts[layer] = counts.get(layer, 0) + 1
    found = [layer for layer, count in counts.items() if count >= _LEAST]
    # What a map is made for comes first: shares, levels and changes before areas.
    rank = {"share": 0, "change": 1, "level": 2, "area": 3}
    return sorted(
        found,
        key=lambda layer: (
            rank.get(dict(layer.dimensions).get("measure", ""), 3), layer.dimensions, layer.period
        ),
    )  # fmt: skip


def values_on(site: Site, layer: Layer) -> dict[str, Row]:
    """Return the observations of a layer by region."""
    return {
        region: row
        for region, rows in site.values(layer.indicator).items()
        for row in rows
        if _layer_of(row) == layer
    }


def choropleth_router(site: Site) -> APIRouter:
    """Return the route of the maps' pictures."""
    router = APIRouter(prefix="/figures", include_in_schema=False)

    @router.get("/map/{indicator}.{lang}.svg")
    def picture(request: Request, indicator: str, lang: str) -> Response:
        if lang not in site.words:
            raise NotFoundError(f"there is no language {lang[:10]!r}")
        values = known(request, ("period",), prefix="dim.")
        dims = {k[4:]: v for k, v in values.items() if k.startswith("dim.")}
        layer = Layer(indicator, values.get("period", ""), tuple(sorted(dims.items())))
        return compressed(request, map_picture(site, lang, layer), "image/svg+xml")

    return router


def map_picture(site: Site, lang: str, layer: Layer) -> bytes:
    """Return a layer's map as SVG.

    Raises:
        NotFoundError: no country has a value on that layer.
    """
    key = ("map", site.run_of(layer.indicator), layer, lang, ground(site))
    return site.pictures.get(key, lambda: _drawn(site, lang, layer).encode())


def ground(site: Site) -> tuple[str, str]:
    """Return what the asker's maps are drawn on: countries and dashed lines, by their digests.

    A picture is kept by it, so that nobody is shown what was drawn for somebody who sees more.
    """
    try:
        countries = site.places.region_set(COUNTRIES).digest
    except NotFoundError:
        countries = ""
    item = site.item(DISPUTED_LINES) or {"assets": {}}
    return countries, str(item["assets"].get("data", {}).get("file:checksum", ""))


def _drawn(site: Site, lang: str, layer: Layer) -> str:
    rows = values_on(site, layer)
    if not rows:
        raise NotFoundError(f"{layer.indicator} has no such map")
    indicator = find_indicator(layer.indicator)
    first = next(iter(rows.values()))
    titles = {w.lang: _title(first, layer, w) for w in site.words.values()}
    shapes = site.pictures.get(("shapes", ground(site)[0]), lambda: _shapes(site))
    regions = [
        MapRegion(
            id=id_,
            name=names,
            geometry=shape,
            value=rows[id_]["value"] if id_ in rows else None,
            withheld=id_ in rows and rows[id_]["status"] == "withheld",
        )
        for id_, (names, shape) in shapes.items()
    ]
    about = {w.lang: w("map_alt", title=titles[w.lang]) for w in site.words.values()}
    picture = WorldMap(
        title=titles,
        description=about,
        regions=regions,
        legend=_legend(regions, first, titles, lang),
        disputed_lines=site.pictures.get(("lines", ground(site)[1]), lambda: _lines(site)),
        note={w.lang: indicator.not_said[w.lang] for w in site.words.values()},
        digits=figure_digits(first, indicator),
    )
    return world_map_svg(picture, lang)


def _title(row: Row, layer: Layer, words: Any) -> str:
    indicator = find_indicator(layer.indicator)
    parts = [indicator.title[words.lang], figure_label(row, indicator, words)]
    return str(words.phrase([*parts, words.when(layer.period)]))


def _legend(regions: list[MapRegion], row: Row, titles: Mapping[str, str], lang: str) -> Legend:
    values = [region.value for region in regions]
    unit = unit_sign(row["unit"], lang) or "1"
    if not is_signed(row["dimensions"]):
        return legend(values, ramp("viridis"), unit, title=dict(titles))
    # White stays at zero, and classes are spent on values that occur: warming is nowhere cold.
    colours = ramp("temperature" if row["unit"] == "degC" else "water")
    edges = breaks(values, 8)
    reach = max(abs(edges[0]), abs(edges[-1]))
    middles = [(low + high) / 2 for low, high in pairwise(edges)]
    shades = tuple(colours.at(0.5 + middle / reach / 2) for middle in middles)
    seen = sum(value is not None for value in values)
    return Legend(unit, edges, shades, seen, dict(titles))


def _shapes(site: Site) -> dict[str, tuple[dict[str, str], BaseGeometry]]:
    regions = site.places.region_set(COUNTRIES, geometry=True).with_geometry()
    return {
        region.id: (
            dict(region.names),
            shapely.simplify(region.geometry, _FINE_DEG, preserve_topology=True),
        )
        for region in regions
        if region.geometry is not None
    }


def _lines(site: Site) -> list[BaseGeometry]:
    item = site.item(DISPUTED_LINES)
    if item is None or "data" not in item["assets"]:
        return []
    return list(read_features(item, site.node.store).geometries)


def _layer_of(row: Row) -> Layer:
    return Layer(row["indicator"], row["period"], tuple(sorted(row["dimensions"].items())))
