"""STAC API 1.0: core, collections, features and item search, over the catalogue's own answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from fastapi import APIRouter, Request, Response

from earthcommons.catalog import QUERYABLES
from earthcommons.errors import InvalidInputError
from earthcommons.model.canonical import parse_strict
from earthcommons.web.parameters import known
from earthcommons.web.stac_fields import Fields
from earthcommons.web.stac_query import SEARCH_PARAMETERS, posted_query, query_of

if TYPE_CHECKING:
    from earthcommons.catalog import ItemQuery
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
    "https://api.stacspec.org/v1.0.0/item-search#fields",
    "https://api.stacspec.org/v1.0.0/item-search#sort",
    "https://api.stacspec.org/v1.0.0/item-search#filter",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/filter",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/features-filter",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/queryables",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-text",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-json",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-cql2",
    "http://www.opengis.net/spec/cql2/1.0/conf/advanced-comparison-operators",
    "http://www.opengis.net/spec/cql2/1.0/conf/case-insensitive-comparison",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-spatial-functions-plus",
    "http://www.opengis.net/spec/cql2/1.0/conf/spatial-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/temporal-functions",
    "http://www.opengis.net/spec/cql2/1.0/conf/array-functions",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
]
_SCHEMA = "application/schema+json"
_QUERYABLES = "http://www.opengis.net/def/rel/ogc/1.0/queryables"
_SORTABLES = "http://www.opengis.net/def/rel/ogc/1.0/sortables"
_OF_ITEMS = tuple(
    name for name in SEARCH_PARAMETERS if name not in ("collections", "ids", "intersects", "q")
)
_MAX_BODY = 2 * 2**20


def stac_router(node: Node) -> APIRouter:
    """Return the routes below `/stac`."""
    router = APIRouter(prefix="/stac", tags=["STAC"])
    pages = _Pages(node)
    router.add_api_route("", pages.landing, methods=["GET"], include_in_schema=False)
    router.add_api_route("/", pages.landing, methods=["GET"])
    router.add_api_route("/conformance", pages.conformance, methods=["GET"])
    router.add_api_route("/collections", pages.collections, methods=["GET"])
    router.add_api_route("/collections/{collection}", pages.collection, methods=["GET"])
    router.add_api_route("/queryables", pages.queryables, methods=["GET"])
    router.add_api_route("/sortables", pages.sortables, methods=["GET"])
    for path in ("queryables", "sortables"):
        router.add_api_route(
            f"/collections/{{collection}}/{path}", getattr(pages, f"{path}_of"), methods=["GET"]
        )
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
            _link(_QUERYABLES, f"{self._root}/queryables", _SCHEMA),
            _link(_SORTABLES, f"{self._root}/sortables", _SCHEMA),
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
        values = known(request, _OF_ITEMS)
        self._catalog.get("collection", collection)
        query = query_of(values | {"collections": collection})
        here = f"{self._root}/collections/{collection}/items"
        fields = Fields.of_text(values.get("fields", ""))
        return self._page(
            query, fields, here, request.url.query, "GET", None, collection=collection
        )

    def item(self, request: Request, collection: str, item: str) -> Response:
        """One item."""
        known(request, ())
        body = self._catalog.get("item", f"{collection}/{item}")
        return _answer(self._dress_item(body), _GEOJSON)

    def queryables(self, request: Request) -> Response:
        """Names that filters may ask for, as JSON Schema."""
        known(request, ())
        return self._names(f"{self._root}/queryables", sortable=False)

    def queryables_of(self, request: Request, collection: str) -> Response:
        """Names that filters on one collection may ask for, as JSON Schema."""
        known(request, ())
        self._catalog.get("collection", collection)
        return self._names(f"{self._root}/collections/{collection}/queryables", sortable=False)

    def sortables(self, request: Request) -> Response:
        """Names that items may be sorted by, as JSON Schema."""
        known(request, ())
        return self._names(f"{self._root}/sortables", sortable=True)

    def sortables_of(self, request: Request, collection: str) -> Response:
        """Names that items of one collection may be sorted by, as JSON Schema."""
        known(request, ())
        self._catalog.get("collection", collection)
        return self._names(f"{self._root}/collections/{collection}/sortables", sortable=True)

    def _names(self, here: str, *, sortable: bool) -> Response:
        schema = {
            "$schema": "https://json-schema.org/draft/2019-09/schema",
            "$id": here,
            "type": "object",
            "title": f"{self._name}: {'sortables' if sortable else 'queryables'}",
            "properties": {
                q.name: q.schema() for q in QUERYABLES.values() if q.sortable or not sortable
            },
            "additionalProperties": False,
        }
        return _answer(schema, _SCHEMA)

    def search(self, request: Request) -> Response:
        """Items everywhere, newest first, by parameters."""
        values = known(request, SEARCH_PARAMETERS)
        fields = Fields.of_text(values.get("fields", ""))
        return self._page(
            query_of(values), fields, f"{self._root}/search", request.url.query, "GET", None
        )

    async def post_search(self, request: Request) -> Response:
        """Items everywhere, newest first, by a JSON body."""
        body = parse_strict(await _bounded(request), limit=_MAX_BODY)
        if not isinstance(body, dict):
            raise InvalidInputError("the search body is a JSON object", code="bad-json")
        unknown = sorted(set(body) - set(SEARCH_PARAMETERS))
        if unknown:
            raise InvalidInputError(
                f"unknown member {unknown[0][:40]!r}; known here: {', '.join(SEARCH_PARAMETERS)}",
                code="unknown-parameter",
            )
        fields = Fields.of_body(body.get("fields"))
        return self._page(posted_query(body), fields, f"{self._root}/search", "", "POST", body)

    def _page(
        self,
        query: ItemQuery,
        fields: Fields,
        here: str,
        asked: str,
        method: str,
        body: dict[str, Any] | None,
        *,
        collection: str = "",
    ) -> Response:
        page = self._catalog.items(query)
        features = [fields.of(self._dress_item(orjson.loads(item))) for item in page.bodies]
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
            _link(_QUERYABLES, f"{here}/queryables", _SCHEMA),
            _link(_SORTABLES, f"{here}/sortables", _SCHEMA),
        ]
        return collection


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
