from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthcommons.errors import InvalidInputError, NotFoundError
from earthcommons.model.observation import Observation
from earthcommons.model.period import Period
from earthcommons.monitor import CERTAINTIES, KINDS, SEVERITIES, WATCHES, find_watch, run_watch
from earthcommons.monitor.series import every_month, one_month_a_year
from earthcommons.monitor.words import severity_of_ratio, severity_of_z

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SOURCES = Path(os.environ.get("EARTHCOMMONS_SOURCES", "unset"))


def published(key: str, values: Mapping[str, float | None]) -> list[Observation]:
    """Observations as the watch reads them, from `YYYY-MM` to value or None."""
    rule = find_watch(key)
    return [
        Observation(
            indicator=rule.watch.indicator,
            region=rule.watch.region,
            period=Period.parse(label),
            unit="degC" if key == "enso" else "10^6 km2",
            status="withheld" if value is None else "estimated",
            run="run-x",
            value=value,
            reason="" if value is not None else "days",
            dimensions={"measure": rule.measure},
        )
        for label, value in values.items()
    ]


def monthly(first: str, values: Sequence[float]) -> dict[str, float | None]:
    start = np.datetime64(first, "M")
    return {str(start + n): float(value) for n, value in enumerate(values)}


def yearly(month: int, values: Sequence[float | None], first: int = 1979) -> dict[str, Any]:
    return {f"{first + n}-{month:02d}": value for n, value in enumerate(values)}


def alternating(count: int = 46) -> list[float | None]:
    return [11.0 if n % 2 else 9.0 for n in range(count)]


def test_episode_rests_on_its_seasons_months_and_is_worded_in_two_languages() -> None:
    anomaly = np.zeros(24)
    anomaly[4:13] = 0.9
    anomaly[8] = 1.8
    rows = published("enso", monthly("2014-01", anomaly.tolist()))
    outcome = run_watch(find_watch("enso"), rows, surrogates=200)
    (alert,) = outcome.alerts
    assert (alert.kind, alert.start, alert.end) == ("warm-episode", "2014-05", "2015-01")
    assert (alert.peak_period, alert.severity, alert.facts["seasons"]) == (
        "2014-08", "moderate", 9,
    )  # fmt: skip
    # Seasons centred on May 2014 to January 2015 hold the months from April to February.
    assert alert.observations == tuple(row.id for row in rows[3:14])
    assert alert.facts["headline"]["en"].startswith("El Niño episode, moderate: May 2014 to")
    assert alert.facts["headline"]["zh"].startswith(
        "厄尔尼诺事件（中等）：2014年5月至2015年1月"
    )
    assert alert.facts["run"] == outcome.run == "run-x"


def test_record_and_state_of_the_same_septembers_are_two_kinds() -> None:
    values = alternating()
    values[40] = 5.0
    values[41:] = [9.0, 8.9, 9.0, 7.0, 9.0]
    rows = published("arctic-september-record", yearly(9, values))
    (record,) = run_watch(find_watch("arctic-september-record"), rows, surrogates=200).alerts
    assert (record.start, record.end, record.peak_value) == ("2019-09", "2019-09", 5.0)
    base = np.array(values[2:32], dtype="f8")
    assert record.facts["baseline"]["sd"] == pytest.approx(base.std(ddof=1))
    assert record.facts["z"] == pytest.approx((5 - base.mean()) / base.std(ddof=1))
    assert record.severity == "very strong"
    rows = published("arctic-september-state", yearly(9, values))
    first, second = run_watch(find_watch("arctic-september-state"), rows, surrogates=200).alerts
    assert (first.start, first.end, len(first.observations)) == ("2019-09", "2019-09", 1)
    assert (second.start, second.end) == ("2023-09", "2023-09")
    rows = published("arctic-september-state", yearly(9, values[:-1]))
    standing = run_watch(find_watch("arctic-september-state"), rows, surrogates=200).alerts[-1]
    assert (standing.start, standing.end) == ("2023-09", None)


def test_departing_winters_in_a_row_are_one_alert_that_stands_until_a_better_winter() -> None:
    values = alternating()
    values[44:46] = [2.0, 3.0]
    rule = find_watch("antarctic-winter")
    (alert,) = run_watch(
        rule, published(rule.watch.key, yearly(7, values)), surrogates=200
    ).alerts
    assert (alert.start, alert.end, alert.peak_period) == ("2023-07", None, "2023-07")
    assert [year["period"] for year in alert.facts["years"]] == ["2023-07", "2024-07"]
    assert alert.facts["rank"] == 1
    values.append(10.0)
    (ended,) = run_watch(
        rule, published(rule.watch.key, yearly(7, values)), surrogates=200
    ).alerts
    assert (ended.start, ended.end) == ("2023-07", "2024-07")


