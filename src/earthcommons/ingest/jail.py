"""First contact with foreign bytes: a child process with limits, an empty environment, a clock.

The child is forked from a fork server that has already imported the readers (`prelude`), so that
each admission costs milliseconds and never touches this process. It answers with one JSON file.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import multiprocessing
import os
import resource
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earthcommons.errors import InvalidInputError, RefusedFileError, UnitError
from earthcommons.model.canonical import parse_strict

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext

    from earthcommons.ingest.limits import Limits

__all__ = ["run_jailed"]

_ANSWER = "answer.json"
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_READERS = ("raster", "cube", "table", "vector")


def run_jailed(
    reader: str, scratch: Path, task: dict[str, Any], limits: Limits
) -> dict[str, Any]:
    """Run `earthcommons.ingest.read_<reader>.convert(scratch, task, limits)` in a child process.

    Args:
        reader: raster, cube, table or vector.
        scratch: the one folder the child works in; it holds the foreign file as `source`.
        task: JSON value handed to the reader.
        limits: budgets; memory, processor time, bytes written and wall clock are enforced by the
            kernel and by this process.

    Returns:
        The JSON object the reader answered with.

    Raises:
        RefusedFileError: the reader refused the file, crashed on it, or ran out of a budget.
        UnitError: a unit is missing or disagrees.
    """
    if reader not in _READERS:
        raise InvalidInputError(f"there is no reader {reader!r}")
    process = _context().Process(
        target=_inside, args=(reader, str(scratch), task, limits), daemon=True
    )
    process.start()
    process.join(limits.wall_s)
    if process.is_alive():
        process.kill()
        process.join()
        raise RefusedFileError(f"reading took over {limits.wall_s} s", code="time-limit")
    answer = scratch / _ANSWER
    code = process.exitcode
    process.close()
    if code != 0 or not answer.exists():
        raise RefusedFileError(
            "the reader was stopped by these bytes"
            + (f" (signal {-code})" if code is not None and code < 0 else "")
            + "; the file is damaged or needs more than the memory and time allowed",
            code="malformed",
        )
    value: dict[str, Any] = parse_strict(answer.read_bytes())
    if (refused := value.get("refused")) is not None:
        kind = UnitError if refused["code"] == "unit-missing" else RefusedFileError
        raise kind(refused["message"], code=refused["code"])
    return value


@cache
def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["earthcommons.ingest.prelude"])
    return context


def _inside(reader: str, scratch: str, task: dict[str, Any], limits: Limits) -> None:
    folder = Path(scratch).resolve()
    _close_off(folder, limits)
    try:
        module = importlib.import_module(f"earthcommons.ingest.read_{reader}")
        answer = module.convert(folder, task, limits)
    except InvalidInputError as error:
        answer = {"refused": {"code": error.code, "message": str(error)[:2000]}}
    except MemoryError:
        message = f"reading needs more than {limits.memory_bytes} bytes of memory"
        answer = {"refused": {"code": "declared-too-large", "message": message}}
    except Exception as error:
        detail = f"{type(error).__name__}: {error}".replace(scratch, "")[:300]
        answer = {"refused": {"code": "malformed", "message": f"cannot be read: {detail}"}}
    (folder / _ANSWER).write_text(json.dumps(answer, allow_nan=False))


def _close_off(folder: Path, limits: Limits) -> None:
    os.chdir(folder)
    os.environ.clear()
    # Without a network where the kernel lets an ordinary user drop it; `doctor` says where not.
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    for what, most in (
        (resource.RLIMIT_AS, limits.memory_bytes + _address_space()),
        (resource.RLIMIT_CPU, limits.cpu_s),
        (resource.RLIMIT_FSIZE, limits.written_bytes),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        cap = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (cap, cap))
    sys.stdin.close()


def _address_space() -> int:
    # What the preloaded libraries have mapped already is no part of the file's budget.
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE")
