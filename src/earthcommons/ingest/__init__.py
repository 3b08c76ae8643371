"""Data in: one door for foreign bytes, and the publish order from a file to a visible item.

Knows formats and what must be true of a file; leaves meaning (which indicator, which region) to
the floors above. Foreign bytes are opened only in a child process with limits; see `jail`.
"""

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
