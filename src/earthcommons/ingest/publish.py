"""From a foreign file to a visible item, in the one publish order."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from earthcommons.errors import ConflictError, NotFoundError, RefusedFileError
from earthcommons.ingest.axis_order import swapped_in_collection
from earthcommons.ingest.claiming import claim
from earthcommons.ingest.door import admit, visit
from earthcommons.ingest.item import make_collection, make_item, widen
from earthcommons.ingest.limits import Limits
from earthcommons.ingest.sources import Bundle, gather
from earthcommons.model.canonical import canonical_bytes, digest_of
from earthcommons.model.party import OPERATOR
from earthcommons.model.record import Link, Record
from earthcommons.policy import acting_as, acting_party, combine
from earthcommons.store import digest_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from earthcommons.catalog import Catalog
    from earthcommons.ingest.door import Admission
    from earthcommons.model.declaration import Declaration
    from earthcommons.model.indicator import Text
    from earthcommons.model.party import Party
    from earthcommons.model.record import Transaction
    from earthcommons.store import ObjectStore

__all__ = ["Outcome", "Pending", "Wish", "ingest"]


@dataclass(frozen=True, slots=True)
class Wish:
    """How an item shall stand, besides what is declared of its bytes.

    Attributes:
        find, fetch, derive: labels it states; an empty one leaves that to its collection.
        properties: further STAC properties.
        replaces: the version it follows; 0 for a new item.
        owner: group that owns a collection that begins with it.
        by: who publishes it, for the audit log; None for who acts.
    """

    find: str = "open"
    fetch: str = ""
    derive: str = ""
    properties: Mapping[str, Any] = field(default_factory=dict)
    replaces: int = 0
    owner: str = ""
    by: Party | None = field(default=None, compare=False)

    def as_mark(self) -> list[object]:
        """Return what tells two wishes apart; nothing for the usual one."""
        if self == Wish():
            return []
        labels = [self.find, self.fetch, self.derive]
        return [labels, dict(self.properties), self.owner]


@dataclass(frozen=True, slots=True)
class Pending:
    """A declaration that waits for what the file says of itself.

    Attributes:
        about: what is declared of the bytes so far, as for `look`.
        settle: from what the file says to its declaration and the keys of it that nobody
            declared; what it raises ends the admission. It changes nothing of `about`.
    """

    about: dict[str, Any]
    settle: Callable[[dict[str, Any]], tuple[Declaration, Sequence[str]]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an ingest did: `published` or, for the same bytes again, `unchanged`.

    Attributes:
        name: the item.
        state: which of the two.
        warnings: what is doubtful about the data, as its `ec:warnings` has it.
    """

    name: str
    state: Literal["published", "unchanged"]
    warnings: tuple[str, ...] = ()


