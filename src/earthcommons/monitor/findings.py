"""From the events of a detector to alerts: graded, dated, bound to their observations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from earthcommons.model.alert import Alert
from earthcommons.monitor.departures import departure_spells
from earthcommons.monitor.enso import enso_episodes
from earthcommons.monitor.headlines import below_words, headline_of, month_words, value_words
from earthcommons.monitor.low_years import record_lows, standing_states
from earthcommons.monitor.step_rise import step_rise
from earthcommons.monitor.words import (
    KINDS,
    SEVERITIES,
    severity_of_ratio,
    severity_of_z,
)

if TYPE_CHECKING:
    from earthcommons.model.alert import Watch
    from earthcommons.monitor.series import Series

__all__ = ["departure_alerts", "enso_alerts", "record_alerts", "rise_alerts", "state_alerts"]


def enso_alerts(watch: Watch, series: Series) -> list[Alert]:
    """Return one alert for each warm or cold episode; its peak is a three-month mean."""
    given = watch.parameters
    found = []
    for event in enso_episodes(
        series.values,
        series.labels,
        threshold=given["threshold"],
        min_seasons=given["min_seasons"],
    ):
        # The seasons' months reach one month beyond the first and the last centre.
        first, last = _shifted(event.start, -1), _shifted(event.end, 1)
        kind = f"{event.phase}-episode"
        headline = headline_of(
            "{0}, {1}: {2} to {3}, peak {4} in the season centred on {5}",
            "{0}（{1}）：{2}至{3}，峰值{4}（以{5}为中心的三个月）",
            KINDS[kind],
            SEVERITIES[event.severity],
            month_words(event.start),
            month_words(event.end),
            value_words(watch, event.peak, series.unit, signed=True),
            month_words(event.peak_at),
        )
        found.append(
            Alert(
                watch=watch.key,
                kind=kind,
                severity=event.severity,
                certainty="observed",
                region=watch.region,
                start=event.start,
                end=None if event.ongoing else event.end,
                peak_period=event.peak_at,
                peak_value=event.peak,
                unit=series.unit,
                observations=series.ids_between(first, last),
                facts={
                    "headline": headline,
                    "seasons": event.seasons,
                    "dated_by": "middle month of three-month seasons",
                    "run": series.run,
                },
            )
        )
    return found


def record_alerts(watch: Watch, series: Series) -> list[Alert]:
    """Return one alert for each record; it rests on the record and on the one before."""
    given = watch.parameters
    baseline = _baseline(watch)
    found = []
    for event in record_lows(
        series.years,
        series.values,
        baseline=baseline,
        min_earlier=given["min_earlier"],
        z_max=given["z_max"],
    ):
        label, before = _label(series, event.year), _label(series, event.previous_year)
        headline = headline_of(
            "{0}: {1}, the lowest up to then, below {3} in {2}; {4}",
            "{0}：{1}，为截至当时最低，低于{2}年的{3}；{4}",
            month_words(label),
            value_words(watch, event.value, series.unit),
            str(event.previous_year),
            value_words(watch, event.previous, series.unit),
            below_words(event.z, baseline),
        )
        facts = {
            "headline": headline,
            "z": event.z,
            "rank": 1,
            "earlier_years": event.earlier_years,
            "previous": {"period": before, "value": event.previous},
            **_baseline_facts(series, baseline),
        }
        ids = series.ids_between(before, before) + series.ids_between(label, label)
        found.append(
            _yearly(watch, series, "record", label, label, label, event.value, ids, facts)
        )
    return found


def state_alerts(watch: Watch, series: Series) -> list[Alert]:
    """Return one alert for each low state, without an end while it stands."""
    given = watch.parameters
    baseline = _baseline(watch)
    found = []
    for event in standing_states(
        series.years,
        series.values,
        baseline=baseline,
        z_enter=given["z_enter"],
        z_release=given["z_release"],
    ):
        start, lowest = _label(series, event.since), _label(series, event.lowest_year)
        inside = [
            label
            for label, year in zip(series.labels, series.years.tolist(), strict=True)
            if year >= event.since and (event.until is None or year < event.until)
        ]
        headline = headline_of(
            "Low from {0}, last seen in {1}; lowest {2} in {3}, {4}",
            "自{0}起持续偏低，最近一次为{1}；最低为{3}的{2}，{4}",
            month_words(inside[0]),
            month_words(inside[-1]),
            value_words(watch, event.lowest, series.unit),
            month_words(lowest),
            below_words(event.lowest_z, baseline),
        )
        facts = {
            "headline": headline,
            "z": event.lowest_z,
            "years_at_or_below": event.years_at_or_below,
            "last_seen": inside[-1],
            **_baseline_facts(series, baseline),
        }
        end = None if event.until is None else inside[-1]
        ids = series.ids_between(inside[0], inside[-1])
        found.append(
            _yearly(watch, series, "state", start, end, lowest, event.lowest, ids, facts)
        )
    return found


def departure_alerts(watch: Watch, series: Series) -> list[Alert]:
    """Return one alert for each spell of departing years, without an end while it stands."""
    baseline = _baseline(watch)
    known = np.sort(series.values[~np.isnan(series.values)])
    found = []
    for spell in departure_spells(
        series.years,
        series.values,
        baseline=baseline,
        z=watch.parameters["z"],
        side=watch.parameters["side"],
    ):
        start, last = (_label(series, spell.years[n].year) for n in (0, -1))
        peak = _label(series, spell.peak.year)
        headline = headline_of(
            "{0}: {1}, {2}; last seen in {3}",
            "{0}：{1}，{2}；最近一次为{3}",
            month_words(peak),
            value_words(watch, spell.peak.value, series.unit),
            below_words(spell.peak.z, baseline),
            month_words(last),
        )
        low = spell.peak.z < 0
        beyond = known < spell.peak.value if low else known > spell.peak.value
        facts = {
            "headline": headline,
            "z": spell.peak.z,
            "departure": spell.peak.departure,
            "rank": 1 + int(beyond.sum()),
            "years": [{"period": _label(series, d.year), "z": d.z} for d in spell.years],
            "last_seen": last,
            **_baseline_facts(series, baseline),
        }
        end = None if spell.ongoing else last
        ids = series.ids_between(start, last)
        found.append(
            _yearly(watch, series, "departure", start, end, peak, spell.peak.value, ids, facts)
        )
    return found


def rise_alerts(watch: Watch, series: Series) -> list[Alert]:
    """Return one alert when the series rises; it ends at once, for a rise is not a state."""
    event = step_rise(
        series.labels,
        series.values,
        alpha=watch.parameters["alpha"],
        level=watch.parameters["level"],
        seed=watch.parameters["seed"],
    )
    if not event.found:
        return []
    headline = headline_of(
        "Median rose from {1} to {2} after {0}",
        "{0}之后中位数由{1}升至{2}",
        month_words(event.last_before),
        value_words(watch, event.median_before, series.unit),
        value_words(watch, event.median_after, series.unit),
    )
    after = series.values[series.labels.index(event.first_after) :]
    return [
        Alert(
            watch=watch.key,
            kind="rise",
            severity=severity_of_ratio(event.median_before, event.median_after),
            certainty="likely",
            region=watch.region,
            start=event.first_after,
            end=event.first_after,
            peak_period=series.labels[
                len(series.labels) - len(after) + int(np.nanargmax(after))
            ],
            peak_value=float(np.nanmax(after)),
            unit=series.unit,
            observations=series.ids_between(series.labels[0], series.labels[-1]),
            facts={
                "headline": headline,
                "last_before": event.last_before,
                "first_after": {"low": event.earliest, "high": event.latest},
                "level": event.level,
                "median_before": event.median_before,
                "median_after": event.median_after,
                "p_one_sided": event.p_rise,
                "p_method": f"Pettitt, {event.p_method}",
                "periods": event.periods,
                "run": series.run,
            },
        )
    ]


def _yearly(
    watch: Watch,
    series: Series,
    kind: str,
    start: str,
    end: str | None,
    peak: str,
    value: float,
    ids: tuple[str, ...],
    facts: dict[str, Any],
) -> Alert:
    return Alert(
        watch=watch.key,
        kind=kind,
        severity=severity_of_z(facts["z"]),
        certainty="observed",
        region=watch.region,
        start=start,
        end=end,
        peak_period=peak,
        peak_value=value,
        unit=series.unit,
        observations=ids,
        facts=facts,
    )


def _baseline(watch: Watch) -> tuple[int, int]:
    return watch.parameters["baseline_first"], watch.parameters["baseline_last"]


def _baseline_facts(series: Series, baseline: tuple[int, int]) -> dict[str, Any]:
    inside = (series.years >= baseline[0]) & (series.years <= baseline[1])
    values = series.values[inside]
    values = values[~np.isnan(values)]
    return {
        "baseline": {
            "first": baseline[0],
            "last": baseline[1],
            "n": len(values),
            "mean": float(values.mean()),
            "sd": float(values.std(ddof=1)),
        },
        "run": series.run,
    }


def _label(series: Series, year: int) -> str:
    return next(label for label in series.labels if int(label[:4]) == year)


def _shifted(label: str, months: int) -> str:
    return str(np.datetime64(label, "M") + months)
