import numpy as np
import pytest
from numpy.typing import NDArray

from earthcommons.errors import InvalidInputError
from earthcommons.monitor.departures import count_departures
from earthcommons.monitor.enso import count_enso_episodes
from earthcommons.monitor.false_alarms import (
    Noise,
    false_alarm_rate,
    fit_noise,
    surrogates,
)


def white(length: int, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(size=length)


def never(rows: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.zeros(len(rows), dtype=np.int64)


def above_two(rows: NDArray[np.float64]) -> NDArray[np.int64]:
    counts: NDArray[np.int64] = (rows > 2 * SPREAD).sum(axis=1)
    return counts


SPREAD = fit_noise(white(200)).spread


def test_rate_of_a_plain_threshold_is_the_gaussian_tail() -> None:
    found = false_alarm_rate(above_two, white(200), periods_per_year=1, n=4000)
    # One in 43.96 values of a normal variable lies two standard deviations up.
    assert found.low < 0.0227501 < found.high
    assert found.high - found.low < 0.001
    assert found.interval_method == "bootstrap"


def test_silent_detector_still_has_an_upper_bound_and_says_how() -> None:
    found = false_alarm_rate(never, white(120), periods_per_year=12, n=100)
    assert (found.per_year, found.low, found.interval_method) == (0, 0, "exact Poisson")
    # Exact: exp(-1000 years · high) = 0.025.
    assert np.exp(-found.high * 1000) == pytest.approx(0.025)


def test_memory_and_spread_of_a_long_series_are_recovered() -> None:
    rng = np.random.default_rng(5)
    series = surrogates(Noise(0.8, 3.0, True), 4000, 1, rng)[0] + 0.01 * np.arange(4000)
    series[::17] = np.nan
    found = fit_noise(series)
    assert found.memory == pytest.approx(0.8, abs=0.03)
    assert found.spread == pytest.approx(3.0, rel=0.1)


def test_surrogates_keep_spread_and_memory_from_first_step_to_last() -> None:
    rows = surrogates(Noise(0.9, 2.0, True), 50, 20_000, np.random.default_rng(6))
    np.testing.assert_allclose(rows.std(axis=0), 2.0, rtol=0.03)
    assert np.mean(rows[:, 30] * rows[:, 31]) / 4 == pytest.approx(0.9, abs=0.03)


def test_same_seed_gives_the_same_rate_and_another_seed_another() -> None:
    series = surrogates(Noise(0.9, 1.0, True), 128, 1, np.random.default_rng(1))[0]
    first, again, other = (
        false_alarm_rate(count_enso_episodes, series, periods_per_year=12, n=500, seed=seed)
        for seed in (1, 1, 2)
    )
    assert first == again
    assert first.per_year != other.per_year
    assert first.alerts > 0


def test_years_missing_in_the_series_are_missing_in_the_surrogates() -> None:
    series = white(40)
    series[[3, 7]] = np.nan
    years = np.arange(1981, 2021)

    def count(rows: NDArray[np.float64]) -> NDArray[np.int64]:
        assert np.isnan(rows).sum(axis=1).tolist() == [2] * len(rows)
        return count_departures(years, rows)

    assert false_alarm_rate(count, series, periods_per_year=1, n=200).years == 40


def test_series_without_noise_and_wrong_counts_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="does not vary"):
        false_alarm_rate(never, np.arange(30.0), periods_per_year=1)
    with pytest.raises(InvalidInputError, match="ten values"):
        fit_noise(white(9))
    with pytest.raises(InvalidInputError, match="follow each other"):
        fit_noise(np.where(np.arange(40) % 2, white(40), np.nan))
    with pytest.raises(InvalidInputError, match="above zero"):
        false_alarm_rate(never, white(30), periods_per_year=0)
    with pytest.raises(InvalidInputError, match="counts"):
        false_alarm_rate(lambda rows: never(rows)[:1], white(30), periods_per_year=1)
