"""What a search asks, from query parameters or from a JSON body, in the catalogue's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from earthcommons.catalog import ItemQuery, SortKey, find_queryable, parse_filter
from earthcommons.errors import InvalidInputError
from earthcommons.model.canonical import parse_strict
from earthcommons.model.geodesy import BBox
from earthcommons.web.parameters import parse_bbox, parse_datetime, parse_limit
from earthcommons.web.stac_extensions import both, filter_of_query

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapely.geometry.base import BaseGeometry

__all__ = ["SEARCH_PARAMETERS", "posted_query", "query_of"]

SEARCH_PARAMETERS = (
    "bbox", "datetime", "collections", "ids", "intersects", "limit", "q", "token", "filter",
    "filter-lang", "filter-crs", "sortby", "fields", "query",
)  # fmt: skip
_CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
_MAX_VERTICES = 100_000
_MOST_KEYS = 8


def query_of(values: Mapping[str, str]) -> ItemQuery:
    """Return the query that the parameters of a GET request ask.

    Raises:
        InvalidInputError: a parameter is not what its standard says.
    """
    first, last = parse_datetime(values.get("datetime", ""))
    intersects = None
    if shape := values.get("intersects"):
        intersects = _shape(parse_strict(shape))
    return ItemQuery(
        collections=_names(values.get("collections", "")),
        ids=_names(values.get("ids", "")),
        bbox=_one_place(parse_bbox(values.get("bbox", "")), intersects),
        intersects=intersects,
        first=first,
        last=last,
        text=values.get("q", ""),
        filter=both(
            _filter(values.get("filter", ""), values, "cql2-text"),
            _compared(parse_strict(values["query"]) if values.get("query") else None),
        ),
        sort=_sorted(values.get("sortby", "").split(",")),
        limit=parse_limit(values.get("limit", ""), 10),
        token=values.get("token", ""),
    )


def posted_query(body: Mapping[str, Any]) -> ItemQuery:
    """Return the query that the JSON body of a POST request asks.

    Raises:
        InvalidInputError: a member is not what its standard says.
    """
    first, last = parse_datetime(_text(body, "datetime"))
    intersects = _shape(body["intersects"]) if body.get("intersects") is not None else None
    box = None
    if body.get("bbox") is not None:
        numbers = body["bbox"]
        if not isinstance(numbers, list) or not all(
            isinstance(n, (int, float)) and not isinstance(n, bool) for n in numbers
        ):
            raise InvalidInputError("bbox: need a list of four numbers", code="bad-bbox")
        box = BBox.of(numbers)
    limit = body.get("limit", 10)
    return ItemQuery(
        collections=_listed(body, "collections"),
        ids=_listed(body, "ids"),
        bbox=_one_place(box, intersects),
        intersects=intersects,
        first=first,
        last=last,
        text=",".join(_listed(body, "q"))
        if isinstance(body.get("q"), list)
        else _text(body, "q"),
        filter=both(
            _filter(body.get("filter", ""), body, "cql2-json"), _compared(body.get("query"))
        ),
        sort=_posted_sort(body.get("sortby")),
        limit=parse_limit(str(limit) if isinstance(limit, int) else repr(limit), 10),
        token=_text(body, "token"),
    )


def _one_place(box: BBox | None, intersects: BaseGeometry | None) -> BBox | None:
    if box is not None and intersects is not None:
        raise InvalidInputError("give bbox or intersects, not both", code="bad-bbox")
    return box


def _shape(value: Any) -> BaseGeometry:
    import shapely

    try:
        geometry = shapely.from_geojson(orjson.dumps(value).decode())
    except (shapely.errors.GEOSException, ValueError, TypeError) as error:
        raise InvalidInputError(
            "intersects: no GeoJSON geometry", code="invalid-geometry"
        ) from error
    if geometry.is_empty or not geometry.is_valid:
        raise InvalidInputError("intersects: empty or invalid", code="invalid-geometry")
    if shapely.get_num_coordinates(geometry) > _MAX_VERTICES:
        raise InvalidInputError(
            f"intersects: over {_MAX_VERTICES} vertices", code="declared-too-large"
        )
    return geometry


def _names(text: str) -> tuple[str, ...]:
    names = tuple(part for part in text.split(",") if part)
    if len(names) > 1000:
        raise InvalidInputError("a list of over 1000 names")
    return names


def _listed(body: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = body.get(name)
    if value is None:
        return ()
    if (
        not isinstance(value, list)
        or len(value) > 1000
        or not all(isinstance(v, str) for v in value)
    ):
        raise InvalidInputError(f"{name}: need a list of at most 1000 strings")
    return tuple(value)


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidInputError(f"{name}: need a string")
    return value


def _filter(value: Any, values: Mapping[str, Any], usual: str) -> dict[str, Any] | None:
    language = values.get("filter-lang", usual)
    if language not in ("cql2-text", "cql2-json"):
        raise InvalidInputError("filter-lang is cql2-text or cql2-json", code="bad-filter")
    if values.get("filter-crs", _CRS84) != _CRS84:
        raise InvalidInputError(f"filter-crs is {_CRS84}", code="bad-filter")
    if value is None or value == "":
        return None
    if language == "cql2-json" and isinstance(value, str):
        value = parse_strict(value)
    if not isinstance(value, str if language == "cql2-text" else dict):
        raise InvalidInputError(f"the filter is not {language}", code="bad-filter")
    found: Any = parse_filter(value)
    # The parser takes any expression, `FALSE` and `'a'` too, which would ask for nothing.
    if not isinstance(found, dict):
        raise InvalidInputError("the filter is no condition", code="bad-filter")
    return found


def _compared(value: Any) -> dict[str, Any] | None:
    found = filter_of_query(value)
    return None if found is None else parse_filter(found)


def _sorted(keys: list[str]) -> tuple[SortKey, ...]:
    # A `+` in a query string arrives as a space.
    found = [key.strip() for key in keys if key.strip("+- ")]
    if len(found) > _MOST_KEYS:
        raise InvalidInputError(f"sortby takes at most {_MOST_KEYS} keys")
    return tuple(_key(key.lstrip("+-"), descending=key.startswith("-")) for key in found)


def _posted_sort(keys: Any) -> tuple[SortKey, ...]:
    if keys is None:
        return ()
    if not isinstance(keys, list) or len(keys) > _MOST_KEYS:
        raise InvalidInputError(f"sortby is a list of at most {_MOST_KEYS} keys")
    if not all(
        isinstance(key, dict)
        and isinstance(key.get("field"), str)
        and key.get("direction", "asc") in ("asc", "desc")
        for key in keys
    ):
        raise InvalidInputError('a sort key is {"field": name, "direction": "asc" or "desc"}')
    return tuple(
        _key(key["field"], descending=key.get("direction", "asc") == "desc") for key in keys
    )


def _key(name: str, *, descending: bool) -> SortKey:
    return SortKey(find_queryable(name).name, descending=descending)
