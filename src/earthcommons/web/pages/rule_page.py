"""The page that states an access rule, of one record or of a whole collection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response  # noqa: TC002 - read when routes are made
from starlette.concurrency import run_in_threadpool

from earthcommons.catalog import ItemQuery
from earthcommons.commons.stories import access, recalling
from earthcommons.errors import InvalidInputError
from earthcommons.policy import acting_party, combine, decide, moment, require
from earthcommons.web.errors import status_of
from earthcommons.web.pages.forms import Form, read_form, see_other, signed_in
from earthcommons.web.pages.record import title_of
from earthcommons.web.pages.rules import (
    LICENCES,
    RuleFields,
    label_words,
    rule_from,
    rule_sentences,
)
from earthcommons.web.parameters import known
from earthcommons.web.refusals import Refusal, refusal_of

if TYPE_CHECKING:
    from earthcommons.model.record import Kind
    from earthcommons.web.pages.site import Site
    from earthcommons.web.words import Words

__all__ = ["add_to", "collection_rule", "collections_cared_for"]

# What is listed on an account's page; the search holds the rest.
_MOST = 200


def add_to(router: APIRouter, site: Site) -> None:
    """Add the rule's page of a record and that of a collection."""
    pages = _Pages(site)
    for at, ask, state in (
        ("data/{collection}/{item}", pages.of_item, pages.state_of_item),
        ("collections/{collection}", pages.of_collection, pages.state_of_collection),
    ):
        router.add_api_route(f"/{{lang:lang}}/{at}/rule", ask, methods=["GET"])
        router.add_api_route(f"/{{lang:lang}}/{at}/rule", state, methods=["POST"])


def collection_rule(site: Site, name: str, words: Words) -> dict[str, Any] | None:
    """Return a collection's rule in words and where to change it; None for who does not care."""
    standing = site.catalog.standing("collection", name)
    faces = standing.faces
    found = decide(acting_party(), "manage", faces.find, owner=standing.owner, at=moment())
    if not found.allowed:
        return None
    return {
        "owner": standing.owner,
        "said": [
            words("rule_is_find", who=label_words(words, faces.find)),
            words("rule_is_fetch", who=label_words(words, combine(faces.find, faces.fetch))),
            words("rule_is_derive", who=label_words(words, combine(faces.find, faces.derive))),
        ],
        "href": f"/{words.lang}/collections/{name}/rule",
    }


def collections_cared_for(site: Site, words: Words) -> list[dict[str, Any]]:
    """Return the collections whose rule who asks may change, in order of their titles."""
    if not {role.partition(":")[0] for role in acting_party().roles} & {"steward", "operator"}:
        return []
    found = []
    for body in site.all_of("collection"):
        rule = collection_rule(site, str(body["id"]), words)
        if rule is not None:
            title = _called("collection", body, words)
            found.append({"id": str(body["id"]), "title": title, **rule})
    return sorted(found, key=lambda each: words.order(each["title"]))[:_MOST]


