"""The one sentence of an alert, put together from the same parts in English and Chinese."""

from __future__ import annotations

from typing import TYPE_CHECKING

from earthcommons.indicators import find_indicator
from earthcommons.model.indicator import Text
from earthcommons.render.format import number_text, period_text, value_text

if TYPE_CHECKING:
    from earthcommons.model.alert import Watch

__all__ = ["below_words", "headline_of", "month_words", "value_words"]


def headline_of(en: str, zh: str, *parts: Text | str) -> dict[str, str]:
    """Return both sentences with `{0}`, `{1}` … replaced by the parts in their language."""
    return {
        lang: pattern.format(*(p if isinstance(p, str) else p[lang] for p in parts))
        for lang, pattern in (("en", en), ("zh", zh))
    }


def month_words(label: str) -> Text:
    """Return a month `YYYY-MM` in words."""
    return Text(period_text(label, "en"), period_text(label, "zh"))


def value_words(watch: Watch, value: float, unit: str, *, signed: bool = False) -> Text:
    """Return a value with its unit, to the digits of the watch's indicator."""
    digits = find_indicator(watch.indicator).digits
    return Text(
        value_text(value, unit, digits, "en", signed=signed),
        value_text(value, unit, digits, "zh", signed=signed),
    )


def below_words(z: float, baseline: tuple[int, int]) -> Text:
    """Return how many standard deviations below or above the baseline's mean."""
    first, last = baseline
    size = number_text(abs(z), 1)
    side, zh = ("below", "低") if z < 0 else ("above", "高")
    return Text(
        f"{size} standard deviations {side} {first}–{last}",
        f"比{first}—{last}年平均{zh}{size}个标准差",
    )
