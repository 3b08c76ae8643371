"""The node: how it is in words, what it holds, and everything that changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response  # noqa: TC002 - read when routes are made

from earthcommons.commons.stories.health import health
from earthcommons.policy import OPEN, acting_party, decide, moment
from earthcommons.web.pages.home import change_href
from earthcommons.web.parameters import known

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from earthcommons.model.record import Change
    from earthcommons.web.pages.site import Site
    from earthcommons.web.words import Words

__all__ = ["add_to", "folded"]

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
            changes=[_line(site, same, words) for same in folded(shown)],
            further=page + 1 if len(found) > _PAGE and page < _MOST_PAGES else 0,
        )


def folded(changes: Iterable[Change]) -> list[list[Change]]:
    """Return changes as lines, newest first: neighbours that are of one draft are one line.

    A draft gets a version with every file and every time it is saved. All of them stay in the
    change log, and what was done in the audit log.
    """
    lines: list[list[Change]] = []
    for each in changes:
        last = lines[-1][-1] if lines else None
        if last and each.kind == "draft" and (last.kind, last.id) == (each.kind, each.id):
            lines[-1].append(each)
        else:
            lines.append([each])
    return lines


def _line(site: Site, same: Sequence[Change], words: Words) -> dict[str, Any]:
    """Return what a line of the log tells; of several versions the first and last, and when."""
    newest, oldest = same[0], same[-1]
    known = {each.version: each for each in site.catalog.versions(newest.kind, newest.id)}
    ends = [known[each.version].made for each in (oldest, newest) if each.version in known]
    times = list(dict.fromkeys(made[:16].replace("T", " ") for made in ends if made))
    is_draft = newest.kind == "draft"
    return {
        "kind": words.kind("of-draft" if is_draft else newest.kind),
        "id": newest.id,
        "href": f"/{words.lang}/drafts/{newest.id}"
        if is_draft
        else change_href(newest.kind, newest.id, words.lang),
        "version": f"{oldest.version}–{newest.version}" if len(same) > 1 else newest.version,
        "said": words("changes_folded", n=len(same), times=words["time_to"].join(times))
        if len(same) > 1
        else "",
        # Of what one sees a part only, there is none.
        "digest": known[newest.version].digest if newest.version in known else "",
    }


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
