"""Warm and cold episodes of the tropical Pacific, by the rule of the Oceanic Niño Index.

Each detector has two doors to the same rule: one describes the events of a single series, its
`count_…` twin counts them in many series at once, dims (series, time), so that a false-alarm rate
can be measured on thousands of surrogates. Missing values are NaN; they start no event and end
one that runs. Series come aligned and complete, with their labels: nothing here reads a file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from earthcommons.monitor.aligned import check_months, many_series, one_series, runs_of

__all__ = ["EnsoEpisode", "count_enso_episodes", "enso_episodes"]

Floats = NDArray[np.float64]
Severity = Literal["weak", "moderate", "strong", "very strong"]

_SEVERITIES: tuple[tuple[float, Severity], ...] = (
    (2.0, "very strong"),
    (1.5, "strong"),
    (1.0, "moderate"),
    (0.0, "weak"),
)


@dataclass(frozen=True, slots=True)
class EnsoEpisode:
    """Consecutive seasons of a warm or cold tropical Pacific.

    Attributes:
        phase: `warm` (El Niño) or `cold` (La Niña).
        start: label of the first season's middle month.
        end: label of the last season's middle month, itself in the episode.
        seasons: number of overlapping three-month seasons.
        peak: seasonal mean farthest from zero [degC].
        peak_at: label of that season's middle month.
        severity: by the size of the peak: moderate from 1, strong from 1.5, very strong from 2.
        ongoing: the last season that can be computed is still in the episode.
    """

    phase: Literal["warm", "cold"]
    start: str
    end: str
    seasons: int
    peak: float
    peak_at: str
    severity: Severity
    ongoing: bool


def enso_episodes(
    anomaly: ArrayLike, months: Sequence[str], *, threshold: float = 0.5, min_seasons: int = 5
) -> tuple[EnsoEpisode, ...]:
    """Warm and cold episodes: centred three-month means beyond a threshold for long enough.

    Args:
        anomaly: monthly Niño 3.4 anomaly, dims (time), [degC]; NaN where missing.
        months: labels `YYYY-MM`, one a month without a gap, dims (time).
        threshold: size at which a season counts, itself included [degC].
        min_seasons: overlapping seasons in a row that make an episode.

    Returns:
        Episodes in order of time.

    Raises:
        InvalidInputError: labels and values do not match, or a month is left out.

    Source:
        NOAA Climate Prediction Center, Oceanic Niño Index. Not rounded to one decimal here.
    """
    values = one_series(anomaly, len(months))
    check_months(months)
    season = _season_means(values)
    known = np.flatnonzero(~np.isnan(season[0]))
    found = []
    for sign in (1.0, -1.0):
        _, starts, stops = runs_of(sign * season >= threshold, min_seasons)
        for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
            top = start + int(np.argmax(sign * season[0, start:stop]))
            peak = float(season[0, top])
            found.append(
                EnsoEpisode(
                    "warm" if sign > 0 else "cold",
                    months[start],
                    months[stop - 1],
                    stop - start,
                    peak,
                    months[top],
                    next(name for least, name in _SEVERITIES if abs(peak) >= least),
                    stop - 1 == int(known[-1]),
                )
            )
    return tuple(sorted(found, key=lambda episode: episode.start))


def count_enso_episodes(
    anomaly: ArrayLike, *, threshold: float = 0.5, min_seasons: int = 5
) -> NDArray[np.int64]:
    """Number of episodes `enso_episodes` finds in each row, dims (series)."""
    season = _season_means(many_series(anomaly))
    counts = np.zeros(len(season), dtype=np.int64)
    for sign in (1.0, -1.0):
        row, _, _ = runs_of(sign * season >= threshold, min_seasons)
        counts += np.bincount(row, minlength=len(season))
    return counts


def _season_means(rows: Floats) -> Floats:
    means = np.full(rows.shape, np.nan)
    if rows.shape[1] >= 3:
        means[:, 1:-1] = (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / 3
    return means
