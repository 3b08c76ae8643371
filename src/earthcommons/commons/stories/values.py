"""Published values of an indicator, found the way people name regions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from earthcommons.catalog import ObservationQuery
from earthcommons.indicators import find_indicator
from earthcommons.zones.region_sets import load_region_set

if TYPE_CHECKING:
    from collections.abc import Mapping

    from earthcommons.commons.node import Node
    from earthcommons.model.party import Party

__all__ = ["every_value", "find_values"]


def find_values(
    node: Node,
    key: str,
    *,
    region: str = "",
    period: str = "",
    dimensions: Mapping[str, str] | None = None,
    limit: int = 100,
    party: Party | None = None,
) -> list[dict[str, Any]]:
    """Return published observations of an indicator, in order of region, period, dimensions.

    Raises:
        NotFoundError: no such indicator, or no such region in its region set.
    """
    indicator = find_indicator(key)
    if region:
        known = load_region_set(
            indicator.region_set, node.catalog, node.store, party, geometry=False
        )
        region = known.find(region).id
    query = ObservationQuery(
        indicator=key, region=region, period=period, dimensions=dimensions or {}, limit=limit
    )
    return [orjson.loads(body) for body in node.catalog.observations(query, party).bodies]


def every_value(
    node: Node, key: str, *, region: str = "", dimensions: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """Return all published observations of an indicator, however many pages they are.

    Args:
        node: the node.
        key: the indicator.
        region: region id, or empty for all.
        dimensions: dimensions that must match.
    """
    rows: list[dict[str, Any]] = []
    token = ""
    while True:
        query = ObservationQuery(
            indicator=key, region=region, dimensions=dimensions or {}, limit=1000, token=token
        )
        page = node.catalog.observations(query)
        rows += [orjson.loads(body) for body in page.bodies]
        token = page.token
        if not token:
            return rows
