"""Archives: judged by arithmetic before a byte is written, then unpacked member by member.

Runs in the jail; see `jail`.
"""

from __future__ import annotations

import gzip
import re
import stat
import struct
import tarfile
import unicodedata
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from earthcommons.errors import RefusedFileError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from earthcommons.ingest.limits import Limits

__all__ = ["unpack"]

_BLOCK = 1 << 20
# A small member of nothing but zeros packs a thousandfold and harms nobody.
_HARMLESS = 1 << 20
_DIRECTORY_BYTES = 64 * 2**20
_INSIDE = (b"PK\x03\x04", b"\x1f\x8b\x08", b"BZh", b"\xfd7zXZ\0", b"7z\xbc\xaf")


def unpack(source: Path, target: Path, limits: Limits) -> list[str]:
    """Write the regular files of a zip or tar archive below `target`; return their names.

    Raises:
        RefusedFileError: `archive-bomb` (too many members, too many bytes, too good a ratio,
            overlapping members, an archive inside), `unsafe-path` (a name that leads out, a
            link, a device), `name-collision` (two names that are one after NFC and case
            folding), `codec-forbidden`, `malformed`.
    """
    target.mkdir()
    with source.open("rb") as file:
        zipped = file.read(4) == b"PK\x03\x04"
    try:
        return (_unzip if zipped else _untar)(source, target, limits)
    except (
        zipfile.BadZipFile, tarfile.TarError, zlib.error, EOFError, OSError, struct.error,
        NotImplementedError, RuntimeError, UnicodeError,
    ) as error:  # fmt: skip
        raise RefusedFileError(
            f"not a whole archive: {type(error).__name__}", code="malformed"
        ) from error


def _unzip(source: Path, target: Path, limits: Limits) -> list[str]:
    _count_members(source, limits)
    with zipfile.ZipFile(source) as archive:
        members = archive.infolist()
        _check_arithmetic(members, source.stat().st_size, limits)
        names = _safe_names(member.orig_filename for member in members)
        written = []
        for member, name in zip(members, names, strict=True):
            kind = member.external_attr >> 16
            if kind and stat.S_IFMT(kind) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise RefusedFileError(f"{name!r} is a link or device", code="unsafe-path")
            if member.is_dir() or _ignored(name):
                continue
            with archive.open(member) as packed:
                _write(packed, target / name, member.file_size)
            written.append(name)
    return written


def _count_members(source: Path, limits: Limits) -> None:
    # The count is at the end of the file; the library would first build every member.
    size = source.stat().st_size
    with source.open("rb") as file:
        file.seek(max(0, size - 65557))
        tail = file.read()
        at = tail.rfind(b"PK\5\6")
        if at < 0 or at + 22 > len(tail):
            raise RefusedFileError("the archive has no directory", code="malformed")
        count, directory = struct.unpack(
            "<H I", tail[at + 10 : at + 12] + tail[at + 12 : at + 16]
        )
        wide = tail.rfind(b"PK\6\6", 0, at)
        if wide >= 0 and wide + 56 <= len(tail):
            count, directory = struct.unpack("<QQ", tail[wide + 32 : wide + 48])
    if count > limits.archive_members or directory > _DIRECTORY_BYTES:
        raise RefusedFileError(
            f"declares {count} members, allowed {limits.archive_members}", code="archive-bomb"
        )


def _check_arithmetic(members: list[zipfile.ZipInfo], size: int, limits: Limits) -> None:
    total = sum(member.file_size for member in members)
    if total > limits.archive_bytes or len(members) > limits.archive_members:
        raise RefusedFileError(
            f"declares {total} bytes in {len(members)} members, allowed"
            f" {limits.archive_bytes} in {limits.archive_members}",
            code="archive-bomb",
        )
    end = 0
    for member in sorted(members, key=lambda member: member.header_offset):
        if member.header_offset < end:
            raise RefusedFileError("members overlap", code="archive-bomb")
        end = member.header_offset + 30 + len(member.filename) + member.compress_size
        if member.file_size > max(_HARMLESS, limits.archive_ratio * member.compress_size):
            raise RefusedFileError(
                f"{member.filename[:80]!r} declares {member.file_size} bytes in"
                f" {member.compress_size}, over {limits.archive_ratio} to 1",
                code="archive-bomb",
            )
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise RefusedFileError(
                f"{member.filename[:80]!r}: packed in a way that is not read; use deflate",
                code="codec-forbidden",
            )
        if member.flag_bits & 1:
            raise RefusedFileError("the archive is locked by a password", code="malformed")
    if end > size:
        raise RefusedFileError("members reach beyond the file", code="malformed")


