"""Watches, and the alerts they raise."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from earthcommons.model.canonical import short_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from earthcommons.model.indicator import Text

__all__ = ["Alert", "Watch"]


@dataclass(frozen=True, slots=True)
class Watch:
    """What is watched where, against which baseline, by which detector.

    Attributes:
        false_alarms: measured rate per year with its interval and how it was measured.
    """

    key: str
    version: str
    title: Text
    indicator: str
    region: str
    detector: str
    parameters: Mapping[str, Any]
    rule: Text
    false_alarms: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "key": self.key,
            "version": self.version,
            "title": self.title.as_json(),
            "indicator": self.indicator,
            "region": self.region,
            "detector": self.detector,
            "parameters": dict(self.parameters),
            "rule": self.rule.as_json(),
            "false_alarms": dict(self.false_alarms),
        }


@dataclass(frozen=True, slots=True)
class Alert:
    """One event a watch found.

    Attributes:
        kind: what sort of event, such as `warm-episode`, `record`, `state`, `rise`.
        end: last period of the event, or None while it stands.
        z: how unusual the peak is in baseline standard deviations, where that is defined.
        observations: ids of the observations the alert rests on.
    """

    watch: str
    kind: str
    severity: str
    certainty: str
    region: str
    start: str
    end: str | None
    peak_period: str
    peak_value: float
    unit: str
    observations: tuple[str, ...]
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Identity over watch, kind, region and the observations it rests on."""
        key = [self.watch, self.kind, self.region, self.start, sorted(self.observations)]
        return short_id("alert", key)

    def as_json(self) -> dict[str, Any]:
        """Return the HTTP shape."""
        return {
            "id": self.id,
            "watch": self.watch,
            "kind": self.kind,
            "severity": self.severity,
            "certainty": self.certainty,
            "region": self.region,
            "start": self.start,
            "end": self.end,
            "peak": {"period": self.peak_period, "value": self.peak_value, "unit": self.unit},
            "observations": list(self.observations),
            "facts": dict(self.facts),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Alert:
        """Return the alert that `as_json` wrote."""
        peak = value["peak"]
        return cls(
            watch=value["watch"],
            kind=value["kind"],
            severity=value["severity"],
            certainty=value["certainty"],
            region=value["region"],
            start=value["start"],
            end=value["end"],
            peak_period=peak["period"],
            peak_value=peak["value"],
            unit=peak["unit"],
            observations=tuple(value["observations"]),
            facts=value["facts"],
        )
