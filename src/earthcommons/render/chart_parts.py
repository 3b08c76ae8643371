"""The pieces chart specifications are made of: texts, axes, bands, spans, marks, one look."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from earthcommons.errors import InvalidInputError
from earthcommons.render.format import unit_text, value_text

Spec = dict[str, Any]
Texts = Mapping[str, str]

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
WIDTH, HEIGHT = 640, 280
BLUE, VERMILION, ORANGE, GREY = "#0072b2", "#d55e00", "#e69f00", "#7d8a88"
_WORDS = {
    "en": {"missing": "not observed", "total": "total", "baseline": "baseline", "time": "time"},
    "zh": {"missing": "无观测", "total": "合计", "baseline": "基准期", "time": "时间"},
}
_NUMBER = {
    "decimal": ".",
    "thousands": ",",
    "grouping": [3],
    "currency": ["", ""],
    "minus": "\u2212",
}
_ZH_MONTHS = [f"{month}月" for month in range(1, 13)]
_ZH_DAYS = list("日一二三四五六")
_ZH_TIME = {
    "dateTime": "%Y年%-m月%-d日 %X",
    "date": "%Y年%-m月%-d日",
    "time": "%H:%M:%S",
    "periods": ["上午", "下午"],
    "days": [f"星期{day}" for day in _ZH_DAYS],
    "shortDays": [f"周{day}" for day in _ZH_DAYS],
    "months": _ZH_MONTHS,
    "shortMonths": _ZH_MONTHS,
}


@dataclass(frozen=True, slots=True)
class Point:
    """A value at a date `YYYY`, `YYYY-MM` or `YYYY-MM-DD`; None where not observed."""

    at: str
    value: float | None


@dataclass(frozen=True, slots=True)
class BandPoint:
    """The baseline at a date: its middle and the range it usually keeps [unit of the series]."""

    at: str
    low: float
    middle: float
    high: float


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time to mark, an alert for example, with its words in the reader's language."""

    start: str
    end: str
    label: str


@dataclass(frozen=True, slots=True)
class Mark:
    """One date to point at, with its words."""

    at: str
    label: str


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a change [unit of the change]; negative where it pulls down."""

    label: str
    value: float


@dataclass(frozen=True, slots=True)
class Row:
    """One place in a ranking, with its interval when there is one."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    highlight: bool = False


def chart(
    layers: list[Spec],
    description: Texts,
    lang: str,
    rows: Sequence[Mapping[str, object]] | None = None,
    *,
    height: int = HEIGHT,
) -> Spec:
    """Layers with the size, description and look all charts share."""
    spec: Spec = {
        "$schema": SCHEMA,
        "description": say(description, lang),
        "width": WIDTH,
        "height": height,
        "layer": layers,
        "config": config(lang),
    }
    if rows is not None:
        spec["data"] = {"values": list(rows)}
    return spec


def config(lang: str) -> Spec:
    """One look: type, inks and the language's numbers and months."""
    ink, quiet, rule = "#14201f", "#4b5b5a", "#d5dddc"
    locale: Spec = {"number": _NUMBER}
    if lang == "zh":
        locale["time"] = _ZH_TIME
    return {
        "font": "Noto Sans SC, system-ui, Noto Sans, sans-serif",
        "background": "#ffffff",
        "view": {"stroke": None},
        "locale": locale,
        "axis": {
            "labelFontSize": 12, "titleFontSize": 13, "titleFontWeight": "normal",
            "labelColor": quiet, "titleColor": ink, "gridColor": rule, "domainColor": quiet,
            "tickColor": quiet, "labelPadding": 4,
        },
        "axisX": {"grid": False},
        "text": {"color": ink},
        "style": {"ink": {"fill": ink}},
    }  # fmt: skip


def time_axis() -> Spec:
    """The axis of dates, in UTC."""
    # UTC, or a chart drawn west of Greenwich starts a month early.
    return {
        "field": "at", "type": "temporal", "title": None, "scale": {"type": "utc"},
        "axis": {"grid": False, "labelOverlap": True, "tickCount": 8, "labelFlush": True},
    }  # fmt: skip


def value_axis(title: Texts, unit: str, lang: str, *, zero: bool) -> Spec:
    """The axis of values, with its unit in the title."""
    sign = unit_text(unit, lang)
    words = say(title, lang)
    open_, close = ("（", "）") if lang == "zh" else (" (", ")")
    return {
        "field": "value", "type": "quantitative",
        "title": f"{words}{open_}{sign}{close}" if sign else words,
        "scale": {"zero": zero, "nice": True},
        "axis": {"tickCount": 6, "format": ",~r"},
    }  # fmt: skip


def line_layer(points: Sequence[Point], unit: str, digits: int, lang: str) -> Spec:
    """The series as a line that breaks where a value is None."""
    rows = [
        {
            "at": day(p.at),
            "value": p.value,
            "said": f"{p.at}: {said(p.value, unit, digits, lang)}",
        }
        for p in points
    ]
    return {
        "data": {"values": rows},
        "mark": {"type": "line", "color": BLUE, "strokeWidth": 1.8,
                 "invalid": "break-paths-show-domains",
                 "point": {"size": 12, "color": BLUE} if len(points) <= 400 else False},
        "encoding": {"y": {"field": "value"}, "tooltip": {"field": "said", "type": "nominal"}},
    }  # fmt: skip


