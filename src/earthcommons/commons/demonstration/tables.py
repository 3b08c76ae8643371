"""Published tables as plain CSV: UTF-8, one header row, cells as published."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from earthcommons.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from earthcommons.commons.demonstration.sources import Piece

__all__ = ["read_rows", "write_nsidc", "write_rows", "write_table"]


def write_table(piece: Piece, sources: Path, target: Path) -> None:
    """Write the declared columns of every row; cells are copied as text.

    Raises:
        InvalidInputError: a declared column is not in the file, or a column is neither
            declared nor listed in `options.left_out`.
    """
    header, rows = read_rows(sources / piece.providers[0].path)
    wanted = [variable.name for variable in piece.variables]
    _check_columns(piece, header, wanted)
    at = [header.index(name) for name in wanted]
    write_rows(target, wanted, ([row[n] for n in at] for row in rows))


def write_nsidc(piece: Piece, sources: Path, target: Path) -> None:
    """Write a Sea Ice Index table with one header row and without padding.

    The published files have two lines above the numbers; `options.columns` names the published
    columns that are kept, in the order of the declared ones.

    Raises:
        InvalidInputError: the published header is another one.
    """
    with (sources / piece.providers[0].path).open(encoding="utf-8", newline="") as file:
        lines = [[cell.strip() for cell in row] for row in csv.reader(file)]
    kept, head = piece.options["columns"], piece.options["header_row"]
    if absent := [name for name in kept if name not in lines[head]]:
        raise InvalidInputError(f"{piece.id}: the file has no column {absent[0]!r}")
    at = [lines[head].index(name) for name in kept]
    wanted = [variable.name for variable in piece.variables]
    write_rows(target, wanted, ([row[n] for n in at] for row in lines[2:]))


def read_rows(path: Path) -> tuple[list[str], list[list[str]]]:
    """Return header and rows of a CSV file as text."""
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    return header, rows


def write_rows(target: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write header and rows, UTF-8, line feed, quoted only where needed."""
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _check_columns(piece: Piece, header: list[str], wanted: list[str]) -> None:
    left_out = set(piece.options.get("left_out", ()))
    if absent := [name for name in wanted if name not in header]:
        raise InvalidInputError(f"{piece.id}: the file has no column {absent[0]!r}")
    if silent := [name for name in header if name not in left_out and name not in wanted]:
        raise InvalidInputError(
            f"{piece.id}: column {silent[0]!r} is neither kept nor left out"
        )
