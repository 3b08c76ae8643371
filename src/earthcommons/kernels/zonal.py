"""Sums over zones: many steps of a grid against one sparse matrix of weights.

A `Plan` is that matrix, laid out for speed. Most cells of a country lie wholly inside it, so
along a grid row their weights are equal: they are kept as runs, whose values are summed by
vector units and multiplied once. The rest, mostly cells on a border, stay singles. Both are
grouped by block of cells, so that the grid is read nearly in order and the weights of a block
stay in the processor's cache for all steps. Products and sums are float64 whatever the values.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earthcommons.errors import InvalidInputError

__all__ = ["Plan", "Sums", "class_sums", "make_plan", "weighted_sums"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_SHORTEST_RUN = 8
# Cells of one block: 128 kB of float32, which a processor core keeps close.
_BLOCK = 32_768


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Sparse weights of zones over cells, as pieces: the part of one zone in one block of cells.

    Each stretch of `block_ptr` is the pieces of a block, and each stretch of `run_ptr` and
    `single_ptr` the runs and singles of a piece. The columns of `run_weights` and the rows of
    `single_weights` are the weight u of a value, the area w [km2] and the covered fraction f
    [1] of the cell.
    """

    cells: int
    zones: int
    block_ptr: Ints
    piece_zone: Ints
    run_ptr: Ints
    run_start: Ints
    run_stop: Ints
    run_weights: Floats
    single_ptr: Ints
    single_index: NDArray[np.uint64]
    single_weights: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Sums:
    """Sums over the valid cells of each zone, all dims (step, zone).

    Attributes:
        value: sum of u·v; 0 where no cell is valid.
        weight: sum of u.
        area_km2: sum of w [km2].
        cells: sum of f [1], the number of valid cells, border cells counting in part.
    """

    value: Floats
    weight: Floats
    area_km2: Floats
    cells: Floats


