"""The extent of a collection: what its items make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthcommons.ingest.item import widen
from earthcommons.model.geodesy import edges_of, parts_of

if TYPE_CHECKING:
    from collections.abc import Sequence

WORLD = [-180, -90, 180, 90]
SINCE = ["2000-01-01T00:00:00Z", None]


def collection(*boxes: Sequence[float], span: list[Any] = SINCE) -> dict[str, Any]:
    return {"extent": {"spatial": {"bbox": [*boxes]}, "temporal": {"interval": [span]}}}


def item(bbox: list[float], time: str = "2020-01-01T00:00:00Z") -> dict[str, Any]:
    return {"bbox": bbox, "properties": {"datetime": time}}


@pytest.mark.parametrize(
    ("boxes", "bbox", "wider"),
    [
        ([WORLD], [1, 2, 1, 2], [WORLD]),
        ([[0, 0, 5, 5]], [10, 20, 100.5, 11, 21, 100.5], [[0, 0, 11, 21]]),
        ([[0, 0, -9, 5, 5, 9]], [1, 1, 2, 2], [[0, 0, -9, 5, 5, 9]]),
        ([[0, 0, 9, 9], [0, 0, 1, 1], [8, 8, 9, 9]], [2, 2, 3, 3],
         [[0, 0, 9, 9], [0, 0, 1, 1], [8, 8, 9, 9]]),
        ([[0, 0, 9, 9], [0, 0, 1, 1]], [2, 2, 10, 3], [[0, 0, 10, 9], [0, 0, 1, 1]]),
        ([[170, 0, 179, 5]], [-179, 0, -170, 5], [[170, 0, -170, 5]]),
        ([[170, 0, -170, 5]], [-160, 0, -150, 5], [[170, 0, -150, 5]]),
        ([[170, 0, -170, 5]], [175, 1, -175, 2], [[170, 0, -170, 5]]),
        ([[170, 0, 180, 5]], [-180, 0, -170, 5], [[170, 0, -170, 5]]),
        ([[-180, 0, -170, 5]], [180, 0, 180, 5], [[-180, 0, -170, 5]]),
        ([[10, 0, -10, 5]], [-20, 0, 20, 5], [[-180, 0, 180, 5]]),
        ([[-60, 0, 60, 5]], WORLD, [WORLD]),
        ([], [1, 2, 3, 4], [[1, 2, 3, 4]]),
    ],
)  # fmt: skip
def test_an_extent_grows_to_the_narrowest_box_that_holds_both(
    boxes: list[list[float]], bbox: list[float], wider: list[list[float]]
) -> None:
    assert widen(collection(*boxes), item(bbox))["extent"]["spatial"]["bbox"] == wider


def test_the_placeholder_of_what_is_not_known_yet_gives_way() -> None:
    unknown = collection(WORLD, span=[None, None])
    assert widen(unknown, item([1, 2, 3, 4]))["extent"] == {
        "spatial": {"bbox": [[1, 2, 3, 4]]},
        "temporal": {"interval": [["2020-01-01T00:00:00Z"] * 2]},
    }


@pytest.mark.parametrize("nowhere", [{}, {"bbox": None}])
def test_what_lies_nowhere_changes_no_box(nowhere: dict[str, Any]) -> None:
    time = {"properties": {"datetime": "2020-01-01T00:00:00Z"}}
    placed = collection([1, 2, 3, 4])
    assert widen(placed, nowhere | time)["extent"]["spatial"]["bbox"] == [[1, 2, 3, 4]]
    assert widen(collection(), nowhere | time)["extent"]["spatial"]["bbox"] == [WORLD]


def test_times_are_compared_as_times() -> None:
    span = ["2020-01-01T00:00:00Z", "2020-01-01T01:00:00+02:00"]
    wider = widen(collection(span=span), item([1, 2, 3, 4], "2020-01-01T00:30:00Z"))
    assert wider["extent"]["temporal"]["interval"] == [
        ["2020-01-01T01:00:00+02:00".replace("01:00:00+02:00", "00:00:00Z"),
         "2020-01-01T00:30:00Z"],
    ]  # fmt: skip


LONGITUDES = st.integers(-18, 18).map(lambda n: n * 10.0)
BOXES = st.tuples(LONGITUDES, st.floats(-90, 0), LONGITUDES, st.floats(0, 90)).map(list[float])


def reached(*boxes: list[float]) -> set[int]:
    """Return what boxes reach of the 36 meridians, by even numbers, and the gaps between."""
    parts = [part for box in boxes for part in parts_of(edges_of(box))]
    return {n % 72 for w, _, e, _ in parts for n in range(int(w) // 5, int(e) // 5 + 1)}


@given(st.lists(BOXES, max_size=3), BOXES)
def test_the_widened_extent_holds_both_and_is_no_larger_than_needed(
    boxes: list[list[float]], bbox: list[float]
) -> None:
    found, *rest = widen(collection(*boxes), item(bbox))["extent"]["spatial"]["bbox"]
    assert rest == boxes[1:]
    assert found[1] == min(b[1] for b in [*boxes, bbox])
    assert found[3] == max(b[3] for b in [*boxes, bbox])
    needed, held = reached(*boxes, bbox), reached(found)
    assert needed <= held
    free = "".join(" " if n % 72 in needed else "x" for n in range(144)).split()
    assert len(held) == 72 - max([len(run) for run in free if len(run) < 144], default=0)