def ingest(
    source: Path | Bundle,
    declaration: Declaration | Pending,
    catalog: Catalog,
    store: ObjectStore,
    *,
    collection_title: Text | None = None,
    collection_description: Text | None = None,
    limits: Limits | None = None,
    scenes: dict[str, Any] | None = None,
    guessed: Sequence[str] = (),
    wish: Wish | None = None,
    roots: Sequence[Path] = (),
    regions: Callable[[dict[str, Any] | None], Sequence[str]] | None = None,
    while_waiting: Callable[[float], None] | None = None,
    together: Callable[[Transaction, int], None] | None = None,
) -> Outcome:
    """Publish one foreign file as a STAC item with its converted and its original bytes.

    Stage and hash a copy, convert it in the jail, settle both objects on disk, then one
    transaction makes item and collection visible. A failure at any step leaves nothing visible.

    Args:
        source: a file; or a folder, a Shapefile with its parts, or named files, which are kept
            together as one zip archive.
        declaration: what is declared of it, or will be once it was looked at: then it is looked
            at and taken by one process.
        catalog: where the item becomes visible.
        store: where the bytes go.
        collection_title: title of a collection that begins with this item.
        collection_description: its description.
        limits: budgets; the defaults where left out.
        scenes: which file is which band of which time, and what to make of them; of a pending
            declaration `about` says it.
        guessed: keys of the declaration that nobody declared, kept in `ec:guessed`; of a pending
            one `settle` says it.
        wish: rule, further metadata and place in a row of versions, where they are not the usual.
        regions: which regions a footprint meets, kept in `ec:regions`; what `wish` says goes first.
        roots: folders that were named as sources (`gather`).
        while_waiting: called several times a second while the file is read; what it raises ends
            the admission and leaves nothing.
        together: what becomes visible with the item or not at all: is given the transaction and
            the item's version, also when the item is there already; what it raises ends both.

    Raises:
        NotFoundError: no such file.
        RefusedFileError: the file breaks a rule; `code` names it.
        UnitError: a unit is missing or disagrees.
        ConflictError: the id exists with other bytes or another declaration (`exists`), or is no
            longer the version that `wish` replaces (`stale`).
    """
    limits, wish = limits or Limits(), wish or Wish()
    with store.stage() as scratch, contextlib.ExitStack() as held:
        received = gather(source, scratch / "source", limits, roots)
        take: Callable[[], Admission]
        if isinstance(declaration, Pending):
            scenes = declaration.about.get("scenes")
            visited = held.enter_context(
                visit(scratch, declaration.about, limits, while_waiting=while_waiting)
            )
            declaration, guessed = declaration.settle(visited.seen)
            take = visited.take
        else:
            take = partial(
                admit, scratch, declaration, limits, scenes=scenes, while_waiting=while_waiting
            )
        said = [received, _declared(declaration), *([scenes] if scenes else [])]
        mark = digest_of(canonical_bytes([*said, *wish.as_mark()]))
        if _already(catalog, declaration, mark, wish.replaces):
            if together is not None:
                with catalog.transaction() as tx:
                    together(tx, _version(catalog, declaration.name))
            return Outcome(declaration.name, "unchanged")
        admission = take()
        mine = held.enter_context(store.stage())
        output = claim(admission.output, mine, limits.written_bytes)
        origin = claim(scratch / "source", mine, limits.written_bytes)
        put = store.put_tree if output.is_dir() else store.put_file
        keys = {
            "source": store.put_file(origin, admission.source_suffix),
            "data": put(output, admission.suffix),
        }
        if digest_in(keys["source"]) != received:
            raise RefusedFileError("the reader altered the file it read", code="malformed")
    sizes = {role: store.size(key) for role, key in keys.items()}
    item = make_item(declaration, admission, keys, sizes)
    item["properties"]["ec:declared"] = mark
    if guessed:
        item["properties"]["ec:guessed"] = sorted(guessed)
    if regions is not None and (met := list(regions(item["geometry"]))):
        item["properties"]["ec:regions"] = met
    item["properties"] |= _warnings(declaration, admission, wish, catalog)
    item["properties"] |= wish.properties
    stated = {k: v for k, v in (("fetch", wish.fetch), ("derive", wish.derive)) if v}
    if stated:
        item["ec:access"] = stated
    with catalog.transaction() as tx:
        titles = (
            collection_title or declaration.title,
            collection_description or declaration.description,
        )
        tx.revise(_collection_around(item, declaration, wish, titles, catalog))
        # After its collection: an item is labelled by the owner that has.
        links = (Link("in", "collection", declaration.collection),)
        record = Record("item", declaration.name, item, access=wish.find, links=links)
        if wish.replaces:
            _check_version(catalog, declaration.name, wish.replaces)
            tx.revise(record)
        else:
            tx.put(record)
        version = _version(catalog, declaration.name)
        with acting_as(wish.by or acting_party()):
            tx.note("item-publish", "item", declaration.name, {"version": version})
        if together is not None:
            together(tx, version)
    warnings = item["properties"].get("ec:warnings", ())
    return Outcome(declaration.name, "published", tuple(warnings))


def _warnings(
    declaration: Declaration, admission: Admission, wish: Wish, catalog: Catalog
) -> dict[str, list[str]]:
    warnings = list(admission.facts["properties"].get("ec:warnings", ()))
    # A version may mend what the collection's extent still tells of; a bbox was judged already.
    if not wish.replaces and declaration.bbox is None:
        found = admission.facts["bbox"]
        warnings += swapped_in_collection(catalog, declaration.collection, found)
    return {"ec:warnings": warnings} if warnings else {}


def _collection_around(
    item: dict[str, Any],
    declaration: Declaration,
    wish: Wish,
    titles: tuple[Text, Text],
    catalog: Catalog,
) -> Record:
    """Return the collection with the item in it: the one there is, or one that begins with it."""
    name = declaration.collection
    try:
        label = catalog.stated("collection", name, OPERATOR)[0]
        collection = catalog.get("collection", name, OPERATOR)
    except NotFoundError:
        _check_owner(catalog, name, wish.owner)
        owned = {"ec:owner": wish.owner} if wish.owner else {}
        collection = owned | make_collection(declaration, *titles, item)
        # It asks what the item asks: its extent is that of the item.
        return Record("collection", name, collection, access=combine(wish.find))
    # Place and time of what asks for more than its collection are not told by it.
    if combine(wish.find, label) == label:
        collection = widen(collection, item)
    return Record("collection", name, collection, access=label)


def _check_owner(catalog: Catalog, collection: str, owner: str) -> None:
    """Refuse to begin anew a collection that another group withdrew."""
    with contextlib.suppress(NotFoundError):
        before, _ = catalog.tombstone_of("collection", collection)
        if before != owner:
            raise ConflictError(f"collection {collection} was withdrawn", code="exists")


def _version(catalog: Catalog, name: str) -> int:
    known = catalog.version("item", name)
    return known[0] if known else 0


def _check_version(catalog: Catalog, name: str, version: int) -> None:
    if _version(catalog, name) != version:
        raise ConflictError(
            f"item {name} is no longer version {version}: look at it again", code="stale"
        )


def _already(catalog: Catalog, declaration: Declaration, mark: str, replaces: int) -> bool:
    try:
        item = catalog.get("item", declaration.name, OPERATOR)
    except NotFoundError:
        return False
    if item["properties"].get("ec:declared") == mark:
        return True
    if replaces:
        return False
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
        # Keys that came later are named only where they say something: older marks still hold.
        *(
            [[declaration.group, declaration.layer]]
            if declaration.group or declaration.layer
            else []
        ),
    ]