def test_quiet_series_raises_nothing_and_a_withheld_july_is_a_gap() -> None:
    values = alternating()
    values[9] = None
    rule = find_watch("antarctic-winter")
    rows = published(rule.watch.key, yearly(7, values))
    outcome = run_watch(rule, rows, surrogates=200)
    assert outcome.alerts == ()
    series = rule.align(rows)
    assert np.isnan(series.values[9])
    assert rows[9].id not in series.ids_between("1979-07", "2024-07")


@given(st.lists(st.floats(-3, 3), min_size=12, max_size=80), st.randoms())
def test_order_of_observations_does_not_matter(values: list[float], shuffler: Any) -> None:
    rows = published("enso", monthly("2001-03", values))
    mixed = rows.copy()
    shuffler.shuffle(mixed)
    one, other = every_month(rows), every_month(mixed)
    assert (one.labels, one.ids) == (other.labels, other.ids)
    np.testing.assert_array_equal(one.values, other.values)


def test_rows_that_make_no_series_are_refused() -> None:
    rows = published("enso", monthly("2001-01", [1.0, 2.0]))
    with pytest.raises(InvalidInputError, match="2 observations of 1 months"):
        every_month([rows[0], rows[0]])
    with pytest.raises(InvalidInputError, match="with a value"):
        one_month_a_year(rows, 7)
    with pytest.raises(NotFoundError, match="enso"):
        find_watch("el-nino")
    with pytest.raises(InvalidInputError, match="ten values"):
        run_watch(find_watch("enso"), rows)


def test_rate_has_an_interval_a_method_and_the_same_value_again() -> None:
    rng = np.random.default_rng(3)
    rows = published("enso", monthly("2010-01", (rng.normal(size=120).cumsum() / 6).tolist()))
    rule = find_watch("enso")
    one, again = (run_watch(rule, rows, surrogates=500).watch.false_alarms for _ in range(2))
    assert one == again
    assert 0 < one["low"] <= one["per_year"] <= one["high"]
    assert (one["n"], one["level"]) == (500, 0.95)
    assert "real episodes" in one["method"]["en"]
    assert "真实事件" in one["method"]["zh"]
    assert one["text"].startswith(f"{one['per_year']:g} false alarms a year (95% interval")


def test_every_watch_reads_a_declared_measure_and_speaks_two_languages() -> None:
    from earthcommons.indicators import find_indicator

    assert len({rule.watch.key for rule in WATCHES}) == len(WATCHES)
    for rule in WATCHES:
        assert rule.measure in find_indicator(rule.watch.indicator).measures
        for text in (rule.watch.title, rule.watch.rule, rule.noise):
            assert text.en.isascii() or "–" in text.en or "ñ" in text.en
            assert not text.zh.isascii()
    for words in (SEVERITIES, KINDS, CERTAINTIES):
        assert all(text.en != text.zh for text in words.values())


def test_severity_grows_at_the_steps_the_rules_name() -> None:
    graded = [severity_of_z(z) for z in (-1.9, -2.0, 3.0, -4.0)]
    assert graded == ["weak", "moderate", "strong", "very strong"]
    ratios = [severity_of_ratio(100, after) for after in (124, 125, 200, 400)]
    assert ratios == ["weak", "moderate", "strong", "very strong"]
    with pytest.raises(InvalidInputError, match="no ratio"):
        severity_of_ratio(0, 5)


@pytest.mark.sources
def test_original_daily_file_gives_the_records_of_2007_and_2012() -> None:
    days: dict[str, list[float]] = {}
    with (SOURCES / "series" / "N_seaice_extent_daily_v3.0.csv").open() as lines:
        for row in list(csv.reader(lines))[2:]:
            if int(row[1]) == 9:
                days.setdefault(f"{row[0].strip()}-09", []).append(float(row[3]))
    rows = published("arctic-september-record", {k: float(np.mean(v)) for k, v in days.items()})
    found = run_watch(find_watch("arctic-september-record"), rows, surrogates=200).alerts
    assert [alert.start for alert in found] == ["2007-09", "2012-09"]
