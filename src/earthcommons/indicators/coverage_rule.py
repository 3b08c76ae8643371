"""The one rule by which a value over an area is given, or is missing with its reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from earthcommons.indicators.workbench import Figure
from earthcommons.zones.statistics import ZonalSums, group_sums

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from earthcommons.model.observation import Status
    from earthcommons.model.period import Period

__all__ = [
    "MIN_CELLS",
    "MIN_VALID_SHARE",
    "area_figure",
    "missing_for_coverage",
    "with_groups",
    "zone_figures",
]

MIN_VALID_SHARE = 0.5
MIN_CELLS = 30.0


def missing_for_coverage(valid_share: float, cells: float) -> str:
    """Return why a value must be missing, or an empty string.

    Args:
        valid_share: valid area over zone area [1].
        cells: valid cells, counted by covered fraction.
    """
    if cells < MIN_CELLS:
        return f"coverage: {cells:.1f} valid cells, fewer than {MIN_CELLS:.0f}"
    if valid_share < MIN_VALID_SHARE:
        return f"coverage: {100 * valid_share:.0f} % of the area is valid, less than 50 %"
    return ""


def area_figure(
    region: str,
    period: Period,
    value: float,
    unit: str,
    status: Status,
    *,
    valid_share: float,
    cells: float,
    dimensions: Mapping[str, str],
    interval_reason: str,
    baseline: str = "",
    caveat: str = "",
) -> Figure:
    """Return a value over an area with its coverage, or the same figure as missing."""
    why = missing_for_coverage(valid_share, cells)
    if not why and value != value:
        why = "coverage: no valid cell has weight"
    return Figure(
        region=region,
        period=period,
        unit=unit,
        status="missing" if why else status,
        value=None if why else value,
        dimensions=dimensions,
        interval_reason=interval_reason,
        valid_share=min(max(valid_share, 0.0), 1.0),
        cells=cells,
        baseline=baseline,
        reason=why or caveat,
    )


def with_groups(sums: ZonalSums, groups: Mapping[str, Sequence[str]]) -> ZonalSums:
    """Return the sums of every zone and, after them, of every group of zones."""
    return group_sums(sums, {**{zone: (zone,) for zone in sums.zone_ids}, **groups})


def zone_figures(
    sums: ZonalSums,
    values: NDArray[np.float64],
    period: Period,
    unit: str,
    status: Status,
    *,
    step: int = 0,
    dimensions: Mapping[str, str],
    interval_reason: str,
    baseline: str = "",
    caveats: Sequence[str] | None = None,
) -> list[Figure]:
    """Return one figure for every zone, given or missing by the rule of coverage.

    Args:
        sums: areas and cells the values rest on.
        values: dims (zone), [unit]; NaN where nothing has weight.
        period: what the values are about.
        unit: unit of the values.
        status: status of a value that is given.
        step: which step of `sums` the values rest on.
        dimensions: what tells these figures from others of the indicator.
        interval_reason: why there is no interval.
        baseline: what a change is counted from.
        caveats: one text for every zone, or None.
    """
    counted: Any = zip(
        sums.zone_ids,
        values,
        sums.valid_share[step],
        sums.valid_cells[step],
        caveats or [""] * len(sums.zone_ids),
        strict=True,
    )
    return [
        area_figure(
            zone,
            period,
            float(value),
            unit,
            status,
            valid_share=float(share),
            cells=float(cells),
            dimensions=dimensions,
            interval_reason=interval_reason,
            baseline=baseline,
            caveat=caveat,
        )
        for zone, value, share, cells, caveat in counted
    ]
