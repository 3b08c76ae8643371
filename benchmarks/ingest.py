"""Ingest of a GeoTIFF as COG and record: this package against rio-cogeo and pystac by hand.

    .venv/bin/python benchmarks/ingest.py [--peers DIR] [--pixels 1024 4096] [--repeats 50 7]

By hand means (`cogeo_peer.py`): `cog_translate` with the codec, block size and overviews that ours
has, one thread, SHA-256 of the result, a `pystac.Item` with box, shape and checksum, written as
JSON; once more with the band statistics our record also has. Ours adds a copy with a digest of the
original, a jailed process for each file, statistics, synced objects in publish order, policy and
the catalogue's transaction.

Three questions are asked of each size of file:

- many files, one after another in one process: `--repeats` pairs after one that warms both sides;
- one file by one command: `earthcommons ingest FILE` on an empty node against
  `python cogeo_peer.py FILE`, from the start of the process to its end. The peer runs in this
  environment or, with `--peers`, in its own;
- a folder by one command: the same with `--files` different files, for the first size alone, or
  nothing else with `--only-folder`.

`taskset -c 0` before the command gives both sides one core.

Processor time counts all processes of a side. The bare work is what no way can avoid here: decode,
compress with overviews, hash and sync both files, by GDAL and the C library, nothing else.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import rasterio
from cogeo_peer import PROFILE, by_hand
from pairing import Pairs, command_beside, describe_machine, peers_python, versions
from rasterio.shutil import copy
from rasters import declaration, write_geotiff

from earthcommons.commons import make_node
from earthcommons.cube import asset_key
from earthcommons.ingest import ingest
from earthcommons.store import file_digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from earthcommons.commons import Node

_COMMANDS = 7
_SUBREAPER = 36
_TICKS = os.sysconf("SC_CLK_TCK")
# Installed packages come with their bytecode; a checkout may not, or may be forbidden to keep it.
_AS_INSTALLED = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
_DECLARED = """
item = "scene"
collection = "synthetic"
title = "Synthetic temperature"
description = "Synthetic temperature"
period = "2020"
licence = "CC0-1.0"
attribution = "none: synthetic"
nature = "model"

