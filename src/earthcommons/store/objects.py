"""What a store of immutable objects promises, and how keys and digests are written."""

from __future__ import annotations

import errno
import hashlib
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from earthcommons.errors import InvalidInputError, UpstreamError
from earthcommons.model.canonical import canonical_bytes, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

__all__ = [
    "ObjectStore",
    "digest_in",
    "digest_of_path",
    "file_digest",
    "files_of_tree",
    "is_full",
    "split_key",
    "storing",
    "tree_manifest",
]

_KEY = re.compile(r"([0-9a-f]{64})((?:\.[a-z0-9]{1,12}){0,2})")


# The disk, not the call: full, over its quota or its longest file, failing, or for reading only.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
_OF_THE_DISK = (*_NO_ROOM, errno.EIO)


@contextmanager
def storing() -> Iterator[None]:
    """Let a failure of the disk within the block be an error of ours.

    Raises:
        UpstreamError: the disk is full or fails (`storage`).
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _OF_THE_DISK:
            raise
        raise UpstreamError(f"cannot be stored: {error.strerror}", code="storage") from error


def is_full(error: OSError) -> bool:
    """Whether a copy failed for want of room, which says nothing about the bytes it copies."""
    return error.errno in _NO_ROOM


def split_key(key: str) -> tuple[str, str]:
    """Return the digest and the suffix of an object's key.

    Raises:
        InvalidInputError: not a key: 64 hexadecimal digits and at most two short suffixes.
    """
    found = _KEY.fullmatch(key)
    if found is None:
        raise InvalidInputError(f"{key[:90]!r} is no object key", code="bad-id")
    return found.group(1), found.group(2)


def digest_in(key: str) -> str:
    """Return the SHA-256 a key promises, as 64 hexadecimal digits."""
    return split_key(key)[0]


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_of_tree(folder: Path) -> list[Path]:
    """Return the files of a tree, in order; links are no files."""
    return sorted(
        path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()
    )


def tree_manifest(folder: Path) -> bytes:
    """Return the manifest of a tree: canonical JSON `[[path, size, sha256], …]` by path."""
    return canonical_bytes(
        [
            [path.relative_to(folder).as_posix(), path.stat().st_size, file_digest(path)]
            for path in files_of_tree(folder)
        ]
    )


def digest_of_path(place: Path) -> str:
    """Return the digest of a file, or of a folder's manifest."""
    return digest_of(tree_manifest(place)) if place.is_dir() else file_digest(place)


class ObjectStore(Protocol):
    """Immutable objects, each a file or a tree, named by digest and suffix (`ab12….tif`)."""

    def self_test(self) -> None:
        """Return when several writers can share this store.

        Raises:
            UpstreamError: it does not do what that needs (`store-unsafe`), or does not answer.
        """
        ...

    def stage(self) -> AbstractContextManager[Path]:
        """Return an empty scratch folder that is removed afterwards and never visible."""
        ...

    def put_bytes(self, data: bytes, suffix: str) -> str:
        """Store bytes durably; return their key. Storing them again changes nothing."""
        ...

    def put_file(self, staged: Path, suffix: str) -> str:
        """Move a staged file into the store durably; return its key."""
        ...

    def put_tree(self, staged: Path, suffix: str) -> str:
        """Move a staged folder into the store; its digest is that of its manifest."""
        ...

    def path(self, key: str) -> Path:
        """Return where an object can be read; the one place every reader passes.

        Raises:
            NotFoundError: no such object (`asset-unavailable`).
            IntegrityError: it is marked suspect (`asset-corrupt`).
        """
        ...

    def read(self, key: str) -> bytes:
        """Return the bytes of a file object, checked against its digest.

        Raises:
            NotFoundError: no such object.
            IntegrityError: the bytes are not those promised; the object is suspect from now on.
        """
        ...

    def verify(self, key: str) -> None:
        """Read an object whole and compare it with its digest; whole, it is suspect no more.

        Raises:
            NotFoundError: no such object.
            IntegrityError: the bytes are not those promised; the object is suspect from now on.
        """
        ...

    def size(self, key: str) -> int:
        """Return the bytes an object holds."""
        ...

    def all_keys(self, suffix: str = "") -> Iterator[str]:
        """Yield every key with that suffix, in order."""
        ...

    def put_times(self) -> Iterator[tuple[str, datetime]]:
        """Yield every key, in order, with when the object was last put; UTC."""
        ...

    def discard(self, key: str, before: datetime) -> bool:
        """Remove an object, unless it was put at `before` or later; return whether it is gone.

        Whoever calls knows that nothing needs it. A put of the same bytes at that moment keeps
        it, or stores it anew.

        Raises:
            NotFoundError: no such object.
        """
        ...

    def sweep(self, before: datetime, *, remove: bool) -> list[str]:
        """Return what puts that did not end left before that time; remove it if asked."""
        ...

    def suspects(self) -> Mapping[str, str]:
        """Return the keys that are not served, with what was found instead of their bytes.

        Raises:
            IntegrityError: the list of them cannot be read (`suspects-unreadable`).
        """
        ...

    def suspects_anew(self) -> AbstractContextManager[bool]:
        """Return the span in which every object is read again, when the list cannot be read.

        It yields whether that is so; the list is written when it ends well.
        """
        ...

    def mark(self, key: str, found: str) -> bool:
        """Put an object among the suspects; return whether it was not there before."""
        ...

    def mend(self, key: str, good: Path) -> None:
        """Put a good copy, a staged file or folder, in the place of a damaged or lost object.

        Raises:
            IntegrityError: the copy is not what the key promises; nothing was changed.
        """
        ...
