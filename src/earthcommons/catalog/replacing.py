"""One catalogue file put in the place of another, in one step."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from earthcommons.errors import ConflictError
from earthcommons.store import sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["copy_beside", "swap_in"]


_WAIT_S = 30.0


def swap_in(new: Path, place: Path, keep_as: Path | None = None) -> None:
    """Put a new catalogue file in the place of another in one step, and keep the other.

    A crash at any point leaves the old one or the new one whole.

    Raises:
        ConflictError: somebody is reading or writing either.
    """
    for file in (place, new):
        if file.exists():
            _settle(file)
    if keep_as is not None and place.exists():
        keep_as.unlink(missing_ok=True)
        os.link(place, keep_as)
        sync_folder(keep_as.parent)
    new.replace(place)
    sync_folder(place.parent)


@contextmanager
def copy_beside(place: Path) -> Iterator[Path]:
    """Yield a copy of a catalogue file, which takes the file's place when the block ends.

    Where the block raises, the copy goes and the file is as it was. Nobody may write meanwhile.

    Raises:
        ConflictError: somebody reads what was there some time ago (nothing was begun).
    """
    copy = place.with_name(f"{place.stem}.filling{place.suffix}")
    _remove(copy)
    # Later is too late to find that the file cannot be replaced.
    _bring_in(place)
    # Made by SQLite, it would be open to whom the umask lets in.
    os.close(os.open(copy, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with closing(sqlite3.connect(place)) as old, closing(sqlite3.connect(copy)) as new:
            old.backup(new)
        shutil.copymode(place, copy)
        yield copy
        swap_in(copy, place)
    finally:
        _remove(copy)


def _remove(copy: Path) -> None:
    for file in copy.parent.glob(copy.name + "*"):
        file.unlink()


def _bring_in(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None, timeout=_WAIT_S)) as sql:
        busy = sql.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if busy:
            raise ConflictError(f"{file.name} is in use: stop the server first")


def _settle(file: Path) -> None:
    """Bring everything into the one file, durably, and leave no log beside it."""
    _bring_in(file)
    for suffix in ("-wal", "-shm"):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
