"""The catalogue's file: each thread's connection to it, and whose turn it is to write."""

from __future__ import annotations

import os
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from earthcommons.catalog.indexes import made_last
from earthcommons.catalog.migrations import check_schema
from earthcommons.catalog.reader import open_reader, was_ended
from earthcommons.catalog.replacing import (
    copy_beside,
    inode_of,
    leftover,
    open_named,
    remove_leftover,
)
from earthcommons.catalog.schema import SCHEMA_VERSION, statements
from earthcommons.errors import ConflictError, UpstreamError
from earthcommons.store import Turns, storing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from earthcommons.catalog.reader import Reader

__all__ = ["CatalogFile"]

# Where a disk is too slow to bring the log in beside the writing, who writes does.
_LOADING: dict[str, int | str] = {"wal_autocheckpoint": 100_000, "foreign_keys": 0}
# Of a copy, which is synced once, when it is whole.
_FILLING = {**_LOADING, "journal_mode": "OFF", "synchronous": "OFF"}
# As long as SQLite waits for who writes (`open_reader`).
_WAIT_S = 30.0
_MOST_CACHE_KIB, _CACHE_SHARE = 1_500_000, 1 / 16


class CatalogFile:
    """One SQLite file: a connection for each thread, one writer at a time in all processes.

    It knows when the file was replaced by another of its name, and makes an empty one ready. What
    the tables hold, and who may read it, is not its business.
    """

    def __init__(self, path: Path, *, copy: bool = False) -> None:
        """Open a file, or make it.

        Args:
            path: where it is.
            copy: it is thrown away where anything fails (`copy_beside`).
        """
        # A link stays one where the file is replaced, and another folder changes nothing.
        self._path = path = path.resolve()
        self._copy = copy
        self._local = threading.local()
        self._writing = threading.Lock()
        self._turns = Turns(path.with_name(path.name + ".lock"))
        with self._writing:
            self._prepare()

    def connection(self) -> Reader:
        """Return this thread's connection to the file that has the name by now."""
        connection: Reader | None = getattr(self._local, "connection", None)
        if connection is not None:
            if connection.in_transaction or inode_of(self._path) in (None, self._local.inode):
                return connection
            # Not closed here: somebody may have begun to read from it, and ends so.
            self._local.connection = None
        connection, self._local.inode = open_named(self._path, open_reader)
        self._local.connection = connection
        return connection

    @contextmanager
    def writing(self) -> Iterator[Reader]:
        """Yield the connection in a transaction; commit at the end, roll back what raises.

        Raises:
            ConflictError: another process kept writing for 30 seconds.
            UpstreamError: the disk is full or fails (`storage`); nothing was written.
        """
        with self._writing, storing(), self._turn():
            connection = self.connection()
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
                    raise ConflictError(
                        "another process is writing to this catalogue"
                    ) from error
                raise _unwritable(error) from error
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException as error:
                # Where the disk failed, SQLite may have rolled back by itself.
                if connection.in_transaction:
                    with suppress(sqlite3.DatabaseError):
                        connection.execute("ROLLBACK")
                if was_ended(error):
                    raise KeyboardInterrupt from error
                if isinstance(error, sqlite3.OperationalError):
                    raise _unwritable(error) from error
                raise

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with ExitStack() as held:
            try:
                held.enter_context(self._turns.among(wait_s=_WAIT_S))
            except BlockingIOError as error:
                raise ConflictError(
                    "another process fills or replaces this catalogue"
                ) from error
            yield

    @contextmanager
    def replaced(self) -> Iterator[Path]:
        """Yield a copy of the file, which takes its place when the block ends; nobody else writes.

        Raises:
            ConflictError: somebody reads what was there some time ago, or the file is another
                user's (nothing was begun).
            UpstreamError: the disk is full or fails (`storage`); the file is as it was.
        """
        try:
            with storing(), self.alone(), copy_beside(self._path) as copy:
                yield copy
        except sqlite3.OperationalError as error:
            raise _unwritable(error) from error

    def tidy(self) -> None:
        """Remove what a copy that was ended left, unless one is being filled."""
        if leftover(self._path):
            with suppress(BlockingIOError), self._turns.alone(wait=False):
                remove_leftover(self._path)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Let nobody write, in any process, while the block runs: the file may be replaced."""
        with self._turns.alone():
            yield

    @contextmanager
    def loading(self) -> Iterator[Callable[[], object]]:
        """Make this thread's connection fit for many writes while the block runs.

        It keeps more pages, and does not look up again that the rows it has just written refer to
        one another; a copy has no log, and what items are searched by is made when all are
        there. What is yielded brings the log into the file beside all
        else: to be called after each transaction.
        """
        if self._copy:
            with self._fit(_FILLING), made_last(self.connection()):
                yield lambda: None
            return
        with ThreadPoolExecutor(1) as beside, self._fit(_LOADING):
            yield partial(beside.submit, self._bring_in)
            beside.submit(self.close)

    @contextmanager
    def _fit(self, values: Mapping[str, int | str]) -> Iterator[None]:
        fit = {**values, "cache_size": -_cache_kib()}
        connection = self.connection()
        before = {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in fit}
        try:
            self._set(fit)
            yield
        except BaseException:
            # A copy that failed without a log is damaged, and thrown away.
            if not self._copy:
                self._set(before)
            raise
        self._set(before)

    def _set(self, values: Mapping[str, int | str]) -> None:
        connection = self.connection()
        for name, value in values.items():
            connection.execute(f"PRAGMA {name} = {value}")

    def close(self) -> None:
        """Close this thread's connection."""
        connection = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    def _bring_in(self) -> None:
        # What cannot be brought in now stays in the log, which says the same.
        with suppress(sqlite3.OperationalError):
            self.connection().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def _prepare(self) -> None:
        connection = self.connection()
        # Asked first: a file of another version is not to be touched.
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        check_schema(version)
        if version and connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
            # Nothing to make: who only reads does not wait for who writes.
            return
        # Two to three records a page; at 4096 an item of 2 KB would take one alone.
        connection.execute("PRAGMA page_size = 8192")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version == 0:
            for statement in statements():
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")


def _cache_kib() -> int:
    """Return how much memory the pages of an index that is filled may take."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with suppress(OSError, ValueError):
        # A container may have less than its machine.
        memory = min(memory, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min(int(memory * _CACHE_SHARE) // 1024, _MOST_CACHE_KIB)


def _unwritable(error: sqlite3.OperationalError) -> UpstreamError:
    return UpstreamError(f"the catalogue cannot be written: {error}", code="storage")
