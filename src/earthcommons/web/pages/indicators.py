"""Indicators: the list, and a page for each with declaration, map, series and values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response  # noqa: TC002 - read when routes are made

from earthcommons.indicators import find_indicator
from earthcommons.web.pages.choropleths import layers_of
from earthcommons.web.pages.figures import Asked, series
from earthcommons.web.pages.map_page import chosen, country_map, country_rows, figure_choices
from earthcommons.web.pages.places import series_of
from earthcommons.web.pages.view import grouped, newest, shown
from earthcommons.web.parameters import known

if TYPE_CHECKING:
    from earthcommons.model.indicator import Indicator
    from earthcommons.web.pages.site import Site

__all__ = ["add_to"]

_MOST_ROWS = 300


def add_to(router: APIRouter, site: Site) -> None:
    """Add the pages of indicators."""

    @router.get("/{lang:lang}/indicators")
    def indicators(request: Request, lang: str) -> Response:
        known(request, ())
        words = site.words[lang]
        return site.page(
            request,
            lang,
            "indicators.html",
            title=words["indicators_title"],
            nav="indicators",
            links=[("/api/indicators", "application/json", "JSON")],
            rows=[_entry(site, lang, each) for each in site.indicators()],
        )

    @router.get("/{lang:lang}/indicators/{key}")
    def indicator(request: Request, lang: str, key: str) -> Response:
        values = known(request, ("period",), prefix="dim.")
        found, words = find_indicator(key), site.words[lang]
        held = site.values(key)
        layers = layers_of(site, key)
        layer = chosen(layers, values) if layers else None
        rows = [row for each in held.values() for row in each]
        return site.page(
            request,
            lang,
            "indicator.html",
            title=found.title[lang],
            nav="indicators",
            trail=[(f"/{lang}/indicators", words["indicators_title"])],
            canonical=f"/indicators/{key}",
            links=[
                (f"/api/observations?indicator={key}", "application/json", "JSON"),
                (f"/api/observations.csv?indicator={key}", "text/csv", "CSV"),
                (f"/api/indicators/{key}", "application/json", words["method"] + " JSON"),
            ],
            indicator=found,
            nature=words.kind(found.nature),
            given=sum(row["value"] is not None for row in rows),
            absent=sum(row["value"] is None for row in rows),
            picture=None if layer is None else country_map(site, lang, layer),
            figures=[] if layer is None else figure_choices(site, lang, layers, layer),
            table=[] if layer is None else country_rows(site, lang, layer),
            places=[] if layer is not None else _places(site, lang, key),
        )


def _entry(site: Site, lang: str, each: Indicator) -> dict[str, Any]:
    rows = [row for found in site.values(each.key).values() for row in found]
    words = site.words[lang]
    given = sum(row["value"] is not None for row in rows)
    return {
        "key": each.key,
        "title": each.title[lang],
        "abstract": each.abstract[lang],
        "nature": words.kind(each.nature),
        "count": words("given_of", given=given, absent=len(rows) - given)
        if rows
        else words("not_computed", reason=words["never_computed"]),
    }


def _places(site: Site, lang: str, key: str) -> list[dict[str, Any]]:
    """Series and newest values at each place of an indicator that is no map."""
    words, indicator = site.words[lang], find_indicator(key)
    found = []
    for region, rows in sorted(site.values(key).items()):
        groups = grouped(rows)
        asked: list[Asked] = series_of(groups, "")
        # A series of each measure once: its table behind the chart holds every value.
        drawings = [(series(site, lang, a), a) for a in asked[:3]]
        found.append(
            {
                "region": region,
                "name": site.region_name(region, lang),
                "drawings": drawings,
                "rows": [shown(row, indicator, words) for row in newest(groups)][:_MOST_ROWS],
            }
        )
    return found
