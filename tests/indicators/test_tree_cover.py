from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box
from tests.indicators.conftest import PackNode, on_grid

from earthcommons.cube import grid_of
from earthcommons.errors import InvalidInputError
from earthcommons.indicators.tree_cover import mean_canopy
from earthcommons.zones.coverage import coverage

# Two columns of one degree, rows at equal distance from the equator: all four cells are equal.
TREES = on_grid([[80.0, 40.0], [np.nan, 60.0]])


def test_mean_counts_half_a_cell_by_half_and_leaves_water_and_gaps_out() -> None:
    cover = on_grid([[1, 20], [1, 1]])
    zones = coverage([("z", box(0, -1, 1.5, 1))], grid_of(TREES))
    sums = mean_canopy(TREES, cover, zones, 20)
    # 80 in a whole cell and 60 in half a cell; 40 is water, NaN is not observed.
    assert sums.mean[0, 0] == pytest.approx((80 + 0.5 * 60) / 1.5, rel=1e-12)
    assert sums.valid_cells[0, 0] == pytest.approx(1.5)
    assert sums.valid_share[0, 0] == pytest.approx(0.5, rel=1e-12)


@settings(max_examples=40)
@given(st.lists(st.floats(0, 100), min_size=4, max_size=4), st.floats(0, 1))
def test_mean_lies_between_the_lowest_and_the_highest_cell(
    values: list[float], reach: float
) -> None:
    trees = on_grid(np.reshape(values, (2, 2)))
    zones = coverage([("z", box(0, -1, 1 + reach, 1))], grid_of(trees))
    mean = mean_canopy(trees, on_grid(np.ones((2, 2), "u1")), zones, 20).mean[0, 0]
    assert min(values) - 1e-9 <= mean <= max(values) + 1e-9


def test_a_cover_on_another_grid_is_refused() -> None:
    zones = coverage([("z", box(0, -1, 1, 1))], grid_of(TREES))
    with pytest.raises(InvalidInputError, match="off the coverage's grid"):
        mean_canopy(TREES, on_grid(np.ones((2, 2), "u1"), west=5), zones, 20)


@pytest.mark.parametrize(
    ("region", "value"),
    [
        ("m49:076", 49.0),
        ("m49:170", 53.2),
        ("m49:392", 58.8),
        ("m49:246", 41.8),
        ("m49:404", 13.6),
        ("m49:752", 44.3),
    ],
)
def test_known_countries_come_out(pack: PackNode, region: str, value: float) -> None:
    row = pack.one("tree-cover", region, "2008", measure="level")
    assert row.value == pytest.approx(value, abs=0.05)
    assert row.status == "proxy"


def test_sao_tome_is_missing_for_coverage_with_the_number_of_cells(pack: PackNode) -> None:
    row = pack.one("tree-cover", "m49:678", "2008", measure="level")
    assert (row.status, row.value) == ("missing", None)
    assert row.reason == "coverage: 0.4 valid cells, fewer than 30"


def test_a_group_is_the_ratio_of_sums_of_its_members(pack: PackNode) -> None:
    world = pack.one("tree-cover", "m49:001", "2008", measure="level")
    assert world.value is not None
    assert pack.again(world) == pytest.approx(world.value, rel=1e-6)
    rows = [row for row in pack.observations("tree-cover") if row.value is not None]
    assert world.value != pytest.approx(np.mean([row.value for row in rows]), abs=0.1)
