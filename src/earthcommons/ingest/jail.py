"""First contact with foreign bytes: a child process with limits, an empty environment, a clock.

The child is forked from a fork server that has imported the readers and never sees a foreign
byte, so that each admission costs milliseconds, begins clean and never touches this process.
GeoTIFF has a server of its own (`prelude_raster`): it is ready in half the time of the one with
all readers (`prelude`), and less of it is copied. Where the kernel lets it, the child has no
network and sees of the file system its scratch folder and the libraries alone; it answers with
one JSON file.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import multiprocessing
import os
import resource
import signal
import sys
import threading
import time
from multiprocessing import forkserver
from multiprocessing.connection import wait
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from earthcommons.errors import InvalidInputError, RefusedFileError, UnitError
from earthcommons.ingest.environment import READERS_ENVIRONMENT, SERVERS_ENVIRONMENT
from earthcommons.ingest.landlock import readable_by_readers, restrict
from earthcommons.model.canonical import parse_strict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from earthcommons.ingest.limits import Limits

__all__ = ["confinement", "run_jailed"]

_ANSWER = "answer.json"
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_READERS = ("archive", "cube", "grib", "hdf4", "ogr", "raster", "table", "vector", "walls")
_LEAN, _FULL = "earthcommons.ingest.prelude_raster", "earthcommons.ingest.prelude"
_BEAT_S = 0.2
_STARTING = threading.Lock()
_SERVERS: dict[str, forkserver.ForkServer] = {}


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
    if reader not in _READERS:
        raise InvalidInputError(f"there is no reader {reader!r}")
    process = multiprocessing.get_context("forkserver").Process(
        target=_inside, args=(reader, str(scratch), task, limits), daemon=True
    )
    with _from(_server(_prelude_for(reader))):
        process.start()
    try:
        _wait(process, limits.wall_s, while_waiting)
    finally:
        if process.is_alive():
            process.kill()
        process.join()
        code = process.exitcode
        process.close()
    answer = scratch / _ANSWER
    if code != 0 or not answer.exists():
        raise RefusedFileError(
            "the reader was stopped by these bytes"
            + (f" (signal {-code})" if code is not None and code < 0 else "")
            + "; the file is damaged or needs more than the memory and time allowed",
            code="malformed",
        )
    value: dict[str, Any] = parse_strict(answer.read_bytes())
    answer.unlink()
    if (refused := value.get("refused")) is not None:
        kind = UnitError if refused["code"] == "unit-missing" else RefusedFileError
        raise kind(refused["message"], code=refused["code"])
    return value


def confinement(scratch: Path, limits: Limits) -> dict[str, bool]:
    """Return which of the kernel's walls stand around a reader here: `landlock`, `network`."""
    answer = run_jailed("walls", scratch, {}, limits)
    return {"landlock": bool(answer["landlock"]), "network": bool(answer["network"])}


def _wait(process: Any, wall_s: float, beat: Callable[[float], None] | None) -> None:
    start = time.monotonic()
    while True:
        gone = time.monotonic() - start
        if gone >= wall_s:
            raise RefusedFileError(f"reading took over {wall_s} s", code="time-limit")
        if wait([process.sentinel], min(_BEAT_S, wall_s - gone) if beat else wall_s - gone):
            return
        if beat:
            beat(time.monotonic() - start)


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


def _inside(reader: str, scratch: str, task: dict[str, Any], limits: Limits) -> None:
    folder = Path(scratch).resolve()
    walls = _close_off(folder, limits)
    try:
        if reader == "walls":
            answer: dict[str, Any] = dict(walls)
        else:
            module = importlib.import_module(f"earthcommons.ingest.read_{reader}")
            answer = module.convert(folder, task, limits)
    except InvalidInputError as error:
        message = str(error).replace(scratch, "")[:2000]
        answer = {"refused": {"code": error.code, "message": message}}
    except MemoryError:
        message = f"reading needs more than {limits.memory_bytes} bytes of memory"
        answer = {"refused": {"code": "declared-too-large", "message": message}}
    except Exception as error:
        detail = f"{type(error).__name__}: {error}".replace(scratch, "")[:300]
        answer = {"refused": {"code": "malformed", "message": f"cannot be read: {detail}"}}
    (folder / _ANSWER).write_text(json.dumps(answer, allow_nan=False))


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


def _address_space() -> int:
    # What the preloaded libraries have mapped already is no part of the file's budget.
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE")
