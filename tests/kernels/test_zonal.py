from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from earthcommons.errors import InvalidInputError
from earthcommons.kernels.zonal import class_sums, make_plan, weighted_sums


def random_case(seed: int, dtype: Any) -> tuple[NDArray[Any], ...]:
    rng = np.random.default_rng(seed)
    cells, zones = int(rng.integers(1, 100_000)), int(rng.integers(0, 6))
    members = [
        np.flatnonzero(np.repeat(rng.random(cells // 20 + 1) < 0.4, 20)[:cells])
        for _ in range(zones)
    ]
    indptr = np.concatenate([[0], np.cumsum([len(m) for m in members])]).astype(np.int64)
    indices = np.concatenate([np.zeros(0, np.int64), *members]).astype(np.int64)
    fractions = np.where(rng.random(len(indices)) < 0.8, 1.0, rng.random(len(indices)))
    values = rng.normal(10, 5, (3, cells)).astype(dtype)
    values[rng.random(values.shape) < 0.1] = np.nan
    return indptr, indices, fractions, values


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([np.float32, np.float64]), st.integers(1, 3))
def test_sums_equal_the_plain_loop_whatever_the_layout(
    seed: int, dtype: Any, threads: int
) -> None:
    indptr, indices, fractions, values = random_case(seed, dtype)
    areas = fractions * 7.5
    weights = fractions * np.random.default_rng(seed).choice([2.0, 3.0], len(indices))
    plan = make_plan(indptr, indices, areas, fractions, cells=values.shape[1], weights=weights)
    sums = weighted_sums(plan, values, threads=threads)
    for z in range(len(indptr) - 1):
        part = slice(indptr[z], indptr[z + 1])
        v = values[:, indices[part]].astype(np.float64)
        seen = ~np.isnan(v)
        expected = (weights[part] * np.where(seen, v, 0)).sum(axis=1)
        scale = (weights[part] * np.where(seen, abs(v), 0)).sum(axis=1) + 1e-300
        assert np.all(np.abs(sums.value[:, z] - expected) <= 1e-13 * scale)
        np.testing.assert_allclose(sums.weight[:, z], seen @ weights[part], rtol=1e-12)
        np.testing.assert_allclose(sums.area_km2[:, z], seen @ areas[part], rtol=1e-12)
        np.testing.assert_allclose(sums.cells[:, z], seen @ fractions[part], rtol=1e-12)


def test_two_zones_of_a_small_grid_add_up_by_hand() -> None:
    plan = make_plan(
        np.array([0, 2, 4]),
        np.array([0, 1, 1, 2]),
        np.array([10.0, 5.0, 5.0, 10.0]),
        np.array([1.0, 0.5, 0.5, 1.0]),
        cells=3,
    )
    sums = weighted_sums(plan, np.array([[1, 2, 3], [1, np.nan, 3]]))
    np.testing.assert_array_equal(sums.value, [[20, 40], [10, 30]])
    np.testing.assert_array_equal(sums.weight, [[15, 15], [10, 10]])
    np.testing.assert_array_equal(sums.cells, [[1.5, 1.5], [1, 1]])


def test_classes_are_summed_apart_and_nodata_comes_last() -> None:
    areas = class_sums(
        np.array([0, 3, 4]),
        np.array([0, 1, 2, 3]),
        np.array([1.0, 2.0, 4.0, 8.0]),
        np.array([[7, 3, 255, 3]], dtype=np.uint8),
        np.array([7, 3, 9]),
        nodata=255,
    )
    np.testing.assert_array_equal(areas, [[[1, 2, 0, 4], [0, 8, 0, 0]]])


def test_class_that_is_not_listed_is_refused_by_name() -> None:
    args = (np.array([0, 2]), np.array([0, 1]), np.array([1.0, 1.0]))
    with pytest.raises(InvalidInputError, match="class 5 ") as refusal:
        class_sums(*args, np.array([[1, 1], [1, 5]]), np.array([1]))
    assert refusal.value.code == "class-not-listed"
    # Outside every zone a stray class is nobody's business.
    one = class_sums(
        np.array([0, 1]), args[1][:1], args[2][:1], np.array([[1, 5]]), np.array([1])
    )
    np.testing.assert_array_equal(one, [[[1, 0]]])


def test_arrays_that_do_not_fit_are_refused() -> None:
    ones = np.ones(2)
    with pytest.raises(InvalidInputError, match="outside the grid"):
        make_plan(np.array([0, 2]), np.array([0, 3]), ones, ones, cells=3)
    with pytest.raises(InvalidInputError, match="indptr"):
        make_plan(np.array([0, 1]), np.array([0, 1]), ones, ones, cells=3)
    plan = make_plan(np.array([0, 2]), np.array([0, 1]), ones, ones, cells=3)
    with pytest.raises(InvalidInputError, match="expected"):
        weighted_sums(plan, np.ones((1, 4)))
    with pytest.raises(InvalidInputError, match="integers"):
        class_sums(np.array([0, 1]), np.array([0]), ones[:1], np.ones((1, 1)), np.array([1]))
    with pytest.raises(InvalidInputError, match="differ"):
        class_sums(
            np.array([0, 1]), np.array([0]), ones[:1], np.array([[1]]), np.array([1]), nodata=1
        )
