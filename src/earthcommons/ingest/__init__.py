"""Data in: one door for foreign bytes, and the publish order from a file to a visible item.

Knows formats and what must be true of a file; leaves meaning (which indicator, which region) to
the floors above. Foreign bytes are opened only in a child process with limits; see `jail`.
"""

from earthcommons.ingest.door import Admission, admit, sniff
from earthcommons.ingest.publish import Outcome, ingest

__all__ = ["Admission", "Outcome", "admit", "ingest", "sniff"]
