"""What exists: one transactional index of all records, found by text, place, time and kind.

Objects are the truth; this floor indexes them and can be rebuilt from them. It compiles the
policy's answer into every read. It leaves bytes to the store and meaning to the floors above.
"""

from earthcommons.catalog.catalog import Catalog
from earthcommons.catalog.queries import ItemQuery, ObservationQuery, Page, RecordQuery
from earthcommons.catalog.rebuild import rebuild

__all__ = ["Catalog", "ItemQuery", "ObservationQuery", "Page", "RecordQuery", "rebuild"]
