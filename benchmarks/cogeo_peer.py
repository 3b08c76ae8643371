"""The peer of `ingest.py`: GeoTIFFs to COGs and records by hand, with rio-cogeo and pystac.

python benchmarks/cogeo_peer.py SOURCE... FOLDER

Several are taken one after another in this one process.
"""

from __future__ import annotations

import hashlib
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pystac
import rasterio
import shapely
from rasterio.warp import transform_bounds
from rio_cogeo.cogeo import cog_translate

# What our reader writes: see `earthcommons.ingest.read_raster`.
PROFILE = {
    "driver": "GTiff",
    "interleave": "pixel",
    "tiled": True,
    "blockxsize": 256,
    "blockysize": 256,
    "compress": "ZSTD",
    "zstd_level": 9,
    "predictor": 3,
}


def by_hand(
    source: Path, folder: Path, name: str = "scene", *, with_statistics: bool = False
) -> None:
    folder.mkdir(exist_ok=True)
    target = folder / f"{name}.tif"
    cog_translate(
        source, target, PROFILE, overview_resampling="average", in_memory=False, quiet=True
    )
    with target.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    with rasterio.open(target) as cog:
        bbox = transform_bounds(cog.crs, "EPSG:4326", *cog.bounds, densify_pts=63)
        shape, code = [cog.height, cog.width], f"EPSG:{cog.crs.to_epsg()}"
    properties: dict[str, Any] = {"proj:code": code, "proj:shape": shape}
    if with_statistics:
        properties["statistics"] = _statistics(source)
    item = pystac.Item(
        id=name,
        geometry=shapely.geometry.mapping(shapely.box(*bbox)),
        bbox=list(bbox),
        datetime=datetime(2020, 1, 1, tzinfo=UTC),
        properties=properties,
    )
    extra = {"file:checksum": f"1220{digest}", "file:size": target.stat().st_size}
    item.add_asset("data", pystac.Asset(str(target), roles=["data"], extra_fields=extra))
    item.save_object(include_self_link=False, dest_href=str(folder / f"{name}.json"))


def _statistics(source: Path) -> dict[str, float]:
    with rasterio.open(source) as raster:
        values = raster.read(1)
    return {
        "minimum": float(np.nanmin(values)),
        "maximum": float(np.nanmax(values)),
        "mean": float(np.nanmean(values, dtype=np.float64)),
        "stddev": float(np.nanstd(values, dtype=np.float64)),
        "valid_percent": float(100 * np.isfinite(values).mean()),
    }


if __name__ == "__main__":
    *_sources, _folder = (Path(_text) for _text in sys.argv[1:])
    for _source in _sources:
        by_hand(_source, _folder, _source.stem)
