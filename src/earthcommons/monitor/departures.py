"""Years far from the baseline mean, singly and as spells of years in a row.

Each detector has two doors to the same rule, as in `monitor.enso`.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from earthcommons.errors import InvalidInputError
from earthcommons.monitor.aligned import (
    check_years,
    in_baseline,
    many_series,
    one_series,
    runs_of,
    standard_scores,
)

__all__ = [
    "Departure",
    "DepartureSpell",
    "count_departure_spells",
    "count_departures",
    "departure_spells",
    "departures",
]

Floats = NDArray[np.float64]
Side = Literal["low", "high", "both"]


@dataclass(frozen=True, slots=True)
class Departure:
    """A year far from the baseline mean.

    Attributes:
        year: the year.
        value: its value.
        departure: value less baseline mean.
        z: that in baseline standard deviations.
    """

    year: int
    value: float
    departure: float
    z: float


@dataclass(frozen=True, slots=True)
class DepartureSpell:
    """Years in a row that depart to one side: one event, however long.

    Attributes:
        years: the departures, in order.
        peak: the one farthest from the mean.
        ongoing: the last year with a value is still in the spell.
    """

    years: tuple[Departure, ...]
    peak: Departure
    ongoing: bool


def departures(
    years: ArrayLike,
    values: ArrayLike,
    *,
    baseline: tuple[int, int] = (1981, 2010),
    z: float = 3.0,
    side: Side = "both",
) -> tuple[Departure, ...]:
    """Years at least `z` standard deviations from the baseline mean, on the side asked for.

    Args:
        years: dims (time), rising.
        values: dims (time); NaN where missing.
        baseline: first and last year of the baseline, both in it.
        z: least size of the standard score.
        side: below the mean, above it, or either.

    Raises:
        InvalidInputError: years do not rise or match, or the baseline holds under ten values.
    """
    year = check_years(years)
    row = one_series(values, len(year))
    score = standard_scores(year, row, baseline=baseline)
    mean = np.nanmean(row[0, in_baseline(year, baseline)])
    return tuple(
        Departure(
            int(year[place]),
            float(row[0, place]),
            float(row[0, place] - mean),
            float(score[0, place]),
        )
        for place in np.flatnonzero(_departed(score, z, side)[0]).tolist()
    )


def count_departures(
    years: ArrayLike,
    values: ArrayLike,
    *,
    baseline: tuple[int, int] = (1981, 2010),
    z: float = 3.0,
    side: Side = "both",
) -> NDArray[np.int64]:
    """Number of years `departures` finds in each row, dims (series)."""
    score = standard_scores(years, many_series(values), baseline=baseline)
    counts: NDArray[np.int64] = _departed(score, z, side).sum(axis=1)
    return counts


def departure_spells(
    years: ArrayLike,
    values: ArrayLike,
    *,
    baseline: tuple[int, int] = (1981, 2010),
    z: float = 3.0,
    side: Literal["low", "high"] = "low",
) -> tuple[DepartureSpell, ...]:
    """Spells of years that all depart: one alert for a spell, not one a year.

    A year without a value ends a spell.

    Args:
        years: dims (time), rising.
        values: dims (time); NaN where missing.
        baseline: first and last year of the baseline, both in it.
        z: least size of the standard score.
        side: below the mean or above it.

    Raises:
        InvalidInputError: as `departures`.
    """
    year = check_years(years)
    single = {d.year: d for d in departures(year, values, baseline=baseline, z=z, side=side)}
    row = one_series(values, len(year))
    inside = _departed(standard_scores(year, row, baseline=baseline), z, side)
    known = np.flatnonzero(~np.isnan(row[0]))
    found = []
    _, starts, stops = runs_of(inside, 1)
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        spell = tuple(single[int(k)] for k in year[start:stop])
        peak = max(spell, key=lambda departure: abs(departure.z))
        found.append(DepartureSpell(spell, peak, stop - 1 == int(known[-1])))
    return tuple(found)


def count_departure_spells(
    years: ArrayLike,
    values: ArrayLike,
    *,
    baseline: tuple[int, int] = (1981, 2010),
    z: float = 3.0,
    side: Literal["low", "high"] = "low",
) -> NDArray[np.int64]:
    """Number of spells `departure_spells` finds in each row, dims (series)."""
    rows = many_series(values)
    inside = _departed(standard_scores(years, rows, baseline=baseline), z, side)
    return np.bincount(runs_of(inside, 1)[0], minlength=len(rows)).astype(np.int64)


def _departed(score: Floats, z: float, side: Side) -> NDArray[np.bool_]:
    if side not in {"low", "high", "both"} or not z > 0:
        raise InvalidInputError(f"no departures of {z} on side {side!r}")
    low, high = score <= -z, score >= z
    return low if side == "low" else high if side == "high" else low | high
