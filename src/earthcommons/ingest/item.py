"""The STAC 1.1 item and collection of what was admitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from earthcommons.catalog.item_rows import epoch_s
from earthcommons.ingest.footprint import footprint
from earthcommons.model.geodesy import edges_of, parts_of
from earthcommons.store import digest_in

if TYPE_CHECKING:
    from earthcommons.ingest.door import Admission
    from earthcommons.model.declaration import Declaration
    from earthcommons.model.geodesy import Edges
    from earthcommons.model.indicator import Text

__all__ = ["make_collection", "make_item", "object_href", "widen"]

_EXTENSIONS = {
    "file:": "https://stac-extensions.github.io/file/v2.1.0/schema.json",
    "proj:": "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "raster:": "https://stac-extensions.github.io/raster/v2.0.0/schema.json",
    "cube:": "https://stac-extensions.github.io/datacube/v2.2.0/schema.json",
    "classification:": "https://stac-extensions.github.io/classification/v2.0.0/schema.json",
    "table:": "https://stac-extensions.github.io/table/v1.2.0/schema.json",
    "processing:": "https://stac-extensions.github.io/processing/v1.2.0/schema.json",
}
# An SPDX licence list is long; these are the ids the platform has met.
_SPDX = frozenset({"CC-BY-4.0", "CC0-1.0", "PDDL-1.0", "MIT", "Apache-2.0", "ODbL-1.0"})
_SOURCE_TYPES = {
    "geotiff": "image/tiff; application=geotiff",
    "netcdf": "application/netcdf",
    "csv": "text/csv",
    "geojson": "application/geo+json",
    "grib": "application/wmo-GRIB2",
    "hdf4": "application/x-hdf",
    "geopackage": "application/geopackage+sqlite3",
    "zip": "application/zip",
    "tar": "application/x-tar",
}


def object_href(key: str) -> str:
    """Return the address of an object, relative to the node."""
    return f"/objects/{key}"


def make_item(
    declaration: Declaration, admission: Admission, keys: dict[str, str], sizes: dict[str, int]
) -> dict[str, Any]:
    """Return the STAC item of an admission.

    Args:
        declaration: what was declared of the file.
        admission: what the reader found in it.
        keys: object keys of the assets `data` and `source`.
        sizes: bytes of the same assets.

    Returns:
        A STAC 1.1 item without links; the service adds those, since they name the node. Where
        the data is about no place, `geometry` is null and there is no `bbox`.
    """
    facts = admission.facts
    place = {"bbox": facts["bbox"], "geometry": facts["geometry"]}
    if declaration.bbox is not None:
        place = footprint(*declaration.bbox)
    properties = _properties(declaration, facts)
    data: dict[str, Any] = {
        **_asset(keys["data"], sizes["data"]),
        "type": admission.media_type,
        "roles": ["data"],
        "title": declaration.title.en,
    }
    if facts["bands"]:
        data["bands"] = facts["bands"]
    if "spatial_resolution" in facts:
        data["raster:spatial_resolution"] = facts["spatial_resolution"]
    source = {
        **_asset(keys["source"], sizes["source"]),
        "type": _SOURCE_TYPES[admission.container],
        "roles": ["source"],
        "title": "Files as received" if admission.container == "zip" else "File as received",
    }
    item: dict[str, Any] = {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": [],
        "id": declaration.item,
        "collection": declaration.collection,
        "geometry": place["geometry"],
        "properties": properties,
        "assets": {"data": data, "source": source},
        "links": [],
    }
    if place["bbox"] is not None:
        item["bbox"] = place["bbox"]
    item["stac_extensions"] = _extensions(item)
    return item


def make_collection(
    declaration: Declaration, title: Text, description: Text, item: dict[str, Any]
) -> dict[str, Any]:
    """Return the STAC collection that begins with this item."""
    collection = {
        "type": "Collection",
        "stac_version": "1.1.0",
        "stac_extensions": [],
        "id": declaration.collection,
        "title": title.en,
        "title_zh": title.zh,
        "description": description.en,
        "description_zh": description.zh,
        "license": _licence(declaration),
        "providers": [
            {"name": name, "roles": ["producer", "licensor"]}
            for name in sorted({p.source for p in declaration.providers})
        ],
        "extent": {"spatial": {"bbox": []}, "temporal": {"interval": []}},
        "links": [],
    }
    return widen(collection, item)


def widen(collection: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    """Return the collection with an extent that also holds the item, and never less than before.

    Where neither place nor time of a collection were known, the item alone is its extent.
    """
    extent = collection["extent"]
    properties = item["properties"]
    spans = [
        *extent["temporal"]["interval"],
        [
            properties.get("start_datetime") or properties["datetime"],
            properties.get("end_datetime") or properties["datetime"],
        ],
    ]
    # A collection that somebody else wrote may say null: open at that end, or not known yet.
    spans = [span for span in spans if span and span != [None, None]]
    boxes = [*extent["spatial"]["bbox"]]
    if len(spans) == 1 and boxes == [_UNPLACED]:
        boxes = []
    if item.get("bbox") is not None:
        boxes = _widened(boxes, item["bbox"])
    starts, ends = [s[0] for s in spans], [s[1] for s in spans]
    first = None if None in starts else min(starts, key=epoch_s)
    last = None if None in ends else max(ends, key=epoch_s)
    return {
        **collection,
        "extent": {
            "spatial": {"bbox": boxes or [_UNPLACED]},
            "temporal": {"interval": [[first, last]]},
        },
    }


# STAC wants a bbox of every collection; one about no place says the whole world.
_UNPLACED = [-180.0, -90.0, 180.0, 90.0]


def _widened(boxes: list[list[float]], bbox: list[float]) -> list[list[float]]:
    """Return the boxes of an extent, the first of which holds all others and the item's."""
    around = _around([edges_of(box) for box in (*boxes, bbox)])
    if boxes and edges_of(boxes[0]) == around:
        return boxes
    return [[*around], *boxes[1:]]


