"""One way to compile a kernel: without the interpreter lock, kept on disk where it can be."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast

import numba

__all__ = ["compiled"]

P = ParamSpec("P")
R = TypeVar("R")

# Sums may be reordered for SIMD, but NaN keeps its meaning: it is how a gap is written.
_REORDER = {"reassoc", "contract", "nsz"}


def compiled(*, reorder: bool = False) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorator compiling a function on first call, without the interpreter lock.

    Args:
        reorder: let sums be taken in another order, which lets them run on vector units; a
            result then differs from the plain loop's in the last digits only.
    """
    options = {"nogil": True, "fastmath": _REORDER if reorder else False}

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        try:
            built = numba.njit(cache=True, **options)(function)
        except RuntimeError:
            # Neither the package nor the user's cache directory can be written.
            built = numba.njit(cache=False, **options)(function)
        return cast("Callable[P, R]", built)

    return decorate
