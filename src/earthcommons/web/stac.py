"""STAC API 1.0: core, collections, features and item search, over the catalogue's own answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from fastapi import APIRouter, Request, Response

from earthcommons.catalog import ItemQuery
from earthcommons.errors import InvalidInputError
from earthcommons.model.canonical import parse_strict
from earthcommons.model.geodesy import BBox
from earthcommons.web.parameters import known, parse_bbox, parse_datetime, parse_limit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapely.geometry.base import BaseGeometry

    from earthcommons.commons import Node

__all__ = ["stac_router"]

_JSON = "application/json"
_GEOJSON = "application/geo+json"
_CONFORMS = [
    "https://api.stacspec.org/v1.0.0/core",
    "https://api.stacspec.org/v1.0.0/collections",
    "https://api.stacspec.org/v1.0.0/ogcapi-features",
    "https://api.stacspec.org/v1.0.0/item-search",
    "https://api.stacspec.org/v1.0.0-rc.1/item-search#free-text",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
]
_SEARCH = ("bbox", "datetime", "collections", "ids", "intersects", "limit", "q", "token")
_MAX_BODY = 2 * 2**20
_MAX_VERTICES = 100_000


def stac_router(node: Node) -> APIRouter:
    """Return the routes below `/stac`."""
    router = APIRouter(prefix="/stac", tags=["STAC"])
    pages = _Pages(node)
    router.add_api_route("", pages.landing, methods=["GET"], include_in_schema=False)
    router.add_api_route("/", pages.landing, methods=["GET"])
    router.add_api_route("/conformance", pages.conformance, methods=["GET"])
    router.add_api_route("/collections", pages.collections, methods=["GET"])
    router.add_api_route("/collections/{collection}", pages.collection, methods=["GET"])
    router.add_api_route("/collections/{collection}/items", pages.items, methods=["GET"])
    router.add_api_route("/collections/{collection}/items/{item}", pages.item, methods=["GET"])
    router.add_api_route("/search", pages.search, methods=["GET"])
    router.add_api_route("/search", pages.post_search, methods=["POST"])
    return router


class _Pages:
    """The handlers, and the node they read."""

    def __init__(self, node: Node) -> None:
        self._catalog = node.catalog
        self._base = node.settings.url
        self._root = f"{node.settings.url}/stac"
        self._name = node.settings.name

    def landing(self, request: Request) -> Response:
        """Landing page: what this catalogue is and where everything is."""
        known(request, ())
        search = f"{self._root}/search"
        links = [
            _link("self", f"{self._root}/", _JSON),
            _link("root", f"{self._root}/", _JSON),
            _link("conformance", f"{self._root}/conformance", _JSON),
            _link("data", f"{self._root}/collections", _JSON),
            {**_link("search", search, _GEOJSON), "method": "GET"},
            {**_link("search", search, _GEOJSON), "method": "POST"},
            _link(
                "service-desc",
                f"{self._base}/openapi.json",
                "application/vnd.oai.openapi+json;version=3.1",
            ),
        ]
        for collection in self._catalog.all("collection"):
            url = f"{self._root}/collections/{collection['id']}"
            links.append({**_link("child", url, _JSON), "title": collection["title"]})
        return _answer(
            {
                "type": "Catalog",
                "stac_version": "1.1.0",
                "id": "earthcommons",
                "title": self._name,
                "description": "All Earth data, indicator tables and maps this node publishes.",
                "conformsTo": _CONFORMS,
                "links": links,
            }
        )

    def conformance(self, request: Request) -> Response:
        """Conformance classes this service meets."""
        known(request, ())
        return _answer({"conformsTo": _CONFORMS})

    def collections(self, request: Request) -> Response:
        """All collections."""
        known(request, ())
        found = [self._dress_collection(body) for body in self._catalog.all("collection")]
        here = f"{self._root}/collections"
        links = [_link("self", here, _JSON), _link("root", f"{self._root}/", _JSON)]
        return _answer(
            {
                "collections": found,
                "links": [*links, _link("parent", f"{self._root}/", _JSON)],
                "numberMatched": len(found),
                "numberReturned": len(found),
            }
        )

    def collection(self, request: Request, collection: str) -> Response:
        """One collection."""
        known(request, ())
        return _answer(self._dress_collection(self._catalog.get("collection", collection)))

    def items(self, request: Request, collection: str) -> Response:
        """Items of one collection, newest first."""
        values = known(request, ("bbox", "datetime", "limit", "token"))
        self._catalog.get("collection", collection)
        query = _query(values | {"collections": collection})
        here = f"{self._root}/collections/{collection}/items"
        return self._page(query, here, request.url.query, "GET", None, collection=collection)

    def item(self, request: Request, collection: str, item: str) -> Response:
        """One item."""
        known(request, ())
        body = self._catalog.get("item", f"{collection}/{item}")
        return _answer(self._dress_item(body), _GEOJSON)

    def search(self, request: Request) -> Response:
        """Items everywhere, newest first, by parameters."""
        query = _query(known(request, _SEARCH))
        return self._page(query, f"{self._root}/search", request.url.query, "GET", None)

    async def post_search(self, request: Request) -> Response:
        """Items everywhere, newest first, by a JSON body."""
        body = parse_strict(await _bounded(request), limit=_MAX_BODY)
        if not isinstance(body, dict):
            raise InvalidInputError("the search body is a JSON object", code="bad-json")
        unknown = sorted(set(body) - set(_SEARCH))
        if unknown:
            raise InvalidInputError(
                f"unknown member {unknown[0][:40]!r}; known here: {', '.join(_SEARCH)}",
                code="unknown-parameter",
            )
        return self._page(_posted(body), f"{self._root}/search", "", "POST", body)

    def _page(
        self, query: ItemQuery, here: str, asked: str, method: str, body: dict[str, Any] | None,
        *, collection: str = "",
    ) -> Response:  # fmt: skip
        page = self._catalog.items(query)
        features = [self._dress_item(orjson.loads(item)) for item in page.bodies]
        links: list[dict[str, Any]] = [
            _link("self", f"{here}?{asked}" if asked else here, _GEOJSON),
            _link("root", f"{self._root}/", _JSON),
        ]
        if collection:
            up = f"{self._root}/collections/{collection}"
            links += [_link("parent", up, _JSON), _link("collection", up, _JSON)]
        if page.token:
            links.append(_next(here, asked, method, body, page.token))
        answer: dict[str, Any] = {
            "type": "FeatureCollection",
            "features": features,
            "links": links,
            "numberReturned": len(features),
        }
        if page.matched is not None:
            answer["numberMatched"] = page.matched
        return _answer(answer, _GEOJSON)

    def _dress_item(self, item: dict[str, Any]) -> dict[str, Any]:
        up = f"{self._root}/collections/{item['collection']}"
        item["links"] = [
            _link("self", f"{up}/items/{item['id']}", _GEOJSON),
            _link("root", f"{self._root}/", _JSON),
            _link("parent", up, _JSON),
            _link("collection", up, _JSON),
            _link(
                "alternate",
                f"{self._base}/en/data/{item['collection']}/{item['id']}",
                "text/html",
            ),
        ]
        for asset in item["assets"].values():
            asset["href"] = self._base + asset["href"]
        return item

    def _dress_collection(self, collection: dict[str, Any]) -> dict[str, Any]:
        here = f"{self._root}/collections/{collection['id']}"
        collection["links"] = [
            _link("self", here, _JSON),
            _link("root", f"{self._root}/", _JSON),
            _link("parent", f"{self._root}/", _JSON),
            _link("items", f"{here}/items", _GEOJSON),
        ]
        return collection


def _query(values: Mapping[str, str]) -> ItemQuery:
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
        limit=parse_limit(values.get("limit", ""), 10),
        token=values.get("token", ""),
    )


def _posted(body: Mapping[str, Any]) -> ItemQuery:
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
        text=" ".join(_listed(body, "q"))
        if isinstance(body.get("q"), list)
        else _text(body, "q"),
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
    value = body.get(name) or []
    if (
        not isinstance(value, list)
        or len(value) > 1000
        or not all(isinstance(v, str) for v in value)
    ):
        raise InvalidInputError(f"{name}: need a list of at most 1000 strings")
    return tuple(value)


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name) or ""
    if not isinstance(value, str):
        raise InvalidInputError(f"{name}: need a string")
    return value


async def _bounded(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > _MAX_BODY:
            raise InvalidInputError(f"body over {_MAX_BODY} bytes", code="declared-too-large")
        parts.append(part)
    return b"".join(parts)


def _link(rel: str, href: str, media_type: str) -> dict[str, Any]:
    return {"rel": rel, "href": href, "type": media_type}


def _next(
    here: str, asked: str, method: str, body: dict[str, Any] | None, token: str
) -> dict[str, Any]:
    if method == "POST":
        link = {**_link("next", here, _GEOJSON), "method": "POST"}
        return {**link, "body": {**(body or {}), "token": token}}
    kept = "&".join(part for part in asked.split("&") if part and not part.startswith("token="))
    return {
        **_link("next", f"{here}?{kept}{'&' if kept else ''}token={token}", _GEOJSON),
        "method": "GET",
    }


def _answer(value: Any, media_type: str = _JSON) -> Response:
    return Response(orjson.dumps(value), media_type=media_type)
