from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
import xarray as xr
from rasterio.transform import from_origin

from earthcommons.catalog import Catalog
from earthcommons.ingest import Outcome, ingest
from earthcommons.model import Declaration, Period, Text, VariableDeclaration
from earthcommons.store import LocalStore

if TYPE_CHECKING:
    from pathlib import Path

    from earthcommons.ingest.limits import Limits

Publish = Callable[..., Outcome]


def declare(item: str = "x", **changes: Any) -> Declaration:
    return Declaration(
        item=item,
        collection=changes.pop("collection", "c"),
        title=Text("Title", "题目"),
        description=Text("What it is.", "说明。"),
        period=Period.year(2008),
        licence="CC0-1.0",
        attribution="someone",
        nature="observation",
        **changes,
    )


def unit(name: str, text: str, datatype: Any = "number") -> VariableDeclaration:
    return VariableDeclaration(name, text, datatype=datatype)


class Desk:
    """A node's catalogue and store, and a way to publish into them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = LocalStore(root)
        self.catalog = Catalog(root / "catalog.sqlite", self.store)

    def publish(
        self, source: Path, declaration: Declaration, limits: Limits | None = None
    ) -> Outcome:
        return ingest(source, declaration, self.catalog, self.store, limits=limits)

    def left_behind(self) -> list[str]:
        return [*self.store.all_keys(), *(p.name for p in (self.root / "tmp").iterdir())]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "node")
    yield made
    made.catalog.close()


@pytest.fixture
def geotiff(tmp_path: Path) -> Callable[..., Path]:
    def write(name: str = "x.tif", values: Any = None, **changes: Any) -> Path:
        array = np.arange(24, dtype="f4").reshape(4, 6) if values is None else values
        units = changes.pop("units", "percent")
        profile = {
            "driver": "GTiff", "height": array.shape[0], "width": array.shape[1], "count": 1,
            "dtype": array.dtype, "crs": "EPSG:4326", "nodata": -1,
            "transform": from_origin(10, 50, 0.5, 0.5),
        }  # fmt: skip
        with rasterio.open(tmp_path / name, "w", **(profile | changes)) as out:
            out.write(array, 1)
            if units:
                out.units = (units,)
        return tmp_path / name

    return write


@pytest.fixture
def netcdf(tmp_path: Path) -> Callable[..., Path]:
    def write(name: str = "x.nc", **changes: Any) -> Path:
        lat = changes.get("lat", np.array([2.0, 0.0, -2.0]))
        lon = changes.get("lon", np.arange(0.0, 360.0, 90.0))
        values = np.arange(len(lat) * len(lon) * 2, dtype="f4").reshape(2, len(lat), len(lon))
        values[0, 0, 0] = np.nan
        dataset = xr.Dataset(
            {"sst": (("time", "latitude", "longitude"), values, {"units": "degC"})},
            {
                "time": np.array(["2015-11-01", "2015-12-01"], "M8[ns]"),
                "latitude": ("latitude", lat, {"units": "degrees_north"}),
                "longitude": ("longitude", lon, {"units": "degrees_east"}),
            },
        )
        change = changes.get("change", lambda made: made)
        change(dataset).to_netcdf(tmp_path / name, engine="h5netcdf")
        return tmp_path / name

    return write
