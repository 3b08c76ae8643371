"""The walls a child puts up around itself before it touches a foreign byte."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from earthcommons.ingest.environment import READERS_ENVIRONMENT
from earthcommons.ingest.landlock import readable_by_readers, restrict
from earthcommons.ingest.seccomp import forbid_processes

if TYPE_CHECKING:
    from earthcommons.ingest.limits import Limits

__all__ = ["close_off"]

_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000


def close_off(folder: Path, limits: Limits) -> dict[str, bool]:
    """Confine this process to a folder and to limits, for good.

    Returns:
        Which of the walls stand that not every kernel has: `landlock`, no file outside the folder
        but the libraries; `network`, none; `processes`, none but this one.

    Raises:
        UpstreamError: the kernel has Landlock and refused the rules.
    """
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
    processes = forbid_processes()
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
    return {"landlock": landlock, "network": network, "processes": processes}


def _address_space() -> int:
    # What the preloaded libraries have mapped already is no part of the file's budget.
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * os.sysconf("SC_PAGE_SIZE")
