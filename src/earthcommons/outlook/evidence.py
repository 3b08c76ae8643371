"""Published observations, found the way a sentence refers to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from earthcommons.catalog import ObservationQuery
from earthcommons.errors import NotFoundError
from earthcommons.model.observation import Observation
from earthcommons.zones.region_sets import load_region_set

if TYPE_CHECKING:
    from earthcommons.catalog import Catalog
    from earthcommons.model.region import Region
    from earthcommons.store import ObjectStore

__all__ = ["Evidence"]

_SETS = ("ec:countries-un", "ec:places")


class Evidence:
    """What a report may rest on: the published series of a node."""

    def __init__(self, catalog: Catalog, store: ObjectStore) -> None:
        self._catalog = catalog
        self._store = store

    def get(self, observation_id: str) -> Observation:
        """Return an observation by id, also one of a run that is no longer current.

        Raises:
            NotFoundError: there is none.
        """
        return Observation.from_json(self._catalog.observation(observation_id))

    def find(
        self, indicator: str, region: str, period: str = "", **dimensions: str
    ) -> Observation | None:
        """Return the published observation, or None where the series has none.

        Args:
            indicator: key of the indicator.
            region: region id.
            period: as the observation writes it; empty takes the only one.
            dimensions: dimensions that tell the figure apart; `_` for `-` in names only.
        """
        found = self.series(indicator, region, period, **dimensions)
        return found[0] if len(found) == 1 else None

    def series(
        self, indicator: str, region: str, period: str = "", **dimensions: str
    ) -> list[Observation]:
        """Return published observations in order of period; at most 1,000."""
        query = ObservationQuery(
            indicator=indicator, region=region, period=period, dimensions=dimensions, limit=1000
        )
        return [
            Observation.from_json(orjson.loads(body))
            for body in self._catalog.observations(query).bodies
        ]

    def today(self, stored: Observation) -> Observation | None:
        """Return what the published series says today where `stored` stood."""
        return self.find(
            stored.indicator, stored.region, str(stored.period), **dict(stored.dimensions)
        )

    def region(self, name: str) -> Region:
        """Return a region by any of its names.

        Raises:
            NotFoundError: no region set has it.
        """
        for set_id in _SETS:
            try:
                return load_region_set(set_id, self._catalog, self._store, geometry=False).find(
                    name
                )
            except NotFoundError:
                continue
        raise NotFoundError(f"there is no region {name[:40]!r}")

    def alerts(self) -> list[dict[str, object]]:
        """Return the alerts that stand or stood, oldest first."""
        found = [a for a in self._catalog.all("alert") if a.get("state") != "withdrawn"]
        return sorted(found, key=lambda alert: (alert["start"], alert["id"]))
