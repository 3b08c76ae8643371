"""Whatever a person reads of the node can be read in Chinese."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from earthcommons.commons.stories.values import every_value
from earthcommons.indicators import INDICATOR_KEYS, find_indicator
from earthcommons.render.reasons import is_known_reason, reason_text

if TYPE_CHECKING:
    from tests.journeys.conftest import Place

CHINESE = re.compile("[\u4e00-\u9fff]")


@pytest.mark.parametrize("key", INDICATOR_KEYS)
def test_every_reason_and_baseline_of_every_observation_is_known(demo: Place, key: str) -> None:
    said = {
        row[name]
        for row in every_value(demo.node, key)
        for name in ("reason", "interval_reason", "baseline")
    } - {""}
    assert said
    unknown = sorted(text for text in said if not is_known_reason(text))
    assert unknown == []
    assert all(CHINESE.search(reason_text(text, "zh")) for text in said)
    assert not [text for text in said if re.search("[A-Za-z]{12,}", reason_text(text, "zh"))]


@pytest.mark.parametrize("key", INDICATOR_KEYS)
def test_every_indicator_speaks_both_languages(key: str) -> None:
    indicator = find_indicator(key)
    texts = [indicator.title, indicator.abstract, indicator.not_said]
    texts += [parameter.meaning for parameter in indicator.parameters]
    texts += indicator.measures.values()
    for text in texts:
        assert text.en.strip()
        assert CHINESE.search(text.zh), text
        assert not CHINESE.search(text.en), text


def test_every_record_a_person_reads_has_both_titles(demo: Place) -> None:
    catalog = demo.node.catalog
    for kind in ("item", "collection"):
        for body in catalog.all(kind):
            facts = body.get("properties", body)
            assert CHINESE.search(facts["title_zh"]), body["id"]
            assert CHINESE.search(facts["description_zh"]), body["id"]
    for kind, names in {
        "watch": ("title", "rule"), "report": ("title",),
        "need": ("title", "problem", "success"),
    }.items():  # fmt: skip
        for body in catalog.all(kind):
            for name in names:
                assert CHINESE.search(body[name]["zh"]), (kind, name)
                assert body[name]["en"], (kind, name)
    for alert in catalog.all("alert"):
        headline = alert["facts"]["headline"]
        assert CHINESE.search(headline["zh"]), alert["id"]
        assert not CHINESE.search(headline["en"]), alert["id"]
    for set_id in ("ec:countries-un", "ec:places"):
        for region in catalog.get("region-set", set_id)["regions"]:
            assert CHINESE.search(region["names"]["zh"]), region["id"]


def test_chinese_words_find_what_english_words_find(demo: Place) -> None:
    english = demo.cli("search", "night lights", "--json").json()
    chinese = demo.cli("search", "夜间灯光", "--json").json()
    assert {item["id"] for item in english} == {item["id"] for item in chinese}
    assert english


def test_six_lines_of_a_trace_are_chinese(demo: Place) -> None:
    row = demo.one("night-lights", "KEN", "2020/2024", measure="change")
    ended = demo.cli("trace", row["id"], "--lang", "zh")
    heads = [line.split()[0] for line in ended.out.splitlines() if line.strip()]
    assert heads == ["数值", "方法", "输入数据", "区域集", "运行", "提供方文件"]
