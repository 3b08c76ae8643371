"""A rise in level at an unknown time: dated, tested, and never called a trend.

The detector has two doors to the same rule, as in `monitor.enso`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from earthcommons.errors import InvalidInputError
from earthcommons.kernels.pettitt import pettitt_rise
from earthcommons.monitor.aligned import many_series, one_series

__all__ = ["StepRise", "count_step_rises", "step_rise"]


@dataclass(frozen=True, slots=True)
class StepRise:
    """The clearest rise in level of a series: a step at a time, never a trend.

    Attributes:
        found: the rise is clearer than `alpha` asks.
        last_before: label of the last period at the lower level.
        first_after: label of the first period at the higher level.
        earliest: lower end of the interval of `first_after`.
        latest: upper end.
        level: two-sided confidence level of that interval.
        median_before: median up to `last_before`.
        median_after: median from `first_after` to the end of the series.
        p_rise: chance of so clear a rise in a random order (one-sided).
        p_method: `exact` or `approximate`, see `kernels.pettitt`.
        periods: number of periods with a value.
    """

    found: bool
    last_before: str
    first_after: str
    earliest: str
    latest: str
    level: float
    median_before: float
    median_after: float
    p_rise: float
    p_method: Literal["exact", "approximate"]
    periods: int


def step_rise(
    periods: Sequence[str],
    values: ArrayLike,
    *,
    alpha: float = 0.01,
    level: float = 0.95,
    seed: int = 1979,
) -> StepRise:
    """The clearest rise in level of a series of, say, monthly medians, and whether it counts.

    Pettitt's test, one-sided. The interval of the date is a percentile bootstrap: 999 times the
    departures from each side's median are drawn anew within that side, and the rise is dated
    again. Test and interval take the periods as independent, so read them beside the false-alarm
    rate. The level may fall back later; this says only that it rose.

    Args:
        periods: labels in order of time, dims (time).
        values: dims (time); NaN where missing, which leaves the period out.
        alpha: highest one-sided probability at which a rise counts as found.
        level: two-sided confidence level of the date's interval.
        seed: seed of the bootstrap.

    Raises:
        InvalidInputError: labels and values do not match, or fewer than four values are there.
    """
    row = one_series(values, len(periods))[0]
    known = ~np.isnan(row)
    x, names = row[known], [periods[k] for k in np.flatnonzero(known).tolist()]
    test = pettitt_rise(x[None])
    split = int(test.last_before[0]) + 1
    before, after = x[:split], x[split:]
    draw = np.random.default_rng(seed)
    again = np.concatenate(
        [draw.choice(part, (999, len(part))) for part in (before, after)], axis=1
    )
    dated = pettitt_rise(again).last_before + 1
    tail = (1 - level) / 2
    ends = np.quantile(dated, [tail, 1 - tail], method="nearest").tolist()
    return StepRise(
        bool(test.p_rise[0] <= alpha),
        names[split - 1],
        names[split],
        names[min(int(ends[0]), split)],
        names[max(int(ends[1]), split)],
        level,
        float(np.median(before)),
        float(np.median(after)),
        float(test.p_rise[0]),
        test.method,
        len(x),
    )


def count_step_rises(values: ArrayLike, *, alpha: float = 0.01) -> NDArray[np.int64]:
    """1 for each row in which `step_rise` finds a rise, else 0, dims (series).

    Raises:
        InvalidInputError: a period is missing in some rows only.
    """
    rows = many_series(values)
    missing = np.isnan(rows)
    if np.any(missing.any(axis=0) != missing.all(axis=0)):
        raise InvalidInputError("a period must be missing in all series or in none")
    found = pettitt_rise(rows[:, ~missing.any(axis=0)]).p_rise <= alpha
    return found.astype(np.int64)
