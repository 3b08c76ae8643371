"""What the index holds of one item, worked out from its body alone."""

from __future__ import annotations

import hashlib
import math
import time
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from earthcommons.catalog.queryables import KEPT
from earthcommons.catalog.text import FAR_S
from earthcommons.errors import InvalidInputError
from earthcommons.model.geodesy import Edges, edges_of, parts_of

if TYPE_CHECKING:
    import sqlite3

__all__ = [
    "INSERT_BOX",
    "INSERT_COUNT",
    "INSERT_ITEM",
    "INSERT_TALLY",
    "STATED",
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
STATED = (
    "name, collection, id, first, last, west, south, east, north, plain, boxed, cloud, gsd,"
    " platform, props"
)
INSERT_ITEM = f"INSERT INTO item (k, {STATED}, access, guarded, tags) VALUES ({_marks(19)})"
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
        values: columns of `item` (`STATED`).
        boxes: rows of `item_box` without their number: west, east, south, north, first, last.
        plain: whether its bytes can be served with links and addresses put in (`_is_plain`).
        parts: numbers of the addresses of its assets on this node.
        tags: its facets, as JSON.
        silent: whether no asset states a rule of access.
    """

    name: str
    collection: str
    last: int
    values: tuple[Any, ...]
    boxes: tuple[tuple[float, ...], ...]
    plain: bool
    parts: set[int]
    tags: str
    silent: bool

    @property
    def year(self) -> int:
        """The year it ends in, UTC."""
        return _year(self.last // 86_400)


@lru_cache(maxsize=4096)
def _year(day: int) -> int:
    return time.gmtime(day * 86_400).tm_year


def item_row(body: dict[str, Any], body_bytes: bytes) -> ItemRow:
    """Return what the index holds of an item.

    Raises:
        InvalidInputError: its bbox is none, or its times are.
    """
    properties = body["properties"]
    first, last = _times(properties)
    # A table about no place has no bbox: it is found by everything but place.
    box = edges_of(body["bbox"]) if body.get("bbox") else None
    collection, id_ = body["collection"], body["id"]
    name = f"{collection}/{id_}"
    assets = _assets(body)
    plain = _is_plain(body, body_bytes, assets.local)
    kept = {name: properties[name] for name in KEPT if name in properties}
    values = (
        *(name, collection, id_, first, last, *(box or _NOWHERE)),
        *(plain, _fills(body.get("geometry"), box)),
        *(_number(properties.get("eo:cloud_cover")), _number(properties.get("gsd"))),
        *(_text(properties.get("platform")), orjson.dumps(kept).decode()),
    )
    begins, ends = time_unit(first), time_unit(last)
    spans = parts_of(box) if box else ()
    boxes = tuple([(w, e, s, n, begins, ends) for w, s, e, n in spans])
    tags = _tags(body, assets.types)
    parts = _parts(assets.objects)
    return ItemRow(name, collection, last, values, boxes, plain, parts, tags, assets.silent)


_NOWHERE = (None,) * 4


def _fills(geometry: Any, box: Edges | None) -> bool:
    """Return whether a footprint is its box: what touches the one touches the other."""
    if not isinstance(geometry, dict) or box is None:
        return False
    kind, coordinates = geometry.get("type"), geometry.get("coordinates")
    if kind == "Point":
        return box[0] == box[2] and box[1] == box[3]
    if kind not in ("Polygon", "MultiPolygon") or not isinstance(coordinates, (list, tuple)):
        return False
    polygons = [coordinates] if kind == "Polygon" else coordinates
    try:
        # An outline in order has each corner once and the first again.
        corners = [{(p[0], p[1]) for p in ring} for (ring,) in polygons if len(ring) == 5]
    except (TypeError, ValueError, IndexError):
        return False
    parts = [{(w, s), (e, s), (e, n), (w, n)} for w, s, e, n in parts_of(box)]
    return len(polygons) == len(parts) and all(part in corners for part in parts)


class _Assets(NamedTuple):
    """What the index takes of an item's assets, met in one pass.

    Attributes:
        objects: addresses on this node.
        local: how many addresses are relative, those of objects and others.
        types: media types of those that are data, or of all when none says so.
        silent: whether none states a rule of access.
    """

    objects: list[str]
    local: int
    types: frozenset[str]
    silent: bool


def _assets(body: dict[str, Any]) -> _Assets:
    objects, types, data_types = [], [], []
    others, data, silent = 0, False, True
    for asset in (body.get("assets") or {}).values():
        href, kind, roles = asset.get("href"), asset.get("type"), asset.get("roles")
        if isinstance(href, str):
            if href[:9] == _OBJECTS:
                objects.append(href)
            elif href[:1] == "/":
                others += 1
        if isinstance(kind, str):
            types.append(kind)
        if isinstance(roles, list) and "data" in roles:
            data = True
            if isinstance(kind, str):
                data_types.append(kind)
        if "ec:access" in asset:
            silent = False
    found = frozenset(data_types if data else types)
    return _Assets(objects, len(objects) + others, found, silent)


_OBJECTS = "/objects/"


def address_part(href: str) -> int | None:
    """Return the number under which an address on this node is found; None for another's.

    Different addresses may share a number: whoever looks one up reads the record.
    """
    return _part(href) if href[:9] == _OBJECTS else None


def _part(href: str) -> int:
    try:
        return int(href[9:24], 16)
    except ValueError:
        return int.from_bytes(hashlib.blake2b(href.encode(), digest_size=7).digest())


def address_parts(body: dict[str, Any]) -> set[int]:
    """Return the numbers of all addresses of an item's assets on this node."""
    return _parts(_assets(body).objects)


def _parts(objects: list[str]) -> set[int]:
    try:
        # As `_part`, where each is named by a digest.
        return {int(href[9:24], 16) for href in objects}
    except ValueError:
        return set(map(_part, objects))


def time_unit(epoch: int) -> float:
    """Return a time on the third axis of the R*Tree: in units of 30 days."""
    return epoch / _TIME_UNIT_S


def epoch_s(text: str) -> int:
    """Return whole seconds since 1970 of an RFC 3339 time with a zone, rounded down."""
    return math.floor(datetime.fromisoformat(text).timestamp())


def facets_of(body: dict[str, Any]) -> dict[str, list[str]]:
    """Return the facets an item states, each a sorted list; those it does not state are left out.

    Themes and Sustainable Development Goals come from the `themes` of the STAC themes extension (a
    scheme whose address names `sdg` gives goals), formats from the media types of the data assets,
    the licence from `license` or its plain name, regions from `ec:regions`.
    """
    return _facets(body, _assets(body).types)


def _facets(body: dict[str, Any], types: frozenset[str]) -> dict[str, list[str]]:
    properties = body["properties"]
    regions = properties.get("ec:regions")
    themes, goals = _themes_and_goals(properties.get("themes"))
    licence = _licence(properties)
    found = {
        "theme": themes,
        "sdg": goals,
        "format": _formats(types),
        "licence": () if licence is None else {licence},
        "region": {str(r) for r in regions} if isinstance(regions, list) else (),
    }
    return {name: sorted(values)[:_MOST_TAGS] for name, values in found.items() if values}


def _tags(body: dict[str, Any], types: frozenset[str]) -> str:
    properties = body["properties"]
    licence = _licence(properties)
    others = "themes" in properties or "ec:regions" in properties
    if others or len(licence or "") + sum(map(len, types)) > _MOST_KEPT:
        return orjson.dumps(_facets(body, types)).decode()
    return _plain_tags(licence, types)


# A licence and types as long as they ever are: longer ones would fill the memory.
_MOST_KEPT = 1000


@lru_cache(maxsize=1024)
def _plain_tags(licence: str | None, types: frozenset[str]) -> str:
    """Return the facets of items that state no others, of which many have the same."""
    found: dict[str, list[str]] = {}
    if formats := _formats(types):
        found["format"] = sorted(formats)[:_MOST_TAGS]
    if licence is not None:
        found["licence"] = [licence]
    return orjson.dumps(found).decode()


def _licence(properties: dict[str, Any]) -> str | None:
    licence = properties.get("license")
    if licence == "other":
        licence = properties.get("ec:licence_name", licence)
    return _text(licence)


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


def _is_plain(body: dict[str, Any], body_bytes: bytes, local: int) -> bool:
    """Return whether the links and addresses of a served item can be put into its bytes.

    In canonical JSON a quote inside a text is escaped: `"href":"/` stands only where a member of
    that name has a relative address. When there are as many as assets with one, all are theirs. The
    same holds for `"links":[],`, which an item may have once itself.
    """
    if body.get("links"):
        return False
    return (
        body_bytes.count(b'"links":[],') == ("links" in body)
        and body_bytes.count(b'"href":"/') == local
    )


def _formats(types: frozenset[str]) -> set[str]:
    return {kind.partition(";")[0].strip() for kind in types if kind}


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
        begins = ends = datetime.fromisoformat(first)
        if last != first:
            ends = datetime.fromisoformat(last)
    except ValueError as error:
        raise InvalidInputError("a time is written 2015-11-01T00:00:00Z") from error
    if begins.tzinfo is None or ends.tzinfo is None:
        raise InvalidInputError("a time has a zone: 2015-11-01T00:00:00Z")
    if ends < begins:
        raise InvalidInputError("end_datetime is before start_datetime")
    # West of Greenwich the last hours of 9999 lie in the year after: no index counts so far.
    begin = end = min(math.floor(begins.timestamp()), FAR_S)
    if ends is not begins:
        end = min(math.floor(ends.timestamp()), FAR_S)
    return begin, end


def _number(value: Any) -> float | None:
    if value is None or isinstance(value, bool):
        return None
    return float(value) if isinstance(value, (float, int)) else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
