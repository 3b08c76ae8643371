from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.outlook.conftest import Series, statement

from earthcommons.errors import InvalidInputError, NotFoundError
from earthcommons.model import Observation, Period, Text
from earthcommons.outlook import check, fill
from earthcommons.outlook.check import check_statement
from earthcommons.outlook.claims import CLAIMS, holds
from earthcommons.outlook.confidence import ceiling
from earthcommons.outlook.holes import check_template


def test_a_sentence_is_filled_from_its_observation_in_both_languages(series: Series) -> None:
    (row,) = series.publish("tree-cover", level=13.585)
    said = statement(
        Text("{place}: {value} in {year}.", "{place}：{year}为{value}。"),
        {
            "place": {"kind": "region", "region": "m49:404"},
            "value": {"kind": "value", "obs": row.id, "digits": 1},
            "year": {"kind": "period", "obs": row.id},
        },
    )
    english = fill(said, series.evidence, "en")
    assert "".join(text for text, _ in english) == "Kenya: 13.6% in 2020."
    assert [id_ for _, id_ in english if id_] == [row.id, row.id]
    assert (
        "".join(text for text, _ in fill(said, series.evidence, "zh"))
        == "肯尼亚：2020年为13.6%。"
    )


@pytest.mark.parametrize(
    ("en", "zh"),
    [
        ("It is 13 % {a}.", "为{a}。"),
        ("It is {a}.", "２０年为{a}。"),
        ("It is {a}.", "为。"),
        ("It is {b}.", "为{b}。"),
        ("It is.", "为。"),
    ],
)
def test_a_free_digit_or_an_undeclared_hole_is_refused(en: str, zh: str) -> None:
    with pytest.raises(InvalidInputError, match="statement k"):
        check_template(statement(Text(en, zh), {"a": {"kind": "label", "text": {}}}))


def test_a_hole_over_a_missing_value_is_refused(series: Series) -> None:
    (row,) = series.publish("tree-cover", level=None)
    said = statement(Text("{v}", "{v}"), {"v": {"kind": "value", "obs": row.id}})
    with pytest.raises(InvalidInputError, match="coverage"):
        fill(said, series.evidence, "en")
    gone = statement(Text("{v}", "{v}"), {"v": {"kind": "value", "obs": "obs-x"}})
    with pytest.raises(NotFoundError):
        fill(gone, series.evidence, "en")


def test_a_changed_observation_breaks_its_statement_and_says_how(series: Series) -> None:
    (row,) = series.publish("tree-cover", level=13.5)
    said = statement(
        Text("{v}", "{v}"),
        {"v": {"kind": "value", "obs": row.id}},
        evidence=(row.id,),
        claims=({"claim": "less", "a": row.id, "than": 20},),
    )
    assert check_statement(said, series.evidence) == []
    series.publish("tree-cover", level=13.5)
    assert check_statement(said, series.evidence) == []
    series.publish("tree-cover", level=21.0)
    reasons = [finding.reason for finding in check_statement(said, series.evidence)]
    assert "was 13.5 percent, the series now says 21 percent" in reasons[0]
    assert "'less' no longer holds" in reasons[1]
    series.publish("tree-cover", other=1.0)
    assert "no longer published" in check_statement(said, series.evidence)[0].reason


def row(name: str, value: float | None) -> Observation:
    status = "proxy" if value is not None else "missing"
    return Observation(
        "k", "r", Period.year(2000), "1", status, "run", value, {"measure": name},  # type: ignore[arg-type]
        reason="" if value is not None else "none",
    )  # fmt: skip


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=6))
def test_parts_add_up_to_their_sum_and_the_lowest_is_the_minimum(values: list[float]) -> None:
    rows = {f"o{n}": row(f"m{n}", value) for n, value in enumerate(values)}
    rows["total"] = row("total", sum(values))
    parts = [name for name in rows if name != "total"]
    claim = {"claim": "adds-up", "all": parts, "of": "total", "within": 1e-6}
    assert holds(claim, rows.__getitem__)
    assert not holds(claim | {"all": parts[:-1], "within": -1}, rows.__getitem__)
    low = min(parts, key=lambda name: rows[name].value or 0)
    assert holds({"claim": "lowest", "a": low, "all": parts}, rows.__getitem__)


@pytest.mark.parametrize("name", sorted(set(CLAIMS) - {"missing"}))
def test_no_claim_holds_on_a_missing_value(name: str) -> None:
    claim = {"claim": name, "a": "x", "b": "x", "all": ["x"], "of": "x", "within": 1}
    assert not holds(claim, {"x": row("x", None)}.__getitem__)


def test_an_unknown_claim_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        holds({"claim": "likely"}, {}.__getitem__)


def test_one_proxy_allows_no_more_than_inconclusive() -> None:
    assert ceiling([row("x", 1.0)])[0] == "inconclusive"
    measured = Observation("k", "r", Period.year(2000), "1", "estimated", "run", 1.0)
    assert ceiling([measured])[0] == "established-incomplete"


def test_a_report_of_nothing_is_refused(series: Series) -> None:
    from earthcommons.outlook import build_country

    with pytest.raises(InvalidInputError, match="no statement"):
        build_country(series.evidence, "KEN", "1")


def test_a_country_report_says_what_it_can_and_lists_what_it_cannot(series: Series) -> None:
    from earthcommons.outlook import build_country

    series.publish("tree-cover", level=13.5)
    report = build_country(series.evidence, "KEN", "1")
    assert [s.key for s in report.statements] == ["tree-cover"]
    assert report.statements[0].status == "checked"
    assert report.statements[0].confidence == "inconclusive"
    assert check(report, series.evidence) == []
    missing = [gap["what"]["en"] for gap in report.gaps if gap["key"] == "warming"]
    assert len(missing) == 1
    assert "not computed for this place" in missing[0]
    assert {gap["key"] for gap in report.gaps} >= {
        "air",
        "forest",
        "water",
        "soil",
        "protected",
    }
