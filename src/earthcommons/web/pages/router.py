"""All pages as one router: languages, the way in, and errors told to people."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute
from starlette.convertors import Convertor, register_url_convertor
from starlette.exceptions import HTTPException

from earthcommons.errors import CommonsError, NotFoundError
from earthcommons.web.denied import tell_denied
from earthcommons.web.errors import status_of
from earthcommons.web.pages import (
    account,
    alerts,
    data,
    drafts,
    home,
    indicators,
    map_page,
    node_page,
    operators,
    places,
    publish,
    recalls,
    record,
    reports,
    rule_page,
    steward,
    technology,
    why,
)
from earthcommons.web.pages.choropleths import choropleth_router
from earthcommons.web.pages.figures import figures_router
from earthcommons.web.pages.sea_map import sea_router
from earthcommons.web.pages.site import Progress, Site
from earthcommons.web.refusals import Refusal, refusal, refusal_of
from earthcommons.web.words import LANGUAGES, preferred

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from earthcommons.commons import Node
    from earthcommons.web.places import Places
    from earthcommons.web.signing_in import SigningIn

__all__ = ["pages_router"]

_LOG = logging.getLogger(__name__)
_FAMILIES = (
    home, map_page, places, why, indicators, alerts, data, record, rule_page, steward, recalls,
    drafts, publish, account, operators, technology, reports, node_page,
)  # fmt: skip
_SAID = (400, 401, 403, 404, 409, 410, 412, 413, 415, 422, 429, 503)
_DO = ("do_401", "do_403", "do_409", "do_412", "do_413", "do_422", "do_429")


class _Language(Convertor[str]):
    """The first part of a page's address: `en` or `zh` and nothing else."""

    regex = "|".join(LANGUAGES)

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("lang", _Language())


def pages_router(
    node: Node,
    progress: Callable[[], Progress | None] | None = None,
    places: Places | None = None,
    signing_in: SigningIn | None = None,
) -> APIRouter:
    """Return the routes of the portal.

    Args:
        node: the node whose records are shown.
        progress: says how far the node's build is as (done, total, text), or None when nothing
            is being built.
        places: the node's regions, when other doors already keep them.
        signing_in: checks passwords, when other doors already count wrong ones.
    """
    site = Site(node, progress, places, signing_in)
    router = APIRouter(include_in_schema=False)

    @router.get("/")
    def way_in(request: Request) -> Response:
        lang = preferred(request.headers.get("accept-language", ""))
        return RedirectResponse(f"/{lang}/", 302, {"vary": "accept-language"})

    pages = APIRouter(route_class=_human_route(site), include_in_schema=False)
    for family in _FAMILIES:
        family.add_to(pages, site)

    @pages.get("/{lang:lang}/{rest:path}")
    def nothing(lang: str, rest: str) -> Response:
        raise NotFoundError(f"there is no page /{lang}/{rest[:100]}")

    for part in (choropleth_router(site), figures_router(site), sea_router(site), pages):
        router.include_router(part)
    return router


def _human_route(site: Site) -> type[APIRoute]:
    class HumanRoute(APIRoute):
        """Answers a failure below /en and /zh with a page; elsewhere the problem document."""

        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handler = super().get_route_handler()

            async def answer(request: Request) -> Response:
                try:
                    return await handler(request)
                except (CommonsError, HTTPException, RequestValidationError) as error:
                    if request.path_params.get("lang") not in LANGUAGES or _is_file(request):
                        raise
                    tell_denied(request, error)
                    return _failure(site, request, error)
                except Exception as error:
                    if request.path_params.get("lang") not in LANGUAGES or _is_file(request):
                        raise
                    _LOG.exception("failed on %s %s", request.method, request.url.path)
                    return _failure(site, request, error)

            return answer

    return HumanRoute


def _is_file(request: Request) -> bool:
    return not request.url.path.startswith(tuple(f"/{lang}" for lang in LANGUAGES))


def _failure(site: Site, request: Request, error: Exception) -> Response:
    lang = request.path_params["lang"]
    words = site.words[lang]
    status, code, said = 500, "error", Refusal(words["error_accident"])
    if isinstance(error, CommonsError):
        status, code, said = status_of(error), error.code, refusal_of(error, lang)
    elif isinstance(error, HTTPException):
        status, code = error.status_code, "not-found"
        said = refusal(code, str(error.detail), lang)
    elif isinstance(error, RequestValidationError):
        status, code = 400, "invalid-input"
        said = refusal(code, str(error.errors()[0]["msg"]), lang)
    key = f"error_{status if status in _SAID else 500 if status >= 500 else 400}"
    return site.page(
        request,
        lang,
        "error.html",
        title=words[key],
        status=status,
        says=_DO,
        code=code,
        said=said,
    )
