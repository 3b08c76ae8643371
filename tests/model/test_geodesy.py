from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthcommons.errors import InvalidInputError
from earthcommons.model.geodesy import BBox, edges_of, parts_of

NUMBERS = st.lists(
    st.floats(-200, 200) | st.integers(-181, 181) | st.sampled_from([-0.0, 90, 180, float("inf")])
    | st.just(float("nan")),
    min_size=3, max_size=7,
)  # fmt: skip


@given(numbers=NUMBERS)
def test_edges_alone_are_those_of_a_box_or_refused_in_the_same_words(
    numbers: list[float],
) -> None:
    said = []
    for way in (BBox.of, edges_of):
        try:
            way(numbers)
        except InvalidInputError as error:
            said.append((error.code, str(error)))
    if said:
        assert said == [said[0]] * 2
        assert said[0][0] == "bad-bbox"
    else:
        box, edges = BBox.of(numbers), edges_of(numbers)
        assert repr(list(edges)) == repr(box.as_list())
        assert parts_of(edges) == box.parts()


@given(
    west=st.floats(-180, 180), east=st.floats(-180, 180),
    south=st.floats(-90, 90), north=st.floats(-90, 90),
)  # fmt: skip
def test_a_box_is_one_when_south_lies_below_north(
    west: float, south: float, east: float, north: float
) -> None:
    if south > north:
        with pytest.raises(InvalidInputError, match="need -90 <= south <= north <= 90"):
            BBox(west, south, east, north)
    else:
        parts = BBox(west, south, east, north).parts()
        width = sum(e - w for w, _, e, _ in parts)
        assert len(parts) == 1 + (west > east)
        assert width == pytest.approx((east - west) % 360 if west > east else east - west)


def test_heights_are_dropped_and_a_box_through_the_antimeridian_is_two() -> None:
    assert edges_of([0, 1, -50, 2, 3, 9000]) == (0.0, 1.0, 2.0, 3.0)
    assert parts_of((179.0, 1.0, -179.0, 2.0)) == (
        (179.0, 1.0, 180.0, 2.0), (-180.0, 1.0, -179.0, 2.0),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ([0, 1, 2], "bbox of 3 numbers, need 4 or 6"),
        ([0, 1, 2, 3, 4], "bbox of 5 numbers, need 4 or 6"),
        ([0, 9, 1, 2], "bbox latitudes 9.0, 2.0"),
        ([0, 1, 1, 90.5], "bbox latitudes 1.0, 90.5"),
        ([-181, 1, 1, 2], "bbox longitudes -181.0, 1.0"),
        ([float("nan"), 99, 1, 2], "is not finite"),
    ],
)
def test_what_is_no_box_is_refused_in_words(numbers: list[float], words: str) -> None:
    with pytest.raises(InvalidInputError, match=words) as refused:
        edges_of(numbers)
    assert refused.value.code == "bad-bbox"
