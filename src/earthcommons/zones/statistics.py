"""Means, sums and class areas over zones, with the area and the cells each of them rests on."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypeVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from earthcommons.errors import InvalidInputError
from earthcommons.kernels.zonal import Plan, class_sums, make_plan, weighted_sums
from earthcommons.zones.coverage import Coverage

__all__ = [
    "ClassAreas",
    "ZonalSums",
    "group_sums",
    "zonal_class_areas",
    "zonal_mean",
    "zonal_sum",
]

Floats = NDArray[np.float64]
Parts = TypeVar("Parts", "ZonalSums", "ClassAreas")

_BLOCK_BYTES = 64_000_000


@dataclass(frozen=True, slots=True, eq=False)
class ZonalSums:
    """Sums of values and of their weights over the valid cells of zones.

    Both are kept, because a group's mean is the ratio of its members' sums. A cell is valid when
    its value is a number, the mask lets it through, and its weight is a number.

    Attributes:
        zone_ids: names of the zones or groups.
        steps: labels of the steps, dims (step).
        total: sum of weight times value, dims (step, zone).
        weight: sum of weights, dims (step, zone); [km2] unless a weight was given.
        valid_area_km2: area of the valid cells inside the zone, dims (step, zone), [km2].
        valid_cells: number of valid cells, those in part inside counting in part, dims
            (step, zone), [1].
        zone_area_km2: area of the zone, on the grid or not, valid or not, dims (zone), [km2].
        touched_cells: number of cells of the grid that the zone touches, dims (zone).
    """

    zone_ids: tuple[str, ...]
    steps: NDArray[Any]
    total: Floats
    weight: Floats
    valid_area_km2: Floats
    valid_cells: Floats
    zone_area_km2: Floats
    touched_cells: NDArray[np.int64]

    @property
    def mean(self) -> Floats:
        """Weighted mean, dims (step, zone); NaN where the weights add up to nothing."""
        return np.where(self.weight > 0, self.total / _or_one(self.weight), np.nan)

    @property
    def valid_share(self) -> Floats:
        """Valid area over zone area, dims (step, zone), [1]; 0 for a zone without area."""
        return self.valid_area_km2 / _or_one(self.zone_area_km2)


@dataclass(frozen=True, slots=True, eq=False)
class ClassAreas:
    """Area of each class in each zone; classes, nodata and outside add up to the zone.

    Attributes:
        zone_ids: names of the zones or groups.
        steps: labels of the steps, dims (step).
        class_values: the classes, in the order of the areas.
        area_km2: dims (step, zone, class), [km2]; 0 where a class does not occur.
        nodata_km2: area without a class, dims (step, zone), [km2].
        outside_km2: area beyond the grid, dims (zone), [km2].
        zone_area_km2: dims (zone), [km2].
        valid_cells: number of cells with a class, dims (step, zone), [1].
        touched_cells: number of cells of the grid that the zone touches, dims (zone).
    """

    zone_ids: tuple[str, ...]
    steps: NDArray[Any]
    class_values: tuple[int, ...]
    area_km2: Floats
    nodata_km2: Floats
    outside_km2: Floats
    zone_area_km2: Floats
    valid_cells: Floats
    touched_cells: NDArray[np.int64]

    @property
    def valid_share(self) -> Floats:
        """Area with a class over zone area, dims (step, zone), [1]; 0 without area."""
        share: Floats = self.area_km2.sum(axis=2) / _or_one(self.zone_area_km2)
        return share


def zonal_mean(
    values: xr.DataArray,
    coverage: Coverage,
    *,
    mask: xr.DataArray | None = None,
    weight: xr.DataArray | None = None,
    threads: int = 1,
) -> ZonalSums:
    """Mean over each zone, a cell weighing its true area inside the zone times `weight`.

    Reads `values` in blocks of steps, so memory does not grow with their number.

    Args:
        values: dims (step, y, x) or (y, x), on the coverage's grid; NaN where missing.
        coverage: zones over the grid.
        mask: which cells count, dims (y, x) or those of `values`, boolean.
        weight: a further weight, such as people per km2, dims (y, x), not below zero; a cell
            where it is NaN counts neither above nor below the fraction line.
        threads: steps are shared among this many threads; 0 means one per processor.

    Returns:
        Sums whose `mean` is the mean, dims (step, zone), [unit of values].

    Raises:
        InvalidInputError: an array is not on the coverage's grid, or a weight is negative.
    """
    fixed, moving = _split_mask(mask, values, coverage)
    if fixed is None and weight is None:
        plan = coverage.plan
    else:
        plan = _plan(coverage, fixed, _checked_weight(weight, coverage), coverage.areas_km2)
    return _stream(values, coverage, plan, moving, threads)


def zonal_sum(
    values: xr.DataArray,
    coverage: Coverage,
    *,
    per: Literal["cell", "km2"],
    mask: xr.DataArray | None = None,
    threads: int = 1,
) -> ZonalSums:
    """Sum over each zone.

    Args:
        values: dims (step, y, x) or (y, x), on the coverage's grid; NaN where missing.
        coverage: zones over the grid.
        per: `cell` for amounts in a cell, of which a zone has the covered share; `km2` for
            densities, which are multiplied by the true area inside the zone.
        mask: which cells count, dims (y, x) or those of `values`, boolean.
        threads: steps are shared among this many threads; 0 means one per processor.

    Returns:
        Sums whose `total` is the sum, dims (step, zone), [unit of values, or that times km2].

    Raises:
        InvalidInputError: an array is not on the coverage's grid.
    """
    if per not in {"cell", "km2"}:
        raise InvalidInputError(f"a sum is per cell or per km2, not per {per}")
    fixed, moving = _split_mask(mask, values, coverage)
    base = coverage.fractions if per == "cell" else coverage.areas_km2
    return _stream(values, coverage, _plan(coverage, fixed, None, base), moving, threads)


def zonal_class_areas(
    classes: xr.DataArray,
    coverage: Coverage,
    *,
    class_values: Sequence[int],
    nodata: int | None = None,
    threads: int = 1,
) -> ClassAreas:
    """Area of each class in each zone, nodata and outside kept apart.

    Args:
        classes: integers, dims (step, y, x) or (y, x), on the coverage's grid.
        coverage: zones over the grid.
        class_values: every class that may occur in a zone.
        nodata: value of a cell without a class; never one of the classes.
        threads: steps are shared among this many threads; 0 means one per processor.

    Raises:
        InvalidInputError: a class occurs that is not listed, the classes are no integers, or
            the array is not on the coverage's grid.
    """
    names = tuple(int(value) for value in class_values)
    labels = _check_grid(classes, coverage)
    entries, zones = coverage.areas_km2, len(coverage.zone_ids)
    area = np.zeros((len(labels), zones, len(names) + 1))
    cells = np.zeros((len(labels), zones))
    for steps, block in _blocks(classes):
        args = (block, np.array(names, dtype=np.int64))
        weights = (coverage.indptr, coverage.indices)
        area[steps] = class_sums(*weights, entries, *args, nodata=nodata, threads=threads)
        counted = class_sums(
            *weights, coverage.fractions, *args, nodata=nodata, threads=threads
        )
        cells[steps] = counted[:, :, :-1].sum(axis=2)
    return ClassAreas(
        coverage.zone_ids,
        labels,
        names,
        area[:, :, :-1],
        area[:, :, -1],
        coverage.area_outside_km2,
        coverage.zone_area_km2,
        cells,
        coverage.touched_cells,
    )


def group_sums(parts: Parts, groups: Mapping[str, Sequence[str]]) -> Parts:
    """Add up zones to groups: numerators and denominators apart, never means of means.

    Args:
        parts: result for single zones.
        groups: members of each group. A group has the order given here.

    Returns:
        The same kind of result with groups for zones. A cell shared by two members counts as
        touched twice.

    Raises:
        InvalidInputError: a group names a zone that is not there, or names one twice.
    """
    place = {zone_id: number for number, zone_id in enumerate(parts.zone_ids)}
    members = []
    for group, zone_ids in groups.items():
        unknown = [zone_id for zone_id in zone_ids if zone_id not in place]
        if unknown:
            raise InvalidInputError(f"group {group} names unknown zones {', '.join(unknown)}")
        if len(set(zone_ids)) != len(zone_ids):
            raise InvalidInputError(f"group {group} names a zone twice")
        members.append(np.array([place[zone_id] for zone_id in zone_ids], dtype=np.int64))

    def by_step(array: NDArray[Any]) -> NDArray[Any]:
        sums = [array[:, m].sum(axis=1) for m in members]
        return np.stack(sums, axis=1) if sums else array[:, :0]

    def by_zone(array: NDArray[Any]) -> NDArray[Any]:
        return np.array([array[m].sum() for m in members], dtype=array.dtype)

    names = {field.name for field in fields(parts)}
    changes: dict[str, Any] = {"zone_ids": tuple(groups)}
    changes |= {name: by_step(getattr(parts, name)) for name in names & _STEP_FIELDS}
    changes |= {name: by_zone(getattr(parts, name)) for name in names & _ZONE_FIELDS}
    return replace(parts, **changes)


_STEP_FIELDS = {
    "total", "weight", "valid_area_km2", "valid_cells", "area_km2", "nodata_km2"
}  # fmt: skip
_ZONE_FIELDS = {"zone_area_km2", "outside_km2", "touched_cells"}


def _stream(
    values: xr.DataArray,
    coverage: Coverage,
    plan: Plan,
    mask: xr.DataArray | None,
    threads: int,
) -> ZonalSums:
    labels = _check_grid(values, coverage)
    total, weight, area, cells = np.zeros((4, len(labels), len(coverage.zone_ids)))
    for steps, block in _blocks(values):
        if mask is not None:
            seen = np.asarray(mask[steps].data).reshape(block.shape)
            block = np.where(seen, block, np.float32(np.nan))
        sums = weighted_sums(plan, block, threads=threads)
        total[steps], weight[steps] = sums.value, sums.weight
        area[steps], cells[steps] = sums.area_km2, sums.cells
    return ZonalSums(
        coverage.zone_ids,
        labels,
        total,
        weight,
        area,
        cells,
        coverage.zone_area_km2,
        coverage.touched_cells,
    )


def _blocks(array: xr.DataArray) -> Iterator[tuple[slice, NDArray[Any]]]:
    """Slices of steps with their values, dims (step, cell), each of a bounded size."""
    if array.ndim == 2:
        yield slice(0, 1), np.asarray(array.data).reshape(1, -1)
        return
    steps, cells = array.shape[0], array.shape[1] * array.shape[2]
    size = max(1, _BLOCK_BYTES // max(1, cells * array.dtype.itemsize))
    for start in range(0, steps, size):
        part = slice(start, min(start + size, steps))
        yield part, np.asarray(array[part].data).reshape(part.stop - start, cells)


def _plan(
    coverage: Coverage,
    mask: NDArray[np.bool_] | None,
    weight: Floats | None,
    base: Floats,
) -> Plan:
    """Weights of the coverage's cells that the mask and the weight let through."""
    keep = np.ones(len(coverage.indices), dtype=bool)
    if mask is not None:
        keep &= mask[coverage.indices]
    entry_weight = base
    if weight is not None:
        entry_weight = base * weight[coverage.indices]
        keep &= ~np.isnan(entry_weight)
    return make_plan(
        np.append(0, np.cumsum(keep))[coverage.indptr],
        coverage.indices[keep],
        coverage.areas_km2[keep],
        coverage.fractions[keep],
        cells=coverage.shape[0] * coverage.shape[1],
        weights=entry_weight[keep],
    )


