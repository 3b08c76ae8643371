"""What stewards do with a published record: new version, erratum, withdrawal, recall.

Each tool is a page: its form says what will follow, and what is hard to undo asks once more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response  # noqa: TC002 - read when routes are made
from starlette.concurrency import run_in_threadpool

from earthcommons.commons.stories import recalling, submitting, withdrawing
from earthcommons.errors import CommonsError, GoneError, InvalidInputError, NotFoundError
from earthcommons.model.indicator import Text
from earthcommons.policy import require
from earthcommons.web.errors import status_of
from earthcommons.web.pages.forms import Form, read_form, see_other, signed_in
from earthcommons.web.pages.record import title_of
from earthcommons.web.pages.touched import touched_row
from earthcommons.web.parameters import known
from earthcommons.web.refusals import refusal_of
from earthcommons.web.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Callable

    from earthcommons.web.pages.site import Site

__all__ = ["add_to"]

_AT = "/{lang:lang}/data/{collection}/{item}"


def add_to(router: APIRouter, site: Site) -> None:
    """Add the stewards' pages below that of a record."""
    tools = _Tools(site)
    for path, handler, method in (
        ("/new-version", tools.new_version, "POST"),
        ("/erratum", tools.erratum, "GET"),
        ("/erratum", tools.add_erratum, "POST"),
        ("/withdraw", tools.withdrawal, "GET"),
        ("/withdraw", tools.withdraw, "POST"),
        ("/recall", tools.recalling, "GET"),
        ("/recall", tools.recall, "POST"),
    ):
        router.add_api_route(f"{_AT}{path}", handler, methods=[method])


