"""Denied acts in the server's log: who tried what on which record, one line a minute for each.

Only what is denied on a record that the asker can see (`AccessDeniedError`): what one may not see
is not found, and says nothing. It is no part of the audit log, which tells what was done.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

from earthcommons.errors import AccessDeniedError
from earthcommons.policy import acting_party

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi import Request

__all__ = ["Denied", "tell_denied"]

_LOG = logging.getLogger(__name__)
_LONGEST = 300


class Denied:
    """Writes the lines, in bounded number and memory.

    Args:
        every_s: at most one line in so long for an account and an act.
        names: how many accounts and acts are remembered; the oldest are forgotten.
        now: clock [s].
    """

    def __init__(
        self,
        every_s: float = 60.0,
        names: int = 2_000,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._every_s = every_s
        self._names = names
        self._now = now
        self._told: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()
        self._lock = threading.Lock()

    def tell(self, request: Request, error: AccessDeniedError) -> None:
        """Write a line, unless there was one for this account and act just now."""
        path = request.url.path
        act = f"{request.method} {getattr(request.scope.get('route'), 'path', path)}"
        who, now = acting_party().id, self._now()
        with self._lock:
            at, held = self._told.get((who, act), (-math.inf, 0))
            if now - at < self._every_s:
                self._told[who, act] = at, held + 1
                return
            self._told[who, act] = now, 0
            self._told.move_to_end((who, act))
            while len(self._told) > self._names:
                self._told.popitem(last=False)
        more = f" (and {held} more in between)" if held else ""
        said = f"{request.method} {path[:_LONGEST]}: {str(error)[:_LONGEST]}"
        _LOG.warning("denied: %r %s%s", who, said, more)


def tell_denied(request: Request, error: Exception) -> None:
    """Write of an error in the log of the application when it denies an act."""
    denied = getattr(request.app.state, "denied", None)
    if isinstance(error, AccessDeniedError) and denied is not None:
        denied.tell(request, error)
