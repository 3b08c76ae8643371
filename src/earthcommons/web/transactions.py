"""STAC Transactions: items and collections made, replaced, changed and retired over HTTP.

Nothing is lost in between: whoever changes a record names the version they read with `If-Match`
(428 without, 412 when it has changed since), and a name that is taken is not overwritten (409).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from earthcommons.commons.stories import editing
from earthcommons.errors import InvalidInputError, RefusedFileError
from earthcommons.web.bodies import json_object
from earthcommons.web.parameters import known
from earthcommons.web.stac_bodies import Dress
from earthcommons.web.transactions_tags import named_tag, tagged

if TYPE_CHECKING:
    from earthcommons.commons import Node
    from earthcommons.commons.stories.editing import Written
    from earthcommons.model.record import Kind

__all__ = ["transactions_router"]

_MOST = 64 * 2**20
_JSON = ("application/json", "application/geo+json", "")
_PATCH = ("application/merge-patch+json", *_JSON)
_GEOJSON = "application/geo+json"


def transactions_router(node: Node) -> APIRouter:
    """Return the writing routes below `/stac/collections`."""
    router = APIRouter(prefix="/stac/collections", tags=["STAC transactions"])
    doors = _Doors(node)
    items = "/{collection}/items"
    for path, handler, method in (
        ("", doors.create_collection, "POST"),
        ("/{collection}", doors.replace_collection, "PUT"),
        ("/{collection}", doors.patch_collection, "PATCH"),
        ("/{collection}", doors.retire_collection, "DELETE"),
        (items, doors.create_items, "POST"),
        (f"{items}/{{item}}", doors.replace_item, "PUT"),
        (f"{items}/{{item}}", doors.patch_item, "PATCH"),
        (f"{items}/{{item}}", doors.retire_item, "DELETE"),
    ):
        router.add_api_route(path, handler, methods=[method])
    return router


class _Doors:
    """The handlers, and the node they write to."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._dress = Dress(node.settings.url)
        self._root = f"{node.settings.url}/stac/collections"

    async def create_items(self, request: Request, collection: str) -> Response:
        """Store an Item, or all Items of an ItemCollection."""
        body = await _body(request, _JSON)
        many = body.get("type") == "FeatureCollection"
        values = body.get("features") if many else [body]
        if not isinstance(values, list) or not all(isinstance(v, dict) for v in values):
            raise InvalidInputError("features is a list of items", code="bad-json")
        written = await run_in_threadpool(editing.create_items, self._node, collection, values)
        if not many:
            return await run_in_threadpool(self._item, written[0])
        fresh = any(done.state == "created" for done in written)
        said = [{"id": d.name.partition("/")[2], "state": d.state} for d in written]
        return _answer({"items": said}, 201 if fresh else 200)

    async def replace_item(self, request: Request, collection: str, item: str) -> Response:
        """Put a new version in the place of the one that `If-Match` names."""
        return await self._replace(request, "item", f"{collection}/{item}")

    async def patch_item(self, request: Request, collection: str, item: str) -> Response:
        """Change parts of the version that `If-Match` names (JSON merge patch)."""
        return await self._patch(request, "item", f"{collection}/{item}")

    def retire_item(self, request: Request, collection: str, item: str) -> Response:
        """Put a tombstone in the place of the version that `If-Match` names."""
        return self._retire(request, "item", f"{collection}/{item}")

    async def create_collection(self, request: Request) -> Response:
        """Store a collection; `ec:owner` names the group that will own it."""
        body = await _body(request, _JSON)
        written = await run_in_threadpool(editing.create_collection, self._node, body)
        return await run_in_threadpool(self._collection, written)

    async def replace_collection(self, request: Request, collection: str) -> Response:
        """Put a new version in the place of the one that `If-Match` names."""
        return await self._replace(request, "collection", collection)

    async def patch_collection(self, request: Request, collection: str) -> Response:
        """Change parts of the version that `If-Match` names (JSON merge patch)."""
        return await self._patch(request, "collection", collection)

    def retire_collection(self, request: Request, collection: str) -> Response:
        """Put a tombstone in the place of a collection that has no items."""
        return self._retire(request, "collection", collection)

    async def _replace(self, request: Request, kind: Kind, name: str) -> Response:
        seen = await self._seen(request, kind, name)
        body = await _body(request, _JSON)
        written = await run_in_threadpool(editing.replace, self._node, kind, name, body, seen)
        return await run_in_threadpool(self._record, kind, written)

    async def _patch(self, request: Request, kind: Kind, name: str) -> Response:
        seen = await self._seen(request, kind, name)
        body = await _body(request, _PATCH)
        written = await run_in_threadpool(editing.patch, self._node, kind, name, body, seen)
        return await run_in_threadpool(self._record, kind, written)

    def _retire(self, request: Request, kind: Kind, name: str) -> Response:
        known(request, ())
        editing.whole_view(self._node, kind, name)
        present = editing.current_tag(self._node, kind, name)
        editing.retire(self._node, kind, name, named_tag(request, present))
        return Response(status_code=204)

    async def _seen(self, request: Request, kind: Kind, name: str) -> str:
        """Return the version that `If-Match` names; asked after who may write at all."""
        known(request, ())

        def ask() -> str:
            # Who does not see all of it must not learn by a tag whether a guess of it is right.
            editing.whole_view(self._node, kind, name)
            return editing.current_tag(self._node, kind, name)

        return named_tag(request, await run_in_threadpool(ask))

    def _record(self, kind: Kind, written: Written) -> Response:
        return self._item(written) if kind == "item" else self._collection(written)

    def _item(self, written: Written) -> Response:
        collection, _, id_ = written.name.partition("/")
        body = self._dress.parsed(self._node.catalog.body("item", written.name), written.name)
        return self._done(body, _GEOJSON, written, f"{self._root}/{collection}/items/{id_}")

    def _collection(self, written: Written) -> Response:
        body = self._node.catalog.body("collection", written.name)
        return self._done(body, _JSON[0], written, f"{self._root}/{written.name}")

    def _done(self, body: bytes, media_type: str, written: Written, at: str) -> Response:
        answer = Response(
            body, 201 if written.state == "created" else 200, media_type=media_type
        )
        answer.headers["location"] = at
        return tagged(answer, written.tag, whole=b'"ec:withheld":' not in body)


async def _body(request: Request, types: tuple[str, ...]) -> dict[str, Any]:
    known(request, ())
    stated = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if stated not in types:
        raise RefusedFileError(
            f"content-type {stated[:60]!r}: send {' or '.join(t for t in types if t)}",
            code="content-type",
        )
    return await json_object(request, _MOST)


def _answer(value: Any, status: int) -> Response:
    return Response(orjson.dumps(value), status, media_type=_JSON[0])
