"""CSV in, Parquet out, every column typed and united. Runs in the jail; see `jail`."""

from __future__ import annotations

import csv
import math
import re
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from earthcommons.errors import RefusedFileError
from earthcommons.ingest.settled import declared_of, shown
from earthcommons.model.unit import check_unit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from earthcommons.ingest.limits import Limits

__all__ = ["convert"]

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
# Of numbers and days. In a column of texts NA may be Namibia, and null a name.
_ABSENT = frozenset({"", "NA", "N/A", "NaN", "nan", "null"})
_TYPES = {
    "number": pa.float64(),
    "integer": pa.int64(),
    "string": pa.string(),
    "date": pa.date32(),
}
_COLUMNS = 1000


def convert(folder: Path, task: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """Write `folder/out.parquet` with the cells of `folder/source` and say what it holds.

    Every column of the file must be declared with its unit and type; an empty cell, and in columns
    of numbers and days also `NA`, `N/A`, `NaN` and `null`, is absent, never zero.

    Raises:
        RefusedFileError: not UTF-8, uneven rows, an undeclared or lacking column, a cell that is
            not of its column's type; the message names row and column.
        UnitError: a column has no unit.
    """
    declared = declared_of(task)
    rows = _rows(folder / task.get("source", "source"))
    header = next(rows, [])
    if task.get("look"):
        return _look(header, rows, declared)
    _check_header(header, declared)
    columns: list[list[Any]] = [[] for _ in header]
    count = 0
    for count, row in enumerate(rows, start=1):
        if not row and len(header) > 1:
            continue
        if count > limits.rows:
            raise RefusedFileError(f"over {limits.rows} rows", code="declared-too-large")
        if len(row) != len(header):
            raise RefusedFileError(
                f"row {count + 1} has {len(row)} cells, the header {len(header)}",
                code="malformed",
            )
        for column, name, cell in zip(columns, header, row, strict=True):
            column.append(_cell(cell.strip(), declared[name]["datatype"], count + 1, name))
    table = pa.table(
        {
            name: pa.array(column, _TYPES[declared[name]["datatype"]])
            for name, column in zip(header, columns, strict=True)
        }
    )
    units = {f"unit:{name}": declared[name]["unit"] for name in header}
    pq.write_table(
        table.replace_schema_metadata(units), folder / "out.parquet", compression="zstd"
    )
    return {
        "suffix": ".parquet",
        "bbox": None,
        "geometry": None,
        "bands": [],
        "properties": {
            "table:row_count": table.num_rows,
            "table:columns": [
                {
                    "name": name,
                    "type": declared[name]["datatype"],
                    "unit": declared[name]["unit"],
                    "description": declared[name]["meaning"],
                }
                for name in header
            ],
        },
    }


def _look(
    header: list[str], rows: Iterator[list[str]], declared: dict[str, Any]
) -> dict[str, Any]:
    """Return the columns with what is declared of them, or the type their first cells show."""
    first = [row for _, row in zip(range(200), rows, strict=False) if len(row) == len(header)]
    variables = []
    for n, name in enumerate(header[:_COLUMNS]):
        cells = [cell for row in first if (cell := row[n].strip()) not in _ABSENT]
        said = declared.get(name, {})
        # `number` is also what stands there when nobody said a type.
        kind = said["datatype"] if said.get("datatype", "number") != "number" else _seems(cells)
        variables.append({"name": name, "unit": said.get("unit", ""), "datatype": kind})
    return shown(variables)


def _seems(cells: list[str]) -> str:
    for kind in ("integer", "number", "date"):
        try:
            for cell in cells:
                _cell(cell, kind, 0, "")
        except RefusedFileError:
            continue
        return kind if cells else "string"
    return "string"


def _rows(source: Path) -> Iterator[list[str]]:
    csv.field_size_limit(1 << 20)
    try:
        with source.open(encoding="utf-8-sig", newline="") as file:
            yield from csv.reader(file, strict=True)
    except UnicodeDecodeError as error:
        raise RefusedFileError(
            f"not UTF-8 at byte {error.start}: save it as CSV in UTF-8", code="malformed"
        ) from error
    except csv.Error as error:
        raise RefusedFileError(f"not CSV: {error}", code="malformed") from error


def _check_header(header: list[str], declared: dict[str, Any]) -> None:
    if len(header) > _COLUMNS or len(set(header)) != len(header):
        raise RefusedFileError("the header repeats a name or is too long", code="malformed")
    for name in header:
        if name not in declared:
            raise RefusedFileError(
                f"column {name[:60]!r} is not declared: say its type and unit",
                code="unit-missing",
            )
        check_unit(declared[name]["unit"], f"column {name!r}")
    lacking = sorted(set(declared) - set(header))
    if lacking:
        raise RefusedFileError(
            f"column {lacking[0]!r} is declared, not there", code="malformed"
        )


def _cell(text: str, datatype: str, row: int, name: str) -> Any:
    if "\0" in text:
        raise RefusedFileError(f"row {row}, column {name!r}: NUL byte", code="malformed")
    if datatype == "string":
        return text or None
    if text in _ABSENT:
        return None
    try:
        if datatype == "date":
            return date.fromisoformat(text)
        if not _NUMBER.fullmatch(text):
            raise ValueError(text)
        number = float(text)
        if not math.isfinite(number):
            raise ValueError(text)
        if datatype == "integer":
            # Through a float, an integer of over 53 bits would lose its last digits.
            whole = int(text) if text.lstrip("+-").isdecimal() else int(number)
            if float(whole) != number or not -(2**63) <= whole < 2**63:
                raise ValueError(text)
            return whole
    except ValueError as error:
        raise RefusedFileError(
            f"row {row}, column {name!r}: {text[:40]!r} is no {datatype}{_way_out(text, datatype)}",
            code="malformed",
        ) from error
    return number


def _way_out(text: str, datatype: str) -> str:
    if datatype == "date" and re.fullmatch(r"\d{1,4}[/.]\d{1,2}[/.]\d{1,4}", text):
        return ": write days as 2020-05-31"
    if datatype in ("number", "integer") and re.fullmatch(r"[+-]?[\d.\s]*,\d+", text):
        return ": write a decimal point, and nothing between thousands"
    return ""
