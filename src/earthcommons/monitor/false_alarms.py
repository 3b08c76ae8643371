"""How often a detector would raise an alert if nothing but noise with a memory were there."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from earthcommons.errors import InvalidInputError

__all__ = ["FalseAlarmRate", "Noise", "false_alarm_rate", "fit_noise", "surrogates"]

Floats = NDArray[np.float64]

_REDRAWS = 2000


@dataclass(frozen=True, slots=True)
class Noise:
    """First-order autoregressive noise fitted to a series.

    Attributes:
        memory: correlation of a value with the one before, corrected for the length of the
            series, [1].
        spread: standard deviation of the values.
        detrended: a straight line was taken out before the fit.
    """

    memory: float
    spread: float
    detrended: bool


@dataclass(frozen=True, slots=True)
class FalseAlarmRate:
    """Alerts a year on noise, with the uncertainty of the simulation only.

    Attributes:
        per_year: mean number of alerts in a year [year-1].
        low: lower end of the interval.
        high: upper end.
        level: two-sided confidence level of the interval.
        interval_method: `bootstrap` over the surrogates, or `exact Poisson` when no surrogate
            raised an alert. It does not hold the uncertainty of the fitted noise.
        alerts: alerts in all surrogates.
        surrogates: number of surrogates.
        years: length of each [year].
        noise: what was simulated.
        seed: seed of the simulation.
    """

    per_year: float
    low: float
    high: float
    level: float
    interval_method: Literal["bootstrap", "exact Poisson"]
    alerts: int
    surrogates: int
    years: float
    noise: Noise
    seed: int


def false_alarm_rate(
    count: Callable[[Floats], NDArray[np.int64]],
    series: ArrayLike,
    *,
    periods_per_year: float,
    n: int = 10_000,
    seed: int = 1925,
    detrend: bool = True,
    level: float = 0.95,
) -> FalseAlarmRate:
    """Alerts a year of a detector on noise as strong and as persistent as a series.

    Args:
        count: number of alerts in each of many series, dims (series, time) to (series), such as
            `detectors.count_enso_episodes`. It sees departures about zero.
        series: what the noise is fitted to, dims (time); NaN where missing, and missing in
            every surrogate too.
        periods_per_year: steps in a year: 12 for months, 1 for yearly Septembers.
        n: number of surrogates.
        seed: seed of the simulation; the same seed gives the same rate.
        detrend: take a straight line out before the fit, so that a trend is not taken for
            memory.
        level: two-sided confidence level of the interval.

    Raises:
        InvalidInputError: fewer than ten values, a constant series, or a number of surrogates,
            rate or level that means nothing.
    """
    values = np.asarray(series, dtype=np.float64)
    if n < 1 or not periods_per_year > 0 or not 0 < level < 1:
        raise InvalidInputError("surrogates, periods a year and level must be above zero")
    noise = fit_noise(values, detrend=detrend)
    rng = np.random.default_rng(seed)
    rows = surrogates(noise, len(values), n, rng)
    rows[:, np.isnan(values)] = np.nan
    counts = np.asarray(count(rows))
    if counts.shape != (n,):
        raise InvalidInputError(f"the detector gave {counts.shape} counts for {n} series")
    years = len(values) / periods_per_year
    alerts = int(counts.sum())
    tail = (1 - level) / 2
    if alerts == 0:
        # No alert in n·years: the Poisson rate that would show none with probability `tail`.
        low, high = 0.0, -float(np.log(tail)) / (n * years)
    else:
        sizes, times = np.unique(counts, return_counts=True)
        redrawn = rng.multinomial(n, times / n, size=_REDRAWS) @ sizes
        low, high = (np.quantile(redrawn, [tail, 1 - tail]) / (n * years)).tolist()
    return FalseAlarmRate(
        alerts / (n * years),
        low,
        high,
        level,
        "bootstrap" if alerts else "exact Poisson",
        alerts,
        n,
        years,
        noise,
        seed,
    )


def fit_noise(series: ArrayLike, *, detrend: bool = True) -> Noise:
    """Fit first-order autoregressive noise to a series.

    Args:
        series: dims (time), in equal steps; NaN where missing.
        detrend: take a straight line out first.

    Raises:
        InvalidInputError: fewer than ten values, or a constant series.

    Source:
        Correction of the lag-1 correlation for short series: Kendall (1954), Biometrika 41.
    """
    values = np.asarray(series, dtype=np.float64)
    if values.ndim != 1 or np.any(np.isinf(values)):
        raise InvalidInputError("a series is one row of finite numbers or NaN")
    known = ~np.isnan(values)
    n = int(known.sum())
    if n < 10:
        raise InvalidInputError(f"noise is fitted to ten values or more, found {n}")
    time = np.arange(len(values), dtype=np.float64)
    line = np.polynomial.Polynomial.fit(time[known], values[known], 1 if detrend else 0)
    rest = values - line(time)
    spread = float(np.sqrt(np.nansum(rest**2) / (n - (2 if detrend else 1))))
    if not spread > 1e-12 * float(np.nanmax(np.abs(values), initial=1e-300)):
        raise InvalidInputError("the series does not vary")
    both = known[1:] & known[:-1]
    if both.sum() < 3:
        raise InvalidInputError("too few values follow each other to measure a memory")
    raw = float(np.mean(rest[1:][both] * rest[:-1][both]) / np.nanmean(rest**2))
    memory = raw + (1 + 3 * raw) / n
    return Noise(float(np.clip(memory, -0.99, 0.99)), spread, detrend)


def surrogates(noise: Noise, length: int, n: int, rng: np.random.Generator) -> Floats:
    """Series of stationary noise about zero, dims (series, time)."""
    rows = rng.standard_normal((length, n))
    fresh = np.sqrt(1 - noise.memory**2)
    for k in range(1, length):
        rows[k] = noise.memory * rows[k - 1] + fresh * rows[k]
    return np.ascontiguousarray(rows.T) * noise.spread