class _Pages:
    """The handlers, and the site they belong to."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._node = site.node

    def of_item(self, request: Request, lang: str, collection: str, item: str) -> Response:
        return self._ask(request, lang, "item", f"{collection}/{item}")

    def of_collection(self, request: Request, lang: str, collection: str) -> Response:
        return self._ask(request, lang, "collection", collection)

    async def state_of_item(
        self, request: Request, lang: str, collection: str, item: str
    ) -> Response:
        form = await read_form(request, self._node)
        signed_in()
        name = f"{collection}/{item}"
        return await run_in_threadpool(self._state, request, lang, "item", name, form)

    async def state_of_collection(
        self, request: Request, lang: str, collection: str
    ) -> Response:
        form = await read_form(request, self._node)
        signed_in()
        return await run_in_threadpool(
            self._state, request, lang, "collection", collection, form
        )

    def _ask(self, request: Request, lang: str, kind: Kind, name: str) -> Response:
        known(request, ())
        signed_in()
        self._care(kind, name)
        fields = RuleFields.of(access.rule_of(self._node, kind, name)["stated"])
        return self._page(request, lang, kind, name, fields, Form())

    def _state(
        self, request: Request, lang: str, kind: Kind, name: str, form: Form
    ) -> Response:
        self._care(kind, name)
        fields = RuleFields.sent(form)
        held, target = _scope(form, kind, name)
        try:
            before = access.rule_of(self._node, held, target)["stated"]["derive"]
            rule = rule_from(fields, before)
            if form.text("sure") != "yes":
                return self._page(request, lang, kind, name, fields, form, rule=rule)
            access.set_rule(self._node, held, target, rule, why=form.text("why"))
        except InvalidInputError as error:
            return self._page(
                request, lang, kind, name, fields, form,
                wrong=refusal_of(error, lang), status=status_of(error),
            )  # fmt: skip
        return see_other(_back(lang, kind, name, done="rule-set"))

    def _care(self, kind: Kind, name: str) -> None:
        """Return when who asks may state this rule; who may not know of it is told nothing.

        Raises:
            NotFoundError: nothing visible has that name.
            GoneError: it was withdrawn.
            AccessDeniedError: the acting party does not care for it.
        """
        self._site.catalog.body(kind, name)
        standing = self._site.catalog.standing(kind, name)
        require("manage", standing.faces.find, name, owner=standing.owner)

    def _page(
        self,
        request: Request,
        lang: str,
        kind: Kind,
        name: str,
        fields: RuleFields,
        form: Form,
        *,
        rule: access.Rule | None = None,
        wrong: Refusal | None = None,
        status: int = 200,
    ) -> Response:
        words = self._site.words[lang]
        held, target = _scope(form, kind, name)
        count = self._count(name.partition("/")[0])
        resting = len(recalling.resting_on(self._node, held, target)) if rule else 0
        parent = access.rule_of(self._node, "collection", name.partition("/")[0])["stated"]
        theirs = combine(parent["find"]), combine(parent["fetch"])
        of = _called(kind, self._site.catalog.get(kind, name), words)
        return self._site.page(
            request,
            lang,
            "rule.html",
            title=words["tool_rule" if kind == "item" else "tool_rule_all"],
            nav="data",
            status=status,
            trail=[
                (f"/{lang}/data", words["data_title"]),
                (_back(lang, kind, name), of),
            ],
            of=of,
            back=_back(lang, kind, name),
            at=f"/{lang}/{'data' if kind == 'item' else 'collections'}/{name}/rule",
            wrong=wrong,
            rule_fields=fields,
            rule_said=rule_sentences(words, rule) if rule else [],
            reach=_reach(words, held, count, resting) if rule else "",
            choice=kind == "item",
            whole=held == "collection",
            why=form.text("why"),
            count=f"{count:,}",
            asked_of_all=[
                words("rule_is_find", who=label_words(words, theirs[0])),
                words("rule_is_fetch", who=label_words(words, combine(*theirs))),
            ],
            groups=[each.id for each in self._site.catalog.people.groups()],
            licences=[(each.lower(), each) for each in LICENCES],
        )

    def _count(self, collection: str) -> int:
        """Return how many records a collection holds, at least."""
        page = self._site.catalog.items(ItemQuery(collections=(collection,), limit=1))
        if page.matched is not None:
            return page.matched
        return page.bound.low if page.bound else 1


def _scope(form: Form, kind: Kind, name: str) -> tuple[Kind, str]:
    """Return what a rule is stated for: the record of the page, or its collection."""
    if kind == "item" and form.text("scope") == "collection":
        return "collection", name.partition("/")[0]
    return kind, name


def _reach(words: Words, kind: Kind, count: int, resting: int) -> str:
    head = (
        words("rule_reach_all", n=f"{count:,}")
        if kind == "collection"
        else words["rule_reach_one"]
    )
    rest = words("rule_reach_resting", n=f"{resting:,}") if resting else ""
    return f"{head}{'' if words.lang == 'zh' else ' '}{rest}".strip()


def _called(kind: Kind, body: dict[str, Any], words: Words) -> str:
    if kind == "item":
        return title_of(body, words)
    other = body.get("title_zh") if words.lang == "zh" else ""
    return str(other or body.get("title") or body["id"])


def _back(lang: str, kind: Kind, name: str, *, done: str = "") -> str:
    """Return the page that a rule's page belongs to."""
    if kind == "item":
        return f"/{lang}/data/{name}{f'?done={done}' if done else ''}"
    return f"/{lang}/data?collection={name}{f'&done={done}' if done else ''}"
