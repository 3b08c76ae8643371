"""Tables and vectors of an item, whole: they are small beside the rasters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from earthcommons.cube.assets import asset_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from shapely.geometry.base import BaseGeometry

    from earthcommons.store import ObjectStore

__all__ = ["Features", "read_features", "read_table"]


@dataclass(frozen=True)
class Features:
    """Features of a vector item, and the members its collection carried beside them."""

    properties: tuple[dict[str, Any], ...]
    geometries: tuple[BaseGeometry, ...]
    members: dict[str, Any]


def read_table(item: Mapping[str, Any], store: ObjectStore) -> pd.DataFrame:
    """Return a table's rows in their stored order; absent cells are None, NaN or NaT.

    Units of the columns stand in the item's `table:columns`.

    Raises:
        NotFoundError: the item has no data.
    """
    import pandas as pd

    frame: pd.DataFrame = pd.read_parquet(store.path(asset_key(item)))
    return frame


def read_features(item: Mapping[str, Any], store: ObjectStore) -> Features:
    """Return the features of a vector item in their stored order.

    Raises:
        NotFoundError: the item has no data.
    """
    import pyarrow.parquet as pq
    import shapely

    table = pq.read_table(store.path(asset_key(item)))
    members = orjson.loads((table.schema.metadata or {}).get(b"members", b"{}"))
    properties = tuple(orjson.loads(text) for text in table.column("properties").to_pylist())
    geometries = tuple(shapely.from_wkb(table.column("geometry").to_pylist()))
    return Features(properties, geometries, members)
