"""What a line of an import must hold to become an item, and many such lines as one batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from earthcommons.catalog.preparing import batch_of, prepare
from earthcommons.errors import InvalidInputError
from earthcommons.ingest.foreign_item import check_item
from earthcommons.model.canonical import canonical_bytes, parse_strict
from earthcommons.model.declaration import check_id
from earthcommons.policy import parse_label

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from earthcommons.catalog.preparing import Batch, PreparedItem

__all__ = ["MAX_LINE", "Rules", "prepare_lines"]

MAX_LINE = 8 * 2**20
# Links that name where an item is served: the service writes its own.
_SERVED = frozenset(
    {"self", "root", "parent", "collection", "alternate", "next", "prev", "search"}
)


@dataclass(frozen=True, slots=True)
class Rules:
    """What each line is held against: the one collection or those there are, and how closely."""

    collection: str
    known: frozenset[str]
    quick: bool


def prepare_lines(
    numbered: Iterable[tuple[int, bytes | Mapping[str, Any]]], rules: Rules
) -> Batch:
    """Return the batch of some lines or items, each with its number in the file.

    Raises:
        InvalidInputError: one is no item (`bad-line`), or stands twice.
    """
    items: dict[str, PreparedItem] = {}
    for number, line in numbered:
        try:
            item = prepare(_item(line, rules))
        except InvalidInputError as error:
            raise InvalidInputError(f"line {number}: {error}", code="bad-line") from error
        if items.setdefault(item.name, item) is not item:
            raise InvalidInputError(f"line {number}: {item.name} stands twice", code="bad-line")
    return batch_of(list(items.values()))


def _item(line: bytes | Mapping[str, Any], rules: Rules) -> dict[str, Any]:
    body = _parsed(line if isinstance(line, bytes) else canonical_bytes(line))
    if rules.collection:
        body["collection"] = rules.collection
    _check(body, rules.known)
    if not rules.quick:
        body, _ = check_item(body)
    stated = body.pop("links", None)
    links = [link for link in stated or () if link.get("rel") not in _SERVED]
    # An item that said that it has none says so in an export, and comes back as it was.
    if links or stated == []:
        body["links"] = links
    return body


def _parsed(line: bytes) -> dict[str, Any]:
    if len(line) > MAX_LINE:
        raise InvalidInputError(f"over {MAX_LINE} bytes")
    body = parse_strict(line.strip(b" \t\r\n"))
    if not isinstance(body, dict):
        raise InvalidInputError("not a JSON object")
    return body


_NUMBERS = frozenset((int, float))


def _check(body: dict[str, Any], known: frozenset[str]) -> None:
    """Return when the catalogue can hold the item.

    Raises:
        InvalidInputError: it cannot.
    """
    if body.get("type") != "Feature" or not isinstance(body.get("properties"), dict):
        raise InvalidInputError("no STAC item: need type Feature and properties")
    if not isinstance(body.get("id"), str) or not isinstance(body.get("collection"), str):
        raise InvalidInputError("no STAC item: need id and collection")
    check_id(body["id"])
    if body["collection"] not in known:
        raise InvalidInputError(f"there is no collection {body['collection'][:100]!r}")
    geometry = body.get("geometry")
    if geometry is not None:
        if not isinstance(geometry, dict) or "type" not in geometry:
            raise InvalidInputError("geometry is neither GeoJSON nor null")
        if not body.get("bbox"):
            raise InvalidInputError("a geometry needs a bbox")
    box = body.get("bbox") or []
    if not isinstance(box, list) or not _NUMBERS.issuperset(map(type, box)):
        raise InvalidInputError("bbox is a list of numbers")
    _check_members(body)


def _check_members(body: dict[str, Any]) -> None:
    assets, links = body.get("assets", {}), body.get("links") or []
    if not isinstance(assets, dict):
        raise InvalidInputError("assets is an object of objects with href")
    mine = []
    for asset in assets.values():
        if not isinstance(asset, dict) or not isinstance(asset.get("href"), str):
            raise InvalidInputError("assets is an object of objects with href")
        if "ec:access" in asset:
            mine.append(asset["ec:access"])
    if not isinstance(links, list) or not all(
        isinstance(link, dict) and isinstance(link.get("rel", ""), str) for link in links
    ):
        raise InvalidInputError("links is a list of objects with rel")
    if mine or "ec:access" in body:
        _check_rules(body.get("ec:access", {}), mine)


def _check_rules(stated: Any, mine: list[Any]) -> None:
    if not isinstance(stated, dict) or not {"fetch", "derive"}.issuperset(stated):
        # Who may find an item is no member of it: to pass over one would open what is closed.
        raise InvalidInputError("ec:access is an object with fetch and derive, no other")
    for label in (*stated.values(), *mine):
        if not isinstance(label, str):
            raise InvalidInputError("a rule of access is a text", code="bad-label")
        parse_label(label)
