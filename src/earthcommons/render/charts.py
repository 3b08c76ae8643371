"""Vega-Lite specifications as plain dicts; the same one is drawn on the page and on paper.

Data are inline and texts come in the reader's language, so a figure needs nothing else. Every
chart carries a description: it is the text a screen reader says. Colours are Okabe and Ito's;
what colour says is also said by form, dash or words.
"""

import math
from collections.abc import Sequence

from earthcommons.errors import InvalidInputError
from earthcommons.render.chart_parts import (
    BLUE,
    GREY,
    VERMILION,
    BandPoint,
    Mark,
    Part,
    Point,
    Row,
    Span,
    Spec,
    Texts,
    band_layers,
    bar_row,
    chart,
    check_series,
    day,
    line_layer,
    mark_layers,
    said,
    span_layers,
    time_axis,
    value_axis,
)
from earthcommons.render.format import check_language, number_text, value_text

__all__ = [
    "BandPoint",
    "Mark",
    "Part",
    "Point",
    "Row",
    "Span",
    "Spec",
    "Texts",
    "bars_by_year",
    "ranked_dots",
    "series_with_baseline",
    "split_bar",
]


def series_with_baseline(
    points: Sequence[Point],
    *,
    unit: str,
    title: Texts,
    description: Texts,
    lang: str,
    baseline: Sequence[BandPoint] = (),
    spans: Sequence[Span] = (),
    marks: Sequence[Mark] = (),
    zero_line: bool = False,
    digits: int = 2,
) -> Spec:
    """A series over time, the baseline's band behind it, alerts as spans, dates pointed at.

    Gaps stay gaps: the line breaks where a value is None.

    Args:
        points: the series [unit], in order of time.
        unit: of all numbers.
        title: of the value axis, per language.
        description: what the chart shows, in words, per language.
        lang: `en` or `zh`.
        baseline: band behind the series, empty for none.
        spans: stretches to mark.
        marks: dates to point at; each must be a date of `points` with a value.
        zero_line: draw the line of zero (anomalies).
        digits: decimals in tooltips.

    Raises:
        InvalidInputError: no point has a value, dates do not rise, or a mark has no value.
    """
    zh = check_language(lang)
    check_series(points)
    known = {day(p.at): p.value for p in points}
    layers: list[Spec] = []
    if spans:
        layers += span_layers(spans)
    if baseline:
        layers += band_layers(baseline)
    if zero_line:
        layers.append({
            "data": {"values": [{"zero": 0}]},
            "mark": {"type": "rule", "color": GREY},
            "encoding": {"y": {"field": "zero", "type": "quantitative"}},
        })  # fmt: skip
    layers.append(line_layer(points, unit, digits, zh))
    if marks:
        layers += mark_layers(marks, known, unit, digits, zh)
    spec = chart(layers, description, zh)
    spec["encoding"] = {"x": time_axis(), "y": value_axis(title, unit, zh, zero=False)}
    return spec


def bars_by_year(
    points: Sequence[Point],
    *,
    unit: str,
    title: Texts,
    description: Texts,
    lang: str,
    highlight: Sequence[str] = (),
    digits: int = 1,
) -> Spec:
    """One bar a year from zero; a year not observed keeps its place and says so.

    Args:
        points: values [unit] at years, in order.
        unit: of the values.
        title: of the value axis, per language.
        description: what the chart shows, per language.
        lang: `en` or `zh`.
        highlight: years drawn in the second colour.
        digits: decimals in labels.

    Raises:
        InvalidInputError: no year has a value, or years do not rise.
    """
    zh = check_language(lang)
    check_series(points)
    rows = [
        {
            "year": point.at,
            "value": point.value,
            "base": 0,
            "said": said(point.value, unit, digits, zh),
            "label": "" if point.value is None else number_text(point.value, digits),
            "colour": VERMILION if point.at in highlight else BLUE,
        }
        for point in points
    ]
    few = len(points) <= 12
    year = {"field": "year", "type": "ordinal", "title": None,
            "axis": {"labelAngle": 0, "labelOverlap": "greedy", "grid": False}}  # fmt: skip
    bar: Spec = {
        "mark": {"type": "bar", "width": {"band": 0.75}},
        "encoding": {"color": {"field": "colour", "type": "nominal", "scale": None}},
    }
    # In a long series a sign marks the gap; the words are in the tooltip.
    absent: Spec = {
        "transform": [{"filter": "datum.value === null"}],
        "mark": {"type": "text", "baseline": "bottom", "dy": -4, "style": "ink"},
        "encoding": {
            "y": {"field": "base", "type": "quantitative"},
            "text": {"field": "said", "type": "nominal"} if few else {"value": "×"},
        },
    }
    layers = [bar, absent]
    if few:
        layers.append({
            "transform": [{"filter": "datum.value !== null"}],
            "mark": {"type": "text", "baseline": "bottom", "dy": -4, "fontSize": 12,
                     "style": "ink"},
            "encoding": {"text": {"field": "label", "type": "nominal"}},
        })  # fmt: skip
    spec = chart(layers, description, zh, rows)
    spec["encoding"] = {
        "x": year,
        "y": value_axis(title, unit, zh, zero=True),
        "tooltip": {"field": "said", "type": "nominal"},
    }
    return spec


