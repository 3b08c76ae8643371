"""Objects in a local directory: `objects/ab/<sha256><suffix>`, a file or a tree."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from earthcommons.errors import NotFoundError, UpstreamError
from earthcommons.model.canonical import digest_of
from earthcommons.store.collecting import leftovers
from earthcommons.store.objects import (
    digest_in,
    digest_of_path,
    files_of_tree,
    split_key,
    storing,
)
from earthcommons.store.suspects import SuspectList, corrupt
from earthcommons.store.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

__all__ = ["LocalStore", "sync_folder", "sync_tree"]


class LocalStore:
    """A folder of immutable objects and a scratch folder beside it.

    Publish order: write into scratch, hash, fsync, rename into place, fsync the folder.
    A crash at any step leaves either nothing or the whole object. A sync that failed is not
    tried again, for the kernel may have given up what it held: the object is doubted, and the
    next put writes it anew.
    """

    def __init__(self, root: Path) -> None:
        # Absolute: a child process that reads for us works in another folder.
        root = root.resolve()
        self._objects = root / "objects"
        self._scratch = root / "tmp"
        if not self._objects.exists():
            with storing():
                self._begin(root)
        self._shelves: set[Path] = set()
        self._doubts = root / "doubted"
        self._doubted: set[str] = set()
        self._guard = Turns(root / "collect.lock")
        self._suspects = SuspectList(root / "suspect.json")

    def self_test(self) -> None:
        """Return when several writers can share this store.

        Raises:
            UpstreamError: objects and scratch lie on two file systems, so that nothing can be
                put in place in one step (`store-unsafe`).
        """
        self._scratch.mkdir(exist_ok=True)
        if self._objects.stat().st_dev != self._scratch.stat().st_dev:
            raise UpstreamError(
                "objects/ and tmp/ lie on two file systems: nothing can be renamed into place",
                code="store-unsafe",
            )

    @contextmanager
    def stage(self) -> Iterator[Path]:
        """Yield an empty scratch folder that is removed afterwards and never visible."""
        with storing():
            self._scratch.mkdir(exist_ok=True)
            folder = Path(tempfile.mkdtemp(dir=self._scratch))
        try:
            with storing():
                yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @storing()
    def put_bytes(self, data: bytes, suffix: str) -> str:
        """Store bytes durably; return their key. Storing them again changes nothing."""
        key = digest_of(data) + suffix
        target = self._place(key)
        if self._kept(target):
            return key
        with self.stage() as folder:
            staged = folder / "object"
            with staged.open("wb") as file:
                file.write(data)
                # Without this a sync finds nothing yet to make durable.
                file.flush()
                os.fsync(file.fileno())
            self._rename(staged, target)
        return key

    @storing()
    def put_file(self, staged: Path, suffix: str) -> str:
        """Move a staged file into the store durably; return its key."""
        with staged.open("rb") as file:
            key = hashlib.file_digest(file, "sha256").hexdigest() + suffix
            target = self._place(key)
            if self._kept(target):
                return key
            os.fsync(file.fileno())
        self._rename(staged, target)
        return key

    @storing()
    def put_tree(self, staged: Path, suffix: str) -> str:
        """Move a staged folder into the store; its digest is that of its manifest.

        The manifest is canonical JSON `[[path, size, sha256], …]` sorted by path; it is not
        kept inside the tree, since the tree says it again whenever it is read.
        """
        sync_tree(staged)
        key = digest_of_path(staged) + suffix
        target = self._place(key)
        if not self._kept(target):
            self._rename(staged, target)
        return key

    def path(self, key: str) -> Path:
        """Return where an object can be read; the one place every reader passes.

        Raises:
            NotFoundError: no such object (`asset-unavailable`).
            IntegrityError: it is marked suspect (`asset-corrupt`).
        """
        place = self._found(key)
        self._suspects.check(key)
        return place

    def read(self, key: str) -> bytes:
        """Return the bytes of a file object, checked against its digest.

        Raises:
            NotFoundError: no such object.
            IntegrityError: the bytes are not those promised; the object is suspect from now on.
        """
        data = self.path(key).read_bytes()
        if (found := digest_of(data)) != digest_in(key):
            self._suspects.mark(key, found)
            raise corrupt(key, found)
        return data

    def verify(self, key: str) -> None:
        """Read an object whole and compare it with its digest; whole, it is suspect no more.

        Raises:
            NotFoundError: no such object.
            IntegrityError: the bytes are not those promised; the object is suspect from now on.
        """
        if (found := digest_of_path(self._found(key))) != digest_in(key):
            self._suspects.mark(key, found)
            raise corrupt(key, found)
        self._suspects.clear(key)

    def size(self, key: str) -> int:
        """Return the bytes an object holds."""
        place = self._found(key)
        return (
            sum(p.stat().st_size for p in files_of_tree(place))
            if place.is_dir()
            else place.stat().st_size
        )

    def all_keys(self, suffix: str = "") -> Iterator[str]:
        """Yield every key with that suffix, in order."""
        for shelf in sorted(self._objects.iterdir()):
            for place in sorted(shelf.iterdir()):
                if place.name.endswith(suffix):
                    yield place.name

    def suspects(self) -> Mapping[str, str]:
        """Return the keys that are not served, with what was found instead of their bytes."""
        return dict(self._suspects.all())

    def suspects_anew(self) -> AbstractContextManager[bool]:
        """Return the span in which every object is read again, when the list cannot be read."""
        return self._suspects.anew()

    def mark(self, key: str, found: str) -> bool:
        """Put an object among the suspects; return whether it was not there before."""
        return self._suspects.mark(key, found)

    @storing()
    def mend(self, key: str, good: Path) -> None:
        """Put a good copy, a staged file or folder, in the place of a damaged or lost object.

        Raises:
            IntegrityError: the copy is not what the key promises; nothing was changed.
        """
        if (found := digest_of_path(good)) != digest_in(key):
            raise corrupt(key, found)
        target = self._place(key)
        if good.is_dir():
            sync_tree(good)
            # Two folders cannot change places in one step; between these two the object is
            # missing, which no reader takes for data.
            if target.exists():
                target.rename(good.with_name(good.name + ".damaged"))
        else:
            with good.open("rb") as file:
                os.fsync(file.fileno())
        self._rename(good, target)
        self._suspects.clear(key)

    def put_times(self) -> Iterator[tuple[str, datetime]]:
        """Yield every key, in order, with when the object was last put; UTC."""
        for key in self.all_keys():
            with suppress(NotFoundError, FileNotFoundError):
                yield key, self._put_at(key)

    @storing()
    def discard(self, key: str, before: datetime) -> bool:
        """Remove an object, unless it was put at `before` or later; return whether it is gone.

        Whoever calls knows that nothing needs it.

        Raises:
            NotFoundError: no such object.
        """
        with self.stage() as folder:
            with self._guard.alone():
                place = self._found(key)
                if self._put_at(key) >= before:
                    return False
                # In one step, also for a tree: nobody reads half of it.
                place.rename(folder / "gone")
            sync_folder(place.parent)
        self._suspects.clear(key)
        return True

    @storing()
    def sweep(self, before: datetime, *, remove: bool) -> list[str]:
        """Return what processes that ended left in scratch before that time; remove it if asked."""
        found = leftovers(self._scratch, before)
        for place in found if remove else ():
            if place.is_dir():
                shutil.rmtree(place, ignore_errors=True)
            else:
                place.unlink(missing_ok=True)
        return [f"tmp/{place.name}" for place in found]

    def _put_at(self, key: str) -> datetime:
        return datetime.fromtimestamp(self._found(key).stat().st_mtime, UTC)

    def _begin(self, root: Path) -> None:
        self._objects.mkdir(parents=True, exist_ok=True)
        self._scratch.mkdir(exist_ok=True)
        try:
            sync_folder(root)
            sync_folder(root.parent)
        except OSError:
            # Empty still: the next to open it begins again.
            with suppress(OSError):
                self._objects.rmdir()
            raise

    def _found(self, key: str) -> Path:
        place = self._place(key)
        if not place.exists():
            raise NotFoundError(f"object {key} is not in the store", code="asset-unavailable")
        return place

    def _place(self, key: str) -> Path:
        digest, suffix = split_key(key)
        return self._objects / digest[:2] / f"{digest}{suffix}"

    def _kept(self, target: Path) -> bool:
        """Return whether an object is there durably; it counts as put now."""
        if not target.exists():
            return False
        with self._guard.among():
            try:
                os.utime(target)
            except (FileNotFoundError, PermissionError):
                # Gone meanwhile, or another user's: written anew it is ours.
                return False
        if self._is_doubted(target):
            return False
        self._settle(target)
        return True

    def _rename(self, staged: Path, target: Path) -> None:
        self._shelve(target.parent)
        if staged.is_file():
            staged.chmod(0o444)
        doubted = self._is_doubted(target)
        aside = staged.with_name(staged.name + ".doubted")
        with self._guard.among():
            if doubted and target.is_dir():
                target.rename(aside)
            os.utime(staged)
            try:
                staged.rename(target)
            except OSError as error:
                if aside.exists():
                    aside.rename(target)
                # A tree cannot replace a tree: another writer put the same bytes there first.
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
        self._settle(target)
        if doubted:
            (self._doubts / target.name).unlink(missing_ok=True)
            self._doubted.discard(target.name)

    def _shelve(self, shelf: Path) -> None:
        """Make the folder an object goes into, and its name durable."""
        if shelf in self._shelves and shelf.exists():
            return
        shelf.mkdir(exist_ok=True)
        try:
            sync_folder(self._objects)
        except OSError:
            # Made anew next time, unless it held objects before.
            with suppress(OSError):
                shelf.rmdir()
            raise
        self._shelves.add(shelf)

    def _settle(self, target: Path) -> None:
        """Make an object's name durable, also where another writer has only just made it."""
        self._shelve(target.parent)
        try:
            sync_folder(target.parent)
        except OSError:
            self._doubt(target)
            raise

    def _doubt(self, target: Path) -> None:
        """Note for this process and others that an object is there, but perhaps not durably."""
        self._doubted.add(target.name)
        with suppress(OSError):
            self._doubts.mkdir(exist_ok=True)
            (self._doubts / target.name).touch()

    def _is_doubted(self, target: Path) -> bool:
        return target.name in self._doubted or (self._doubts / target.name).exists()


def sync_tree(tree: Path) -> None:
    """Make every file of a folder durable, and the folders that name them."""
    files = files_of_tree(tree)
    for path in files:
        with path.open("rb") as file:
            os.fsync(file.fileno())
    folders = {tree} | {
        parent
        for path in files
        for parent in path.parents
        if parent != tree and parent.is_relative_to(tree)
    }
    for folder in sorted(folders):
        sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
