"""Names and code lists: M49 areas, and our own short names for goals and indicators."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

from earthcommons.commons.demonstration.sources import home
from earthcommons.commons.demonstration.tables import read_rows, write_rows
from earthcommons.commons.demonstration.worldview import load_worldview
from earthcommons.errors import InvalidInputError

if TYPE_CHECKING:
    from pathlib import Path

    from earthcommons.commons.demonstration.sources import Piece
    from earthcommons.commons.demonstration.worldview import Worldview

__all__ = ["read_m49", "write_m49", "write_sdg"]


def read_m49(path: Path, worldview: Worldview) -> list[dict[str, str]]:
    """Return the M49 rows the worldview keeps, by code, with its corrected names.

    Raises:
        InvalidInputError: a row the worldview drops or renames is not in the table.
    """
    header, rows = read_rows(path)
    areas = {row[0]: dict(zip(header, row, strict=True)) for row in rows}
    for code in worldview.dropped:
        if areas.pop(code, None) is None:
            raise InvalidInputError(f"worldview: the M49 table has no row {code} to drop")
    for code, column, text in worldview.names:
        if code not in areas or column not in areas[code]:
            raise InvalidInputError(f"worldview: no {column} of M49 row {code} to rename")
        areas[code][column] = text
    return [areas[code] for code in sorted(areas)]


def write_m49(piece: Piece, sources: Path, target: Path) -> None:
    """Write the M49 areas in order of code."""
    areas = read_m49(sources / piece.providers[0].path, load_worldview())
    header = list(areas[0])
    write_rows(target, header, ([area[name] for name in header] for area in areas))


def write_sdg(piece: Piece, sources: Path, target: Path) -> None:
    """Write codes, identifiers and our short names of goals and of the indicators we speak of.

    Raises:
        InvalidInputError: a code of ours is not in the published taxonomy.
    """
    published = json.loads((sources / piece.providers[0].path).read_text(encoding="utf-8"))
    known = {(entry["level"], entry["code"]): entry for entry in published}
    ours = tomllib.loads((home() / "sdg.toml").read_text(encoding="utf-8"))
    out: dict[str, Any] = {"licence": piece.licence, "source": piece.attribution}
    for level in ("goal", "indicator"):
        entries = ours[level]
        for entry in entries:
            if (level, entry["code"]) not in known:
                raise InvalidInputError(f"sdg.toml: no {level} {entry['code']} in the taxonomy")
        out[level + "s"] = [
            {"code": entry["code"], "name": {"en": entry["en"], "zh": entry["zh"]}}
            | (
                {"uri": f"http://metadata.un.org/sdg/{entry['code']}"}
                if level == "goal"
                else {}
            )
            for entry in entries
        ]
    text = json.dumps(out, ensure_ascii=False, indent=1, sort_keys=True)
    target.write_text(text + "\n", encoding="utf-8")
