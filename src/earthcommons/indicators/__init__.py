"""Declared measures: each a plain function and a declaration that every page and command reads.

Knows inputs, units, regions and methods; leaves storing runs and telling stories to the floors
above. To add one, write its module, its test and its page, and name it here.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from earthcommons.errors import NotFoundError

if TYPE_CHECKING:
    from earthcommons.model.indicator import Indicator

__all__ = ["INDICATOR_KEYS", "all_indicators", "find_indicator"]

# Key -> module and name; modules are imported when asked for, so that the command line starts fast.
_WHERE = {
    "tree-cover": ("tree_cover", "TREE_COVER"),
    "green-cover-by-elevation": ("green_cover", "GREEN_COVER"),
    "land-use": ("land_use", "LAND_USE"),
    "warming": ("warming", "WARMING"),
    "night-lights": ("night_lights", "NIGHT_LIGHTS"),
    "land-cover-share": ("land_cover_share", "LAND_COVER_SHARE"),
    "sst-anomaly": ("sst_anomaly", "SST_ANOMALY"),
    "sea-ice-extent": ("sea_ice", "SEA_ICE_EXTENT"),
    "lake-ice-duration": ("lake_ice", "LAKE_ICE_DURATION"),
    "stream-nitrate": ("stream_nitrate", "STREAM_NITRATE"),
    "trout-abundance": ("trout", "TROUT_ABUNDANCE"),
}
INDICATOR_KEYS = tuple(_WHERE)


def find_indicator(key: str) -> Indicator:
    """Return the declaration of an indicator.

    Raises:
        NotFoundError: there is no such indicator.
    """
    if key not in _WHERE:
        known = ", ".join(INDICATOR_KEYS)
        raise NotFoundError(f"there is no indicator {key[:60]!r}; there are {known}")
    module, name = _WHERE[key]
    found: Indicator = getattr(import_module(f"{__name__}.{module}"), name)
    return found


def all_indicators() -> tuple[Indicator, ...]:
    """Return every declaration, in the order they are presented."""
    return tuple(find_indicator(key) for key in INDICATOR_KEYS)
