from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthcommons.errors import UnitError
from earthcommons.model.unit import check_unit, converter, same_unit


def test_zero_celsius_is_273_15_kelvin() -> None:
    factor, offset = converter("degC", "K")
    assert factor == pytest.approx(1)
    assert offset == pytest.approx(273.15)


def test_a_million_square_kilometres_is_a_million_times_one() -> None:
    assert converter("10^6 km2", "km2") == pytest.approx((1e6, 0))
    assert converter("1", "percent") == pytest.approx((100, 0))


def test_two_spellings_of_one_unit_are_the_same() -> None:
    assert same_unit("km2", "km^2")
    assert same_unit("degC", "degree_Celsius")
    assert same_unit("nW/cm2/sr", "nW cm-2 sr-1")
    assert not same_unit("km2", "km")
    assert not same_unit("class", "1")


@pytest.mark.parametrize(
    ("one", "other"),
    [("mg/L", "g/m3"), ("g/m3", "mg/L"), ("ug/m3", "ng/L"), ("km", "10^3 m"), ("ha", "10^4 m2"),
     ("kg m-2 s-1", "g m-2 ms-1"), ("hPa", "mbar"), ("W", "J/s"), ("um/s", "mm/ks"),
     ("mol m-3", "mmol/L"), ("ppm", "10^-6"), ("percent", "10^-2"), ("degC/day", "K/day")],
)  # fmt: skip
def test_two_names_of_one_unit_are_the_same_and_numbers_stay_as_they_are(
    one: str, other: str
) -> None:
    assert same_unit(one, other)
    assert converter(one, other) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("one", "other"),
    [("degC", "K"), ("degC", "degF"), ("1", "percent"), ("mg/L", "mg/m3"), ("km", "m"),
     ("m", "s"), ("day", "week"), ("foot", "survey_foot"), ("degC", "delta_degC"),
     ("km999", "m999"), ("10^-99 m", "10^99 m"), ("year", "10^1 decade")],
)  # fmt: skip
def test_units_that_measure_alike_but_not_the_same_are_two(one: str, other: str) -> None:
    assert not same_unit(one, other)
    assert not same_unit(other, one)


_PREFIX = {"": 0, "k": 3, "m": -3, "u": -6, "n": -9}


@given(
    st.sampled_from(sorted(_PREFIX)), st.sampled_from(["g", "m", "mol", "Pa"]),
    st.sampled_from(sorted(_PREFIX)), st.integers(-12, 12),
)  # fmt: skip
def test_a_prefix_is_its_power_of_ten_and_no_other(
    above: str, base: str, below: str, power: int
) -> None:
    exact = _PREFIX[above] - _PREFIX[below]
    text = f"{above}{base}/{below}L"
    assert same_unit(text, f"10^{power} {base}/L") is (power == exact)


@pytest.mark.parametrize("text", ["", "furlong-ish", "__import__('os')", "km2; drop", "x" * 80])
def test_what_is_no_unit_is_refused_and_the_place_is_named(text: str) -> None:
    with pytest.raises(UnitError, match="band 1"):
        check_unit(text, "band 1")


def test_metres_do_not_convert_to_seconds() -> None:
    with pytest.raises(UnitError, match="does not convert"):
        converter("m", "s")
    with pytest.raises(UnitError):
        converter("class", "percent")
