"""Charts of observations: one specification for the page's element and the picture beside it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from statistics import stdev
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Request, Response

from earthcommons.errors import InvalidInputError, NotFoundError
from earthcommons.indicators import find_indicator
from earthcommons.model.period import Period
from earthcommons.render.charts import (
    BandPoint,
    Mark,
    Part,
    Point,
    Span,
    bars_by_year,
    series_with_baseline,
    split_bar,
)
from earthcommons.render.svg import chart_svg
from earthcommons.web.pages.site import compressed
from earthcommons.web.pages.view import (
    Group,
    Shown,
    figure_digits,
    figure_label,
    grouped,
    is_signed,
    number_of,
    shown,
    unit_sign,
)
from earthcommons.web.parameters import known

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from earthcommons.web.pages.site import Site
    from earthcommons.web.pages.view import Row

__all__ = [
    "Asked",
    "Drawing",
    "alert_spans",
    "baseline_band",
    "figures_router",
    "group_of",
    "series",
    "slim",
    "split",
    "window",
]

_YEARS = re.compile(r"(\d{4})[-\u2013](\d{4})")
_SPREAD = re.compile(r"standard deviation (\d+\.\d+)")
_FEW = 12
_MOST_ROWS = 60
_PARTS = (
    ("change-both-lit", "part_lit"), ("change-newly-lit", "part_crossed"),
    ("change-gone-dark", "part_dark"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """Which series is drawn; its address is made of this.

    Attributes:
        month: only this calendar month, 1 to 12; 0 for all.
        mark: a period to point at, or empty.
    """

    indicator: str
    region: str
    dimensions: tuple[tuple[str, str], ...]
    grain: str = "month"
    month: int = 0
    mark: str = ""

    def address(self, lang: str) -> str:
        """Return the address of the picture."""
        pairs = {f"dim.{name}": value for name, value in self.dimensions}
        pairs |= {"grain": self.grain}
        if self.month:
            pairs["month"] = str(self.month)
        if self.mark:
            pairs["mark"] = self.mark
        place = quote(self.region, safe=":")
        return f"/figures/series/{self.indicator}/{place}.{lang}.svg?{urlencode(pairs)}"


@dataclass(frozen=True, slots=True)
class Drawing:
    """A chart with everything that stands around it on a page."""

    spec: dict[str, Any]
    src: str
    alt: str
    label: str
    rows: tuple[Shown, ...]
    banded: bool
    spanned: bool
    more: int = 0
    csv: str = ""
    caption: str = ""


def group_of(site: Site, asked: Asked) -> Group:
    """Return the observations of one figure at one place.

    Raises:
        NotFoundError: none are published.
    """
    for group in grouped(site.at(asked.indicator, asked.region)):
        if group.dimensions == asked.dimensions and group.grain == asked.grain:
            rows = tuple(r for r in group.rows if _in_month(r["period"], asked.month))
            if rows:
                return Group(group.indicator, group.region, group.dimensions, group.grain, rows)
    raise NotFoundError(f"{asked.indicator} has no such series at {asked.region[:60]!r}")


def series(site: Site, lang: str, asked: Asked) -> Drawing:
    """Return the chart of a series, with its baseline and the alerts that rest on it.

    Raises:
        NotFoundError: no such series is published.
        InvalidInputError: no period of it has a value.
    """
    key = ("series", site.run_of(asked.indicator), asked, lang, site.alerts_version())
    return site.drawings.get(key, lambda: _series(site, lang, asked))


def _series(site: Site, lang: str, asked: Asked) -> Drawing:
    group = group_of(site, asked)
    indicator, words = find_indicator(asked.indicator), site.words[lang]
    first = group.rows[0]
    label = figure_label(first, indicator, words)
    each = words("only_month", month=words.month(asked.month)) if asked.month else ""
    spans = alert_spans(site, lang, group)
    band = baseline_band(group, grouped(site.at(asked.indicator, asked.region)))
    spec = series_spec(site, lang, group, band=band, spans=spans, mark=asked.mark)
    rows = [shown(row, indicator, words) for row in group.rows]
    kept = window([row.period for row in rows], asked.mark, _MOST_ROWS)
    query = {f"dim.{name}": value for name, value in asked.dimensions}
    return Drawing(
        spec=spec,
        src=asked.address(lang),
        alt=spec["description"],
        label=label,
        caption=words.phrase([label, each]),
        rows=tuple(rows[kept]),
        banded=bool(band),
        spanned=bool(spans),
        more=len(rows) - len(rows[kept]),
        csv="/api/observations.csv?"
        + urlencode({"indicator": asked.indicator, "region": asked.region, **query}, safe=":"),
    )


def window(periods: Sequence[str], mark: str, most: int) -> slice:
    """Return which rows of a long table are shown: those about the mark, else the newest."""
    if len(periods) <= most:
        return slice(0, len(periods))
    middle = periods.index(mark) if mark in periods else len(periods)
    start = max(min(middle - most // 2, len(periods) - most), 0)
    return slice(start, start + most)


def slim(spec: dict[str, Any]) -> dict[str, Any]:
    """Return a specification that carries each table of data once, by name."""
    tables: dict[str, list[Any]] = {}
    layers = []
    for layer in spec["layer"]:
        values = layer.get("data", {}).get("values")
        if values is None:
            layers.append(layer)
            continue
        name = next((n for n, known_ in tables.items() if known_ == values), f"t{len(tables)}")
        tables[name] = values
        layers.append({**layer, "data": {"name": name}})
    return {**spec, "layer": layers, "datasets": tables} if tables else spec


def series_spec(
    site: Site,
    lang: str,
    group: Group,
    *,
    band: Sequence[BandPoint] = (),
    spans: Sequence[Span] = (),
    mark: str = "",
) -> dict[str, Any]:
    """Return the specification of a series: bars for a few years, a line otherwise."""
    indicator, words = find_indicator(group.indicator), site.words[lang]
    first = group.rows[0]
    digits = figure_digits(first, indicator)
    unit = unit_sign(first["unit"], lang) or "1"
    titles = {w.lang: figure_label(first, indicator, w) for w in site.words.values()}
    points = [
        Point(
            _at(row["period"]),
            None if row["value"] is None else round(row["value"], digits + 2),
        )
        for row in group.rows
    ]
    about = {
        w.lang: _description(group, titles[w.lang], w, digits) for w in site.words.values()
    }
    signed = is_signed(first["dimensions"])
    if group.grain == "year" and len(points) <= _FEW and not signed:
        return bars_by_year(
            points, unit=unit, title=titles, description=about, lang=lang, digits=digits
        )
    marks = []
    for row in group.rows:
        if row["period"] == mark and row["value"] is not None:
            said = number_of(row["value"], row["unit"], digits, lang, signed=signed)
            marks.append(Mark(_at(mark), f"{words.when(mark)}: {said}"))
    return slim(
        series_with_baseline(
            points,
            unit=unit,
            title=titles,
            description=about,
            lang=lang,
            baseline=band,
            spans=spans,
            marks=marks,
            zero_line=signed,
            digits=digits,
        )
    )


def baseline_band(group: Group, groups: Sequence[Group]) -> list[BandPoint]:
    """Return the mean of the baseline years, plus and minus one standard deviation.

    The mean of a calendar month is its level less its anomaly; the deviation is the one the
    baseline states, else that of the levels of the same month in the baseline years (n - 1).

    Args:
        group: the series drawn, levels or anomalies.
        groups: all figures at the place; without levels and anomalies there is no band.
    """
    others = dict(group.dimensions)
    others.pop("measure", None)
    found: dict[str, dict[str, Row]] = {"level": {}, "anomaly": {}}
    for other in groups:
        dims = dict(other.dimensions)
        measure = dims.pop("measure", "")
        if measure in found and dims == others and other.grain == group.grain:
            found[measure] = {row["period"]: row for row in other.rows}
    if group.measure not in found or not all(found.values()):
        return []
    band = []
    for row in group.rows:
        level, anomaly = (found[name].get(row["period"]) for name in ("level", "anomaly"))
        if level is None or anomaly is None or level["value"] is None:
            continue
        if anomaly["value"] is None:
            continue
        spread = _spread(anomaly["baseline"], row["period"], found["level"])
        if spread is None:
            return []
        middle = level["value"] - anomaly["value"] if group.measure == "level" else 0.0
        low, middle, high = (round(n, 4) for n in (middle - spread, middle, middle + spread))
        band.append(BandPoint(_at(row["period"]), low, middle, high))
    return band


def alert_spans(site: Site, lang: str, group: Group) -> list[Span]:
    """Return the stretches in which alerts stood that rest on a series."""
    words = site.words[lang]
    months = {row["period"][5:7] for row in group.rows}
    watches = {w["key"] for w in site.all_of("watch") if w["indicator"] == group.indicator}
    spans = []
    for alert in site.all_of("alert"):
        if alert["watch"] not in watches or alert["region"] != group.region:
            continue
        # An alert on Julys says nothing about a series of Februaries.
        other_month = len(months) == 1 and alert["start"][5:7] not in months
        if alert.get("state") == "withdrawn" or other_month:
            continue
        end = alert["end"] or group.rows[-1]["period"]
        first, last = Period.parse(alert["start"]), Period.parse(end)
        if last.end > first.start:
            label = words.kind(alert["kind"])
            spans.append(Span(first.start.isoformat(), last.end.isoformat(), label))
    return spans


def split(site: Site, lang: str, region: str) -> tuple[dict[str, Any], dict[str, Row]] | None:
    """Return the chart of the parts of a change in night lights, and its observations.

    None where the parts are not published.
    """
    rows = {
        row["dimensions"].get("measure", ""): row
        for row in site.at("night-lights", region)
        if row["value"] is not None and "/" in row["period"]
    }
    if "change" not in rows or any(name not in rows for name, _ in _PARTS):
        return None
    words, total = site.words[lang], rows["change"]
    parts = [Part(words[key], rows[name]["value"]) for name, key in _PARTS]
    rest = total["value"] - sum(part.value for part in parts)
    if abs(rest) > 1e-4 * abs(total["value"]) and "change-rest" in rows:
        indicator = find_indicator("night-lights")
        parts.append(Part(indicator.measures["change-rest"][lang], rest))
    values = words.join(
        [f"{p.label} {number_of(p.value, total['unit'], 0, lang, signed=True)}" for p in parts]
    )
    spec = split_bar(
        parts,
        total=total["value"],
        total_label=words["part_total"],
        unit=unit_sign(total["unit"], lang),
        title={w.lang: find_indicator("night-lights").measures["change"][w.lang]
               for w in site.words.values()},
        description={lang: words("split_alt", values=values)},
        lang=lang,
    )  # fmt: skip
    return spec, rows


def figures_router(site: Site) -> APIRouter:
    """Return the routes of the charts' pictures."""
    router = APIRouter(prefix="/figures", include_in_schema=False)

    @router.get("/series/{indicator}/{region}.{lang}.svg")
    def series_picture(request: Request, indicator: str, region: str, lang: str) -> Response:
        _check_language(site, lang)
        values = known(request, ("grain", "month", "mark"), prefix="dim.")
        month = values.get("month", "0")
        if not month.isdigit() or not 0 <= int(month) <= 12:
            raise InvalidInputError(f"month {month[:10]!r}: need 1 to 12")
        dims = {k[4:]: v for k, v in values.items() if k.startswith("dim.")}
        asked = Asked(
            indicator,
            region,
            tuple(sorted(dims.items())),
            values.get("grain", "month"),
            int(month),
            values.get("mark", ""),
        )
        key = ("series", site.run_of(indicator), asked, lang, site.alerts_version())
        svg = site.pictures.get(key, lambda: chart_svg(series(site, lang, asked).spec))
        return compressed(request, svg.encode(), "image/svg+xml")

    @router.get("/split/{region}.{lang}.svg")
    def split_picture(request: Request, region: str, lang: str) -> Response:
        _check_language(site, lang)
        known(request, ())
        found = split(site, lang, region)
        if found is None:
            raise NotFoundError(f"no change is split into parts at {region[:60]!r}")
        key = ("split", site.run_of("night-lights"), region, lang)
        svg = site.pictures.get(key, lambda: chart_svg(found[0]))
        return compressed(request, svg.encode(), "image/svg+xml")

    return router


