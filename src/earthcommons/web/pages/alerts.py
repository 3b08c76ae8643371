"""Alerts and watches: what stands, what ended, how unusual it was, and how often a rule errs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response  # noqa: TC002 - read when routes are made

from earthcommons.errors import CommonsError, NotFoundError
from earthcommons.indicators import find_indicator
from earthcommons.model.period import Period
from earthcommons.render.format import number_text
from earthcommons.web.pages.figures import Asked, series
from earthcommons.web.pages.view import number_of
from earthcommons.web.parameters import known

if TYPE_CHECKING:
    from earthcommons.web.pages.site import Site
    from earthcommons.web.pages.view import Row
    from earthcommons.web.words import Words

__all__ = ["add_to", "alert_view", "false_alarm_text", "severity_class"]

_SEVERITIES = {
    "minor": 1, "weak": 1, "moderate": 2, "strong": 3, "severe": 3, "very strong": 4,
    "very-strong": 4, "extreme": 4,
}  # fmt: skip
_SHOWN = 3


def add_to(router: APIRouter, site: Site) -> None:
    """Add the pages of alerts and watches."""

    @router.get("/{lang:lang}/alerts")
    def alerts(request: Request, lang: str) -> Response:
        known(request, ())
        words = site.words[lang]
        found = [a for a in site.all_of("alert") if a.get("state") != "withdrawn"]
        found.sort(key=lambda a: str(a["start"]), reverse=True)
        views = [alert_view(site, lang, alert) for alert in found]
        ended: dict[str, list[dict[str, Any]]] = {}
        for view in views:
            if not view["standing"]:
                ended.setdefault(view["place"], []).append(view)
        return site.page(
            request,
            lang,
            "alerts.html",
            title=words["alerts_title"],
            nav="alerts",
            links=[
                ("/api/alerts", "application/json", "JSON"),
                ("/api/watches", "application/json", words["watches"] + " JSON"),
            ],
            standing=[view for view in views if view["standing"]],
            ended=list(ended.items()),
            watches=[
                (w["key"], words.of(w["title"]), false_alarm_text(w, words))
                for w in site.all_of("watch")
            ],
            any=bool(views),
        )

    @router.get("/{lang:lang}/watches/{key}")
    def watch(request: Request, lang: str, key: str) -> Response:
        known(request, ())
        words, body = site.words[lang], site.catalog.get("watch", key)
        mine = [
            a
            for a in site.all_of("alert")
            if a["watch"] == key and a.get("state") != "withdrawn"
        ]
        mine.sort(key=lambda a: str(a["start"]), reverse=True)
        indicator = find_indicator(body["indicator"])
        return site.page(
            request,
            lang,
            "watch.html",
            title=words.of(body["title"]),
            nav="alerts",
            links=[("/api/watches", "application/json", "JSON")],
            trail=[(f"/{lang}/alerts", words["alerts_title"])],
            watch=body,
            rule=words.of(body["rule"]),
            place=site.region_name(body["region"], lang),
            indicator=indicator.title[lang],
            parameters=[
                (name.replace("_", " "), _plain(value))
                for name, value in body["parameters"].items()
            ],
            rate=false_alarm_text(body, words),
            measured=_said(body["false_alarms"].get("method", ""), words),
            alerts=[alert_view(site, lang, alert) for alert in mine],
            drawing=_drawing(site, lang, body, mine),
        )


def alert_view(site: Site, lang: str, alert: Row) -> dict[str, Any]:
    """Return an alert as a page tells it."""
    words = site.words[lang]
    peak, facts = alert["peak"], alert["facts"]
    watch = _watch(site, alert["watch"])
    digits = 2
    if watch is not None:
        digits = find_indicator(watch["indicator"]).digits
    unusual = [words("z_text", z=number_text(facts["z"], 2))] if _is_number(facts, "z") else []
    if _is_number(facts, "rank"):
        earlier = facts.get("earlier_years")
        if isinstance(earlier, int):
            unusual.append(words("rank_text", rank=f"{facts['rank']:g}", n=earlier + 1))
    headline = facts.get("headline")
    signed = bool(watch) and alert["kind"] in ("warm-episode", "cold-episode")
    evidence = list(alert["observations"])
    at_peak = _peak_row(site, watch, alert)
    return {
        "id": alert["id"],
        "place": site.region_name(alert["region"], lang),
        "region": alert["region"],
        "kind": words.kind(alert["kind"]),
        "headline": words.of(headline) if isinstance(headline, dict) else "",
        "severity": words.kind(str(alert["severity"])),
        "severity_class": severity_class(str(alert["severity"])),
        "certainty": words.kind(alert["certainty"]),
        "standing": alert["end"] is None,
        "start": alert["start"],
        "when": _when(alert, words),
        "peak": number_of(float(peak["value"]), peak["unit"], digits, lang, signed=signed),
        "peak_when": _period(peak["period"], words),
        # A mean of three months is no single observation: its months are listed as evidence.
        "peak_why": at_peak["id"] if at_peak and at_peak["value"] == peak["value"] else "",
        "unusual": words.join(unusual),
        "watch": alert["watch"],
        "watch_title": words.of(watch["title"]) if watch else alert["watch"],
        "rate": false_alarm_text(watch, words) if watch else words["false_unknown"],
        "evidence": evidence[:_SHOWN],
        "more": max(len(evidence) - _SHOWN, 0),
        "count": len(evidence),
        "drawing": _drawing(site, lang, watch, [alert]) if watch else None,
    }


def severity_class(severity: str) -> int:
    """Return 1 to 4 for a severity in words or digits; 1 for one unknown."""
    if severity.isdigit():
        return min(max(int(severity), 1), 4)
    return _SEVERITIES.get(severity, 1)


def false_alarm_text(watch: Row, words: Words) -> str:
    """Return a watch's measured false-alarm rate with its interval, in words."""
    found = watch.get("false_alarms") or {}
    if isinstance(found.get("text"), dict):
        return words.of(found["text"])
    rate = next((found[k] for k in ("rate_per_year", "per_year", "rate") if k in found), None)
    low, high = found.get("low"), found.get("high")
    interval = found.get("interval")
    if isinstance(interval, dict):
        low, high = interval.get("low"), interval.get("high")
    elif isinstance(interval, (list, tuple)) and len(interval) == 2:
        low, high = interval
    if not all(isinstance(n, (int, float)) for n in (rate, low, high)):
        return str(found.get("text", "")) or words["false_unknown"]
    return words("false_rate", rate=_small(rate), low=_small(low), high=_small(high))


