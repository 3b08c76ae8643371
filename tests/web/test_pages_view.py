"""View models: numbers, groups, cards, footprints, words; pure, without a node."""

from __future__ import annotations

import re
from importlib import resources
from string import Formatter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthcommons.indicators import find_indicator
from earthcommons.model import Change
from earthcommons.web.pages.alerts import false_alarm_text, severity_class
from earthcommons.web.pages.figures import baseline_band, slim, window
from earthcommons.web.pages.footprints import footprint
from earthcommons.web.pages.home import RULES, card_row, departure, gathered
from earthcommons.web.pages.reports import with_pictures
from earthcommons.web.pages.view import absences, grain, grouped, newest, number_of, size_text
from earthcommons.web.word_values import DIMENSIONS
from earthcommons.web.words import KINDS, WORDS, Words

EN, ZH = Words("en"), Words("zh")


def row(
    period: str, value: float | None, measure: str = "level", **more: Any
) -> dict[str, Any]:
    return {
        "id": f"obs-{period}-{measure}", "indicator": "sst-anomaly", "region": "ec:nino34",
        "period": period, "dimensions": {"measure": measure}, "value": value, "unit": "degC",
        "interval": None, "interval_reason": "", "valid_share": 1.0, "cells": 125.0,
        "status": "missing" if value is None else "estimated", "reason": "", "baseline": "",
        "run": "run-x", **more,
    }  # fmt: skip


def test_both_languages_have_every_word_with_the_same_places() -> None:
    for table in (WORDS, KINDS, DIMENSIONS):
        for key, (en, zh) in table.items():
            assert en, key
            assert zh, key
            places = [sorted(f for _, f, _, _ in Formatter().parse(t) if f) for t in (en, zh)]
            assert places[0] == places[1], key


def test_templates_name_only_words_there_are_and_no_word_is_idle() -> None:
    folder = resources.files("earthcommons.web")
    pages = [e.read_text() for e in (folder / "templates").iterdir() if e.name.endswith("html")]
    named = {name for text in pages for name in re.findall(r"\bw\.([a-z_]+)", text)}
    named |= {name for text in pages for name in re.findall(r'\bw\(?\[?"([a-z_0-9]+)"', text)}
    # Words put together of a family's name and a value, as `role_` and `steward`.
    families = {name for name in named if name.endswith("_")}
    methods = {name for name in dir(Words) if not name.startswith("_")} | {"lang"}
    assert named - methods - families <= set(WORDS)
    code = [e.read_text() for e in (folder / "pages").iterdir() if e.name.endswith(".py")]
    used = named | {name for text in code for name in re.findall(r'"([a-z_0-9]+)"', text)}
    families |= {name for text in code for name in re.findall(r'"([a-z]+_)\{', text)}
    idle = set(WORDS) - used
    assert {word for word in idle if not word.startswith(tuple(families))} == set()


def test_chinese_words_hold_no_half_width_marks_between_chinese_signs() -> None:
    bad = re.compile("[\u4e00-\u9fff][,;:!?][\u4e00-\u9fff]")
    assert [
        key for key, (_, zh) in (WORDS | KINDS | DIMENSIONS).items() if bad.search(zh)
    ] == []


@pytest.mark.parametrize(
    ("value", "unit", "lang", "said"),
    [
        (29.406, "degC", "en", ("29.41", "\u2009", "°C")),
        (57.36, "percent", "zh", ("57.36", "", "%")),
        (13.49, "10^6 km2", "en", ("13.49", "\u2009", "×10⁶ km²")),
        (302.0, "count", "en", ("302.00", "", "")),
        (-1.0, "day/decade", "zh", ("\u22121.00", "\u2009", "天/十年")),
    ],
)
def test_a_number_and_its_unit_come_apart(
    value: float, unit: str, lang: str, said: tuple[str, str, str]
) -> None:
    number = number_of(value, unit, 2, lang)
    assert (number.text, number.gap, number.unit) == said


def test_months_and_years_of_one_figure_are_two_series_and_the_year_speaks() -> None:
    rows = [row("2015", 2.0), row("2015-11", 3.0), row("2014-11", 1.0), row("2014", 1.5)]
    groups = grouped(rows)
    assert [(g.grain, [r["period"] for r in g.rows]) for g in groups] == [
        ("month", ["2014-11", "2015-11"]),
        ("year", ["2014", "2015"]),
    ]
    assert [r["period"] for r in newest(groups)] == ["2015"]


def test_a_winter_is_a_season_and_four_years_are_a_span() -> None:
    assert [grain(p) for p in ("2008", "2015-11", "1851-07/1852-07", "2020/2024")] == [
        "year", "month", "season", "span",
    ]  # fmt: skip


def test_figures_absent_for_one_reason_are_told_once() -> None:
    why = "coverage: 0.4 valid cells, fewer than 30"
    rows = [
        row("2015-11", None, "level", reason=why),
        row("2015-11", None, "anomaly", reason=why),
    ]
    found = absences(rows, find_indicator("sst-anomaly"), ZH)
    assert len(found) == 1
    assert found[0].labels == ("月平均", "距平")
    assert found[0].reason == "覆盖不足：有效像元0.4个，少于30个"


