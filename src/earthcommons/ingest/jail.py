"""First contact with foreign bytes: a child process with limits, an empty environment, a clock.

The child is forked from a fork server that has imported the readers and never sees a foreign
byte, so that each admission costs milliseconds, begins clean and never touches this process.
GeoTIFF has a server of its own (`prelude_raster`): it is ready in half the time of the one with all
readers (`prelude`), and less of it is copied. Where the kernel lets it, the child has no network,
sees of the file system its scratch folder and the libraries alone, and begins no other process,
which might outlive it; it answers with JSON files. A child serves one foreign file: it may look at
it, say what it saw, and take the same file once told to, but never another.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import multiprocessing
import os
import resource
import shutil
import signal
import stat
import sys
import tempfile
import threading
import time
from multiprocessing import forkserver
from multiprocessing.connection import wait
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from earthcommons.errors import InvalidInputError, RefusedFileError
from earthcommons.ingest.answers import refusal_in
from earthcommons.ingest.environment import READERS_ENVIRONMENT, SERVERS_ENVIRONMENT
from earthcommons.ingest.landlock import readable_by_readers, restrict
from earthcommons.ingest.seccomp import forbid_processes
from earthcommons.model.canonical import parse_strict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    from earthcommons.ingest.limits import Limits

__all__ = ["Reading", "confinement", "reading", "run_jailed"]

_SOURCE, _SEEN, _ANSWER = "source", "seen.json", "answer.json"
_MOST_ANSWER, _DEEPEST = 64 * 2**20, 40
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_READERS = ("archive", "cube", "grib", "hdf4", "ogr", "raster", "table", "vector", "walls")
_LEAN, _FULL = "earthcommons.ingest.prelude_raster", "earthcommons.ingest.prelude"
_BEAT_S = 0.2
_STARTING = threading.Lock()
_SERVERS: dict[str, forkserver.ForkServer] = {}


class Reading:
    """A child process at work on one foreign file; made by `reading`."""

    def __init__(
        self,
        process: BaseProcess,
        scratch: Path,
        limits: Limits,
        beat: Callable[[float], None] | None,
        door: Connection | None,
    ) -> None:
        self._process, self._scratch, self._door = process, scratch, door
        self._limits, self._beat = limits, beat

    def seen(self) -> dict[str, Any]:
        """Return what the child saw; it then waits, with the file open to it and nothing else.

        Raises:
            RefusedFileError: the reader refused the file, crashed on it, or ran out of a budget.
        """
        waiting = self._wait(self._door)
        return self._told(_SEEN, waiting=waiting)

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
        return self._told(_ANSWER, waiting=False)

    def _wait(self, door: Connection | None) -> bool:
        """Return once the child has ended, or waits at its door; whether it does."""
        start = time.monotonic()
        wall_s, beat = self._limits.wall_s, self._beat
        watched: list[Any] = [self._process.sentinel, *([door] if door else [])]
        while True:
            gone = time.monotonic() - start
            if gone >= wall_s:
                raise RefusedFileError(f"reading took over {wall_s} s", code="time-limit")
            ready = wait(watched, min(_BEAT_S, wall_s - gone) if beat else wall_s - gone)
            if self._process.sentinel in ready:
                return False
            if door in ready:
                # One byte, never a message: what a foreign file made of the child may write it.
                if os.read(door.fileno(), 1):
                    return True
                watched = [self._process.sentinel]
            elif beat:
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
        limits: budgets; memory, processor time, bytes written and wall clock are enforced by the
            kernel and by this process.
        while_waiting: called with the seconds gone, several times a second; what it raises ends
            the child and comes through.
        look_first: whether the child looks at the file, tells, and waits until it may take it.

    Raises:
        InvalidInputError: there is no such reader.
    """
    if reader not in _READERS:
        raise InvalidInputError(f"there is no reader {reader!r}")
    ours, childs = multiprocessing.Pipe() if look_first else (None, None)
    process = multiprocessing.get_context("forkserver").Process(
        target=_inside, args=(reader, str(scratch), task, limits, childs), daemon=True
    )
    try:
        with _from(_server(_prelude_for(reader))):
            process.start()
        try:
            yield Reading(process, scratch, limits, while_waiting, ours)
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

    Args:
        reader: one of the readers that take a foreign file.
        scratch: the one folder the child works in; it holds the foreign file as `source`.
        task: JSON value handed to the reader.
        limits: budgets; memory, processor time, bytes written and wall clock are enforced by the
            kernel and by this process.
        while_waiting: called with the seconds gone, several times a second; what it raises ends
            the child and comes through.

    Returns:
        The JSON object the reader answered with.

    Raises:
        RefusedFileError: the reader refused the file, crashed on it, or ran out of a budget.
        UnitError: a unit is missing or disagrees.
    """
    with reading(reader, scratch, task, limits, while_waiting=while_waiting) as child:
        return child.taken()


def confinement(scratch: Path, limits: Limits) -> dict[str, bool]:
    """Return which of the kernel's walls stand around a reader here: `landlock`, `network`."""
    answer = run_jailed("walls", scratch, {}, limits)
    return {"landlock": bool(answer["landlock"]), "network": bool(answer["network"])}


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


