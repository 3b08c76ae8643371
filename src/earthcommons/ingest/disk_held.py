"""How much of the disk a child holds while it works, and when it holds too much.

The kernel bounds each file; nobody bounds them all together but who looks.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

from earthcommons.errors import RefusedFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["DiskWatch", "disk_held"]

_BLOCK = 512
# More than a cube has files and an archive has members.
_MOST_ENTRIES = 250_000
# A look at many files takes longer than the time between two: it may take so much of it.
_SHARE = 0.1


class DiskWatch:
    """Looks now and then at what a child has written, and refuses its file over a limit.

    Between two looks a child may write what the disk takes: in a fifth of a second where it left
    few files, in longer where it left many, since looks take a tenth of the time at most. Of files
    without a name those are seen that the child holds open, not those it only maps into memory.
    Whatever it wrote goes when it is ended.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder, self._most_bytes = folder, most_bytes
        self._before = disk_held(folder)
        self._next = 0.0

    def look(self, child: int | None) -> None:
        """Compare what is held now with what was before the child began.

        Raises:
            RefusedFileError: too much (`declared-too-large`), or hidden from a look (`malformed`).
        """
        began = time.monotonic()
        if began < self._next:
            return
        if disk_held(self._folder, child) - self._before > self._most_bytes:
            raise RefusedFileError(
                f"reading took over {self._most_bytes} bytes of disk", code="declared-too-large"
            )
        now = time.monotonic()
        self._next = now + (now - began) / _SHARE


def disk_held(folder: Path, child: int | None = None) -> int:
    """Return the bytes of disk taken by all below a folder, and by a child's unnamed files.

    Blocks are counted, not lengths: holes take none. No link is followed.

    Raises:
        RefusedFileError: too many files to look at (`declared-too-large`), or a folder that
            cannot be looked into (`malformed`).
    """
    blocks, entries = 0, 0
    waiting = [str(folder)]
    while waiting:
        try:
            for entry in _entries(waiting.pop()):
                entries += 1
                if entries > _MOST_ENTRIES:
                    raise RefusedFileError(
                        f"reading made over {_MOST_ENTRIES} files", code="declared-too-large"
                    )
                with contextlib.suppress(FileNotFoundError):
                    seen = entry.stat(follow_symlinks=False)
                    blocks += seen.st_blocks
                    if stat.S_ISDIR(seen.st_mode):
                        waiting.append(entry.path)
        except OSError as error:
            raise RefusedFileError(
                "the reader made a folder that cannot be looked into", code="malformed"
            ) from error
    return _BLOCK * (blocks + (0 if child is None else _unnamed(child)))


def _entries(place: str) -> Iterator[os.DirEntry[str]]:
    """Yield what lies in a folder; nothing where it is gone, or something else, by now."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(place) as found:
        yield from found


def _unnamed(child: int) -> int:
    """Return the blocks of files that a process holds open and that have no name any more."""
    blocks = {}
    # A process may end, or close a file, at any moment; and not every system has this place.
    with contextlib.suppress(OSError):
        for descriptor in Path(f"/proc/{child}/fd").iterdir():
            with contextlib.suppress(OSError):
                seen = descriptor.stat()
                if stat.S_ISREG(seen.st_mode) and seen.st_nlink == 0:
                    blocks[seen.st_dev, seen.st_ino] = seen.st_blocks
    return sum(blocks.values())
