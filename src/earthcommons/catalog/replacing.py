"""One catalogue file put in the place of another in one step, and opening what has the name.

SQLite keeps a log beside a file and finds it by its name. A file that takes another's place must
not meet the other's log, nor one that opened the other the log of the new.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import sqlite3
import stat
import time
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import TYPE_CHECKING, TypeVar

from earthcommons.errors import ConflictError
from earthcommons.store import sync_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    C = TypeVar("C", bound=sqlite3.Connection)

__all__ = ["copy_beside", "inode_of", "leftover", "open_named", "remove_leftover", "swap_in"]


_WAIT_S, _LOOK_S = 30.0, 0.01
# Pages copied before an end is listened to.
_PAGES_AT_ONCE = 16_384


def open_named(file: Path, connect: Callable[[Path], C]) -> tuple[C, int | None]:
    """Return a connection to the file that has a name, with the log of that file, and its inode.

    Args:
        file: its name; the file is made where there is none.
        connect: opens a connection.

    Raises:
        sqlite3.DatabaseError: it cannot be opened.
    """
    while True:
        # Never the time between a file that took the name and the end of the other's log.
        with _named(file, fcntl.LOCK_SH):
            inode = inode_of(file)
        with ExitStack() as held:
            try:
                connection = held.enter_context(closing(connect(file)))
                # SQLite opens a file and its log, or makes them, with the first question.
                connection.execute("PRAGMA user_version").fetchone()
            except sqlite3.DatabaseError:
                # One file read with the log of another is damaged to look at.
                if inode in (None, inode_of(file)):
                    raise
                continue
            found = inode_of(file)
            if inode in (None, found):
                held.pop_all()
                return connection, found


def inode_of(file: Path) -> int | None:
    """Return the number of the file that has a name; None where there is none."""
    try:
        return file.stat().st_ino
    except FileNotFoundError:
        return None


def swap_in(new: Path, place: Path, keep_as: Path | None = None) -> None:
    """Put a new catalogue file in the place of another in one step, and keep the other.

    A crash at any point leaves the old one or the new one whole. The new one gets owner and mode of
    the other; where the place is a link, it stays one.

    Raises:
        ConflictError: somebody is reading or writing either.
    """
    place = place.resolve()
    _settle(new)
    new = _on_its_disk(new, place)
    with ExitStack() as held:
        if place.exists():
            # Open until all is done: who closes the other file meanwhile is not the last one,
            # who removes the log of its name.
            _bring_in(held.enter_context(closing(_connect(place))), place)
            with suppress(PermissionError):
                _give(new, place)
            if keep_as is not None:
                _keep(place, keep_as)
        with _named(place, fcntl.LOCK_EX):
            # In this order: had the log gone first, an end in between would leave a file in place
            # that some write to through a log that others do not find.
            new.replace(place)
            for suffix in ("-wal", "-shm"):
                place.with_name(place.name + suffix).unlink(missing_ok=True)
        sync_folder(place.parent)


@contextmanager
def copy_beside(place: Path) -> Iterator[Path]:
    """Yield a copy of a catalogue file, which takes the file's place when the block ends.

    Where the block raises, the copy goes and the file is as it was. Nobody may write meanwhile.

    Raises:
        ConflictError: somebody reads what was there some time ago, or the file is another user's
            (nothing was begun).
    """
    copy = _copy_of(place)
    remove_leftover(place)
    # Later is too late to find that the file cannot be replaced.
    with closing(_connect(place)) as old:
        _bring_in(old, place)
    # Made by SQLite, it would be open to whom the umask lets in.
    os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        try:
            _give(copy, place)
        except PermissionError as error:
            raise ConflictError(f"{place.name} belongs to another user") from error
        with closing(_connect(place)) as old, closing(_connect(copy)) as new:
            # Synced once, when it is whole.
            new.execute("PRAGMA synchronous = OFF")
            old.backup(new, pages=_PAGES_AT_ONCE, progress=lambda *_: None)
        yield copy
        swap_in(copy, place)
    finally:
        remove_leftover(place)


def remove_leftover(place: Path) -> None:
    """Remove what a copy that was ended left beside a catalogue file; nobody may fill one."""
    for file in leftover(place):
        file.unlink(missing_ok=True)


def leftover(place: Path) -> list[Path]:
    """Return what a copy that was ended left beside a catalogue file, or one is being filled."""
    copy = _copy_of(place)
    return sorted(copy.parent.glob(copy.name + "*"))


def _copy_of(place: Path) -> Path:
    return place.with_name(f"{place.stem}.filling{place.suffix}")


@contextmanager
def _named(file: Path, how: int) -> Iterator[None]:
    """Hold a lock on the folder of a file: shared to look at the name, alone to change it."""
    descriptor = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)


def _connect(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(file, isolation_level=None, timeout=_WAIT_S)


def _bring_in(sql: sqlite3.Connection, file: Path) -> None:
    """Bring the log into the file, durably."""
    until = time.monotonic() + _WAIT_S
    while sql.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
        # For who reads, SQLite waits itself; for another who brings the log in, it does not.
        if time.monotonic() >= until:
            raise ConflictError(f"{file.name} is in use: stop the server first")
        time.sleep(_LOOK_S)


def _settle(new: Path) -> None:
    """Bring everything into the one file, durably, and leave no log beside it."""
    with closing(_connect(new)) as sql:
        _bring_in(sql, new)
    for suffix in ("-wal", "-shm"):
        new.with_name(new.name + suffix).unlink(missing_ok=True)
    # Not done to one that is in use: who closes a file ends all locks of its process on it.
    _sync(new)


def _sync(file: Path) -> None:
    with file.open("rb") as opened:
        os.fsync(opened.fileno())


def _on_its_disk(new: Path, place: Path) -> Path:
    """Return the new file, on the disk of the place by now."""
    if new.stat().st_dev == place.parent.stat().st_dev:
        return new
    copy = _copy_of(place)
    os.close(os.open(copy, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600))
    try:
        shutil.copyfile(new, copy)
        _sync(copy)
    except BaseException:
        copy.unlink()
        raise
    new.unlink()
    return copy


def _keep(place: Path, keep_as: Path) -> None:
    keep_as.unlink(missing_ok=True)
    try:
        os.link(place, keep_as)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.copy2(place, keep_as)
        _sync(keep_as)
    sync_folder(keep_as.parent)


def _give(new: Path, place: Path) -> None:
    """Give a file the owner, the group and the mode of another.

    Raises:
        PermissionError: the other is somebody else's.
    """
    asked = place.stat()
    # A link that somebody put there meanwhile is not followed: root may run this.
    descriptor = os.open(new, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        found = os.fstat(descriptor)
        if (asked.st_uid, asked.st_gid) != (found.st_uid, found.st_gid):
            os.fchown(descriptor, asked.st_uid, asked.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(asked.st_mode))
    finally:
        os.close(descriptor)
