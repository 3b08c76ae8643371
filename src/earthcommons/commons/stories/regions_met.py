"""Which regions of this node an item's footprint meets, so that data are found by region.

The footprint is meant, not the pixels with values in it: a scene over a border meets both sides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import shapely
from shapely.geometry import shape

from earthcommons.errors import AccessDeniedError, NotFoundError
from earthcommons.model.party import PUBLIC
from earthcommons.zones.region_sets import WORLD, load_region_set

if TYPE_CHECKING:
    from collections.abc import Callable

    from earthcommons.commons.node import Node

__all__ = ["MOST", "regions_met"]

# Of what meets more, a list of names would tell nothing.
MOST = 40
# Shapes by the digest of the object they are read from.
_KNOWN: dict[str, tuple[list[str], shapely.STRtree]] = {}
_MOST_KNOWN = 8


def regions_met(node: Node) -> Callable[[dict[str, Any] | None], list[str]]:
    """Return a function from a footprint (GeoJSON, degrees) to the ids of the regions it meets.

    Only region sets that everybody may find are asked, and their regions with a shape of their
    own: an item that everybody finds must not name what only some may know. A footprint that
    meets all regions of a set meets `WORLD`; of one that meets over 40, none are named.
    """

    def met(footprint: dict[str, Any] | None) -> list[str]:
        if footprint is None:
            return []
        place, found = shape(footprint), set[str]()
        for body in node.catalog.all("region-set", PUBLIC):
            try:
                ids, tree = _shapes(node, body)
            except (NotFoundError, AccessDeniedError):
                # Known by name only: withdrawn, or come over with a package beside a run.
                continue
            here = tree.query(place, predicate="intersects")
            if len(here) == len(ids) > MOST:
                return [WORLD]
            found.update(ids[n] for n in here)
        return sorted(found) if len(found) <= MOST else []

    return met


def _shapes(node: Node, body: dict[str, Any]) -> tuple[list[str], shapely.STRtree]:
    digest = body["sha256"]
    if digest not in _KNOWN:
        regions = load_region_set(body["id"], node.catalog, node.store, PUBLIC).regions.values()
        shaped = [(r.id, r.geometry) for r in regions if r.geometry is not None]
        if len(_KNOWN) >= _MOST_KNOWN:
            _KNOWN.clear()
        _KNOWN[digest] = [i for i, _ in shaped], shapely.STRtree([g for _, g in shaped])
    return _KNOWN[digest]
