from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthcommons.model import unit
from earthcommons.model.plain_units import _ALONE_OF, _NAME_OF, plain_unit
from earthcommons.model.unit import check_unit, same_unit

_POWERS = st.sampled_from(["", "2", "3", "-1", "-2", "^2", "^-1", "**2", "**-3", "1", "9"])
_FACTORS = st.tuples(st.sampled_from(sorted(_NAME_OF)), _POWERS).map("".join)
_BETWEEN = st.sampled_from([" ", "/", "*", "."])
_SCALES = st.sampled_from(["", "10^6 ", "10^-3 "])


@st.composite
def written(draw: st.DrawFn) -> str:
    text = draw(_SCALES) + draw(_FACTORS)
    for factor in draw(st.lists(_FACTORS, max_size=3)):
        text += draw(_BETWEEN) + factor
    return text


def asked(text: str) -> tuple[float, dict[str, Any]]:
    """What the table of all units makes of a text."""
    found = unit._parse(text, text)
    return float(found.magnitude), {str(name): power for name, power in found.unit_items()}


def test_a_flux_is_told_as_powers_of_its_parts() -> None:
    assert plain_unit("kg m-2 s-1") == plain_unit("kg/m2/s")
    assert plain_unit("kg m-2 s-1") == (
        0, frozenset({("kilogram", 1), ("meter", -2), ("second", -1)}),
    )  # fmt: skip
    assert plain_unit("10^6 km2") == (6, frozenset({("kilometer", 2)}))
    assert plain_unit("1") == plain_unit("kg kg-1") == (0, frozenset())


@pytest.mark.parametrize("text", sorted(_NAME_OF | _ALONE_OF))
def test_every_spelling_means_what_the_table_says(text: str) -> None:
    assert asked(text) == (1.0, {(_NAME_OF | _ALONE_OF)[text]: 1})


@given(written())
def test_a_product_is_the_tables_product(text: str) -> None:
    plain = plain_unit(text)
    if plain is not None:
        exponent, powers = plain
        assert asked(text) == (10.0**exponent, dict(powers))


@given(st.text("Cdegkm2s1-/ *.^%°(", min_size=1, max_size=8))
def test_what_is_plain_is_a_unit_of_the_table(text: str) -> None:
    if plain_unit(text) is not None:
        asked(text)


@given(written(), written())
def test_units_that_are_one_when_plain_are_one_in_the_table(one: str, other: str) -> None:
    if None not in (plain_unit(one), plain_unit(other)):
        assert same_unit(one, other) == (unit._parse(one, one) == unit._parse(other, other))


@pytest.mark.parametrize(
    "text",
    [
        "degC/m",
        "degC2",
        "m0",
        "m2**3",
        "day/decade",
        "(m)",
        "1/m",
        "m 2",
        " m",
        "m ",
        "",
        "m" * 61,
    ],
)
def test_of_what_is_not_plain_nothing_is_said(text: str) -> None:
    assert plain_unit(text) is None


def test_units_that_look_different_are_still_compared_by_the_table() -> None:
    assert same_unit("N", "kg m s-2")
    assert not same_unit("mg/L", "g/L")


def test_a_file_with_usual_units_does_not_wait_for_the_table() -> None:
    code = """
import json, sys
from earthcommons.model.unit import check_unit, same_unit
said = [same_unit("mg/L", "mg L-1"), check_unit("degC", "x"), check_unit("1", "x")]
print(json.dumps([said, "pint" in sys.modules]))
"""
    ended = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(ended.stdout) == [[True, "degC", "1"], False]
    assert check_unit("day/decade", "x") == "day/decade"