def band_layers(baseline: Sequence[BandPoint]) -> list[Spec]:
    """The baseline: its range as a band, its middle dashed."""
    rows = [
        {"at": day(b.at), "low": b.low, "middle": b.middle, "high": b.high} for b in baseline
    ]
    if any(not b.low <= b.middle <= b.high for b in baseline):
        raise InvalidInputError("baseline band: low, middle and high do not rise")
    data = {"values": rows}
    return [
        {
            "data": data,
            "mark": {"type": "area", "color": GREY, "opacity": 0.28},
            "encoding": {
                "y": {"field": "low", "type": "quantitative"},
                "y2": {"field": "high"},
            },
        },
        {
            "data": data,
            "mark": {"type": "line", "color": GREY, "strokeWidth": 1.2, "strokeDash": [4, 3]},
            "encoding": {"y": {"field": "middle", "type": "quantitative"}},
        },
    ]


def span_layers(spans: Sequence[Span]) -> list[Spec]:
    """Stretches of time as tinted columns with a dashed start."""
    rows = [{"at": day(s.start), "end": day(s.end), "label": s.label} for s in spans]
    if any(row["end"] <= row["at"] for row in rows):
        raise InvalidInputError("a span ends before it starts")
    data = {"values": rows}
    tip = {"field": "label", "type": "nominal"}
    ends: Spec = {"x2": {"field": "end"}, "y": None, "tooltip": tip}
    edge: Spec = {"y": None, "tooltip": tip}
    tint = {"type": "rect", "color": ORANGE, "opacity": 0.22}
    return [
        {"data": data, "mark": tint, "encoding": ends},
        {"data": data, "mark": {"type": "rule", "color": ORANGE, "strokeDash": [3, 3]},
         "encoding": edge},
    ]  # fmt: skip


def mark_layers(
    marks: Sequence[Mark], known: Mapping[str, float | None], unit: str, digits: int, lang: str
) -> list[Spec]:
    """Dates pointed at, with their words."""
    rows = []
    for mark in marks:
        value = known.get(day(mark.at))
        if value is None:
            raise InvalidInputError(f"mark at {mark.at} points at no value of the series")
        said = value_text(value, unit, digits, lang)
        rows.append({"at": day(mark.at), "value": value, "label": mark.label, "said": said})
    data = {"values": rows}
    y = {"y": {"field": "value", "type": "quantitative"}}
    dot = {"type": "point", "filled": True, "color": VERMILION, "size": 70, "opacity": 1}
    text = {"type": "text", "dy": -12, "fontSize": 12, "style": "ink"}
    words = {"text": {"field": "label", "type": "nominal"}}
    tip = {"tooltip": {"field": "said", "type": "nominal"}}
    return [
        {"data": data, "mark": dot, "encoding": {**y, **tip}},
        {"data": data, "mark": text, "encoding": {**y, **words}},
    ]  # fmt: skip


def bar_row(
    label: str, start: float, end: float, value: float, unit: str, digits: int, lang: str
) -> dict[str, Any]:
    """One row of a split: where the bar starts and ends, and what it says."""
    said = value_text(value, unit, digits, lang, signed=True)
    short = value_text(value, "1", digits, lang, signed=True)
    colour = BLUE if value >= 0 else VERMILION
    return {"label": label, "start": start, "end": end, "edge": max(start, end),
            "said": said, "short": short, "colour": colour}  # fmt: skip


def said(value: float | None, unit: str, digits: int, lang: str) -> str:
    """The value in words, or that it was not observed."""
    if value is None:
        return _WORDS[lang]["missing"]
    return value_text(value, unit, digits, lang)


def check_series(points: Sequence[Point]) -> None:
    """Check that a series has finite values at rising dates."""
    values = [point.value for point in points if point.value is not None]
    if not values:
        raise InvalidInputError("no point of the series has a value")
    if not all(map(math.isfinite, values)):
        raise InvalidInputError("a value is not finite: a gap is None")
    days = [day(point.at) for point in points]
    if any(late <= early for early, late in pairwise(days)):
        raise InvalidInputError("dates of the series do not rise")


def day(text: str) -> str:
    """A date in full, for one order of texts and one reading in every browser."""
    parts = text.split("-")
    full = [*parts, "01", "01"][:3]
    if [len(part) for part in full] != [4, 2, 2] or not all(part.isdigit() for part in full):
        raise InvalidInputError(f"date is {text!r}, not YYYY, YYYY-MM or YYYY-MM-DD")
    return "-".join(full)


def say(texts: Texts, lang: str) -> str:
    """The text in the language asked for, English when there is none."""
    words = texts.get(lang) or texts.get("en")
    if not words:
        raise InvalidInputError(f"a chart needs its words in {lang} or en")
    return words
