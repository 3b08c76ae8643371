from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box
from tests.indicators.conftest import PackNode, on_grid

from earthcommons.cube import grid_of
from earthcommons.errors import InvalidInputError
from earthcommons.indicators.warming import people_per_cell, temperature_of_people
from earthcommons.zones.coverage import coverage


def test_people_of_a_coastal_cell_are_those_of_its_land() -> None:
    density = on_grid([[80.0, np.nan, 4.0, 4.0], [np.nan, np.nan, 4.0, 4.0]], 0.5, 0, 0.25)
    people = people_per_cell(density, on_grid([[1.0, 1.0]], 0.5, 0, 0.5))
    # 80 on a quarter of the cell, nobody at sea; 4 all over the other cell.
    np.testing.assert_array_equal(people, [[20.0, 4.0]])
    np.testing.assert_allclose(people.lon, [0.25, 0.75])


def test_temperature_is_that_of_the_people_not_of_the_land() -> None:
    temperature = on_grid([[[10.0, 20.0], [99.0, np.nan]]])
    people = on_grid([[30.0, 10.0], [0.0, 500.0]])
    zones = coverage([("z", box(0, -1, 2, 1))], grid_of(people))
    sums = temperature_of_people(temperature, people, zones)
    # 99 has nobody, 500 live where there is no temperature: neither moves the mean.
    assert sums.mean[0, 0] == pytest.approx((30 * 10 + 10 * 20) / 40, rel=1e-12)
    assert sums.valid_share[0, 0] == pytest.approx(0.75, rel=1e-12)


@settings(max_examples=40)
@given(
    st.lists(st.floats(-40, 40), min_size=4, max_size=4),
    st.lists(st.floats(0.1, 1e4), min_size=4, max_size=4),
    st.floats(-5, 5),
)
def test_warming_everywhere_by_so_much_warms_everyone_by_so_much(
    degrees: list[float], density: list[float], rise: float
) -> None:
    base = np.reshape(degrees, (2, 2))
    people = on_grid(np.reshape(density, (2, 2)))
    zones = coverage([("z", box(0.2, -1, 2, 0.7))], grid_of(people))
    sums = temperature_of_people(on_grid([base, base + rise]), people, zones)
    assert sums.mean[1, 0] - sums.mean[0, 0] == pytest.approx(rise, abs=1e-9)


def test_grids_that_do_not_nest_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="do not fill"):
        people_per_cell(on_grid(np.ones((3, 4))), on_grid(np.ones((2, 2))))


@pytest.mark.parametrize(
    ("scenario", "period", "level"),
    [
        ("historical", "1980/2010", 21.77),
        ("ssp126", "2036/2066", 22.69),
        ("ssp585", "2036/2066", 23.20),
    ],
)
def test_levels_where_kenyans_live(
    pack: PackNode, scenario: str, period: str, level: float
) -> None:
    row = pack.one("warming", "m49:404", period, measure="level", scenario=scenario)
    assert round(row.value or 0, 2) == level
    assert pack.again(row) == pytest.approx(row.value, abs=1e-6)


@pytest.mark.parametrize(("scenario", "rise"), [("ssp126", 0.9), ("ssp585", 1.4)])
def test_rise_where_kenyans_live_has_no_interval(
    pack: PackNode, scenario: str, rise: float
) -> None:
    row = pack.one("warming", "m49:404", "2036/2066", measure="change", scenario=scenario)
    assert round(row.value or 0, 1) == rise
    assert (row.status, row.interval) == ("model", None)
    assert row.interval_reason == "one model, one run"
    assert "same model" in row.baseline
    assert pack.again(row) == pytest.approx(row.value, abs=1e-6)


def test_the_historical_run_has_no_change(pack: PackNode) -> None:
    changes = [
        row.dimensions["scenario"]
        for row in pack.observations("warming")
        if row.dimensions["measure"] == "change"
    ]
    assert set(changes) == {"ssp126", "ssp585"}
