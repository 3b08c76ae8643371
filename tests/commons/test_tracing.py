from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from earthcommons.commons.stories.tracing import trace, trace_lines
from earthcommons.errors import InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from tests.indicators.conftest import PackNode


@pytest.fixture(scope="module")
def nitrate(shared_pack: PackNode) -> tuple[PackNode, str]:
    row = shared_pack.one("stream-nitrate", "ec:quebrada-sonadora", "1990", measure="median")
    return shared_pack, row.id


def test_a_trace_goes_back_to_the_providers_file(nitrate: tuple[PackNode, str]) -> None:
    pack, id_ = nitrate
    found = trace(pack.node, id_)
    assert found["observation"]["id"] == id_
    assert found["run"]["id"] == found["observation"]["run"]
    assert found["method"]["id"] == "stream-nitrate"
    (used,) = found["inputs"]
    item = pack.node.catalog.get("item", used["item"])
    assert item["assets"]["data"]["file:checksum"] == f"1220{used['sha256']}"
    assert item["assets"]["source"]["file:checksum"] == f"1220{used['received_sha256']}"
    assert used["providers_files"]
    assert all(len(file["sha256"]) == 64 for file in used["providers_files"])
    assert found["regions"]["id"] == "ec:places"


def test_six_lines_for_people_in_both_languages(nitrate: tuple[PackNode, str]) -> None:
    pack, id_ = nitrate
    found = trace(pack.node, id_)
    english, chinese = trace_lines(found, "en"), trace_lines(found, "zh")
    assert [head for head, _ in english] == [
        "Value", "Method", "Inputs", "Regions", "Run", "Provider's file",
    ]  # fmt: skip
    assert [head for head, _ in chinese] == [
        "数值", "方法", "输入数据", "区域集", "运行", "提供方文件",
    ]  # fmt: skip
    for lines in (english, chinese):
        texts = dict(lines)
        used = found["inputs"][0]["sha256"][:12]
        assert any(used in text for text in texts.values())
        assert any(found["run"]["id"] in text for text in texts.values())
    assert english[5][1].endswith("(not in this pack)")
    assert chinese[5][1].endswith("（不在本样本包内）")


def test_a_value_that_is_not_given_says_why_in_the_readers_language(
    shared_pack: PackNode,
) -> None:
    row = shared_pack.one("sea-ice-extent", "ec:arctic", "1988-01", measure="level")
    found = trace(shared_pack.node, row.id)
    assert "not given (days: 19 of 31 expected" in trace_lines(found, "en")[0][1]
    assert "未给出（天数不足：应有31天，仅有19天" in trace_lines(found, "zh")[0][1]


def test_an_unknown_observation_or_language_is_refused(nitrate: tuple[PackNode, str]) -> None:
    pack, id_ = nitrate
    with pytest.raises(NotFoundError):
        trace(pack.node, "obs-x")
    with pytest.raises(InvalidInputError, match="language is 'fr'"):
        trace_lines(trace(pack.node, id_), "fr")
