"""Data of the access matrix: for each case a collection, and items of three kinds in it."""

from __future__ import annotations

import functools
import json
import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
import shapely
import xarray as xr
from rasterio.transform import from_origin
from tests.web.matrix_cases import OWNER, Case, Thing

from earthcommons.ingest import ingest
from earthcommons.model import Declaration, Link, Period, Record, Text, VariableDeclaration
from earthcommons.policy import OPEN

if TYPE_CHECKING:
    from pathlib import Path

    from earthcommons.commons import Node

__all__ = ["collection", "collection_id", "ingested", "items"]


def ingested(node: Node, root: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Publish a raster and a cube through the door; the others are made after them."""
    values = np.linspace(1, 100, 60 * 120, dtype="f4").reshape(60, 120)
    profile = {
        "driver": "GTiff", "height": 60, "width": 120, "count": 1, "dtype": "float32",
        "crs": "EPSG:4326", "nodata": -1, "transform": from_origin(10, 30, 0.25, 0.25),
    }  # fmt: skip
    with rasterio.open(root / "r.tif", "w", **profile) as out:
        out.write(values, 1)
    cube = xr.Dataset(
        {"v": (("time", "lat", "lon"), np.arange(2 * 18 * 36, dtype="f4").reshape(2, 18, 36))},
        {
            "time": np.array(["2015-11-01", "2015-12-01"], "M8[ns]"),
            "lat": ("lat", np.arange(85.0, -91, -10), {"units": "degrees_north"}),
            "lon": ("lon", np.arange(0.0, 360, 10), {"units": "degrees_east"}),
        },
    )
    cube["v"].attrs = {"units": "degC"}
    cube.to_netcdf(root / "c.nc", engine="h5netcdf")
    for file, unit in (("r.tif", "percent"), ("c.nc", "degC")):
        declared = Declaration(
            item=file[0], collection="base", title=Text("Base", "底"),
            description=Text("Base.", "底。"), period=Period.year(2015), licence="CC0-1.0",
            attribution="nobody", nature="observation",
            variables=(VariableDeclaration("v", unit),),
        )  # fmt: skip
        ingest(root / file, declared, node.catalog, node.store)
    return node.catalog.get("item", "base/r"), node.catalog.get("item", "base/c")


def collection(node: Node, case: Case) -> Thing:
    name, word = collection_id(case), case.word("coll")
    body: dict[str, Any] = {
        "type": "Collection", "stac_version": "1.1.0", "id": name, "title": f"About {word}",
        "title_zh": f"关于 {word}", "description": f"All of {word}.", "description_zh": word,
        "license": "CC0-1.0", "links": [], "ec:owner": OWNER, "keywords": [word],
        "extent": {"spatial": {"bbox": [[-10, -10, 60, 60]]},
                   "temporal": {"interval": [["2000-01-01T00:00:00Z", "2024-12-31T00:00:00Z"]]}},
    }  # fmt: skip
    if case.derive is not None:
        body["ec:access"] = {"derive": case.derive}
    with node.catalog.transaction() as tx:
        tx.put(Record("collection", name, body, access=case.find))
    # Where what was computed is released, so is nothing that names the collection.
    return Thing("collection", {"collection": name, "kind": "collection", "name": name},
                 case.collection_label, owner=OWNER, marks=(word,))  # fmt: skip


def collection_id(case: Case) -> str:
    return case.word("coll")


def items(node: Node, case: Case, raster: dict[str, Any], cube: dict[str, Any]) -> list[Thing]:
    found = []
    for kind, like in (("ras", raster), ("cub", cube), ("tab", raster)):
        body = _item(node, case, kind, like)
        name = f"{body['collection']}/{body['id']}"
        record = functools.partial(Record, "item", name, access=case.item_find)
        links = (Link("in", "collection", body["collection"]),)
        with node.catalog.transaction() as tx:
            if kind == "ras":
                first = {
                    **body,
                    "properties": {**body["properties"], "title": case.word("old")},
                }
                tx.put(record(first, links=links))
            tx.revise(record(body, links=links))
        found += _item_things(case, kind, body)
    return found


def _item(node: Node, case: Case, kind: str, like: dict[str, Any]) -> dict[str, Any]:
    word = case.word(kind)
    body: dict[str, Any] = json.loads(json.dumps(like))
    west = 13 + case.n / 1000 + 0.0007
    tail = f"{word} data".encode()
    if kind == "tab":
        # A table has no map: its bytes are a text here, since nothing reads them.
        keys = [
            node.store.put_bytes(tail, ".parquet"),
            node.store.put_bytes(tail + b"2", ".csv"),
        ]
        body["assets"]["data"].pop("bands", None)
        body["assets"]["data"]["type"] = "application/vnd.apache.parquet"
    else:
        keys = [_after(node, body, asset, tail) for asset in ("data", "source")]
    for asset, key in zip(("data", "source"), keys, strict=True):
        size = {} if key.endswith(".zarr") else {"file:size": node.store.size(key)}
        body["assets"][asset] |= {
            "href": f"/objects/{key}", "file:checksum": f"1220{key[:64]}", **size,
        }  # fmt: skip
    if case.source != OPEN:
        body["assets"]["source"]["ec:access"] = case.source
    if case.item_fetch != OPEN:
        body["ec:access"] = {"fetch": case.item_fetch}
    box = [west, 20, west + 5, 25]
    body |= {
        "id": word, "collection": collection_id(case), "bbox": box,
        "geometry": shapely.box(box[0], box[1], box[2], box[3]).__geo_interface__,
    }  # fmt: skip
    body["properties"] |= {
        "title": f"Item {word}", "title_zh": f"条目 {word}", "description": f"Of {word}.",
        "description_zh": f"{word}。", "ec:attribution": f"By {word}", "keywords": [word],
        "ec:licence_name": f"lic-{word}", "ec:regions": [word], "proj:bbox": box,
        "themes": [{"scheme": "s", "concepts": [{"id": word}]}],
        "ec:providers_files": [{"name": f"{word}.bin", "sha256": "b" * 64, "source": word}],
    }  # fmt: skip
    return body


def _after(node: Node, body: dict[str, Any], asset: str, tail: bytes) -> str:
    """Store the bytes of an asset again with a tail, so that their digest is another."""
    key = body["assets"][asset]["href"].rsplit("/", 1)[-1]
    place = node.store.path(key)
    suffix = key[64:]
    if not place.is_dir():
        return node.store.put_bytes(place.read_bytes() + tail, suffix)
    with node.store.stage() as scratch:
        shutil.copytree(place, scratch / "tree")
        head = scratch / "tree" / "zarr.json"
        said = json.loads(head.read_bytes())
        head.write_text(json.dumps(said | {"attributes": {"mark": tail.decode()}}))
        return node.store.put_tree(scratch / "tree", suffix)


def _item_things(case: Case, kind: str, body: dict[str, Any]) -> list[Thing]:
    word, collection = case.word(kind), body["collection"]
    name = f"{collection}/{word}"
    keys = {asset: body["assets"][asset]["href"].rsplit("/", 1)[-1] for asset in body["assets"]}
    marks = (word, f"13.{case.n:03d}7")
    names = {
        "collection": collection, "item": word, "kind": "item", "name": name, "asset": "data",
        "version": "1",
    }  # fmt: skip
    # The matrix asks for one item of each case; the sweep looks for the words of all three.
    sort = "item" if kind == "ras" else "also"
    found = [Thing(sort, names, case.item_label, case.data_label, OWNER, marks)]
    if kind == "ras":
        old = Thing("past", names, case.item_label, owner=OWNER, marks=(case.word("old"),))
        found.append(old)
    if kind != "tab":
        # Digests of inputs are stated wherever a number that rests on them is.
        found.append(Thing("layer", names, case.item_label, case.data_label, OWNER))
    for asset, label in (("data", case.data_label), ("source", case.source_label)):
        key = keys[asset]
        stated = case.derive is not None and kind == "ras" and asset == "data"
        secrets = () if stated else (key[:12],)
        inner = {"key": key, "inner": "zarr.json"}
        where = "part" if key.endswith(".zarr") else "object"
        # An object has no name but its digest: it is found by whoever may fetch it.
        found.append(Thing(where, inner, label, owner=OWNER, marks=secrets))
    return found
