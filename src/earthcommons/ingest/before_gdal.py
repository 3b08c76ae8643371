"""What must stand before a fork server imports rasterio; imported by the preludes alone, first."""

from __future__ import annotations

import os
import sys
from typing import Any, cast

from earthcommons.ingest.environment import READERS_ENVIRONMENT

# What stands in the place of a package that is not to be found.
_ABSENT = cast("Any", None)

# GDAL asks for its settings when it registers its drivers.
os.environ.update(READERS_ENVIRONMENT)
# A reader opens no cloud: where boto3 is installed, rasterio would take half a second for it.
sys.modules.setdefault("boto3", _ABSENT)
# The table of units asks for dask only to tell its arrays; no reader gives it any.
sys.modules.setdefault("dask", _ABSENT)
