"""What an indicator's function is handed: its inputs, its regions, the zones over its grids."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from earthcommons.cube import asset_key, grid_of, input_ref, open_array, read_table
from earthcommons.errors import GoneError, InvalidInputError, NotFoundError
from earthcommons.model.observation import Interval, Observation
from earthcommons.zones.coverage import Coverage, coverage, coverage_key
from earthcommons.zones.region_sets import load_region_set

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pandas as pd
    import xarray as xr

    from earthcommons.catalog import Catalog
    from earthcommons.model.evidence import InputRef
    from earthcommons.model.indicator import Indicator, Need
    from earthcommons.model.observation import Status
    from earthcommons.model.party import Party
    from earthcommons.model.period import Period
    from earthcommons.model.region import RegionSet
    from earthcommons.store import ObjectStore

__all__ = ["Cells", "Figure", "Workbench"]


@dataclass(frozen=True, slots=True)
class Figure:
    """One value as a method gives it: an observation that does not know its run yet."""

    region: str
    period: Period
    unit: str
    status: Status
    value: float | None = None
    dimensions: Mapping[str, str] = field(default_factory=dict)
    interval: Interval | None = None
    interval_reason: str = ""
    valid_share: float | None = None
    cells: float | None = None
    baseline: str = ""
    reason: str = ""

    def observed(self, indicator: str, run: str) -> Observation:
        """Return the observation of a run."""
        return Observation(
            indicator=indicator,
            run=run,
            region=self.region,
            period=self.period,
            unit=self.unit,
            status=self.status,
            value=None if self.value is None else float(self.value),
            dimensions=self.dimensions,
            interval=self.interval,
            interval_reason=self.interval_reason,
            valid_share=None if self.valid_share is None else float(self.valid_share),
            cells=None if self.cells is None else float(self.cells),
            baseline=self.baseline,
            reason=self.reason,
        )


@dataclass(frozen=True, slots=True)
class Cells:
    """The cells or rows one value rests on, and the last step from them to the value.

    Attributes:
        tables: table name -> rows; `value` and `weight` (coverage fraction × true area [km2])
            are the columns the formula reads, others (lat, lon, date) say which cell it is.
        formula: nested list for `kernels.formula.evaluate`.
        explanation: the formula in words, by language.
    """

    tables: Mapping[str, Sequence[Mapping[str, Any]]]
    formula: Any
    explanation: Mapping[str, str]


class Workbench:
    """Inputs and regions of one indicator on one node, opened when asked for."""

    def __init__(
        self,
        indicator: Indicator,
        catalog: Catalog,
        store: ObjectStore,
        *,
        party: Party | None = None,
        cache: Path | None = None,
    ) -> None:
        self.indicator = indicator
        self._catalog = catalog
        self._store = store
        self._party = party
        self._cache = cache
        self._items: dict[str, dict[str, Any]] = {}
        self._coverages: dict[str, Coverage] = {}

    @cached_property
    def regions(self) -> RegionSet:
        """The region set the indicator is computed for."""
        return load_region_set(
            self.indicator.region_set, self._catalog, self._store, self._party
        )

    @property
    def region_set_digest(self) -> str:
        """Digest of the region set's bytes, without reading its geometries."""
        body = self._catalog.get("region-set", self.indicator.region_set, self._party)
        return str(body["sha256"])

    @cached_property
    def inputs(self) -> tuple[InputRef, ...]:
        """Every asset the method reads, by digest.

        Raises:
            NotFoundError: an input is not on this node; the message names it.
        """
        names = sorted({name for need in self.indicator.needs for name in need.items})
        return tuple(input_ref(self.item(name)) for name in names)

    def item(self, name: str) -> dict[str, Any]:
        """Return the STAC item called `collection/item`.

        Raises:
            NotFoundError: not on this node.
        """
        if name not in self._items:
            try:
                self._items[name] = self._catalog.get("item", name, self._party)
            except GoneError as error:
                raise NotFoundError(
                    f"{self.indicator.key} needs the item {name}, which was withdrawn"
                    f" ({error.stub.get('reason', '')})"
                ) from error
            except NotFoundError as error:
                raise NotFoundError(
                    f"{self.indicator.key} needs the item {name}, which this node does not hold"
                ) from error
        return self._items[name]

    def array(self, need: str, item: int = 0) -> xr.DataArray:
        """Return an input as a lazy array in the unit declared, dims (…, lat, lon)."""
        wanted = self._need(need)
        unit = "" if wanted.unit == "class" else wanted.unit
        return open_array(
            self.item(wanted.items[item]), self._store, variable=wanted.variable, unit=unit
        )

    def table(self, need: str, item: int = 0) -> pd.DataFrame:
        """Return an input table whole, in its stored order."""
        return read_table(self.item(self._need(need).items[item]), self._store)

    def path(self, need: str, item: int = 0) -> Path:
        """Return where an input's stored object lies, for the independent second route."""
        return self._store.path(asset_key(self.item(self._need(need).items[item])))

    def source_path(self, need: str, item: int = 0) -> Path:
        """Return where the file as it was received lies, for the independent second route."""
        body = self.item(self._need(need).items[item])
        return self._store.path(asset_key(body, "source"))

    def coverage(self, array: xr.DataArray, only: Sequence[str] | None = None) -> Coverage:
        """Return which share of which cell of the array's grid lies in which region.

        Measured once for a grid and a region set, then kept.

        Args:
            array: any array on the grid.
            only: region ids, when not all regions that have an area.
        """
        grid = grid_of(array)
        key = coverage_key(self.regions.digest + ",".join(only or ()), grid)
        if key not in self._coverages:
            self._coverages[key] = self._kept(key) or self._measured(key, grid, only)
        return self._coverages[key]

    def groups(self) -> dict[str, tuple[str, ...]]:
        """Return the members of every group of the region set."""
        return {group.id: group.members for group in self.regions.groups()}

    def _need(self, name: str) -> Need:
        for need in self.indicator.needs:
            if need.name == name:
                return need
        raise InvalidInputError(f"{self.indicator.key} declares no input {name!r}")

    def _kept(self, key: str) -> Coverage | None:
        if self._cache is None or not (self._cache / key).exists():
            return None
        try:
            return Coverage.from_bytes((self._cache / key).read_bytes())
        except InvalidInputError:
            # A cache is never the truth: a damaged one is measured again.
            return None

    def _measured(self, key: str, grid: Any, only: Sequence[str] | None) -> Coverage:
        regions = [
            (region.id, region.geometry)
            for region in self.regions.with_geometry()
            if region.geometry is not None
            and region.geometry.geom_type in ("Polygon", "MultiPolygon")
            and (only is None or region.id in only)
        ]
        found = coverage(regions, grid)
        if self._cache is not None:
            self._cache.mkdir(parents=True, exist_ok=True)
            staged = self._cache / f"{key}.part"
            staged.write_bytes(found.to_bytes())
            staged.replace(self._cache / key)
        return found
