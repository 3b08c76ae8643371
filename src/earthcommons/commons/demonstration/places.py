"""Named boxes and points beside the countries: region set `ec:places`."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

from shapely.geometry import Point, box, mapping

from earthcommons.commons.demonstration.sources import home
from earthcommons.errors import InvalidInputError

if TYPE_CHECKING:
    from pathlib import Path

    from earthcommons.commons.demonstration.sources import Piece

__all__ = ["place_of", "write_places"]


def write_places(piece: Piece, sources: Path, target: Path) -> None:
    """Write the declared places; `sources` is not read, the table is ours."""
    del piece, sources
    table = tomllib.loads((home() / "places.toml").read_text(encoding="utf-8"))
    features = sorted((place_of(row) for row in table["place"]), key=lambda f: str(f["id"]))
    document = {
        "type": "FeatureCollection",
        "ec:region_set": table["set"],
        "features": features,
    }
    text = json.dumps(document, ensure_ascii=False, indent=1)
    target.write_text(text + "\n", encoding="utf-8")


def place_of(row: dict[str, Any]) -> dict[str, Any]:
    """Return the feature of one declared place: a box or a point.

    Raises:
        InvalidInputError: neither box nor point, or both.
    """
    if ("box" in row) == ("point" in row):
        raise InvalidInputError(f"places: {row['id']} needs a box or a point")
    geometry = box(*row["box"]) if "box" in row else Point(row["point"])
    return {
        "type": "Feature",
        "id": row["id"],
        "properties": {
            "id": row["id"],
            "iso3": None,
            "kind": "place",
            "name_en": row["en"],
            "name_zh": row["zh"],
            "groups": [],
            "approximate": row.get("approximate", False),
            "label_only": row.get("label_only", False),
            "note_en": row["note_en"],
            "note_zh": row["note_zh"],
        },
        "geometry": mapping(geometry),
    }
