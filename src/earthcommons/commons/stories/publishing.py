"""From a draft to a published item: look into its files, and publish it when it is accepted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from earthcommons.commons.stories import submitting
from earthcommons.commons.stories.draft_files import (
    at_hand,
    laid_out,
    parts_of,
    planned,
    publishable,
    uploads_of,
)
from earthcommons.commons.stories.drafts import get_draft
from earthcommons.commons.stories.ingesting import collection_words, plan
from earthcommons.commons.stories.ingesting_recipe import Recipe
from earthcommons.commons.stories.regions_met import regions_met
from earthcommons.commons.stories.reviewing import mark_published, reviewable
from earthcommons.errors import ConflictError, InvalidInputError
from earthcommons.ingest import Wish, ingest
from earthcommons.model.indicator import Text
from earthcommons.model.party import OPERATOR
from earthcommons.policy import OPEN, acting_as, acting_party

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from earthcommons.commons.node import Node
    from earthcommons.model.record import Transaction

__all__ = ["accept", "drafts_from", "look_into"]

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
    one = planned(node, body)
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
    with laid_out(node, files) as folder:
        found = plan([folder], Recipe(parts_of(metadata or {})))
        made, refused = [], []
        for one in found:
            if one.place is None and not one.code:
                continue
            inside = uploads_of(folder, one)
            if one.code:
                refused.append({"source": one.source, "code": one.code, "message": one.message})
                continue
            try:
                submitting.check_names(Path(name).name for name in inside)
                draft = submitting.start_draft(node, collection, one.item, group=group)
            except (ConflictError, InvalidInputError) as error:
                if isinstance(error, InvalidInputError) and error.code != "name-collision":
                    raise
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
    one, declaration = publishable(node, body)
    by = acting_party()
    wish = Wish(
        find=body["rule"].get("find", OPEN),
        fetch=body["rule"].get("fetch", ""),
        derive=body["rule"].get("derive", ""),
        properties=_properties(body),
        replaces=body["replaces"],
        owner=body["group"],
        by=by,
    )

    def together(tx: Transaction, version: int) -> None:
        with acting_as(by):
            mark_published(node, tx, body, version)

    title, description = collection_words(one.collection)
    title = _stated(body["metadata"].get("collection_title")) or title
    with at_hand(node, body) as (_, place), acting_as(OPERATOR):
        ingest(
            place,
            declaration,
            node.catalog,
            node.store,
            guessed=one.guessed,
            wish=wish,
            collection_title=title,
            collection_description=description,
            regions=regions_met(node),
            while_waiting=while_waiting,
            together=together,
        )
    return get_draft(node, id_)


def _stated(texts: Mapping[str, str] | None) -> Text | None:
    """Return what a draft calls its collection; one language is enough, the other shows it too."""
    en, zh = ((texts or {}).get(lang, "").strip() for lang in ("en", "zh"))
    return Text(en or zh, zh or en) if en or zh else None


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
