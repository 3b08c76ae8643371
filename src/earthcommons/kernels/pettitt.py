"""Pettitt's test for one rise in level somewhere in a series, for many series at once."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from earthcommons.errors import InvalidInputError

__all__ = ["PettittRise", "pettitt_rise"]

Floats = NDArray[np.float64]

# 8! orders are counted out; beyond that Pettitt's approximation is used.
_EXACT_UP_TO = 8


@dataclass(frozen=True, slots=True, eq=False)
class PettittRise:
    """Where each series rises most clearly, all dims (series).

    Attributes:
        last_before: place of the last value before the rise.
        statistic: K, the largest number of pairs across a split that rise, less those that fall.
        p_rise: chance of a K at least as large when the order is random (one-sided).
        method: `exact` counts all orders of up to eight values; `approximate` is Pettitt's
            exp(-6 K² / (n³ + n²)).
    """

    last_before: NDArray[np.int64]
    statistic: Floats
    p_rise: Floats
    method: Literal["exact", "approximate"]


def pettitt_rise(rows: Floats) -> PettittRise:
    """Test each series for a rise in level at an unknown time.

    The probability takes the values as independent: a series with memory shows more rises.

    Args:
        rows: dims (series, time), without missing values.

    Raises:
        InvalidInputError: a value is missing, or a series has fewer than four.

    Source:
        Pettitt (1979), A non-parametric approach to the change-point problem, Appl. Statist. 28.
    """
    if rows.ndim != 2 or rows.shape[1] < 4:
        raise InvalidInputError("a change-point test needs four values or more a series")
    if not np.all(np.isfinite(rows)):
        raise InvalidInputError("a change-point test takes no missing values; leave them out")
    n = rows.shape[1]
    ranks = _midranks(rows)
    scores = _split_scores(ranks)
    place = np.argmax(scores, axis=1)
    k = np.take_along_axis(scores, place[:, None], axis=1)[:, 0]
    if n <= _EXACT_UP_TO:
        p = np.array(
            [
                np.mean(_null(tuple(sorted(row))) >= value - 1e-9)
                for row, value in zip(ranks.tolist(), k.tolist(), strict=True)
            ]
        )
        return PettittRise(place, k, p, "exact")
    p = np.minimum(1.0, np.exp(-6 * k**2 / (n**3 + n**2)))
    return PettittRise(place, k, np.where(k > 0, p, 1.0), "approximate")


def _split_scores(ranks: Floats) -> Floats:
    """Rising less falling pairs across the split after each place but the last."""
    n = ranks.shape[1]
    scores: Floats = np.arange(1, n) * (n + 1) - 2 * np.cumsum(ranks, axis=1)[:, :-1]
    return scores


def _midranks(rows: Floats) -> Floats:
    """Ranks from one along each row, tied values sharing their mean rank."""
    order = np.argsort(rows, axis=1, kind="stable")
    ordered = np.take_along_axis(rows, order, axis=1)
    n = rows.shape[1]
    place = np.broadcast_to(np.arange(n), rows.shape)
    new = np.ones(rows.shape, dtype=bool)
    new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    first = np.maximum.accumulate(np.where(new, place, 0), axis=1)
    ends = np.append(new[:, 1:], np.ones((len(rows), 1), dtype=bool), axis=1)
    last = np.minimum.accumulate(np.where(ends, place, n)[:, ::-1], axis=1)[:, ::-1]
    ranks = np.empty(rows.shape)
    np.put_along_axis(ranks, order, (first + last) / 2 + 1, axis=1)
    return ranks


@lru_cache(maxsize=64)
def _null(ranks: tuple[float, ...]) -> Floats:
    """K of every order of these ranks."""
    scores: Floats = _split_scores(np.array(list(permutations(ranks)))).max(axis=1)
    return scores
