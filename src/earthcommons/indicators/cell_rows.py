"""The cells of a region as rows: where, which value, which weight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

    from earthcommons.indicators.workbench import Workbench
    from earthcommons.zones.coverage import Coverage

__all__ = ["cell_rows"]


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
