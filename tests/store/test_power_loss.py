"""The store on a simulated disk: at every step only what was synced is kept, or by luck more.

A shim notes what each sync of a file or folder finds, each rename and each new folder, in order.
After every step two disks are made of the notes: one where nothing unsynced was kept, one where
every name was kept but of each file only what was synced. On both, each acknowledged object must
be there, and each object with a name must be whole.

A sync may also fail once. The kernel then reports it to one caller and gives up what it held: a
later sync of the same file or folder succeeds and makes none of that durable.
"""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.trials import every

from earthcommons.errors import CommonsError, UpstreamError
from earthcommons.store import LocalStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


@dataclass
class Disk:
    """Notes of what a store did to a folder, and what of it a power cut would leave."""

    root: Path
    names: dict[str, int] = field(default_factory=dict)
    synced: dict[int, bytes] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    given_up: set[tuple[str, int]] = field(default_factory=set)
    given_up_files: set[int] = field(default_factory=set)
    held: list[int] = field(default_factory=list)
    on_step: Callable[[], None] = lambda: None

    def note(self, descriptor: int) -> None:
        """A sync: of a file its bytes, of a folder the names in it."""
        place = Path(f"/proc/self/fd/{descriptor}").readlink()
        if not place.is_relative_to(self.root):
            return
        if place.is_dir():
            inside = place.relative_to(self.root).as_posix()
            self.folders.add(inside)
            here = self._walk()
            gone = {n for n in self.kept if str(Path(n).parent) == inside} - here.keys()
            for name in gone:
                del self.kept[name]
            self.kept |= dict(self._names_in(inside) - self.given_up)
            # A folder that has come here by a rename brings the names it was synced with.
        elif place.stat().st_ino not in self.given_up_files:
            self.synced[place.stat().st_ino] = place.read_bytes()
        self.on_step()

    def fail(self, descriptor: int) -> None:
        """A sync that fails: what it would have made durable never is."""
        place = Path(f"/proc/self/fd/{descriptor}").readlink()
        if not place.is_relative_to(self.root):
            return
        if place.is_dir():
            inside = place.relative_to(self.root).as_posix()
            lost = self._names_in(inside) - set(self.kept.items())
            self.given_up |= lost
            self._hold(self.root / name for name, _ in lost)
        elif place.stat().st_ino not in self.synced:
            self.given_up_files.add(place.stat().st_ino)
            self._hold([place])

    def _hold(self, places: Iterable[Path]) -> None:
        """Keep inodes from being given to what is made later."""
        self.held.extend(os.open(place, os.O_RDONLY) for place in places)

    def _names_in(self, inside: str) -> set[tuple[str, int]]:
        return {(n, i) for n, i in self._walk().items() if str(Path(n).parent) == inside}

    def _walk(self) -> dict[str, int]:
        return {
            p.relative_to(self.root).as_posix(): p.stat().st_ino
            for p in self.root.rglob("*")
            if p.is_file() or p.is_dir()
        }

    def after_a_cut(self, to: Path, *, lucky: bool) -> Path:
        """Make the disk a cut would leave."""
        shutil.rmtree(to, ignore_errors=True)
        to.mkdir()
        for place in sorted(self.root.rglob("*")):
            name = place.relative_to(self.root)
            reached = all(
                part.as_posix() in self.kept for part in (name, *name.parents) if part.name
            ) or (self._came_whole(name))
            if not (lucky or reached):
                continue
            if place.is_dir():
                (to / name).mkdir(parents=True, exist_ok=True)
            elif place.is_file():
                (to / name).parent.mkdir(parents=True, exist_ok=True)
                (to / name).write_bytes(self.synced.get(place.stat().st_ino, b""))
        return to

    def _came_whole(self, name: Path) -> bool:
        """Whether a file lies in a tree whose name is kept and whose inner names were synced."""
        for depth in range(1, len(name.parts)):
            top = Path(*name.parts[:depth])
            if top.suffix == ".zarr" and top.as_posix() in self.kept:
                return (self.root / name).stat().st_ino in self.known_inodes
        return False

    @property
    def known_inodes(self) -> set[int]:
        """Files and folders whose name some synced folder held."""
        return self._inodes

    _inodes: set[int] = field(default_factory=set)

    def remember(self) -> None:
        """Keep which names the synced folder holds, by inode, which a rename does not change."""
        for name, inode in self._walk().items():
            if (name, inode) in self.given_up:
                continue
            if str(Path(name).parent) in self.folders or name in self.kept:
                self._inodes.add(inode)
        self.folders.clear()