def _prelude_for(reader: str) -> str:
    return _LEAN if reader in ("raster", "walls") else _FULL


def _server(prelude: str) -> forkserver.ForkServer:
    """Return the running fork server with this prelude; it lives as long as this process."""
    with _STARTING:
        if (server := _SERVERS.get(prelude)) is None:
            server = _SERVERS[prelude] = forkserver.ForkServer()
            server.set_forkserver_preload([prelude])
            # The C library reads these once, when a program starts.
            mine = {k: v for k, v in SERVERS_ENVIRONMENT.items() if k not in os.environ}
            os.environ.update(mine)
            try:
                server.ensure_running()
            finally:
                for name in mine:
                    del os.environ[name]
    return server


@contextlib.contextmanager
def _from(server: forkserver.ForkServer) -> Iterator[None]:
    """Let a process started within the block be a fork of this server.

    This program's main module is hidden meanwhile: a child would run it again, and has no use
    for it. The standard library knows one fork server in a program; that one is not touched.
    """
    with _STARTING:
        main, usual = sys.modules["__main__"], forkserver.connect_to_new_process
        sys.modules["__main__"] = ModuleType("__main__")
        forkserver.connect_to_new_process = server.connect_to_new_process
        try:
            yield
        finally:
            forkserver.connect_to_new_process = usual
            sys.modules["__main__"] = main


def _inside(
    reader: str, scratch: str, task: dict[str, Any], limits: Limits, door: Connection | None
) -> None:
    folder = Path(scratch).resolve()
    # Opened before the walls stand, which allow no file to be written outside.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    walls = _close_off(folder, limits)
    # What a file makes its reader say would stand in the node's log, and could fill or empty it.
    for stream in (1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)
    if door is not None:
        seen = _answer_of(reader, folder, {**task, "look": True}, limits, walls)
        _write_answer(folder / _SEEN, seen)
        if "refused" in seen:
            return
        os.write(door.fileno(), b"s")
        # Closed without a word where nobody wants the file, or nobody is left.
        if not os.read(door.fileno(), 1):
            return
        _tidy(folder)
    answer = _answer_of(reader, folder, task, limits, walls)
    _write_answer(folder / _ANSWER, answer)


def _answer_of(
    reader: str, folder: Path, task: dict[str, Any], limits: Limits, walls: dict[str, bool]
) -> dict[str, Any]:
    try:
        if reader == "walls":
            return dict(walls)
        module = importlib.import_module(f"earthcommons.ingest.read_{reader}")
        answer: dict[str, Any] = module.convert(folder, task, limits)
    except InvalidInputError as error:
        message = str(error).replace(str(folder), "")[:2000]
        return {"refused": {"code": error.code, "message": message}}
    except MemoryError:
        message = f"reading needs more than {limits.memory_bytes} bytes of memory"
        return {"refused": {"code": "declared-too-large", "message": message}}
    except Exception as error:
        detail = f"{type(error).__name__}: {error}".replace(str(folder), "")[:300]
        return {"refused": {"code": "malformed", "message": f"cannot be read: {detail}"}}
    return answer


def _write_answer(place: Path, answer: dict[str, Any]) -> None:
    place.write_text(json.dumps(answer, allow_nan=False))


def _tidy(folder: Path) -> None:
    """Leave what a look unpacked behind, on disk and in memory: the file is taken from anew."""
    for place in folder.iterdir():
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        elif place.name != _SOURCE:
            place.unlink()
    gc.collect()


def _close_off(folder: Path, limits: Limits) -> dict[str, bool]:
    # Ctrl-C is the parent's to answer: it ends this process itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(READERS_ENVIRONMENT | {"TMPDIR": str(folder)})
    # Without a network where the kernel lets an ordinary user drop it; `doctor` says where not.
    network = False
    with contextlib.suppress(OSError, AttributeError):
        network = ctypes.CDLL(None).unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0
    space = limits.memory_bytes + _address_space()
    landlock = restrict(readable_by_readers(), [folder])
    forbid_processes()
    for what, most in (
        (resource.RLIMIT_AS, space),
        (resource.RLIMIT_CPU, limits.cpu_s),
        (resource.RLIMIT_FSIZE, limits.written_bytes),
        (resource.RLIMIT_NOFILE, 1024),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        cap = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (cap, cap))
    sys.stdin.close()
    return {"landlock": landlock, "network": network}


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


def _address_space() -> int:
    # What the preloaded libraries have mapped already is no part of the file's budget.
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE")
