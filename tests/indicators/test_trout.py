from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthcommons.errors import InvalidInputError
from earthcommons.indicators.trout import effort_words, mean_weight

if TYPE_CHECKING:
    from tests.indicators.conftest import PackNode

KEY, CREEK = "trout-abundance", "ec:mack-creek"
TROUT = {"species": "cutthroat-trout"}


def test_only_weighed_fish_of_the_class_count_and_its_upper_end_is_out() -> None:
    length = np.array([99.0, 100.0, 110.0, 119.9, 120.0, np.nan, 105.0])
    weight = np.array([50.0, 9.0, 11.0, 13.0, 50.0, 50.0, np.nan])
    found = mean_weight(length, weight, 100, 120, 3)
    assert found is not None
    assert (found.mean, found.n) == (11.0, 3)
    # Standard deviation 2, standard error 2 / sqrt(3).
    assert found.high - found.mean == pytest.approx(1.96 * 2 / np.sqrt(3))
    assert mean_weight(length, weight, 100, 120, 4) is None


@given(st.lists(st.floats(0.5, 30), min_size=2, max_size=30), st.floats(0.1, 10))
def test_unit_of_weight_does_not_matter(weights: list[float], k: float) -> None:
    length, weight = np.full(len(weights), 110.0), np.array(weights)
    one = mean_weight(length, weight, 100, 120, 2)
    other = mean_weight(length, k * weight, 100, 120, 2)
    assert one is not None
    assert other is not None
    assert other.mean == pytest.approx(k * one.mean)
    assert one.low <= one.mean <= one.high


def test_empty_class_and_weightless_fish_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="length class"):
        mean_weight(np.ones(3), np.ones(3), 120, 100, 2)
    with pytest.raises(InvalidInputError, match="weighs 0"):
        mean_weight(np.full(3, 110.0), np.array([1.0, 0.0, 2.0]), 100, 120, 2)


def test_effort_names_passes_reaches_units_and_days() -> None:
    rows = pd.DataFrame(
        {
            "section": ["CC", "CC", "OG", "OG"],
            "reach": ["L", "L", "L", "U"],
            "pass": [1, 2, 1, 1],
            "unitnum": [1, 1, 1, 2],
            "unittype": ["C", "C", "P", "P"],
            "sampledate": ["d1", "d1", "d2", "d2"],
        }
    )
    assert effort_words(rows) == (
        "effort: passes 1 and 2, 3 reaches of 50 m, 3 channel units with a catch, 2 days"
    )
    unnamed = rows.assign(unittype=pd.array([pd.NA, "C", pd.NA, "P"], dtype="string"))
    assert "2 animals not assigned to a channel unit" in effort_words(unnamed)


@pytest.mark.parametrize(("year", "count"), [(1987, 603), (1988, 302), (2019, 490)])
def test_captures_of_all_sections(pack: PackNode, year: int, count: int) -> None:
    row = pack.one(KEY, CREEK, str(year), measure="level", treatment="all", **TROUT)
    assert (row.value, row.unit, row.cells) == (count, "count", count)
    assert row.reason.startswith("effort: passes 1 and 2, 6 reaches")
    assert pack.again(row) == count


def test_treatments_add_up_to_all_in_every_year(pack: PackNode) -> None:
    for year in range(1987, 2020):
        parts = [
            pack.one(KEY, CREEK, str(year), measure="level", treatment=name, **TROUT).value or 0
            for name in ("clear-cut", "old-growth", "all")
        ]
        assert parts[0] + parts[1] == parts[2] > 0


def test_condition_says_how_length_was_measured_or_why_it_is_missing(pack: PackNode) -> None:
    row = pack.one(KEY, CREEK, "1987", measure="condition", treatment="clear-cut", **TROUT)
    assert row.value == pytest.approx(11.0487, abs=1e-4)
    assert row.cells == 76
    assert "snout-fork length" in row.reason
    assert row.interval is not None
    assert pack.again(row) == pytest.approx(row.value, abs=1e-9)
    few = pack.one(KEY, CREEK, "1994", measure="condition", treatment="old-growth", **TROUT)
    assert (few.value, few.reason) == (
        None, "fish: 2 weighed of 100 to 120 mm, fewer than 10",
    )  # fmt: skip
