"""The files of a draft: laid out under their names, looked into, and read as they will be taken."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earthcommons.commons.declarations import declared_parts
from earthcommons.commons.stories.draft_variables import as_declared
from earthcommons.commons.stories.ingesting import plan
from earthcommons.commons.stories.ingesting_recipe import Recipe
from earthcommons.errors import InvalidInputError
from earthcommons.ingest import Bundle
from earthcommons.ingest.door import admit
from earthcommons.ingest.limits import Limits
from earthcommons.ingest.sources import gather
from earthcommons.model.canonical import canonical_bytes, digest_of
from earthcommons.store import storing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from earthcommons.commons.node import Node
    from earthcommons.commons.stories.ingesting import PlannedItem
    from earthcommons.model.declaration import Declaration

__all__ = [
    "at_hand",
    "laid_out",
    "parts_of",
    "planned",
    "publishable",
    "try_files",
    "uploads_of",
]

# Parts of a draft that declare the bytes; the others go into the item's metadata.
_DECLARED = (
    "title", "description", "period", "licence", "licence_url", "attribution", "nature",
    "derivation", "crs", "bbox", "group", "layer",
)  # fmt: skip


def planned(node: Node, body: Mapping[str, Any]) -> PlannedItem:
    """Return the item that a draft's files make, as a look at them tells.

    Raises:
        InvalidInputError: no file (`incomplete`), or files that are several items
            (`several-items`).
    """
    with at_hand(node, body) as (folder, place):
        parts = parts_of(_typed(body)) | {
            "item": body["item"],
            "collection": body["collection"],
        }
        # A version may mend what the collection's extent still tells of.
        catalog = None if body["replaces"] else node.catalog
        sources = [place if isinstance(place, Path) else folder]
        found = plan(sources, Recipe(parts), catalog=catalog)
    if len(found) != 1:
        raise InvalidInputError(
            f"these files are {len(found)} items: make a draft of each", code="several-items"
        )
    return found[0]


def publishable(node: Node, body: Mapping[str, Any]) -> tuple[PlannedItem, Declaration]:
    """Return the item that a draft's files make, and the declaration it is taken with.

    Raises:
        InvalidInputError: they make none; the message names what is refused or lacking.
    """
    one = planned(node, body)
    if one.code or one.declaration is None:
        said = one.message or f"declare {', '.join(one.missing)}"
        raise InvalidInputError(f"{one.source}: {said}", code=one.code or "incomplete")
    return one, one.declaration


def try_files(node: Node, body: Mapping[str, Any]) -> str:
    """Read all of a draft's files as its acceptance will, keep nothing, and return its mark.

    A look reads what a file says of itself; that all its values can be read shows only so. The
    mark is a digest of the files and what is declared of their bytes: a draft whose `tried` is
    that mark was read before, and is not read again.

    Raises:
        RefusedFileError: a file breaks a rule of the door; the message names it.
        UnitError: a unit is missing or disagrees.
        InvalidInputError: no file, files that are several items, or a part that does not fit.
    """
    parts = parts_of(_typed(body))
    said = {name: parts.get(name) for name in ("crs", "group", "layer", "bbox")}
    variables = [variable.as_task() for variable in parts.get("variables", ())]
    read = [[file["name"], file["sha256"]] for file in body["files"]]
    mark = digest_of(canonical_bytes([read, said, variables]))
    if body.get("tried") == mark:
        return mark
    one, declaration = publishable(node, body)
    with at_hand(node, body) as (_, place), node.store.stage() as scratch:
        gather(place, scratch / "source", Limits())
        try:
            admit(scratch, declaration, Limits())
        except InvalidInputError as error:
            raise type(error)(f"{one.source}: {error}", code=error.code) from error
    return mark


@contextlib.contextmanager
def laid_out(node: Node, files: Sequence[tuple[str, str]]) -> Iterator[Path]:
    """Yield a folder that holds the files under their names."""
    with tempfile.TemporaryDirectory(dir=node.root / "tmp", prefix="draft-") as text:
        folder = Path(text)
        for name, key in files:
            parts = Path(name).parts
            if not parts or name.startswith("/") or ".." in parts or "\\" in name:
                raise InvalidInputError(f"{name[:60]!r} leaves its folder", code="unsafe-path")
            target = folder / name
            with storing():
                target.parent.mkdir(parents=True, exist_ok=True)
                # The reader copies what it reads: a link costs nothing, and nothing writes to it.
                target.hardlink_to(node.store.path(key))
        yield folder


@contextlib.contextmanager
def at_hand(node: Node, body: Mapping[str, Any]) -> Iterator[tuple[Path, Path | Bundle]]:
    """Yield a folder that holds a draft's files, and what of it is taken.

    Raises:
        InvalidInputError: the draft has no file (`incomplete`).
    """
    names = [file["name"] for file in body["files"]]
    if not names:
        raise InvalidInputError("the draft has no file", code="incomplete")
    with laid_out(node, [(file["name"], file["key"]) for file in body["files"]]) as folder:
        shapes = [name for name in names if name.lower().endswith(".shp")]
        if len(names) == 1 or shapes:
            yield folder, folder / str((shapes or names)[0])
        else:
            yield folder, Bundle(tuple((name, folder / name) for name in names))


def uploads_of(folder: Path, one: PlannedItem) -> list[str]:
    """Return the uploads that a planned item is made of, as they were named."""
    place = None if one.place is None else one.place.place
    if place is None:
        return []
    if isinstance(place, Bundle):
        paths = [path for _, path in place.files]
    elif place.is_dir():
        paths = [path for path in sorted(place.rglob("*")) if path.is_file()]
    elif place.suffix.lower() == ".shp":
        paths = [p for p in sorted(place.parent.iterdir()) if p.stem == place.stem]
    else:
        paths = [place]
    return [path.relative_to(folder).as_posix() for path in paths]


def parts_of(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of a declaration that a draft's metadata states."""
    row = {name: metadata[name] for name in _DECLARED if metadata.get(name)}
    for name in ("title", "description"):
        if name in row:
            text = row[name]
            row[name] = {"en": text.get("en", ""), "zh": text.get("zh") or text.get("en", "")}
    if metadata.get("variables"):
        row["variable"] = [
            {
                k: v
                for k, v in each.items()
                if k in ("name", "unit", "meaning", "datatype") and v
            }
            for each in metadata["variables"]
            if isinstance(each, dict) and each.get("unit")
        ]
    if row.get("title") and not row["title"]["en"]:
        row.pop("title")
    return declared_parts(row)


def _typed(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a draft's metadata with its variables as the door is told them."""
    return dict(body["metadata"]) | {"variables": as_declared(body)}
