"""Take what a reader left out of its reach, and trust nothing of it but its bytes.

A foreign file may make of its reader what it likes, within the reader's walls. So which file an
answer stands for and what that file is called are settled here, what lies there is moved where no
process of the reader can exchange it, and a link or a pipe in its place is refused.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from earthcommons.errors import RefusedFileError
from earthcommons.store import storing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Form", "claim", "form_of"]


@dataclass(frozen=True, slots=True)
class Form:
    """What a reader may make of a file.

    Attributes:
        name: of the file or folder in the reader's scratch folder.
        media_type: as STAC states it of an asset.
    """

    name: str
    media_type: str


# More than any cube has: shards of arrays, a folder for each axis.
_MOST_FILES, _DEEPEST = 200_000, 40
_PARQUET = "application/vnd.apache.parquet"
_FORMS = {
    ".tif": Form("out.tif", "image/tiff; application=geotiff; profile=cloud-optimized"),
    ".zarr": Form("out.zarr", "application/vnd.zarr; version=3"),
    ".parquet": Form("out.parquet", _PARQUET),
    ".geo.parquet": Form("out.parquet", _PARQUET),
}


def form_of(suffix: object) -> Form:
    """Return what the answer of a reader with that suffix stands for.

    Raises:
        RefusedFileError: readers make nothing of that kind.
    """
    form = _FORMS.get(suffix) if isinstance(suffix, str) else None
    if form is None:
        raise RefusedFileError("the reader made nothing of these bytes", code="malformed")
    return form


def claim(left: Path, to: Path, most_bytes: int) -> Path:
    """Move a file or folder a reader left into a folder it cannot reach; return where it is.

    Args:
        left: what the reader left.
        to: a folder on the same disk.
        most_bytes: of all files together, holes among them: all of them will be read.

    Raises:
        RefusedFileError: there is none, or it is or holds what is neither file nor folder, or a
            file with a second name; or it is deeper, more or larger than any reader makes it.
        UpstreamError: the disk is full or fails (`storage`).
    """
    mine = to / left.name
    try:
        with storing():
            left.rename(mine)
    except FileNotFoundError as error:
        raise RefusedFileError("the reader left no file", code="malformed") from error
    files, size = 0, 0
    for found in _all_of(mine):
        plain = stat.S_ISREG(found.st_mode) and found.st_nlink == 1
        if not plain and not stat.S_ISDIR(found.st_mode):
            raise RefusedFileError("the reader left what is no file", code="malformed")
        files, size = files + 1, size + (found.st_size if plain else 0)
        if files > _MOST_FILES or size > most_bytes:
            raise RefusedFileError(
                f"the reader made over {_MOST_FILES} files or {most_bytes} bytes",
                code="declared-too-large",
            )
    return mine


def _all_of(place: Path) -> Iterator[os.stat_result]:
    """Yield what a file or folder is, and all that lies in it; no link is followed."""
    yield (found := os.lstat(place))
    waiting = [(str(place), 1)] if stat.S_ISDIR(found.st_mode) else []
    while waiting:
        folder, depth = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    yield (found := entry.stat(follow_symlinks=False))
                    if stat.S_ISDIR(found.st_mode):
                        waiting.append((entry.path, depth + 1))
        except OSError as error:
            raise RefusedFileError(
                "the reader left what is no file", code="malformed"
            ) from error
        if depth > _DEEPEST:
            raise RefusedFileError("the reader left folders too deep", code="malformed")
