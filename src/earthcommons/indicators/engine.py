"""Run an indicator: settle its parameters, read its inputs, name the run, give observations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from earthcommons import __version__
from earthcommons.errors import InvalidInputError
from earthcommons.model.evidence import Run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from earthcommons.indicators.workbench import Workbench
    from earthcommons.model.observation import Observation

__all__ = ["Computed", "compute"]


@dataclass(frozen=True, slots=True)
class Computed:
    """A run and its observations, in order of region, period and dimensions.

    Attributes:
        standard: whether every parameter has its declared default.
    """

    run: Run
    observations: tuple[Observation, ...]
    standard: bool


def compute(bench: Workbench, given: Mapping[str, Any] | None = None) -> Computed:
    """Compute the workbench's indicator.

    Args:
        bench: inputs and regions.
        given: parameters that differ from their defaults.

    Raises:
        InvalidInputError: an unknown or unfit parameter, or a figure with another unit.
        NotFoundError: an input or the region set is not on this node.
        UnitError: an input's unit does not convert.
    """
    indicator = bench.indicator
    parameters = indicator.settle(given or {})
    run = Run(
        method=indicator.key,
        method_version=indicator.version,
        parameters=parameters,
        inputs=bench.inputs,
        region_set=bench.regions.id,
        region_set_version=bench.regions.version,
        region_set_digest=bench.regions.digest,
        code_version=__version__,
    )
    figures = indicator.compute(bench, parameters)
    observations = [figure.observed(indicator.key, run.id) for figure in figures]
    for row in observations:
        if row.value is not None and not math.isfinite(row.value):
            raise InvalidInputError(f"{indicator.key} gave {row.value} for {row.region}")
    observations.sort(
        key=lambda row: (
            row.region,
            row.period.start,
            str(row.period),
            sorted(row.dimensions.items()),
        )
    )
    standard = parameters == indicator.settle({})
    return Computed(run, tuple(observations), standard)
