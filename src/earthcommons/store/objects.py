"""What a store of immutable objects promises, and how keys and digests are written."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Protocol

from earthcommons.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

__all__ = ["ObjectStore", "digest_in", "file_digest", "split_key"]

_KEY = re.compile(r"([0-9a-f]{64})((?:\.[a-z0-9]{1,12}){0,2})")


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


class ObjectStore(Protocol):
    """Immutable objects, each a file or a tree, named by digest and suffix (`ab12….tif`)."""

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
        """Return where an object can be read.

        Raises:
            NotFoundError: no such object.
        """
        ...

    def read(self, key: str) -> bytes:
        """Return the bytes of a file object, checked against its digest.

        Raises:
            NotFoundError: no such object.
            IntegrityError: the bytes are not those promised.
        """
        ...

    def verify(self, key: str) -> None:
        """Read an object whole and compare it with its digest.

        Raises:
            NotFoundError: no such object.
            IntegrityError: the bytes are not those promised.
        """
        ...

    def size(self, key: str) -> int:
        """Return the bytes an object holds."""
        ...

    def all_keys(self, suffix: str = "") -> Iterator[str]:
        """Yield every key with that suffix, in order."""
        ...
