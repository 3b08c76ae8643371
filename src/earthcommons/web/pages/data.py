"""Data: search with facets, and a page for each record: what it is, how to read it, who used it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from fastapi import APIRouter, Request, Response  # noqa: TC002 - read when routes are made

from earthcommons.catalog import ItemQuery
from earthcommons.errors import NotFoundError
from earthcommons.indicators import INDICATOR_KEYS, find_indicator
from earthcommons.web.pages.figures import series
from earthcommons.web.pages.map_page import RASTERS, RasterLayer, raster_map, sea_map
from earthcommons.web.pages.places import series_of
from earthcommons.web.pages.sea_map import ITEM as SEA
from earthcommons.web.pages.view import file_view, grouped, size_text, unit_sign
from earthcommons.web.parameters import known
from earthcommons.web.places import PLACES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from earthcommons.web.pages.site import Site
    from earthcommons.web.pages.view import Row
    from earthcommons.web.words import Words

__all__ = ["add_to", "facets", "footprint", "reading"]

_PAGE = 200
_DEEPEST = 6
_FACETS = ("collection", "nature", "licence")


def add_to(router: APIRouter, site: Site) -> None:
    """Add the pages of data."""

    @router.get("/{lang:lang}/data")
    def data(request: Request, lang: str) -> Response:
        values = known(request, ("q", *_FACETS))
        words, text = site.words[lang], values.get("q", "").strip()
        page = site.catalog.items(ItemQuery(text=text, limit=_PAGE))
        items = [orjson.loads(body) for body in page.bodies]
        picked = {name: values[name] for name in _FACETS if values.get(name)}
        hits = [item for item in items if _fits(item, picked)]
        query = f"?q={text}" if text else ""
        return site.page(
            request,
            lang,
            "data.html",
            title=words["data_title"],
            nav="data",
            links=[
                (f"/stac/search{query}", "application/geo+json", "STAC"),
                ("/stac/", "application/json", "STAC API"),
            ],
            asked=text,
            picked=picked,
            facets=facets(items, picked, words, _collections(site, lang)),
            hits=[_hit(item, words) for item in hits],
        )

    @router.get("/{lang:lang}/data/{collection}/{item}")
    def record(request: Request, lang: str, collection: str, item: str) -> Response:
        known(request, ())
        name = f"{collection}/{item}"
        body = site.catalog.get("item", name)
        words = site.words[lang]
        stac = f"/stac/collections/{collection}/items/{item}"
        zh = lang == "zh"
        facts = body["properties"]
        title = facts["title_zh" if zh else "title"]
        digest = body["assets"]["data"]["file:checksum"][4:]
        return site.page(
            request,
            lang,
            "record.html",
            title=title,
            nav="data",
            links=[(stac, "application/geo+json", "STAC")],
            trail=[
                (f"/{lang}/data", words["data_title"]),
                (f"/{lang}/data?collection={collection}", collection),
            ],
            name=name,
            when=words.when(facts["ec:period"]),
            nature=words.kind(facts["ec:nature"]),
            about=facts["description_zh" if zh else "description"],
            facts=facts,
            footprint=footprint(body["bbox"]),
            footprint_alt=_footprint_alt(body["bbox"], words),
            picture=_picture(site, lang, name, body),
            drawing=_drawing(site, lang, name),
            files=[_file(key, asset, words) for key, asset in body["assets"].items()],
            variables=_variables(body),
            reading=reading(body, site.node.settings.url),
            cite=words(
                "cite_text",
                attribution=facts["ec:attribution"],
                title=title + ("。" if zh else "."),
                node=site.node.settings.name,
                name=name,
                digest=digest,
                licence=facts["ec:licence_name"],
            ),
            used=_used(site, lang, name),
            providers=[file_view(file) for file in facts["ec:providers_files"]],
        )


def facets(
    items: Sequence[Row], picked: dict[str, str], words: Words, titles: dict[str, str]
) -> list[dict[str, Any]]:
    """Return for each facet its values with how many records they leave, the others kept."""
    found = []
    for name in _FACETS:
        others = {key: value for key, value in picked.items() if key != name}
        counts: dict[str, int] = {}
        for item in items:
            if _fits(item, others):
                value = _facet(item, name)
                counts[value] = counts.get(value, 0) + 1
        entries = [
            {
                "value": value,
                "label": words.kind(value) if name == "nature" else titles.get(value, value),
                "count": count,
                "current": picked.get(name) == value,
            }
            for value, count in sorted(counts.items())
        ]
        found.append({"name": name, "entries": entries, "others": others})
    return found


def footprint(bbox: Sequence[float]) -> list[dict[str, float]]:
    """Return the boxes of a footprint in a drawing of 360 by 180, north up.

    Antimeridian: west > east is legal and gives two boxes. A box too small to be seen is grown
    about its middle.
    """
    west, south, east, north = bbox[0], bbox[1], bbox[-2], bbox[-1]
    if len(bbox) == 6:
        west, south, east, north = bbox[0], bbox[1], bbox[3], bbox[4]
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


def reading(item: Row, base: str) -> list[tuple[str, str]]:
    """Return how to read an item's data in Python, R and QGIS: (tool, lines)."""
    asset = item["assets"]["data"]
    url = f"{base}{asset['href']}"
    kind = asset["type"]
    if "zarr" in kind:
        name = asset["bands"][0]["name"]
        return [
            (
                "Python",
                f'import xarray as xr\nxr.open_zarr("{url}", consolidated=False)["{name}"]',
            ),
            ("R", f"library(stars)\nread_mdim('ZARR:\"/vsicurl/{url}\"')"),
            ("GDAL", f"gdalmdiminfo 'ZARR:\"/vsicurl/{url}\"'"),
        ]
    if "tiff" in kind:
        return [
            ("Python", f'import rioxarray\nrioxarray.open_rasterio("{url}")'),
            ("R", f'library(terra)\nrast("/vsicurl/{url}")'),
            ("QGIS", f"Layer > Add raster layer > HTTP(S): {url}"),
        ]
    reader = "geopandas" if "geo:primary" in str(item.get("properties")) else "pandas"
    return [
        ("Python", f'import {reader}\n{reader}.read_parquet("{url}")'),
        ("R", f'library(arrow)\nread_parquet("{url}")'),
        ("QGIS", f"Layer > Add vector layer > HTTP(S): {url}"),
    ]


