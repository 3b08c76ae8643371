"""What a record looks like: a map of a raster, a series or the first rows of a table."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from earthcommons.errors import CommonsError
from earthcommons.model.unit import NO_MEASURE
from earthcommons.web.pages.figures import series
from earthcommons.web.pages.map_page import RASTERS, RasterLayer, raster_map, sea_map
from earthcommons.web.pages.places import series_of
from earthcommons.web.pages.sea_map import ITEM as SEA
from earthcommons.web.pages.view import grouped, unit_sign
from earthcommons.web.places import PLACES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from earthcommons.web.pages.site import Site
    from earthcommons.web.pages.view import Row

__all__ = ["Preview", "preview"]

_DEEPEST = 6
_WIDE_DEG, _LEAST_DEG = 120.0, 0.5
# Web Mercator ends here.
_LAST_DEG = 85.0
_ROWS, _COLUMNS, _LONGEST = 5, 12, 60
# A smaller range cannot be cut into classes.
_LEAST_RANGE = 1e-300


@dataclass(frozen=True, slots=True)
class Preview:
    """One of the three: a map, a drawing of a series, or the head of a table."""

    map: Any = None
    drawing: Any = None
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()


def preview(site: Site, lang: str, name: str, body: Row) -> Preview | None:
    """Return the preview of an item, or None where its data is withheld or cannot be shown."""
    if "data" not in body["assets"]:
        return None
    if picture := _map(site, lang, name, body):
        return Preview(map=picture)
    if drawing := _drawing(site, lang, name, body):
        return Preview(drawing=drawing)
    return _head(site, lang, body)


def _map(site: Site, lang: str, name: str, body: Row) -> Any:
    if name == SEA:
        return sea_map(site, lang, "")
    for layer in RASTERS:
        if layer.item == name:
            return raster_map(site, lang, layer)
    asset = body["assets"]["data"]
    kind, bands = str(asset.get("type", "")), asset.get("bands")
    if not bands or not ("tiff" in kind or "zarr" in kind):
        return None
    figures = bands[0].get("statistics", {})
    low, high = figures.get("minimum", 0.0), figures.get("maximum", 1.0)
    # Who writes an item as STAC states them: they need be no range that can be drawn.
    stated = isinstance(low, int | float) and isinstance(high, int | float)
    if not stated or not _LEAST_RANGE < high - low < math.inf:
        return None
    unit = unit_sign(str(bands[0].get("unit", "1")), lang)
    bounds = _bounds(body.get("bbox") or ())
    plain = RasterLayer(name, "", name, "viridis", low, high, unit, bounds, _DEEPEST)
    return raster_map(site, lang, plain)


def _bounds(bbox: Sequence[float]) -> str:
    """Return where a map looks first: around what is small, at the whole world else."""
    if len(bbox) not in (4, 6):
        return ""
    west, south, east, north = bbox if len(bbox) == 4 else (*bbox[:2], *bbox[3:5])
    if not (0 <= east - west < _WIDE_DEG and south <= north):
        return ""
    # A frame of land around it says where it lies.
    edge = max(east - west, north - south, _LEAST_DEG) / 2
    top, bottom = min(north + edge, _LAST_DEG), max(south - edge, -_LAST_DEG)
    return f"{west - edge:g},{bottom:g},{east + edge:g},{top:g}" if bottom < top else ""


def _drawing(site: Site, lang: str, name: str, body: Row) -> Any:
    """Return a series computed from a table; None where there is none."""
    for each in site.indicators():
        needs = {item for need in each.needs if need.kind == "table" for item in need.items}
        if name not in needs:
            continue
        for region in sorted(site.values(each.key)):
            if not _covers(site, body, region):
                continue
            found = series_of(grouped(site.at(each.key, region)), "")
            # The values themselves before what was worked out of them.
            found.sort(key=lambda asked: dict(asked.dimensions).get("measure") != "level")
            if found:
                return series(site, lang, found[0])
    return None


def _covers(site: Site, body: Row, region: str) -> bool:
    """Whether an item lies where the region is: of two tables, which one a series is of."""
    box = body.get("bbox")
    shape = site.places.region_set(PLACES, geometry=True).find(region).geometry
    if shape is None or not box:
        return False
    middle = shape.representative_point()
    return bool(box[0] <= middle.x <= box[2] and box[1] <= middle.y <= box[3])


def _head(site: Site, lang: str, body: Row) -> Preview | None:
    # Whoever looks at no table does without the library.
    import pyarrow as pa
    import pyarrow.parquet as pq

    asset = body["assets"]["data"]
    if "parquet" not in str(asset.get("type", "")):
        return None
    key = str(asset["href"]).removeprefix("/objects/")
    try:
        with pq.ParquetFile(site.node.store.path(key)) as file:
            batch = next(file.iter_batches(batch_size=_ROWS), None)
    except (CommonsError, OSError, pa.ArrowException):
        return None
    if batch is None:
        return None
    names = [
        field.name
        for field in batch.schema
        if not (pa.types.is_binary(field.type) or pa.types.is_nested(field.type))
    ][:_COLUMNS]
    found = batch.to_pylist()
    if names == ["properties"]:
        # GeoParquet of features keeps what was said of each as one text of JSON.
        found = [orjson.loads(row["properties"] or "{}") for row in found]
        names = list(dict.fromkeys(name for row in found for name in row))[:_COLUMNS]
    rows = [[_cell(row.get(name)) for name in names] for row in found]
    units = {c["name"]: str(c.get("unit", "")) for c in _columns(body)}
    heads = [_with_unit(name, units.get(name, ""), lang) for name in names]
    return Preview(columns=heads, rows=rows) if names else None


def _columns(body: Row) -> Sequence[Row]:
    stated = body["properties"].get("table:columns")
    found: Sequence[Row] = stated or body["assets"]["data"].get("table:columns") or ()
    return found


def _with_unit(name: str, unit: str, lang: str) -> str:
    sign = "" if unit in NO_MEASURE else unit_sign(unit, lang)
    return f"{name} [{sign}]" if sign else name


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
