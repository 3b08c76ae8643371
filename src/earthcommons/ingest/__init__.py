"""Data in: one door for foreign bytes, and the publish order from a file to a visible item.

Knows formats and what must be true of a file; leaves meaning (which indicator, which region) to
the floors above. Foreign bytes are opened only in a child process with limits; see `jail`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from earthcommons.ingest.door import Admission, admit, look, sniff
    from earthcommons.ingest.publish import Outcome, Pending, Wish, ingest
    from earthcommons.ingest.sources import Bundle, check_source

__all__ = [
    "Admission",
    "Bundle",
    "Outcome",
    "Pending",
    "Wish",
    "admit",
    "check_source",
    "ingest",
    "look",
    "sniff",
]

# Imported when asked for: the server of readers needs a reader, not what publishes.
_WHERE = {
    **dict.fromkeys(("Admission", "admit", "look", "sniff"), "door"),
    **dict.fromkeys(("Outcome", "Pending", "Wish", "ingest"), "publish"),
    **dict.fromkeys(("Bundle", "check_source"), "sources"),
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"{__name__} has no {name}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
