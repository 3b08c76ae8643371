from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.indicators.conftest import PackNode, on_grid

from earthcommons.errors import InvalidInputError
from earthcommons.indicators.night_lights import parts_of_change

KENYA = "m49:404"
RADIANCE = st.just(0.0) | st.just(np.nan) | st.floats(0.5, 500)


def test_each_pixel_is_in_the_part_its_two_years_say() -> None:
    first = on_grid([[2.0, 0.0, 3.0, 0.0, np.nan, 1.0, np.nan]])
    last = on_grid([[5.0, 4.0, 0.0, 0.0, 0.7, np.nan, np.nan]])
    parts = {name: part.values[0] for name, part in parts_of_change(first, last, 0.5).items()}
    nan = np.nan
    np.testing.assert_array_equal(parts["both-lit"], [3, 0, 0, 0, 0, 0, nan])
    np.testing.assert_array_equal(parts["newly-lit"], [0, 4, 0, 0, 0, 0, nan])
    np.testing.assert_array_equal(parts["gone-dark"], [0, 0, -3, 0, 0, 0, nan])
    np.testing.assert_array_equal(parts["rest"], [0, 0, 0, 0, 0.7, -1, nan])


@settings(max_examples=30)
@given(
    st.lists(st.tuples(RADIANCE, RADIANCE), min_size=1, max_size=12), st.sampled_from([0.5, 5])
)
def test_parts_add_up_to_the_change(pairs: list[tuple[float, float]], lit_from: float) -> None:
    first, last = (np.array([column]) for column in zip(*pairs, strict=True))
    parts = parts_of_change(on_grid(first), on_grid(last), lit_from)
    total = sum(float(np.nansum(part)) for part in parts.values())
    assert total == pytest.approx(np.nansum(last) - np.nansum(first), abs=1e-9)


def test_years_on_two_grids_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="do not match"):
        parts_of_change(on_grid(np.zeros((2, 2))), on_grid(np.zeros((2, 3))), 0.5)


@pytest.mark.parametrize(
    ("year", "total"), [(2020, 115_328), (2021, 133_050), (2022, 167_262), (2023, 181_476)]
)
def test_sums_inside_kenya(pack: PackNode, year: int, total: int) -> None:
    row = pack.one("night-lights", KENYA, str(year), measure="sum")
    assert round(row.value or 0) == total
    assert row.status == "proxy"


@pytest.mark.parametrize(
    ("measure", "value"),
    [
        ("change", 66_148),
        ("change-both-lit", 37_897),
        ("change-newly-lit", 28_680),
        ("change-gone-dark", -435),
    ],
)
def test_what_the_rise_is_made_of(pack: PackNode, measure: str, value: int) -> None:
    row = pack.one("night-lights", KENYA, "2020/2024", measure=measure)
    assert round(row.value or 0) == value


def test_parts_published_add_up_to_the_rise_published(pack: PackNode) -> None:
    parts = ("change-both-lit", "change-newly-lit", "change-gone-dark", "change-rest")
    found = [pack.one("night-lights", KENYA, "2020/2024", measure=m).value for m in parts]
    whole = pack.one("night-lights", KENYA, "2020/2024", measure="change").value
    assert sum(found) == pytest.approx(whole, rel=1e-12)  # type: ignore[arg-type]


def test_second_route_gives_the_pixels_that_crossed_the_floor(pack: PackNode) -> None:
    row = pack.one("night-lights", KENYA, "2020/2024", measure="change-newly-lit")
    assert pack.again(row) == pytest.approx(row.value, rel=1e-6)


def test_lit_share_and_the_rise_in_percent(pack: PackNode) -> None:
    shares = [
        pack.one("night-lights", KENYA, year, measure="lit-share") for year in ("2020", "2023")
    ]
    assert [round(row.value or 0, 2) for row in shares] == [1.25, 2.72]
    assert pack.again(shares[1]) == pytest.approx(shares[1].value, abs=1e-6)
    rise = pack.one("night-lights", KENYA, "2020/2024", measure="relative-change")
    assert (round(rise.value or 0), rise.unit) == (57, "percent")
    assert "pandemic" in rise.baseline


def test_only_kenya_is_spoken_of_and_a_threshold_below_the_floor_is_refused(
    pack: PackNode,
) -> None:
    assert {row.region for row in pack.observations("night-lights")} == {KENYA}
    with pytest.raises(InvalidInputError, match="lit_from"):
        pack.observations("night-lights", lit_from=0.1)
