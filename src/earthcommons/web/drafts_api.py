"""Submission and review over HTTP: drafts, their files, what is said and decided about them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from earthcommons.commons.stories import publishing, reviewing, submitting, uploading
from earthcommons.commons.stories.drafts import drafts, get_draft
from earthcommons.commons.stories.uploading import check_file_name
from earthcommons.errors import InvalidInputError
from earthcommons.web.bodies import fields, json_answer, json_object
from earthcommons.web.parameters import known
from earthcommons.web.refusals import refusal
from earthcommons.web.turns import Turns
from earthcommons.web.words import preferred

if TYPE_CHECKING:
    from collections.abc import Callable

    from earthcommons.commons import Node

__all__ = ["PARAMETERS", "drafts_router"]

# What each handler takes, by its name: the description of the API is made of the same table.
PARAMETERS = {"drafts": ("state",)}


def drafts_router(node: Node) -> APIRouter:
    """Return the routes below `/api/drafts`."""
    router = APIRouter(prefix="/api/drafts", tags=["drafts"])
    doors = _Doors(node)
    for path, handler, method in (
        ("", doors.drafts, "GET"),
        ("", doors.start, "POST"),
        ("/{id}", doors.draft, "GET"),
        ("/{id}", doors.edit, "PATCH"),
        ("/{id}", doors.take_back, "DELETE"),
        ("/from-uploads", doors.start_from_uploads, "POST"),
        ("/{id}/files", doors.attach, "POST"),
        ("/{id}/files/{name}", doors.remove_file, "DELETE"),
        ("/{id}/look", doors.look, "POST"),
        ("/{id}/submit", doors.submit, "POST"),
        ("/{id}/comments", doors.comment, "POST"),
        ("/{id}/accept", doors.accept, "POST"),
        ("/{id}/changes", doors.ask_for_changes, "POST"),
        ("/{id}/decline", doors.decline, "POST"),
    ):
        router.add_api_route(path, handler, methods=[method])
    return router


class _Doors:
    """The handlers, and the node they act on."""

    def __init__(self, node: Node) -> None:
        self._node = node
        # Reading foreign files is costly: one draft at a time.
        self._reading = Turns()

    def drafts(self, request: Request) -> Response:
        """List the drafts one may see, of one `state` when it is named."""
        values = known(request, PARAMETERS["drafts"])
        return json_answer({"drafts": drafts(self._node, values.get("state", ""))})

    async def start(self, request: Request) -> Response:
        """Begin a draft of an item."""
        wanted: dict[str, Any] = {
            "collection": str, "item": str, "group": str, "replaces": bool,
        }  # fmt: skip
        body = fields(await json_object(request), wanted, ("collection", "item"))
        made = await run_in_threadpool(lambda: submitting.start_draft(self._node, **body))
        return json_answer(get_draft(self._node, made["id"]), 201)

    def draft(self, request: Request, id: str) -> Response:
        """Return a draft, what it lacks and for which standard."""
        known(request, ())
        return _draft(get_draft(self._node, id))

    async def edit(self, request: Request, id: str) -> Response:
        """Change parts of the metadata or the rule; `If-Match` names the version read."""
        wanted: dict[str, Any] = {"metadata": dict, "rule": dict}
        body = fields(await json_object(request), wanted)
        version = _version(request)
        return _draft(
            await run_in_threadpool(
                lambda: submitting.edit_draft(
                    self._node,
                    id,
                    body.get("metadata", {}),
                    rule=body.get("rule"),
                    version=version,
                )
            )
        )

    def take_back(self, request: Request, id: str) -> Response:
        """Take back a draft that is not published."""
        known(request, ())
        return _draft(submitting.withdraw_draft(self._node, id))

    async def start_from_uploads(self, request: Request) -> Response:
        """Begin a draft for each item that finished uploads make."""
        wanted: dict[str, Any] = {
            "collection": str, "group": str, "files": list, "metadata": dict,
        }  # fmt: skip
        body = fields(await json_object(request), wanted, ("collection", "files"))

        def begin() -> dict[str, Any]:
            with self._reading:
                drafts, refused = publishing.drafts_from(
                    self._node,
                    body["collection"],
                    _uploaded(self._node, body["files"]),
                    group=body.get("group", ""),
                    metadata=body.get("metadata"),
                )
            lang = preferred(request.headers.get("accept-language", ""))
            if lang != "en":
                for each in refused:
                    each["message"] = refusal(each["code"], each["message"], lang).line
            return {"drafts": drafts, "refused": refused}

        return json_answer(await run_in_threadpool(begin), 201)

    async def attach(self, request: Request, id: str) -> Response:
        """Attach a finished upload of one's own: `upload`, and `name` for the file."""
        body = fields(await json_object(request), {"upload": str, "name": str}, ("upload",))

        def add() -> dict[str, Any]:
            submitting.editable(self._node, id)
            ((name, key),) = _uploaded(self._node, [body])
            return submitting.attach(self._node, id, key, name)

        return _draft(await run_in_threadpool(add))

    def remove_file(self, request: Request, id: str, name: str) -> Response:
        """Take a file out of a draft."""
        known(request, ())
        return _draft(submitting.remove_file(self._node, id, name))

    def look(self, request: Request, id: str) -> Response:
        """Read the files in the jail and say what would become of them; publish nothing."""
        known(request, ())
        with self._reading:
            return _draft(publishing.look_into(self._node, id))

    def submit(self, request: Request, id: str) -> Response:
        """Hand the draft to the reviewers, once all of its files have been read."""
        known(request, ())
        with self._reading:
            return _draft(submitting.submit(self._node, id))

    async def comment(self, request: Request, id: str) -> Response:
        """Say something about the draft, or about one `field` of it."""
        body = fields(await json_object(request), {"text": str, "field": str}, ("text",))
        said = await run_in_threadpool(
            reviewing.comment, self._node, id, body["text"], body.get("field", "")
        )
        return _draft(said)

    async def ask_for_changes(self, request: Request, id: str) -> Response:
        """Give a submitted draft back to its author, saying what to change."""
        return await self._decide(request, id, reviewing.ask_for_changes)

    async def decline(self, request: Request, id: str) -> Response:
        """End a submission without publishing it, saying why."""
        return await self._decide(request, id, reviewing.decline)

    async def _decide(
        self, request: Request, id_: str, decide: Callable[..., dict[str, Any]]
    ) -> Response:
        body = fields(await json_object(request), {"text": str}, ("text",))
        return _draft(await run_in_threadpool(decide, self._node, id_, body["text"]))

    def accept(self, request: Request, id: str) -> Response:
        """Publish the draft with the rule it asks for."""
        known(request, ())
        with self._reading:
            return _draft(publishing.accept(self._node, id))


def _uploaded(node: Node, files: list[Any]) -> list[tuple[str, str]]:
    """Return name and object key of uploads; a name may hold folders, but leave none."""
    found = []
    for file in files:
        wanted: dict[str, Any] = {"upload": str, "name": str}
        if not isinstance(file, dict):
            raise InvalidInputError("files: a list of {upload, name}")
        each = fields(file, wanted, ("upload",))
        key, stated = uploading.finished_key(node, each["upload"])
        found.append((check_file_name(each.get("name") or stated), key))
    return found


def _draft(body: dict[str, Any]) -> Response:
    answer = json_answer(body)
    answer.headers["etag"] = f'"{body["version"]}"'
    return answer


def _version(request: Request) -> int | None:
    text = request.headers.get("if-match", "").strip('"')
    if not text or text == "*":
        return None
    if not text.isdecimal():
        raise InvalidInputError("If-Match names no version of a draft")
    return int(text[:9])
