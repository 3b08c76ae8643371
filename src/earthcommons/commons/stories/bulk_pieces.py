"""A file of many items, cut into pieces that are prepared one by one."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, BinaryIO

from earthcommons.commons.stories.bulk_lines import MAX_LINE
from earthcommons.commons.stories.geoparquet import read_items
from earthcommons.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["LINES", "PARQUET", "Piece", "format_mismatch", "pieces"]

LINES, PARQUET = (".ndjson", ".jsonl", ".geojsonl"), (".parquet", ".geoparquet")
_MOST_BYTES = 64 * 2**20


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
    with source.open("rb") as file:
        number = first = 1
        offset = end = 0
        state = _state(file)
        while line := file.readline(MAX_LINE + 1):
            end += len(line)
            # Of a line too long for one piece, the rest is counted with the next.
            number += line.endswith(b"\n")
            if number - first == most or end - offset > _MOST_BYTES:
                yield Piece(first, source, offset, end - offset, state)
                first, offset = number, end
        if end > offset:
            yield Piece(first, source, offset, end - offset, state)


def _state(file: BinaryIO) -> tuple[int, int]:
    """Return what differs once a file is written to, or another has taken its name."""
    stated = os.fstat(file.fileno())
    return stated.st_ino, stated.st_mtime_ns
