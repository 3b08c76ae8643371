"""A small node served on loopback, made from files we generate."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
import pytest
import rasterio
import xarray as xr
from rasterio.transform import from_origin
from tests.web.listening import free_port, listening

from earthcommons.commons import Node, make_node
from earthcommons.ingest import ingest
from earthcommons.model import Declaration, Period, Text, VariableDeclaration
from earthcommons.settings import Settings
from earthcommons.web import create_app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def declare(item: str, unit: str, **changes: object) -> Declaration:
    facts: dict[str, object] = {
        "item": item, "collection": "demo", "title": Text(f"Item {item}", f"条目 {item}"),
        "description": Text("Generated for a test.", "为测试生成。"), "period": Period.year(2008),
        "licence": "CC0-1.0", "attribution": "nobody", "nature": "observation",
        "variables": (VariableDeclaration("v", unit),),
    }  # fmt: skip
    return Declaration(**(facts | changes))  # type: ignore[arg-type]


def fill(node: Node, root: Path) -> None:
    values = np.linspace(0, 100, 60 * 120, dtype="f4").reshape(60, 120)
    values[:, :10] = -1
    profile = {
        "driver": "GTiff", "height": 60, "width": 120, "count": 1, "dtype": "float32",
        "crs": "EPSG:4326", "nodata": -1, "transform": from_origin(-180, 90, 3, 3),
    }  # fmt: skip
    for n in range(12):
        with rasterio.open(root / f"r{n}.tif", "w", **profile) as out:
            out.write(values + n, 1)
        period = Period.year(2000 + n)
        ingest(root / f"r{n}.tif", declare(f"raster-{n:02d}", "percent", period=period),
               node.catalog, node.store)  # fmt: skip
    # The judge builds a box beside an item near 20 E, 20 N: it must not cover the globe.
    local = profile | {"transform": from_origin(10, 30, 0.25, 0.25)}
    with rasterio.open(root / "local.tif", "w", **local) as out:
        out.write(values, 1)
    period = Period.year(2020)
    ingest(root / "local.tif", declare("regional", "percent", period=period),
           node.catalog, node.store)  # fmt: skip
    cube = xr.Dataset(
        {
            "v": (
                ("time", "lat", "lon"),
                np.arange(2 * 90 * 180, dtype="f4").reshape(2, 90, 180),
            )
        },
        {
            "time": np.array(["2015-11-01", "2015-12-01"], "M8[ns]"),
            "lat": ("lat", np.arange(89.0, -91, -2), {"units": "degrees_north"}),
            "lon": ("lon", np.arange(0.0, 360, 2), {"units": "degrees_east"}),
        },
    )
    cube["v"].attrs = {"units": "degC"}
    cube.to_netcdf(root / "c.nc", engine="h5netcdf")
    period = Period.parse("2015-11/2016-01")
    ingest(root / "c.nc", declare("cube", "degC", period=period), node.catalog, node.store)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Node]]:
    """One node for all modules: no test changes what it holds."""
    with serving(tmp_path_factory.mktemp("served")) as made:
        yield made


@pytest.fixture
def served_alone(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[str, Node]]:
    """Such a node for one test, which may change it."""
    with serving(tmp_path_factory.mktemp("alone")) as made:
        yield made


@contextmanager
def serving(root: Path) -> Iterator[tuple[str, Node]]:
    """Serve such a node on loopback while the block runs."""
    node = make_node(root / "node", Settings(port=free_port()))
    fill(node, root)
    with listening(create_app(node), node.settings.port):
        yield node.settings.url, node
