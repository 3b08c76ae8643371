"""What exists: one transactional index of all records, found by text, place, time and kind.

Objects are the truth; this floor indexes them and can be rebuilt from them. It compiles the
policy's answer into every read. It leaves bytes to the store and meaning to the floors above.
"""

from earthcommons.catalog.catalog import Catalog
from earthcommons.catalog.cql2 import parse_filter
from earthcommons.catalog.queries import ItemQuery, ObservationQuery, Page, RecordQuery, SortKey
from earthcommons.catalog.queryables import QUERYABLES, find_queryable
from earthcommons.catalog.rebuild import rebuild

__all__ = [
    "QUERYABLES",
    "Catalog",
    "ItemQuery",
    "ObservationQuery",
    "Page",
    "RecordQuery",
    "SortKey",
    "find_queryable",
    "parse_filter",
    "rebuild",
]
