"""A lock between many who may act beside one another and one who must act alone."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Turns", "open_lock"]

_LOOK_S = 0.05


def open_lock(file: Path) -> int:
    """Return a descriptor of a lock's file, made where there is none.

    Made by root, it belongs to whom its folder does: who runs the node takes the lock next.

    Raises:
        OSError: it is a link: root would open, and give away, what somebody chose.
    """
    descriptor = os.open(file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    if os.geteuid() == 0:
        owner, found = file.parent.stat(), os.fstat(descriptor)
        if found.st_uid == 0 != owner.st_uid and found.st_nlink == 1:
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor


class Turns:
    """A lock on a file, between processes and threads; it ends with its process."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @contextmanager
    def among(self, *, wait_s: float | None = None) -> Iterator[None]:
        """Hold off the one who must be alone, beside others who need not.

        Raises:
            BlockingIOError: that one was at it for longer than was to be waited.
        """
        with self._held(fcntl.LOCK_SH, wait_s):
            yield

    @contextmanager
    def alone(self, *, wait: bool = True) -> Iterator[None]:
        """Hold off all others.

        Raises:
            BlockingIOError: others are at it, and waiting for them was not asked for.
        """
        with self._held(fcntl.LOCK_EX, None if wait else 0):
            yield

    @contextmanager
    def _held(self, how: int, wait_s: float | None) -> Iterator[None]:
        descriptor = open_lock(self._file)
        try:
            if wait_s is None:
                fcntl.flock(descriptor, how)
            else:
                _lock_within(descriptor, how, wait_s)
            yield
        finally:
            os.close(descriptor)


def _lock_within(descriptor: int, how: int, wait_s: float) -> None:
    until = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(descriptor, how | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                raise
            time.sleep(_LOOK_S)
        else:
            return
