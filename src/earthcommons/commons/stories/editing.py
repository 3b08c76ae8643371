"""Items and collections written by programs: made, replaced, changed in part, retired.

Who writes names the version they read by its digest; where that is no longer the present one,
nothing is written. What only the node states (ids, owner, rule, marks) is read-only here.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from earthcommons.commons.stories.editing_collection import check_collection
from earthcommons.commons.stories.withdrawing import withdraw
from earthcommons.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
    RefusedFileError,
)
from earthcommons.ingest.foreign_item import check_item
from earthcommons.ingest.item import widen
from earthcommons.ingest.limits import Limits
from earthcommons.model.party import OPERATOR, PUBLIC
from earthcommons.model.record import Link, Record
from earthcommons.policy import OPEN, combine, parse_label, require

if TYPE_CHECKING:
    from collections.abc import Sequence

    from earthcommons.commons.node import Node
    from earthcommons.model.record import Kind, Transaction

__all__ = [
    "Written",
    "create_collection",
    "create_items",
    "current_tag",
    "may_publish",
    "merged",
    "patch",
    "replace",
    "retire",
    "whole_view",
]

MOST_AT_ONCE = 10_000
# Relations that the service writes itself.
_SERVED = frozenset({
    "self", "root", "parent", "collection", "items", "alternate", "edit", "license-alternate",
    "predecessor-version", "successor-version", "latest-version", "version-history",
    "http://www.opengis.net/def/rel/ogc/1.0/queryables",
    "http://www.opengis.net/def/rel/ogc/1.0/sortables",
})  # fmt: skip
# Members of the record, and of an item's properties, that stand as the node states them.
_FIXED = ("id", "type", "collection", "ec:owner", "ec:access")
_FIXED_PROPERTIES = ("created", "ec:declared", "ec:guessed")
_OBJECT = re.compile(r"/objects/[0-9a-f]{64}(?:\.[a-z0-9]{1,12}){0,2}")


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a record that was sent.

    Attributes:
        name: `collection/item`, or a collection's id.
        tag: digest of the version that is current now.
        state: `created`, `replaced`, or `unchanged` for what was there already.
    """

    name: str
    tag: str
    state: Literal["created", "replaced", "unchanged"]


def current_tag(node: Node, kind: Kind, name: str) -> str:
    """Return the digest of the present version; empty where nothing has that name.

    Not limited by policy: it is for answers that are.
    """
    known = node.catalog.version(kind, name)
    return known[1] if known else ""


def create_items(
    node: Node, collection: str, values: Sequence[dict[str, Any]]
) -> list[Written]:
    """Store new items of a collection, all of them or none.

    An item that is there with the same content stays as it is.

    Raises:
        NotFoundError: no visible collection has that id.
        AccessDeniedError: the acting party does not publish in it.
        ConflictError: an item is there with other content, or was withdrawn (`exists`).
        InvalidInputError: one is no item that the node can keep.
    """
    may_publish(node, "collection", collection)
    if not values:
        raise InvalidInputError("features holds no item: send at least one")
    if len(values) > MOST_AT_ONCE:
        raise InvalidInputError(f"send 1 to {MOST_AT_ONCE:,} items", code="declared-too-large")
    items = [_checked(node, collection, value) for value in values]
    if len({item["id"] for item in items}) < len(items):
        raise InvalidInputError("an id stands twice", code="bad-id")
    for item in items:
        _check_stated(item, {})
    with node.catalog.transaction() as tx:
        # Asked again: reading thousands of items takes a while, and collections change hands.
        may_publish(node, "collection", collection)
        written = [_create(node, tx, item) for item in items]
        fresh = [
            item for item, done in zip(items, written, strict=True) if done.state == "created"
        ]
        _widen(node, tx, collection, [(item, OPEN) for item in fresh])
    return written


def create_collection(node: Node, value: dict[str, Any]) -> Written:
    """Store a new collection; `ec:owner` names the group that will own it.

    Raises:
        NotFoundError: there is no such group.
        AccessDeniedError: the acting party is no steward of that group, or names none and is no
            operator.
        ConflictError: it is there with other content, or was withdrawn (`exists`).
        InvalidInputError: it is no collection that the node can keep.
    """
    body = check_collection(_without_links(value))
    owner = body.get("ec:owner", "")
    if not isinstance(owner, str):
        raise InvalidInputError("ec:owner names no group")
    if "ec:access" in body:
        raise _read_only("ec:access")
    require("publish", OPEN, body["id"], owner=owner)
    if owner:
        node.catalog.people.group(owner)
    with node.catalog.transaction() as tx:
        return _put(node, tx, Record("collection", body["id"], body))


