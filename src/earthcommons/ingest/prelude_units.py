"""What the fork server does for GeoTIFF whose declared units are not plain: it reads the table.

All else is `prelude_raster`. Imported by `prelude` alone.
"""

from __future__ import annotations

import sys

from earthcommons.ingest import prelude_raster
from earthcommons.model.unit import read_unit_table

__all__ = ["prelude_raster"]

read_unit_table()
# Only that table was not to find it (`before_gdal`).
del sys.modules["dask"]
prelude_raster.hold_still()
