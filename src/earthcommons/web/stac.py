"""STAC API 1.0: core, collections, features and item search, over the catalogue's own answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from earthcommons.catalog import QUERYABLES
from earthcommons.errors import InvalidInputError, UpstreamError
from earthcommons.model.canonical import parse_strict
from earthcommons.web.bodies import bounded
from earthcommons.web.parameters import known
from earthcommons.web.stac_aggregate import aggregations_of, chosen, described
from earthcommons.web.stac_bodies import Dress, joined
from earthcommons.web.stac_extensions import search_collections
from earthcommons.web.stac_fields import Fields
from earthcommons.web.stac_query import SEARCH_PARAMETERS, posted_query, query_of
from earthcommons.web.stac_versions import ITEM_PARAMETERS, item_at, items_at, present
from earthcommons.web.transactions_tags import tagged, unless_known

if TYPE_CHECKING:
    from earthcommons.catalog import ItemQuery, Page
    from earthcommons.commons import Node

__all__ = ["PARAMETERS", "stac_router"]

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
    "https://api.stacspec.org/v1.0.0/item-search#query",
    "https://api.stacspec.org/v1.0.0-rc.1/collection-search",
    "https://api.stacspec.org/v1.0.0-rc.1/collection-search#free-text",
    "https://api.stacspec.org/v1.0.0-rc.1/collection-search#fields",
    "https://api.stacspec.org/v1.0.0-rc.1/collection-search#sort",
    "https://api.stacspec.org/v1.0.0-rc.1/collection-search#filter",
    "https://api.stacspec.org/v0.3.0/aggregation",
    "https://api.stacspec.org/v1.0.0/ogcapi-features/extensions/transaction",
    "https://api.stacspec.org/v1.0.0/collections/extensions/transaction",
    "http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/create-replace-delete",
    "http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/update",
    "http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/optimistic-locking-etags",
    "http://www.opengis.net/spec/ogcapi-common-2/1.0/conf/simple-query",
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


def _but(*left_out: str) -> tuple[str, ...]:
    return tuple(name for name in SEARCH_PARAMETERS if name not in left_out)


# What each handler takes, by its name: the description of the API is made of the same table.
PARAMETERS = {
    "search": SEARCH_PARAMETERS,
    "items": (*_but("ids", "intersects", "q"), "as-of"),
    "item": ITEM_PARAMETERS,
    "collections": _but("collections", "ids", "intersects", "query"),
    "aggregate": (*_but("limit", "token", "sortby", "fields"), "aggregations"),
}
_MAX_BODY = 2 * 2**20
_FEW, _AT_ONCE_S = 100, 0.01


def stac_router(node: Node) -> APIRouter:
    """Return the routes below `/stac`."""
    router = APIRouter(prefix="/stac", tags=["STAC"])
    pages = _Pages(node)
    # Routes are tried in their order: what is asked most comes first.
    router.add_api_route("/search", pages.search, methods=["GET"])
    router.add_api_route("/search", pages.post_search, methods=["POST"])
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
    router.add_api_route("/aggregations", pages.aggregations, methods=["GET"])
    router.add_api_route("/aggregate", pages.aggregate, methods=["GET"])
    return router


class _Pages:
    """The handlers, and the node they read."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._catalog = node.catalog
        self._base = node.settings.url
        self._root = f"{node.settings.url}/stac"
        self._dress = Dress(node.settings.url)
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
            _link("aggregations", f"{self._root}/aggregations", _JSON),
            _link("aggregate", f"{self._root}/aggregate", _JSON),
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
        """Collections: all, or those a search asks for."""
        values = known(request, PARAMETERS["collections"])
        query = query_of({"limit": "1000", **values})
        fields = Fields.of_text(values.get("fields"))
        page, token, matched = search_collections(self._catalog.all("collection"), query)
        here = f"{self._root}/collections"
        asked = request.url.query
        links = [
            _link("self", f"{here}?{asked}" if asked else here, _JSON),
            _link("root", f"{self._root}/", _JSON),
            _link("parent", f"{self._root}/", _JSON),
        ]
        if token:
            following = _next(here, asked, "GET", None, token)
            links.append({**following, "type": _JSON})
        return _answer(
            {
                "collections": [fields.of(self._dress_collection(body)) for body in page],
                "links": links,
                "numberMatched": matched,
                "numberReturned": len(page),
            }
        )

    def aggregations(self, request: Request) -> Response:
        """What `/aggregate` can count."""
        known(request, ())
        here = f"{self._root}/aggregations"
        links = [_link("self", here, _JSON), _link("root", f"{self._root}/", _JSON)]
        return _answer({"aggregations": described(), "links": links})

    def aggregate(self, request: Request) -> Response:
        """How the matches of a search spread over themes, goals, formats, licences and years."""
        values = known(request, PARAMETERS["aggregate"])
        names = chosen(values.pop("aggregations", ""))
        facets = self._catalog.facets(query_of(values))
        asked = request.url.query
        here = f"{self._root}/aggregate"
        links = [
            _link("self", f"{here}?{asked}" if asked else here, _JSON),
            _link("root", f"{self._root}/", _JSON),
        ]
        return _answer(
            {
                "type": "AggregationCollection",
                "aggregations": aggregations_of(facets, names),
                "links": links,
            }
        )

    def collection(self, request: Request, collection: str) -> Response:
        """One collection."""
        known(request, ())
        tag = self._catalog.version("collection", collection)
        body = self._dress_collection(self._catalog.get("collection", collection))
        return unless_known(request, tagged(_answer(body), tag[1] if tag else ""))

    async def items(self, request: Request, collection: str) -> Response:
        """Items of one collection, newest first; or as they were, in order of id."""
        values = known(request, PARAMETERS["items"])
        self._catalog.get("collection", collection)
        # Some clients name the collection of the path once more.
        if values.pop("collections", collection) != collection:
            raise InvalidInputError(f"here are items of {collection} alone")
        if "as-of" in values:
            return await run_in_threadpool(
                items_at, self._node, self._dress, collection, values
            )
        query = query_of(values | {"collections": collection})
        here = f"{self._root}/collections/{collection}/items"
        fields = Fields.of_text(values.get("fields"))
        return await self._page(
            query, fields, here, request.url.query, "GET", None, collection=collection
        )

    def item(self, request: Request, collection: str, item: str) -> Response:
        """One item; `version` or `as-of` name an earlier state of it."""
        values = known(request, PARAMETERS["item"])
        name = f"{collection}/{item}"
        if values:
            return item_at(self._node, self._dress, name, values)
        # The tag is read first: too old a tag is refused later, too new a one would lose an edit.
        tag = self._catalog.version("item", name)
        stored = self._catalog.body("item", name)
        number = tag[0] if tag else 1
        dressed = present(self._node, self._dress, name, stored, number)
        answer = Response(dressed, media_type=_GEOJSON)
        whole = b'"ec:withheld":' not in stored
        return unless_known(request, tagged(answer, tag[1] if tag else "", whole=whole))

    def queryables(self, request: Request) -> Response:
        """Names that filters may ask for, as JSON Schema."""
        known(request, ())
        return self._names(f"{self._root}/queryables", sortable=False)

    def queryables_of(self, request: Request, collection: str) -> Response:
        """Names that filters on one collection may ask for, as JSON Schema."""
        known(request, ())
        self._catalog.get("collection", collection)
        here = f"{self._root}/collections/{collection}/queryables"
        return self._names(here, sortable=False, collection=collection)

    def sortables(self, request: Request) -> Response:
        """Names that items may be sorted by, as JSON Schema."""
        known(request, ())
        return self._names(f"{self._root}/sortables", sortable=True)

    def sortables_of(self, request: Request, collection: str) -> Response:
        """Names that items of one collection may be sorted by, as JSON Schema."""
        known(request, ())
        self._catalog.get("collection", collection)
        here = f"{self._root}/collections/{collection}/sortables"
        return self._names(here, sortable=True, collection=collection)

    def _names(self, here: str, *, sortable: bool, collection: str = "") -> Response:
        schemas, whole = {name: q.schema() for name, q in QUERYABLES.items()}, True
        if collection:
            schemas, whole = self._catalog.described(collection)
        schema = {
            "$schema": "https://json-schema.org/draft/2019-09/schema",
            "$id": here,
            "type": "object",
            "title": f"{self._name}: {'sortables' if sortable else 'queryables'}",
            "properties": {
                name: schema
                for name, schema in schemas.items()
                if QUERYABLES[name].sortable or not sortable
            },
            "additionalProperties": not whole,
        }
        return _answer(schema, _SCHEMA)

    async def search(self, request: Request) -> Response:
        """Items everywhere, newest first, by parameters."""
        values = known(request, PARAMETERS["search"])
        fields = Fields.of_text(values.get("fields"))
        return await self._page(
            query_of(values), fields, f"{self._root}/search", request.url.query, "GET", None
        )

    async def post_search(self, request: Request) -> Response:
        """Items everywhere, newest first, by a JSON body."""
        known(request, ())
        body = parse_strict(await bounded(request, _MAX_BODY), limit=_MAX_BODY)
        if not isinstance(body, dict):
            raise InvalidInputError("the search body is a JSON object", code="bad-json")
        unknown = sorted(set(body) - set(SEARCH_PARAMETERS))
        if unknown:
            raise InvalidInputError(
                f"unknown member {unknown[0][:40]!r}; known here: {', '.join(SEARCH_PARAMETERS)}",
                code="unknown-parameter",
            )
        fields = Fields.of_body(body["fields"]) if "fields" in body else Fields()
        return await self._page(
            posted_query(body), fields, f"{self._root}/search", "", "POST", body
        )

    async def _page(
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
        page = await self._found(query)
        features = [
            self._dress.item(item, name, plain=plain)
            for item, name, plain in zip(page.bodies, page.names, page.plain, strict=True)
        ]
        if fields.narrow:
            features = [orjson.dumps(fields.of(orjson.loads(item))) for item in features]
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
            "links": links,
            "numberReturned": len(features),
        }
        if page.matched is not None:
            answer["numberMatched"] = page.matched
        elif page.bound is not None:
            bound = page.bound
            counted = {"low": bound.low, "high": bound.high, "exact": False}
            about = {} if bound.guess is None else {"estimate": bound.guess}
            answer["ec:numberMatchedBound"] = counted | about
        return Response(joined(answer, features), media_type=_GEOJSON)

    async def _found(self, query: ItemQuery) -> Page:
        """Return the page: here when that takes milliseconds, else by a thread of its own.

        A thread costs more than most searches. What has not ended after 10 ms is begun again in
        one, so that nobody else waits longer than that.
        """
        simple = query.filter is None and query.intersects is None and not query.text
        if simple and not query.sort and query.limit <= _FEW:
            try:
                return self._catalog.items(query, seconds=_AT_ONCE_S)
            except UpstreamError as error:
                if error.code != "query-timeout":
                    raise
        return await run_in_threadpool(self._catalog.items, query)

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
