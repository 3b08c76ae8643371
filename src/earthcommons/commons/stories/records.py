"""Any record by the name a person has in hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from earthcommons.errors import NotFoundError
from earthcommons.model.party import OPERATOR, Party

if TYPE_CHECKING:
    from earthcommons.commons.node import Node

__all__ = ["find_record"]

_BY_PREFIX = {"run-": "run", "alert-": "alert", "need-": "need", "ec:": "region-set"}
_KINDS = ("collection", "item", "report", "offer", "watch", "series", "region-set")


def find_record(node: Node, name: str, party: Party = OPERATOR) -> dict[str, Any]:
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
