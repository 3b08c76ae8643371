"""The map: sea-surface temperature by months, layers of source data, indicators by country."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response  # noqa: TC002 - read when routes are made

from earthcommons.errors import InvalidInputError, NotFoundError
from earthcommons.indicators import find_indicator
from earthcommons.model.geodesy import edges_of
from earthcommons.render.ramps import ramp
from earthcommons.render.world_map import DISCLAIMER
from earthcommons.web.pages import sea_map as sea
from earthcommons.web.pages.choropleths import DISPUTED_LINES, Layer, layers_of, values_on
from earthcommons.web.pages.figures import Asked, series
from earthcommons.web.pages.view import figure_label, shown
from earthcommons.web.parameters import known
from earthcommons.web.places import COUNTRIES
from earthcommons.web.tile_reader import coloured

if TYPE_CHECKING:
    from earthcommons.web.pages.site import Site
    from earthcommons.web.pages.view import Shown

__all__ = ["RASTERS", "Picture", "RasterLayer", "add_to", "country_map", "sea_map"]

_SST = "sst-anomaly"


@dataclass(frozen=True, slots=True)
class RasterLayer:
    """A layer of source data drawn as tiles: which item, how it is coloured, where it lies."""

    name: str
    word: str
    item: str
    ramp: str
    low: float
    high: float
    unit: str
    bounds: str
    max_zoom: int
    indicator: str = ""


RASTERS = (
    RasterLayer(
        "trees", "layer_trees", "glcnmo-2008/glcnmo-trees-2008", "viridis", 0, 100, "%",
        "", 5, "tree-cover",
    ),
    *(
        RasterLayer(
            f"lights-{year}", "layer_lights", f"black-marble-kenya/night-lights-kenya-{year}",
            "lights", 0, 20, "nW cm⁻² sr⁻¹", "33.5,-5,42.3,5.4", 9, "night-lights",
        )
        for year in (2020, 2021, 2022, 2023)
    ),
    *(
        RasterLayer(
            f"cover-{year}", "layer_cover", f"worldcover-sao-tome/worldcover-stp-{year}",
            "", 0, 0, "", "6.3,-0.15,7.6,1.85", 14, "land-cover-share",
        )
        for year in (2020, 2021)
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Picture:
    """What an `<ec-map>` is given, and what stands in its place without scripts.

    Attributes:
        src: the server's picture; empty where there is none.
        steps: `{"label", "tiles", "key"}`, for the slider.
    """

    title: str
    claim: str
    src: str
    alt: str
    regions: str
    attribution: str
    note: str
    legend: dict[str, Any]
    lines: str = ""
    region: str = ""
    region_href: str = ""
    tiles: str = ""
    steps: tuple[dict[str, str], ...] = ()
    step: int = 0
    bounds: str = ""
    tile_bounds: str = ""
    max_zoom: int = 8
    disclaimer: str = ""
    choropleth: dict[str, Any] | None = None
    month: str = ""


def disputed_lines(site: Site) -> str:
    """Return where the lines to draw dashed are, or an empty string where the node has none."""
    held = site.item(DISPUTED_LINES) is not None
    return "/api/disputed-lines.geojson" if held else ""


def _has_outlines(site: Site) -> bool:
    """Whether the node has the outlines of countries: one made by `init` begins without."""
    try:
        site.places.region_set()
    except NotFoundError:
        return False
    return True


def sea_map(site: Site, lang: str, month: str, *, slider: bool = False) -> Picture | None:
    """Return the map of a month's anomaly, or None where the node has no such data.

    Args:
        site: the node.
        lang: language of its words.
        month: `YYYY-MM`; empty for the newest.
        slider: with all months as steps.

    Raises:
        NotFoundError: the series has no such month.
    """
    cube = sea.sea_cube(site)
    if cube is None:
        return None
    month = month or cube.months[-1]
    cube.at(month)
    words = site.words[lang]
    title = words.phrase([words["layer_sst"], words.when(month)])
    shades = ramp("temperature").classes(len(sea.LEGEND_BREAKS) - 1)
    steps = tuple(
        {"label": words.when(m), "tiles": _sea_tiles(m), "key": m} for m in cube.months
    )
    item = site.catalog.get("item", sea.ITEM)
    return Picture(
        title=title,
        claim=words("sst_claim", month=words.when(month), years=cube.years),
        src=f"/figures/sea-temperature/{month}.{lang}.svg",
        alt=words("map_alt", title=title),
        regions="/figures/sea-regions.geojson",
        lines=disputed_lines(site),
        attribution=item["properties"]["ec:attribution"],
        note=words("sst_note", years=cube.years),
        legend={
            "title": words["layer_sst"],
            "unit": "°C",
            "breaks": list(sea.LEGEND_BREAKS),
            "colours": list(shades),
            "missing": False,
        },
        region="ec:nino34",
        region_href=f"/{lang}/map?layer={_SST}&region={{id}}&period={{step}}#panel",
        tiles=_sea_tiles(month),
        steps=steps if slider else (),
        step=cube.months.index(month),
        bounds="-290,-58,69,70",
        max_zoom=3,
        disclaimer=DISCLAIMER[lang],
        month=month,
    )


def country_map(site: Site, lang: str, layer: Layer, *, region: str = "") -> Picture:
    """Return the map of an indicator over the countries: the equal-area picture comes first.

    Raises:
        NotFoundError: no country has a value on that layer.
    """
    rows = values_on(site, layer)
    if not rows:
        raise NotFoundError(f"{layer.indicator} has no such map")
    words, indicator = site.words[lang], find_indicator(layer.indicator)
    first = next(iter(rows.values()))
    parts = [indicator.title[lang], figure_label(first, indicator, words)]
    title = words.phrase([*parts, words.when(layer.period)])
    return Picture(
        title=title,
        claim=indicator.abstract[lang],
        src=layer.address(lang),
        alt=words("map_alt_more", title=title),
        regions="",
        attribution=indicator.source,
        note=indicator.not_said[lang],
        legend={},
        region=region,
        region_href=f"/{lang}/places/{{id}}",
    )


def raster_map(site: Site, lang: str, layer: RasterLayer) -> Picture | None:
    """Return the map of a layer of source data, or None where the node lacks its item."""
    try:
        item = site.catalog.get("item", layer.item)
    except NotFoundError:
        return None
    if "data" not in item["assets"]:
        return None
    words, facts = site.words[lang], item["properties"]
    title = str(
        (facts.get("title_zh") if lang == "zh" else "") or facts.get("title") or item["id"]
    )
    band = item["assets"]["data"]["bands"][0]
    classes = coloured(band.get("classification:classes", []))
    query = f"variable={band['name']}"
    if classes:
        legend: dict[str, Any] = {
            "title": title,
            "items": [
                {"label": _class_title(entry, lang), "colour": f"#{entry['color_hint']}"}
                for entry in classes
            ],
        }
    else:
        query += f"&ramp={layer.ramp}&low={layer.low:g}&high={layer.high:g}"
        legend = {
            "title": title,
            "unit": layer.unit,
            "breaks": class_edges(layer.low, layer.high, 8),
            "colours": list(ramp(layer.ramp).classes(8)),
        }
    west, south, east, north = _edges(item)
    about = facts.get("description_zh") if lang == "zh" else ""
    return Picture(
        title=title,
        claim=str(about or facts.get("description") or ""),
        src="",
        alt="",
        regions=f"/api/regions.geojson?set={COUNTRIES}" if _has_outlines(site) else "",
        lines=disputed_lines(site),
        attribution=str(facts.get("ec:attribution") or ""),
        note=words["not_a_value"],
        legend=legend,
        region_href=f"/{lang}/places/{{id}}",
        tiles=f"/tiles/{layer.item}/data/{{z}}/{{x}}/{{y}}.png?{query}",
        bounds=layer.bounds,
        tile_bounds=f"{west},{south},{east},{north}",
        max_zoom=layer.max_zoom,
        disclaimer=DISCLAIMER[lang],
    )


def add_to(router: APIRouter, site: Site) -> None:
    """Add the map page, and the outlines its sea layer is drawn with."""

    @router.get("/{lang:lang}/map")
    def map_page(request: Request, lang: str) -> Response:
        values = known(request, ("layer", "period", "region"), prefix="dim.")
        name = values.get("layer", _SST)
        rasters = {layer.name: layer for layer in RASTERS}
        if name == _SST:
            return _sea_page(site, request, lang, values)
        if name in rasters:
            return _raster_page(site, request, lang, rasters[name])
        return _country_page(site, request, lang, name, values)


def _edges(item: dict[str, Any]) -> tuple[float, float, float, float]:
    """Return outside which degrees no tile is asked for."""
    west, south, east, north = edges_of(item["bbox"])
    # What crosses 180° has tiles on both sides of it.
    return (-180, south, 180, north) if west > east else (west, south, east, north)


def _menu(site: Site, lang: str, current: str) -> dict[str, list[dict[str, Any]]]:
    """The layers by sort, each with its words and whether it is the one shown."""
    words = site.words[lang]
    held = {raster.name for raster in RASTERS if site.item(raster.item) is not None}
    tiled = [{"name": _SST, "label": words["layer_sst"], "current": current == _SST}]
    for raster in RASTERS:
        if raster.name in held:
            year = raster.name.rpartition("-")[2]
            label = words[raster.word]
            if year.isdigit():
                label = words.phrase([label, words.when(year)])
            tiled.append(
                {"name": raster.name, "label": label, "current": current == raster.name}
            )
    countries = [
        {"name": each.key, "label": each.title[lang], "current": current == each.key}
        for each in site.indicators()
        if layers_of(site, each.key)
    ]
    return {"tiled": tiled, "countries": countries}


def _sea_page(site: Site, request: Request, lang: str, values: dict[str, str]) -> Response:
    words = site.words[lang]
    if any(name.startswith("dim.") for name in values):
        raise InvalidInputError("the sea layer has no dimension to choose")
    region = values.get("region", "")
    month = values.get("period", "")
    rows = site.at(_SST, region) if region else []
    if not month:
        peaks = [r for r in site.at(_SST, "ec:nino34") if r["value"] is not None]
        peaks = [r for r in peaks if r["dimensions"] == {"measure": "anomaly"}]
        month = max(peaks, key=lambda r: r["value"])["period"] if peaks else ""
    picture = sea_map(site, lang, month, slider=True)
    panel: dict[str, Any] | None = None
    if region and rows and picture is not None:
        measure = (("measure", "anomaly"),)
        asked = Asked(_SST, region, measure, "month", 0, picture.month)
        indicator = find_indicator(_SST)
        here = [shown(r, indicator, words) for r in rows if r["period"] == picture.month]
        panel = {
            "place": site.region_name(region, lang),
            "region": region,
            "values": here,
            "drawing": series(site, lang, asked),
            "alerts": [
                a for a in site.all_of("alert")
                if a["region"] == region and a.get("state") != "withdrawn"
            ],
        }  # fmt: skip
    months = [step["key"] for step in picture.steps] if picture else []
    at = months.index(picture.month) if picture else 0
    return site.page(
        request,
        lang,
        "map.html",
        title=words["layer_sst"],
        nav="map",
        links=[
            (f"/api/observations?indicator={_SST}", "application/json", "JSON"),
            (f"/api/observations.csv?indicator={_SST}", "text/csv", "CSV"),
            ("/stac/collections/ersst-v5/items/ersst-v5-anomaly", "application/geo+json", "STAC"),
        ],
        menu_layers=_menu(site, lang, _SST),
        layer=_SST,
        picture=picture,
        absent="" if picture else sea.ITEM,
        steps=[(s["key"], s["label"]) for s in picture.steps] if picture else [],
        before=months[at - 1] if picture and at > 0 else "",
        after=months[at + 1] if picture and at + 1 < len(months) else "",
        region=region,
        places=[
            (id_, site.region_name(id_, lang)) for id_ in sorted(site.values(_SST))
        ],
        panel=panel,
        figures=[],
        table=[],
    )  # fmt: skip


def _raster_page(site: Site, request: Request, lang: str, layer: RasterLayer) -> Response:
    words = site.words[lang]
    picture = raster_map(site, lang, layer)
    links = []
    if picture is not None:
        collection, _, item = layer.item.partition("/")
        base = f"/tiles/{layer.item}/data/tilejson.json"
        tilejson = f"{base}?{picture.tiles.partition('?')[2]}"
        links = [
            (tilejson, "application/json", "TileJSON"),
            (f"/stac/collections/{collection}/items/{item}", "application/geo+json", "STAC"),
            (f"/{lang}/data/{layer.item}", "text/html", words["record_of_layer"]),
        ]
    return site.page(
        request,
        lang,
        "map.html",
        title=picture.title if picture else words[layer.word],
        nav="map",
        links=links,
        menu_layers=_menu(site, lang, layer.name),
        layer=layer.name,
        picture=picture,
        absent="" if picture else layer.item,
        steps=[],
        before="",
        after="",
        region="",
        places=[],
        panel=None,
        figures=[],
        table=[],
    )


def _country_page(
    site: Site, request: Request, lang: str, key: str, values: dict[str, str]
) -> Response:
    indicator = find_indicator(key)
    layers = layers_of(site, key)
    if not layers:
        raise NotFoundError(f"{key} has no map by country on this node")
    layer = chosen(layers, values)
    picture = replace(country_map(site, lang, layer), claim=indicator.abstract[lang])
    query = "&".join(f"{k}={v}" for k, v in layer.pairs().items())
    return site.page(
        request,
        lang,
        "map.html",
        title=indicator.title[lang],
        nav="map",
        links=[
            (f"/api/observations?indicator={key}&{query}", "application/json", "JSON"),
            (f"/api/observations.csv?indicator={key}&{query}", "text/csv", "CSV"),
        ],
        menu_layers=_menu(site, lang, key),
        layer=key,
        picture=picture,
        absent="",
        steps=[],
        before="",
        after="",
        region="",
        places=[],
        panel=None,
        figures=figure_choices(site, lang, layers, layer),
        table=country_rows(site, lang, layer),
    )


def chosen(layers: list[Layer], values: dict[str, str]) -> Layer:
    """Return the layer an address names; the first where it names none.

    Raises:
        NotFoundError: it names one that is not there.
    """
    dims = tuple(sorted((k[4:], v) for k, v in values.items() if k.startswith("dim.")))
    period = values.get("period", "")
    if not dims and not period:
        return layers[0]
    for layer in layers:
        if layer.dimensions == dims and period in ("", layer.period):
            return layer
    raise NotFoundError("there is no map of that figure and period")


def figure_choices(
    site: Site, lang: str, layers: list[Layer], current: Layer
) -> list[dict[str, Any]]:
    """Return the figures that can be mapped, with their addresses and words."""
    words, found = site.words[lang], []
    for layer in layers:
        row = next(iter(values_on(site, layer).values()))
        label = figure_label(row, find_indicator(layer.indicator), words)
        found.append(
            {
                "label": words.phrase([label, words.when(layer.period)]),
                "pairs": layer.pairs(),
                "current": layer == current,
            }
        )
    return found


def country_rows(site: Site, lang: str, layer: Layer) -> list[tuple[str, str, Shown]]:
    """Return (region id, name, value) of every country on a layer, by name."""
    words, indicator = site.words[lang], find_indicator(layer.indicator)
    rows = [
        (id_, site.region_name(id_, lang), shown(row, indicator, words))
        for id_, row in values_on(site, layer).items()
    ]
    return sorted(rows, key=lambda entry: words.order(entry[1]))


def _sea_tiles(month: str) -> str:
    query = f"variable=sst_anomaly&step={month}&ramp=temperature&low=-3&high=3"
    return f"/tiles/{sea.ITEM}/data/{{z}}/{{x}}/{{y}}.png?{query}"


def class_edges(low: float, high: float, count: int) -> list[float]:
    """Return the edges of equal classes, to a hundredth of a class: no more can be seen."""
    step = (high - low) / count
    digits = 2 - math.floor(math.log10(step))
    return [round(low + n * step, digits) for n in range(count + 1)]


def _class_title(entry: dict[str, Any], lang: str) -> str:
    return str(entry.get("title_zh" if lang == "zh" else "title") or entry.get("title", ""))
