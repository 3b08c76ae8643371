"""Places: the list with its search, and a page for each country, group or named place."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response  # noqa: TC002 - read when routes are made

from earthcommons.errors import InvalidInputError
from earthcommons.indicators import find_indicator
from earthcommons.model.period import Period
from earthcommons.web.pages.alerts import alert_view
from earthcommons.web.pages.choropleths import layers_of
from earthcommons.web.pages.figures import Asked, Drawing, series, split
from earthcommons.web.pages.view import absences, grouped, newest, number_of, shown
from earthcommons.web.parameters import known

if TYPE_CHECKING:
    from collections.abc import Sequence

    from earthcommons.model.region import Region
    from earthcommons.web.pages.site import Site
    from earthcommons.web.pages.view import Group, Row
    from earthcommons.web.words import Words

__all__ = ["add_to", "found_places", "listed", "series_of"]

_LIGHTS, _WARMING, _COVER = "night-lights", "warming", "land-cover-share"
_MOST = 150
_LEAST = 5


def add_to(router: APIRouter, site: Site) -> None:
    """Add the pages of places and of region sets."""

    @router.get("/{lang:lang}/places")
    def places(request: Request, lang: str) -> Response:
        values = known(request, ("q",))
        words, asked = site.words[lang], values.get("q", "").strip()
        if len(asked) > 100:
            raise InvalidInputError("a place's name of over 100 characters")
        regions = site.regions()
        hits = found_places(regions, asked) if asked else regions
        return site.page(
            request,
            lang,
            "places.html",
            title=words["places_title"],
            nav="places",
            links=[
                ("/api/regions", "application/json", "JSON"),
                ("/api/regions.geojson", "application/geo+json", "GeoJSON"),
            ],
            asked=asked,
            total=len(hits),
            sections=listed(hits, regions, words),
        )

    @router.get("/{lang:lang}/places/{name}")
    def place(request: Request, lang: str, name: str) -> Response:
        values = known(request, ("period",))
        region = site.places.find(name)
        return _place(site, request, lang, region, values.get("period", ""))

    @router.get("/{lang:lang}/regions/{name}")
    def region_set(request: Request, lang: str, name: str) -> Response:
        known(request, ())
        body = site.catalog.get("region-set", name)
        words = site.words[lang]
        return site.page(
            request,
            lang,
            "region_set.html",
            title=f"{words['region_set']} {name}",
            nav="places",
            links=[(f"/api/regions?set={name}", "application/json", "JSON")],
            trail=[(f"/{lang}/places", words["places_title"])],
            set=body,
            disclaimer=words.of(body.get("disclaimer", {}) or {"en": ""}),
            limits=[
                words.of(limit) if isinstance(limit, dict) else str(limit)
                for limit in body.get("known_limits", ())
            ],
        )


def found_places(regions: Sequence[Region], asked: str) -> list[Region]:
    """Return the places whose name in any language, or code, holds what was asked."""
    wanted = _plain(asked)
    return [
        region
        for region in regions
        if wanted in _plain(" ".join([region.id, region.iso3 or "", *region.names.values()]))
    ]


def listed(
    hits: Sequence[Region], regions: Sequence[Region], words: Words
) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """Return places by heading: continents, then groups, then named places.

    Each entry is (id, name, code); a country stands under the first continent it is part of.
    """
    lang = words.lang
    names = {region.id: region.name(lang) for region in regions}
    continents = ("m49:002", "m49:019", "m49:142", "m49:150", "m49:009")
    found: dict[str, list[tuple[str, str, str]]] = {
        **{names[id_]: [] for id_ in continents if id_ in names},
        words["other_areas"]: [],
        words["groups"]: [],
        words["named_places"]: [],
    }
    for region in hits:
        head = words["other_areas"]
        if region.members:
            head = words["groups"]
        elif region.id.startswith("ec:") and region.kind == "place":
            head = words["named_places"]
        else:
            for id_ in continents:
                if id_ in region.groups:
                    head = names[id_]
                    break
        code = region.iso3 or ""
        found[head].append((region.id, region.name(lang), code))
    return [
        (head, sorted(rows, key=lambda row: words.order(row[1])))
        for head, rows in found.items()
        if rows
    ]


def series_of(groups: Sequence[Group], period: str) -> list[Asked]:
    """Return which of a place's figures are drawn over time.

    A monthly figure too long to read whole is drawn for one calendar month: that of `period`,
    else of its lowest value. Figures of many single days are left to those by month or year.
    """
    found = []
    for group in groups:
        given = [row for row in group.rows if row["value"] is not None]
        if len(given) < _LEAST or group.grain == "span":
            continue
        month = 0
        if len(group.rows) > _MOST:
            if group.grain != "month":
                if any(_same(group, other) for other in groups):
                    continue
            elif len(period) == 7:
                month = int(period[5:])
            else:
                month = int(min(given, key=lambda row: row["value"])["period"][5:7])
        inside = any(row["period"] == period for row in given)
        mark = period if inside else ""
        found.append(
            Asked(group.indicator, group.region, group.dimensions, group.grain, month, mark)
        )
    return found


def _same(group: Group, other: Group) -> bool:
    return other is not group and other.indicator == group.indicator and other.grain != "day"


def _place(site: Site, request: Request, lang: str, region: Region, period: str) -> Response:
    words = site.words[lang]
    if period:
        Period.parse(period)
    name = region.name(lang)
    rows = {each.key: site.at(each.key, region.id) for each in site.indicators()}
    held = {key: found for key, found in rows.items() if found}
    every = [row for found in held.values() for row in found]
    m49 = region.id.partition(":")[2] if region.id.startswith("m49:") else ""
    path = f"/places/{region.id}"
    parents = [(f"/{lang}/places/{id_}", site.region_name(id_, lang)) for id_ in region.groups]
    lights = _lights(site, lang, region.id)
    return site.page(
        request,
        lang,
        "place.html",
        title=name,
        nav="places",
        trail=[(f"/{lang}/places", words["places_title"])],
        canonical=path,
        links=[
            (f"/api/observations?region={region.id}&limit=1000", "application/json", "JSON"),
            (f"/api/observations.csv?region={region.id}", "text/csv", "CSV"),
        ],
        region=region,
        name=name,
        m49=m49,
        other_names=[n for k, n in region.names.items() if k != lang and k in ("en", "zh")],
        parents=parents,
        head=_head(held, name, words),
        chosen=[
            shown(row, find_indicator(row["indicator"]), words)
            for row in every
            if period and row["period"] == period and row["value"] is not None
        ][:12],
        lights=lights,
        warming=_warming(site, lang, region.id, name),
        cover=_cover(site, lang, region.id),
        table=_table(held, words),
        drawings=_drawings(site, lang, held, period, skip=() if lights is None else (_LIGHTS,)),
        gaps=_gaps(held, words),
        alerts=[
            alert_view(site, lang, alert)
            for alert in site.all_of("alert")
            if alert["region"] == region.id and alert.get("state") != "withdrawn"
        ],
        reports=[r for r in site.all_of("report") if r["region"] == region.id],
        maps=[(key, find_indicator(key).title[lang]) for key in held if layers_of(site, key)],
        empty=not every,
    )


def _head(held: dict[str, list[Row]], name: str, words: Words) -> str:
    latest = [row for found in held.values() for row in newest(grouped(found))]
    given = sum(row["value"] is not None for row in latest)
    if not latest:
        return words("no_values", place=name)
    return words(
        "head_given",
        place=name,
        given=given,
        indicators=len(held),
        absent=len(latest) - given,
    )


def _table(held: dict[str, list[Row]], words: Words) -> list[dict[str, Any]]:
    """The newest period of each figure, by indicator; figures absent for one reason told once."""
    found = []
    for key, rows in held.items():
        indicator = find_indicator(key)
        latest = newest(grouped(rows))
        found.append(
            {
                "key": key,
                "title": indicator.title[words.lang],
                "rows": [
                    shown(row, indicator, words) for row in latest if row["value"] is not None
                ],
                "absent": absences(latest, indicator, words),
            }
        )
    return found


def _gaps(held: dict[str, list[Row]], words: Words) -> list[dict[str, Any]]:
    return [
        {"title": find_indicator(key).title[words.lang], "absence": absence}
        for key, rows in held.items()
        for absence in absences(newest(grouped(rows)), find_indicator(key), words)
        if absence.status == "missing"
    ]


def _drawings(
    site: Site, lang: str, held: dict[str, list[Row]], period: str, skip: tuple[str, ...]
) -> list[dict[str, Any]]:
    found = []
    for key, rows in held.items():
        if key in skip:
            continue
        indicator = find_indicator(key)
        asked_for = series_of(grouped(rows), period)[:4]
        charts = [(series(site, lang, asked), asked) for asked in asked_for]
        if charts:
            found.append(
                {
                    "key": key,
                    "title": indicator.title[lang],
                    "not_said": indicator.not_said[lang],
                    "charts": charts,
                }
            )
    return found


def _lights(site: Site, lang: str, region: str) -> dict[str, Any] | None:
    """Night lights by year, the rise in words, and what it is made of."""
    rows = site.at(_LIGHTS, region)
    sums = [
        r for r in rows if r["dimensions"].get("measure") == "sum" and r["value"] is not None
    ]
    if len(sums) < 2:
        return None
    words, indicator = site.words[lang], find_indicator(_LIGHTS)
    asked = Asked(_LIGHTS, region, (("measure", "sum"),), "year")
    relative = next(
        (r for r in rows if r["dimensions"].get("measure") == "relative-change"), None
    )
    claim = ""
    years = (sums[0]["period"], sums[-1]["period"])
    if relative is not None and relative["value"] is not None:
        key = "head_lights" if relative["value"] >= 0 else "lights_fell"
        claim = words(
            key,
            place=site.region_name(region, lang),
            percent=number_of(abs(relative["value"]), "percent", 0, lang),
            first=years[0],
            last=years[1],
        )
    parts = split(site, lang, region)
    return {
        "title": indicator.title[lang],
        "claim": claim,
        "relative": None if relative is None else shown(relative, indicator, words),
        "bars": series(site, lang, asked),
        "parts": None
        if parts is None
        else _parts(lang, parts, indicator, words, region, years),
        "not_said": indicator.not_said[lang],
    }


def _parts(
    lang: str,
    parts: tuple[dict[str, Any], dict[str, Row]],
    indicator: Any,
    words: Words,
    region: str,
    years: tuple[str, str],
) -> dict[str, Any]:
    spec, rows = parts

    def said(name: str) -> str:
        return str(number_of(rows[name]["value"], rows[name]["unit"], 0, lang, signed=True))

    order = ("change-both-lit", "change-newly-lit", "change-gone-dark", "change-rest", "change")
    return {
        "drawing": Drawing(
            spec=spec,
            src=f"/figures/split/{region}.{lang}.svg",
            alt=spec["description"],
            label=words["why_rise"],
            rows=tuple(shown(rows[name], indicator, words) for name in order if name in rows),
            banded=False,
            spanned=False,
        ),
        "claim": words(
            "split_claim",
            total=said("change"),
            lit=said("change-both-lit"),
            crossed=said("change-newly-lit"),
            dark=said("change-gone-dark"),
        ),
        "note": words("split_not", first=years[0]),
    }


def _warming(site: Site, lang: str, region: str, name: str) -> dict[str, Any] | None:
    rows = {
        row["dimensions"].get("scenario"): row
        for row in site.at(_WARMING, region)
        if row["dimensions"].get("measure") == "change"
    }
    low, high = rows.get("ssp126"), rows.get("ssp585")
    if low is None or high is None or low["value"] is None or high["value"] is None:
        return None
    words, indicator = site.words[lang], find_indicator(_WARMING)
    return {
        "claim": words(
            "warming_claim",
            place=name,
            low=number_of(low["value"], "degC", 1, lang),
            low_name=words.dimension("ssp126"),
            high=number_of(high["value"], "degC", 1, lang),
            high_name=words.dimension("ssp585"),
        ),
        "rows": [shown(row, indicator, words) for row in site.at(_WARMING, region)],
        "note": words["warming_note"],
    }


def _cover(site: Site, lang: str, region: str) -> dict[str, Any] | None:
    """Land cover with both years side by side, and each change withheld with its reason."""
    rows = site.at(_COVER, region)
    withheld = [row for row in rows if row["status"] == "withheld"]
    if not withheld:
        return None
    words, indicator = site.words[lang], find_indicator(_COVER)
    areas: dict[str, list[Any]] = {}
    for row in rows:
        if row["dimensions"].get("measure") == "area" and row["value"] is not None:
            areas.setdefault(row["dimensions"]["class"], []).append(row)
    built = [row for row in withheld if row["dimensions"].get("class") == "built-up"]
    head = (built or withheld)[0]
    return {
        "title": indicator.title[lang],
        "head": shown(head, indicator, words),
        "class": words.dimension(head["dimensions"].get("class", "")),
        "seen": [
            shown(row, indicator, words)
            for row in areas.get(head["dimensions"].get("class", ""), [])
        ],
        "years": sorted({row["period"] for found in areas.values() for row in found}),
        "classes": [
            (words.dimension(name), [shown(row, indicator, words) for row in found])
            for name, found in areas.items()
            if any(row["value"] for row in found)
        ],
        "changes": {
            words.dimension(row["dimensions"]["class"]): shown(row, indicator, words)
            for row in withheld
        },
        "not_said": indicator.not_said[lang],
    }


def _plain(text: str) -> str:
    """Letters without accents or case, so that Sao Tome finds São Tomé."""
    bare = unicodedata.normalize("NFKD", text)
    return re.sub(r"[\u0300-\u036f]", "", bare).casefold()
