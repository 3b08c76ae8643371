"""The cells of a region as rows: where, which value, which weight; a level less its baseline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from earthcommons.indicators.workbench import Cells

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import xarray as xr

    from earthcommons.indicators.workbench import Workbench
    from earthcommons.zones.coverage import Coverage

__all__ = ["cell_rows", "less_same_month"]


def cell_rows(
    bench: Workbench,
    values: xr.DataArray,
    region: str,
    extra_weight: xr.DataArray | None = None,
    *,
    zones: Coverage | None = None,
    per: Literal["km2", "cell"] = "km2",
    zeros: bool = True,
) -> list[dict[str, float]]:
    """Return one row for every valid cell that a region touches.

    Args:
        bench: regions and the coverage of the grid.
        values: dims (lat, lon); NaN where a cell does not count.
        region: a region, or a group, whose members' cells follow each other.
        extra_weight: a further weight on the same grid, such as people per km2; a cell where it
            is NaN or zero carries no weight and is left out.
        zones: the coverage, when not that of the whole region set.
        per: weight by area inside the region, or by share of the cell inside it.
        zeros: keep cells whose value is zero; a sum does not need them.

    Returns:
        Rows with `lat`, `lon` [degrees], `value`, and `weight` = covered fraction × true cell
        area [km2] × extra weight, or without the area when `per` is `cell`.
    """
    zones = zones or bench.coverage(values)
    flat = np.asarray(values.values, "f8").ravel()
    more = None if extra_weight is None else np.asarray(extra_weight.values, "f8").ravel()
    base = zones.areas_km2 if per == "km2" else zones.fractions
    rows: list[dict[str, float]] = []
    for member in bench.regions.find(region).members or (region,):
        n = zones.zone_ids.index(member)
        part = slice(int(zones.indptr[n]), int(zones.indptr[n + 1]))
        cells = zones.indices[part]
        weights = base[part]
        if more is not None:
            weights = weights * more[cells]
        keep = np.isfinite(flat[cells]) & (weights > 0)
        if not zeros:
            keep &= flat[cells] != 0
        line, column = np.divmod(cells[keep], zones.shape[1])
        columns = {
            "lat": np.round(zones.latitudes[line], 9),
            "lon": np.round(zones.longitudes[column], 9),
            "value": flat[cells[keep]],
            "weight": weights[keep],
        }
        table = np.stack(list(columns.values()), axis=1).tolist()
        rows += [dict(zip(columns, row, strict=True)) for row in table]
    return rows


def less_same_month(level: Cells, baseline: Sequence[Mapping[str, Any]]) -> Cells:
    """Return what an anomaly rests on: a month's level less the mean of that month in other years.

    Args:
        level: what the level of the month rests on.
        baseline: rows of the same month in the years of the baseline; weights of a year sum to one.
    """
    words = level.explanation
    return Cells(
        {**level.tables, "baseline": baseline},
        ["sub", level.formula, ["wmean", "baseline"]],
        {
            "en": f"{words['en']}, less the mean of the same month in the years of the baseline;"
            " there each year weighs one",
            "zh": f"{words['zh']}，减去基准期各年同月的平均值；基准期各年权重均为一",
        },
    )
