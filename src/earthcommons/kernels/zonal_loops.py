"""The inner loops of `kernels.zonal`, compiled."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from earthcommons.kernels.compiling import compiled

__all__ = ["sum_classes", "sum_steps"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@compiled(reorder=True)
def sum_steps(
    values: NDArray[Any],
    block_ptr: Ints,
    piece_zone: Ints,
    run_ptr: Ints,
    run_start: Ints,
    run_stop: Ints,
    run_weights: Floats,
    single_ptr: Ints,
    single_index: NDArray[np.uint64],
    single_weights: Floats,
    out: Floats,
) -> None:
    """Add to `out`, dims (step, zone, 4), the sums of a `Plan`'s pieces over each step."""
    for b in range(len(block_ptr) - 1):
        for t in range(values.shape[0]):
            x = values[t]
            for p in range(block_ptr[b], block_ptr[b + 1]):
                total = weight = area = cells = 0.0
                for r in range(run_ptr[p], run_ptr[p + 1]):
                    # A slice, so that its index starts at zero and needs no test for negatives.
                    run = x[run_start[r] : run_stop[r]]
                    part = 0.0
                    count = 0
                    # Counting in integers is what lets the compiler use vector units here.
                    for c in range(len(run)):
                        v = run[c]
                        valid = v == v
                        part += np.float64(v) if valid else 0.0
                        count += valid
                    total += run_weights[r, 0] * part
                    weight += run_weights[r, 0] * count
                    area += run_weights[r, 1] * count
                    cells += run_weights[r, 2] * count
                index = single_index[single_ptr[p] : single_ptr[p + 1]]
                u = single_weights[0, single_ptr[p] : single_ptr[p + 1]]
                w = single_weights[1, single_ptr[p] : single_ptr[p + 1]]
                f = single_weights[2, single_ptr[p] : single_ptr[p + 1]]
                for q in range(len(index)):
                    v = x[index[q]]
                    valid = v == v
                    total += u[q] * np.float64(v) if valid else 0.0
                    weight += u[q] if valid else 0.0
                    area += w[q] if valid else 0.0
                    cells += f[q] if valid else 0.0
                z = piece_zone[p]
                out[t, z, 0] += total
                out[t, z, 1] += weight
                out[t, z, 2] += area
                out[t, z, 3] += cells


@compiled()
def sum_classes(
    classes: NDArray[Any],
    indptr: Ints,
    indices: Ints,
    weights: Floats,
    codes: Ints,
    columns: Ints,
    out: Floats,
    stray: Ints,
) -> None:
    """Add to `out`, dims (step, zone, class), the weights of each class; note unknown codes."""
    for t in range(classes.shape[0]):
        for z in range(len(indptr) - 1):
            last = np.int64(0)
            column = np.int64(-1)
            for q in range(indptr[z], indptr[z + 1]):
                value = np.int64(classes[t, indices[q]])
                # Neighbours are mostly of one class: look it up only when it changes.
                if column < 0 or value != last:
                    place = np.searchsorted(codes, value)
                    if place == len(codes) or codes[place] != value:
                        stray[t] = indices[q]
                        break
                    last = value
                    column = columns[place]
                out[t, z, column] += weights[q]
