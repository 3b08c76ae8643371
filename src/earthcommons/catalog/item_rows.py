"""What the index holds of one item, worked out from its body alone."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from earthcommons.catalog.queryables import KEPT
from earthcommons.model.geodesy import BBox

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

__all__ = [
    "ItemRow",
    "Tags",
    "address_part",
    "address_parts",
    "epoch_s",
    "facets_of",
    "item_row",
    "time_unit",
]

_TIME_UNIT_S = 30 * 86_400
_MOST_TAGS = 40
_GOALS = "sdg"
FACETS = ("theme", "sdg", "format", "licence", "region")


class ItemRow(NamedTuple):
    """Columns of `item` that follow from the body, and the boxes of `item_box`."""

    name: str
    collection: str
    id: str
    first: int
    last: int
    edges: tuple[float | None, ...]
    plain: bool
    cloud: float | None
    gsd: float | None
    platform: str | None
    props: str
    boxes: tuple[tuple[float, float, float, float], ...]


def item_row(body: dict[str, Any], body_bytes: bytes) -> ItemRow:
    """Return what the index holds of an item.

    Raises:
        InvalidInputError: its bbox is none.
    """
    properties = body["properties"]
    first = epoch_s(properties.get("start_datetime") or properties["datetime"])
    last = epoch_s(properties.get("end_datetime") or properties["datetime"])
    # A table about no place has no bbox: it is found by everything but place.
    box = BBox.of(body["bbox"]) if body.get("bbox") else None
    collection, id_ = body["collection"], body["id"]
    return ItemRow(
        f"{collection}/{id_}",
        collection,
        id_,
        first,
        last,
        (None,) * 4 if box is None else (box.west, box.south, box.east, box.north),
        _plain(body, body_bytes),
        _number(properties.get("eo:cloud_cover")),
        _number(properties.get("gsd")),
        _text(properties.get("platform")),
        orjson.dumps({name: properties[name] for name in KEPT if name in properties}).decode(),
        () if box is None else box.parts(),
    )


def address_part(href: str) -> int | None:
    """Return the number under which an address on this node is found; None for another's.

    Different addresses may share a number: whoever looks one up reads the record.
    """
    if not href.startswith("/objects/"):
        return None
    try:
        return int(href[9:24], 16)
    except ValueError:
        return int.from_bytes(hashlib.blake2b(href.encode(), digest_size=7).digest())


def address_parts(body: dict[str, Any]) -> set[int]:
    """Return the numbers of all addresses of an item's assets on this node."""
    found = {address_part(str(a.get("href", ""))) for a in (body.get("assets") or {}).values()}
    return found - {None}  # type: ignore[return-value]


def time_unit(epoch: int) -> float:
    """Return a time on the third axis of the R*Tree: in units of 30 days."""
    return epoch / _TIME_UNIT_S


def epoch_s(text: str) -> int:
    """Return seconds since 1970 of an RFC 3339 time with a zone."""
    return int(datetime.fromisoformat(text).timestamp())


def facets_of(body: dict[str, Any]) -> dict[str, list[str]]:
    """Return the facets an item states, each a sorted list; those it does not state are left out.

    Themes and Sustainable Development Goals come from the `themes` of the STAC themes extension (a
    scheme whose address names `sdg` gives goals), formats from the media types of the data assets,
    the licence from `license` or its plain name, regions from `ec:regions`.
    """
    properties = body["properties"]
    themes: set[str] = set()
    goals: set[str] = set()
    stated = properties.get("themes")
    for theme in stated if isinstance(stated, list) else ():
        if not isinstance(theme, dict) or not isinstance(theme.get("concepts"), list):
            continue
        kind = goals if _GOALS in str(theme.get("scheme", "")).lower() else themes
        kind.update(
            str(c["id"]) for c in theme["concepts"] if isinstance(c, dict) and "id" in c
        )
    licence = properties.get("license")
    if licence == "other":
        licence = properties.get("ec:licence_name", licence)
    regions = properties.get("ec:regions")
    found = {
        "theme": themes,
        "sdg": goals,
        "format": _formats(body.get("assets") or {}),
        "licence": {licence} if isinstance(licence, str) else set(),
        "region": {str(r) for r in regions} if isinstance(regions, list) else set(),
    }
    return {name: sorted(values)[:_MOST_TAGS] for name, values in found.items() if values}


class Tags:
    """Numbers of the sets of facets, within one open transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._sql = connection
        self._known: dict[str, int] = {}

    def number(self, body: dict[str, Any]) -> int:
        """Return the number of the item's set of facets; a new one when it is the first."""
        return self.of(orjson.dumps(facets_of(body)).decode())

    def of(self, value: str) -> int:
        """Return the number of a set of facets written as JSON."""
        found = self._known.get(value)
        if found is None:
            self._sql.execute("INSERT OR IGNORE INTO tags (value) VALUES (?)", (value,))
            row = self._sql.execute(
                "SELECT tags FROM tags WHERE value = ?", (value,)
            ).fetchone()
            found = self._known[value] = int(row[0])
        return found


def _plain(body: dict[str, Any], body_bytes: bytes) -> bool:
    """Return whether the links and addresses of a served item can be put into its bytes.

    In canonical JSON a quote inside a text is escaped: `"href":"/` stands only where a member of
    that name has a relative address. When there are as many as assets with one, all are theirs. The
    same holds for `"links":[],`, which an item may have once itself.
    """
    hrefs: Iterable[Any] = (a.get("href") for a in (body.get("assets") or {}).values())
    local = sum(isinstance(href, str) and href.startswith("/") for href in hrefs)
    empty = int(body.get("links") == [])
    return (
        not body.get("links")
        and body_bytes.count(b'"links":[],') == empty
        and body_bytes.count(b'"href":"/') == local
    )


def _formats(assets: dict[str, Any]) -> set[str]:
    data = [asset for asset in assets.values() if "data" in (asset.get("roles") or ())]
    types = {asset.get("type") for asset in data or assets.values()}
    return {kind.partition(";")[0].strip() for kind in types if isinstance(kind, str) and kind}


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
