"""What was done to make it: runs and their observations, written through a transaction handed in.

Knows how a run's observations become one GeoParquet object; leaves computing to the floors above.
"""

from earthcommons.runs.ledger import publish_run, read_observations

__all__ = ["publish_run", "read_observations"]