class _Tools:
    """The handlers, and the site they belong to."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._node = site.node
        # Recall computes indicators again: one at a time.
        self._mending = Turns()

    # A new version.

    async def new_version(
        self, request: Request, lang: str, collection: str, item: str
    ) -> Response:
        await read_form(request, self._node)
        signed_in()

        def start() -> Response:
            name = f"{collection}/{item}"
            known_facts = _metadata_of(self._site.catalog.get("item", name))
            made = submitting.start_draft(self._node, collection, item, replaces=True)
            submitting.edit_draft(
                self._node, made["id"], known_facts, rule=self._rule_stated(name)
            )
            return see_other(f"/{lang}/drafts/{made['id']}?done=started")

        return await run_in_threadpool(start)

    def _rule_stated(self, name: str) -> dict[str, str]:
        find, fetch, derive = self._site.catalog.stated("item", name)
        return {"find": find, "fetch": fetch, **({"derive": derive} if derive else {})}

    # An erratum.

    def erratum(self, request: Request, lang: str, collection: str, item: str) -> Response:
        known(request, ())
        signed_in()
        name = f"{collection}/{item}"
        self._care(name, "publish")
        return self._erratum_page(request, lang, name, Form())

    async def add_erratum(
        self, request: Request, lang: str, collection: str, item: str
    ) -> Response:
        form = await read_form(request, self._node)
        signed_in()
        name = f"{collection}/{item}"

        def add() -> Response:
            said = Text(form.text("en"), form.text("zh"))
            withdrawing.add_erratum(self._node, "item", name, said)
            return see_other(f"/{lang}/data/{name}?done=erratum")

        return await run_in_threadpool(
            self._tried,
            add,
            lambda **more: self._erratum_page(request, lang, name, form, **more),
        )

    def _erratum_page(
        self, request: Request, lang: str, name: str, form: Form, **more: Any
    ) -> Response:
        title = self._site.words[lang]["tool_erratum"]
        en, zh = form.text("en"), form.text("zh")
        return self._page(request, lang, name, "erratum.html", title, en=en, zh=zh, **more)

    # Withdrawal.

    def withdrawal(self, request: Request, lang: str, collection: str, item: str) -> Response:
        known(request, ())
        signed_in()
        name = f"{collection}/{item}"
        self._care(name, "withdraw")
        return self._withdraw_page(request, lang, name, Form())

    async def withdraw(
        self, request: Request, lang: str, collection: str, item: str
    ) -> Response:
        form = await read_form(request, self._node)
        signed_in()
        name = f"{collection}/{item}"

        def carry_out() -> Response:
            self._care(name, "withdraw")
            if form.text("sure") != "yes":
                _check_reason(form.text("reason"))
                self._check_successor(form.text("successor"))
                return self._withdraw_page(request, lang, name, form, asked=True)
            withdrawing.withdraw(
                self._node,
                "item",
                name,
                form.text("reason"),
                successor=form.text("successor"),
                note=form.text("note"),
                seen=form.text("seen"),
            )
            return see_other(f"/{lang}/data/{name}?done=withdrawn")

        return await run_in_threadpool(
            self._tried,
            carry_out,
            lambda **more: self._withdraw_page(request, lang, name, form, **more),
        )

    def _withdraw_page(
        self,
        request: Request,
        lang: str,
        name: str,
        form: Form,
        *,
        asked: bool = False,
        **more: Any,
    ) -> Response:
        words = self._site.words[lang]
        version = self._site.catalog.version("item", name)
        resting = self._resting(name, lang) if asked else []
        return self._page(
            request,
            lang,
            name,
            "withdraw.html",
            words["tool_withdraw"],
            asked=asked,
            reasons=[(each, words.kind(f"reason-{each}")) for each in withdrawing.REASONS],
            reason=form.text("reason"),
            reason_words=words.kind(f"reason-{form.text('reason')}"),
            successor=form.text("successor"),
            note=form.text("note"),
            seen=version[1] if version else "",
            touched=resting,
            **more,
        )

    # Recall.

    def recalling(self, request: Request, lang: str, collection: str, item: str) -> Response:
        known(request, ())
        signed_in()
        return self._recall_page(request, lang, f"{collection}/{item}", Form())

    async def recall(self, request: Request, lang: str, collection: str, item: str) -> Response:
        form = await read_form(request, self._node)
        signed_in()
        name = f"{collection}/{item}"

        def carry_out() -> Response:
            with self._mending:
                made = recalling.recall(self._node, "item", name, form.text("reason"))
            return see_other(f"/{lang}/recalls/{made['id']}?done=recalled")

        return await run_in_threadpool(
            self._tried,
            carry_out,
            lambda **more: self._recall_page(request, lang, name, form, **more),
        )

    def _recall_page(
        self, request: Request, lang: str, name: str, form: Form, **more: Any
    ) -> Response:
        recalling.may_recall(self._node, "item", name)
        return self._page(
            request,
            lang,
            name,
            "recall_form.html",
            self._site.words[lang]["tool_recall"],
            reason=form.text("reason"),
            touched=self._resting(name, lang),
            **more,
        )

    # What they share.

    def _resting(self, name: str, lang: str) -> list[dict[str, Any]]:
        found = recalling.resting_on(self._node, "item", name)
        seen = recalling.visible_part(self._node, found)
        return [touched_row(self._site, lang, each.as_json()) for each in seen]

    def _care(self, name: str, action: Any) -> None:
        """Return when who asks may do this to an item; who may not know of it is told nothing.

        Raises:
            NotFoundError: nothing visible has that name.
            GoneError: it was withdrawn.
            AccessDeniedError: the acting party does not care for it.
        """
        self._site.catalog.body("item", name)
        standing = self._site.catalog.standing("item", name)
        require(action, standing.faces.find, name, owner=standing.owner)

    def _check_successor(self, name: str) -> None:
        """Return when nothing, or a record that one sees, is to take a record's place."""
        try:
            if name:
                self._site.catalog.body("item", name)
        except NotFoundError as error:
            # The form is there, only this field is wrong: it is shown again with what it holds.
            raise InvalidInputError(f"what takes its place: {error}") from error

    def _tried(
        self, carry_out: Callable[[], Response], again: Callable[..., Response]
    ) -> Response:
        """Carry something out; where the form needs mending, show it again as it was filled in."""
        try:
            return carry_out()
        except CommonsError as error:
            if status_of(error) not in (400, 409, 412):
                raise
            return again(wrong=error, status=status_of(error))

    def _page(
        self,
        request: Request,
        lang: str,
        name: str,
        template: str,
        title: str,
        *,
        wrong: CommonsError | None = None,
        status: int = 200,
        **facts: Any,
    ) -> Response:
        words = self._site.words[lang]
        try:
            of = title_of(self._site.catalog.get("item", name), words)
        except GoneError:
            of = name
        return self._site.page(
            request,
            lang,
            template,
            title=title,
            nav="data",
            status=status,
            trail=[(f"/{lang}/data", words["data_title"]), (f"/{lang}/data/{name}", of)],
            name=name,
            of=of,
            back=f"/{lang}/data/{name}",
            wrong=refusal_of(wrong, lang) if wrong else None,
            **facts,
        )


def _check_reason(reason: str) -> None:
    if reason not in withdrawing.REASONS:
        raise InvalidInputError(f"choose a reason: {', '.join(withdrawing.REASONS)}")


def _metadata_of(item: dict[str, Any]) -> dict[str, Any]:
    """Return the parts of a draft that the present version states, to begin the next with."""
    facts = item["properties"]
    asset = item["assets"].get("data", {})
    bands = asset.get("bands") or facts.get("table:columns") or ()
    found: dict[str, Any] = {
        "title": {"en": facts.get("title", ""), "zh": facts.get("title_zh", "")},
        "description": {
            "en": facts.get("description", ""), "zh": facts.get("description_zh", "")
        },
        "period": facts.get("ec:period"),
        "licence": facts.get("ec:licence_name"),
        "licence_url": facts.get("ec:licence_url"),
        "attribution": facts.get("ec:attribution"),
        "nature": facts.get("ec:nature"),
        "derivation": facts.get("processing:lineage"),
        "creators": facts.get("ec:creators"),
        "contact": facts.get("ec:contact"),
        "keywords": facts.get("keywords"),
        "doi": facts.get("sci:doi"),
        "variables": [
            {"name": band["name"], "unit": band["unit"]}
            for band in bands
            if band.get("name") and band.get("unit")
        ],
    }  # fmt: skip
    for theme in facts.get("themes") or ():
        part = "sdg" if "sdg" in str(theme.get("scheme", "")) else "themes"
        found[part] = [str(concept["id"]) for concept in theme.get("concepts", ())]
    return {name: value for name, value in found.items() if value}
