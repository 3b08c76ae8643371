"""Which files belong together: from names on a command line or in a folder to planned sources."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Any

from earthcommons.errors import InvalidInputError
from earthcommons.ingest.sources import Bundle, check_source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from earthcommons.commons.stories.ingesting_recipe import Recipe, Scenes

__all__ = ["Source", "item_name", "sources_of"]

_ZARR = ("zarr.json", ".zgroup", ".zarray", ".zmetadata")
# What stands beside a file and belongs to it, or to nobody.
_BESIDE = (
    ".shx",
    ".dbf",
    ".prj",
    ".cpg",
    ".sbn",
    ".sbx",
    ".qix",
    ".qpj",
    ".ovr",
    ".msk",
    ".tfw",
)


@dataclass(frozen=True, slots=True)
class Source:
    """What becomes one item.

    Attributes:
        name: how it is shown.
        place: a file or folder, or the files of scenes.
        item: name the recipe gives it, or empty.
        days: first and last day of scenes.
        scenes: which file is which band of which time, for the reader.
        unmatched: whether a recipe for scenes has no word for this file.
        roots: folders that were named: below them no link is followed.
    """

    name: str
    place: Path | Bundle
    item: str = ""
    days: tuple[date, date] | None = None
    scenes: dict[str, Any] | None = None
    unmatched: bool = False
    roots: tuple[Path, ...] = ()


def sources_of(sources: Sequence[str | Path], recipe: Recipe) -> list[Source]:
    """Return what the sources become, folders opened and scenes grouped.

    Raises:
        RefusedFileError: an address, or text that names no file.
        InvalidInputError: a date in a file name that is none.
    """
    paths = [check_source(str(source)) for source in sources]
    if recipe.scenes is None:
        found = [source for path in paths for source in _opened(path)]
    else:
        files = [file for path in paths for file in _files(path)]
        found = list(_grouped(files, recipe.scenes))
    roots = tuple(path for path in paths if path.is_dir() and not path.is_symlink())
    return [replace(source, roots=roots) for source in found]


def item_name(text: str) -> str:
    """Return a name for an item made from that of a file."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:100]
    return re.sub(r"\.{2,}", ".", name) or "item"


def _opened(path: Path) -> Iterator[Source]:
    if not path.is_dir() or path.is_symlink() or _is_one(path):
        yield Source(path.name, path)
        return
    for inside in sorted(path.iterdir()):
        hidden = inside.name.startswith(".")
        beside = inside.suffix.lower() in _BESIDE or inside.name.endswith(".aux.xml")
        if not hidden and not beside:
            yield from _opened(inside)


def _is_one(folder: Path) -> bool:
    return any((folder / name).exists() for name in (*_ZARR, "meta.xml"))


def _files(path: Path) -> list[Path]:
    if not path.is_dir() or path.is_symlink():
        return [path]
    return sorted(
        file
        for file in path.rglob("*")
        if file.is_file() and not any(part.startswith(".") for part in file.parts[-3:])
    )


def _grouped(files: list[Path], scenes: Scenes) -> Iterator[Source]:
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for file in files:
        found = scenes.pattern.fullmatch(file.name)
        if found is None:
            yield Source(file.name, file, unmatched=True)
            continue
        words = {key: value or "" for key, value in found.groupdict().items()}
        band = scenes.bands.get(words["band"], "" if scenes.bands else words["band"])
        if not band:
            continue
        day = _day(words["date"], file.name)
        words |= {"year": f"{day.year:04d}", "month": f"{day.month:02d}"}
        part = {
            "path": file, "band": band, "time": day.isoformat(),
            "scene": words.get("scene") or file.parent.name,
        }  # fmt: skip
        for make, template in (("scene", scenes.item), ("cube", scenes.cube)):
            if template:
                name = item_name(template.format_map(words))
                groups.setdefault((make, name), []).append(part)
    for (make, name), parts in groups.items():
        yield _source(make, name, parts, scenes)


def _source(make: str, name: str, parts: list[dict[str, Any]], scenes: Scenes) -> Source:
    # The order of variables is that of the recipe; names inside the archive never collide.
    order = list(dict.fromkeys(scenes.bands.values()))
    parts = sorted(parts, key=lambda part: (part["time"], part["scene"], _rank(part, order)))
    files = tuple((f"{part['scene']}/{part['path'].name}", part["path"]) for part in parts)
    rows = [
        {"file": inside, "band": part["band"], "time": part["time"], "scene": part["scene"]}
        for (inside, _), part in zip(files, parts, strict=True)
    ]
    days = [date.fromisoformat(part["time"]) for part in parts]
    return Source(
        f"{name} ({len(files)} files)",
        Bundle(tuple(sorted(files))),
        item=name,
        days=(min(days), max(days)),
        scenes={
            "make": make, "files": rows, "resolution": scenes.resolution,
            "nodata": scenes.nodata, "fill": dict(scenes.fill),
        },
    )  # fmt: skip


def _rank(part: dict[str, Any], order: list[str]) -> tuple[int, str]:
    band = part["band"]
    return (order.index(band) if band in order else len(order), band)


def _day(text: str, name: str) -> date:
    digits = re.sub(r"\D", "", text)
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError as error:
        raise InvalidInputError(
            f"{name}: {text[:20]!r} is no date: write YYYYMMDD or YYYY-MM-DD", code="bad-time"
        ) from error
