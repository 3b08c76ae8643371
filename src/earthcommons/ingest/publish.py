"""From a foreign file to a visible item, in the one publish order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from earthcommons.errors import ConflictError, NotFoundError
from earthcommons.ingest.door import admit, copy_in
from earthcommons.ingest.item import make_collection, make_item, widen
from earthcommons.ingest.limits import Limits
from earthcommons.model.canonical import canonical_bytes, digest_of
from earthcommons.model.party import OPERATOR
from earthcommons.model.record import Link, Record

if TYPE_CHECKING:
    from pathlib import Path

    from earthcommons.catalog import Catalog
    from earthcommons.model.declaration import Declaration
    from earthcommons.model.indicator import Text
    from earthcommons.store import ObjectStore

__all__ = ["Outcome", "ingest"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an ingest did: `published` or, for the same bytes again, `unchanged`."""

    name: str
    state: Literal["published", "unchanged"]


def ingest(
    source: Path,
    declaration: Declaration,
    catalog: Catalog,
    store: ObjectStore,
    *,
    collection_title: Text | None = None,
    collection_description: Text | None = None,
    limits: Limits | None = None,
) -> Outcome:
    """Publish one foreign file as a STAC item with its converted and its original bytes.

    Stage and hash a copy, convert it in the jail, settle both objects on disk, then one
    transaction makes item and collection visible. A failure at any step leaves nothing visible.

    Raises:
        NotFoundError: no such file.
        RefusedFileError: the file breaks a rule; `code` names it.
        UnitError: a unit is missing or disagrees.
        ConflictError: the id exists with other bytes or another declaration (`exists`).
    """
    limits = limits or Limits()
    with store.stage() as scratch:
        received = copy_in(source, scratch / "source", limits)
        mark = digest_of(canonical_bytes([received, _declared(declaration)]))
        if _already(catalog, declaration, mark):
            return Outcome(declaration.name, "unchanged")
        admission = admit(scratch, declaration, limits)
        put = store.put_tree if admission.output.is_dir() else store.put_file
        keys = {
            "data": put(admission.output, admission.suffix),
            "source": store.put_file(scratch / "source", admission.source_suffix),
        }
    sizes = {role: store.size(key) for role, key in keys.items()}
    item = make_item(declaration, admission, keys, sizes)
    item["properties"]["ec:declared"] = mark
    with catalog.transaction() as tx:
        tx.put(
            Record(
                "item",
                declaration.name,
                item,
                links=(Link("in", "collection", declaration.collection),),
            )
        )
        try:
            collection = widen(
                catalog.get("collection", declaration.collection, OPERATOR), item
            )
        except NotFoundError:
            collection = make_collection(
                declaration,
                collection_title or declaration.title,
                collection_description or declaration.description,
                item,
            )
        tx.revise(Record("collection", declaration.collection, collection))
    return Outcome(declaration.name, "published")


def _already(catalog: Catalog, declaration: Declaration, mark: str) -> bool:
    try:
        item = catalog.get("item", declaration.name, OPERATOR)
    except NotFoundError:
        return False
    if item["properties"].get("ec:declared") == mark:
        return True
    raise ConflictError(
        f"item {declaration.name} exists with other bytes or another declaration;"
        " give this one another id, or publish it as a new version",
        code="exists",
    )


def _declared(declaration: Declaration) -> list[object]:
    return [
        declaration.name,
        declaration.title.as_json(),
        declaration.description.as_json(),
        str(declaration.period),
        [declaration.licence, declaration.licence_url, declaration.attribution],
        [declaration.nature, declaration.derivation, declaration.crs],
        [
            [v.name, v.unit, v.meaning, v.datatype, {k: dict(c) for k, c in v.classes.items()}]
            for v in declaration.variables
        ],
        [file.as_json() for file in declaration.providers],
        list(declaration.bbox or ()),
    ]
