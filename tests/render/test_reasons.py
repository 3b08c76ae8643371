from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthcommons.errors import InvalidInputError
from earthcommons.render.reasons import is_known_reason, reason_text


def test_a_reason_keeps_its_numbers_in_chinese() -> None:
    text = "coverage: 8.3 valid cells, fewer than 30"
    assert reason_text(text, "zh") == "覆盖不足：有效像元8.3个，少于30个"
    assert reason_text(text, "en") == text
    september = (
        "September of 1981-2010, 30 values: mean 6.413, standard deviation 0.873 10^6 km2"
    )
    assert reason_text(september, "zh").startswith("1981至2010年9月，30个值")


@given(st.text(max_size=60))
def test_an_unknown_text_is_shown_as_it_is(text: str) -> None:
    if not is_known_reason(text):
        assert reason_text(text, "zh") == text


def test_another_language_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        reason_text("one model, one run", "xx")
