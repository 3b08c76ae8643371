"""Why: the six lines of a number's trace, each opening to its details, and the check by button."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response  # noqa: TC002 - read when routes are made

from earthcommons.commons.stories.tracing import trace, trace_lines
from earthcommons.errors import NotFoundError
from earthcommons.indicators import find_indicator
from earthcommons.web.pages.view import file_view, shown
from earthcommons.web.parameters import known

if TYPE_CHECKING:
    from earthcommons.web.pages.site import Site
    from earthcommons.web.pages.view import Row
    from earthcommons.web.words import Words

__all__ = ["add_to", "trace_view"]


def add_to(router: APIRouter, site: Site) -> None:
    """Add the page of a number's evidence, whole and as the part other pages open in place."""

    @router.get("/{lang:lang}/why/{id}")
    def why(request: Request, lang: str, id: str) -> Response:
        values = known(request, ("part",))
        facts = trace_view(site, lang, trace(site.node, id))
        if values.get("part") == "trace":
            return site.fragment(request, lang, "trace.html", **facts, heading=False)
        words = site.words[lang]
        region = facts["shown"].region
        return site.page(
            request,
            lang,
            "why.html",
            title=words["why_title"],
            nav="places",
            trail=[
                (f"/{lang}/places", words["places_title"]),
                (f"/{lang}/places/{region}", facts["place"]),
            ],
            links=[
                (f"/api/observations/{id}", "application/json", words["observation_json"]),
                (f"/api/observations/{id}/trace", "application/json", words["trace_json"]),
            ],
            **facts,
        )


def trace_view(site: Site, lang: str, found: Row) -> dict[str, Any]:
    """Return what the trace's template names, from the evidence as it is stored."""
    words, row = site.words[lang], found["observation"]
    indicator = find_indicator(row["indicator"])
    place = site.region_name(row["region"], lang)
    lines = trace_lines(found, lang)
    head, text = lines[0]
    lines[0] = (head, text.replace(row["region"], place))
    meanings = {p.name: (p.meaning[lang], p.unit) for p in indicator.parameters}
    method = found["method"]
    return {
        "id": row["id"],
        "indicator_key": row["indicator"],
        "indicator_title": indicator.title[lang],
        "place": place,
        "shown": shown(row, indicator, words),
        "lines": [
            (head, _absent(text, row, words) if n == 0 else text)
            for n, (head, text) in enumerate(lines)
        ],
        "abstract": indicator.abstract[lang],
        "not_said": words.of(method["not_said"]),
        "source": method["source"],
        "second_route": method["independent_route"],
        "parameters": [
            (name, value, *meanings.get(name, ("", "")))
            for name, value in sorted(found["parameters"].items())
        ],
        "inputs": [_input(ref, lang) for ref in found["inputs"]],
        "regions": found["regions"],
        "limits": _limits(site, found["regions"]["id"], words),
        "run": found["run"],
        "files": _files(found["inputs"]),
    }


def _absent(text: str, row: Row, words: Words) -> str:
    """A reason said in the page's language, where the stored one is English."""
    return text.replace(row["reason"], words.reason(row["reason"])) if row["reason"] else text


def _input(ref: Row, lang: str) -> dict[str, Any]:
    return {
        "item": ref["item"],
        "title": ref["title_zh" if lang == "zh" else "title"],
        "sha256": ref["sha256"],
        "licence": ref["licence"],
        "attribution": ref["attribution"],
        "href": ref["href"],
        "derivation": ref["derivation"],
    }


def _files(inputs: list[Row]) -> list[Row]:
    """The provider's files of all inputs, each once."""
    found = {
        file["sha256"]: file_view(file) for ref in inputs for file in ref["providers_files"]
    }
    return list(found.values())


def _limits(site: Site, id_: str, words: Words) -> list[str]:
    try:
        body = site.catalog.get("region-set", id_)
    except NotFoundError:
        return []
    return [
        words.of(limit) if isinstance(limit, dict) else str(limit)
        for limit in body.get("known_limits", ())
    ]
