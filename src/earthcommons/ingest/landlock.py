"""What a jailed process may still touch of the file system, where the kernel has Landlock.

Source:
    Linux, Documentation/userspace-api/landlock.rst; system calls 444 to 446.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
import sysconfig
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from earthcommons.errors import UpstreamError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["landlock_version", "readable_by_readers", "restrict"]

_CREATE, _ADD, _RESTRICT = 444, 445, 446
_VERSION, _PATH_BENEATH, _NO_NEW_PRIVS = 1, 1, 38
# Rights by the bits of the kernel: execute, read a file, list a folder; then what changes.
_EXECUTE, _READ, _LIST = 1 << 0, 1 << 2, 1 << 3
_RIGHTS_OF = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
_TRUNCATE_FILE = (1 << 1) | _READ | _EXECUTE | (1 << 14) | (1 << 15)
_NET_FROM, _SCOPE_FROM = 4, 6


def landlock_version() -> int:
    """Return the version of Landlock the kernel offers, 0 where it has none."""
    return max(int(_call(_CREATE, None, 0, _VERSION)), 0)


def restrict(readable: Iterable[Path], writable: Iterable[Path]) -> bool:
    """Confine this thread and what it starts: read below `readable`, all below `writable`.

    Connections and listening by TCP end too where the kernel can say so (version 4), and signals
    and abstract sockets to processes outside (version 6).

    Returns:
        Whether the kernel took the rules; False where it has no Landlock.

    Raises:
        UpstreamError: the kernel has Landlock and refused the rules: going on would be unsafe.
    """
    version = landlock_version()
    if not version:
        return False
    rights = next(_RIGHTS_OF[v] for v in (5, 3, 2, 1) if version >= v)
    net = 0b11 if version >= _NET_FROM else 0
    scope = 0b11 if version >= _SCOPE_FROM else 0
    attributes = struct.pack("QQQ", rights, net, scope)
    size = 24 if version >= _SCOPE_FROM else 16 if version >= _NET_FROM else 8
    ruleset = _checked(_call(_CREATE, attributes, size, 0), "create")
    try:
        for path in readable:
            _allow(ruleset, path, (_EXECUTE | _READ | _LIST) & rights)
        for path in writable:
            _allow(ruleset, path, rights)
        libc = ctypes.CDLL(None, use_errno=True)
        _checked(libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges")
        _checked(_call(_RESTRICT, ruleset, 0, 0), "restrict")
    finally:
        os.close(ruleset)
    return True


@cache
def readable_by_readers() -> tuple[Path, ...]:
    """Return the places a reader needs: interpreter, packages, system libraries, no data."""
    package = Path(__file__).parents[1]
    names = sysconfig.get_paths()
    places = {
        package,
        Path(sys.base_prefix, "lib"),
        *(Path(names[key]) for key in ("stdlib", "platstdlib", "purelib", "platlib")),
        *(Path(place) for place in ("/usr/lib", "/usr/lib64", "/lib", "/lib64")),
        *(
            Path(place)
            for place in ("/etc/ld.so.cache", "/usr/share/zoneinfo", "/etc/localtime")
        ),
        *(
            Path(place)
            for place in ("/dev/null", "/dev/urandom", "/proc/self", "/proc/cpuinfo")
        ),
        Path("/sys/devices/system/cpu"),
    }
    return tuple(sorted(place for place in places if place.exists()))


def _allow(ruleset: int, path: Path, rights: int) -> None:
    descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        kept = rights if path.is_dir() else rights & _TRUNCATE_FILE
        rule = struct.pack("=Qi", kept, descriptor)
        _checked(_call(_ADD, ruleset, _PATH_BENEATH, rule, 0), f"allow {path.name}")
    finally:
        os.close(descriptor)


def _call(number: int, *arguments: object) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    ready = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return int(libc.syscall(ctypes.c_long(number), *ready))


def _checked(answer: int, what: str) -> int:
    if answer < 0:
        raise UpstreamError(f"Landlock: {what}: {os.strerror(ctypes.get_errno())}")
    return answer
