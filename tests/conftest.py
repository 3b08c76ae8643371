"""What every floor's tests share: the mark of tests on the original files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

SOURCES = Path(os.environ.get("EARTHCOMMONS_SOURCES") or "unset")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out tests marked `sources` where the original files are not at hand.

    Skipped here, at one place, so that they are counted in one line.
    """
    if item.get_closest_marker("sources") and not SOURCES.is_dir():
        pytest.skip(
            "EARTHCOMMONS_SOURCES names no folder: tests on the original files left out"
        )