def _fits(item: Row, picked: dict[str, str]) -> bool:
    return all(_facet(item, name) == value for name, value in picked.items())


def _facet(item: Row, name: str) -> str:
    if name == "collection":
        return str(item["collection"])
    return str(item["properties"]["ec:nature" if name == "nature" else "ec:licence_name"])


def _collections(site: Site, lang: str) -> dict[str, str]:
    """What a collection is called; one of several records keeps its own name."""
    del lang
    return {body["id"]: body["id"] for body in site.all_of("collection")}


def _hit(item: Row, words: Words) -> dict[str, Any]:
    facts, zh = item["properties"], words.lang == "zh"
    return {
        "href": f"/{words.lang}/data/{item['collection']}/{item['id']}",
        "title": facts["title_zh" if zh else "title"],
        "about": facts["description_zh" if zh else "description"],
        "when": words.when(facts["ec:period"]),
        "nature": words.kind(facts["ec:nature"]),
        "licence": facts["ec:licence_name"],
        "collection": item["collection"],
        "boxes": footprint(item["bbox"]),
        "alt": _footprint_alt(item["bbox"], words),
    }


def _footprint_alt(bbox: Sequence[float], words: Words) -> str:
    west, south, east, north = bbox[0], bbox[1], bbox[-2], bbox[-1]
    return words(
        "footprint_alt",
        west=f"{west:.1f}°", east=f"{east:.1f}°", south=f"{south:.1f}°", north=f"{north:.1f}°",
    )  # fmt: skip


def _picture(site: Site, lang: str, name: str, body: Row) -> Any:
    """The map of a raster or cube; None for a table."""
    if name == SEA:
        return sea_map(site, lang, "")
    for layer in RASTERS:
        if layer.item == name:
            return raster_map(site, lang, layer)
    asset = body["assets"]["data"]
    bands = asset.get("bands")
    if not bands or not ("tiff" in asset["type"] or "zarr" in asset["type"]):
        return None
    figures = bands[0].get("statistics", {})
    low, high = figures.get("minimum", 0.0), figures.get("maximum", 1.0)
    if not low < high:
        return None
    unit = unit_sign(bands[0]["unit"], lang)
    plain = RasterLayer(name, "", name, "viridis", low, high, unit, "", _DEEPEST)
    return raster_map(site, lang, plain)


def _drawing(site: Site, lang: str, name: str) -> Any:
    """A series computed from a table, as its preview; None where there is none."""
    for each in site.indicators():
        needs = {item for need in each.needs if need.kind == "table" for item in need.items}
        if name not in needs:
            continue
        for region in sorted(site.values(each.key)):
            if not _covers(site, name, region):
                continue
            found = series_of(grouped(site.at(each.key, region)), "")
            # The values themselves before what was worked out of them.
            found.sort(key=lambda asked: dict(asked.dimensions).get("measure") != "level")
            if found:
                return series(site, lang, found[0])
    return None


def _covers(site: Site, name: str, region: str) -> bool:
    """Whether an item lies where the region is: of two tables, which one a series is of."""
    box = site.catalog.get("item", name)["bbox"]
    shape = site.places.region_set(PLACES, geometry=True).find(region).geometry
    if shape is None:
        return False
    middle = shape.representative_point()
    return bool(box[0] <= middle.x <= box[2] and box[1] <= middle.y <= box[3])


def _file(key: str, asset: Row, words: Words) -> dict[str, Any]:
    zarr = "zarr" in asset["type"]
    known_as = {"data": words["data_file"], "source": words["source_file"]}
    return {
        "key": known_as.get(key, key),
        "href": asset["href"],
        "zarr": zarr,
        "type": asset["type"].split(";")[0],
        "size": size_text(asset["file:size"]) if "file:size" in asset else "",
        "sha256": asset["file:checksum"][4:] if "file:checksum" in asset else "",
    }


def _variables(item: Row) -> list[dict[str, str]]:
    bands = item["assets"]["data"].get("bands") or item["properties"].get("table:columns", [])
    bands = bands or item["assets"]["data"].get("table:columns", [])
    return [
        {
            "name": str(band.get("name", "")),
            "unit": str(band.get("unit", "")),
            "about": str(band.get("description", "")),
        }
        for band in bands
    ]


def _used(site: Site, lang: str, name: str) -> list[tuple[str, str]]:
    """Indicators and reports whose published run read the record: (address, title)."""
    runs = {link.id for link in site.catalog.links_to("item", name) if link.kind == "run"}
    found = [
        (f"/{lang}/indicators/{key}", find_indicator(key).title[lang])
        for key in INDICATOR_KEYS
        if site.run_of(key) in runs
    ]
    reports = {
        link.id
        for run in sorted(runs)
        for link in site.catalog.links_to("run", run)
        if link.kind == "report"
    }
    for id_ in sorted(reports):
        try:
            body = site.catalog.get("report", id_)
        except NotFoundError:
            continue
        found.append((f"/{lang}/reports/{id_}", site.words[lang].of(body["title"])))
    return found
