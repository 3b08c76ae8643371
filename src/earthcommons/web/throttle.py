"""Slow down guessing: a growing pause for an account and for an address, in bounded memory."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING

from earthcommons.errors import CommonsError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FREE_TRIES", "Throttle", "ThrottledError"]

FREE_TRIES = 5


class ThrottledError(CommonsError):
    """Too many tries; `seconds` says how long to wait."""

    code = "too-many-tries"

    def __init__(self, seconds: float) -> None:
        self.seconds = max(1, round(seconds))
        super().__init__(f"too many tries: wait {self.seconds} s")


class Throttle:
    """Counts failures by name; after a few, each further try must wait twice as long.

    An owner who knows the password is held up by others' guessing for a minute at most: the pause
    never grows beyond `longest_s`, and the pause of an account is shorter than that of an address.

    Args:
        free: failures without a pause.
        longest_s: longest pause.
        forget_s: after so long without a failure, those of a name are forgotten.
        names: how many names are remembered; the oldest are forgotten.
        now: clock [s].
    """

    def __init__(
        self,
        free: int = FREE_TRIES,
        longest_s: float = 60.0,
        forget_s: float = 900.0,
        names: int = 10_000,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._free = free
        self._longest_s = longest_s
        self._forget_s = forget_s
        self._names = names
        self._now = now
        self._failed: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._lock = threading.RLock()

    def check(self, name: str) -> None:
        """Return when a try may be made.

        Raises:
            ThrottledError: not yet.
        """
        with self._lock:
            count, until = self._failed.get(name, (0, 0.0))
            left = until - self._now()
            if count > self._free and left > 0:
                raise ThrottledError(left)

    def begin(self, name: str) -> int:
        """Count a try before it is made: of many at once no more get through than one by one.

        Returns:
            which try in a row it is.

        Raises:
            ThrottledError: not yet.
        """
        with self._lock:
            self.check(name)
            return self.failed(name)

    def failed(self, name: str) -> int:
        """Count a failure; return how many there were in a row."""
        with self._lock:
            count, until = self._failed.pop(name, (0, 0.0))
            count = 1 if self._now() > until + self._forget_s else count + 1
            pause = min(self._longest_s, 2.0 ** min(count - self._free, 20))
            self._failed[name] = (count, self._now() + pause)
            while len(self._failed) > self._names:
                self._failed.popitem(last=False)
            return count

    def succeeded(self, name: str) -> None:
        """Forget the failures of a name."""
        with self._lock:
            self._failed.pop(name, None)
