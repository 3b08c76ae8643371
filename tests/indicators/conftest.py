"""A node with the pieces of the sample pack that the tests ask for, one per session."""

from __future__ import annotations

import shutil
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
import xarray as xr

from earthcommons.commons.demonstration.build import declaration_of
from earthcommons.commons.demonstration.sources import Piece, load_pieces, pack_path
from earthcommons.commons.node import make_node
from earthcommons.commons.stories.computing import compute_indicator, workbench
from earthcommons.indicators import find_indicator
from earthcommons.indicators.engine import compute
from earthcommons.ingest import ingest
from earthcommons.ingest.door import Admission
from earthcommons.ingest.footprint import footprint
from earthcommons.ingest.item import make_item
from earthcommons.model.record import Record
from earthcommons.zones.region_sets import region_set_record

if TYPE_CHECKING:
    from pathlib import Path

    from earthcommons.model.observation import Observation

_REGIONS = {"ec:countries-un": "ec-countries-un", "ec:places": "ec-places"}


class PackNode:
    """A node that takes in a piece of the pack when an indicator first needs it."""

    def __init__(self, root: Path) -> None:
        self.node = make_node(root)
        self._pieces = {piece.id: piece for piece in load_pieces()}
        self._there: set[str] = set()
        self._computed: dict[str, tuple[Observation, ...]] = {}

    def _prepare(self, key: str) -> None:
        """Publish the inputs and the region set of an indicator."""
        indicator = find_indicator(key)
        self._regions(_REGIONS[indicator.region_set])
        for name in sorted({name for need in indicator.needs for name in need.items}):
            self._publish(name.partition("/")[2])

    def observations(self, key: str, **parameters: Any) -> tuple[Observation, ...]:
        """Return what the indicator gives; published when every parameter has its default."""
        if parameters:
            self._prepare(key)
            return compute(workbench(self.node, key), parameters).observations
        if key not in self._computed:
            self._prepare(key)
            self._computed[key] = compute_indicator(self.node, key).observations
        return self._computed[key]

    def one(self, key: str, region: str, period: str, **dimensions: str) -> Observation:
        """Return the observation of a region, period and dimensions."""
        wanted = {name.rstrip("_"): value for name, value in dimensions.items()}
        found = [
            row
            for row in self.observations(key)
            if row.region == region
            and str(row.period) == period
            and dict(row.dimensions) == wanted
        ]
        assert len(found) == 1, (key, region, period, wanted)
        return found[0]

    def again(self, row: Observation) -> float:
        """Return the value by the indicator's second route."""
        bench = workbench(self.node, row.indicator)
        assert bench.indicator.independent is not None
        return float(bench.indicator.independent(bench, bench.indicator.settle({}), row))

    def _regions(self, piece: str) -> None:
        if piece in self._there:
            return
        self._publish(piece)
        item = self.node.catalog.get("item", f"regions/{piece}")
        with self.node.catalog.transaction() as tx:
            tx.put(region_set_record(item, self.node.store))

    def _publish(self, id_: str) -> None:
        piece = self._pieces[id_]
        if id_ in self._there:
            return
        if piece.kind == "raster":
            self._publish_raster(piece)
        else:
            ingest(pack_path(piece), declaration_of(piece), self.node.catalog, self.node.store)
        self._there.add(id_)

    def _publish_raster(self, piece: Piece) -> None:
        # The pack's own file serves as data: converting 10 m pixels would take ten seconds.
        declared, store = piece.variables[0], self.node.store
        with store.stage() as scratch:
            staged = scratch / "source"
            shutil.copy(pack_path(piece), staged)
            key = store.put_file(staged, ".tif")
        with rasterio.open(store.path(key)) as raster:
            band = {"name": declared.name, "unit": declared.unit, "nodata": raster.nodata}
            if np.isnan(raster.nodata):
                band["nodata"] = "nan"
            facts = {
                **footprint(*raster.bounds),
                "bands": [band],
                "properties": {"proj:code": "EPSG:4326"},
            }
        admission = Admission(
            "geotiff", "geotiff", store.path(key), ".tif", ".tif", "image/tiff", facts
        )
        keys = {"data": key, "source": key}
        sizes = dict.fromkeys(keys, store.size(key))
        item = make_item(declaration_of(piece), admission, keys, sizes)
        with self.node.catalog.transaction() as tx:
            tx.put(Record("item", f"{piece.collection}/{piece.id}", item))


@cache
def pack_node(root: Path) -> PackNode:
    return PackNode(root)


@pytest.fixture(scope="session")
def pack(tmp_path_factory: pytest.TempPathFactory) -> PackNode:
    return pack_node(tmp_path_factory.getbasetemp() / "pack-node")


def on_grid(values: Any, north: float = 1.0, west: float = 0.0, step: float = 1.0) -> Any:
    """An array on a grid in degrees, row 0 in the north, its north-west corner as given."""
    array = np.asarray(values)
    rows, columns = array.shape[-2:]
    lead = [f"step{n}" for n in range(array.ndim - 2)]
    return xr.DataArray(
        array,
        dims=(*lead, "lat", "lon"),
        coords={
            "lat": north - step * (np.arange(rows) + 0.5),
            "lon": west + step * (np.arange(columns) + 0.5),
        },
        attrs={"crs": "EPSG:4326"},
    )
