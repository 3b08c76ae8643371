"""What the value of an anomaly rests on: its own month, and that month in the baseline."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from earthcommons.indicators.cell_rows import less_same_month
from earthcommons.indicators.workbench import Cells
from earthcommons.kernels.formula import evaluate

WORDS = {"en": "Mean", "zh": "平均"}


def test_an_anomaly_is_the_month_less_the_mean_of_years_that_weigh_one_each() -> None:
    level = Cells({"days": [{"value": 5.0}, {"value": 7.0}]}, ["mean", "days"], WORDS)
    baseline = [
        {"value": 1.0, "weight": 0.5}, {"value": 3.0, "weight": 0.5}, {"value": 4.0, "weight": 1.0},
    ]  # fmt: skip
    both = less_same_month(level, baseline)
    # 6 less (2 + 4) / 2.
    assert evaluate(both.formula, both.tables) == 3.0
    assert set(both.tables) == {"days", "baseline"}
    assert both.explanation["zh"].startswith("平均，减去基准期")
    assert set(level.tables) == {"days"}


@given(st.floats(-40, 40), st.lists(st.floats(-40, 40), min_size=1, max_size=9))
def test_the_same_value_in_every_year_leaves_nothing(value: float, other: list[float]) -> None:
    level = Cells({"cells": [{"value": value, "weight": 2.0}]}, ["wmean", "cells"], WORDS)
    same = [{"value": value, "weight": 1.0} for _ in other]
    both = less_same_month(level, same)
    assert abs(evaluate(both.formula, both.tables)) < 1e-9