def replace(node: Node, kind: Kind, name: str, value: dict[str, Any], seen: str) -> Written:
    """Put a whole new version in the place of the one whose digest is `seen`.

    Raises:
        NotFoundError: nothing visible has that name.
        AccessDeniedError: the acting party does not publish it, or does not see all of it.
        ConflictError: it is another version by now (`stale`), or a member is changed that only the
            node states (`read-only`).
        InvalidInputError: it is nothing that the node can keep.
    """
    stands = whole_view(node, kind, name)
    if kind == "item":
        collection = name.partition("/")[0]
        body = _checked(node, collection, value, name, stands)
    else:
        body = check_collection(_without_links(value))
    _check_stated(body, stands)
    for member in _FIXED:
        if member in stands:
            body[member] = stands[member]
    kept = stands.get("properties", {})
    for member in _FIXED_PROPERTIES:
        if member in kept:
            body["properties"][member] = kept[member]
    with node.catalog.transaction() as tx:
        may_publish(node, kind, name)
        _check_seen(node, kind, name, seen)
        find = node.catalog.stated(kind, name, OPERATOR)[0]
        _, links = node.catalog.whole(kind, name)
        changed = tx.revise(Record(kind, name, body, access=find, links=links))
        if changed:
            tx.note(f"{kind}-replace", kind, name, {"seen": seen})
            if kind == "item":
                _widen(node, tx, name.partition("/")[0], [(body, find)])
        tag = current_tag(node, kind, name)
    return Written(name, tag, "replaced" if changed else "unchanged")


def patch(node: Node, kind: Kind, name: str, change: dict[str, Any], seen: str) -> Written:
    """Change parts of the version whose digest is `seen`, by a JSON merge patch.

    Raises:
        NotFoundError: nothing visible has that name.
        AccessDeniedError: the acting party does not publish it, or does not see all of it.
        ConflictError: it is another version by now (`stale`), or the patch names a member that only
            the node states (`read-only`).
        InvalidInputError: what comes out is nothing that the node can keep.

    Source:
        RFC 7396.
    """
    stands = whole_view(node, kind, name)
    for member in _FIXED:
        if member in change and change[member] != stands.get(member):
            raise _read_only(member)
    if _without_links({"links": change.get("links") or []})["links"] != (
        change.get("links") or []
    ):
        raise _read_only("a link that the service writes")
    properties = change.get("properties")
    for member in _FIXED_PROPERTIES:
        if isinstance(properties, dict) and member in properties:
            raise _read_only(f"properties.{member}")
    return replace(node, kind, name, merged(stands, change), seen)


def retire(node: Node, kind: Kind, name: str, seen: str) -> None:
    """Put a tombstone in the place of the version whose digest is `seen`.

    Raises:
        NotFoundError: nothing visible has that name.
        AccessDeniedError: the acting party does not care for it.
        ConflictError: it is another version by now (`stale`), or a collection with items.
    """
    may_publish(node, kind, name)
    if kind == "collection" and node.catalog.holds_items(name):
        raise ConflictError(
            f"collection {name} has items: withdraw them first", code="not-empty"
        )
    withdraw(node, kind, name, "retired", seen=seen)


def merged(value: Any, change: Any) -> Any:
    """Return a JSON value changed by a merge patch; `value` is not changed itself.

    Source:
        RFC 7396, section 2.
    """
    if not isinstance(change, dict):
        return change
    result = dict(value) if isinstance(value, dict) else {}
    for name, part in change.items():
        if part is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), part)
    return result


def may_publish(node: Node, kind: Kind, name: str) -> None:
    """Return when the acting party may write a record.

    Raises:
        NotFoundError: nothing visible has that name.
        GoneError: it was withdrawn.
        AccessDeniedError: the party does not publish it.
    """
    # Read first: what was withdrawn says so to whoever may know.
    node.catalog.body(kind, name)
    standing = node.catalog.standing(kind, name)
    require("publish", standing.faces.find, name, owner=standing.owner)


def whole_view(node: Node, kind: Kind, name: str) -> dict[str, Any]:
    """Return a record that the acting party may replace, as it sees it.

    Raises:
        NotFoundError: nothing visible has that name.
        AccessDeniedError: the party does not publish it, or does not see all of it.
    """
    may_publish(node, kind, name)
    stands = node.catalog.get(kind, name)
    if "ec:withheld" in stands:
        raise AccessDeniedError(
            f"{name}: you do not see all of its assets, so you cannot replace it"
        )
    return stands


def _sees_all(node: Node, record: Record) -> bool:
    """Return whether the acting party may be told that what it sent is what is there."""
    return b'"ec:withheld":' not in node.catalog.body(record.kind, record.id)


