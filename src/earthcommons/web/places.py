"""Regions for the doors: found by any of their names, drawn from simplified outlines."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import orjson

from earthcommons.cube import read_features
from earthcommons.errors import NotFoundError
from earthcommons.model.party import OPERATOR
from earthcommons.zones.region_sets import load_region_set

if TYPE_CHECKING:
    from earthcommons.commons import Node
    from earthcommons.model.region import Region, RegionSet

__all__ = ["COUNTRIES", "PLACES", "Places"]

COUNTRIES, PLACES = "ec:countries-un", "ec:places"
_TOLERANCE_DEG = 0.05
_LINES = "regions/ec-disputed-lines"


class Places:
    """Region sets of a node, read once for each version of them."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._kept: dict[tuple[str, str, bool], Any] = {}
        self._lock = threading.Lock()

    def region_set(self, id_: str = "", *, geometry: bool = False) -> RegionSet:
        """Return a region set; the countries when none is named.

        Raises:
            NotFoundError: no such set is published.
        """
        id_ = id_ or COUNTRIES
        # Whether the asker may see it is asked each time; what it holds is read once for all.
        self._node.catalog.body("region-set", id_)
        version = self._node.catalog.version("region-set", id_)
        if version is None:
            raise NotFoundError(f"there is no region set {id_[:60]!r}")
        key = (id_, version[1], geometry)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = load_region_set(
                    id_, self._node.catalog, self._node.store, OPERATOR, geometry=geometry
                )
            found: RegionSet = self._kept[key]
        return found

    def find(self, name: str) -> Region:
        """Return a country, a group or a named place by id, M49 digits or ISO code.

        Raises:
            NotFoundError: no region set of this node has it.
        """
        for set_id in (COUNTRIES, PLACES):
            try:
                return self.region_set(set_id).find(name)
            except NotFoundError:
                continue
        raise NotFoundError(f"there is no region {name[:40]!r}")

    def outlines(self, id_: str = "") -> bytes:
        """Return GeoJSON of a set's regions, simplified for drawing.

        Raises:
            NotFoundError: no such set is published.
        """
        id_ = id_ or COUNTRIES
        regions = self.region_set(id_, geometry=True)
        key = (f"outlines {id_}", regions.digest, True)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = _outlines(regions)
            found: bytes = self._kept[key]
        return found

    def disputed_lines(self) -> bytes:
        """Return GeoJSON of the lines drawn dashed.

        Raises:
            NotFoundError: this node holds none.
        """
        features = read_features(self._node.catalog.get("item", _LINES), self._node.store)
        rows = [
            {"type": "Feature", "properties": properties, "geometry": shape.__geo_interface__}
            for properties, shape in zip(features.properties, features.geometries, strict=True)
        ]
        return orjson.dumps({"type": "FeatureCollection", "features": rows})


def _outlines(regions: RegionSet) -> bytes:
    import shapely

    rows = []
    for region in regions.with_geometry():
        # A point has nothing to simplify; a small island keeps its shape rather than vanish.
        exact = region.geometry
        if exact is None:
            continue
        simple = shapely.simplify(exact, _TOLERANCE_DEG, preserve_topology=True)
        shape = shapely.set_precision(simple, 0.001) if exact.area > 0.01 else exact
        rows.append(
            {
                "type": "Feature",
                "id": region.id,
                "properties": {
                    "id": region.id,
                    "kind": region.kind,
                    "names": dict(region.names),
                },
                "geometry": shape.__geo_interface__,
            }
        )
    return orjson.dumps({"type": "FeatureCollection", "features": rows})
