"""Pieces of an import prepared in order by two processes, while those before are written."""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from earthcommons.commons.stories.bulk_lines import prepare_lines
from earthcommons.errors import InvalidInputError, UpstreamError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from earthcommons.catalog.preparing import Batch
    from earthcommons.commons.stories.bulk_lines import Rules
    from earthcommons.commons.stories.bulk_pieces import Piece

__all__ = ["prepared"]

# So many bytes of lines wait at most.
_MOST_BYTES = 256 * 2**20


def prepared(
    pieces: Iterator[Piece], rules: Rules, ahead: int
) -> Generator[Batch | InvalidInputError, None, None]:
    """Yield batches in order, or the refusal of a piece as the last.

    Another process prepares, while this one writes those before. While that begins, and where it
    is the slower of the two, this one lends a hand; where it runs ahead, it stops at `ahead`
    batches. With none ahead there is no other process.

    Raises:
        UpstreamError: the other process was ended; run the import again to go on.
    """
    try:
        yield from _batches(pieces, rules, ahead)
    except InvalidInputError as error:
        yield error


def _batches(pieces: Iterator[Piece], rules: Rules, ahead: int) -> Generator[Batch, None, None]:
    first, second = next(pieces, None), next(pieces, None)
    todo = chain((piece for piece in (first, second) if piece is not None), pieces)
    if second is None or not ahead or (os.cpu_count() or 1) < 2:
        yield from (prepare_lines(piece.numbered(), rules) for piece in todo)
        return
    # A new process, not a fork: the caller may run threads.
    context = multiprocessing.get_context("spawn")
    waiting: deque[tuple[Piece, Future[Batch]]] = deque()
    pool = ProcessPoolExecutor(1, mp_context=context, initializer=_begin_apart)
    preparing, writing = _Timer(), _Timer()
    try:
        while True:
            while len(waiting) < ahead and sum(one.size for one, _ in waiting) < _MOST_BYTES:
                if (piece := next(todo, None)) is None:
                    break
                waiting.append((piece, pool.submit(_prepare_apart, piece, rules)))
            if not waiting:
                return
            # What this process prepares while it could wait is lacking to the other, which then
            # waits for this one at the end: it helps until that has begun, and where it is slower.
            begun = writing.count > preparing.count
            slower = preparing.mean_s > writing.mean_s
            if (slower or not begun) and not waiting[0][1].done():
                with preparing.timed():
                    lent = _lend_a_hand(waiting, rules)
                if lent:
                    continue
            batch = waiting.popleft()[1].result()
            with writing.timed():
                yield batch
    except BrokenProcessPool as error:
        raise UpstreamError(
            "the process that prepares items was ended, perhaps for want of memory; run the import"
            " again to go on"
        ) from error
    finally:
        # What is not begun is not waited for: an import that was ended ends.
        pool.shutdown(cancel_futures=True)


@dataclass(slots=True)
class _Timer:
    """How long something takes."""

    count: int = 0
    total_s: float = 0.0

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Add the time that the block takes."""
        started = time.monotonic()
        yield
        self.count += 1
        self.total_s += time.monotonic() - started

    @property
    def mean_s(self) -> float:
        """The mean of all; zero of none."""
        return self.total_s / max(self.count, 1)


def _lend_a_hand(waiting: deque[tuple[Piece, Future[Batch]]], rules: Rules) -> bool:
    """Prepare the first piece that nobody has begun with; return False when there is none."""
    for n, (piece, future) in enumerate(waiting):
        if future.cancel():
            waiting[n] = (piece, _prepare_here(piece, rules))
            return True
    return False


def _prepare_here(piece: Piece, rules: Rules) -> Future[Batch]:
    done: Future[Batch] = Future()
    try:
        done.set_result(prepare_lines(piece.numbered(), rules))
    except InvalidInputError as error:
        # Told when its turn has come.
        done.set_exception(error)
    return done


def _begin_apart() -> None:
    """Leave Ctrl-C to who began this process, and end with it however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(
        target=_end_with, args=(multiprocessing.parent_process(),), daemon=True
    ).start()


def _end_with(other: Any) -> None:
    other.join()
    os._exit(1)


def _prepare_apart(piece: Piece, rules: Rules) -> Batch:
    gc.disable()
    return prepare_lines(piece.numbered(), rules)
