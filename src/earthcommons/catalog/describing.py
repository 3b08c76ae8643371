"""What the items of one collection can be asked for: the properties they have, and what values.

Told from items the asker may find, and from those alone: what is hidden changes nothing here.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson

from earthcommons.catalog.conditions import marks
from earthcommons.catalog.item_rows import FACETS, epoch_s
from earthcommons.catalog.queryables import QUERYABLES
from earthcommons.catalog.text import FAR_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from earthcommons.catalog.queryables import Queryable
    from earthcommons.catalog.reader import Reader

__all__ = ["LOOKED", "describe"]

# So many items are looked at, the newest, while their bodies take no more than so many bytes.
LOOKED, _MOST_BYTES = 1_000, 16 * 2**20
# So few values are listed.
_LISTED = 20
# Of these each item has one of its own.
_OWN = frozenset({"title", "title_zh"})
_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str, "time": str, "number": (int, float), "boolean": bool, "array": list,
}  # fmt: skip

# Begin and end of an item, and its properties.
_Item = tuple[int, int, dict[str, Any]]


def describe(
    sql: Reader, collection: str, labels: Sequence[str]
) -> tuple[dict[str, dict[str, Any]], bool]:
    """Return the JSON Schema of each queryable that items of a collection have, by name.

    Few values are listed (`enum`); numbers and times have a least and a most. Where there are over
    a thousand items, the newest of them tell which properties there are, and values are those
    of facets and years alone, which are counted for all.

    Args:
        sql: a connection.
        collection: which.
        labels: of what may be seen.

    Returns:
        The schemas, and whether they rest on all items.
    """
    found, whole = _newest(sql, collection, labels)
    stated, years = _counted(sql, collection, labels)
    schemas = {}
    for name, queryable in QUERYABLES.items():
        facet = name.removeprefix("ec:")
        if queryable.always or queryable.kind == "geometry":
            schemas[name] = queryable.schema()
        elif facet in FACETS:
            if facet in stated:
                schemas[name] = queryable.schema() | _told(queryable, stated[facet])
        elif values := _values(queryable, found):
            told = _told(queryable, values) if whole and name not in _OWN else {}
            schemas[name] = queryable.schema() | told
    if whole and found:
        lasts = min(last for _, last, _ in found), max(last for _, last, _ in found)
        firsts = min(first for first, _, _ in found), max(first for first, _, _ in found)
        schemas["start_datetime"] |= _between(*firsts)
    elif years:
        lasts = _begin(min(years)), _begin(max(years) + 1) - 1
    if years:
        schemas["datetime"] |= _between(*lasts)
        schemas["end_datetime"] |= _between(*lasts)
    return schemas, whole


def _newest(sql: Reader, collection: str, labels: Sequence[str]) -> tuple[list[_Item], bool]:
    """Return the newest items, and whether those are all."""
    seen = f"collection = ? AND access IN ({marks(labels)})"
    there = sql.execute(
        f"SELECT coalesce(sum(n), 0) FROM item_count WHERE {seen}", (collection, *labels)
    ).fetchone()[0]
    if not there:
        return [], True
    rows = sql.follow(
        "SELECT i.first, i.last, r.body FROM (SELECT k FROM item INDEXED BY item_collection"
        f" WHERE {seen} ORDER BY last DESC, name LIMIT ?) w"
        " CROSS JOIN item i ON i.k = w.k CROSS JOIN record r ON r.k = w.k",
        (collection, *labels, LOOKED),
    )
    found: list[_Item] = []
    size = 0
    for first, last, body in rows:
        size += len(body)
        if found and size > _MOST_BYTES:
            break
        found.append((first, last, orjson.loads(body)["properties"]))
    return found, len(found) == there


def _counted(
    sql: Reader, collection: str, labels: Sequence[str]
) -> tuple[dict[str, list[str]], set[int]]:
    """Return the values of each facet, and the years in which items end."""
    rows = sql.execute(
        "SELECT t.value, s.year FROM tally s JOIN tags t ON t.tags = s.tags"
        f" WHERE s.collection = ? AND s.access IN ({marks(labels)}) AND s.n > 0",
        (collection, *labels),
    ).fetchall()
    values: dict[str, list[str]] = {}
    for text in {text for text, _ in rows}:
        for facet, names in orjson.loads(text).items():
            values.setdefault(facet, []).extend(names)
    return values, {year for _, year in rows}


def _values(queryable: Queryable, found: Iterable[_Item]) -> list[Any]:
    """Return the values that items have of a property, as far as they are of its kind."""
    kind = _TYPES[queryable.kind]
    values = [properties.get(queryable.name) for _, _, properties in found]
    if queryable.kind == "array":
        return [each for value in values if isinstance(value, list) for each in value or ("",)]
    strict = [v for v in values if isinstance(v, kind)]
    return [v for v in strict if queryable.kind == "boolean" or not isinstance(v, bool)]


def _told(queryable: Queryable, values: list[Any]) -> dict[str, Any]:
    """Return what a schema says of all values of a property."""
    if queryable.kind == "number":
        return {"minimum": min(values), "maximum": max(values)}
    if queryable.kind == "time":
        times = []
        for value in values:
            with suppress(ValueError):
                times.append(epoch_s(value))
        return _between(min(times), max(times)) if times else {}
    texts = {value for value in values if isinstance(value, str) and value}
    if queryable.kind == "boolean" or not 1 <= len(texts) <= _LISTED:
        return {}
    if queryable.kind == "array":
        return {"items": {"type": "string", "enum": sorted(texts)}}
    return {"enum": sorted(texts)}


def _between(first: int, last: int) -> dict[str, str]:
    # As `minimum` of a text has no meaning: JSON Schema has these as an extension.
    return {"formatMinimum": _text(first), "formatMaximum": _text(last)}


def _text(second: int) -> str:
    moment = datetime.fromtimestamp(min(second, FAR_S), UTC)
    return moment.isoformat().replace("+00:00", "Z")


def _begin(year: int) -> int:
    if not 1 <= year <= 9999:
        return FAR_S + 1
    return int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
