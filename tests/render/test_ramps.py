"""Colours by meaning: interpolation, missing cells, class breaks, legends."""

import colorsys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthcommons.errors import InvalidInputError, NotFoundError
from earthcommons.render.ramps import (
    RAMPS,
    Legend,
    Ramp,
    breaks,
    colormap_for_tiles,
    legend,
    ramp,
)

GREYS = Ramp("greys", ("#000000", "#c80064"), "sequential", "test")


def test_colours_lie_on_the_line_between_anchors_and_missing_is_clear() -> None:
    found = GREYS.colours([[0.0, 5.0], [np.nan, 99.0]], 0, 10)
    assert found.dtype == np.uint8
    assert found.tolist() == [
        [[0, 0, 0, 255], [100, 0, 50, 255]],
        [[0, 0, 0, 0], [200, 0, 100, 255]],
    ]


def test_zero_is_white_in_every_diverging_ramp() -> None:
    for each in RAMPS.values():
        if each.kind == "diverging":
            assert each.colours([0.0], -3, 3).tolist() == [[255, 255, 255, 255]]
            with pytest.raises(InvalidInputError, match="zero"):
                each.colours([0.0], -1, 3)


@pytest.mark.parametrize("name", ["viridis", "cividis", "lights"])
def test_sequential_ramps_grow_lighter_throughout(name: str) -> None:
    red, green, blue = np.array(list(colormap_for_tiles(ramp(name)).values()))[:, :3].T
    weights = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    assert np.all(np.diff(weights) > -1.0)
    assert weights[-1] - weights[0] > 120


def test_warm_is_red_and_cold_is_blue() -> None:
    hot, cold = (ramp("temperature").at(share) for share in (0.9, 0.1))
    hues = [colorsys.rgb_to_hsv(*(int(c[i : i + 2], 16) for i in (1, 3, 5)))[0]
            for c in (hot, cold)]  # fmt: skip
    assert min(hues[0], 1 - hues[0]) < 0.1
    assert 0.5 < hues[1] < 0.7


def test_tile_map_has_256_opaque_entries_from_low_to_high() -> None:
    table = colormap_for_tiles(ramp("viridis"))
    assert sorted(table) == list(range(256))
    assert (table[0], table[255]) == ((0x44, 0x01, 0x54, 255), (0xFD, 0xE7, 0x25, 255))


def test_breaks_are_round_and_count_from_outside_the_data() -> None:
    assert breaks([0.3, 9.7, None, float("nan")], 5) == (0.0, 2.0, 4.0, 6.0, 8.0, 10.0)
    assert breaks([-1.2, 2.9], 6, around_zero=True) == (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
    assert breaks([7.0], 4)[0] <= 7.0 <= breaks([7.0], 4)[-1]


@given(st.lists(st.floats(-1e9, 1e9).map(lambda v: round(v, 3)), min_size=1), st.integers(1, 9))
def test_breaks_hold_every_value_and_rise(values: list[float], n: int) -> None:
    for around_zero in (False, True):
        edges = breaks(values, n, around_zero=around_zero)
        slack = 1e-9 * max(map(abs, edges))
        assert edges[0] - slack <= min(values)
        assert max(values) <= edges[-1] + slack
        assert all(high > low for low, high in pairwise(edges))
        assert len(edges) - 1 <= max(n, 2)
        if around_zero:
            np.testing.assert_allclose(edges, -np.array(edges[::-1]), rtol=1e-9)


def test_legend_counts_observed_values_and_missing_has_no_colour() -> None:
    found = legend([1.0, None, 9.0], ramp("cividis"), "km2", n=5, title={"en": "Water"})
    assert found.n == 2
    assert found.colour_of(None) is None
    assert found.colour_of(float("nan")) is None
    assert found.colour_of(-50) == found.colours[0]
    assert found.colour_of(found.breaks[1]) == found.colours[1]
    assert found.as_json("zh")["title"] == "Water"


def test_wrong_ramps_legends_and_names_are_refused() -> None:
    with pytest.raises(NotFoundError, match="viridis"):
        ramp("rainbow")
    with pytest.raises(InvalidInputError, match="#rrggbb"):
        Ramp("bad", ("red", "#ffffff"), "sequential", "test")
    with pytest.raises(InvalidInputError, match="categories"):
        ramp("okabe-ito").classes(9)
    with pytest.raises(InvalidInputError, match="rise"):
        Legend("1", (0.0, 0.0), ("#ffffff",), 1)
    with pytest.raises(InvalidInputError, match="no value"):
        breaks([None], 5)
    with pytest.raises(InvalidInputError, match="limits"):
        GREYS.colours([1.0], 5, 5)