def _checked(
    node: Node,
    collection: str,
    value: dict[str, Any],
    name: str = "",
    stands: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return an item as the node keeps it; `stands` is the version it follows."""
    held = frozenset(a["href"] for a in (stands or {}).get("assets", {}).values())
    if value.get("collection", collection) != collection:
        raise _read_only("collection")
    if name and value.get("id") != name.partition("/")[2]:
        raise _read_only("id")
    item = _without_links(
        {"stac_version": "1.1.0", "stac_extensions": [], "assets": {}} | value
    )
    item["collection"] = collection
    _localise(node, item)
    item, _ = check_item(item, Limits(json_bytes=64 * 2**20))
    if not isinstance(item["stac_version"], str):
        raise RefusedFileError("stac_version is no text", code="invalid-item")
    item.pop("ec:withheld", None)
    for key, asset in item["assets"].items():
        _check_asset(node, key, asset, held)
    return item


def _localise(node: Node, item: dict[str, Any]) -> None:
    """Take the node's own address off its objects, as it is put there when they are served."""
    own = f"{node.settings.url}/objects/"
    assets = item.get("assets")
    if not isinstance(assets, dict):
        return
    item["assets"] = {
        key: {**asset, "href": asset["href"].removeprefix(node.settings.url)}
        if isinstance(asset, dict) and str(asset.get("href", "")).startswith(own)
        else asset
        for key, asset in assets.items()
    }


def _check_asset(node: Node, key: str, asset: dict[str, Any], held: frozenset[str]) -> None:
    """Refuse an asset whose address is not to be taken.

    A public address is kept and never fetched. An object of this node may be named by the item
    that has it already, or when everybody may fetch it: whoever may read closed bytes does not
    thereby publish them elsewhere.
    """
    label = asset.get("ec:access", OPEN)
    if not isinstance(label, str):
        raise InvalidInputError(f"asset {key[:40]!r}: ec:access is no label", code="bad-label")
    parse_label(label)
    href = asset["href"]
    if href.startswith("https://") or href in held:
        return
    if not _OBJECT.fullmatch(href) or not node.catalog.has_asset(href, PUBLIC):
        raise RefusedFileError(
            f"asset {key[:40]!r}: give https://host/path, or /objects/KEY of an asset that this"
            " item has already or that is open to everybody",
            code="bad-href",
        )


def _check_stated(body: dict[str, Any], stands: dict[str, Any]) -> None:
    """Refuse a body that states otherwise what only the node states."""
    for member in _FIXED:
        # A new record states its own id, type and collection.
        new = not stands and member in ("id", "type", "collection")
        if not new and member in body and body[member] != stands.get(member):
            raise _read_only(member)
    stated = body.get("properties", {})
    kept = stands.get("properties", {})
    for member in _FIXED_PROPERTIES:
        new = not stands and member == "created"
        if not new and member in stated and stated[member] != kept.get(member):
            raise _read_only(f"properties.{member}")


def _read_only(member: str) -> ConflictError:
    return ConflictError(f"{member} is not changed here", code="read-only")


def _without_links(value: dict[str, Any]) -> dict[str, Any]:
    """Return a body without the links that the service writes."""
    links = value.get("links", [])
    if not isinstance(links, list) or not all(isinstance(link, dict) for link in links):
        raise RefusedFileError("links is no list of objects", code="invalid-item")
    return {**value, "links": [link for link in links if link.get("rel") not in _SERVED]}


def _check_seen(node: Node, kind: Kind, name: str, seen: str) -> None:
    if current_tag(node, kind, name) != seen:
        raise ConflictError(f"{name} has changed since: read it again", code="stale")


def _create(node: Node, tx: Transaction, item: dict[str, Any]) -> Written:
    name = f"{item['collection']}/{item['id']}"
    links = (Link("in", "collection", item["collection"]),)
    return _put(node, tx, Record("item", name, item, links=links))


def _put(node: Node, tx: Transaction, record: Record) -> Written:
    known = node.catalog.version(record.kind, record.id)
    if known is not None:
        body, links = node.catalog.whole(record.kind, record.id)
        find = node.catalog.stated(record.kind, record.id, OPERATOR)[0]
        # The rule is not part of what was sent.
        rule = {"ec:access": body["ec:access"]} if "ec:access" in body else {}
        same = dataclasses.replace(
            record, body=record.body | rule, version=known[0], access=find, links=links
        )
        if same.digest == known[1] and _sees_all(node, record):
            return Written(record.id, known[1], "unchanged")
        raise ConflictError(
            f"{record.kind} {record.id} exists with other content: replace it with If-Match",
            code="exists",
        )
    tx.put(record)
    tx.note(f"{record.kind}-create", record.kind, record.id, {})
    return Written(record.id, record.digest, "created")


def _widen(
    node: Node, tx: Transaction, collection: str, items: Sequence[tuple[dict[str, Any], str]]
) -> None:
    """Let a collection's extent hold items, each given with the label it states itself."""
    try:
        label = node.catalog.stated("collection", collection, OPERATOR)[0]
    except NotFoundError:
        return
    body, links = node.catalog.whole("collection", collection)
    wider = body
    for item, find in items:
        # Place and time of what asks for more than its collection are not told by it.
        if combine(find, label) == label:
            wider = widen(wider, item)
    if wider is not body:
        tx.revise(Record("collection", collection, wider, access=label, links=links))