def _drawing(site: Site, lang: str, watch: Row | None, alerts: list[Row]) -> Any:
    """The series a watch looks at, or None where it is not published."""
    if watch is None:
        return None
    key, region = watch["indicator"], watch["region"]
    measured = {row["dimensions"].get("measure") for row in site.at(key, region)}
    by_id = {row["id"]: row for row in site.at(key, region)}
    rests = [by_id[i] for alert in alerts for i in alert["observations"] if i in by_id]
    if not rests and not measured:
        return None
    first = rests[0] if rests else site.at(key, region)[0]
    dims = tuple(sorted((k, v) for k, v in first["dimensions"].items() if k != "sample"))
    from earthcommons.web.pages.view import grain

    asked = Asked(key, region, dims, grain(first["period"]))
    months = {row["period"][5:7] for row in rests if len(row["period"]) == 7}
    total = sum(row["dimensions"] == first["dimensions"] for row in by_id.values())
    if total > 150 and asked.grain == "month" and months:
        asked = Asked(key, region, dims, "month", int(min(months)))
    try:
        return series(site, lang, asked)
    except CommonsError:
        return None


def _peak_row(site: Site, watch: Row | None, alert: Row) -> Row | None:
    if watch is None:
        return None
    for row in site.at(watch["indicator"], alert["region"]):
        if row["id"] in alert["observations"] and row["period"] == alert["peak"]["period"]:
            return row
    return None


def _watch(site: Site, key: str) -> Row | None:
    try:
        return site.catalog.get("watch", key)
    except NotFoundError:
        return None


def _when(alert: Row, words: Words) -> str:
    start = _period(alert["start"], words)
    if alert["end"] is None:
        return words("since", date=start)
    if alert["end"] == alert["start"]:
        return start
    return words("from_to", first=start, last=_period(alert["end"], words))


def _period(text: str, words: Words) -> str:
    try:
        Period.parse(text)
    except CommonsError:
        return text
    return words.when(text)


def _is_number(facts: Row, name: str) -> bool:
    return isinstance(facts.get(name), (int, float)) and not isinstance(facts.get(name), bool)


def _small(number: Any) -> str:
    size = abs(float(number))
    return number_text(float(number), 3 if size >= 0.1 else 4 if size >= 0.01 else 5)


def _plain(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "\u2013".join(str(v) for v in value)
    return str(value)


def _said(text: Any, words: Words) -> str:
    return words.of(text) if isinstance(text, dict) else str(text)
