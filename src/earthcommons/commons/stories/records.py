"""Any record by the name a person has in hand."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from earthcommons.errors import InvalidInputError, NotFoundError

if TYPE_CHECKING:
    from earthcommons.commons.node import Node
    from earthcommons.model.party import Party

__all__ = ["find_record", "find_version", "parse_moment", "version_named"]

_BY_PREFIX = {"run-": "run", "alert-": "alert", "need-": "need", "ec:": "region-set"}
_KINDS = ("collection", "item", "report", "offer", "watch", "series", "region-set")


def find_record(node: Node, name: str, party: Party | None = None) -> dict[str, Any]:
    """Return the record called `name`: an id with a telling prefix, `collection/item`, or a key.

    Raises:
        NotFoundError: nothing visible has that name.
    """
    if name.startswith("obs-"):
        return node.catalog.observation(name, party)
    if "/" in name:
        return node.catalog.get("item", name, party)
    for prefix, kind in _BY_PREFIX.items():
        if name.startswith(prefix):
            return node.catalog.get(kind, name, party)
    for kind in _KINDS:
        if node.catalog.version(kind, name) is not None:
            return node.catalog.get(kind, name, party)
    raise NotFoundError(f"nothing is called {name[:120]!r}")


def find_version(node: Node, name: str, version: int = 0, as_of: str = "") -> dict[str, Any]:
    """Return a version of an item (`collection/item`) or a collection, by number or by moment.

    Raises:
        NotFoundError: nothing visible has that name and version, or had it then.
        GoneError: the record was withdrawn.
        InvalidInputError: both are given, or the moment is none.
    """
    kind = "item" if "/" in name else "collection"
    return node.catalog.past(kind, name, version_named(node, name, version, as_of))


def version_named(node: Node, name: str, version: int = 0, as_of: str = "") -> int:
    """Return the number of the version that a number or a moment names.

    Raises:
        NotFoundError: there was none yet.
        InvalidInputError: both are given, or the moment is none.
    """
    if version and as_of:
        raise InvalidInputError("say either a version or a moment")
    kind = "item" if "/" in name else "collection"
    return version or node.catalog.version_at(kind, name, parse_moment(as_of))


def parse_moment(text: str) -> datetime:
    """Return the moment an RFC 3339 time with a zone names.

    Raises:
        InvalidInputError: it names none (`bad-time`).
    """
    try:
        found = datetime.fromisoformat(text[:40])
    except ValueError as error:
        raise InvalidInputError(
            f"{text[:40]!r}: write 2026-01-31T00:00:00Z", code="bad-time"
        ) from error
    if found.tzinfo is None:
        raise InvalidInputError(f"{text[:40]!r} names no zone", code="bad-time")
    return found