def _untar(source: Path, target: Path, limits: Limits) -> list[str]:
    with source.open("rb") as file:
        packed = file.read(3) == b"\x1f\x8b\x08"
    written: list[str] = []
    taken: set[str] = set()
    total = 0
    with source.open("rb") as raw:
        most = limits.archive_bytes
        if packed:
            most = min(most, max(_HARMLESS, limits.archive_ratio * source.stat().st_size))
        stream: Any = _Counted(gzip.GzipFile(fileobj=raw) if packed else raw, most)
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for n, member in enumerate(archive):
                if n >= limits.archive_members:
                    raise RefusedFileError(
                        f"over {limits.archive_members} members", code="archive-bomb"
                    )
                (name,) = _safe_names([member.name], taken)
                if not (member.isreg() or member.isdir()) or member.issparse():
                    raise RefusedFileError(f"{name!r} is a link or device", code="unsafe-path")
                total += member.size
                if total > limits.archive_bytes:
                    raise RefusedFileError(
                        f"declares over {limits.archive_bytes} bytes", code="archive-bomb"
                    )
                content = archive.extractfile(member) if member.isreg() else None
                if content is not None and not _ignored(name):
                    _write(content, target / name, member.size)
                    written.append(name)
    return written


class _Counted:
    """A stream that ends the reading once more came out than was allowed."""

    def __init__(self, stream: Any, most: int) -> None:
        self._stream, self._left = stream, most

    def read(self, size: int = -1) -> bytes:
        block: bytes = self._stream.read(size)
        self._left -= len(block)
        if self._left < 0:
            raise RefusedFileError("more comes out than is allowed", code="archive-bomb")
        return block


def _safe_names(names: Iterable[str], taken: set[str] | None = None) -> list[str]:
    taken = set() if taken is None else taken
    safe = []
    for name in names:
        path = PurePosixPath(name)
        bad = (
            not path.parts
            or path.is_absolute()
            or ".." in path.parts
            or "\\" in name
            or re.match(r"[A-Za-z]:", name) is not None
            or any(ord(char) < 32 or ord(char) == 127 for char in name)
            or any(len(part.encode("utf-8", "replace")) > 255 for part in path.parts)
            or len(path.parts) > 32
        )
        if bad:
            raise RefusedFileError(
                f"member {name[:80]!r} does not name a place inside", code="unsafe-path"
            )
        folded = unicodedata.normalize(
            "NFC", unicodedata.normalize("NFC", str(path)).casefold()
        )
        if folded in taken:
            raise RefusedFileError(
                f"member {name[:80]!r} has the name of another", code="name-collision"
            )
        taken.add(folded)
        safe.append(str(path))
    return safe


def _ignored(name: str) -> bool:
    return name.startswith("__MACOSX/") or PurePosixPath(name).name in (
        ".DS_Store",
        "Thumbs.db",
    )


def _write(packed: IO[bytes], place: Path, size: int) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    left = size
    with place.open("xb") as out:
        while block := packed.read(_BLOCK):
            if left == size and block.startswith(_INSIDE):
                raise RefusedFileError("an archive inside an archive", code="archive-bomb")
            left -= len(block)
            if left < 0:
                raise RefusedFileError("more comes out than declared", code="archive-bomb")
            out.write(block)
    if left:
        raise RefusedFileError("a member is shorter than declared", code="malformed")
