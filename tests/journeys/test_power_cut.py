"""Power cuts while a node is written: what was acknowledged is there, nothing is half there.

The node lies on an ext4 of its own in a file. At random moments the writer is stopped and the file
copied: that is the disk as a power cut leaves it, with whatever the kernel had not yet sent to it
gone. Each copy is mounted, which replays the file system's journal, and the node opened.

What this proves: our order of writes, syncs and renames, and SQLite's, on a file system that keeps
its word. What it does not: a device that loses what it said it had flushed, since what reached the
file counts as kept; and other file systems. A control run whose syncs do nothing must be caught.
Needs root and loop devices, and is left out where they are not.
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from earthcommons.catalog import Catalog, rebuild
from earthcommons.commons import make_node, open_node
from earthcommons.commons.stories.fixity import needed_keys
from earthcommons.model.party import OPERATOR
from earthcommons.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

CUTS = 10
_SEED = 20261122

_WRITER = """
import os, random, sys
from pathlib import Path
LYING = sys.argv[2] == "lying"
if LYING:
    os.fsync = lambda descriptor: None
    from earthcommons.catalog import file
    honest = file.open_reader
    def careless(*given, **more):
        connection = honest(*given, **more)
        connection.execute("PRAGMA synchronous = OFF")
        return connection
    file.open_reader = careless
from earthcommons.commons import open_node
from earthcommons.model import Record
node = open_node(Path(sys.argv[1]))
chance = random.Random(7)
n = 0
while True:
    n += 1
    data = chance.randbytes(chance.randrange(100, 60_000))
    if n % 3:
        key = node.store.put_bytes(data, ".tif")
    else:
        with node.store.stage() as folder:
            (folder / "t" / "c").mkdir(parents=True)
            (folder / "t" / "zarr.json").write_bytes(b"{}")
            (folder / "t" / "c" / "0").write_bytes(data)
            key = node.store.put_tree(folder / "t", ".zarr")
    body = {
        "id": f"i{n}", "collection": "c", "geometry": None,
        "properties": {"datetime": "2020-01-01T00:00:00Z", "title": f"t{n}"},
        "assets": {"data": {"href": f"/objects/{key}"}},
    }
    with node.catalog.transaction() as tx:
        tx.put(Record("item", f"c/i{n}", body))
    os.write(1, f"{n}\\n".encode())
"""


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - fixed commands


@contextlib.contextmanager
def mounted(image: Path, at: Path) -> Iterator[Path]:
    at.mkdir(exist_ok=True)
    # No commit of the journal but those that syncs ask for: nothing is saved by luck of the clock.
    _run("mount", "-o", "loop,commit=600", str(image), str(at))
    try:
        yield at
    finally:
        try:
            _run("umount", str(at))
        except subprocess.CalledProcessError:
            # Something in it is still open: it goes when that is closed.
            _run("umount", "--lazy", str(at))


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    image = tmp_path / "disk.ext4"
    with image.open("wb") as file:
        file.truncate(160 * 2**20)
    try:
        _run("mkfs.ext4", "-q", "-F", str(image))
        with mounted(image, tmp_path / "try"):
            pass
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no loop device can be mounted here: power cuts left out")
    return image


def _stop(pid: int) -> None:
    """Stop a process and wait until none of its threads runs or waits for the disk."""
    os.kill(pid, signal.SIGSTOP)
    for _ in range(1000):
        states = [
            re.sub(r".*\) ", "", (task / "stat").read_text())[0]
            for task in Path(f"/proc/{pid}/task").iterdir()
        ]
        if set(states) == {"T"}:
            return
        time.sleep(0.002)
    pytest.fail("the writer did not stop")


def cut(disk: Path, tmp_path: Path, mode: str) -> list[tuple[Path, int]]:
    """Let a writer run and cut the power at random; return disks, each with the last promise."""
    images: list[tuple[Path, int]] = []
    chance = random.Random(_SEED)  # noqa: S311 - moments, no secrets
    script = tmp_path / "writer.py"
    script.write_text(_WRITER)
    with mounted(disk, tmp_path / "disk") as root:
        make_node(root / "node", Settings()).catalog.close()
        _run("sync", "-f", str(root))
        writer = subprocess.Popen(  # noqa: S603 - our own script
            [sys.executable, str(script), str(root / "node"), mode], stdout=subprocess.PIPE
        )
        try:
            assert writer.stdout is not None
            os.set_blocking(writer.stdout.fileno(), False)
            said = b""
            while not said:
                assert writer.poll() is None, "the writer ended by itself"
                time.sleep(0.02)
                said += writer.stdout.read() or b""
            for number in range(CUTS):
                time.sleep(chance.uniform(0.02, 0.15))
                _stop(writer.pid)
                said += writer.stdout.read() or b""
                image = tmp_path / f"cut-{number}"
                shutil.copyfile(disk, image)
                os.kill(writer.pid, signal.SIGCONT)
                images.append((image, int(said.split()[-1])))
        finally:
            writer.kill()
            writer.wait()
            assert writer.stdout is not None
            writer.stdout.close()
    return images


def broken_promises(root: Path, acknowledged: int) -> list[str]:
    """Open what a cut left and say what is lost, half there or damaged."""
    wrong: list[str] = []
    try:
        with contextlib.ExitStack() as closing:
            node = open_node(root)
            closing.callback(node.catalog.close)
            fresh = Catalog(root / "tmp" / "fresh.sqlite", node.store)
            closing.callback(fresh.close)
            if (check := node.catalog.check()) != "ok":
                wrong.append(f"catalogue: {check}")
            seen = {item["id"] for item in node.catalog.all("item", OPERATOR)}
            if lost := {f"i{n}" for n in range(1, acknowledged + 1)} - seen:
                wrong.append(f"acknowledged and lost: {len(lost)}")
            if seen - {f"i{n}" for n in range(1, acknowledged + 2)}:
                wrong.append("seen without being written")
            for key in {*needed_keys(node), *node.store.all_keys()}:
                node.store.verify(key)
            rebuild(fresh, node.store, lambda _: [])
            if not seen <= {item["id"] for item in fresh.all("item", OPERATOR)}:
                wrong.append("an item has no record object")
    except Exception as error:
        wrong.append(f"{type(error).__name__}: {error}"[:320])
    return wrong


def judged(disk: Path, tmp_path: Path, mode: str) -> list[tuple[int, list[str]]]:
    found = []
    for image, acknowledged in cut(disk, tmp_path, mode):
        try:
            with mounted(image, tmp_path / "after") as root:
                found.append((acknowledged, broken_promises(root / "node", acknowledged)))
        except subprocess.CalledProcessError:
            found.append((acknowledged, ["the file system cannot be mounted"]))
        image.unlink()
    for acknowledged, wrong in found:
        said = "; ".join(wrong) or "all there"
        sys.stdout.write(f"{mode}: cut after {acknowledged} acknowledged: {said}\n")
    return found


def test_after_a_power_cut_every_acknowledged_item_is_there_and_whole(
    disk: Path, tmp_path: Path
) -> None:
    found = judged(disk, tmp_path, "honest")
    assert len(found) == CUTS
    assert [wrong for _, wrong in found if wrong] == []
    assert found[-1][0] > found[0][0] > 0


def test_a_disk_that_only_says_it_has_synced_is_caught(disk: Path, tmp_path: Path) -> None:
    found = judged(disk, tmp_path, "lying")
    assert sum(bool(wrong) for _, wrong in found) >= CUTS // 2
