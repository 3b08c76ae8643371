"""A lock between many who may act beside one another and one who must act alone."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Turns"]


class Turns:
    """A lock on a file, between processes and threads; it ends with its process."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @contextmanager
    def among(self) -> Iterator[None]:
        """Hold off the one who must be alone, beside others who need not."""
        with self._held(fcntl.LOCK_SH):
            yield

    @contextmanager
    def alone(self, *, wait: bool = True) -> Iterator[None]:
        """Hold off all others.

        Raises:
            BlockingIOError: others are at it, and waiting for them was not asked for.
        """
        with self._held(fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB)):
            yield

    @contextmanager
    def _held(self, how: int) -> Iterator[None]:
        descriptor = os.open(self._file, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, how)
            yield
        finally:
            os.close(descriptor)
