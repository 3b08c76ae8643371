"""A file of many items, cut into pieces that are prepared one by one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from earthcommons.commons.stories.geoparquet import read_items
from earthcommons.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["LINES", "PARQUET", "Piece", "format_mismatch", "pieces"]

LINES, PARQUET = (".ndjson", ".jsonl", ".geojsonl"), (".parquet", ".geoparquet")
_MOST_BYTES = 64 * 2**20
# Read at once to find where lines end.
_BLOCK, _LINE_FEED = 2**20, ord("\n")


@dataclass(frozen=True, slots=True)
class Piece:
    """Lines of a file by their place in it, so that who prepares them reads them; or items."""

    number: int
    source: Path
    offset: int = 0
    size: int = 0
    state: tuple[int, int] = (0, 0)
    items: tuple[dict[str, Any], ...] = ()

    def numbered(self) -> Iterator[tuple[int, bytes | dict[str, Any]]]:
        """Yield lines or items with the numbers they have in the file.

        Raises:
            InvalidInputError: the file is another than when its lines were counted.
        """
        if self.items:
            yield from enumerate(self.items, self.number)
            return
        with self.source.open("rb") as file:
            file.seek(self.offset)
            data = file.read(self.size)
            if len(data) < self.size or _state(file) != self.state:
                raise InvalidInputError(f"{self.source.name} was changed while it was read")
        for number, line in enumerate(data.split(b"\n"), self.number):
            if line and not line.isspace():
                yield number, line


def pieces(source: Path, most: int) -> Iterator[Piece]:
    """Yield a file in pieces of as many items, fewer where they are long.

    Raises:
        InvalidInputError: it is no plain file, or has another suffix than one of lines or Parquet.
    """
    if not source.is_file():
        # Who prepares the lines opens it again: a pipe would give each line once.
        raise InvalidInputError(f"{source.name}: there is no such file, or it is no plain file")
    if source.suffix in PARQUET:
        number, items = 1, read_items(source)
        while some := tuple(islice(items, most)):
            yield Piece(number, source, items=some)
            number += len(some)
    elif source.suffix in LINES:
        yield from _of_lines(source, most)
    else:
        raise format_mismatch(source)


def format_mismatch(path: Path) -> InvalidInputError:
    """Return the refusal of a file by its suffix."""
    return InvalidInputError(
        f"{path.name}: write .ndjson, .jsonl or .parquet", code="format-mismatch"
    )


def _of_lines(source: Path, most: int) -> Iterator[Piece]:
    import numpy as np

    with source.open("rb", buffering=0) as file:
        state = _state(file)
        # A piece begins at `offset` with the line `first`; whole lines were seen up to `end`.
        number = first = 1
        offset = end = at = 0
        while block := file.read(min(_BLOCK, _MOST_BYTES)):
            ends = at + 1 + np.flatnonzero(np.frombuffer(block, np.uint8) == _LINE_FEED)
            at += len(block)
            while len(ends):
                lacking = most - (number - first)
                here, ends = ends[:lacking], ends[lacking:]
                number, end = number + len(here), int(here[-1])
                if len(here) == lacking:
                    yield Piece(first, source, offset, end - offset, state)
                    first, offset = number, end
            if at - offset >= _MOST_BYTES:
                # A line that is too long for a piece is refused by its beginning.
                end = end if end > offset else at
                yield Piece(first, source, offset, end - offset, state)
                first, offset = number, end
        if at > offset:
            yield Piece(first, source, offset, at - offset, state)


def _state(file: BinaryIO) -> tuple[int, int]:
    """Return what differs once a file is written to, or another has taken its name."""
    stated = os.fstat(file.fileno())
    return stated.st_ino, stated.st_mtime_ns
