"""Which variable of a draft's files each declared one is: bands by their order, others by name."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["TABLE", "as_declared", "by_order", "paired"]

# The format whose columns have a type.
TABLE = "csv"
# Units of columns that hold words or days; of all others the cells are numbers.
_WORDS = ("class", "name", "date")
_RASTERS = (".tif", ".tiff")


def by_order(body: Mapping[str, Any]) -> bool:
    """Return whether the variables of a draft are bands, which are named in their order."""
    seen = body.get("seen") or {}
    if seen:
        return bool(seen.get("format") == "geotiff")
    files = body.get("files") or ()
    return bool(files) and all(f["name"].lower().endswith(_RASTERS) for f in files)


def paired(body: Mapping[str, Any]) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Return what was seen and what is declared of each variable; an empty one where neither.

    Variables that were seen come first, in their order; then those that are declared alone.
    """
    seen = list((body.get("seen") or {}).get("variables") or ())
    declared = list(body["metadata"].get("variables") or ())
    if by_order(body):
        most = max(len(seen), len(declared))
        return [
            (seen[n] if n < len(seen) else {}, declared[n] if n < len(declared) else {})
            for n in range(most)
        ]
    by_name = {each["name"]: each for each in declared}
    names = {each["name"] for each in seen}
    return [(each, by_name.get(each["name"], {})) for each in seen] + [
        ({}, each) for each in declared if each["name"] not in names
    ]


def as_declared(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the variables of a draft as the door is told them.

    A column that holds words or days has the type its cells show where none is declared. A band
    has the unit its file states; what is named after a band without a unit is not told, as it
    would stand for another band.
    """
    rows = [(found, dict(stated)) for found, stated in paired(body) if isinstance(stated, dict)]
    if by_order(body):
        told = [
            stated | {"name": stated.get("name") or found.get("name", "")}
            | {"unit": stated.get("unit") or found.get("unit", "")}
            for found, stated in rows
        ]  # fmt: skip
        return list(takewhile(lambda each: each["unit"], told))
    kinds = ("date", "string")
    return [
        {"datatype": found["datatype"], **stated}
        if stated.get("unit") in _WORDS and found.get("datatype") in kinds
        else stated
        for found, stated in rows
        if stated
    ]
