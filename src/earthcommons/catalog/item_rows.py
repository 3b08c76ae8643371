"""What the index holds of one item, worked out from its body alone."""

from __future__ import annotations

import hashlib
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from earthcommons.catalog.queryables import KEPT
from earthcommons.catalog.text import FAR_S
from earthcommons.errors import InvalidInputError
from earthcommons.model.geodesy import BBox

if TYPE_CHECKING:
    import sqlite3

__all__ = [
    "INSERT_BOX",
    "INSERT_COUNT",
    "INSERT_ITEM",
    "INSERT_TALLY",
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


def _marks(count: int) -> str:
    return ",".join("?" * count)


# The columns of `item` that `ItemRow.values` fills, in its order.
_STATED = (
    "name, collection, id, first, last, west, south, east, north, plain, cloud, gsd, platform,"
    " props"
)
INSERT_ITEM = f"INSERT INTO item (k, {_STATED}, access, guarded, tags) VALUES ({_marks(18)})"
INSERT_BOX = "INSERT INTO item_box VALUES (?,?,?,?,?,?,?)"
INSERT_TALLY = (
    "INSERT INTO tally VALUES (?,?,?,?,?) ON CONFLICT DO UPDATE SET n = n + excluded.n"
)
INSERT_COUNT = (
    "INSERT INTO item_count VALUES (?,?,?) ON CONFLICT DO UPDATE SET n = n + excluded.n"
)


class ItemRow(NamedTuple):
    """What the index holds of an item that follows from its body.

    Attributes:
        name: `collection/id`.
        collection: where it belongs.
        last: its end, or its moment, in seconds since 1970.
        values: columns of `item` (`_STATED`).
        boxes: rows of `item_box` without their number: west, east, south, north, first, last.
        plain: whether its bytes can be served with links and addresses put in (`_plain`).
    """

    name: str
    collection: str
    last: int
    values: tuple[Any, ...]
    boxes: tuple[tuple[float, ...], ...]
    plain: bool

    @property
    def year(self) -> int:
        """The year it ends in, UTC."""
        return time.gmtime(self.last).tm_year


def item_row(body: dict[str, Any], body_bytes: bytes) -> ItemRow:
    """Return what the index holds of an item.

    Raises:
        InvalidInputError: its bbox is none, or its times are.
    """
    properties = body["properties"]
    first, last = _times(properties)
    # A table about no place has no bbox: it is found by everything but place.
    box = BBox.of(body["bbox"]) if body.get("bbox") else None
    collection, id_ = body["collection"], body["id"]
    name, plain = f"{collection}/{id_}", _plain(body, body_bytes)
    kept = {name: properties[name] for name in KEPT if name in properties}
    edges = (None,) * 4 if box is None else (box.west, box.south, box.east, box.north)
    values = (
        *(name, collection, id_, first, last, *edges, plain),
        *(_number(properties.get("eo:cloud_cover")), _number(properties.get("gsd"))),
        *(_text(properties.get("platform")), orjson.dumps(kept).decode()),
    )
    boxes = tuple(
        (w, e, s, n, time_unit(first), time_unit(last))
        for w, s, e, n in (() if box is None else box.parts())
    )
    return ItemRow(name, collection, last, values, boxes, plain)


def address_part(href: str) -> int | None:
    """Return the number under which an address on this node is found; None for another's.

    Different addresses may share a number: whoever looks one up reads the record.
    """
    if href[:9] != "/objects/":
        return None
    try:
        return int(href[9:24], 16)
    except ValueError:
        return int.from_bytes(hashlib.blake2b(href.encode(), digest_size=7).digest())


def address_parts(body: dict[str, Any]) -> set[int]:
    """Return the numbers of all addresses of an item's assets on this node."""
    hrefs = [asset.get("href", "") for asset in (body.get("assets") or {}).values()]
    found = {address_part(href) for href in hrefs if href[:9] == "/objects/"}
    return {part for part in found if part is not None}


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
    licence = properties.get("license")
    if licence == "other":
        licence = properties.get("ec:licence_name", licence)
    regions = properties.get("ec:regions")
    themes, goals = _themes_and_goals(properties.get("themes"))
    found = {
        "theme": themes,
        "sdg": goals,
        "format": _formats(body.get("assets") or {}),
        "licence": {licence} if isinstance(licence, str) else (),
        "region": {str(r) for r in regions} if isinstance(regions, list) else (),
    }
    return {name: sorted(values)[:_MOST_TAGS] for name, values in found.items() if values}


def _themes_and_goals(stated: Any) -> tuple[set[str], set[str]]:
    themes: set[str] = set()
    goals: set[str] = set()
    for theme in stated if isinstance(stated, list) else ():
        if not isinstance(theme, dict) or not isinstance(theme.get("concepts"), list):
            continue
        kind = goals if _GOALS in str(theme.get("scheme", "")).lower() else themes
        kind.update(
            str(c["id"]) for c in theme["concepts"] if isinstance(c, dict) and "id" in c
        )
    return themes, goals


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
    if body.get("links"):
        return False
    hrefs = [a.get("href") for a in (body.get("assets") or {}).values()]
    local = sum([isinstance(href, str) and href[:1] == "/" for href in hrefs])
    return (
        body_bytes.count(b'"links":[],') == ("links" in body)
        and body_bytes.count(b'"href":"/') == local
    )


def _formats(assets: dict[str, Any]) -> set[str]:
    data = [a for a in assets.values() if _is_data(a.get("roles"))]
    types = {kind for a in data or assets.values() if isinstance(kind := a.get("type"), str)}
    return {kind.partition(";")[0].strip() for kind in types if kind}


def _is_data(roles: Any) -> bool:
    return isinstance(roles, list) and "data" in roles


def _times(properties: dict[str, Any]) -> tuple[int, int]:
    """Return when an item begins and ends, in seconds since 1970.

    Raises:
        InvalidInputError: a time is lacking, is none or has no zone, or it ends before it begins.
    """
    instant = properties.get("datetime")
    first = properties.get("start_datetime") or instant
    last = properties.get("end_datetime") or instant
    if not isinstance(first, str) or not isinstance(last, str):
        raise InvalidInputError("need datetime, or start_datetime and end_datetime")
    try:
        begins = datetime.fromisoformat(first)
        ends = begins if last == first else datetime.fromisoformat(last)
    except ValueError as error:
        raise InvalidInputError("a time is written 2015-11-01T00:00:00Z") from error
    if begins.tzinfo is None or ends.tzinfo is None:
        raise InvalidInputError("a time has a zone: 2015-11-01T00:00:00Z")
    if ends < begins:
        raise InvalidInputError("end_datetime is before start_datetime")
    # West of Greenwich the last hours of 9999 lie in the year after: no index counts so far.
    return min(int(begins.timestamp()), FAR_S), min(int(ends.timestamp()), FAR_S)


def _number(value: Any) -> float | None:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
