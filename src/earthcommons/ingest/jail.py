"""First contact with foreign bytes: a child process with limits, an empty environment, a clock.

The child is forked from a server that has imported the readers (`fork_servers`), so that each
admission costs milliseconds, begins clean and never touches this process. It closes itself off
(`walls`), reads one file (`inside`) and answers with JSON files. This process watches its time and
its disk (`disk_held`). A child serves one foreign file: it may look at it, say what it saw, and
take the same file once told to, but never another.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import stat
import tempfile
import time
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earthcommons.errors import InvalidInputError, RefusedFileError
from earthcommons.ingest.answers import refusal_in
from earthcommons.ingest.disk_held import DiskWatch
from earthcommons.ingest.fork_servers import forked_for
from earthcommons.ingest.inside import ANSWER, SEEN, work
from earthcommons.model.canonical import parse_strict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    from earthcommons.ingest.limits import Limits

__all__ = ["Reading", "confinement", "reading", "run_jailed"]

_MOST_ANSWER, _DEEPEST = 64 * 2**20, 40
_READERS = ("archive", "cube", "grib", "hdf4", "ogr", "raster", "table", "vector", "walls")
_BEAT_S = 0.2


class Reading:
    """A child process at work on one foreign file; made by `reading`."""

    def __init__(
        self,
        process: BaseProcess,
        scratch: Path,
        limits: Limits,
        beat: Callable[[float], None] | None,
        door: Connection | None,
        disk: DiskWatch,
    ) -> None:
        self._process, self._scratch, self._door = process, scratch, door
        self._limits, self._beat = limits, beat
        self._disk = disk

    def seen(self) -> dict[str, Any]:
        """Return what the child saw; it then waits, with the file open to it and nothing else.

        Raises:
            RefusedFileError: the reader refused the file, crashed on it, or ran out of a budget.
        """
        waiting = self._wait(self._door)
        return self._told(SEEN, waiting=waiting)

    def taken(self) -> dict[str, Any]:
        """Let the child convert the file, to its end, and return its answer.

        Raises:
            RefusedFileError: the reader refused the file, crashed on it, or ran out of a budget.
            UnitError: a unit is missing or disagrees.
        """
        if self._door is not None:
            # A child that is gone is told from its answer.
            with contextlib.suppress(OSError):
                os.write(self._door.fileno(), b"t")
        self._wait(None)
        return self._told(ANSWER, waiting=False)

    def _wait(self, door: Connection | None) -> bool:
        """Return once the child has ended, or waits at its door; whether it does.

        What it holds on disk is looked at several times a second (`DiskWatch` says what that
        misses); between `seen` and `taken` nobody looks.
        """
        start = time.monotonic()
        wall_s, beat = self._limits.wall_s, self._beat
        watched: list[Any] = [self._process.sentinel, *([door] if door else [])]
        while True:
            gone = time.monotonic() - start
            if gone >= wall_s:
                raise RefusedFileError(f"reading took over {wall_s} s", code="time-limit")
            ready = wait(watched, min(_BEAT_S, wall_s - gone))
            if self._process.sentinel in ready:
                return False
            if door in ready:
                # One byte, never a message: what a foreign file made of the child may write it.
                if os.read(door.fileno(), 1):
                    return True
                watched = [self._process.sentinel]
            else:
                self._disk.look(self._process.pid)
                if beat:
                    beat(time.monotonic() - start)

    def _told(self, name: str, *, waiting: bool) -> dict[str, Any]:
        value = None
        if not waiting:
            self._process.join()
        code = self._process.exitcode
        if waiting or code == 0:
            value = _read_answer(self._scratch / name)
        if value is None:
            raise RefusedFileError(
                "the reader was stopped by these bytes"
                + (f" (signal {-code})" if code is not None and code < 0 else "")
                + "; the file is damaged or needs more than the memory and time allowed",
                code="malformed",
            )
        if (refused := value.get("refused")) is not None:
            raise refusal_in(refused)
        return value


@contextlib.contextmanager
def reading(
    reader: str,
    scratch: Path,
    task: dict[str, Any],
    limits: Limits,
    *,
    while_waiting: Callable[[float], None] | None = None,
    look_first: bool = False,
) -> Iterator[Reading]:
    """Yield a child process that runs `earthcommons.ingest.read_<reader>`; end it afterwards.

    Args:
        reader: one of the readers that take a foreign file.
        scratch: the one folder the child works in; it holds the foreign file as `source`.
        task: JSON value handed to the reader.
        limits: budgets; memory, processor time and the size of each file written are enforced by
            the kernel, wall clock and disk in all by this process.
        while_waiting: called with the seconds gone, several times a second; what it raises ends
            the child and comes through.
        look_first: whether the child looks at the file, tells, and waits until it may take it.

    Raises:
        InvalidInputError: there is no such reader.
    """
    if reader not in _READERS:
        raise InvalidInputError(f"there is no reader {reader!r}")
    disk = DiskWatch(scratch, limits.scratch_bytes)
    ours, childs = multiprocessing.Pipe() if look_first else (None, None)
    process = multiprocessing.get_context("forkserver").Process(
        target=work, args=(reader, str(scratch), task, limits, childs), daemon=True
    )
    try:
        with forked_for(reader, task):
            process.start()
        try:
            yield Reading(process, scratch, limits, while_waiting, ours, disk)
        finally:
            if process.is_alive():
                process.kill()
            process.join()
            process.close()
            _make_removable(scratch)
    finally:
        for end in (ours, childs):
            if end is not None:
                end.close()


def run_jailed(
    reader: str,
    scratch: Path,
    task: dict[str, Any],
    limits: Limits,
    *,
    while_waiting: Callable[[float], None] | None = None,
) -> dict[str, Any]:
    """Run `earthcommons.ingest.read_<reader>.convert(scratch, task, limits)` in a child process.

    Arguments are those of `reading`.

    Returns:
        The JSON object the reader answered with.

    Raises:
        RefusedFileError: the reader refused the file, crashed on it, or ran out of a budget.
        UnitError: a unit is missing or disagrees.
    """
    with reading(reader, scratch, task, limits, while_waiting=while_waiting) as child:
        return child.taken()


def confinement(scratch: Path, limits: Limits) -> dict[str, bool]:
    """Return which of the kernel's walls stand around a reader here; see `close_off`."""
    answer = run_jailed("walls", scratch, {}, limits)
    return {name: bool(answer[name]) for name in ("landlock", "network", "processes")}


def _read_answer(place: Path) -> dict[str, Any] | None:
    """Return the JSON object a child left, or None; no link or pipe in its place is followed."""
    try:
        descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > _MOST_ANSWER:
            return None
        try:
            value = parse_strict(file.read(_MOST_ANSWER), limit=_MOST_ANSWER)
        except InvalidInputError:
            return None
    with contextlib.suppress(OSError):
        place.unlink()
    return value if isinstance(value, dict) else None


def _make_removable(scratch: Path) -> None:
    """Open each folder the child left and bring up what lies deep, or nobody could remove it."""
    waiting = [(str(scratch), 0)]
    while waiting:
        place, depth = waiting.pop()
        with contextlib.suppress(OSError):
            with os.scandir(place) as entries:
                inner = [each.path for each in entries if each.is_dir(follow_symlinks=False)]
            for path in inner:
                Path(path).chmod(0o700)
                if depth < _DEEPEST:
                    waiting.append((path, depth + 1))
                else:
                    above = Path(tempfile.mkdtemp(dir=scratch), "deep")
                    waiting.append((str(Path(path).rename(above)), 0))
