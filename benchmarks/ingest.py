"""Ingest of a GeoTIFF as COG and record: this package against rio-cogeo and pystac by hand.

    .venv/bin/python benchmarks/ingest.py [--pixels 1024 4096] [--repeats 5]

Both run in this process with everything imported and write the same codec, block size and
overviews. By hand means: `cog_translate`, SHA-256 of the result, a `pystac.Item` with box,
shape and checksum, written as JSON; once more with the band statistics our record also has.
Ours adds a copy with a digest of the original, the jailed child, statistics, synced objects in
publish order, policy and the catalogue's transaction.
"""

from __future__ import annotations

import argparse
import cProfile
import hashlib
import multiprocessing
import pstats
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pystac
import rasterio
import shapely
from pairing import describe_machine, versions
from rasterio.warp import transform_bounds
from rasters import declaration, write_geotiff
from rio_cogeo.cogeo import cog_translate

from earthcommons.commons import make_node
from earthcommons.cube import asset_key
from earthcommons.ingest import ingest
from earthcommons.ingest.limits import Limits
from earthcommons.ingest.read_raster import convert

if TYPE_CHECKING:
    from earthcommons.commons import Node

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
STAGES = {
    "statistics of the pixels": ("read_raster.py", "_statistics"),
    "plain copy, then COG with overviews": ("read_raster.py", "_write"),
    "reading the unit": ("unit.py", "check_unit"),
}


def main() -> None:
    options = _options()
    describe_machine()
    names = ("earthcommons", "rasterio", "rio-cogeo", "pystac", "numpy")
    print("versions ", versions(sys.executable, names))
    print("by hand  ", ", ".join(f"{k}={v}" for k, v in PROFILE.items()), "overviews average")
    for pixels in options.pixels:
        with tempfile.TemporaryDirectory(prefix="ingest-bench-") as name:
            _measure(Path(name), pixels, options.repeats)


def _measure(folder: Path, pixels: int, repeats: int) -> None:
    source = folder / "source.tif"
    write_geotiff(source, pixels)
    node = make_node(folder / "node")
    ours: list[float] = []
    hand: dict[bool, list[float]] = {False: [], True: []}
    for n in range(repeats + 1):
        started = time.perf_counter()
        # Another item id each time: the same bytes again under the same id change nothing.
        ingest(source, declaration(f"scene-{n}"), node.catalog, node.store)
        ours_s = time.perf_counter() - started
        # The next repeat must store its objects again.
        kept = _forget(node, f"synthetic/scene-{n}")
        for with_statistics, times in hand.items():
            started = time.perf_counter()
            by_hand(source, folder / "hand", with_statistics=with_statistics)
            if n:
                times.append(time.perf_counter() - started)
        if n:
            ours.append(ours_s)
    made = (folder / "hand" / "scene.tif").stat().st_size
    print(
        f"\n{pixels} x {pixels} float32, {source.stat().st_size / 2**20:.1f} MiB;"
        f" COG ours {kept / 2**20:.1f} MiB, by hand {made / 2**20:.1f} MiB; {repeats} pairs"
    )
    print(f"  ours {statistics.median(ours):.3f} s")
    for with_statistics, times in hand.items():
        ratio = statistics.median(a / b for a, b in zip(ours, times, strict=True))
        what = "by hand, with statistics" if with_statistics else "by hand"
        print(
            f"  {what} {statistics.median(times):.3f} s; ours takes {ratio:.2f} times as long"
        )
    _stages(folder, source)


def _forget(node: Node, name: str) -> int:
    """Remove the objects of an item; return the bytes its COG had."""
    item = node.catalog.get("item", name)
    size = node.store.path(asset_key(item)).stat().st_size
    for role in ("data", "source"):
        node.store.path(asset_key(item, role)).unlink()
    return size


def by_hand(source: Path, folder: Path, *, with_statistics: bool) -> None:
    folder.mkdir(exist_ok=True)
    target = folder / "scene.tif"
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
        id="scene",
        geometry=shapely.geometry.mapping(shapely.box(*bbox)),
        bbox=list(bbox),
        datetime=datetime(2020, 1, 1, tzinfo=UTC),
        properties=properties,
    )
    extra = {"file:checksum": f"1220{digest}", "file:size": target.stat().st_size}
    item.add_asset("data", pystac.Asset(str(target), roles=["data"], extra_fields=extra))
    item.save_object(include_self_link=False, dest_href=str(folder / "scene.json"))


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


def _stages(folder: Path, source: Path) -> None:
    """Print where the reader's time goes: it runs in a new process, as the jail's child is one."""
    room = folder / "room"
    room.mkdir()
    (room / "source").write_bytes(source.read_bytes())
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        reader_s, spent = pool.apply(_read_profiled, (room,))
    parts = ", ".join(f"{name} {seconds / reader_s:.0%}" for name, seconds in spent.items())
    print(f"  where the time of our reader goes, in a new process: {parts}")


def _read_profiled(room: Path) -> tuple[float, dict[str, float]]:
    task = {"item": "scene", "crs": "", "variables": [_TASK]}
    profiler = cProfile.Profile()
    started = time.perf_counter()
    profiler.runcall(convert, room, task, Limits())
    reader_s = time.perf_counter() - started
    found = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
    spent = {
        name: max(
            (row[3] for key, row in found.items() if key[2] == function and file in key[0]),
            default=0.0,
        )
        for name, (file, function) in STAGES.items()
    }
    return reader_s, spent


_TASK = {
    "name": "temperature",
    "unit": "degC",
    "meaning": "",
    "datatype": "number",
    "classes": {},
}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--pixels", type=int, nargs="+", default=[1024, 4096])
    parser.add_argument("--repeats", type=int, default=5)
    return parser.parse_args()


if __name__ == "__main__":
    main()
