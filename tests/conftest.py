"""What every floor's tests share: tests on the original files, their order, quick passwords."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from argon2 import PasswordHasher

from earthcommons.trust import secrets

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCES = Path(os.environ.get("EARTHCOMMONS_SOURCES") or "unset")
JOURNEYS = Path(__file__).parent / "journeys"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the journeys first: side by side, one process gets them all.

    They share one node that takes half a minute to build. The other process begins further down
    and takes over what is left of them when the node has long been there.
    """
    items.sort(key=lambda item: JOURNEYS not in item.path.parents)


def pytest_collection_finish() -> None:
    """Let what is loaded by now be looked through for garbage no more: it took 8 % of the run."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Hash passwords with the same function at its least cost: hundreds are hashed here.

    What a password costs to guess is looked at in `tests/trust`, at its real cost.
    """
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(secrets, "_hasher", lambda: quick)
        # The digest of nobody's password is made once, at the cost of that moment.
        secrets._nobody.cache_clear()
        yield
    secrets._nobody.cache_clear()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out tests marked `sources` where the original files are not at hand.

    Skipped here, at one place, so that they are counted in one line.
    """
    if item.get_closest_marker("sources") and not SOURCES.is_dir():
        pytest.skip(
            "EARTHCOMMONS_SOURCES names no folder: tests on the original files left out"
        )
