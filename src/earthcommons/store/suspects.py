"""Objects known to be damaged or lost: a durable list beside the store, asked on every opening."""

from __future__ import annotations

import json
import os
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from earthcommons.errors import IntegrityError
from earthcommons.store.objects import digest_in, split_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["SuspectList", "corrupt"]


def corrupt(key: str, found: str) -> IntegrityError:
    """Return the error for an object whose bytes are not those promised (`asset-corrupt`)."""
    error = IntegrityError(key, expected=digest_in(key), found=found)
    error.code = "asset-corrupt"
    return error


def _unreadable(name: str, found: str) -> IntegrityError:
    """Return the error for a list that cannot be read (`suspects-unreadable`)."""
    error = IntegrityError(name, expected="a list of suspects", found=found)
    text = (
        f"{name} cannot be read ({found}): nobody knows which objects are damaged, and none is"
        " given out, until `earthcommons scrub` has read them all and written it anew"
    )
    error.args = (text,)
    error.code = "suspects-unreadable"
    return error


class SuspectList:
    """Keys not to be served, with what was found instead; one small JSON file.

    The file is read again whenever another process has changed it, and replaced as a whole, so
    that a server refuses an object the moment a scrub in another process has marked it.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._stamp: tuple[int, int, int] | None = None
        self._known: dict[str, str] = {}
        self._fresh: dict[str, str] | None = None

    def check(self, key: str) -> None:
        """Return when the object is not suspect.

        Raises:
            IntegrityError: it is; `found` says what a reader of its bytes saw. Or the list
                cannot be read (`suspects-unreadable`): any object may be suspect then.
        """
        found = self.all().get(key)
        if found is not None:
            raise corrupt(key, found)

    def all(self) -> dict[str, str]:
        """Return every suspect key with what was found instead of its bytes.

        Raises:
            IntegrityError: the list cannot be read (`suspects-unreadable`).
        """
        if self._fresh is not None:
            return self._fresh
        try:
            status = self._file.stat()
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise _unreadable(self._file.name, str(error.strerror)) from error
        stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
        if stamp != self._stamp:
            with self._lock:
                known = self._read()
                self._known, self._stamp = known, stamp
        return self._known

    def mark(self, key: str, found: str) -> bool:
        """Add a key durably; return whether it was not there before."""
        split_key(key)
        with self._alone():
            known = dict(self.all())
            if key in known:
                return False
            self._write(known | {key: found})
            return True

    def clear(self, key: str) -> bool:
        """Remove a key durably; return whether it was there."""
        if key not in self.all():
            return False
        with self._alone():
            known = dict(self.all())
            if known.pop(key, None) is None:
                return False
            self._write(known)
            return True

    @contextmanager
    def anew(self) -> Iterator[bool]:
        """Begin a list that cannot be read again; yield whether that is so.

        Whoever asks reads every object within the block. What is marked meanwhile is known here
        alone, and written when the block ends well: until then all others refuse every object.
        """
        try:
            self.all()
        except IntegrityError:
            self._fresh = {}
        if self._fresh is None:
            yield False
            return
        try:
            yield True
            known, self._fresh = self._fresh, None
            with self._alone():
                # Another may have done the same meanwhile: what either found is kept.
                with suppress(IntegrityError):
                    known = dict(self.all()) | known
                self._write(known)
        finally:
            self._fresh = None

    def _read(self) -> dict[str, str]:
        name = self._file.name
        try:
            known = json.loads(self._file.read_bytes())
        except OSError as error:
            raise _unreadable(name, str(error.strerror)) from error
        except (ValueError, RecursionError) as error:
            raise _unreadable(name, "no JSON") from error
        pairs = known.items() if isinstance(known, dict) else [("", None)]
        if not all(isinstance(found, str) for _, found in pairs):
            raise _unreadable(name, "not an object of keys with what was found")
        return dict(known)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold off other threads and processes: two marks at once must both be kept."""
        import fcntl

        guard = self._file.with_name(self._file.name + ".lock")
        descriptor = os.open(guard, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _write(self, known: dict[str, str]) -> None:
        if self._fresh is not None:
            self._fresh = known
            return
        staged = self._file.with_name(self._file.name + ".new")
        with staged.open("w", encoding="utf-8") as file:
            json.dump(known, file, indent=1, sort_keys=True)
            file.flush()
            os.fsync(file.fileno())
        staged.replace(self._file)
        descriptor = os.open(self._file.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
