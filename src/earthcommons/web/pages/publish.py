"""Publish: a folder of mixed files becomes one draft an item, with what was understood of each."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response  # noqa: TC002 - read when routes are made
from starlette.concurrency import run_in_threadpool

from earthcommons.commons.stories import publishing
from earthcommons.commons.stories.submitting import UPLOAD_SUFFIX
from earthcommons.errors import CommonsError, InvalidInputError, NotFoundError
from earthcommons.model.declaration import check_id
from earthcommons.policy import OPEN, acting_party, decide, moment, require
from earthcommons.web.errors import status_of
from earthcommons.web.pages.draft_form import titled
from earthcommons.web.pages.footprints import coastlines, footprint, footprint_words
from earthcommons.web.pages.forms import Form, read_files, see_other, signed_in
from earthcommons.web.pages.view import size_text
from earthcommons.web.parameters import known
from earthcommons.web.refusals import Refusal, refusal, refusal_of
from earthcommons.web.turns import Turns

if TYPE_CHECKING:
    from starlette.datastructures import UploadFile

    from earthcommons.commons import Node
    from earthcommons.web.pages.site import Site

__all__ = ["add_to", "form_bytes", "stored_file"]

# Through a form without scripts; larger files go by the element that resumes, or by command.
_MOST_BYTES = 256 * 2**20


def add_to(router: APIRouter, site: Site) -> None:
    """Add the page to publish from."""
    pages = _Pages(site)
    router.add_api_route("/{lang:lang}/publish", pages.ask, methods=["GET"])
    router.add_api_route("/{lang:lang}/publish", pages.receive, methods=["POST"])


def form_bytes(node: Node) -> int:
    """Return how many bytes a form with files may have."""
    return min(_MOST_BYTES, node.settings.upload_bytes)


def stored_file(node: Node, file: UploadFile) -> str:
    """Put an uploaded file into the store and return its key.

    Raises:
        InvalidInputError: it is empty.
    """
    with node.store.stage() as scratch:
        place = scratch / "upload"
        with place.open("wb") as out:
            shutil.copyfileobj(file.file, out, 2**20)
        if not place.stat().st_size:
            raise InvalidInputError(f"{str(file.filename)[:60]!r} is empty", code="empty-file")
        return node.store.put_file(place, UPLOAD_SUFFIX)


class _Pages:
    """The handlers, and the site they belong to."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._node = site.node
        # Reading foreign files is costly: one folder at a time.
        self._reading = Turns()

    def ask(self, request: Request, lang: str) -> Response:
        known(request, ())
        signed_in()
        return self._page(request, lang, Form())

    async def receive(self, request: Request, lang: str) -> Response:
        signed_in()
        async with read_files(request, self._node, form_bytes(self._node)) as form:
            return await run_in_threadpool(self._receive, request, lang, form)

    def _receive(self, request: Request, lang: str, form: Form) -> Response:
        try:
            collection, group = self._target(form)
            files = []
            for file in form.files:
                name = str(file.filename).replace("\\", "/")
                files.append((name, stored_file(self._node, file)))
            if not files:
                raise InvalidInputError("choose a folder or files first")
            title = titled(form) if form.text("new_collection") else {}
            stated = {"collection_title": title} if title else {}
            with self._reading:
                made, refused = publishing.drafts_from(
                    self._node, collection, files, group=group, metadata=stated
                )
        except CommonsError as error:
            if status_of(error) not in (400, 409, 412, 413, 415, 422):
                raise
            wrong = refusal_of(error, lang)
            return self._page(request, lang, form, wrong=wrong, status=status_of(error))
        if not refused and len(made) == 1:
            return see_other(f"/{lang}/drafts/{made[0]['id']}?done=started")
        if not refused and 0 < len(made) <= 50:
            ids = ",".join(body["id"] for body in made)
            return see_other(f"/{lang}/drafts?new={ids}")
        return self._result(request, lang, made, refused)

    def _target(self, form: Form) -> tuple[str, str]:
        """Return collection and group that files go to, when who asks may contribute there.

        Raises:
            NotFoundError: no such group.
            AccessDeniedError: the acting party contributes to no such collection.
            InvalidInputError: no collection is chosen or named.
        """
        collection = form.text("new_collection") or form.text("collection")
        if not collection:
            raise InvalidInputError("choose a collection, or name a new one")
        check_id(collection, "collection id")
        group, label = form.text("group"), OPEN
        try:
            standing = self._site.catalog.standing("collection", collection)
            group, label = standing.owner, standing.faces.find
        except NotFoundError:
            if group:
                self._site.catalog.people.group(group)
        # Asked before a byte is kept: the store is for those who contribute.
        require("submit", label, collection, owner=group)
        return collection, group

    def _page(
        self,
        request: Request,
        lang: str,
        form: Form,
        *,
        wrong: Refusal | None = None,
        status: int = 200,
    ) -> Response:
        words = self._site.words[lang]
        groups = [
            (each.id, each.title_zh if lang == "zh" else each.title_en)
            for each in self._site.catalog.people.groups()
            if _may_submit(each.id)
        ]
        return self._site.page(
            request,
            lang,
            "publish.html",
            title=words["publish_title"],
            status=status,
            trail=[(f"/{lang}/drafts", words["drafts"])],
            collections=_collections(self._site, lang),
            groups=groups,
            allowed=bool(groups) or _may_submit(""),
            most=size_text(form_bytes(self._node)),
            largest=size_text(self._node.settings.upload_bytes),
            chosen={
                name: form.text(name)
                for name in (
                    "collection",
                    "new_collection",
                    "group",
                    "collection_title.en",
                    "collection_title.zh",
                )
            },
            wrong=wrong,
        )

    def _result(
        self, request: Request, lang: str, made: list[Any], refused: list[Any]
    ) -> Response:
        words = self._site.words[lang]
        shown = []
        for body in made:
            seen = body.get("seen") or {}
            box = seen.get("bbox") or ()
            shown.append(
                {
                    "href": f"/{lang}/drafts/{body['id']}",
                    "title": words.of(body["metadata"].get("title") or {}) or body["item"],
                    "name": f"{body['collection']}/{body['item']}",
                    "format": seen.get("format", ""),
                    "period": words.when(body["metadata"]["period"])
                    if body["metadata"].get("period")
                    else "",
                    "variables": seen.get("variables") or (),
                    "guessed": [words.field(each) for each in seen.get("guessed") or ()],
                    "doubts": words.warnings(seen.get("warnings") or ()),
                    "boxes": footprint(box),
                    "alt": footprint_words(box, words),
                    "lacks": len([x for x in body["lacks"] if x["level"] == "required"]),
                }
            )
        return self._site.page(
            request,
            lang,
            "published.html",
            title=words["publish_result"],
            trail=[
                (f"/{lang}/drafts", words["drafts"]),
                (f"/{lang}/publish", words["publish_title"]),
            ],
            made=shown,
            refused=[
                {**each, "said": refusal(each["code"], each["message"], lang)}
                for each in refused
            ],
            land=coastlines(self._site),
        )


def _may_submit(group: str) -> bool:
    return decide(acting_party(), "submit", OPEN, owner=group, at=moment()).allowed


def _collections(site: Site, lang: str) -> list[tuple[str, str]]:
    """Return the collections that who asks may contribute to: (id, title)."""
    found = []
    for body in site.all_of("collection"):
        if _may_submit(str(body.get("ec:owner") or "")):
            other = body.get("title_zh") if lang == "zh" else ""
            found.append((str(body["id"]), str(other or body.get("title") or body["id"])))
    return sorted(found, key=lambda each: each[1])
