"""Chart specifications: what they hold, what they refuse, and that they draw without a network."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthcommons.errors import InvalidInputError
from earthcommons.render.charts import (
    BandPoint,
    Mark,
    Part,
    Point,
    Row,
    Span,
    bars_by_year,
    ranked_dots,
    series_with_baseline,
    split_bar,
)
from earthcommons.render.svg import chart_svg, refuse_addresses

TEXT: dict[str, Any] = {
    "title": {"en": "Sum", "zh": "总和"},
    "description": {"en": "Lights", "zh": "灯光"},
}
RISE = (
    Part("brighter where lit", 37897.0),
    Part("crossed the floor", 28680.0),
    Part("gone dark", -435.0),
)


def split(
    parts: tuple[Part, ...] = RISE, total: float = 66148.0, lang: str = "en"
) -> dict[str, Any]:
    return split_bar(
        parts, total=total, total_label="rise", unit="nW cm-2 sr-1", lang=lang, **TEXT
    )


def series(lang: str = "en", **more: Any) -> dict[str, Any]:
    points = (Point("2015-10", 28.9), Point("2015-11", 29.41), Point("2015-12", None))
    return series_with_baseline(points, unit="degC", lang=lang, **TEXT, **more)


def test_parts_of_a_rise_follow_one_another_to_the_total() -> None:
    rows = split()["data"]["values"]
    assert [(row["start"], row["end"]) for row in rows] == [
        (0.0, 37897.0), (37897.0, 66577.0), (66577.0, 66142.0), (0.0, 66148.0)
    ]  # fmt: skip
    assert rows[2]["short"] == "\u2212435"


def test_parts_that_miss_their_total_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="add up"):
        split(total=67000.0)
    with pytest.raises(InvalidInputError, match="finite"):
        split((Part("x", float("nan")),))


@given(st.lists(st.floats(-1e6, 1e6).map(lambda v: round(v, 2)), min_size=1, max_size=8))
def test_each_bar_starts_where_the_last_ended(values: list[float]) -> None:
    parts = tuple(Part(str(i), value) for i, value in enumerate(values))
    rows = split(parts, sum(values))["data"]["values"][:-1]
    assert rows[0]["start"] == 0
    for before, after in pairwise(rows):
        assert after["start"] == before["end"]


def test_series_keeps_gaps_full_dates_and_names_them() -> None:
    line = next(layer for layer in series()["layer"] if layer["mark"]["type"] == "line")
    assert [row["at"] for row in line["data"]["values"]] == [
        "2015-10-01",
        "2015-11-01",
        "2015-12-01",
    ]
    assert line["data"]["values"][2] == {
        "at": "2015-12-01", "value": None, "said": "2015-12: not observed"
    }  # fmt: skip


def test_baseline_spans_and_marks_are_layers_of_their_own() -> None:
    spec = series(
        baseline=(
            BandPoint("2015-10", 26.0, 26.7, 27.4),
            BandPoint("2015-11", 26.1, 26.8, 27.5),
        ),
        spans=(Span("2015-10", "2016-05", "El Niño"),),
        marks=(Mark("2015-11", "November 2015"),),
        zero_line=True,
    )
    kinds = [layer["mark"]["type"] for layer in spec["layer"]]
    assert kinds == ["rect", "rule", "area", "line", "rule", "line", "point", "text"]


@pytest.mark.parametrize(
    "more",
    [
        {"marks": (Mark("2015-12", "gap"),)},
        {"marks": (Mark("2001-01", "outside"),)},
        {"baseline": (BandPoint("2015-10", 3.0, 2.0, 4.0),)},
        {"spans": (Span("2016", "2015", "backwards"),)},
    ],
)
def test_series_refuses_marks_on_gaps_and_crooked_bands(more: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        series(**more)


@pytest.mark.parametrize(
    "points",
    [
        (),
        (Point("2020", None),),
        (Point("2021", 1.0), Point("2020", 1.0)),
        (Point("2020", float("inf")),),
        (Point("20", 1.0),),
    ],
)
def test_series_without_sense_is_refused(points: tuple[Point, ...]) -> None:
    with pytest.raises(InvalidInputError):
        bars_by_year(points, unit="1", lang="en", **TEXT)


def test_ranking_runs_from_high_to_low_and_refuses_an_interval_beside_its_value() -> None:
    rows = (Row("b", 1.0, 0.5, 1.5), Row("a", 3.0), Row("c", 2.0, highlight=True))
    spec = ranked_dots(rows, unit="degC", lang="en", **TEXT)
    assert [row["label"] for row in spec["data"]["values"]] == ["a", "c", "b"]
    with pytest.raises(InvalidInputError, match="leaves out"):
        ranked_dots((Row("b", 1.0, 1.5, 2.0),), unit="degC", lang="en", **TEXT)
    with pytest.raises(InvalidInputError, match="label"):
        ranked_dots((Row("b", 1.0), Row("b", 2.0)), unit="degC", lang="en", **TEXT)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_chart_draws_as_svg_with_its_texts_in_the_language(lang: str) -> None:
    bars = bars_by_year(
        (Point("2020", 115328.0), Point("2021", None)), unit="nW cm-2 sr-1", lang=lang, **TEXT
    )
    dots = ranked_dots((Row("a", -1.0),), unit="degC", lang=lang, **TEXT)
    for spec in (series(lang), bars, split(lang=lang), dots):
        json.dumps(spec, allow_nan=False)
        svg = chart_svg(spec)
        assert svg.startswith("<svg")
        assert TEXT["title"][lang] in svg
        assert spec["description"] == TEXT["description"][lang]
    assert "115,328" in chart_svg(bars)
    assert ("无观测" if lang == "zh" else "not observed") in chart_svg(bars)


@pytest.mark.parametrize(
    "spec",
    [
        {"data": {"url": "https://x.example/a.csv"}, "mark": "point"},
        {"layer": [{"data": {"url": "/etc/passwd"}, "mark": "point"}]},
        {"data": {"values": [{}]}, "mark": {"type": "image", "url": "http://x.example/i.png"}},
        {"data": {"values": [{}]}, "mark": "image", "encoding": {"url": {"field": "u"}}},
    ],
)
def test_a_specification_that_names_an_address_is_refused(spec: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match="own data"):
        chart_svg(spec)


def test_a_column_called_url_is_only_text() -> None:
    refuse_addresses({"data": {"values": [{"url": "https://x.example"}]}, "mark": "point"})


def test_a_specification_that_cannot_be_drawn_is_an_input_error() -> None:
    with pytest.raises(InvalidInputError, match="cannot be drawn"):
        chart_svg({"data": {"values": [{"a": 1}]}, "mark": "no-such-mark"})