def _split_mask(
    mask: xr.DataArray | None, values: xr.DataArray, coverage: Coverage
) -> tuple[NDArray[np.bool_] | None, xr.DataArray | None]:
    """The mask as one that holds for all steps, or as one that moves with them."""
    if mask is None:
        return None, None
    _check_grid(mask, coverage)
    if mask.dtype != np.bool_:
        raise InvalidInputError(f"a mask is boolean, not {mask.dtype}")
    if mask.ndim == 2:
        return np.asarray(mask.data).ravel(), None
    if mask.shape != values.shape:
        raise InvalidInputError(f"mask has shape {mask.shape}, the values {values.shape}")
    return None, mask


def _checked_weight(weight: xr.DataArray | None, coverage: Coverage) -> Floats | None:
    if weight is None:
        return None
    _check_grid(weight, coverage)
    if weight.ndim != 2:
        raise InvalidInputError("a weight has dims (y, x)")
    array = np.asarray(weight.data, dtype=np.float64).ravel()
    if np.any(array < 0) or np.any(np.isinf(array)):
        raise InvalidInputError("a weight is negative or infinite")
    return array


def _check_grid(array: xr.DataArray, coverage: Coverage) -> NDArray[Any]:
    """Refuse an array on another grid; return the labels of its steps."""
    if array.ndim not in {2, 3} or array.shape[-2:] != coverage.shape:
        expected = f"(step, {coverage.shape[0]}, {coverage.shape[1]})"
        raise InvalidInputError(f"array has shape {array.shape}, expected {expected}")
    _, dx, _, dy = coverage.transform
    # A flipped or shifted array has the right shape and the wrong countries.
    _check_centres(array, array.dims[-2], coverage.latitudes, abs(dy))
    _check_centres(array, array.dims[-1], coverage.longitudes, dx)
    if array.ndim == 2:
        return np.zeros(1, dtype=np.int64)
    step = array.dims[0]
    return np.asarray(array[step].data) if step in array.coords else np.arange(len(array))


def _check_centres(array: xr.DataArray, dim: Hashable, expected: Floats, step: float) -> None:
    if dim not in array.coords:
        return
    off = np.max(np.abs(np.asarray(array[dim].data, np.float64) - expected), initial=0.0)
    if not off <= 0.01 * step:
        raise InvalidInputError(
            f"{dim} of the array is off the coverage's grid by up to {off:g} degrees"
        )


def _or_one(number: Floats) -> Floats:
    return np.where(number > 0, number, 1.0)
