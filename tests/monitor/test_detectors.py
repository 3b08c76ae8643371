import csv
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from shapely import box

from earthcommons.errors import InvalidInputError
from earthcommons.monitor.departures import (
    count_departure_spells,
    count_departures,
    departure_spells,
    departures,
)
from earthcommons.monitor.enso import count_enso_episodes, enso_episodes
from earthcommons.monitor.low_years import (
    count_record_lows,
    count_standing_states,
    record_lows,
    standing_states,
)
from earthcommons.monitor.step_rise import count_step_rises, step_rise
from earthcommons.zones.coverage import coverage
from earthcommons.zones.statistics import zonal_mean

SOURCES = Path(os.environ.get("EARTHCOMMONS_SOURCES", "unset"))
YEARS = np.arange(1979, 2025)


def months(first: str, count: int) -> list[str]:
    return [str(np.datetime64(first, "M") + k) for k in range(count)]


def noisy(seed: int, length: int, series: int = 20, memory: float = 0.9) -> NDArray[Any]:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(series, length))
    for k in range(1, length):
        rows[:, k] += memory * rows[:, k - 1]
    rows[:, rng.random(length) < 0.05] = np.nan
    return rows


def test_warm_year_is_one_episode_dated_by_season_centres() -> None:
    # Nine warm months: the seasons centred on the months beside them hold two thirds of 0.9.
    anomaly = np.zeros(24)
    anomaly[4:13] = 0.9
    anomaly[8] = 1.8
    (found,) = enso_episodes(anomaly, months("2014-01", 24))
    assert (found.start, found.end, found.seasons) == ("2014-05", "2015-01", 9)
    assert (found.phase, found.severity, found.ongoing) == ("warm", "moderate", False)
    assert found.peak == pytest.approx(1.2)


def test_five_seasons_at_the_threshold_are_an_episode_and_four_are_not() -> None:
    anomaly = np.zeros(20)
    anomaly[5:12] = -0.5
    (found,) = enso_episodes(anomaly, months("2014-01", 20))
    assert (found.phase, found.severity, found.seasons) == ("cold", "weak", 5)
    anomaly[11] = 0.0
    assert enso_episodes(anomaly, months("2014-01", 20)) == ()


def test_missing_month_ends_an_episode_and_the_last_season_leaves_it_open() -> None:
    anomaly = np.full(20, 2.5)
    anomaly[10] = np.nan
    first, second = enso_episodes(anomaly, months("2014-01", 20))
    assert (first.end, first.ongoing) == ("2014-09", False)
    assert (second.start, second.ongoing, second.severity) == ("2015-01", True, "very strong")


def test_record_needs_twenty_earlier_years_and_a_low_score() -> None:
    values = np.where(np.arange(46) % 2 == 0, 7.0, 5.0)
    values[10] = 1.0  # lower than all before, but too early
    values[30] = 0.5
    values[40] = 0.6  # far below the baseline, but no record
    (found,) = record_lows(YEARS, values)
    assert (found.year, found.previous_year, found.earlier_years) == (2009, 1989, 30)
    assert found.z <= -2


def test_low_decade_is_one_state_and_mild_years_in_it_end_nothing() -> None:
    values = np.where(np.arange(46) % 2 == 0, 11.0, 9.0)
    spread = float(np.std(values[2:32], ddof=1))
    values[34:] = 10 - 1.5 * spread
    values[34], values[40] = 10 - 2.5 * spread, 10 - 3.5 * spread
    (found,) = standing_states(YEARS, values)
    assert (found.since, found.until, found.years_at_or_below) == (2013, None, 2)
    assert found.lowest_year == 2019
    assert found.lowest_z == pytest.approx(-3.5)
    values[44] = 10.0
    (ended,) = standing_states(YEARS, values)
    assert (ended.since, ended.until) == (2013, 2023)
    strict = standing_states(YEARS, values, z_release=-2.0)
    assert [(state.since, state.until) for state in strict] == [(2013, 2014), (2019, 2020)]


