"""Sign in and out, and what an account holds: roles, groups, licences, its own keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Request, Response  # noqa: TC002 - read when routes are made
from starlette.concurrency import run_in_threadpool

from earthcommons.catalog.credentials import SCOPES
from earthcommons.errors import CommonsError, InvalidInputError, NotFoundError
from earthcommons.policy import acting_party
from earthcommons.web.errors import status_of
from earthcommons.web.pages.forms import local_address, read_form, see_other, signed_in
from earthcommons.web.pages.rule_page import collections_cared_for
from earthcommons.web.pages.rules import role_words
from earthcommons.web.parameters import known
from earthcommons.web.refusals import Refusal, refusal_of
from earthcommons.web.signing_in import NotSignedInError, end_session, open_session
from earthcommons.web.throttle import ThrottledError

if TYPE_CHECKING:
    from earthcommons.web.pages.site import Site
    from earthcommons.web.signing_in import SigningIn

__all__ = ["add_to"]

# What became of a sign-in with the identity provider.
_REFUSED = {
    "begin": (401, "sign_in_begin"),
    "confirm": (401, "sign_in_confirm"),
    "account": (401, "sign_in_account"),
    "provider": (503, "sign_in_provider"),
}
_DONE = ("signed-out", "password", "key-revoked", "licence-accepted")


def add_to(router: APIRouter, site: Site) -> None:
    """Add the pages of accounts."""
    pages = _Pages(site)
    at = "/{lang:lang}"
    for path, handler, method in (
        ("/sign-in", pages.ask, "GET"),
        ("/sign-in", pages.sign_in, "POST"),
        ("/sign-out", pages.sign_out, "POST"),
        ("/account", pages.account, "GET"),
        ("/account/keys", pages.issue, "POST"),
        ("/account/keys/{name}/revoke", pages.revoke, "POST"),
        ("/account/licences", pages.accept, "POST"),
        ("/account/password", pages.password, "POST"),
    ):
        router.add_api_route(f"{at}{path}", handler, methods=[method])


class _Pages:
    """The handlers, and the site they belong to."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._people = site.catalog.people
        self._credentials = site.catalog.credentials
        self._signing_in: SigningIn = site.signing_in

    def ask(self, request: Request, lang: str) -> Response:
        values = known(request, ("next", "done", "refused"))
        why, onward = values.get("refused", ""), values.get("next", "")
        if why in _REFUSED:
            status, key = _REFUSED[why]
            said = Refusal(self._site.words[lang][key])
            return self._form(request, lang, onward, wrong=said, status=status)
        return self._form(request, lang, onward, done=values.get("done", ""))

    async def sign_in(self, request: Request, lang: str) -> Response:
        form = await read_form(request, self._site.node)
        account, onward = form.text("account"), form.text("next")
        try:
            # The password as it was typed: space may belong to it.
            secret = form.all("password")[-1] if form.all("password") else ""
            party = await run_in_threadpool(self._signing_in.check, request, account, secret)
        except (NotSignedInError, ThrottledError) as error:
            words = self._site.words[lang]
            said = words["sign_in_wrong"]
            if isinstance(error, ThrottledError):
                said = words("sign_in_slow", n=error.seconds)
            answer = self._form(
                request,
                lang,
                onward,
                account=account,
                wrong=Refusal(said),
                status=status_of(error),
            )
            if isinstance(error, ThrottledError):
                answer.headers["retry-after"] = str(error.seconds)
            return answer
        answer = see_other(local_address(onward, f"/{lang}/account"))
        await run_in_threadpool(open_session, self._site.node, request, answer, party)
        return answer

    async def sign_out(self, request: Request, lang: str) -> Response:
        await read_form(request, self._site.node)
        answer = see_other(f"/{lang}/sign-in?done=signed-out")
        await run_in_threadpool(end_session, self._site.node, request, answer)
        return answer

    def account(self, request: Request, lang: str) -> Response:
        values = known(request, ("done",))
        signed_in()
        return self._account(request, lang, done=values.get("done", ""))

    async def issue(self, request: Request, lang: str) -> Response:
        form = await read_form(request, self._site.node)
        party, days = signed_in(), form.text("days")

        def make() -> Response:
            try:
                if not days.isdecimal():
                    raise InvalidInputError("say for how many days the key shall live")
                key = self._credentials.issue_key(
                    party.id, form.all("scope"), int(days[:6]), form.text("note")
                )
            except InvalidInputError as error:
                return self._account(request, lang, wrong=refusal_of(error, lang), status=400)
            return self._account(request, lang, key=key.reveal(), status=201)

        return await run_in_threadpool(make)

    async def revoke(self, request: Request, lang: str, name: str) -> Response:
        await read_form(request, self._site.node)
        signed_in()
        await run_in_threadpool(self._credentials.revoke_key, name)
        return see_other(f"/{lang}/account?done=key-revoked")

    async def accept(self, request: Request, lang: str) -> Response:
        form = await read_form(request, self._site.node)
        await run_in_threadpool(self._people.accept, signed_in().id, form.text("licence"))
        onward = f"/{lang}/account?done=licence-accepted"
        return see_other(local_address(form.text("next"), onward))

    async def password(self, request: Request, lang: str) -> Response:
        form = await read_form(request, self._site.node)
        party = signed_in()
        before, after = (form.all(name)[-1:] or ("",) for name in ("before", "after"))

        def change() -> Response:
            try:
                self._signing_in.check(request, party.id, before[0])
                self._people.set_password(party.id, after[0])
            except CommonsError as error:
                wrong = refusal_of(error, lang)
                if isinstance(error, NotSignedInError):
                    wrong = Refusal(self._site.words[lang]["password_wrong"])
                status = 400 if isinstance(error, NotSignedInError) else status_of(error)
                return self._account(request, lang, wrong=wrong, status=status)
            return see_other(f"/{lang}/sign-in?done=password")

        return await run_in_threadpool(change)

    def _form(
        self,
        request: Request,
        lang: str,
        onward: str,
        *,
        account: str = "",
        wrong: Refusal | None = None,
        done: str = "",
        status: int = 200,
    ) -> Response:
        words = self._site.words[lang]
        return self._site.page(
            request,
            lang,
            "signin.html",
            title=words["sign_in"],
            status=status,
            onward=local_address(onward, ""),
            elsewhere=self._elsewhere(lang, local_address(onward, "")),
            account=account,
            wrong=wrong,
            done=words[f"done_{done}"] if done in _DONE else "",
        )

    def _elsewhere(self, lang: str, onward: str) -> dict[str, str] | None:
        """Return the identity provider's name and where to begin; None where there is none."""
        issuer = self._site.node.settings.oidc_issuer
        if not issuer:
            return None
        to = urlencode({"to": onward or f"/{lang}/account"})
        return {"name": urlsplit(issuer).hostname or issuer, "href": f"/api/oidc/login?{to}"}

    def _account(
        self,
        request: Request,
        lang: str,
        *,
        key: str = "",
        wrong: Refusal | None = None,
        done: str = "",
        status: int = 200,
    ) -> Response:
        words, party = self._site.words[lang], acting_party()
        try:
            account = self._people.account(party.id)
        except NotFoundError:
            account = None
        keys: list[dict[str, Any]] = [
            {
                "name": each.name,
                "note": each.note,
                "scopes": words.join([words[f"scope_{scope}"] for scope in each.scopes]),
                "made": each.made[:10],
                "expires": each.expires[:10],
                "revoked": each.revoked,
            }
            for each in self._credentials.keys(party.id)
        ]
        return self._site.page(
            request,
            lang,
            "account.html",
            title=words["account"],
            status=status,
            links=[("/api/me", "application/json", "JSON")],
            name=account.name if account else party.id,
            local=account is not None and not account.issuer,
            roles=[role_words(words, role) for role in sorted(party.roles)],
            groups=sorted(party.groups),
            licences=sorted(party.licences),
            cared_for=collections_cared_for(self._site, words),
            keys=keys,
            scopes=[(scope, words[f"scope_{scope}"]) for scope in SCOPES],
            key=key,
            wrong=wrong,
            done=words[f"done_{done}"] if done in _DONE else "",
        )
