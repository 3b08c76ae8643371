"""Where backups lie: a folder that grows by digest, or one tar file of the same layout."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tarfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from earthcommons.errors import (
    CommonsError,
    ConflictError,
    IntegrityError,
    InvalidInputError,
    NotFoundError,
)
from earthcommons.model.canonical import parse_strict
from earthcommons.store import digest_in, file_digest, files_of_tree, sync_folder, sync_tree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

__all__ = [
    "RESTORES",
    "Archive",
    "ArchiveSource",
    "Folder",
    "FolderSource",
    "Source",
    "Target",
    "is_tar",
    "open_source",
    "pour",
    "restores_of",
]

RESTORES = "restores.jsonl"
_BLOCK = 2**20


def restores_of(place: Path) -> Path:
    """Return the file that tells when a backup was restored: in its folder, or beside its tar."""
    return place.with_name(f"{place.name}.{RESTORES}") if is_tar(place) else place / RESTORES


def is_tar(place: Path) -> bool:
    """Return whether a backup is one file rather than a folder."""
    return place.suffix == ".tar" or place.is_file()


class Target(Protocol):
    """Where a backup is written."""

    def writing(self) -> AbstractContextManager[None]:
        """Return the span in which it is written."""
        ...

    def held(self) -> dict[str, Any]:
        """Return the lines of objects that earlier snapshots hold, by key."""
        ...

    def has(self, line: list[Any], *, verify: bool) -> bool:
        """Return whether the files of an object's line are there, or also whole."""
        ...

    def add(self, name: str, source: Path, digest: str) -> None:
        """Copy a file durably.

        Raises:
            IntegrityError: its bytes are not those of the digest; nothing was added.
        """
        ...

    def seal(self, stamp: str, snapshot: Path) -> None:
        """Add the snapshot, after which the backup is one."""
        ...


class Folder:
    """A folder: objects by digest, and one snapshot more each time."""

    def __init__(self, root: Path, *, link: bool = False) -> None:
        self._root, self._link = root, link

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Make the folder; what an interrupted backup left is written over or left unnamed."""
        # As closed as a new node's folder: what is in it was for some alone.
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self._root / "objects").mkdir(exist_ok=True)
        (self._root / "snapshots").mkdir(mode=0o700, exist_ok=True)
        for part in (self._root / "snapshots").glob("*.part"):
            shutil.rmtree(part)
        yield

    def held(self) -> dict[str, Any]:
        """Return the lines of objects that earlier snapshots hold, by key."""
        found: dict[str, Any] = {}
        for name in FolderSource(self._root).snapshots():
            file = self._root / "snapshots" / name / "manifest.json"
            with contextlib.suppress(CommonsError, KeyError, TypeError, ValueError):
                found |= {line[0]: line for line in parse_strict(file.read_bytes())["objects"]}
        return found

    def has(self, line: list[Any], *, verify: bool) -> bool:
        """Return whether the files of an object's line are there, or also whole."""
        key, size, inner = line
        base = self._root / "objects" / key[:2] / key
        files = [(base / n, s, d) for n, s, d in inner] or [(base, size, digest_in(key))]
        return all(
            place.is_file()
            and place.stat().st_size == expected
            and (not verify or file_digest(place) == digest)
            for place, expected, digest in files
        )

    def add(self, name: str, source: Path, digest: str) -> None:
        """Copy or link a file durably.

        Raises:
            IntegrityError: its bytes are not those of the digest; nothing was added.
        """
        place = self._root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        staged = place.with_name(place.name + ".part")
        staged.unlink(missing_ok=True)
        try:
            if self._link:
                found = file_digest(source)
                staged.hardlink_to(source)
            else:
                with source.open("rb") as read, staged.open("wb") as write:
                    found = pour(read, write)
                    write.flush()
                    os.fsync(write.fileno())
                staged.chmod(0o444)
            if found != digest:
                raise IntegrityError(name, expected=digest, found=found)
            staged.replace(place)
        finally:
            staged.unlink(missing_ok=True)

    def seal(self, stamp: str, snapshot: Path) -> None:
        """Add the snapshot, after which the backup is one."""
        sync_tree(self._root / "objects")
        part = self._root / "snapshots" / f"{stamp}.part"
        shutil.copytree(snapshot, part)
        part.chmod(0o700)
        sync_tree(part)
        part.rename(self._root / "snapshots" / stamp)
        sync_folder(self._root / "snapshots")
        sync_folder(self._root)


