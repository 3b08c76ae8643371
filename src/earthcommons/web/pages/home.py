"""Home, a briefing: three dated cards, the map of the month, what changed, how to add data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response  # noqa: TC002 - read when routes are made

from earthcommons.indicators import find_indicator
from earthcommons.model.period import Period
from earthcommons.web.pages.map_page import sea_map
from earthcommons.web.pages.view import Shown, number_of, shown
from earthcommons.web.parameters import known

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from earthcommons.model.record import Change
    from earthcommons.web.pages.site import Site
    from earthcommons.web.pages.view import Row

__all__ = ["RULES", "Card", "CardRule", "add_to", "card_row", "departure", "gathered"]

_SHELL = (
    "earthcommons init mynode",
    "earthcommons ingest lights.tif --declare lights.toml --node mynode",
    "earthcommons serve --node mynode",
)
_STATED = re.compile(r"standard deviation (\d+\.\d+)")
_YEARS = re.compile(r"(\d{4})[-\u2013](\d{4})")


@dataclass(frozen=True, slots=True)
class CardRule:
    """Which observation a card shows: the extreme one of a series, found anew on each node.

    Attributes:
        month: only this calendar month, or 0 for all.
        lowest: the lowest level, otherwise the largest anomaly.
    """

    title: str
    indicator: str
    region: str
    month: int
    lowest: bool


RULES = (
    CardRule("card_antarctic", "sea-ice-extent", "ec:antarctic", 7, lowest=True),
    CardRule("card_arctic", "sea-ice-extent", "ec:arctic", 9, lowest=True),
    CardRule("card_nino", "sst-anomaly", "ec:nino34", 0, lowest=False),
)


@dataclass(frozen=True, slots=True)
class Card:
    """A dated card.

    Attributes:
        companion: the anomaly beside a level, or the level beside an anomaly.
        z: the anomaly in standard deviations its baseline states, or empty.
        alert: id of an alert that rests on it, or empty.
    """

    title: str
    rule: CardRule
    main: Shown
    companion: Shown
    years: str
    month_name: str
    count: str
    z: str
    alert: str
    href: str


@dataclass(frozen=True, slots=True)
class Changed:
    """Neighbouring changes of one kind, told once."""

    kind: str
    count: int
    last: str
    href: str


def card_row(rule: CardRule, rows: Sequence[Row]) -> Row | None:
    """Return the observation a rule chooses; the earliest where two are equal."""
    measure = "level" if rule.lowest else "anomaly"
    fit = [
        row
        for row in rows
        if row["dimensions"] == {"measure": measure}
        and row["value"] is not None
        and (not rule.month or int(row["period"][5:7]) == rule.month)
    ]
    if not fit:
        return None
    fit.sort(key=lambda row: (row["value"] if rule.lowest else -row["value"], row["period"]))
    return fit[0]


def departure(anomaly: Row) -> float | None:
    """Return an anomaly in standard deviations of the baseline it states, or None."""
    stated = _STATED.search(anomaly["baseline"])
    if stated is None or anomaly["value"] is None or float(stated.group(1)) == 0:
        return None
    return float(anomaly["value"]) / float(stated.group(1))


def gathered(changes: Iterable[Change], lang: str) -> list[Changed]:
    """Return changes newest first, neighbours of one kind told once with their number."""
    found = []
    for kind, same in groupby(changes, key=lambda change: change.kind):
        several = list(same)
        found.append(
            Changed(kind, len(several), several[0].id, change_href(kind, several[0].id, lang))
        )
    return found


def change_href(kind: str, id_: str, lang: str) -> str:
    """Return the page of a record, or an empty string where it has none of its own."""
    pages = {
        "item": f"/data/{id_}",
        "alert": "/alerts",
        "watch": f"/watches/{id_}",
        "report": f"/reports/{id_}",
        "need": f"/technology/needs/{id_}",
        "offer": f"/technology/offers/{id_}",
        "series": f"/indicators/{id_}",
        "region-set": f"/regions/{id_}",
    }
    return f"/{lang}{pages[kind]}" if kind in pages else ""


def add_to(router: APIRouter, site: Site) -> None:
    """Add the home page."""

    @router.get("/{lang:lang}")
    @router.get("/{lang:lang}/")
    def home(request: Request, lang: str) -> Response:
        known(request, ())
        words = site.words[lang]
        progress = site.progress()
        building = progress is not None and progress[0] < progress[1]
        newest = site.changes(5000)
        return site.page(
            request,
            lang,
            "home.html",
            title=words["home_title"],
            nav="home",
            links=[
                ("/api/alerts", "application/json", words["alerts"] + " JSON"),
                ("/stac/", "application/json", "STAC"),
            ],
            refresh=5 if building else 0,
            progress=progress if building else None,
            cards=[card for rule in RULES if (card := _card(site, lang, rule)) is not None],
            sea=sea_map(site, lang, _month(site)),
            changed=gathered(newest, lang)[:8],
            shell=_SHELL,
        )


def _month(site: Site) -> str:
    """The month of the warmest departure of Niño 3.4: what the card above the map is about."""
    row = card_row(RULES[2], site.at("sst-anomaly", "ec:nino34"))
    return "" if row is None else str(row["period"])


def _card(site: Site, lang: str, rule: CardRule) -> Card | None:
    rows = site.at(rule.indicator, rule.region)
    row = card_row(rule, rows)
    if row is None:
        return None
    other = "anomaly" if rule.lowest else "level"
    beside = site.find_row(rule.indicator, rule.region, row["period"], {"measure": other})
    if beside is None:
        return None
    words, indicator = site.words[lang], find_indicator(rule.indicator)
    anomaly = beside if rule.lowest else row
    years = _YEARS.search(anomaly["baseline"])
    z = departure(anomaly)
    same = [r for r in rows if r["dimensions"] == row["dimensions"] and r["value"] is not None]
    same = [r for r in same if not rule.month or int(r["period"][5:7]) == rule.month]
    name = words.when(row["period"]).split()[0]
    if lang == "zh":
        name = f"{int(row['period'][5:7])}月"
    return Card(
        title=words[rule.title],
        rule=rule,
        main=shown(row, indicator, words),
        companion=shown(beside, indicator, words),
        years="\u2013".join(years.groups()) if years else "",
        month_name=name,
        count=str(len(same)),
        z="" if z is None else str(number_of(z, "1", 1, lang, signed=True)),
        alert=_alert_on(site, rule.region, row["id"], row["period"]),
        href=f"/{lang}/places/{rule.region}?period={row['period']}",
    )


def _alert_on(site: Site, region: str, observation: str, period: str) -> str:
    for alert in site.all_of("alert"):
        if alert["region"] != region or alert.get("state") == "withdrawn":
            continue
        if observation in alert["observations"] or alert["peak"]["period"] == period:
            return str(alert["id"])
        start = Period.parse(alert["start"]).start
        end = Period.parse(alert["end"] or period).end
        if alert["kind"] != "state" and start <= Period.parse(period).start < end:
            return str(alert["id"])
    return ""
