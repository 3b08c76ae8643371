"""Map tiles over HTTP: this package against titiler.core, from the very same COG.

    .venv/bin/python benchmarks/tiles.py --peers /tmp/bench-env [--pixels 6144] [--pairs 40]

A synthetic GeoTIFF is published as an item; the peer reads the object our store holds. One
worker each, one client, 256-pixel PNG, nearest neighbour, the same ramp and limits, requests
alternate. First requests are of tiles never asked before with the file in the page cache; second
requests are of the same tiles again (we keep drawn tiles, the peer does not). The peer writes
PNG once at our compression level (its `pngraw`) and once at its own (`png`).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import warnings
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import numpy as np
import rasterio
from pairing import (
    HOST,
    Client,
    Pairs,
    command_beside,
    describe_machine,
    free_port,
    peers_python,
    serving,
    versions,
)
from rasterio.errors import NotGeoreferencedWarning
from rasterio.warp import transform_bounds
from rasters import LIMITS, declaration, write_geotiff

from earthcommons.commons import make_node
from earthcommons.cube import asset_key
from earthcommons.ingest import ingest

if TYPE_CHECKING:
    from numpy.typing import NDArray

# As titiler's page on performance tuning sets GDAL for files on a disk.
GDAL = {
    "GDAL_CACHEMAX": "200",
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_INGESTED_BYTES_AT_OPEN": "32768",
    "GDAL_BAND_BLOCK_CACHE": "HASHSET",
    "VSI_CACHE": "TRUE",
    "VSI_CACHE_SIZE": "5000000",
}
ZOOMS = (14, 12, 11)
# The peer compresses `pngraw` at level 1, as we do, and `png` at level 6.
FORMATS = ("pngraw", "png")
WARM_UP_ZOOM = 13


def main() -> None:
    # A PNG knows no place; the pictures are compared pixel by pixel.
    warnings.simplefilter("ignore", NotGeoreferencedWarning)
    options = _options()
    python = peers_python(options.peers)
    describe_machine()
    names = ("rio-tiler", "rasterio", "fastapi", "uvicorn", "uvloop", "httptools", "numpy")
    print("ours     ", versions(sys.executable, ("earthcommons", *names)))
    print("peer     ", versions(python, ("titiler.core", *names)))
    print("GDAL     ", "peer:", ", ".join(f"{k}={v}" for k, v in GDAL.items()))
    with tempfile.TemporaryDirectory(prefix="tiles-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        write_geotiff(folder / "source.tif", options.pixels)
        node = make_node(folder / "node")
        ingest(folder / "source.tif", declaration("scene"), node.catalog, node.store)
        cog = node.store.path(asset_key(node.catalog.get("item", "synthetic/scene")))
        node.catalog.close()
        print(
            f"data      {options.pixels} x {options.pixels} float32, COG of"
            f" {cog.stat().st_size / 2**20:.0f} MiB, zstd, 256-pixel blocks"
        )
        ours, peer = free_port(), free_port()
        command = [command_beside(Path(sys.executable), "earthcommons"), "serve"]
        command += ["--node", str(folder / "node"), "--port", str(ours)]
        log = folder / "log"
        stack.enter_context(serving(command, ours, "/health", log))
        line = [str(python), "-m", "uvicorn", "titiler_peer:app", "--app-dir"]
        line += [str(Path(__file__).parent), "--host", HOST, "--port", str(peer)]
        line += ["--workers", "1", "--log-level", "warning", "--no-access-log"]
        stack.enter_context(serving(line, peer, "/health", log, GDAL))
        _measure(options, cog, Client(ours), Client(peer))


def _measure(options: argparse.Namespace, cog: Path, ours: Client, peer: Client) -> None:
    low, high = LIMITS
    mine = f"/tiles/synthetic/scene/data/{{}}.png?ramp=viridis&low={low:g}&high={high:g}"
    view = f"url={quote(str(cog))}&rescale={low:g},{high:g}&colormap_name=viridis"
    cells = f"{'p50 ms':>9} {'p95 ms':>9} {'req/s':>8}"
    print(f"\n{'':36} {'ours':^27} {'peer':^27}")
    print(f"{'tiles':30} {'pairs':>5} {cells} {cells} {'ratio':>8}")
    for peer_way in FORMATS:
        theirs = f"/tiles/WebMercatorQuad/{{}}.{peer_way}?{view}"
        for tile in _tiles(cog, WARM_UP_ZOOM, 4):
            ours.get(mine.format(tile))
            peer.get(theirs.format(tile))
        for zoom in ZOOMS:
            first, again, bytes_ = Pairs(), Pairs(), [0, 0]
            # Ours remembers what it drew for the peer's other way: another limit, another tile.
            fresh = mine if peer_way == FORMATS[0] else mine + ".5"
            for tile in _tiles(cog, zoom, options.pairs):
                drawn, mine_s = ours.get(fresh.format(tile))
                other, other_s = peer.get(theirs.format(tile))
                _, again_s = ours.get(fresh.format(tile))
                _, other_again_s = peer.get(theirs.format(tile))
                first.add(mine_s, other_s)
                again.add(again_s, other_again_s)
                bytes_ = [bytes_[0] + len(drawn), bytes_[1] + len(other)]
                if peer_way == FORMATS[0]:
                    _same(tile, drawn, other)
            count = len(first.ours_s)
            for name, pairs in (("first", first), ("again", again)):
                print(f"{f'z{zoom}, {name}, peer {peer_way}':30} {count:5} {pairs.row()}")
            print(f"{'':30} bytes of a tile {bytes_[0] // count} and {bytes_[1] // count}")


def _tiles(cog: Path, zoom: int, most: int) -> list[str]:
    """Return `z/x/y` of tiles that touch the file, in a random order."""
    with rasterio.open(cog) as source:
        west, south, east, north = transform_bounds(source.crs, "EPSG:3857", *source.bounds)
    half = 20037508.342789244
    size = 2 * half / 2**zoom
    columns = range(int((west + half) / size), int((east + half) / size) + 1)
    rows = range(int((half - north) / size), int((half - south) / size) + 1)
    names = [f"{zoom}/{x}/{y}" for x in columns for y in rows]
    np.random.default_rng(zoom).shuffle(names)
    return names[:most]


def _same(tile: str, mine: bytes, other: bytes) -> None:
    """End the program when the two pictures differ in more than 2 % of their pixels."""
    ours, theirs = _pixels(mine), _pixels(other)
    shown = (ours[3] > 0) == (theirs[3] > 0)
    close = (np.abs(ours[:3].astype(int) - theirs[:3].astype(int)).max(axis=0) <= 16) | ~shown
    if shown.mean() < 0.98 or close.mean() < 0.98:
        raise SystemExit(
            f"{tile}: pictures differ: {shown.mean():.3f} of the mask, {close.mean():.3f} of the"
            " colours agree"
        )


def _pixels(png: bytes) -> NDArray[np.uint8]:
    with rasterio.MemoryFile(png) as memory, memory.open() as picture:
        pixels: NDArray[np.uint8] = picture.read()
    if len(pixels) == 3:
        pixels = np.concatenate([pixels, np.full((1, *pixels.shape[1:]), 255, np.uint8)])
    return pixels


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--peers", type=Path, required=True, help="environment of the peers")
    parser.add_argument("--pixels", type=int, default=6144, help="width of the synthetic file")
    parser.add_argument("--pairs", type=int, default=40, help="tiles a zoom")
    return parser.parse_args()


if __name__ == "__main__":
    started = time.perf_counter()
    main()
    print(f"\nthe whole run took {time.perf_counter() - started:.0f} s")
