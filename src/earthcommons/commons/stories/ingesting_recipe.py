"""A recipe: what is declared of many files at once, and how the files of scenes are grouped."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from earthcommons.commons.declarations import declared_parts, read_toml
from earthcommons.errors import InvalidInputError
from earthcommons.model.declaration import check_id

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Recipe", "Scenes", "read_recipe"]

_KNOWN = ("pattern", "item", "cube", "bands", "resolution", "nodata", "fill")


@dataclass(frozen=True, slots=True)
class Scenes:
    """How file names tell scenes, dates and bands.

    Attributes:
        pattern: expression for a whole file name with the groups `date` (YYYYMMDD or
            YYYY-MM-DD), `band`, and where useful `scene`.
        item: name of the item of one scene, with groups in braces; empty makes none.
        cube: name of the item of a cube, with groups, `{year}` or `{month}`; empty makes none.
        bands: name of the variable for each band code; bands not named are left out.
        resolution: cell size of the cube in units of the CRS; 0 takes that of the first scene.
        nodata: number that stands for missing, whatever the files say; None leaves it to them.
        fill: the same for single variables of a cube, such as a band of quality codes.
    """

    pattern: re.Pattern[str]
    item: str = ""
    cube: str = ""
    bands: Mapping[str, str] = field(default_factory=dict)
    resolution: float = 0.0
    nodata: float | None = None
    fill: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What is declared of every source, as far as it is.

    Attributes:
        parts: keywords of `Declaration` that are declared.
        scenes: how files are grouped, where they are scenes.
    """

    parts: Mapping[str, Any] = field(default_factory=dict)
    scenes: Scenes | None = None

    def with_collection(self, collection: str) -> Recipe:
        """Return the recipe for another collection; the empty name changes nothing."""
        if not collection:
            return self
        check_id(collection, "collection id")
        return Recipe({**self.parts, "collection": collection}, self.scenes)


def read_recipe(file: Path | None) -> Recipe:
    """Return the recipe in a TOML file; none is a recipe that declares nothing.

    A declaration of one file is a recipe too.

    Raises:
        NotFoundError: no such file.
        InvalidInputError: not TOML, or a key is unknown or of another type; it is named.
    """
    if file is None:
        return Recipe()
    row = read_toml(file)
    try:
        scenes = row.pop("scenes", None)
        return Recipe(declared_parts(row), None if scenes is None else _scenes(scenes))
    except InvalidInputError as error:
        raise InvalidInputError(f"{file.name}: {error}", code=error.code) from error


def _scenes(row: Any) -> Scenes:
    if not isinstance(row, dict) or (unknown := sorted(set(row) - set(_KNOWN))):
        named = unknown[0] if isinstance(row, dict) else "scenes"
        raise InvalidInputError(f"scenes: no key {named!r}; known: {', '.join(_KNOWN)}")
    texts = {key: row.get(key, "") for key in ("pattern", "item", "cube")}
    bands, fill = row.get("bands", {}), row.get("fill", {})
    numbers = {"resolution": row.get("resolution", 0), "nodata": row.get("nodata", 0), **fill}
    if not all(isinstance(text, str) for text in (*texts.values(), *bands.values())):
        raise InvalidInputError("scenes: pattern, item, cube and bands are texts in quotes")
    if not all(isinstance(n, (int, float)) and abs(n) < 1e12 for n in numbers.values()):
        raise InvalidInputError("scenes: resolution, nodata and fill are numbers")
    try:
        pattern = re.compile(texts["pattern"])
    except re.error as error:
        raise InvalidInputError(f"scenes: pattern: {error}") from error
    if not {"date", "band"} <= set(pattern.groupindex):
        raise InvalidInputError("scenes: pattern needs the groups (?P<date>…) and (?P<band>…)")
    known = {*pattern.groupindex, "year", "month"}
    for key in ("item", "cube"):
        if unknown := sorted(set(re.findall(r"\{(\w*)\}", texts[key])) - known):
            raise InvalidInputError(f"scenes: {key} names {unknown[0]!r}, which is no group")
    if not (texts["item"] or texts["cube"]):
        raise InvalidInputError("scenes: say item, cube or both")
    return Scenes(
        pattern,
        texts["item"],
        texts["cube"],
        bands,
        float(numbers["resolution"]),
        float(row["nodata"]) if "nodata" in row else None,
        {bands.get(code, code): float(number) for code, number in fill.items()},
    )
