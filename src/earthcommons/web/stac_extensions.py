"""Extensions of STAC search beside filter and fields: `query`, and collection search."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from earthcommons.catalog import find_queryable
from earthcommons.catalog.cql2 import properties_of
from earthcommons.catalog.queries import read_token, write_token
from earthcommons.errors import InvalidInputError
from earthcommons.model.geodesy import BBox

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from earthcommons.catalog import ItemQuery

__all__ = ["both", "filter_of_query", "search_collections"]

_COMPARE = {"eq": "=", "neq": "<>", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}
_MOST = 100
# What a collection may say of itself, besides what the visible ones say.
_MEMBERS = frozenset(
    {"id", "type", "title", "title_zh", "description", "description_zh", "license", "keywords",
     "geometry", "datetime", "start_datetime", "end_datetime"}
)  # fmt: skip


def filter_of_query(value: Any) -> dict[str, Any] | None:
    """Return the `query` of the STAC query extension as CQL2 JSON.

    Raises:
        InvalidInputError: another form, an unknown operator (`bad-filter`) or property.

    Source:
        stac-api-extensions/query 1.0.0.
    """
    if value is None or value == {}:
        return None
    if not isinstance(value, dict) or not all(isinstance(v, dict) for v in value.values()):
        raise InvalidInputError('query is {"property": {"operator": value}}', code="bad-filter")
    found = [
        _comparison(name, operator, wanted)
        for name, operators in value.items()
        for operator, wanted in operators.items()
    ]
    if not 1 <= len(found) <= _MOST:
        raise InvalidInputError(
            f"query takes 1 to {_MOST} comparisons", code="filter-too-complex"
        )
    return found[0] if len(found) == 1 else {"op": "and", "args": found}


def _comparison(name: str, operator: str, wanted: Any) -> dict[str, Any]:
    which = {"property": find_queryable(name).name}
    if operator in _COMPARE:
        return {"op": _COMPARE[operator], "args": [which, wanted]}
    if operator == "in" and isinstance(wanted, list):
        return {"op": "in", "args": [which, wanted]}
    if operator in ("startsWith", "endsWith", "contains") and isinstance(wanted, str):
        text = wanted.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        begin = "" if operator == "startsWith" else "%"
        end = "" if operator == "endsWith" else "%"
        return {"op": "like", "args": [which, begin + text + end]}
    raise InvalidInputError(
        f"query operator {operator[:40]!r} is not spoken", code="bad-filter"
    )


def both(one: dict[str, Any] | None, other: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the filter that asks for both."""
    if one is None or other is None:
        return one or other
    return {"op": "and", "args": [one, other]}


def search_collections(
    collections: Sequence[dict[str, Any]], query: ItemQuery
) -> tuple[list[dict[str, Any]], str, int]:
    """Return a page of collections, the token of the next, and how many match.

    A collection matches a place and a time when its extent touches them. Collections come in
    tens: each is looked at.

    Raises:
        InvalidInputError: the filter cannot be asked of collections, or a bad token.
    """
    tests = [_by_extent(query), _by_words(query.text), _by_filter(query.filter, collections)]
    found = [c for c in collections if all(test(c) for test in tests)]
    found.sort(key=lambda c: str(c["id"]))
    for key in reversed(query.sort):
        there = [c for c in found if _member(c, key.name) is not None]
        lacking = [c for c in found if _member(c, key.name) is None]
        there.sort(key=lambda c: str(_member(c, key.name)), reverse=key.descending)
        found = [*there, *lacking]
    start = 0
    if query.token:
        (after,) = read_token(query.token, query.question(), 1)
        names = [c["id"] for c in found]
        if after not in names:
            raise InvalidInputError("the list has changed: begin again", code="bad-token")
        start = names.index(after) + 1
    page = found[start : start + query.limit]
    more = start + query.limit < len(found)
    token = write_token([page[-1]["id"]], query.question()) if more and page else ""
    return page, token, len(found)


def _member(collection: dict[str, Any], name: str) -> Any:
    intervals = collection["extent"]["temporal"]["interval"]
    if name in ("datetime", "start_datetime"):
        return intervals[0][0] if intervals else None
    if name == "end_datetime":
        return intervals[0][1] if intervals else None
    return collection.get(name)


def _geometry(collection: dict[str, Any]) -> dict[str, Any] | None:
    """Return the place of a collection, as its extent says it."""
    import shapely

    # The first box holds all others; an extent of one alone is that.
    boxes = [BBox.of(box) for box in collection["extent"]["spatial"]["bbox"]][:1]
    parts = [shapely.box(*edges) for box in boxes for edges in box.parts()]
    found: dict[str, Any] | None = shapely.geometry.mapping(shapely.union_all(parts))
    return found if parts else None


def _by_extent(query: ItemQuery) -> Callable[[dict[str, Any]], bool]:
    from earthcommons.catalog.item_rows import epoch_s

    box = query.bbox
    if query.intersects is not None:
        box = BBox(*query.intersects.bounds)

    def touches(collection: dict[str, Any]) -> bool:
        extent = collection["extent"]
        for first, last in extent["temporal"]["interval"][:1]:
            if query.first is not None and last is not None and epoch_s(last) < query.first:
                return False
            if query.last is not None and first is not None and epoch_s(first) > query.last:
                return False
        if box is None:
            return True
        wanted = box.parts()
        return any(
            w <= e2 and e >= w2 and s <= n2 and n >= s2
            for one in extent["spatial"]["bbox"]
            for w, s, e, n in BBox.of(one).parts()
            for w2, s2, e2, n2 in wanted
        )

    return touches


def _by_words(text: str) -> Callable[[dict[str, Any]], bool]:
    terms = [term.split() for term in text.casefold().split(",") if term.strip()]

    def holds(collection: dict[str, Any]) -> bool:
        names = ("id", "title", "title_zh", "description", "description_zh", "keywords")
        held = " ".join(str(collection.get(name, "")) for name in names).casefold()
        return not terms or any(all(word in held for word in words) for words in terms)

    return holds


def _by_filter(
    filter_: Mapping[str, Any] | None, collections: Sequence[dict[str, Any]]
) -> Callable[[dict[str, Any]], bool]:
    if filter_ is None:
        return lambda _: True
    import cql2

    known = _MEMBERS.union(*collections)
    for name in sorted(properties_of(filter_) - known):
        raise InvalidInputError(
            f"collections have no {name[:60]!r} to ask for", code="unknown-queryable"
        )
    judge = cql2.parse_json(orjson.dumps(dict(filter_)).decode())

    def matches(collection: dict[str, Any]) -> bool:
        flat = {name: value for name, value in collection.items() if name != "links"}
        for name in ("datetime", "start_datetime", "end_datetime"):
            flat[name] = _member(collection, name)
        flat["geometry"] = _geometry(collection)
        try:
            return bool(judge.matches(flat))
        except Exception:  # the library raises it where a comparison is unknown
            return False

    return matches
