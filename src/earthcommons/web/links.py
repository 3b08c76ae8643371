"""Short links to bytes: given by an account, used by whoever holds them, `/l/TOKEN`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from earthcommons.commons.stories import linking
from earthcommons.errors import IntegrityError, InvalidInputError, NotFoundError
from earthcommons.policy import acting_party
from earthcommons.trust import read_key
from earthcommons.web.bodies import fields, json_object
from earthcommons.web.objects import Bytes
from earthcommons.web.parameters import known
from earthcommons.web.signing_in import NotSignedInError

if TYPE_CHECKING:
    from collections.abc import Callable

    from earthcommons.commons import Node
    from earthcommons.commons.stories.linking import Given

__all__ = ["links_router"]


def links_router(node: Node) -> APIRouter:
    """Return the routes `/api/links` and those below `/l`."""
    router = APIRouter(tags=["links"])
    given = Bytes(node)

    @router.post("/api/links")
    async def give(request: Request) -> Response:
        """Give a link to `asset` of the item `name` that lives for `seconds`."""
        wanted: dict[str, Any] = {"kind": str, "name": str, "asset": str, "seconds": int}
        body = fields(await json_object(request), wanted, tuple(wanted))
        if not acting_party().registered:
            raise NotSignedInError("sign in first, or send a key")
        if body["kind"] != "item" or isinstance(body["seconds"], bool):
            raise InvalidInputError("links lead to assets of an item, for whole seconds")
        text, opens = await run_in_threadpool(
            linking.give_link,
            node,
            *(body["name"], body["asset"], body["seconds"]),
            _key_name(request),
        )
        answer = {
            "url": f"{node.settings.url}/l/{text}",
            "until": opens.until.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        return Response(orjson.dumps(answer), 201, media_type="application/json")

    @router.get("/l/{token}")
    @router.head("/l/{token}")
    def whole(request: Request, token: str) -> Response:
        """Return the bytes a link leads to; `Range` is honoured. Of a Zarr store: its manifest."""

        def answer(opens: Given) -> Response:
            return given.whole(request, opens.key, opens.file_name, private=True)

        return _used(request, node, token, answer)

    @router.get("/l/{token}/{inner:path}")
    @router.head("/l/{token}/{inner:path}")
    def part(request: Request, token: str, inner: str) -> Response:
        """Return one file of the Zarr store a link leads to."""

        def answer(opens: Given) -> Response:
            return given.part(request, opens.key, inner, private=True)

        return _used(request, node, token, answer)

    return router


def _key_name(request: Request) -> str:
    """Return the name of the key that a request came with; empty when it came with none."""
    stated = request.headers.get("authorization", "")
    key = read_key(stated.partition(" ")[2].strip())
    return key.name if key else ""


def _used(
    request: Request, node: Node, token: str, answer: Callable[[Given], Response]
) -> Response:
    known(request, ())
    opens = linking.use_link(node, token)
    try:
        return answer(opens)
    except (NotFoundError, IntegrityError) as error:
        raise NotFoundError("there is no such link, or it has ended") from error
