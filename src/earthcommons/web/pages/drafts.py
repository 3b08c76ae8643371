"""Drafts: those one wrote, those one may review, and the page of each with its form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response  # noqa: TC002 - read when routes are made
from starlette.concurrency import run_in_threadpool

from earthcommons.commons.stories import publishing, reviewing, submitting
from earthcommons.commons.stories.drafts import drafts, get_draft
from earthcommons.errors import CommonsError, InvalidInputError
from earthcommons.policy import OPEN, acting_party, decide, moment
from earthcommons.web.errors import status_of
from earthcommons.web.pages.draft_form import FIELDS, GOALS, NATURES, TOPICS, TYPES, Filled
from earthcommons.web.pages.footprints import coastlines, footprint, footprint_words
from earthcommons.web.pages.forms import Form, read_files, read_form, see_other, signed_in
from earthcommons.web.pages.publish import form_bytes, stored_file
from earthcommons.web.pages.rules import LICENCES, rule_from, rule_sentences
from earthcommons.web.pages.view import size_text
from earthcommons.web.parameters import known
from earthcommons.web.refusals import Refusal, refusal_of
from earthcommons.web.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable

    from earthcommons.web.pages.site import Site
    from earthcommons.web.pages.view import Row
    from earthcommons.web.words import Words

__all__ = ["add_to"]

_OPEN = ("draft", "changes-requested")
_DONE = (
    "saved", "submitted", "looked", "commented", "started", "published", "changes-requested",
    "declined", "taken-back",
)  # fmt: skip


def add_to(router: APIRouter, site: Site) -> None:
    """Add the pages of drafts."""
    pages = _Pages(site)
    at = "/{lang:lang}/drafts"
    for path, handler, method in (
        ("", pages.drafts, "GET"),
        ("/{id}", pages.draft, "GET"),
        ("/{id}", pages.save, "POST"),
        ("/{id}/files", pages.files, "POST"),
        ("/{id}/comments", pages.comment, "POST"),
        ("/{id}/decision", pages.decide, "POST"),
        ("/{id}/take-back", pages.take_back, "POST"),
    ):
        router.add_api_route(f"{at}{path}", handler, methods=[method])


class _Pages:
    """The handlers, and the site they belong to."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._node = site.node
        # Reading foreign files is costly: one draft at a time.
        self._reading = Turns()

    def drafts(self, request: Request, lang: str) -> Response:
        values = known(request, ("new",))
        party, words = signed_in(), self._site.words[lang]
        new = values.get("new", "").split(",")
        mine, review, others = [], [], []
        for body in drafts(self._node):
            row = _row(body, words, lang) | {"new": body["id"] in new}
            if body["author"] == party.id:
                mine.append(row)
            elif body["state"] == "submitted" and _may_review(body):
                review.append(row)
            else:
                others.append(row)
        return self._site.page(
            request,
            lang,
            "drafts.html",
            title=words["drafts"],
            links=[("/api/drafts", "application/json", "JSON")],
            mine=mine,
            review=review,
            others=others,
            done=words("done_drafts", n=len(new)) if new != [""] else "",
        )

    def draft(self, request: Request, lang: str, id: str) -> Response:
        values = known(request, ("done",))
        signed_in()
        return self._page(request, lang, id, done=values.get("done", ""))

    async def save(self, request: Request, lang: str, id: str) -> Response:
        form = await read_form(request, self._node)
        signed_in()
        return await run_in_threadpool(self._save, request, lang, id, form)

    def _save(self, request: Request, lang: str, id_: str, form: Form) -> Response:
        body = get_draft(self._node, id_)
        filled, version = Filled(body, form), form.text("version")
        try:
            rule = rule_from(filled.rule, body["rule"].get("derive"))
            stated = {"find": rule.find, "fetch": rule.fetch}
            if rule.derive is not None:
                stated["derive"] = rule.derive
            submitting.edit_draft(
                self._node,
                id_,
                filled.metadata(),
                rule=stated,
                version=int(version) if version.isdecimal() else None,
            )
            if form.text("then") != "submit":
                return see_other(f"/{lang}/drafts/{id_}?done=saved")
            with self._reading:
                submitting.submit(self._node, id_)
        except CommonsError as error:
            if status_of(error) not in (400, 409, 412, 413, 415, 422):
                raise
            wrong = refusal_of(error, lang)
            if error.code == "stale":
                wrong = Refusal(self._site.words[lang]["draft_stale"])
            return self._page(
                request, lang, id_, sent=form, wrong=wrong, status=status_of(error)
            )
        return see_other(f"/{lang}/drafts/{id_}?done=submitted")

    async def files(self, request: Request, lang: str, id: str) -> Response:
        signed_in()

        def attach(form: Form) -> Response:
            submitting.editable(self._node, id)
            if name := form.text("remove"):
                submitting.remove_file(self._node, id, name)
            names = [str(f.filename).replace("\\", "/").rpartition("/")[2] for f in form.files]
            submitting.check_names(names)
            for name, file in zip(names, form.files, strict=True):
                submitting.attach(self._node, id, stored_file(self._node, file), name)
            try:
                if get_draft(self._node, id)["files"]:
                    with self._reading:
                        publishing.look_into(self._node, id)
            except InvalidInputError as error:
                # One part of several may have come: it stays, and the others may follow.
                kept = self._site.words[lang]["draft_unread"]
                return self._page(
                    request,
                    lang,
                    id,
                    wrong=refusal_of(error, lang),
                    kept=kept,
                    status=status_of(error),
                )
            return see_other(f"/{lang}/drafts/{id}?done=looked#files")

        async with read_files(request, self._node, form_bytes(self._node)) as form:
            return await run_in_threadpool(self._tried, request, lang, id, lambda: attach(form))

    async def comment(self, request: Request, lang: str, id: str) -> Response:
        form = await read_form(request, self._node)
        signed_in()

        def say() -> Response:
            about = form.text("field")
            if about and about not in FIELDS:
                raise InvalidInputError("choose what the comment is about")
            reviewing.comment(self._node, id, form.text("text"), about)
            return see_other(f"/{lang}/drafts/{id}?done=commented#said")

        return await run_in_threadpool(self._tried, request, lang, id, say)

    async def decide(self, request: Request, lang: str, id: str) -> Response:
        form = await read_form(request, self._node)
        signed_in()

        def carry_out() -> Response:
            match form.text("decision"):
                case "accept":
                    with self._reading:
                        publishing.accept(self._node, id)
                    done = "published"
                case "changes":
                    reviewing.ask_for_changes(self._node, id, form.text("text"))
                    done = "changes-requested"
                case "decline":
                    reviewing.decline(self._node, id, form.text("text"))
                    done = "declined"
                case _:
                    raise InvalidInputError("choose: accept, ask for changes, or decline")
            return see_other(f"/{lang}/drafts/{id}?done={done}")

        return await run_in_threadpool(self._tried, request, lang, id, carry_out)

    async def take_back(self, request: Request, lang: str, id: str) -> Response:
        await read_form(request, self._node)
        signed_in()
        await run_in_threadpool(submitting.withdraw_draft, self._node, id)
        return see_other(f"/{lang}/drafts/{id}?done=taken-back")

    def _tried(
        self, request: Request, lang: str, id_: str, carry_out: Callable[[], Response]
    ) -> Response:
        try:
            return carry_out()
        except CommonsError as error:
            if status_of(error) not in (400, 409, 412, 415, 422):
                raise
            wrong = refusal_of(error, lang)
            return self._page(request, lang, id_, wrong=wrong, status=status_of(error))

    def _page(
        self,
        request: Request,
        lang: str,
        id_: str,
        *,
        sent: Form | None = None,
        wrong: Refusal | None = None,
        kept: str = "",
        done: str = "",
        status: int = 200,
    ) -> Response:
        words, body = self._site.words[lang], get_draft(self._node, id_)
        party = acting_party()
        filled = Filled(body, sent)
        author = body["author"] == party.id
        name = f"{body['collection']}/{body['item']}"
        seen = body.get("seen") or {}
        box = seen.get("bbox") or ()
        try:
            meant = rule_sentences(words, rule_from(filled.rule, body["rule"].get("derive")))
        except InvalidInputError:
            meant = []
        return self._site.page(
            request,
            lang,
            "draft.html",
            title=words.of(body["metadata"].get("title") or {"en": body["item"]})
            or body["item"],
            status=status,
            links=[(f"/api/drafts/{id_}", "application/json", "JSON")],
            trail=[(f"/{lang}/drafts", words["drafts"])],
            draft=body,
            name=name,
            at=f"/{lang}/drafts/{id_}",
            state=words.kind(body["state"]),
            author=author,
            editable=author and body["state"] in _OPEN,
            reviewable=not author and body["state"] == "submitted" and _may_review(body),
            takes_back=author and body["state"] in (*_OPEN, "submitted"),
            filled=filled,
            rule_fields=filled.rule,
            rule_said=meant,
            lacks=[_lack(each, words) for each in body["lacks"]],
            ready=not [each for each in body["lacks"] if each["level"] == "required"],
            files=[
                {"replaced": "", **file, "shown": size_text(file["size"])}
                for file in body["files"]
            ],
            most=size_text(form_bytes(self._node)),
            largest=size_text(self._node.settings.upload_bytes),
            seen=seen,
            format=words.named(f"format-{seen.get('format')}", str(seen.get("format") or "")),
            guessed=[words.field(each) for each in seen.get("guessed") or ()],
            doubts=words.warnings(seen.get("warnings") or ()),
            footprint=footprint(box),
            footprint_alt=footprint_words(box, words),
            footprint_said=footprint_words(box, words, key="footprint_said"),
            land=coastlines(self._site) if box else "",
            said=_said(body["comments"], words),
            events=[_event(each, words) for each in body["events"]],
            fields=[(each, words[f"field_{each}"]) for each in FIELDS],
            begins=self._node.catalog.version("collection", body["collection"]) is None,
            types=[(each, words.kind(f"type-{each}")) for each in TYPES],
            natures=[(each, words.kind(each)) for each in NATURES],
            licences=[(each.lower(), each) for each in LICENCES],
            topics=[
                (each, words.theme(each) or each)
                for each in (*TOPICS, *filled.others("themes"))
            ],
            goals=[
                (each, words.goal(each) or each) for each in (*GOALS, *filled.others("sdg"))
            ],
            groups=[each.id for each in self._site.catalog.people.groups()],
            wrong=wrong,
            kept=kept,
            done=words[f"done_{done}"] if done in _DONE else "",
        )


