"""Data out: published assets as lazy labelled arrays and tables, in the unit asked for.

Knows items, assets and units; leaves regions and statistics to the floors above. Reads only the
node's own objects, never a name from a request.
"""

from earthcommons.cube.arrays import grid_of, open_array
from earthcommons.cube.assets import asset_key, input_ref
from earthcommons.cube.tables import Features, read_features, read_table

__all__ = [
    "Features",
    "asset_key",
    "grid_of",
    "input_ref",
    "open_array",
    "read_features",
    "read_table",
]
