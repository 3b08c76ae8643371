"""Fixtures every floor's tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def sources() -> Path:
    """The folder of original files, where the environment names one."""
    folder = os.environ.get("EARTHCOMMONS_SOURCES")
    if not folder:
        pytest.skip("EARTHCOMMONS_SOURCES is not set: tests on the original files are left out")
    return Path(folder)