def _may_review(body: Row) -> bool:
    party = acting_party()
    return decide(party, "review", OPEN, owner=body["group"], at=moment()).allowed


def _row(body: Row, words: Words, lang: str) -> dict[str, Any]:
    last = body["events"][-1]
    return {
        "id": body["id"],
        "href": f"/{lang}/drafts/{body['id']}",
        "title": words.of(body["metadata"].get("title") or {}) or body["item"],
        "name": f"{body['collection']}/{body['item']}",
        "state": words.kind(body["state"]),
        "author": body["author"],
        "day": last["at"][:10],
        "files": len(body["files"]),
        "version": bool(body["replaces"]),
    }


def _lack(each: Row, words: Words) -> dict[str, Any]:
    field = each["field"].partition(".")[0]
    return {
        "field": field if field in FIELDS else "",
        "required": each["level"] == "required",
        "standards": words.join(list(each["standards"])),
        "text": words.of(each["text"]),
    }


def _said(comments: list[Row], words: Words) -> dict[str, list[dict[str, str]]]:
    """Return the comments by the field they are about; those about the whole under ``""``."""
    found: dict[str, list[dict[str, str]]] = {}
    for each in comments:
        about = each["field"] if each["field"] in FIELDS else ""
        found.setdefault(about, []).append(
            {
                "by": each["by"],
                "day": each["at"][:10],
                "text": each["text"],
                "about": words[f"field_{about}"] if about else "",
            }
        )
    return found


def _event(each: Row, words: Words) -> dict[str, Any]:
    return {
        "at": each["at"].replace("T", " ").replace("Z", " UTC"),
        "what": words.kind(f"event-{each['what']}"),
        "by": each["by"],
        "item": each.get("item", ""),
        "version": each.get("version", 0),
    }
