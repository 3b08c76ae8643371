"""From a draft to a published item: look into its files, and publish it when it is accepted."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earthcommons.commons.declarations import declared_parts
from earthcommons.commons.stories import submitting
from earthcommons.commons.stories.drafts import get_draft
from earthcommons.commons.stories.ingesting import plan
from earthcommons.commons.stories.ingesting_recipe import Recipe
from earthcommons.commons.stories.regions_met import regions_met
from earthcommons.commons.stories.reviewing import mark_published, reviewable
from earthcommons.errors import ConflictError, InvalidInputError
from earthcommons.ingest import Bundle, Wish, ingest
from earthcommons.model.indicator import Text
from earthcommons.model.party import OPERATOR
from earthcommons.policy import OPEN, acting_as, acting_party
from earthcommons.store import storing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from earthcommons.commons.node import Node
    from earthcommons.commons.stories.ingesting import PlannedItem
    from earthcommons.model.record import Transaction

__all__ = ["accept", "drafts_from", "look_into"]

# Parts of a draft that declare the bytes; the others go into the item's metadata.
_DECLARED = (
    "title", "description", "period", "licence", "licence_url", "attribution", "nature",
    "derivation", "crs", "bbox", "group", "layer",
)  # fmt: skip
# Units of columns that hold words or days; of all others the cells are numbers.
_WORDS = ("class", "name", "date")
_THEMES = "urn:earthcommons:themes"
_GOALS = "https://metadata.un.org/sdg"


def look_into(node: Node, id_: str) -> dict[str, Any]:
    """Read a draft's files in the jail, note what they are, and return the draft.

    What the files say of themselves fills the parts of the metadata that are still empty: title,
    period. Nothing is published.

    Raises:
        NotFoundError: no visible draft has that id.
        AccessDeniedError: the acting party is not its author.
        ConflictError: it is not open to editing.
        RefusedFileError: a file breaks a rule of the door; `code` says which.
        InvalidInputError: no file, or files that are several items.
    """
    body = submitting.editable(node, id_)
    one = _planned(node, body)
    if one.code:
        raise InvalidInputError(f"{one.source}: {one.message}", code=one.code)
    seen = {
        "format": one.format,
        "crs": one.crs,
        "bbox": list(one.bbox) if one.bbox else None,
        "variables": [
            {"name": name, "unit": unit}
            | ({"datatype": one.texts[name]} if name in one.texts else {})
            for name, unit in one.variables
        ],
        "guessed": list(one.guessed),
        "warnings": list(one.warnings),
    }
    metadata = body["metadata"]
    filled: dict[str, Any] = {}
    if "period" not in metadata and one.period:
        filled["period"] = one.period
    if "title" not in metadata and one.title:
        filled["title"] = {"en": one.title, "zh": ""}
    return submitting.note_seen(node, id_, seen, filled)


def drafts_from(
    node: Node,
    collection: str,
    files: Sequence[tuple[str, str]],
    *,
    group: str = "",
    metadata: Mapping[str, Any] | None = None,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Begin a draft for each item that uploaded files make: a folder of mixed files.

    Args:
        node: the node.
        collection: where they shall go.
        files: (name, object key) of each upload; a name may hold folders.
        group: the group that will own a new collection.
        metadata: parts that hold for all of them.

    Returns:
        The drafts, each looked into, and the files that were refused with code and message.

    Raises:
        AccessDeniedError: the acting party contributes to no such collection.
        InvalidInputError: a name that leaves its folder, or a part that does not fit.
    """
    keys = dict(files)
    with _laid_out(node, files) as folder:
        planned = plan([folder], Recipe(_parts(metadata or {})))
        made, refused = [], []
        for one in planned:
            if one.place is None and not one.code:
                continue
            inside = _names(folder, one)
            if one.code:
                refused.append({"source": one.source, "code": one.code, "message": one.message})
                continue
            try:
                draft = submitting.start_draft(node, collection, one.item, group=group)
            except ConflictError as error:
                said = {"source": one.source, "code": error.code, "message": str(error)}
                refused.append(said)
                continue
            for name in inside:
                submitting.attach(node, draft["id"], keys[name], Path(name).name)
            submitting.edit_draft(node, draft["id"], dict(metadata or {}))
            made.append(look_into(node, draft["id"]))
    return made, refused


