"""A number about a region and a period, and everything needed to believe or doubt it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from earthcommons.errors import InvalidInputError
from earthcommons.model.canonical import short_id
from earthcommons.model.period import Period

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Interval", "Observation", "Status", "observation_id"]

Status = Literal[
    "official", "estimated", "proxy", "model", "reconstruction", "missing", "withheld"
]
_NO_VALUE = ("missing", "withheld")


@dataclass(frozen=True, slots=True)
class Interval:
    """A range around a value, with the level it covers and how it was obtained."""

    low: float
    high: float
    level: float
    method: str


@dataclass(frozen=True, slots=True)
class Observation:
    """One value of one indicator; `value` is None exactly when `status` says why.

    Attributes:
        dimensions: what tells the figures of one indicator apart; `measure` is the usual one.
        valid_share: valid area over zone area, or None where no area is involved.
        cells: grid cells (or records) the value rests on, counted by fraction, or None.
        reason: why the value is missing or withheld; otherwise a caveat, or empty.
        id: identity over run, indicator, region, period and dimensions; no clock, no value.
        interval_reason: why there is no interval when there is none.
    """

    indicator: str
    region: str
    period: Period
    unit: str
    status: Status
    run: str
    value: float | None = None
    dimensions: Mapping[str, str] = field(default_factory=dict)
    interval: Interval | None = None
    interval_reason: str = ""
    valid_share: float | None = None
    cells: float | None = None
    baseline: str = ""
    reason: str = ""
    id: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        if (self.value is None) != (self.status in _NO_VALUE):
            raise InvalidInputError(
                f"{self.indicator} {self.region}: status {self.status} with value {self.value}"
            )
        if self.value is not None and self.value != self.value:
            raise InvalidInputError(f"{self.indicator} {self.region}: value is not a number")
        if self.value is None and not self.reason:
            raise InvalidInputError(
                f"{self.indicator} {self.region}: {self.status} needs a reason"
            )
        # Hashed once: an observation is asked for its name many times.
        name = observation_id(
            self.run, self.indicator, self.region, self.period, self.dimensions
        )
        object.__setattr__(self, "id", name)

    def as_json(self) -> dict[str, Any]:
        """Return the HTTP shape."""
        interval = self.interval
        return {
            "id": self.id,
            "indicator": self.indicator,
            "region": self.region,
            "period": str(self.period),
            "dimensions": dict(sorted(self.dimensions.items())),
            "value": self.value,
            "unit": self.unit,
            "interval": None
            if interval is None
            else {
                "low": interval.low,
                "high": interval.high,
                "level": interval.level,
                "method": interval.method,
            },
            "interval_reason": self.interval_reason,
            "valid_share": self.valid_share,
            "cells": self.cells,
            "status": self.status,
            "reason": self.reason,
            "baseline": self.baseline,
            "run": self.run,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Observation:
        """Return the observation that `as_json` wrote."""
        interval = value["interval"]
        return cls(
            indicator=value["indicator"],
            region=value["region"],
            period=Period.parse(value["period"]),
            unit=value["unit"],
            status=value["status"],
            run=value["run"],
            value=value["value"],
            dimensions=dict(value["dimensions"]),
            interval=None if interval is None else Interval(**interval),
            interval_reason=value["interval_reason"],
            valid_share=value["valid_share"],
            cells=value["cells"],
            baseline=value["baseline"],
            reason=value["reason"],
        )


def observation_id(
    run: str, indicator: str, region: str, period: Period, dimensions: Mapping[str, str]
) -> str:
    """Return `obs-` and 26 base32 characters of the digest over the arguments."""
    key = {
        "dimensions": dict(dimensions),
        "indicator": indicator,
        "period": str(period),
        "region": region,
        "run": run,
    }
    return short_id("obs", key)