def puts() -> list[tuple[str, Callable[[LocalStore], str]]]:
    def tree(store: LocalStore) -> str:
        with store.stage() as folder:
            (folder / "t" / "c" / "d").mkdir(parents=True)
            (folder / "t" / "zarr.json").write_bytes(b"{}")
            (folder / "t" / "c" / "d" / "0").write_bytes(b"chunk")
            return store.put_tree(folder / "t", ".zarr")

    def staged(store: LocalStore) -> str:
        with store.stage() as folder:
            (folder / "f").write_bytes(b"file")
            return store.put_file(folder / "f", ".tif")

    return [
        ("small", lambda store: store.put_bytes(b"a record", ".record")),
        ("large", lambda store: store.put_bytes(bytes(100_000), ".tif")),
        ("again", lambda store: store.put_bytes(b"a record", ".record")),
        ("file", staged),
        ("tree", tree),
        ("tree again", tree),
    ]


def simulate(  # noqa: C901 - one simulation, its parts inside it
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, lying: bool
) -> list[str]:
    """Put objects one after the other, cutting the power at every step; return what broke."""
    disk = Disk(tmp_path / "disk")
    acknowledged: list[str] = []
    broken: list[str] = []
    steps = 0

    def judge() -> None:
        nonlocal steps
        steps += 1
        disk.remember()
        for lucky in (False, True):
            left = disk.after_a_cut(tmp_path / "left", lucky=lucky)
            (left / "objects").mkdir(exist_ok=True)
            store = LocalStore(left)
            there = list(store.all_keys())
            broken.extend(
                f"step {steps}: lost {key}" for key in acknowledged if key not in there
            )
            for key in there:
                try:
                    store.verify(key)
                except CommonsError as error:
                    broken.append(f"step {steps}: {error}")

    fsync, rename = os.fsync, Path.rename

    def watched(descriptor: int) -> None:
        fsync(descriptor)
        if not lying:
            disk.note(descriptor)

    def renamed(self: Path, target: Any) -> Path:
        done = rename(self, target)
        with pause():
            judge()
        return done

    class pause:
        def __enter__(self) -> None:
            monkeypatch.setattr(os, "fsync", fsync)
            monkeypatch.setattr(Path, "rename", rename)

        def __exit__(self, *_: object) -> None:
            monkeypatch.setattr(os, "fsync", watched)
            monkeypatch.setattr(Path, "rename", renamed)

    disk.root.mkdir()
    monkeypatch.setattr(os, "fsync", watched)
    monkeypatch.setattr(Path, "rename", renamed)

    def step() -> None:
        with pause():
            judge()

    disk.on_step = step
    store = LocalStore(disk.root)
    for _, put in puts():
        acknowledged.append(put(store))
        with pause():
            judge()
    monkeypatch.undo()
    assert steps >= 10, f"only {steps} steps were seen"
    return broken


def test_a_cut_at_any_step_keeps_the_acknowledged_and_shows_nothing_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert simulate(tmp_path, monkeypatch, lying=False) == []


def test_a_sync_that_does_nothing_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = simulate(tmp_path, monkeypatch, lying=True)
    assert any("lost" in line for line in broken)
    assert any("expected digest" in line for line in broken)


@pytest.mark.parametrize("reopened", [False, True], ids=["same process", "another process"])
def test_after_a_sync_that_failed_no_later_sync_is_taken_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reopened: bool
) -> None:
    """At each sync in turn: the put is refused, and the put after it is durable."""
    fsync, trials, at = os.fsync, 0, 0
    while True:
        at += 1 if every() else 3
        disk = Disk(tmp_path / f"disk-{at}")
        disk.root.mkdir()
        disk.on_step = disk.remember
        left = at

        def failing(descriptor: int, disk: Disk = disk) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                disk.fail(descriptor)
                raise OSError(5, "Input/output error")
            fsync(descriptor)
            disk.note(descriptor)

        store, refused = None, 0
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", failing)
            for name, put in puts():
                for _ in range(3):
                    try:
                        store = store or LocalStore(disk.root)
                        key = put(store)
                        break
                    except UpstreamError:
                        refused += 1
                        store = None if reopened else store
                else:
                    pytest.fail(f"{name} stays refused after sync {at}")
                disk.remember()
                after = LocalStore(disk.after_a_cut(tmp_path / "left", lucky=False))
                assert key in after.all_keys(), f"{name} is lost after sync {at} failed"
                after.verify(key)
        for descriptor in disk.held:
            os.close(descriptor)
        assert refused <= 1
        if not refused:
            break
        trials += 1
        shutil.rmtree(disk.root)
    sys.stdout.write(f"{trials} syncs failed\n")
    assert trials >= (20 if every() else 7), trials