def split_bar(
    parts: Sequence[Part],
    *,
    total: float,
    total_label: str,
    unit: str,
    title: Texts,
    description: Texts,
    lang: str,
    digits: int = 0,
) -> Spec:
    """A change split into its parts: each bar starts where the last ended, the total below.

    Args:
        parts: the parts [unit], in the order drawn.
        total: the whole change [unit]; the parts must add up to it within 0.1 %.
        total_label: words for the total, in the reader's language.
        unit: of the parts.
        title: of the value axis, per language.
        description: what the chart shows, per language.
        lang: `en` or `zh`.
        digits: decimals in labels.

    Raises:
        InvalidInputError: no part, a number not finite, or parts that miss the total.
    """
    zh = check_language(lang)
    values = [part.value for part in parts]
    if not values or not all(map(math.isfinite, [*values, total])):
        raise InvalidInputError("a split needs finite parts and a finite total")
    size = max(abs(total), max(map(abs, values)))
    if abs(sum(values) - total) > 1e-3 * size:
        raise InvalidInputError(f"parts add up to {sum(values)}, not to the total {total}")
    rows, at = [], 0.0
    for part in parts:
        rows.append(bar_row(part.label, at, at + part.value, part.value, unit, digits, zh))
        at += part.value
    rows.append(bar_row(total_label, 0.0, total, total, unit, digits, zh) | {"colour": GREY})
    ends = [row["end"] for row in rows] + [row["start"] for row in rows]
    low, high = min(0.0, *ends), max(0.0, *ends)
    label: Spec = {
        "mark": {"type": "text", "align": "left", "dx": 6, "fontSize": 13, "style": "ink"},
        "encoding": {
            "x": {"field": "edge", "type": "quantitative"},
            "text": {"field": "short", "type": "nominal"},
        },
    }
    bar: Spec = {
        "mark": {"type": "bar", "height": {"band": 0.6}},
        "encoding": {
            "x": value_axis(title, unit, zh, zero=True)
            | {"field": "start", "scale": {"domain": [low, high + 0.22 * (high - low)]}},
            "x2": {"field": "end"},
            "color": {"field": "colour", "type": "nominal", "scale": None},
        },
    }
    spec = chart([bar, label], description, zh, rows, height=44 * len(rows))
    spec["encoding"] = {
        "y": {"field": "label", "type": "nominal", "sort": None, "title": None,
              "axis": {"labelLimit": 260, "labelFontSize": 13, "domain": False, "ticks": False}},
        "tooltip": {"field": "said", "type": "nominal"},
    }  # fmt: skip
    return spec


def ranked_dots(
    rows: Sequence[Row],
    *,
    unit: str,
    title: Texts,
    description: Texts,
    lang: str,
    digits: int = 1,
) -> Spec:
    """Places ranked from high to low, a dot each, with a line for the interval where known.

    Args:
        rows: places in any order [unit]; two places may not share a label.
        unit: of the values.
        title: of the value axis, per language.
        description: what the chart shows, per language.
        lang: `en` or `zh`.
        digits: decimals in tooltips.

    Raises:
        InvalidInputError: no row, a label twice, or an interval that leaves its value out.
    """
    zh = check_language(lang)
    if not rows or len({row.label for row in rows}) != len(rows):
        raise InvalidInputError("a ranking needs rows, each with a label of its own")
    for row in rows:
        if (
            row.low is not None
            and row.high is not None
            and not row.low <= row.value <= row.high
        ):
            raise InvalidInputError(
                f"interval {row.low} to {row.high} of {row.label} leaves out {row.value}"
            )
    data = [
        {
            "label": row.label,
            "value": row.value,
            "low": row.low,
            "high": row.high,
            "said": f"{row.label}: {value_text(row.value, unit, digits, zh)}",
            "colour": VERMILION if row.highlight else BLUE,
            "form": "diamond" if row.highlight else "circle",
        }
        for row in sorted(rows, key=lambda row: (-row.value, row.label))
    ]
    colour = {"field": "colour", "type": "nominal", "scale": None}
    interval: Spec = {
        "transform": [{"filter": "datum.low !== null && datum.high !== null"}],
        "mark": {"type": "rule", "strokeWidth": 2, "opacity": 0.6},
        "encoding": {
            "x": {"field": "low", "type": "quantitative"},
            "x2": {"field": "high"},
            "color": colour,
        },
    }
    dot: Spec = {
        "mark": {"type": "point", "filled": True, "opacity": 1, "size": 80},
        "encoding": {
            "x": value_axis(title, unit, zh, zero=False) | {"field": "value"},
            "color": colour,
            "shape": {"field": "form", "type": "nominal", "scale": None},
        },
    }
    spec = chart([interval, dot], description, zh, data, height=22 * len(data))
    spec["encoding"] = {
        "y": {"field": "label", "type": "nominal", "sort": None, "title": None,
              "axis": {"labelLimit": 220, "grid": True, "gridDash": [1, 3]}},
        "tooltip": {"field": "said", "type": "nominal"},
    }  # fmt: skip
    return spec
