from typing import Any

import numba
import pytest

from earthcommons.kernels.compiling import compiled


def twice(x: float) -> float:
    return 2 * x


def test_kernel_still_compiles_where_no_cache_can_be_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    njit = numba.njit

    def unwritable(*, cache: bool, **options: Any) -> Any:
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        return njit(cache=False, **options)

    with monkeypatch.context() as patch:
        patch.setattr(numba, "njit", unwritable)
        kernel = compiled()(twice)
    assert kernel(21.0) == 42.0