def test_departures_keep_to_the_side_asked_for() -> None:
    values = np.where(np.arange(46) % 2 == 0, 11.0, 9.0)
    values[40], values[42] = 0.0, 20.0
    assert [found.year for found in departures(YEARS, values)] == [2019, 2021]
    assert [found.year for found in departures(YEARS, values, side="low")] == [2019]
    (high,) = departures(YEARS, values, side="high")
    assert high.departure == pytest.approx(10)


def test_departing_years_in_a_row_are_one_spell_and_the_last_leaves_it_open() -> None:
    values = np.where(np.arange(46) % 2 == 0, 11.0, 9.0)
    values[38], values[39], values[45] = 1.0, 0.0, 2.0
    first, second = departure_spells(YEARS, values)
    assert [d.year for d in first.years] == [2017, 2018]
    assert (first.peak.year, first.ongoing) == (2018, False)
    assert (second.peak.year, second.ongoing) == (2024, True)
    values[39] = np.nan
    assert [d.year for d in departure_spells(YEARS, values)[0].years] == [2017]


def test_step_is_dated_and_a_flat_series_has_none() -> None:
    rng = np.random.default_rng(4)
    values = rng.normal(90, 10, 72)
    values[33:] += 60
    values[5] = np.nan
    found = step_rise(months("1987-01", 72), values)
    assert found.found
    assert (found.last_before, found.first_after) == ("1989-09", "1989-10")
    assert found.earliest <= "1989-10" <= found.latest
    assert found.periods == 71
    assert not step_rise(months("1987-01", 72), rng.normal(90, 10, 72)).found
    assert not step_rise(months("1987-01", 72), -values).found


COUNTERS: list[tuple[Callable[..., Any], Callable[..., Any], int]] = [
    (lambda row: len(enso_episodes(row, months("2000-01", 120))), count_enso_episodes, 120),
    (
        lambda row: len(record_lows(YEARS, row)),
        lambda rows: count_record_lows(YEARS, rows),
        46,
    ),
    (
        lambda row: len(standing_states(YEARS, row)),
        lambda rows: count_standing_states(YEARS, rows),
        46,
    ),
    (
        lambda row: len(departures(YEARS, row, z=2.0)),
        lambda rows: count_departures(YEARS, rows, z=2.0),
        46,
    ),
    (
        lambda row: len(departure_spells(YEARS, row, z=2.0)),
        lambda rows: count_departure_spells(YEARS, rows, z=2.0),
        46,
    ),
    (lambda row: int(step_rise(months("2000-01", 40), row).found), count_step_rises, 40),
    (lambda row: int(step_rise(months("2000-01", 6), row, alpha=0.06).found),
     lambda rows: count_step_rises(rows, alpha=0.06), 6),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(COUNTERS)))
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_counting_many_series_finds_what_describing_each_does(case: int, seed: int) -> None:
    describe, count, length = COUNTERS[case]
    rows = noisy(seed, length)
    if length == 6:
        rows = np.nan_to_num(rows)
    single = [describe(row) for row in rows]
    np.testing.assert_array_equal(count(rows), single)


def test_comparison_above_is_not_of_zeros_only() -> None:
    assert count_enso_episodes(noisy(1, 120)).sum() > 0
    assert count_record_lows(YEARS, noisy(1, 46)).sum() > 0
    assert count_standing_states(YEARS, noisy(1, 46)).sum() > 0
    assert count_step_rises(noisy(1, 40)).sum() > 0


def test_series_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="gap"):
        enso_episodes(np.zeros(2), ["2014-01", "2014-03"])
    with pytest.raises(InvalidInputError, match="YYYY-MM"):
        enso_episodes(np.zeros(1), ["January"])
    with pytest.raises(InvalidInputError, match="labels"):
        enso_episodes(np.zeros(3), ["2014-01"])
    with pytest.raises(InvalidInputError, match="needs 10"):
        record_lows(YEARS, np.zeros(46), baseline=(1900, 1930))
    with pytest.raises(InvalidInputError, match="rise"):
        record_lows(YEARS[::-1], np.zeros(46))
    with pytest.raises(InvalidInputError, match="release"):
        standing_states(YEARS, noisy(1, 46)[0], z_enter=-2, z_release=-3)
    with pytest.raises(InvalidInputError, match="in none"):
        count_step_rises(np.array([[1, 2, 3, 4, 5], [1, np.nan, 3, 4, 5]]))


