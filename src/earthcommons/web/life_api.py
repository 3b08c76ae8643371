"""A published record's life over HTTP: rule, versions, citation, errata, withdrawal, recall."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

from earthcommons.commons.stories import access, marks, recalling, tracing, withdrawing
from earthcommons.commons.stories.citing import cite_item
from earthcommons.errors import InvalidInputError, NotFoundError
from earthcommons.model.indicator import Text
from earthcommons.model.record import Kind
from earthcommons.render.citation import STYLES
from earthcommons.web.bodies import fields, json_answer, json_object
from earthcommons.web.parameters import known
from earthcommons.web.turns import Turns

if TYPE_CHECKING:
    from earthcommons.commons import Node

__all__ = ["PARAMETERS", "life_router"]

# What each handler takes, by its name: the description of the API is made of the same table.
PARAMETERS = {"citation": ("style", "version", "lang")}

# Kinds that people publish, restrict and withdraw by name.
_BY_NAME = ("collection", "item")


def life_router(node: Node) -> APIRouter:
    """Return the routes below `/api/records`, `/api/recalls` and `/api/citation`."""
    router = APIRouter(tags=["records"])
    doors = _Doors(node)
    at = "/api/records/{kind}/{name:path}"
    for path, handler, method in (
        (f"{at}/versions", doors.versions, "GET"),
        (f"{at}/versions/{{version}}", doors.version_of, "GET"),
        ("/api/citation/{collection}/{item}", doors.citation, "GET"),
        (f"{at}/access", doors.rule, "GET"),
        (f"{at}/access", doors.set_rule, "PUT"),
        (f"{at}/withdraw", doors.withdraw, "POST"),
        (f"{at}/errata", doors.erratum, "POST"),
        (f"{at}/resting", doors.resting, "GET"),
        (f"{at}/recall", doors.recall, "POST"),
        ("/api/recalls/{id}", doors.show_recall, "GET"),
    ):
        router.add_api_route(path, handler, methods=[method])
    return router


class _Doors:
    """The handlers, and the node they act on."""

    def __init__(self, node: Node) -> None:
        self._node = node
        # Recall computes indicators again: one at a time.
        self._mending = Turns()

    def versions(self, request: Request, kind: str, name: str) -> Response:
        """List the versions of a record, its errata, its recalls and those that touched it.

        A version of which the asker sees a part only has no digest.
        """
        known(request, ())
        kind = _kind(kind)
        self._check(kind, name)
        rows = self._node.catalog.versions(kind, name)
        return json_answer(
            {
                "versions": [
                    {n: v for n in row.__slots__ if (v := getattr(row, n)) or n != "digest"}
                    for row in rows
                ],
                "errata": marks.errata_of(self._node, kind, name),
                "recalls": marks.recalls_of(self._node, kind, name),
                "recalled": marks.recalls_from(self._node, kind, name),
            }
        )

    def version_of(self, request: Request, kind: str, name: str, version: int) -> Response:
        """Return one version of a record, as it was published."""
        known(request, ())
        kind = _kind(kind)
        self._check(kind, name)
        body = self._node.catalog.past(kind, name, version)
        if kind == "erratum":
            body = marks.told_by(self._node, body)
        return json_answer(tracing.without_closed_inputs(self._node, kind, body))

    def _check(self, kind: Kind, name: str) -> None:
        if not marks.may_know(self._node, kind, name):
            raise NotFoundError(f"there is no {kind} {name[:120]!r}")

    def citation(self, request: Request, collection: str, item: str) -> Response:
        """Cite an item: `style` is text, bibtex, ris or csl; `version`, `lang`."""
        values = known(request, PARAMETERS["citation"])
        style, version = values.get("style", "text"), values.get("version", "")
        if version and not version.isdecimal():
            raise InvalidInputError(f"version {version[:20]!r} is no number")
        lang = values.get("lang", "en")
        if lang not in ("en", "zh"):
            raise InvalidInputError(f"lang {lang[:20]!r}: en or zh")
        said = cite_item(
            self._node,
            f"{collection}/{item}",
            style,
            int(version[:9]) if version else None,
            lang,
        )
        return Response(said, media_type=STYLES[style])

    def rule(self, request: Request, kind: str, name: str) -> Response:
        """Return the rule of a collection or item: what it states and what is in force."""
        known(request, ())
        return json_answer(access.rule_of(self._node, _named(kind), name))

    async def set_rule(self, request: Request, kind: str, name: str) -> Response:
        """State a rule: labels `find`, `fetch` and, or null, `derive`; `why` for the audit log."""
        wanted: dict[str, Any] = {
            "find": str, "fetch": str, "derive": (str, type(None)), "why": str,
        }  # fmt: skip
        body = fields(await json_object(request), wanted, ("find", "fetch"))
        stated = access.Rule(body["find"], body["fetch"], body.get("derive"))
        where = _named(kind)
        await run_in_threadpool(
            lambda: access.set_rule(self._node, where, name, stated, why=body.get("why", ""))
        )
        return json_answer(await run_in_threadpool(access.rule_of, self._node, where, name))

    async def withdraw(self, request: Request, kind: str, name: str) -> Response:
        """Put a tombstone in the place of a record: `reason`, `successor`, `note`."""
        wanted: dict[str, Any] = {"reason": str, "successor": str, "note": str}
        body = fields(await json_object(request), wanted, ("reason",))
        reason = body.pop("reason")
        where = _named(kind)
        stub = await run_in_threadpool(
            lambda: withdrawing.withdraw(self._node, where, name, reason, **body)
        )
        return json_answer(stub)

    async def erratum(self, request: Request, kind: str, name: str) -> Response:
        """Attach a correction notice: `en`, `zh`."""
        body = fields(await json_object(request), {"en": str, "zh": str}, ("en",))
        said, where = Text(body["en"], body.get("zh", "")), _named(kind)
        id_ = await run_in_threadpool(withdrawing.add_erratum, self._node, where, name, said)
        return json_answer({"id": id_}, 201)

    def resting(self, request: Request, kind: str, name: str) -> Response:
        """List what rests on a record and would be touched by its recall; only for its stewards."""
        known(request, ())
        recalling.may_recall(self._node, _named(kind), name)
        found = recalling.visible_part(self._node, recalling.resting_on(self._node, kind, name))
        return json_answer({"touched": [each.as_json() for each in found]})

    async def recall(self, request: Request, kind: str, name: str) -> Response:
        """Recall a corrected or withdrawn record, saying the `reason`."""
        body = fields(await json_object(request), {"reason": str}, ("reason",))
        where = _named(kind)

        def carry_out() -> dict[str, Any]:
            with self._mending:
                return recalling.recall(self._node, where, name, body["reason"])

        return json_answer(await run_in_threadpool(carry_out), 201)

    def show_recall(self, request: Request, id: str) -> Response:
        """Return a recall, with those touched records that one may see."""
        known(request, ())
        return json_answer(recalling.show_recall(self._node, id))


def _kind(text: str) -> Kind:
    # A recall lists what it touched, of which each asker sees a part: it has a door of its own.
    if text not in get_args(Kind) or text == "recall":
        raise NotFoundError(f"there is no kind of record {text[:40]!r}")
    return text  # type: ignore[return-value]


def _named(text: str) -> Kind:
    if text not in _BY_NAME:
        raise NotFoundError(f"records of kind {text[:40]!r} have no such door")
    return text  # type: ignore[return-value]
