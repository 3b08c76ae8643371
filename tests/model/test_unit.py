from __future__ import annotations

import pytest

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


@pytest.mark.parametrize("text", ["", "furlong-ish", "__import__('os')", "km2; drop", "x" * 80])
def test_what_is_no_unit_is_refused_and_the_place_is_named(text: str) -> None:
    with pytest.raises(UnitError, match="band 1"):
        check_unit(text, "band 1")


def test_metres_do_not_convert_to_seconds() -> None:
    with pytest.raises(UnitError, match="does not convert"):
        converter("m", "s")
    with pytest.raises(UnitError):
        converter("class", "percent")
