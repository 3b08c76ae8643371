"""Items of every kind that a page tells how to read, open and closed, and what is in each."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyogrio
import rasterio
import shapely
import xarray as xr
from tests.web.conftest import declare

from earthcommons.ingest import ingest
from earthcommons.model import VariableDeclaration
from earthcommons.model.record import Record

if TYPE_CHECKING:
    from pathlib import Path

    from earthcommons.commons import Node

# What QGIS finds of each kind; `demo/NAME` is open, `demo/closed-NAME` asks for an account.
KINDS: dict[str, dict[str, Any]] = {
    "raster": {"size": [120, 60], "bands": 1, "top": 105.0},
    "cube": {"size": [180, 90], "bands": 2, "top": 16199.0},
    "shapes": {"count": 3, "fields": ["name", "n"]},
    "layer": {"count": 2, "fields": ["fid", "name", "n"]},
    "table": {"count": 3, "fields": ["stream", "nitrate"]},
}
# Row by row, so that open and closed tables differ.
_HEAD, _ROWS = "\ufeffstream,nitrate\n", ("一, 1.5\n", "Quebrada,NA\n", "Mameyes,\n")
_COLUMNS = (
    VariableDeclaration("stream", "1", datatype="string"),
    VariableDeclaration("nitrate", "ug L-1"),
)


def add_kinds(node: Node, root: Path) -> None:
    """Put them into a node that `tests.web.conftest.fill` has filled from files in `root`.

    No closed item shares its bytes with an open one: what is open anywhere can be read.
    """
    for prefix in ("", "closed-"):
        folder = root / f"{prefix}kinds"
        folder.mkdir()
        closed = bool(prefix)
        with rasterio.open(root / "r5.tif") as seen:
            values, profile = seen.read(), seen.profile
        values[0, 1, 20] += closed
        with rasterio.open(folder / "raster.tif", "w", **profile) as out:
            out.write(values)
        with xr.open_dataset(root / "c.nc", engine="h5netcdf") as cube:
            varied = cube.load()
        varied["v"][0, 1, 20] += int(closed)
        varied.to_netcdf(folder / "cube.nc", engine="h5netcdf")
        _write_shapes(folder, int(closed))
        rows = _ROWS[::-1] if closed else _ROWS
        (folder / "table.csv").write_text(_HEAD + "".join(rows), encoding="utf-8")
        for file, changes in (
            ("raster.tif", {}),
            ("cube.nc", {"variables": (VariableDeclaration("v", "degC"),)}),
            ("shapes.geojson", {"variables": ()}),
            ("layer.gpkg", {"variables": (VariableDeclaration("n", "1"),)}),
            ("table.csv", {"variables": _COLUMNS, "bbox": (-66.0, 18.0, -65.0, 19.0)}),
        ):
            name = f"{prefix}{file.partition('.')[0]}"
            if name == "cube":
                continue
            declared = declare(name, "percent", **changes)
            ingest(folder / file, declared, node.catalog, node.store)
            if closed:
                body, links = node.catalog.whole("item", f"demo/{name}")
                body |= {"ec:access": {"fetch": "registered"}}
                with node.catalog.transaction() as tx:
                    tx.revise(Record("item", f"demo/{name}", body, links=links))


def _write_shapes(folder: Path, add: int) -> None:
    """Write three shapes of several kinds as GeoJSON, and two points as GeoPackage."""
    shapes = [shapely.Point(25, 25), shapely.box(30, 22, 31, 23),
              shapely.LineString([(40, 24), (41, 25)])]  # fmt: skip
    features = [
        {"type": "Feature", "properties": {"name": "一", "n": n + add}, "geometry": one}
        for n, one in enumerate(json.loads(shapely.to_geojson(shape)) for shape in shapes)
    ]
    (folder / "shapes.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": features})
    )
    pyogrio.raw.write(
        folder / "layer.gpkg", geometry=np.array(shapely.to_wkb(shapes[:1] * 2), object),
        geometry_type="Point", crs="EPSG:4326", layer="places", fields=["name", "n"],
        field_data=[np.array(["一", "b"], object), np.array([1, 2 + add])], driver="GPKG",
    )  # fmt: skip
