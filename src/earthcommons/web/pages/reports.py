"""Outlook reports: the list, and each edition on a page."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response  # noqa: TC002 - read when routes are made
from markupsafe import Markup

from earthcommons.commons.stories.reporting import edition_of
from earthcommons.errors import NotFoundError
from earthcommons.outlook.html import report_html
from earthcommons.render.svg import chart_svg
from earthcommons.web.pages.site import compressed
from earthcommons.web.parameters import known

if TYPE_CHECKING:
    from earthcommons.outlook.edition import Edition
    from earthcommons.web.pages.site import Site

__all__ = ["add_to", "with_pictures"]

_FIGURE = re.compile(
    r'(<figure class="figure" id="figure-([^"]+)">)<svg.*?</svg>(<figcaption>)(.*?)(</figcaption>)',
    re.DOTALL,
)


def add_to(router: APIRouter, site: Site) -> None:
    """Add the pages of reports and their figures."""

    @router.get("/{lang:lang}/reports")
    def reports(request: Request, lang: str) -> Response:
        known(request, ())
        words = site.words[lang]
        return site.page(
            request,
            lang,
            "reports.html",
            title=words["reports_title"],
            nav="reports",
            links=[("/api/reports", "application/json", "JSON")],
            reports=[_entry(site, lang, body) for body in site.all_of("report")],
        )

    @router.get("/{lang:lang}/reports/{key}")
    def report(request: Request, lang: str, key: str) -> Response:
        known(request, ())
        body = site.catalog.get("report", key)
        words = site.words[lang]
        html, title = _fragment(site, key, lang)
        return site.page(
            request,
            lang,
            "report.html",
            title=title,
            nav="reports",
            trail=[(f"/{lang}/reports", words["reports_title"])],
            links=[
                (f"/api/reports/{key}", "application/json", "JSON"),
                (f"/reports/{key}.en.pdf", "application/pdf", words["report_pdf"]),
                (f"/reports/{key}.zh.pdf", "application/pdf", words["report_pdf_zh"]),
            ],
            entry=_entry(site, lang, body),
            # Written by the report's own renderer, which escapes every text.
            html=Markup(html),  # noqa: S704
            other_key=key,
        )

    @router.get("/figures/report/{key}/{figure}.{lang}.svg")
    def figure(request: Request, key: str, figure: str, lang: str) -> Response:
        known(request, ())
        if lang not in site.words:
            raise NotFoundError(f"there is no language {lang[:10]!r}")
        held = _held(site, key)

        def draw() -> str:
            for _, _, drawn in edition_of(site.node, key, lang).sections:
                for each in drawn:
                    if each.key == figure:
                        return chart_svg(each.spec)
            raise NotFoundError(f"report {key} has no figure {figure[:40]!r}")

        svg = site.pictures.get(("report-figure", *held, figure, lang), draw)
        return compressed(request, svg.encode(), "image/svg+xml")


def with_pictures(html: str, key: str, lang: str) -> str:
    """Return a report's fragment with its charts as pictures: the policy allows no inline style.

    Args:
        html: what `report_html` wrote.
        key: the report.
        lang: `en` or `zh`.
    """

    def picture(found: re.Match[str]) -> str:
        head, name, open_, caption, close = found.groups()
        alt = re.sub(r"<[^>]+>", "", caption).replace('"', "&quot;")
        src = f"/figures/report/{key}/{name}.{lang}.svg"
        image = f'<img class="paper" src="{src}" alt="{alt}" loading="lazy">'
        return f"{head}{image}{open_}{caption}{close}"

    return _FIGURE.sub(picture, html)


def _held(site: Site, key: str) -> tuple[Any, ...]:
    """Return what an edition follows from, as far as the asker sees it.

    Raises:
        NotFoundError: no visible report has that key.
    """
    site.catalog.body("report", key)
    runs = tuple(site.run_of(each.key) for each in site.indicators())
    return key, site.catalog.version("report", key), runs, site.alerts_version()


def _fragment(site: Site, key: str, lang: str) -> tuple[str, str]:
    """The report as it holds now; read again when the report or any published run changes."""

    def write() -> tuple[str, str]:
        edition: Edition = edition_of(site.node, key, lang)
        return with_pictures(report_html(edition), key, lang), edition.title

    return site.pictures.get(("report", *_held(site, key), lang), write)


def _entry(site: Site, lang: str, body: dict[str, Any]) -> dict[str, Any]:
    words = site.words[lang]
    states = [each["status"] for each in body["statements"]]
    checked = states.count("checked")
    return {
        "key": body["key"],
        "title": words.of(body["title"]),
        "place": site.region_name(body["region"], lang),
        "region": body["region"],
        "edition": words("edition", edition=body["edition"]),
        "state": words(
            "statements", n=len(states), checked=checked, broken=len(states) - checked
        ),
        "gaps": len(body["gaps"]),
    }
