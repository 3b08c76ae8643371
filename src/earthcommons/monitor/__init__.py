"""What changed, and whether it matters: watches over published series, and the alerts they raise.

Knows detectors, how often each of them would call out on noise alone, and which watch reads which
observations. Leaves to others where observations come from and where alerts are kept.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from earthcommons.monitor.running import Outcome, WatchRule, run_watch
    from earthcommons.monitor.series import Series
    from earthcommons.monitor.watches import WATCHES, find_watch
    from earthcommons.monitor.words import CERTAINTIES, KINDS, SEVERITIES

__all__ = [
    "CERTAINTIES",
    "KINDS",
    "SEVERITIES",
    "WATCHES",
    "Outcome",
    "Series",
    "WatchRule",
    "find_watch",
    "run_watch",
]

# Imported when asked for: the detectors bring NumPy, the words do not need it.
_WHERE = {
    **dict.fromkeys(("CERTAINTIES", "KINDS", "SEVERITIES"), "words"),
    **dict.fromkeys(("Outcome", "WatchRule", "run_watch"), "running"),
    **dict.fromkeys(("WATCHES", "find_watch"), "watches"),
    "Series": "series",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"{__name__} has no {name}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