class Archive:
    """A tar file with one snapshot; it takes its name when it is complete."""

    def __init__(self, file: Path) -> None:
        if file.exists():
            raise ConflictError(f"{file.name} is there already: name another file")
        self._file = file
        self._part = file.with_name(file.name + ".part")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Write beside the name; nothing is left when it fails."""
        descriptor = os.open(self._part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as raw:
                with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
                    self._tar = tar
                    yield
                raw.flush()
                os.fsync(raw.fileno())
            self._part.rename(self._file)
            sync_folder(self._file.parent)
        finally:
            self._part.unlink(missing_ok=True)

    def held(self) -> dict[str, Any]:
        """Return nothing: an archive is written once."""
        return {}

    def has(self, line: list[Any], *, verify: bool) -> bool:
        """Return False: an archive is written once."""
        del line, verify
        return False

    def add(self, name: str, source: Path, digest: str) -> None:
        """Add a file.

        Raises:
            IntegrityError: its bytes are not those of the digest.
        """
        # Read twice, since a tar file cannot take back what it was given.
        if (found := file_digest(source)) != digest:
            raise IntegrityError(name, expected=digest, found=found)
        status = source.stat()
        info = tarfile.TarInfo(name)
        info.size, info.mode = status.st_size, status.st_mode & 0o777
        with source.open("rb") as file:
            self._tar.addfile(info, file)

    def seal(self, stamp: str, snapshot: Path) -> None:
        """Add the snapshot, after which the backup is one."""
        for file in files_of_tree(snapshot):
            name = file.relative_to(snapshot).as_posix()
            self.add(f"snapshots/{stamp}/{name}", file, file_digest(file))


class Source(Protocol):
    """Where a backup is read from."""

    def snapshots(self) -> list[str]:
        """Return the names of the sealed snapshots, oldest first."""
        ...

    def open(self, name: str) -> Any:
        """Return a file to read from.

        Raises:
            OSError: there is none.
        """
        ...

    def close(self) -> None:
        """Close what is held open."""
        ...


class FolderSource:
    """A folder to restore from."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def snapshots(self) -> list[str]:
        """Return the names of the sealed snapshots, oldest first."""
        return sorted(
            place.name
            for place in (self._root / "snapshots").iterdir()
            if (place / "manifest.json").is_file() and place.suffix != ".part"
        )

    def open(self, name: str) -> Any:
        """Return a file to read from."""
        return (self._root / name).open("rb")

    def close(self) -> None:
        """Nothing is held open."""


class ArchiveSource:
    """A tar file to restore from."""

    def __init__(self, file: Path) -> None:
        self._tar = tarfile.open(file, "r:")  # noqa: SIM115 - closed by close()

    def snapshots(self) -> list[str]:
        """Return the names of the sealed snapshots, oldest first."""
        names = (name.split("/") for name in self._tar.getnames())
        return sorted(p[1] for p in names if p[0] == "snapshots" and p[-1] == "manifest.json")

    def open(self, name: str) -> Any:
        """Return a file to read from.

        Raises:
            FileNotFoundError: there is none.
        """
        try:
            member = self._tar.getmember(name)
        except KeyError as error:
            raise FileNotFoundError(name) from error
        found = self._tar.extractfile(member) if member.isreg() else None
        if found is None:
            raise FileNotFoundError(name)
        return found

    def close(self) -> None:
        """Close the file."""
        self._tar.close()


def open_source(place: Path) -> Source:
    """Return a backup to read from.

    Raises:
        NotFoundError: no backup is there.
        InvalidInputError: the file is no tar file.
    """
    try:
        if place.is_file():
            return ArchiveSource(place)
        if (place / "snapshots").is_dir():
            return FolderSource(place)
    except tarfile.TarError as error:
        raise InvalidInputError(f"{place.name} is no tar file: {error}") from error
    raise NotFoundError(f"{place} is no backup: it holds no snapshots")


def pour(read: Any, write: Any) -> str:
    """Copy from one open file to another; return the SHA-256 of the bytes."""
    sha = hashlib.sha256()
    while block := read.read(_BLOCK):
        sha.update(block)
        write.write(block)
    return sha.hexdigest()
