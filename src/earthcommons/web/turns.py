"""Costly requests one at a time, with a short queue: whoever comes beyond it is told to come back.

Every waiting request holds a thread of the server; without a bound a few dozen of them would stop
it from answering anything else.
"""

from __future__ import annotations

import threading

from earthcommons.errors import UpstreamError

__all__ = ["Turns"]


class Turns:
    """A place at work and a few places to wait; used as a context manager.

    Args:
        waiting: requests that may wait while one works.
        patience_s: longest wait.
    """

    def __init__(self, waiting: int = 3, patience_s: float = 30.0) -> None:
        self._inside = threading.BoundedSemaphore(waiting + 1)
        self._working = threading.Lock()
        self._patience_s = patience_s

    def __enter__(self) -> None:
        if not self._inside.acquire(blocking=False):
            raise self._busy()
        if not self._working.acquire(timeout=self._patience_s):
            self._inside.release()
            raise self._busy()

    def __exit__(self, *_: object) -> None:
        self._working.release()
        self._inside.release()

    def _busy(self) -> UpstreamError:
        return UpstreamError(
            "others are being served this way: try again in a minute", code="busy"
        )
