"""Low years: records lower than all before, and low states that stand.

Each detector has two doors to the same rule, as in `monitor.enso`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from earthcommons.errors import InvalidInputError
from earthcommons.monitor.aligned import (
    check_years,
    many_series,
    one_series,
    runs_of,
    standard_scores,
)

__all__ = [
    "RecordLow",
    "StandingState",
    "count_record_lows",
    "count_standing_states",
    "record_lows",
    "standing_states",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RecordLow:
    """A year lower than every earlier one, and far below the baseline.

    Attributes:
        year: the year.
        value: its value.
        z: departure from the baseline mean in baseline standard deviations.
        previous: the lowest earlier value.
        previous_year: its year.
        earlier_years: number of earlier years with a value.
    """

    year: int
    value: float
    z: float
    previous: float
    previous_year: int
    earlier_years: int


@dataclass(frozen=True, slots=True)
class StandingState:
    """Years in a low state: one alert that stands, not one a year.

    Attributes:
        since: first year at or below the entry score.
        until: first later year above the release score, no longer in the state; None while it
            stands.
        years_at_or_below: years in the state that were themselves at or below the entry score.
        lowest: lowest value in the state.
        lowest_year: its year.
        lowest_z: its standard score.
    """

    since: int
    until: int | None
    years_at_or_below: int
    lowest: float
    lowest_year: int
    lowest_z: float


def record_lows(
    years: ArrayLike,
    values: ArrayLike,
    *,
    baseline: tuple[int, int] = (1981, 2010),
    min_earlier: int = 20,
    z_max: float = -2.0,
) -> tuple[RecordLow, ...]:
    """Years lower than every earlier year and far below the baseline.

    Args:
        years: dims (time), rising.
        values: dims (time); NaN where missing.
        baseline: first and last year of the baseline, both in it.
        min_earlier: earlier years with a value that a record needs.
        z_max: highest standard score of a record.

    Raises:
        InvalidInputError: years do not rise or match, or the baseline holds under ten values.
    """
    year = check_years(years)
    row = one_series(values, len(year))
    z = standard_scores(year, row, baseline=baseline)
    hits = np.flatnonzero(_record_hits(row, z, min_earlier, z_max)[0])
    found = []
    for place in hits.tolist():
        earlier = row[0, :place]
        lowest = int(np.nanargmin(earlier))
        found.append(
            RecordLow(
                int(year[place]),
                float(row[0, place]),
                float(z[0, place]),
                float(earlier[lowest]),
                int(year[lowest]),
                int(np.sum(~np.isnan(earlier))),
            )
        )
    return tuple(found)


def count_record_lows(
    years: ArrayLike,
    values: ArrayLike,
    *,
    baseline: tuple[int, int] = (1981, 2010),
    min_earlier: int = 20,
    z_max: float = -2.0,
) -> NDArray[np.int64]:
    """Number of records `record_lows` finds in each row, dims (series)."""
    rows = many_series(values)
    z = standard_scores(years, rows, baseline=baseline)
    counts: NDArray[np.int64] = _record_hits(rows, z, min_earlier, z_max).sum(axis=1)
    return counts


def standing_states(
    years: ArrayLike,
    values: ArrayLike,
    *,
    baseline: tuple[int, int] = (1981, 2010),
    z_enter: float = -2.0,
    z_release: float = -1.0,
) -> tuple[StandingState, ...]:
    """Low states: from the first year at or below one score to the first above another.

    Two scores, because a state that ended at the score it began with would end and begin again
    with every mild year in a low decade. A missing year neither begins nor ends a state.

    Args:
        years: dims (time), rising.
        values: dims (time); NaN where missing.
        baseline: first and last year of the baseline, both in it.
        z_enter: a state begins in the first year with a standard score at or below this.
        z_release: it ends in the first year with a score above this; not below `z_enter`.

    Raises:
        InvalidInputError: years do not rise or match, the baseline holds under ten values, or
            the release score lies below the entry score.
    """
    year = check_years(years)
    row = one_series(values, len(year))
    z = standard_scores(year, row, baseline=baseline)
    inside = _state(z, z_enter, z_release)
    _, starts, stops = runs_of(inside, 1)
    found = []
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        lowest = start + int(np.nanargmin(row[0, start:stop]))
        found.append(
            StandingState(
                int(year[start]),
                int(year[stop]) if stop < len(year) else None,
                int(np.sum(z[0, start:stop] <= z_enter)),
                float(row[0, lowest]),
                int(year[lowest]),
                float(z[0, lowest]),
            )
        )
    return tuple(found)


def count_standing_states(
    years: ArrayLike,
    values: ArrayLike,
    *,
    baseline: tuple[int, int] = (1981, 2010),
    z_enter: float = -2.0,
    z_release: float = -1.0,
) -> NDArray[np.int64]:
    """Number of states `standing_states` finds in each row, dims (series)."""
    rows = many_series(values)
    inside = _state(standard_scores(years, rows, baseline=baseline), z_enter, z_release)
    return np.bincount(runs_of(inside, 1)[0], minlength=len(rows)).astype(np.int64)


def _record_hits(rows: Floats, z: Floats, min_earlier: int, z_max: float) -> NDArray[np.bool_]:
    known = ~np.isnan(rows)
    lowest = np.minimum.accumulate(np.where(known, rows, np.inf), axis=1)
    earlier = np.cumsum(known, axis=1)
    hits = np.zeros(rows.shape, dtype=bool)
    # Comparisons with NaN are false: a missing year is never a record.
    hits[:, 1:] = (rows[:, 1:] < lowest[:, :-1]) & (earlier[:, :-1] >= min_earlier)
    return hits & (z <= z_max)


def _state(z: Floats, enter: float, release: float) -> NDArray[np.bool_]:
    if release < enter:
        raise InvalidInputError(f"release score {release} lies below entry score {enter}")
    inside = np.zeros(z.shape, dtype=bool)
    now = np.zeros(len(z), dtype=bool)
    for k in range(z.shape[1]):
        now = (now & ~(z[:, k] > release)) | (z[:, k] <= enter)
        inside[:, k] = now
    return inside
