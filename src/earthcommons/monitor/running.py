"""Run one watch: find its events, and measure how often noise alone would look like them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from earthcommons.monitor.false_alarms import FalseAlarmRate, false_alarm_rate

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from earthcommons.model.alert import Alert, Watch
    from earthcommons.model.indicator import Text
    from earthcommons.model.observation import Observation
    from earthcommons.monitor.series import Series

__all__ = ["Outcome", "WatchRule", "run_watch"]

_SURROGATES = 10_000


@dataclass(frozen=True)
class WatchRule:
    """A watch and the functions that fulfil it.

    Attributes:
        watch: the declaration, without a false-alarm rate.
        measure: which figures of the indicator it reads.
        align: observations -> series without a gap.
        find: `(watch, series) -> alerts`.
        count: `(watch, series, rows) -> alerts in each row`, by the same rule as `find`.
        periods_per_year: steps of the series in a year.
        noise: what a reader must know of the noise, beside how it is made.
    """

    watch: Watch
    measure: str
    align: Callable[[Sequence[Observation]], Series]
    find: Callable[[Watch, Series], list[Alert]]
    count: Callable[[Watch, Series, NDArray[np.float64]], NDArray[np.int64]]
    periods_per_year: float
    noise: Text


@dataclass(frozen=True, slots=True)
class Outcome:
    """What running a watch gave: the watch with its measured rate, and its alerts in order."""

    watch: Watch
    alerts: tuple[Alert, ...]
    run: str


def run_watch(
    rule: WatchRule, rows: Sequence[Observation], *, surrogates: int = _SURROGATES
) -> Outcome:
    """Find the events of a watch, and measure how often it would call out on noise alone.

    Args:
        rule: the watch.
        rows: the published observations it reads: its indicator, region and measure.
        surrogates: noise series the rate is measured on.

    Raises:
        InvalidInputError: the observations make no series, or one too short for the detector.
    """
    series = rule.align(rows)
    rate = false_alarm_rate(
        partial(rule.count, rule.watch, series),
        series.values,
        periods_per_year=rule.periods_per_year,
        n=surrogates,
    )
    watch = replace(rule.watch, false_alarms=_rate_words(rate, rule.noise))
    alerts = sorted(rule.find(rule.watch, series), key=lambda alert: alert.start)
    return Outcome(watch, tuple(alerts), series.run)


def _rate_words(rate: FalseAlarmRate, noise: Text) -> dict[str, Any]:
    per_year, low, high = (_rounded(x) for x in (rate.per_year, rate.low, rate.high))
    memory = f"{rate.noise.memory:.2f}"
    return {
        "per_year": per_year,
        "low": low,
        "high": high,
        "level": rate.level,
        "n": rate.surrogates,
        "seed": rate.seed,
        "text": (
            f"{per_year:g} false alarms a year ({rate.level:.0%} interval {low:g} to {high:g})"
            f" on {rate.surrogates:,} noise series"
        ),
        "method": {
            "en": (
                f"Alerts a year on {rate.surrogates:,} seeded series of first-order"
                f" autoregressive noise as long as the series, with its spread and memory"
                f" ({memory}) after a straight line was taken out. The interval"
                f" ({rate.interval_method}) holds the simulation only. {noise.en}"
            ),
            "zh": (
                f"在{rate.surrogates:,}条设定随机种子的一阶自回归噪声序列上每年发出的警报数；"
                "噪声与原序列等长，离散度和记忆性"
                f"（{memory}）取自去除直线趋势后的序列。区间只含模拟误差。{noise.zh}"
            ),
        },
    }


def _rounded(value: float) -> float:
    # Three digits say all a simulation can, and are the same on every machine.
    return float(f"{value:.3g}")
