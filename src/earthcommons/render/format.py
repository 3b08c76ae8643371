"""Numbers, units and periods as people write them, in English and Chinese."""

import math
from datetime import date, timedelta

from earthcommons.errors import InvalidInputError
from earthcommons.model.period import Period

THIN_SPACE = "\u2009"
MINUS = "\u2212"
LANGUAGES = ("en", "zh")
# Units written without a space before them: percent and plane-angle degrees (SI brochure 5.4.3
# asks for a space before °C, not before ° ′ ″).
_CLOSE_UNITS = frozenset({"%", "°"})
_UNIT_SIGNS = {
    "percent": "%",
    "1": "",
    "degC": "°C",
    "K": "K",
    "km2": "km²",
    "km^2": "km²",
    "1e6 km2": "×10⁶ km²",
    "10^6 km2": "×10⁶ km²",
    "count": "",
    "person/km2": "km⁻²",
    "m2": "m²",
    "nW cm-2 sr-1": "nW cm⁻² sr⁻¹",
    "nW/cm2/sr": "nW cm⁻² sr⁻¹",
    "ug/L": "µg/L",
    "ug L-1": "µg/L",
    "percentage_point": "pp",
}
_WORD_UNITS_ZH = {
    "days": "天",
    "day": "天",
    "years": "年",
    "pp": "个百分点",
    "persons": "人",
    "people": "人",
    "cells": "个像元",
    "pixels": "个像元",
}
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July",
    "August", "September", "October", "November", "December",
)  # fmt: skip


def check_language(lang: str) -> str:
    """The language's short form, `en` or `zh`.

    Raises:
        InvalidInputError: neither of the two.
    """
    short = lang.lower().split("-")[0]
    if short not in LANGUAGES:
        raise InvalidInputError(f"language is {lang!r}, not one of {', '.join(LANGUAGES)}")
    return short


def number_text(value: float, digits: int) -> str:
    """A number with `digits` decimals, grouped by thousands, with a true minus sign.

    Both languages group alike: scientific numbers are not forced into 万 and 亿. A value that
    rounds to zero has no sign.

    Raises:
        InvalidInputError: the value is not finite; absence has words of its own.
    """
    if not math.isfinite(value):
        raise InvalidInputError(f"number is {value}: say why it is missing instead")
    text = f"{abs(value):,.{digits}f}"
    negative = value < 0 and any(sign in text for sign in "123456789")
    return (MINUS if negative else "") + text


def unit_text(unit: str, lang: str) -> str:
    """A unit as printed: `degC` becomes `°C`; unknown units are printed as they are."""
    sign = _UNIT_SIGNS.get(unit, unit)
    return _WORD_UNITS_ZH.get(sign, sign) if check_language(lang) == "zh" else sign


def value_text(value: float, unit: str, digits: int, lang: str, *, signed: bool = False) -> str:
    """Value and unit, thin space between: `29.41 °C`, `57%`, `11.3 km²`, `5天`.

    Args:
        value: the number [unit].
        unit: CF spelling or printed sign; `1` when dimensionless.
        digits: decimals kept.
        lang: `en` or `zh`.
        signed: write `+` before a positive number (changes, anomalies).

    Raises:
        InvalidInputError: the value is not finite, or the language is unknown.
    """
    sign = unit_text(unit, lang)
    number = number_text(value, digits)
    if signed and value > 0 and any(mark in number for mark in "123456789"):
        number = f"+{number}"
    close = sign in _CLOSE_UNITS or sign in _WORD_UNITS_ZH.values()
    return number + ("" if close or not sign else THIN_SPACE) + sign


def interval_text(low: float, high: float, unit: str, digits: int, lang: str) -> str:
    """An interval, unit once: `0.5 to 1.2 °C`, `0.5 至 1.2 °C`.

    Raises:
        InvalidInputError: an end is not finite, or the ends are reversed.
    """
    if low > high:
        raise InvalidInputError(f"interval runs from {low} down to {high}")
    word = "至" if check_language(lang) == "zh" else "to"
    return f"{number_text(low, digits)} {word} {value_text(high, unit, digits, lang)}"


def period_text(period: str, lang: str) -> str:
    """A period in words: `2015-11` reads "November 2015" or 2015年11月.

    Spans `start/end` are half-open, so `2020/2024` reads "2020 to 2023".

    Raises:
        InvalidInputError: the text is no period of the model, or the language is unknown.
    """
    zh = check_language(lang) == "zh"
    span = Period.parse(period)
    start, last = span.start, span.end - timedelta(days=1)
    for width in (1, 2, 3):
        if _starts(start, width) and _starts(span.end, width):
            first, final = _date_text(start, width, zh=zh), _date_text(last, width, zh=zh)
            if first == final:
                return first
            return f"{first}至{final}" if zh else f"{first} to {final}"
    raise InvalidInputError(f"period {period!r} has no words")


def _starts(day: date, width: int) -> bool:
    """Whether `day` begins a year (1), a month (2) or a day (3)."""
    return width == 3 or (day.day == 1 and (width == 2 or day.month == 1))


def _date_text(day: date, width: int, *, zh: bool) -> str:
    if zh:
        return f"{day.year}年" + f"{day.month}月" * (width > 1) + f"{day.day}日" * (width > 2)
    return (
        f"{day.day} " * (width > 2) + f"{_MONTHS[day.month - 1]} " * (width > 1) + str(day.year)
    )
