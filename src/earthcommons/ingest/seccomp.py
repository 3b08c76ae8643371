"""That a jailed process begins no other: one that outlives it could change what it left.

Source:
    Linux, Documentation/userspace-api/seccomp_filter.rst; include/uapi/linux/bpf_common.h.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct

__all__ = ["forbid_processes"]

_NO_NEW_PRIVS, _SET_SECCOMP, _FILTER = 38, 22, 2
# Operations of the filter: load a word, compare it, return.
_LOAD, _EQUAL, _AT_LEAST, _HAS_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_ALLOW, _FAIL = 0x7FFF0000, 0x00050000
_CLONE_THREAD, _CLONE3, _X32 = 0x10000, 435, 0x40000000
# Architecture, `clone`, and the older calls that only begin a process.
_CALLS = {
    "x86_64": (0xC000003E, 56, (57, 58)),
    "aarch64": (0xC00000B7, 220, ()),
}


def forbid_processes() -> bool:
    """Let this process begin threads, which end with it, but no other process.

    Returns:
        Whether the kernel took the rule; False where it has none or the machine is not known here.
    """
    if platform.machine() not in _CALLS:
        return False
    program = _program(*_CALLS[platform.machine()])
    held = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("@HP", len(program) // 8, ctypes.addressof(held))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        return False
    return bool(libc.prctl(_SET_SECCOMP, _FILTER, head, 0, 0) == 0)


def _program(architecture: int, clone: int, older: tuple[int, ...]) -> bytes:
    refuse = (_RETURN, 0, 0, _FAIL | errno.EPERM)
    lines = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture),
        refuse,
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32),
        refuse,
    ]
    for number in older:
        lines += [(_EQUAL, 0, 1, number), refuse]
    lines += [
        # Its flags lie in memory, where a filter cannot look: the C library then takes `clone`.
        (_EQUAL, 0, 1, _CLONE3),
        (_RETURN, 0, 0, _FAIL | errno.ENOSYS),
        (_EQUAL, 0, 3, clone),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_HAS_BITS, 1, 0, _CLONE_THREAD),
        refuse,
        (_RETURN, 0, 0, _ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *line) for line in lines)