def _around(boxes: list[Edges]) -> Edges:
    """Return the narrowest box that holds all; it crosses the antimeridian where it must."""
    parts = sorted((part[0], part[2]) for box in boxes for part in parts_of(box))
    least, most = parts[0]
    west, widest = -180.0, 0.0
    for begin, end in parts:
        if begin - most > widest:
            west, east, widest = begin, most, begin - most
        most = max(most, end)
    if least + 360 - most >= widest:
        west, east = least, most
    # 180° has two names.
    if west == 180 != east:
        west = -180.0
    elif east == -180 != west:
        east = 180.0
    return west, min(b[1] for b in boxes), east, max(b[3] for b in boxes)


def _properties(declaration: Declaration, facts: dict[str, Any]) -> dict[str, Any]:
    period = declaration.period
    first = period.start_time.strftime("%Y-%m-%dT%H:%M:%SZ")
    last = period.last_time.strftime("%Y-%m-%dT%H:%M:%SZ")
    properties: dict[str, Any] = {
        "datetime": None,
        "start_datetime": first,
        "end_datetime": last,
        "title": declaration.title.en,
        "title_zh": declaration.title.zh,
        "description": declaration.description.en,
        "description_zh": declaration.description.zh,
        "license": _licence(declaration),
        "ec:licence_name": declaration.licence,
        "ec:attribution": declaration.attribution,
        "ec:nature": declaration.nature,
        "ec:period": str(period),
        "ec:providers_files": [file.as_json() for file in declaration.providers],
        **facts["properties"],
    }
    if declaration.licence_url:
        properties["ec:licence_url"] = declaration.licence_url
    if declaration.derivation:
        properties["processing:lineage"] = declaration.derivation
    return properties


def _licence(declaration: Declaration) -> str:
    return declaration.licence if declaration.licence in _SPDX else "other"


def _asset(key: str, size: int) -> dict[str, Any]:
    # Multihash: 12 = sha2-256, 20 = 32 bytes. A tree's digest is that of its manifest.
    checksum = f"1220{digest_in(key)}"
    return {"href": object_href(key), "file:checksum": checksum, "file:size": size}


def _extensions(item: dict[str, Any]) -> list[str]:
    used = {name.split(":")[0] + ":" for name in _names(item) if ":" in name}
    return [url for prefix, url in _EXTENSIONS.items() if prefix in used]


def _names(value: Any) -> set[str]:
    if isinstance(value, dict):
        return set(value) | {name for inner in value.values() for name in _names(inner)}
    if isinstance(value, list):
        return {name for inner in value for name in _names(inner)}
    return set()