@pytest.mark.sources
def test_ersst_shows_exactly_the_six_known_episodes() -> None:
    path = SOURCES / "series" / "noaa_ersst_v5_monthly_2010_2020.nc"
    grid = GeoBox((89, 180), Affine(2, 0, -1, 0, -2, 89), "EPSG:4326")
    with xr.open_dataset(path, engine="h5netcdf") as data:
        found = zonal_mean(data["sst"], coverage([("nino34", box(-170, -5, -120, 5))], grid))
    labels = [str(step)[:7] for step in found.steps]
    value, anomaly = found.mean[:, 0], found.mean[:, 0].copy()
    month = np.array([int(label[5:]) for label in labels])
    base = np.array([label < "2020" for label in labels])
    for k in range(1, 13):
        anomaly[month == k] -= value[(month == k) & base].mean()
    november = labels.index("2015-11")
    assert value[november] == pytest.approx(29.41, abs=0.005)
    assert anomaly[november] == pytest.approx(2.68, abs=0.005)
    episodes = enso_episodes(anomaly, labels)
    assert [(e.phase, e.start, e.end) for e in episodes] == [
        ("cold", "2010-06", "2011-05"),
        ("cold", "2011-08", "2012-04"),
        ("warm", "2015-04", "2016-04"),
        ("cold", "2016-08", "2016-12"),
        ("cold", "2017-10", "2018-04"),
        ("warm", "2018-09", "2019-04"),
    ]
    assert episodes[2].peak == pytest.approx(2.62, abs=0.005)
    assert episodes[2].severity == "very strong"


def monthly_ice(name: str, month: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    days: dict[int, list[float]] = {}
    with (SOURCES / "series" / name).open() as lines:
        for row in list(csv.reader(lines))[2:]:
            if int(row[1]) == month:
                days.setdefault(int(row[0]), []).append(float(row[3]))
    years = np.array(sorted(days))
    return years, np.array([np.mean(days[year]) for year in years.tolist()])


@pytest.mark.sources
def test_arctic_septembers_hold_two_records_and_one_standing_state() -> None:
    years, values = monthly_ice("N_seaice_extent_daily_v3.0.csv", 9)
    base = values[(years >= 1981) & (years <= 2010)]
    assert base.mean() == pytest.approx(6.413, abs=5e-4)
    assert base.std(ddof=1) == pytest.approx(0.873, abs=5e-4)
    assert [record.year for record in record_lows(years, values)] == [2007, 2012]
    states = standing_states(years, values)
    assert [(state.since, state.until) for state in states] == [(2007, None)]


@pytest.mark.sources
def test_antarctic_julys_of_2023_and_2024_depart_as_known() -> None:
    years, values = monthly_ice("S_seaice_extent_daily_v3.0.csv", 7)
    found = {d.year: d.z for d in departures(years, values, side="low")}
    assert sorted(found) == [2023, 2024]
    assert found[2023] == pytest.approx(-7.18, abs=0.005)
    assert found[2024] == pytest.approx(-5.38, abs=0.005)


@pytest.mark.sources
def test_stream_nitrate_rises_after_september_1989() -> None:
    weeks: dict[str, list[float]] = {}
    with (SOURCES / "ecology" / "luq_streamchem.csv").open() as lines:
        for row in csv.DictReader(lines):
            if row["no3_n"]:
                weeks.setdefault(row["sample_date"][:7], []).append(float(row["no3_n"]))
    labels = months("1987-01", 72)
    medians = [float(np.median(weeks[label])) if label in weeks else np.nan for label in labels]
    found = step_rise(labels, medians)
    assert found.found
    assert (found.last_before, found.first_after) == ("1989-09", "1989-10")
    assert found.median_after > found.median_before