def _check_language(site: Site, lang: str) -> None:
    if lang not in site.words:
        raise NotFoundError(f"there is no language {lang[:10]!r}")


def _in_month(period: str, month: int) -> bool:
    return not month or (len(period) == 7 and int(period[5:]) == month)


def _at(period: str) -> str:
    """Where a period stands on the axis: its first day, as short as it is written."""
    return period.partition("/")[0]


def _spread(baseline: str, period: str, levels: Mapping[str, Row]) -> float | None:
    if stated := _SPREAD.search(baseline):
        return float(stated.group(1))
    years = _YEARS.search(baseline)
    if years is None:
        return None
    first, last = int(years.group(1)), int(years.group(2))
    same = [
        row["value"]
        for at, row in levels.items()
        if at[4:] == period[4:] and first <= int(at[:4]) <= last and row["value"] is not None
    ]
    return stdev(same) if len(same) > 1 else None


def _description(group: Group, title: str, words: Any, digits: int) -> str:
    given = [row for row in group.rows if row["value"] is not None]
    if not given:
        return title
    low = min(given, key=lambda row: row["value"])
    high = max(given, key=lambda row: row["value"])

    def said(row: Row) -> str:
        return str(number_of(row["value"], row["unit"], digits, words.lang))

    if group.grain == "year" and len(group.rows) <= _FEW:
        values = words.join([f"{row['period']} {said(row)}" for row in given])
        return str(words("bars_alt", title=title, values=values))
    return str(
        words(
            "series_alt",
            title=title,
            first=words.when(group.rows[0]["period"]),
            last=words.when(group.rows[-1]["period"]),
            low=said(low),
            low_at=words.when(low["period"]),
            high=said(high),
            high_at=words.when(high["period"]),
        )
    )
