"""Faults that come at the Nth step of some work, and work in processes of its own.

What a step is, the test says that wraps calls in it. The count is in memory that parent and child
share, so that it is known of a child that was killed too.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
import traceback
from functools import partial
from mmap import mmap
from multiprocessing import forkserver
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import pytest

from earthcommons.errors import CommonsError, ConflictError
from earthcommons.model import OPERATOR
from earthcommons.policy import acting_as

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CONFLICT", "Steps", "in_a_child", "together"]

Given = ParamSpec("Given")
Answer = TypeVar("Answer")
_SAID = {"full": (28, "database or disk is full"), "broken": (5, "disk I/O error")}
CONFLICT, _REFUSED, _UNTYPED = 4, 10, 12
_ENDS = {
    0: "done", CONFLICT: "refused", _REFUSED: "refused", -signal.SIGKILL: "killed",
}  # fmt: skip


class Steps:
    """Counts steps and lets the process be killed, or a call fail, at the Nth one.

    Args:
        at: which step it is.
        fault: `killed`, `full` or `broken`.
    """

    def __init__(self, at: int, fault: str) -> None:
        self._at = at
        self._fault = fault
        self._shared = mmap(-1, 8)

    @property
    def count(self) -> int:
        """How many steps there were."""
        return int.from_bytes(self._shared[:], "little")

    @property
    def hit(self) -> bool:
        """Whether the fault has come."""
        return self.count >= self._at

    def step(self, *, of_sqlite: bool = False) -> None:
        """Count a step; at the Nth the fault comes, in the form in which SQLite has it or not."""
        count = self.count + 1
        self._shared[:] = count.to_bytes(8, "little")
        if count != self._at:
            return
        if self._fault == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        error, said = _SAID[self._fault]
        if of_sqlite:
            raise sqlite3.OperationalError(said)
        raise OSError(error, os.strerror(error))

    def after(self) -> None:
        """Count a step after something was done: only a kill can still come there."""
        if self._fault == "killed":
            self.step()

    def before(self, call: Callable[Given, Answer]) -> Callable[Given, Answer]:
        """Return the call with a step before it."""

        def counted(*given: Given.args, **more: Given.kwargs) -> Answer:
            self.step()
            return call(*given, **more)

        return counted

    def around(self, call: Callable[Given, Answer]) -> Callable[Given, Answer]:
        """Return the call with a step before it, and one after it at which a kill may come."""

        def counted(*given: Given.args, **more: Given.kwargs) -> Answer:
            self.step()
            done = call(*given, **more)
            self.after()
            return done

        return counted


def in_a_child(work: Callable[[], object]) -> str:
    """Do some work in a process of its own; return how it ended.

    Returns:
        `done`, `killed`, `refused` (an error of ours) or `untyped` (one that is none of ours).
    """
    return _ENDS.get(_ended(_begun(work)), "untyped")


def together(work: Callable[[int], object], writers: int) -> list[int]:
    """Do some work in processes of their own at once; return their exit codes.

    Returns:
        0 where it was done, `CONFLICT` where a conflict was told.
    """
    children = [_begun(partial(work, number)) for number in range(writers)]
    return [_ended(child) for child in children]


def _begun(work: Callable[[], Any]) -> int:
    """Begin some work as the operator in a new process; return the process's id."""
    child = os.fork()
    if child:
        return child
    code = _UNTYPED
    try:
        with pytest.MonkeyPatch.context() as patch, acting_as(OPERATOR):
            # The jail's server is the parent's child, and is asked from here as it stands.
            patch.setattr(forkserver.ForkServer, "ensure_running", lambda _: None)
            work()
        code = 0
    except ConflictError:
        code = CONFLICT
    except CommonsError:
        code = _REFUSED
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
