"""What a reader may write in all, while it runs."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.ingest.test_claiming import answered_by

from earthcommons.errors import RefusedFileError
from earthcommons.ingest import disk_held as module
from earthcommons.ingest.disk_held import DiskWatch, disk_held
from earthcommons.ingest.limits import Limits

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MIB = 2**20
# Each file is within what one file may have; the reader would write for a minute.
MANY = """
for n in range(600):
    (folder / f"{n}.bin").write_bytes(os.urandom(2**20))
    time.sleep(0.1)
return {}
"""
UNNAMED = """
held = []
for n in range(600):
    held.append(open("x", "wb", buffering=0))
    held[-1].write(os.urandom(2**20))
    os.unlink("x")
    time.sleep(0.1)
return {}
"""
# Further down than any path can name.
BURIED = """
for _ in range(2100):
    os.mkdir("a")
    os.chdir("a")
time.sleep(60)
return {}
"""


@pytest.mark.parametrize("body", [MANY, UNNAMED])
@pytest.mark.parametrize("beat", [None, lambda _: None])
def test_a_reader_that_writes_file_after_file_is_ended_on_the_way(
    tmp_path: Path, body: str, beat: Callable[[float], None] | None
) -> None:
    limits = Limits(written_bytes=2 * MIB, scratch_bytes=3 * MIB)
    start = time.monotonic()
    with pytest.raises(RefusedFileError, match="bytes of disk") as refused:
        answered_by(tmp_path, body, limits, beat)
    assert refused.value.code == "declared-too-large"
    assert time.monotonic() - start < 20
    assert multiprocessing.active_children() == []
    written = sum(f.stat().st_size for f in tmp_path.iterdir())
    assert written < 30 * MIB


def test_holes_cost_no_disk_and_what_lay_there_before_is_not_the_readers(
    tmp_path: Path,
) -> None:
    (tmp_path / "before").write_bytes(os.urandom(4 * MIB))
    body = "os.truncate(os.open('hole', os.O_CREAT | os.O_RDWR), 2**30)\ntime.sleep(0.7)\nreturn {}"
    assert answered_by(tmp_path, body, Limits(scratch_bytes=MIB)) == {}


def test_what_is_buried_out_of_sight_ends_its_reader(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with pytest.raises(RefusedFileError, match="looked into") as refused:
        answered_by(scratch, BURIED)
    assert refused.value.code == "malformed"
    shutil.rmtree(scratch)


def test_too_many_files_to_count_are_a_refusal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_MOST_ENTRIES", 50)
    body = "for n in range(60): (folder / str(n)).touch()\ntime.sleep(60)\nreturn {}"
    with pytest.raises(RefusedFileError, match="over 50 files") as refused:
        answered_by(tmp_path, body)
    assert refused.value.code == "declared-too-large"


def test_links_are_not_followed(tmp_path: Path) -> None:
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    for place in (outside, inside):
        place.mkdir()
    (outside / "large").write_bytes(os.urandom(MIB))
    (inside / "folder").symlink_to(outside)
    (inside / "file").symlink_to(outside / "large")
    assert disk_held(inside) < MIB // 2
    assert disk_held(tmp_path / "gone") == 0


@given(st.lists(st.integers(1, 40), max_size=5))
def test_all_depths_are_counted(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("tree")
    place = folder
    for size in sizes:
        place = place / "a"
        place.mkdir()
        (place / "f").write_bytes(b"x" * 4096 * size)
    told = sum(p.lstat().st_blocks for p in folder.rglob("*")) * 512
    assert disk_held(folder) == told >= 4096 * sum(sizes)


def test_looks_take_a_tenth_of_the_time_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, looks = [0.0], []

    def slow(*_: object) -> int:
        clock[0] += 1.0
        looks.append(clock[0])
        return 0

    monkeypatch.setattr(module, "disk_held", slow)
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    watch = DiskWatch(tmp_path, MIB)
    looks.clear()
    began = clock[0]
    while clock[0] - began < 100:
        watch.look(None)
        clock[0] += 0.2
    assert 8 <= len(looks) <= 10
