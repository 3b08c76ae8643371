"""How many trials: a sample drawn by a fixed seed, or all with EARTHCOMMONS_TRIALS=all."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["every", "some"]

Choice = TypeVar("Choice")
_SEED = 20261122


def every() -> bool:
    """Return whether all trials are asked for."""
    return os.environ.get("EARTHCOMMONS_TRIALS") == "all"


def some(choices: Sequence[Choice], count: int) -> list[Choice]:
    """Return `count` of the choices in their order, the same each time; all when asked for."""
    if every() or count >= len(choices):
        return list(choices)
    chance = random.Random(_SEED)  # noqa: S311 - a fixed choice of trials
    return [choices[n] for n in sorted(chance.sample(range(len(choices)), count))]
