"""Numbers, units and periods as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthcommons.errors import InvalidInputError
from earthcommons.render.format import (
    MINUS,
    THIN_SPACE,
    interval_text,
    number_text,
    period_text,
    value_text,
)


@pytest.mark.parametrize(
    ("value", "unit", "digits", "lang", "text"),
    [
        (29.411, "degC", 2, "en", f"29.41{THIN_SPACE}°C"),
        (-7.184, "1", 2, "en", f"{MINUS}7.18"),
        (66148, "nW cm-2 sr-1", 0, "zh", f"66,148{THIN_SPACE}nW cm⁻² sr⁻¹"),
        (57.35, "percent", 1, "en", "57.4%"),
        (5, "days", 0, "zh", "5天"),
        (5, "days", 0, "en", f"5{THIN_SPACE}days"),
        (11.26, "km2", 1, "zh-Hans", f"11.3{THIN_SPACE}km²"),
    ],
)
def test_value_is_written_with_thin_space_true_minus_and_groups(
    value: float, unit: str, digits: int, lang: str, text: str
) -> None:
    assert value_text(value, unit, digits, lang) == text


def test_signed_value_shows_plus_but_a_rounded_zero_shows_no_sign() -> None:
    assert value_text(0.9, "degC", 1, "en", signed=True) == f"+0.9{THIN_SPACE}°C"
    assert value_text(0.04, "degC", 1, "en", signed=True) == f"0.0{THIN_SPACE}°C"
    assert number_text(-0.04, 1) == "0.0"


@given(st.floats(-1e12, 1e12), st.integers(0, 6))
def test_number_reads_back_within_its_rounding(value: float, digits: int) -> None:
    text = number_text(value, digits)
    assert "-" not in text
    back = float(text.replace(",", "").replace(MINUS, "-"))
    assert abs(back - value) <= 0.5 * 10**-digits + 1e-9 * abs(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_number_that_is_none_is_refused_not_written(value: float) -> None:
    with pytest.raises(InvalidInputError, match="missing"):
        number_text(value, 1)


@pytest.mark.parametrize(
    ("period", "en", "zh"),
    [
        ("2008", "2008", "2008年"),
        ("2015-11", "November 2015", "2015年11月"),
        ("2015-11-03", "3 November 2015", "2015年11月3日"),
        ("2020/2024", "2020 to 2023", "2020年至2023年"),
        ("2015-04/2016-05", "April 2015 to April 2016", "2015年4月至2016年4月"),
        ("2020/2021", "2020", "2020年"),
        ("1851-12-01/1852-03-04", "1 December 1851 to 3 March 1852",
         "1851年12月1日至1852年3月3日"),
    ],
)  # fmt: skip
def test_period_is_said_in_words_with_its_last_day_inside(
    period: str, en: str, zh: str
) -> None:
    assert (period_text(period, "en"), period_text(period, "zh")) == (en, zh)


def test_unknown_language_and_reversed_interval_are_refused() -> None:
    assert interval_text(-0.5, 1.2, "degC", 1, "en") == f"{MINUS}0.5 to 1.2{THIN_SPACE}°C"
    with pytest.raises(InvalidInputError, match="language"):
        period_text("2008", "fr")
    with pytest.raises(InvalidInputError, match="interval"):
        interval_text(2, 1, "degC", 1, "en")
