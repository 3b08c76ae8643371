"""Objects in a local directory: `objects/ab/<sha256><suffix>`, a file or a tree."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from earthcommons.errors import IntegrityError, NotFoundError
from earthcommons.model.canonical import canonical_bytes, digest_of
from earthcommons.store.objects import digest_in, file_digest, split_key

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LocalStore"]


class LocalStore:
    """A folder of immutable objects and a scratch folder beside it.

    Publish order: write into scratch, hash, fsync, rename into place, fsync the folder.
    A crash at any step leaves either nothing or the whole object.
    """

    def __init__(self, root: Path) -> None:
        # Absolute: a child process that reads for us works in another folder.
        root = root.resolve()
        self._objects = root / "objects"
        self._scratch = root / "tmp"
        self._objects.mkdir(parents=True, exist_ok=True)
        self._scratch.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def stage(self) -> Iterator[Path]:
        """Yield an empty scratch folder that is removed afterwards and never visible."""
        folder = Path(tempfile.mkdtemp(dir=self._scratch))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def put_bytes(self, data: bytes, suffix: str) -> str:
        """Store bytes durably; return their key. Storing them again changes nothing."""
        key = digest_of(data) + suffix
        target = self._place(key)
        if target.exists():
            return key
        with self.stage() as folder:
            staged = folder / "object"
            with staged.open("wb") as file:
                file.write(data)
                os.fsync(file.fileno())
            self._rename(staged, target)
        return key

    def put_file(self, staged: Path, suffix: str) -> str:
        """Move a staged file into the store durably; return its key."""
        with staged.open("rb") as file:
            key = hashlib.file_digest(file, "sha256").hexdigest() + suffix
            target = self._place(key)
            if target.exists():
                return key
            os.fsync(file.fileno())
        self._rename(staged, target)
        return key

    def put_tree(self, staged: Path, suffix: str) -> str:
        """Move a staged folder into the store; its digest is that of its manifest.

        The manifest is canonical JSON `[[path, size, sha256], …]` sorted by path; it is not
        kept inside the tree, since the tree says it again whenever it is read.
        """
        for path in _files(staged):
            with path.open("rb") as file:
                os.fsync(file.fileno())
        for folder in sorted({path.parent for path in _files(staged)}):
            _sync_folder(folder)
        key = _tree_digest(staged) + suffix
        target = self._place(key)
        if not target.exists():
            self._rename(staged, target)
        return key

    def path(self, key: str) -> Path:
        """Return where an object can be read.

        Raises:
            NotFoundError: no such object.
        """
        place = self._place(key)
        if not place.exists():
            raise NotFoundError(f"object {key} is not in the store", code="asset-unavailable")
        return place

    def read(self, key: str) -> bytes:
        """Return the bytes of a file object, checked against its digest.

        Raises:
            NotFoundError: no such object.
            IntegrityError: the bytes are not those promised.
        """
        data = self.path(key).read_bytes()
        if (found := digest_of(data)) != digest_in(key):
            raise IntegrityError(key, expected=digest_in(key), found=found)
        return data

    def verify(self, key: str) -> None:
        """Read an object whole and compare it with its digest.

        Raises:
            NotFoundError: no such object.
            IntegrityError: the bytes are not those promised.
        """
        place = self.path(key)
        found = _tree_digest(place) if place.is_dir() else file_digest(place)
        if found != digest_in(key):
            raise IntegrityError(key, expected=digest_in(key), found=found)

    def size(self, key: str) -> int:
        """Return the bytes an object holds."""
        place = self.path(key)
        return (
            sum(p.stat().st_size for p in _files(place))
            if place.is_dir()
            else place.stat().st_size
        )

    def all_keys(self, suffix: str = "") -> Iterator[str]:
        """Yield every key with that suffix, in order."""
        for shelf in sorted(self._objects.iterdir()):
            for place in sorted(shelf.iterdir()):
                if place.name.endswith(suffix):
                    yield place.name

    def _place(self, key: str) -> Path:
        digest, suffix = split_key(key)
        return self._objects / digest[:2] / f"{digest}{suffix}"

    def _rename(self, staged: Path, target: Path) -> None:
        shelf = target.parent
        if not shelf.exists():
            shelf.mkdir(exist_ok=True)
            _sync_folder(self._objects)
        if staged.is_file():
            staged.chmod(0o444)
        try:
            staged.rename(target)
        except OSError:
            # A tree cannot replace a tree: another writer put the same bytes there first.
            if not target.exists():
                raise
        _sync_folder(shelf)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _files(folder: Path) -> list[Path]:
    return sorted(
        path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()
    )


def _tree_digest(folder: Path) -> str:
    manifest = [
        [path.relative_to(folder).as_posix(), path.stat().st_size, file_digest(path)]
        for path in _files(folder)
    ]
    return digest_of(canonical_bytes(manifest))
