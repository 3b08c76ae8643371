"""The node: how it is in words, what it holds, and everything that changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response  # noqa: TC002 - read when routes are made

from earthcommons.commons.stories.health import health
from earthcommons.policy import OPEN, acting_party, decide, moment
from earthcommons.web.pages.home import change_href
from earthcommons.web.parameters import known

if TYPE_CHECKING:
    from earthcommons.web.pages.site import Site
    from earthcommons.web.words import Words

__all__ = ["add_to"]

_KINDS = (
    "collection", "item", "region-set", "run", "series", "watch", "alert", "report", "offer",
    "need",
)  # fmt: skip
_PAGE, _MOST_PAGES = 100, 200


def add_to(router: APIRouter, site: Site) -> None:
    """Add the page of the node."""

    @router.get("/{lang:lang}/node")
    def node(request: Request, lang: str) -> Response:
        number = known(request, ("page",)).get("page", "")
        words = site.words[lang]
        # By their place among what the asker sees: a sequence number has gaps that tell how much
        # that is not.
        page = min(max(int(number), 1), _MOST_PAGES) if number[:9].isdecimal() else 1
        found = site.changes(_PAGE + 1, (page - 1) * _PAGE)
        shown = found[:_PAGE]
        return site.page(
            request,
            lang,
            "node.html",
            title=words["node_title"],
            nav="node",
            links=[
                ("/health", "application/json", "JSON"),
                ("/stac/", "application/json", "STAC"),
            ],
            lead=words("node_lead", node=site.node.settings.name),
            health=_health(site, words),
            counts=[(words.kind(kind), f"{site.catalog.count(kind):,}") for kind in _KINDS],
            changes=[
                (each, words.kind(each.kind), change_href(each.kind, each.id, lang))
                for each in shown
            ],
            further=page + 1 if len(found) > _PAGE and page < _MOST_PAGES else 0,
        )


def _health(site: Site, words: Words) -> list[dict[str, Any]]:
    """Return how the node is kept, for its operators: it names places, and what is amiss."""
    if not decide(acting_party(), "administer", OPEN, at=moment()).allowed:
        return []
    return [
        {
            "name": found.about(words.lang),
            "state": words.kind(found.state),
            # Every second part is a command.
            "parts": found.said.text(words.lang).split("`"),
        }
        for found in health(site.node, through=False)
    ]
