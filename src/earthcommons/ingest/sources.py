"""From names on a disk to one file in scratch: copied once, or packed in one fixed order."""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from earthcommons.errors import NotFoundError, RefusedFileError
from earthcommons.store import file_digest, storing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from earthcommons.ingest.limits import Limits

__all__ = ["Bundle", "bundle_of", "check_source", "copy_in", "gather"]

_BLOCK = 1 << 20
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY | os.O_CLOEXEC
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{1,30}:[/\\]|\\\\")
_PART = (".shp", ".shx", ".dbf", ".prj", ".cpg")
# The first moment a zip archive can name: the same files give the same bytes on any day.
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Bundle:
    """Several files that become one item, under the names they have inside their archive."""

    files: tuple[tuple[str, Path], ...]


def check_source(text: str) -> Path:
    """Return the path that a source names.

    Raises:
        RefusedFileError: an address (`source-forbidden`), or text meant for a reader's own
            language, such as `/vsicurl/…` or `<VRTDataset>` (`invalid-source`). Nothing is
            opened to find out.
    """
    if _URL.match(text):
        raise RefusedFileError(
            f"{text[:60]!r} is an address: only files and folders of this machine are taken",
            code="source-forbidden",
        )
    if text.startswith(("/vsi", "<")) or "\0" in text or "\n" in text or len(text) > 4096:
        raise RefusedFileError(f"{text[:60]!r} names no file", code="invalid-source")
    return Path(text)


def bundle_of(source: Path, limits: Limits) -> Bundle | None:
    """Return the files that belong to a source that is not one file: a folder, or a Shapefile.

    Raises:
        RefusedFileError: too many files, or a link or device among them.
    """
    if source.is_symlink():
        return None
    if source.is_dir():
        return Bundle(tuple(_walk(source, limits)))
    if source.suffix.lower() == ".shp":
        beside = sorted(
            path
            for path in source.parent.iterdir()
            if path.stem == source.stem and path.suffix.lower() in _PART
        )
        return Bundle(tuple((path.name, path) for path in beside)) if beside else None
    return None


@storing()
def gather(
    source: Path | Bundle, target: Path, limits: Limits, roots: Sequence[Path] = ()
) -> str:
    """Put a source at `target` and return its SHA-256.

    One file is copied; a folder and a bundle become a zip archive without compression whose
    bytes depend on names and contents alone.

    Args:
        source: a file, a folder, or named files.
        target: where to put it.
        limits: budgets.
        roots: folders that were named as sources: below them no symbolic link is followed, also
            none that took a folder's place since it was listed. The folder of a file that lies
            in none of them is trusted as it was named.

    Raises:
        NotFoundError: no such file.
        RefusedFileError: not a regular file, empty, over the limit, or no source at all.
        UpstreamError: the disk is full or fails (`storage`).
    """
    if isinstance(source, Path):
        check_source(str(source))
        roots = (*roots, source) if source.is_dir() else roots
        packed = bundle_of(source, limits)
        if packed is None:
            return copy_in(source, target, limits, roots)
        source = packed
    if not source.files:
        raise RefusedFileError("the folder holds no file", code="invalid-source")
    _pack(source.files, target, limits, roots)
    return file_digest(target)


def copy_in(source: Path, target: Path, limits: Limits, roots: Sequence[Path] = ()) -> str:
    """Copy a foreign file into scratch and return its SHA-256.

    The file is opened once, without following a symbolic link at its end or on its way from one
    of `roots`, and everything afterwards reads the copy: a file swapped under us changes nothing.

    Raises:
        NotFoundError: no such file.
        RefusedFileError: not a regular file, empty, or over the limit.
    """
    digest = hashlib.sha256()
    descriptor = _opened(source, roots)
    with os.fdopen(descriptor, "rb") as file:
        size = os.fstat(descriptor).st_size
        if not 0 < size <= limits.file_bytes:
            raise RefusedFileError(
                f"{source.name} has {size} bytes, allowed 1 to {limits.file_bytes}",
                code="declared-too-large" if size else "malformed",
            )
        with target.open("wb") as copy:
            while block := file.read(_BLOCK):
                digest.update(block)
                copy.write(block)
    return digest.hexdigest()


def _opened(source: Path, roots: Sequence[Path]) -> int:
    try:
        descriptor = _opened_below(source, _root_of(source, roots))
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no file {source.name!r}") from error
    except (OSError, ValueError) as error:
        if getattr(error, "errno", 0) == errno.EIO:
            raise
        why = getattr(error, "strerror", None) or "no file name"
        raise RefusedFileError(
            f"{source.name[:80]}: cannot be opened ({why})", code="invalid-source"
        ) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise RefusedFileError(f"{source.name} is no regular file", code="invalid-source")
    return descriptor


def _opened_below(source: Path, root: Path | None) -> int:
    """Open a file step by step: a folder that became a link meanwhile is not gone through."""
    if root is None:
        return os.open(source, _FILE)
    *folders, name = source.relative_to(root).parts
    at = os.open(root, _FOLDER)
    try:
        for folder in folders:
            inside = os.open(folder, _FOLDER, dir_fd=at)
            os.close(at)
            at = inside
        return os.open(name, _FILE, dir_fd=at)
    finally:
        os.close(at)


def _root_of(source: Path, roots: Sequence[Path]) -> Path | None:
    above = [root for root in roots if root in source.parents]
    # Of several the one that leaves least to trust.
    return min(above, key=lambda root: len(root.parts), default=None)


def _walk(folder: Path, limits: Limits) -> list[tuple[str, Path]]:
    found = []
    for place, folders, names in os.walk(folder, followlinks=False):
        for name in [*folders, *names]:
            if (path := Path(place, name)).is_symlink():
                raise RefusedFileError(f"{name[:80]!r} is a link", code="invalid-source")
            if name in names:
                found.append((path.relative_to(folder).as_posix(), path))
        if len(found) > limits.archive_members:
            raise RefusedFileError(
                f"{folder.name} holds over {limits.archive_members} files",
                code="declared-too-large",
            )
    return sorted(found)


def _pack(
    files: Sequence[tuple[str, Path]], target: Path, limits: Limits, roots: Sequence[Path]
) -> None:
    total = 0
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, path in files:
            info = zipfile.ZipInfo(name, _EPOCH)
            info.external_attr = 0o644 << 16
            with (
                os.fdopen(_opened(path, roots), "rb") as file,
                archive.open(info, "w", force_zip64=True) as member,
            ):
                while block := file.read(_BLOCK):
                    total += len(block)
                    if total > limits.file_bytes:
                        raise RefusedFileError(
                            f"the files hold over {limits.file_bytes} bytes together",
                            code="declared-too-large",
                        )
                    member.write(block)