def make_plan(
    indptr: NDArray[Any],
    indices: NDArray[Any],
    areas_km2: Floats,
    fractions: Floats,
    *,
    cells: int,
    weights: Floats | None = None,
) -> Plan:
    """Lay out sparse weights for `weighted_sums`.

    Args:
        indptr: start of each zone's entries, dims (zone + 1), from 0 to the number of entries.
        indices: flat cell number of each entry, dims (entry).
        areas_km2: area of the cell inside the zone, dims (entry), [km2].
        fractions: share of the cell inside the zone, dims (entry), [1].
        cells: number of cells of the grid.
        weights: weight u of the value, dims (entry); `areas_km2` when None.

    Raises:
        InvalidInputError: the arrays do not fit together, or a cell number is not in the grid.
    """
    start = np.ascontiguousarray(indptr, dtype=np.int64)
    index = np.ascontiguousarray(indices, dtype=np.int64)
    columns = [areas_km2 if weights is None else weights, areas_km2, fractions]
    if any(np.shape(column) != index.shape for column in columns) or index.ndim != 1:
        raise InvalidInputError("indices, areas, fractions and weights must have one length")
    if start[0] != 0 or start[-1] != len(index) or np.any(np.diff(start) < 0):
        raise InvalidInputError("indptr must rise from 0 to the number of entries")
    if len(index) and (index.min() < 0 or index.max() >= cells):
        raise InvalidInputError(f"a cell number lies outside the grid of {cells} cells")
    zones = len(start) - 1
    table = np.stack(columns, axis=1).astype(np.float64) if len(index) else np.zeros((0, 3))
    zone = np.repeat(np.arange(zones), np.diff(start))
    block = index // _BLOCK
    order = np.lexsort((index, zone, block))
    index, table, zone, block = index[order], table[order], zone[order], block[order]
    new_piece = np.ones(len(index), dtype=bool)
    new_piece[1:] = (np.diff(zone) != 0) | (np.diff(block) != 0)
    first = np.append(np.flatnonzero(new_piece), len(index))
    begin, stop = _runs(new_piece, index, table)
    single = np.repeat(stop - begin < _SHORTEST_RUN, stop - begin)
    begin, stop = begin[stop - begin >= _SHORTEST_RUN], stop[stop - begin >= _SHORTEST_RUN]
    blocks = -(-cells // _BLOCK)
    return Plan(
        cells=cells,
        zones=zones,
        block_ptr=np.searchsorted(block[first[:-1]], np.arange(blocks + 1)).astype(np.int64),
        piece_zone=zone[first[:-1]],
        run_ptr=np.searchsorted(begin, first).astype(np.int64),
        run_start=index[begin],
        run_stop=index[begin] + (stop - begin),
        run_weights=np.ascontiguousarray(table[begin]),
        single_ptr=np.append(0, np.cumsum(single))[first].astype(np.int64),
        single_index=index[single].astype(np.uint64),
        single_weights=np.ascontiguousarray(table[single].T),
    )


def weighted_sums(plan: Plan, values: NDArray[Any], *, threads: int = 1) -> Sums:
    """Sum values over zones, step by step, leaving out cells that are NaN in that step.

    Args:
        plan: weights of the zones.
        values: dims (step, cell); NaN where missing. float32 and float64 are read as they
            are, other numbers are converted first.
        threads: steps are shared among this many threads; 0 means one per processor.

    Raises:
        InvalidInputError: `values` has other cells than the plan.
    """
    # The loops load numba: whoever only reads the catalogue does without.
    from earthcommons.kernels.zonal_loops import sum_steps

    array = np.asarray(values)
    if array.dtype not in (np.float32, np.float64):
        array = array.astype(np.float64 if array.dtype.itemsize > 2 else np.float32)
    array = np.ascontiguousarray(_checked(plan.cells, array))
    out = np.zeros((len(array), plan.zones, 4))

    def work(steps: slice) -> None:
        sum_steps(
            array[steps],
            plan.block_ptr,
            plan.piece_zone,
            plan.run_ptr,
            plan.run_start,
            plan.run_stop,
            plan.run_weights,
            plan.single_ptr,
            plan.single_index,
            plan.single_weights,
            out[steps],
        )

    _share(work, len(array), threads)
    return Sums(*np.ascontiguousarray(np.moveaxis(out, 2, 0)))


def class_sums(
    indptr: NDArray[Any],
    indices: NDArray[Any],
    weights: Floats,
    classes: NDArray[Any],
    class_values: NDArray[Any],
    *,
    nodata: int | None = None,
    threads: int = 1,
) -> Floats:
    """Sum weights by class over zones.

    Args:
        indptr: start of each zone's entries, dims (zone + 1).
        indices: flat cell number of each entry, dims (entry).
        weights: dims (entry), usually [km2].
        classes: integer class of each cell, dims (step, cell).
        class_values: the classes that may occur, all different.
        nodata: value of a cell without a class; never one of `class_values`.
        threads: steps are shared among this many threads; 0 means one per processor.

    Returns:
        Sums, dims (step, zone, class); the last class is nodata.

    Raises:
        InvalidInputError: a zone holds a class not listed, or the arrays do not fit.
    """
    # The loops load numba: whoever only reads the catalogue does without.
    from earthcommons.kernels.zonal_loops import sum_classes

    array = np.asarray(classes)
    if array.dtype.kind not in "iub":
        raise InvalidInputError(f"classes must be integers, not {array.dtype}")
    if array.dtype != np.uint8:
        array = array.astype(np.int64)
    index = np.ascontiguousarray(indices, dtype=np.int64)
    if len(index) and (index.min() < 0 or index.max() >= np.shape(array)[-1]):
        raise InvalidInputError("a cell number lies outside the classified grid")
    array = np.ascontiguousarray(_checked(np.shape(array)[-1], array))
    listed = [int(value) for value in class_values]
    if len({*listed, nodata}) != len(listed) + 1:
        raise InvalidInputError("classes must differ from each other and from nodata")
    codes = np.array(listed + ([] if nodata is None else [nodata]), dtype=np.int64)
    order = np.argsort(codes).astype(np.int64)
    start = np.ascontiguousarray(indptr, dtype=np.int64)
    out = np.zeros((len(array), len(start) - 1, len(listed) + 1))
    stray = np.full(len(array), -1, dtype=np.int64)
    weight = np.ascontiguousarray(weights, dtype=np.float64)

    def work(steps: slice) -> None:
        sum_classes(
            array[steps], start, index, weight, codes[order], order, out[steps], stray[steps]
        )

    _share(work, len(array), threads)
    if np.any(stray >= 0):
        step = int(np.argmax(stray >= 0))
        found = int(array[step, stray[step]])
        raise InvalidInputError(
            f"class {found} occurs in step {step} but is not listed",
            code="class-not-listed",
        )
    return out


def _runs(new_piece: NDArray[np.bool_], index: Ints, table: Floats) -> tuple[Ints, Ints]:
    """Entry numbers where stretches of neighbouring cells with equal weights start and stop."""
    breaks = np.append(new_piece, True)
    if len(index):
        same = (np.diff(index) == 1) & np.all(table[1:] == table[:-1], axis=1)
        breaks[1:-1] |= ~same
    edges = np.flatnonzero(breaks)
    return edges[:-1], edges[1:]


def _checked(cells: int, array: NDArray[Any]) -> NDArray[Any]:
    if array.ndim != 2 or array.shape[1] != cells:
        raise InvalidInputError(f"values have shape {array.shape}, expected (step, {cells})")
    return array


def _share(work: Callable[[slice], None], steps: int, threads: int) -> None:
    """Run `work` over slices of steps in threads, which, unlike parallel kernels, may nest."""
    count = min(threads or os.cpu_count() or 1, steps)
    if count <= 1:
        work(slice(0, steps))
        return
    edges = np.linspace(0, steps, count + 1).astype(int)
    with ThreadPoolExecutor(count) as pool:
        list(pool.map(work, [slice(a, b) for a, b in pairwise(edges)]))
