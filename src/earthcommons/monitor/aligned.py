"""Series as detectors take them, checked once and then trusted, and their standard scores."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from earthcommons.errors import InvalidInputError

__all__ = [
    "check_months",
    "check_years",
    "in_baseline",
    "many_series",
    "one_series",
    "runs_of",
    "standard_scores",
]

Floats = NDArray[np.float64]


def many_series(values: ArrayLike) -> Floats:
    """Return series as floats, dims (series, time); NaN where missing.

    Raises:
        InvalidInputError: other dims, or an infinite value.
    """
    rows = np.asarray(values, dtype=np.float64)
    if rows.ndim != 2 or np.any(np.isinf(rows)):
        raise InvalidInputError("series have dims (series, time) and finite values or NaN")
    return rows


def one_series(values: ArrayLike, count: int) -> Floats:
    """Return one series with that many labels, dims (1, time); NaN where missing.

    Raises:
        InvalidInputError: values and labels do not match, or a value is infinite.
    """
    row = np.asarray(values, dtype=np.float64)
    if row.shape != (count,):
        raise InvalidInputError(f"values have shape {row.shape}, the labels ({count},)")
    return many_series(row[None])


def check_years(years: ArrayLike) -> NDArray[np.int64]:
    """Return years, dims (time).

    Raises:
        InvalidInputError: they do not rise, or are no whole numbers.
    """
    year = np.asarray(years)
    if year.ndim != 1 or year.dtype.kind not in "iu" or np.any(np.diff(year) <= 0):
        raise InvalidInputError("years are whole numbers that rise")
    return year.astype(np.int64)


def in_baseline(year: NDArray[np.int64], baseline: tuple[int, int]) -> NDArray[np.bool_]:
    """Return which years lie in the baseline, both its ends in it, dims (time)."""
    return (year >= baseline[0]) & (year <= baseline[1])


def check_months(months: Sequence[str]) -> None:
    """Return when labels `YYYY-MM` follow each other.

    Raises:
        InvalidInputError: a month is left out, or a label is no month.
    """
    try:
        numbers = np.array(months, dtype="datetime64[M]").astype(np.int64)
    except ValueError as error:
        raise InvalidInputError("months are written YYYY-MM") from error
    if np.any(np.diff(numbers) != 1):
        raise InvalidInputError("months must follow each other without a gap")


def runs_of(
    active: NDArray[np.bool_], least: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return row, start and stop of each stretch of True at least that long, in order."""
    edges = np.diff(np.pad(active.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    row, start = np.nonzero(edges == 1)
    _, stop = np.nonzero(edges == -1)
    long = stop - start >= least
    return row[long], start[long], stop[long]


def standard_scores(
    years: ArrayLike, values: ArrayLike, *, baseline: tuple[int, int]
) -> Floats:
    """Departure from the baseline mean in baseline standard deviations (n - 1).

    Args:
        years: dims (time), rising.
        values: dims (time) or (series, time); NaN where missing.
        baseline: first and last year of the baseline, both in it.

    Returns:
        Scores, dims (series, time), [1]; NaN where the value is missing, or the baseline does
        not vary.

    Raises:
        InvalidInputError: years do not rise or match, or a baseline holds under ten values.
    """
    year = check_years(years)
    rows = many_series(np.atleast_2d(np.asarray(values, dtype=np.float64)))
    if rows.shape[1] != len(year):
        raise InvalidInputError(f"{rows.shape[1]} values do not match {len(year)} years")
    base = rows[:, in_baseline(year, baseline)]
    known = np.sum(~np.isnan(base), axis=1)
    if np.any(known < 10):
        raise InvalidInputError(
            f"baseline {baseline[0]}-{baseline[1]} holds {known.min()} values, needs 10"
        )
    mean = np.nanmean(base, axis=1, keepdims=True)
    spread = np.nanstd(base, axis=1, ddof=1, keepdims=True)
    scores = np.full(rows.shape, np.nan)
    np.divide(rows - mean, spread, out=scores, where=spread > 0)
    return scores
