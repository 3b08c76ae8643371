"""Technology: needs a person has confirmed, candidates to check, offers with their source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response  # noqa: TC002 - read when routes are made

from earthcommons.commons.stories.exchanging import candidates
from earthcommons.web.parameters import known, parse_limit

if TYPE_CHECKING:
    from earthcommons.model.technology import Candidate
    from earthcommons.web.pages.site import Site
    from earthcommons.web.pages.view import Row
    from earthcommons.web.words import Words

__all__ = ["add_to", "candidate_view", "offer_view"]


def add_to(router: APIRouter, site: Site) -> None:
    """Add the pages of needs and offers."""

    @router.get("/{lang:lang}/technology")
    def technology(request: Request, lang: str) -> Response:
        values = known(request, ("q", "token", "limit"))
        words, text = site.words[lang], values.get("q", "").strip()
        offers, matched, token = site.some_of(
            "offer",
            text=text,
            limit=parse_limit(values.get("limit", ""), 20, 100),
            token=values.get("token", ""),
        )
        query = f"?q={text}" if text else ""
        return site.page(
            request,
            lang,
            "technology.html",
            title=words["tech_title"],
            nav="technology",
            links=[
                ("/api/needs", "application/json", words["needs"] + " JSON"),
                (f"/api/offers{query}", "application/json", words["offers"] + " JSON"),
            ],
            needs=[_need(site, lang, body) for body in site.all_of("need")],
            asked=text,
            offers=[offer_view(body, words) for body in offers],
            matched=f"{matched:,}",
            token=token,
        )

    @router.get("/{lang:lang}/technology/needs/{id}")
    def need(request: Request, lang: str, id: str) -> Response:
        known(request, ())
        words, body = site.words[lang], site.catalog.get("need", id)
        found = candidates(site.node, id)
        return site.page(
            request,
            lang,
            "need.html",
            title=words.of(body["title"]),
            nav="technology",
            links=[(f"/api/needs/{id}/candidates", "application/json", "JSON")],
            trail=[(f"/{lang}/technology", words["tech_title"])],
            need=_need(site, lang, body),
            candidates=[candidate_view(each, words) for each in found],
        )

    @router.get("/{lang:lang}/technology/offers/{id}")
    def offer(request: Request, lang: str, id: str) -> Response:
        known(request, ())
        words, body = site.words[lang], site.catalog.get("offer", id)
        return site.page(
            request,
            lang,
            "offer.html",
            title=body["title"],
            nav="technology",
            trail=[(f"/{lang}/technology", words["tech_title"])],
            offer=offer_view(body, words),
        )


def candidate_view(candidate: Candidate, words: Words) -> dict[str, Any]:
    """Return a candidate: counts, every criterion with its reason, questions left open."""
    return {
        "offer": offer_view(candidate.offer.as_json(), words),
        "counts": words(
            "counts",
            satisfied=candidate.count("satisfied"),
            failed=candidate.count("failed"),
            unknown=candidate.count("unknown"),
        ),
        "criteria": [
            {
                "name": words.kind(criterion.key),
                "gate": criterion.gate,
                "result": criterion.result,
                "said": words.kind(criterion.result),
                "because": words.of(criterion.because),
            }
            for criterion in candidate.criteria
        ],
        "questions": [
            words.of(criterion.question)
            for criterion in candidate.criteria
            if criterion.question and criterion.result != "satisfied"
        ],
    }


def offer_view(body: Row, words: Words) -> dict[str, Any]:
    """Return an offer: what its source says, and what nobody said."""
    unsaid = words["not_said_by"]
    orgs = [
        org.get("name", "") or next(iter(org.values()), "") for org in body["organisations"]
    ]
    source = body["source"]
    named = source.get("system") or next(iter(source.values()), "")
    return {
        "id": body["id"],
        "title": body["title"],
        "language": body["language"],
        "kind": words.join([words.kind(kind) for kind in body["type"]]),
        "source": str(named),
        "source_facts": [(key, str(value)) for key, value in source.items()],
        "link": _web(body["link"]),
        "licence": words.join(body["licence"]) or unsaid,
        "goals": words.join([str(goal) for goal in body["goals"]]) or unsaid,
        "countries": words.join(body["countries"]) or unsaid,
        "sectors": words.join(body["sectors"]) or unsaid,
        "stage": body["stage"] or unsaid,
        "terms": words.join(body["terms"][:20]) or unsaid,
        "organisations": words.join(orgs) or unsaid,
    }


def _need(site: Site, lang: str, body: Row) -> dict[str, Any]:
    words = site.words[lang]
    return {
        "id": body["id"],
        "title": words.of(body["title"]),
        "problem": words.of(body["problem"]),
        "place": site.region_name(body["region"], lang),
        "region": body["region"],
        "goals": words.join([str(goal) for goal in body["goals"]]),
        "confirmed": words("confirmed_by", name=body["confirmed_by"]),
        "success": words.of(
            {k: v for k, v in body["success"].items() if k in ("en", "zh")} or {"en": ""}
        ),
        "indicator": body["success"].get("indicator", ""),
        "finding": _finding(site, body["trigger"]),
        "terms": words.join(body["terms"]),
    }


def _finding(site: Site, statement: str) -> str:
    """Key of the report that holds a statement, or an empty string."""
    for report in site.all_of("report"):
        if any(each["id"] == statement for each in report["statements"]):
            return str(report["key"])
    return ""


def _web(link: str) -> str:
    """The address when it is a plain web address; anything else is shown as text by no link."""
    parts = urlsplit(link)
    return link if parts.scheme in ("https", "http") and parts.hostname else ""
