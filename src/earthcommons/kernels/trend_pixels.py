"""Mann-Kendall and Theil-Sen for one pixel after another, compiled.

The median of all pairs' slopes is found without forming them all (after Cole et al., 1989): two
slopes that bracket it are guessed from a sample; ordering the points by `x - q·t` for each of the
two, the pairs that change places between the orders are exactly those whose slope lies between.
"""

import math

import numpy as np
from numpy.typing import NDArray

from earthcommons.kernels.compiling import compiled

__all__ = ["trend_pixels"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Below this number of values all slopes are formed.
_FEW = 40


@compiled()
def trend_pixels(block: Floats, clock: Floats, tails: Floats, out: Floats, count: Ints) -> None:
    """Fill S, z, two-sided p and slope, dims (pixel, 4), and the counts, dims (pixel).

    Pixels with fewer than four values, or an infinite one, are left as they are.
    """
    steps = block.shape[1]
    x, t, slopes = np.empty(steps), np.empty(steps), np.empty(steps * (steps - 1) // 2 + 1)
    keys, spare = np.empty(steps), np.empty(steps)
    places, spare_places = np.empty(steps, np.int64), np.empty(steps, np.int64)
    for pixel in range(block.shape[0]):
        n = 0
        finite = True
        for k in range(steps):
            v = block[pixel, k]
            if v == v:
                x[n] = v
                t[n] = clock[k] - clock[0]
                n += 1
                finite = finite and abs(v) != np.inf
        count[pixel] = n
        if n < 4 or not finite:
            continue
        s, tied = _order(x[:n])
        out[pixel, 0] = s
        variance = (n * (n - 1) * (2 * n + 5) - tied) / 18
        z = 0.0
        if s != 0 and variance > 0:
            z = (s - (1 if s > 0 else -1)) / math.sqrt(variance)
        out[pixel, 1] = z
        if n < len(tails) and tied == 0:
            out[pixel, 2] = tails[n, abs(s)]
        else:
            out[pixel, 2] = math.erfc(abs(z) / math.sqrt(2.0))
        out[pixel, 3] = _median_slope(x[:n], t[:n], slopes, keys, spare, places, spare_places)


@compiled(reorder=True)
def _order(x: Floats) -> tuple[int, int]:
    """S, and the tie term of its variance."""
    n = len(x)
    s = 0
    equal = 0
    for i in range(n - 1):
        a = x[i]
        rest = x[i + 1 :]
        up = 0
        down = 0
        for j in range(len(rest)):
            up += rest[j] > a
            down += rest[j] < a
        s += up - down
        equal += len(rest) - up - down
    tied = 0
    if equal:
        ordered = np.sort(x)
        run = 1
        for i in range(1, n + 1):
            if i < n and ordered[i] == ordered[i - 1]:
                run += 1
            else:
                tied += run * (run - 1) * (2 * run + 5)
                run = 1
    return s, tied


@compiled()
def _median_slope(
    x: Floats,
    t: Floats,
    slopes: Floats,
    keys: Floats,
    spare: Floats,
    places: Ints,
    spare_places: Ints,
) -> float:
    n = len(x)
    pairs = n * (n - 1) // 2
    low_rank, high_rank = (pairs - 1) // 2, pairs // 2
    if n >= _FEW:
        below, count = _bracketed(x, t, slopes, keys, spare, places, spare_places)
        if count > 0 and below <= low_rank and high_rank < below + count:
            return _middle(slopes, count, low_rank - below, high_rank - below)
    count = 0
    for i in range(n - 1):
        for j in range(i + 1, n):
            slopes[count] = (x[j] - x[i]) / (t[j] - t[i])
            count += 1
    return _middle(slopes, count, low_rank, high_rank)


@compiled()
def _bracketed(
    x: Floats,
    t: Floats,
    slopes: Floats,
    keys: Floats,
    spare: Floats,
    places: Ints,
    spare_places: Ints,
) -> tuple[int, int]:
    """Put slopes near the median into `slopes`; return how many lie below them, and how many.

    Returns 0, 0 when rounding made the two orders disagree; all slopes must then be formed.
    """
    n = len(x)
    size = 0
    for lag in range(1, n, 7):
        for i in range(lag % 5, n - lag, 5):
            slopes[size] = (x[i + lag] - x[i]) / (t[i + lag] - t[i])
            size += 1
    reach = int(1.6 * math.sqrt(size)) + 2
    low = _select(slopes, size, max(0, size // 2 - reach))
    high = _select(slopes, size, min(size - 1, size // 2 + reach))
    # Tied slopes at the bracket's ends belong inside it.
    margin = 1e-9 * (high - low + abs(low) + abs(high)) + 1e-300
    low -= margin
    high += margin
    for i in range(n):
        keys[i] = x[i] - low * t[i]
        places[i] = i
    below = _sort_counting(keys[:n], places[:n], spare, spare_places)
    # Insertion sort into the second order: each exchange is one pair, found once.
    count = 0
    for i in range(n):
        keys[i] = x[i] - high * t[i]
    for k in range(1, n):
        j = places[k]
        key = keys[j]
        m = k - 1
        while m >= 0 and keys[places[m]] > key:
            i = places[m]
            if i > j or count >= len(slopes):
                return 0, 0
            slopes[count] = (x[j] - x[i]) / (t[j] - t[i])
            count += 1
            places[m + 1] = i
            m -= 1
        places[m + 1] = j
    return below, count


@compiled()
def _sort_counting(keys: Floats, places: Ints, spare: Floats, spare_places: Ints) -> int:
    """Merge sort both arrays by key, stable; return the number of pairs out of order before."""
    n = len(keys)
    moved = 0
    width = 1
    while width < n:
        for start in range(0, n, 2 * width):
            middle, stop = min(start + width, n), min(start + 2 * width, n)
            a, b = start, middle
            for k in range(start, stop):
                if b < stop and (a >= middle or keys[b] < keys[a]):
                    spare[k], spare_places[k] = keys[b], places[b]
                    b += 1
                    moved += middle - a
                else:
                    spare[k], spare_places[k] = keys[a], places[a]
                    a += 1
        for k in range(n):
            keys[k], places[k] = spare[k], spare_places[k]
        width *= 2
    return moved


@compiled()
def _middle(values: Floats, count: int, low_rank: int, high_rank: int) -> float:
    """Mean of the values at two neighbouring ranks."""
    low = _select(values, count, low_rank)
    if high_rank == low_rank:
        return low
    # After selection all later values are at least as large.
    high = values[high_rank]
    for k in range(high_rank + 1, count):
        high = min(high, values[k])
    return float(low + high) / 2


@compiled()
def _select(values: Floats, count: int, rank: int) -> float:
    """The value at a rank, moving smaller ones before it and larger ones behind (Hoare)."""
    left, right = 0, count - 1
    while left < right:
        pivot = values[(left + right) // 2]
        i, j = left, right
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if rank <= j:
            right = j
        elif rank >= i:
            left = i
        else:
            break
    return float(values[rank])
