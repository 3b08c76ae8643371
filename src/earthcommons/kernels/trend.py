"""Is there a monotonic trend, and how steep: Mann-Kendall and Theil-Sen, with gaps and ties.

Every probability says its sidedness: `p_rise` and `p_fall` are one-sided, `p_two_sided` is the
chance of an S at least as far from zero either way. "95 %" without sidedness is never meant.
All of them take the values as independent; a series with memory shows trends more often.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from earthcommons.errors import InvalidInputError

__all__ = [
    "MannKendall",
    "TheilSen",
    "TrendMap",
    "exact_null_of_s",
    "mann_kendall",
    "theil_sen",
    "trend_map",
]

Floats = NDArray[np.float64]

# Up to here the null distribution of S is counted out, when no values are tied.
_EXACT_UP_TO = 10


@dataclass(frozen=True, slots=True)
class MannKendall:
    """Result of a Mann-Kendall test.

    Attributes:
        n: number of values that are not missing.
        s: pairs that rise less pairs that fall.
        variance: variance of S under no trend, corrected for ties.
        z: S less one (towards zero) over its standard deviation; 0 when all values are equal.
        p_two_sided: chance, without trend, of an S at least as far from zero.
        p_rise: chance, without trend, of an S at least as high (one-sided).
        p_fall: chance, without trend, of an S at least as low (one-sided).
        method: `exact` counts all orders of n <= 10 untied values; `normal` is the normal
            distribution with tie and continuity correction.
    """

    n: int
    s: int
    variance: float
    z: float
    p_two_sided: float
    p_rise: float
    p_fall: float
    method: Literal["exact", "normal"]


@dataclass(frozen=True, slots=True)
class TheilSen:
    """Median of the slopes of all pairs.

    Attributes:
        slope: [unit of values per unit of times].
        intercept: median of value less slope times time.
        low: lower end of the two-sided interval of the slope; minus infinity when there
            are too few values for the level.
        high: upper end.
        level: two-sided confidence level of the interval, such as 0.95.
    """

    slope: float
    intercept: float
    low: float
    high: float
    level: float


@dataclass(frozen=True, slots=True, eq=False)
class TrendMap:
    """Trend of each pixel, all dims (y, x); NaN where fewer than four values are valid.

    Attributes:
        s: Mann-Kendall's S.
        z: its standard score, with tie and continuity correction.
        p_two_sided: exact for n <= 10 untied values, else normal.
        slope: Theil-Sen slope [unit of cube per unit of times].
        n: number of valid values.
    """

    s: Floats
    z: Floats
    p_two_sided: Floats
    slope: Floats
    n: NDArray[np.int64]


def mann_kendall(values: ArrayLike) -> MannKendall:
    """Test a series for a monotonic trend.

    Args:
        values: dims (time), in order of time; NaN where missing.

    Raises:
        InvalidInputError: fewer than four values, or an infinite one.

    Source:
        Mann (1945); Kendall (1975), Rank Correlation Methods; Gilbert (1987), 16.4.
    """
    x = _series(values)
    n = len(x)
    s = int(sum(np.sign(x[k + 1 :] - x[k]).sum() for k in range(n - 1)))
    ties = np.unique(x, return_counts=True)[1]
    variance = _variance(n, ties)
    z = (s - math.copysign(1, s)) / math.sqrt(variance) if s and variance > 0 else 0.0
    if n <= _EXACT_UP_TO and ties.max() == 1:
        null = exact_null_of_s(n)
        rise = sum(p for value, p in null if value >= s)
        fall = sum(p for value, p in null if value <= s)
        both = sum(p for value, p in null if abs(value) >= abs(s))
        return MannKendall(n, s, variance, z, both, rise, fall, "exact")
    spread = math.sqrt(variance)
    rise = 1 - NormalDist().cdf((s - 1) / spread) if spread else 1.0
    fall = NormalDist().cdf((s + 1) / spread) if spread else 1.0
    both = math.erfc(abs(z) / math.sqrt(2))
    return MannKendall(n, s, variance, z, both, rise, fall, "normal")


@lru_cache(maxsize=16)
def exact_null_of_s(n: int) -> tuple[tuple[int, float], ...]:
    """Every value S can take for n untied values, with its probability without trend.

    Raises:
        InvalidInputError: n is below two.
    """
    if n < 2:
        raise InvalidInputError(f"{n} values have no order to test")
    orders = np.ones(1)
    for k in range(2, n + 1):
        orders = np.convolve(orders, np.ones(k))
    pairs = n * (n - 1) // 2
    return tuple((pairs - 2 * i, float(c / orders.sum())) for i, c in enumerate(orders))


def theil_sen(
    values: ArrayLike, times: ArrayLike | None = None, *, level: float = 0.95
) -> TheilSen:
    """Slope of a series with its confidence interval, little moved by outliers.

    Args:
        values: dims (time); NaN where missing.
        times: dims (time), rising; 0, 1, 2 … when None.
        level: two-sided confidence level.

    Raises:
        InvalidInputError: fewer than four values, times that do not rise, or a level not
            between 0 and 1.

    Source:
        Sen (1968); interval after Gilbert (1987), 17.3.2, variance of S corrected for ties.
    """
    array = np.asarray(values, dtype=np.float64)
    clock = _times(times, array.shape[0] if array.ndim else 0)
    x = _series(array)
    t = clock[~np.isnan(array)]
    if not 0 < level < 1:
        raise InvalidInputError(f"a confidence level lies between 0 and 1, not at {level}")
    i, j = np.triu_indices(len(x), 1)
    slopes = np.sort((x[j] - x[i]) / (t[j] - t[i]))
    slope = float(np.median(slopes))
    spread = math.sqrt(_variance(len(x), np.unique(x, return_counts=True)[1]))
    reach = NormalDist().inv_cdf((1 + level) / 2) * spread
    low = _between(slopes, (len(slopes) - reach) / 2)
    high = _between(slopes, (len(slopes) + reach) / 2 + 1)
    return TheilSen(slope, float(np.median(x - slope * t)), low, high, level)


def trend_map(cube: NDArray[Any], times: ArrayLike | None = None) -> TrendMap:
    """Mann-Kendall and Theil-Sen for every pixel.

    Args:
        cube: dims (time, y, x); NaN where missing.
        times: dims (time), rising; 0, 1, 2 … when None.

    Raises:
        InvalidInputError: the cube has other dims, or times do not rise.
    """
    array = np.asarray(cube)
    if array.ndim != 3:
        raise InvalidInputError(f"a cube has dims (time, y, x), not {array.ndim} dims")
    clock = _times(times, array.shape[0])
    # It loads numba: whoever asks for one series does without.
    from earthcommons.kernels.trend_pixels import trend_pixels

    flat = array.reshape(array.shape[0], -1)
    out = np.full((flat.shape[1], 4), np.nan)
    count = np.zeros(flat.shape[1], dtype=np.int64)
    tails = np.full((_EXACT_UP_TO + 1, _EXACT_UP_TO * (_EXACT_UP_TO - 1) // 2 + 1), np.nan)
    for n in range(4, _EXACT_UP_TO + 1):
        for s in range(n * (n - 1) // 2 + 1):
            tails[n, s] = sum(p for value, p in exact_null_of_s(n) if abs(value) >= s)
    size = 4096
    for start in range(0, flat.shape[1], size):
        part = slice(start, start + size)
        block = np.ascontiguousarray(flat[:, part].T, dtype=np.float64)
        trend_pixels(block, clock, tails, out[part], count[part])
    s, z, p, slope = np.moveaxis(out.reshape(*array.shape[1:], 4), 2, 0)
    return TrendMap(s, z, p, slope, count.reshape(array.shape[1:]))


def _series(values: ArrayLike) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or np.any(np.isinf(array)):
        raise InvalidInputError("a series is one row of finite numbers or NaN")
    x: Floats = array[~np.isnan(array)]
    if len(x) < 4:
        raise InvalidInputError(f"a trend needs four values, found {len(x)}")
    return x


def _times(times: ArrayLike | None, count: int) -> Floats:
    clock = np.asarray(np.arange(count) if times is None else times, dtype=np.float64)
    if clock.shape != (count,) or not np.all(np.diff(clock) > 0):
        raise InvalidInputError("times must rise and be as many as the values")
    return clock


def _variance(n: int, ties: NDArray[Any]) -> float:
    tied = sum(int(t) * (int(t) - 1) * (2 * int(t) + 5) for t in ties)
    return (n * (n - 1) * (2 * n + 5) - tied) / 18


def _between(ordered: Floats, rank: float) -> float:
    """Value at a fractional rank counted from one; infinite beyond the ends."""
    if rank < 1:
        return -math.inf
    if rank > len(ordered):
        return math.inf
    return float(np.interp(rank, np.arange(1, len(ordered) + 1), ordered))
