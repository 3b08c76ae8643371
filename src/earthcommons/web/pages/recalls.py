"""The page of a recall: what was recalled and why, what it touched, what became of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response  # noqa: TC002 - read when routes are made

from earthcommons.commons.stories.recalling import show_recall
from earthcommons.web.pages.record import signer, title_of
from earthcommons.web.pages.touched import touched_row
from earthcommons.web.parameters import known

if TYPE_CHECKING:
    from earthcommons.web.pages.site import Site

__all__ = ["add_to"]


def add_to(router: APIRouter, site: Site) -> None:
    """Add the page of a recall."""

    @router.get("/{lang:lang}/recalls/{id}")
    def recall(request: Request, lang: str, id: str) -> Response:
        values = known(request, ("done",))
        body = show_recall(site.node, id)
        words, about = site.words[lang], body["about"]
        item = site.item(about["id"]) if about["kind"] == "item" else None
        of = title_of(item, words) if item else about["id"]
        return site.page(
            request,
            lang,
            "recall.html",
            title=words("recall_title", name=of),
            nav="data",
            links=[(f"/api/recalls/{id}", "application/json", "JSON")],
            trail=[
                (f"/{lang}/data", words["data_title"]),
                (f"/{lang}/data/{about['id']}", of),
            ],
            about=about,
            state=words.kind(f"recalled-{about['state'].replace(' ', '-')}"),
            reason=body["reason"],
            made=body["made"].replace("T", " ").replace("Z", " UTC"),
            by=signer(site, words, body),
            touched=[touched_row(site, lang, each) for each in body["touched"]],
            done=words["done_recalled"] if values.get("done") == "recalled" else "",
        )
