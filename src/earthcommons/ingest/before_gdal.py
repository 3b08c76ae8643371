"""What must stand before a fork server imports rasterio; imported by the preludes alone, first."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from earthcommons.ingest.environment import READERS_ENVIRONMENT

if TYPE_CHECKING:
    from collections.abc import Iterator

_ABSENT = cast("Any", None)


@contextmanager
def _as_if_absent(name: str) -> Iterator[None]:
    """Let what is imported within the block not find this package."""
    before = sys.modules.get(name)
    sys.modules[name] = _ABSENT
    try:
        yield
    finally:
        del sys.modules[name]
        if before is not None:
            sys.modules[name] = before


# GDAL asks for its settings when it registers its drivers.
os.environ.update(READERS_ENVIRONMENT)
# A reader opens no cloud: where boto3 is installed, rasterio would take half a second for it.
sys.modules.setdefault("boto3", _ABSENT)
# The table of units asks for dask only to tell its arrays; no reader gives it any.
with _as_if_absent("dask"):
    import pint

__all__ = ["pint"]