[[variable]]
name = "temperature"
unit = "degC"
"""


def main() -> None:
    options = _options()
    describe_machine()
    names = ("earthcommons", "rasterio", "rio-cogeo", "pystac", "numpy")
    print("versions ", versions(sys.executable, names))
    print("by hand  ", ", ".join(f"{k}={v}" for k, v in PROFILE.items()), "overviews average")
    python = str(peers_python(options.peers)) if options.peers else sys.executable
    with tempfile.TemporaryDirectory(prefix="ingest-bench-bytecode-") as compiled:
        # The pair that warms both sides fills it.
        _AS_INSTALLED["PYTHONPYCACHEPREFIX"] = compiled
        _measure(options, python)


def _measure(options: argparse.Namespace, python: str) -> None:
    _inherit()
    for pixels, repeats in zip(options.pixels, options.repeats, strict=True):
        with tempfile.TemporaryDirectory(prefix="ingest-bench-") as name:
            source = Path(name, "source.tif")
            write_geotiff(source, pixels)
            size = source.stat().st_size / 2**20
            print(f"\n{pixels} x {pixels} float32, {size:.1f} MiB")
            if not options.only_folder:
                _many(Path(name), source, repeats)
                _one(Path(name), source, python, options.commands)
            if pixels == options.pixels[0]:
                _folder(Path(name), source, python, options)


def _many(folder: Path, source: Path, repeats: int) -> None:
    """Print how one process takes file after file."""
    node = make_node(folder / "node")
    sizes: list[int] = []

    def ours(n: int) -> None:
        # Another item id each time: the same bytes again under the same id change nothing.
        ingest(source, declaration(f"scene-{n}"), node.catalog, node.store)

    ways: dict[str, Callable[[int], None]] = {
        "ours": ours,
        "by hand": lambda _: by_hand(source, folder / "hand"),
        "by hand, with statistics": lambda _: by_hand(
            source, folder / "hand", with_statistics=True
        ),
        "the bare work": lambda _: _bare(source, folder),
    }
    wall: dict[str, list[float]] = {name: [] for name in ways}
    busy = dict.fromkeys(ways, 0.0)
    for n in range(repeats + 1):
        for name, way in ways.items():
            before, started = _processor_s(), time.perf_counter()
            way(n)
            if n:
                wall[name].append(time.perf_counter() - started)
                busy[name] += _processor_s() - before
        # The next repeat must store its objects again.
        sizes.append(_forget(node, f"synthetic/scene-{n}"))
    made = (folder / "hand" / "scene.tif").stat().st_size
    print(f"  COG ours {sizes[-1] / 2**20:.1f} MiB, by hand {made / 2**20:.1f} MiB")
    print(
        f"  {repeats} files one after another in one process, each in a pair with every peer:"
    )
    print(f"    ours {_said(wall['ours'])}, processor {busy['ours'] / repeats:.3f} s")
    for name in list(ways)[1:]:
        ratios = [a / b for a, b in zip(wall["ours"], wall[name], strict=True)]
        print(
            f"    {name} {_said(wall[name])}: ours {statistics.median(ratios):.2f} times as long,"
            f" {sum(wall['ours']) / sum(wall[name]):.2f} over all,"
            f" {busy['ours'] / busy[name]:.2f} in processor time"
        )


def _one(folder: Path, source: Path, python: str, commands: int) -> None:
    """Print how one command takes one file, processes started anew each time."""
    declared = folder / "declared.toml"
    declared.write_text(_DECLARED)
    peer = [python, str(Path(__file__).with_name("cogeo_peer.py")), str(source)]
    command = [command_beside(Path(sys.executable), "earthcommons"), "ingest", str(source)]
    ours, hand = [], []
    for n in range(commands + 1):
        node = folder / f"node-{n}"
        make_node(node)
        ours_s, _ = _run([*command, "--declare", str(declared), "--node", str(node)])
        hand_s, _ = _run([*peer, str(folder / f"hand-{n}")])
        if n:
            ours.append(ours_s)
            hand.append(hand_s)
    ratio = statistics.median(a / b for a, b in zip(ours, hand, strict=True))
    print(f"  one file by one command, {commands} pairs, peer run by {python}:")
    print(f"    ours {_said(ours)}, by hand {_said(hand)}: ours {ratio:.2f} times as long")


def _folder(folder: Path, source: Path, python: str, options: argparse.Namespace) -> None:
    """Print how one command takes a folder of files, processes started anew each time."""
    declared, full = folder / "shared.toml", folder / "full"
    declared.write_text(_DECLARED.replace('item = "scene"\n', ""))
    full.mkdir()
    sources = [full / f"scene-{n:02d}.tif" for n in range(options.files)]
    for n, path in enumerate(sources):
        _another(source, path, n)
    peer = [python, str(Path(__file__).with_name("cogeo_peer.py")), *map(str, sources)]
    command = [command_beside(Path(sys.executable), "earthcommons"), "ingest", str(full)]
    wall, busy = Pairs(), Pairs()
    for n in range(options.commands + 1):
        node, hand = folder / f"node-of-many-{n}", folder / f"hand-of-many-{n}"
        make_node(node)
        ways = [[*command, "--declare", str(declared), "--node", str(node)], [*peer, str(hand)]]
        (ours_s, ours_busy_s), (hand_s, hand_busy_s) = map(_run, ways)
        if n:
            wall.add(ours_s, hand_s)
            busy.add(ours_busy_s, hand_busy_s)
        shutil.rmtree(node)
        shutil.rmtree(hand)
    print(
        f"  {len(sources)} files in a folder by one command, {options.commands} pairs,"
        f" {len(os.sched_getaffinity(0))} processors, peer run by {python}:\n"
        f"    ours {_said(wall.ours_s)}, by hand {_said(wall.peer_s)}:"
        f" ours {1 / wall.ratio:.2f} times as long, {1 / busy.ratio:.2f} in processor time"
    )


def _another(source: Path, target: Path, n: int) -> None:
    """Write the same file with its rows moved by n: bytes of its own, as hard to compress."""
    with rasterio.open(source) as raster, rasterio.open(target, "w", **raster.profile) as out:
        out.write(np.roll(raster.read(), n, axis=1))


def _run(command: list[str]) -> tuple[float, float]:
    """Return wall clock and processor time of a command, of all its processes [s]."""
    own, before, started = _children(), os.times(), time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=_AS_INSTALLED)  # noqa: S603
    wall_s = time.perf_counter() - started
    # A fork server outlives its command by a moment, and falls to this process.
    while left := _children() - own:
        for pid in left:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
    after = os.times()
    busy = (after.children_user, after.children_system)
    return wall_s, sum(busy) - before.children_user - before.children_system


def _inherit() -> None:
    """Let processes whose parent has ended become children of this one, to be counted."""
    if ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0):
        raise SystemExit("this kernel does not tell the processor time of what a command left")


def _bare(source: Path, folder: Path) -> None:
    target, kept = folder / "bare.tif", folder / "kept"
    with rasterio.open(source) as raster:
        names = ("dtype", "count", "width", "height", "nodata", "crs", "transform")
        frame = {name: raster.profile[name] for name in names}
        with rasterio.open("", "w", driver="MEM", **frame) as values:
            values.write(raster.read())
            copy(
                values, str(target), driver="COG", COMPRESS="ZSTD", LEVEL="9",
                BLOCKSIZE="256", PREDICTOR="YES", OVERVIEW_RESAMPLING="AVERAGE",
            )  # fmt: skip
    kept.write_bytes(source.read_bytes())
    for path in (target, kept):
        file_digest(path)
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _processor_s() -> float:
    """Return the processor time of this process, its fork servers and their ended children."""
    ticks = 0
    for pid in _children():
        words = Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()
        ticks += sum(int(word) for word in words[11:15])
    return time.process_time() + ticks / _TICKS


def _children() -> set[int]:
    tasks = Path("/proc/self/task").iterdir()
    return {int(pid) for task in tasks for pid in (task / "children").read_text().split()}


def _forget(node: Node, name: str) -> int:
    """Remove the objects of an item; return the bytes its COG had."""
    item = node.catalog.get("item", name)
    size = node.store.path(asset_key(item)).stat().st_size
    for role in ("data", "source"):
        node.store.path(asset_key(item, role)).unlink()
    return size


def _said(times: list[float]) -> str:
    return f"{statistics.median(times):.3f} s"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--pixels", type=int, nargs="+", default=[1024, 4096])
    parser.add_argument("--repeats", type=int, nargs="+", default=[50, 7])
    parser.add_argument("--files", type=int, default=20, help="files of the folder")
    parser.add_argument("--commands", type=int, default=_COMMANDS, help="pairs of commands")
    parser.add_argument("--only-folder", action="store_true")
    parser.add_argument("--peers", type=Path, help="environment of the peer's command")
    options = parser.parse_args()
    if options.only_folder:
        options.pixels, options.repeats = options.pixels[:1], options.repeats[:1]
    if len(options.pixels) != len(options.repeats):
        parser.error("--repeats takes as many numbers as --pixels")
    return options


if __name__ == "__main__":
    main()