def accept(
    node: Node, id_: str, *, while_waiting: Callable[[float], None] | None = None
) -> dict[str, Any]:
    """Publish a submitted draft with the rule it asks for, and return it.

    Raises:
        NotFoundError: no visible draft has that id.
        AccessDeniedError: the acting party does not review for the group, or wrote it.
        ConflictError: it is not submitted, its item is there, it is no longer the version that
            the draft replaces, the draft was decided or changed meanwhile, or its collection
            belongs to others now.
        RefusedFileError: a file breaks a rule of the door.
        InvalidInputError: a part of the metadata does not fit.
    """
    body = reviewable(node, id_)
    one = _planned(node, body)
    if one.code or one.declaration is None:
        said = one.message or f"declare {', '.join(one.missing)}"
        raise InvalidInputError(f"{one.source}: {said}", code=one.code or "incomplete")
    wish = Wish(
        find=body["rule"].get("find", OPEN),
        fetch=body["rule"].get("fetch", ""),
        derive=body["rule"].get("derive", ""),
        properties=_properties(body),
        replaces=body["replaces"],
        owner=body["group"],
    )
    by = acting_party()

    def together(tx: Transaction, version: int) -> None:
        with acting_as(by):
            mark_published(node, tx, body, version)

    with _laid_out(node, _files(body)) as folder, acting_as(OPERATOR):
        place = _place(folder, body)
        ingest(
            place,
            one.declaration,
            node.catalog,
            node.store,
            guessed=one.guessed,
            wish=wish,
            # A new collection is not named after the first item that comes into it.
            collection_title=Text(one.collection, one.collection),
            collection_description=Text(
                f"Records of the collection {one.collection}.",
                f"数据集 {one.collection} 的记录。",
            ),
            regions=regions_met(node),
            while_waiting=while_waiting,
            together=together,
        )
    return get_draft(node, id_)


def _planned(node: Node, body: Mapping[str, Any]) -> PlannedItem:
    with _laid_out(node, _files(body)) as folder:
        parts = _parts(_typed(body)) | {
            "item": body["item"],
            "collection": body["collection"],
        }
        place = _place(folder, body)
        # A version may mend what the collection's extent still tells of.
        catalog = None if body["replaces"] else node.catalog
        sources = [place if isinstance(place, Path) else folder]
        found = plan(sources, Recipe(parts), catalog=catalog)
    if len(found) != 1:
        raise InvalidInputError(
            f"these files are {len(found)} items: make a draft of each", code="several-items"
        )
    return found[0]


def _files(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    if not body["files"]:
        raise InvalidInputError("the draft has no file", code="incomplete")
    return [(file["name"], file["key"]) for file in body["files"]]


@contextlib.contextmanager
def _laid_out(node: Node, files: Sequence[tuple[str, str]]) -> Iterator[Path]:
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


def _place(folder: Path, body: Mapping[str, Any]) -> Path | Bundle:
    names = [file["name"] for file in body["files"]]
    shapes = [name for name in names if name.lower().endswith(".shp")]
    if len(names) == 1 or shapes:
        return folder / str((shapes or names)[0])
    return Bundle(tuple((name, folder / name) for name in names))


def _names(folder: Path, one: PlannedItem) -> list[str]:
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


def _parts(metadata: Mapping[str, Any]) -> dict[str, Any]:
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
    """Return a draft's metadata; columns that measure nothing have the type their cells show."""
    texts = {v["name"]: v.get("datatype") for v in body["seen"].get("variables", ())}
    return dict(body["metadata"]) | {
        "variables": [
            {"datatype": texts.get(each.get("name")), **each}
            if isinstance(each, dict) and each.get("unit") in _WORDS
            else each
            for each in body["metadata"].get("variables", ())
        ]
    }


def _properties(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the STAC properties of an item that are not declared of its bytes."""
    metadata = body["metadata"]
    themes = []
    if metadata.get("themes"):
        concepts = [{"id": str(theme)} for theme in metadata["themes"]]
        themes.append({"scheme": _THEMES, "concepts": concepts})
    if metadata.get("sdg"):
        concepts = [{"id": str(goal)} for goal in metadata["sdg"]]
        themes.append({"scheme": _GOALS, "concepts": concepts})
    found = {
        "keywords": metadata.get("keywords"),
        "themes": themes,
        "ec:creators": metadata.get("creators"),
        "ec:contact": metadata.get("contact"),
        "sci:doi": metadata.get("doi"),
    }
    return {name: value for name, value in found.items() if value}
