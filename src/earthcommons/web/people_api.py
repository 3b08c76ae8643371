"""Sign in and out, and what an account does with itself: keys, licences, password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from earthcommons.commons.stories.access import whoami
from earthcommons.errors import NotFoundError
from earthcommons.policy import acting_party
from earthcommons.web.bodies import fields, json_answer, json_object
from earthcommons.web.errors import problem
from earthcommons.web.identity import from_elsewhere
from earthcommons.web.parameters import known
from earthcommons.web.signing_in import NotSignedInError, SigningIn, end_session, open_session

if TYPE_CHECKING:
    from earthcommons.commons import Node

__all__ = ["people_router"]


def people_router(node: Node, signing_in: SigningIn) -> APIRouter:
    """Return the routes `/api/session` and those below `/api/me`."""
    router = APIRouter(tags=["people"])
    people, credentials = node.catalog.people, node.catalog.credentials

    @router.post("/api/session")
    async def sign_in(request: Request) -> Response:
        """Sign in with `account` and `password`; the answer sets the session's cookie."""
        # Another site's page would sign its reader in as somebody else.
        if from_elsewhere(dict(request.headers), node):
            return problem(
                403, "cross-site", "this request did not come from this node's pages"
            )
        body = fields(
            await json_object(request),
            {"account": str, "password": str},
            ("account", "password"),
        )
        party = await run_in_threadpool(
            signing_in.check, request, body["account"], body["password"]
        )
        answer = json_answer({"account": party.id})
        await run_in_threadpool(open_session, node, request, answer, party)
        return answer

    @router.delete("/api/session")
    def sign_out(request: Request) -> Response:
        """End the session."""
        known(request, ())
        answer = Response(status_code=204)
        end_session(node, request, answer)
        return answer

    @router.get("/api/me")
    def me(request: Request) -> Response:
        """Return who the request speaks for, and what they hold."""
        known(request, ())
        return json_answer(whoami())

    @router.post("/api/me/licences")
    async def accept(request: Request) -> Response:
        """Accept a licence: what asks for it opens at once."""
        body = fields(await json_object(request), {"licence": str}, ("licence",))
        await run_in_threadpool(people.accept, _account(), body["licence"])
        return Response(status_code=204)

    @router.get("/api/me/keys")
    def keys(request: Request) -> Response:
        """List the account's keys, without their secrets."""
        known(request, ())
        rows = credentials.keys(_account())
        return json_answer({"keys": [{n: getattr(k, n) for n in k.__slots__} for k in rows]})

    @router.post("/api/me/keys")
    async def issue(request: Request) -> Response:
        """Make a key; its text is in this answer and nowhere else."""
        wanted: dict[str, Any] = {"scopes": list, "days": int, "note": str}
        body = fields(await json_object(request), wanted, ("scopes", "days"))
        scopes = tuple(str(scope) for scope in body["scopes"])
        key = await run_in_threadpool(
            credentials.issue_key, _account(), scopes, body["days"], body.get("note", "")
        )
        return json_answer({"name": key.name, "key": key.reveal()}, 201)

    @router.delete("/api/me/keys/{name}")
    def revoke(request: Request, name: str) -> Response:
        """End a key at once."""
        known(request, ())
        mine = {key.name for key in credentials.keys(_account())}
        if name not in mine and "operator" not in acting_party().roles:
            raise NotFoundError(f"there is no key {name[:60]!r}")
        credentials.revoke_key(name)
        return Response(status_code=204)

    return router


def _account() -> str:
    party = acting_party()
    if not party.registered:
        raise NotSignedInError("sign in first, or send a key")
    return party.id
