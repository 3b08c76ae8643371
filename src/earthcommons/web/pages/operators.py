"""What operators see: who has an account and what they hold, and the audit log with its check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from fastapi import APIRouter, Request, Response  # noqa: TC002 - read when routes are made
from starlette.concurrency import run_in_threadpool

from earthcommons.errors import CommonsError, IntegrityError, InvalidInputError
from earthcommons.policy import OPEN, require
from earthcommons.web.errors import status_of
from earthcommons.web.pages.forms import read_form, see_other, signed_in
from earthcommons.web.pages.rules import role_words
from earthcommons.web.parameters import known
from earthcommons.web.refusals import Refusal, refusal_of

if TYPE_CHECKING:
    from earthcommons.catalog.audit import AuditRow
    from earthcommons.web.pages.forms import Form
    from earthcommons.web.pages.site import Site
    from earthcommons.web.words import Words

__all__ = ["add_to"]

_ROLES = ("contributor", "reviewer", "steward", "operator")
_LINES = 200


def add_to(router: APIRouter, site: Site) -> None:
    """Add the pages of operators."""
    pages = _Pages(site)
    for path, handler, method in (
        ("/people", pages.people, "GET"),
        ("/people", pages.change, "POST"),
        ("/audit", pages.audit, "GET"),
    ):
        router.add_api_route("/{lang:lang}" + path, handler, methods=[method])


class _Pages:
    """The handlers, and the site they belong to."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._people = site.catalog.people

    def people(self, request: Request, lang: str) -> Response:
        values = known(request, ("done",))
        signed_in()
        return self._page(request, lang, done=values.get("done", "") == "changed")

    async def change(self, request: Request, lang: str) -> Response:
        form = await read_form(request, self._site.node)
        signed_in()

        def carry_out() -> Response:
            try:
                self._carry_out(form)
            except CommonsError as error:
                require("administer", OPEN, "the accounts")
                return self._page(
                    request,
                    lang,
                    wrong=refusal_of(error, lang),
                    status=status_of(error),
                    sent=form,
                )
            return see_other(f"/{lang}/people?done=changed")

        return await run_in_threadpool(carry_out)

    def audit(self, request: Request, lang: str) -> Response:
        values = known(request, ("after",))
        signed_in()
        text = values.get("after", "")
        count, head = self._site.catalog.audit_head()
        after = int(text[:18]) if text.isdecimal() else max(count - _LINES, 0)
        rows = self._site.catalog.audit_log(after=after, limit=_LINES)
        words = self._site.words[lang]
        try:
            said, whole = words("audit_whole", n=f"{self._site.catalog.verify_audit():,}"), True
        except IntegrityError as error:
            said, whole = refusal_of(error, lang).line, False
        return self._site.page(
            request,
            lang,
            "audit.html",
            title=words["audit"],
            nav="node",
            trail=[(f"/{lang}/node", words["node_title"])],
            whole=whole,
            said=said,
            head=f"{count}:{head}",
            rows=[_line(row, words) for row in reversed(rows)],
            earlier=max(after - _LINES, 0) if after else None,
            later=after + _LINES if after + _LINES < count else None,
        )

    def _carry_out(self, form: Form) -> None:
        account, group = form.text("account"), form.text("group")
        role = form.text("role")
        if role in _ROLES and role != "operator":
            role = f"{role}:{group}"
        match form.text("what"):
            case "add":
                secret = form.all("password")[-1:] or ("",)
                self._people.add(account, form.text("name"), password=secret[0])
            case "add-group":
                self._people.add_group(group, form.text("title_en"), form.text("title_zh"))
            case "grant":
                self._people.grant(account, role)
            case "withdraw":
                self._people.withdraw(account, form.text("held"))
            case "join":
                self._people.join(account, group)
            case "leave":
                self._people.leave(account, group)
            case "close" | "open" as what:
                self._people.set_active(account, what == "open")
            case other:
                raise InvalidInputError(f"there is no change {other[:40]!r} of an account")

    def _page(
        self,
        request: Request,
        lang: str,
        *,
        wrong: Refusal | None = None,
        done: bool = False,
        status: int = 200,
        sent: Form | None = None,
    ) -> Response:
        words = self._site.words[lang]
        accounts: list[dict[str, Any]] = [
            {
                "id": each.id,
                "name": each.name,
                "active": each.active,
                "issuer": each.issuer,
                "roles": [(role, role_words(words, role)) for role in each.roles],
                "groups": each.groups,
                "licences": each.licences,
            }
            for each in self._people.accounts()
        ]
        groups = [
            (each.id, each.title_zh if lang == "zh" else each.title_en)
            for each in self._people.groups()
        ]
        return self._site.page(
            request,
            lang,
            "people.html",
            title=words["people"],
            nav="node",
            status=status,
            trail=[(f"/{lang}/node", words["node_title"])],
            accounts=accounts,
            groups=groups,
            roles=[(role, words[f"role_{role}"]) for role in _ROLES],
            wrong=wrong,
            done=words["done_changed"] if done else "",
            sent={
                name: sent.text(name) if sent else ""
                for name in ("account", "name", "group", "title_en", "title_zh")
            },
        )


def _line(row: AuditRow, words: Words) -> dict[str, Any]:
    """Return a line of the log: its action and kind in words, its detail as it is chained."""
    return {
        "seq": row.seq,
        "at": row.at.replace("T", " ").replace("Z", " UTC"),
        "who": row.who,
        "what": words.named(f"did-{row.action}", row.action),
        "action": row.action,
        "kind": words.named(f"of-{row.kind}", words.kind(row.kind)),
        "id": row.id,
        "detail": orjson.dumps(dict(row.detail)).decode() if row.detail else "",
    }
