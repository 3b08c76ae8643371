"""Who may find, fetch and build upon a collection or an item: read, set, explained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from earthcommons.model.record import Record
from earthcommons.policy import OPEN, acting_party, combine, require

if TYPE_CHECKING:
    from earthcommons.commons.node import Node
    from earthcommons.model.record import Kind

__all__ = ["Rule", "rule_of", "set_owner", "set_rule", "whoami"]


@dataclass(frozen=True, slots=True)
class Rule:
    """The labels a record states itself.

    Attributes:
        find: who may know it exists and read it.
        fetch: who may have its bytes, besides.
        derive: who may see what is computed from it; None asks for what `fetch` asks for.
    """

    find: str = OPEN
    fetch: str = OPEN
    derive: str | None = None


def rule_of(node: Node, kind: Kind, name: str) -> dict[str, Any]:
    """Return what a record states itself and what is in force, with its owner.

    Raises:
        NotFoundError: nothing visible has that name.
    """
    standing = node.catalog.standing(kind, name)
    stated = node.catalog.stated(kind, name)
    return {
        "name": name,
        "owner": standing.owner,
        "stated": {"find": stated[0], "fetch": stated[1], "derive": stated[2]},
        "in_force": {
            "find": standing.faces.find,
            "fetch": standing.faces.fetch,
            "derive": standing.faces.derive,
        },
    }


def set_rule(node: Node, kind: Kind, name: str, rule: Rule, *, why: str = "") -> bool:
    """State a rule; what follows from it is in force when this returns.

    Items of a collection, the bytes behind them, and runs, alerts and reports that rest on them
    are labelled again in the same transaction.

    Returns:
        Whether anything changed.

    Raises:
        NotFoundError: nothing visible has that name.
        AccessDeniedError: the acting party does not care for it.
        InvalidInputError: not a label (`bad-label`).
    """
    labels = [combine(label) for label in (rule.find, rule.fetch, rule.derive or OPEN)]
    with node.catalog.transaction() as tx:
        standing = node.catalog.standing(kind, name)
        require("manage", standing.faces.find, name, owner=standing.owner)
        body, links = node.catalog.whole(kind, name)
        stated = {} if labels[1] == OPEN else {"fetch": labels[1]}
        if rule.derive is not None:
            stated["derive"] = labels[2]
        body.pop("ec:access", None)
        if stated:
            body["ec:access"] = stated
        changed = tx.revise(Record(kind, name, body, access=labels[0], links=links))
        if changed:
            detail = {"find": labels[0], **stated, **({"why": why[:500]} if why else {})}
            tx.note("access-set", kind, name, detail)
    return changed


def set_owner(node: Node, collection: str, group: str) -> bool:
    """Hand a collection to a group, whose stewards care for it from now on.

    Raises:
        NotFoundError: no such collection or group.
        AccessDeniedError: the acting party is no operator.
    """
    standing = node.catalog.standing("collection", collection)
    require("administer", standing.faces.find, collection)
    if group:
        node.catalog.people.group(group)
    with node.catalog.transaction() as tx:
        body, links = node.catalog.whole("collection", collection)
        find = node.catalog.stated("collection", collection)[0]
        body.pop("ec:owner", None)
        if group:
            body["ec:owner"] = group
        changed = tx.revise(Record("collection", collection, body, access=find, links=links))
        if changed:
            tx.note("owner-set", "collection", collection, {"owner": group})
    return changed


def whoami() -> dict[str, Any]:
    """Return what the acting party holds on this node."""
    party = acting_party()
    return {
        "id": party.id,
        "roles": sorted(party.roles),
        "groups": sorted(party.groups),
        "licences": sorted(party.licences),
        "scopes": None if party.scopes is None else sorted(party.scopes),
    }