def test_band_is_level_less_anomaly_plus_and_minus_the_spread() -> None:
    words = "July of 1981-2010, 30 values: mean 15.961, standard deviation 0.345 10^6 km2"
    rows = [row("2023-07", 13.49), row("2023-07", -2.471, "anomaly", baseline=words)]
    level, anomaly = (g for m in ("level", "anomaly") for g in grouped(rows) if g.measure == m)
    (point,) = baseline_band(level, [level, anomaly])
    assert (point.low, point.middle, point.high) == pytest.approx((15.616, 15.961, 16.306))
    (flat,) = baseline_band(anomaly, [level, anomaly])
    assert (flat.low, flat.middle, flat.high) == (-0.345, 0.0, 0.345)
    assert baseline_band(level, [level]) == []


def test_cards_choose_the_lowest_july_and_the_largest_anomaly() -> None:
    ice = [row("2023-07", 13.5), row("2022-07", 15.0), row("2022-02", 2.0)]
    chosen = card_row(RULES[0], ice)
    assert chosen is not None
    assert chosen["period"] == "2023-07"
    sea = [
        row("2015-11", 2.68, "anomaly"),
        row("2015-12", 2.5, "anomaly"),
        row("2016-01", 29.0),
    ]
    chosen = card_row(RULES[2], sea)
    assert chosen is not None
    assert chosen["period"] == "2015-11"
    assert card_row(RULES[0], []) is None


def test_departure_is_the_anomaly_over_the_stated_deviation() -> None:
    words = "July of 1981-2010, 30 values: mean 15.961, standard deviation 0.500 10^6 km2"
    assert departure(row("2023-07", -2.5, "anomaly", baseline=words)) == -5.0
    assert departure(row("2023-07", -2.5, "anomaly", baseline="none")) is None


def test_neighbouring_changes_of_a_kind_are_told_once() -> None:
    changes = [Change(n, "offer" if n else "item", f"id-{n}", 1, "d") for n in range(3, -1, -1)]
    told = gathered(changes, "en")
    assert [(t.kind, t.count, t.last) for t in told] == [
        ("offer", 3, "id-3"),
        ("item", 1, "id-0"),
    ]
    assert told[1].href == "/en/data/id-0"


@given(
    st.floats(-180, 180), st.floats(-90, 90), st.floats(-180, 180), st.floats(-90, 90)
)  # fmt: skip
def test_a_footprint_stays_inside_its_drawing(
    west: float, south: float, east: float, north: float
) -> None:
    boxes = footprint([west, min(south, north), east, max(south, north)])
    assert len(boxes) == (1 if west <= east else 2)
    for each in boxes:
        assert -0.02 <= each["x"] <= each["x"] + each["width"] <= 360.02
        assert -0.02 <= each["y"] <= each["y"] + each["height"] <= 180.02


@given(st.integers(1, 400), st.integers(1, 100), st.integers(0, 400))
def test_a_window_holds_the_mark_and_never_more_rows_than_allowed(
    count: int, most: int, mark: int
) -> None:
    periods = [str(n) for n in range(count)]
    kept = periods[window(periods, str(mark), most)]
    assert len(kept) == min(count, most)
    assert mark >= count or str(mark) in kept


def test_a_slim_chart_carries_equal_tables_once() -> None:
    rows = [{"at": "2015", "value": 1}]
    layers = [{"data": {"values": rows}}, {"data": {"values": rows}}, {"mark": "rule"}]
    spec = slim({"layer": layers})
    assert spec["datasets"] == {"t0": rows}
    assert spec["layer"] == [
        {"data": {"name": "t0"}},
        {"data": {"name": "t0"}},
        {"mark": "rule"},
    ]


def test_false_alarms_come_with_their_interval_or_are_not_measured() -> None:
    measured = {"false_alarms": {"per_year": 0.0107, "low": 0.0104, "high": 0.0109}}
    assert false_alarm_text(measured, EN).startswith("0.0107 a year")
    assert "0.0104 至 0.0109" in false_alarm_text(measured, ZH)
    assert false_alarm_text({"false_alarms": {}}, EN) == "not measured"


def test_severity_in_words_or_digits_gives_a_line_and_unknown_the_thinnest() -> None:
    assert [severity_class(s) for s in ("very strong", "2", "9", "odd")] == [4, 2, 4, 1]


def test_charts_of_a_report_become_pictures_and_its_words_stay() -> None:
    html = (
        '<p>57</p><figure class="figure" id="figure-lights"><svg style="x"><text>a</text></svg>'
        "<figcaption>Lights &amp; more</figcaption></figure>"
    )
    found = with_pictures(html, "KEN", "zh")
    assert "<svg" not in found
    assert "style=" not in found
    assert 'src="/figures/report/KEN/lights.zh.svg" alt="Lights &amp; more"' in found
    assert found.startswith("<p>57</p>")


def test_sizes_are_written_in_powers_of_1024() -> None:
    assert [size_text(n) for n in (5, 2048, 3 * 2**20)] == [
        "5\u2009B", "2.0\u2009KiB", "3.0\u2009MiB",
    ]  # fmt: skip


def test_names_stand_in_the_order_readers_look_for() -> None:
    assert sorted(["中国", "阿富汗", "肯尼亚"], key=ZH.order) == ["阿富汗", "肯尼亚", "中国"]
    assert sorted(["Zambia", "Åland", "Benin"], key=EN.order) == ["Åland", "Benin", "Zambia"]


def test_stored_units_are_printed_as_signs_in_both_languages() -> None:
    text = "July of 1981-2010, 30 values: mean 15.961, standard deviation 0.345 10^6 km2"
    assert "0.345 10⁶ km²" in EN.reason(text)
    assert ZH.reason(text).startswith("1981至2010年7月，30个值")
    assert ZH.reason("something nobody translated") == "something nobody translated"
