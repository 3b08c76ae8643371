"""What is wrong with a record: correction notices about it, and recalls that touched it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from earthcommons.catalog.presenting import signed
from earthcommons.errors import GoneError, NotFoundError
from earthcommons.model.party import OPERATOR
from earthcommons.policy import acting_party

if TYPE_CHECKING:
    from collections.abc import Mapping

    from earthcommons.commons.node import Node
    from earthcommons.model.record import Kind

__all__ = ["errata_of", "may_know", "recalls_from", "recalls_of", "told_by"]


def may_know(node: Node, kind: str, id_: str) -> bool:
    """Return whether the acting party may know of a record, also of one withdrawn."""
    try:
        node.catalog.body(kind, id_)
    except GoneError:
        return True
    except NotFoundError:
        return False
    return True


def told_by(node: Node, notice: Mapping[str, Any]) -> dict[str, Any]:
    """Return an erratum or a recall as the acting party is told who did it.

    Everybody is told the group that owns what it is about (`publisher`); its stewards and
    operators also the account (`by`).
    """
    kind, name = notice["about"]["kind"], notice["about"]["id"]
    try:
        owner = node.catalog.standing(kind, name, OPERATOR).owner
    except NotFoundError:
        owner = _last_owner(node, kind, name)
    return signed(notice, owner, acting_party())


def _last_owner(node: Node, kind: str, name: str) -> str:
    try:
        return node.catalog.tombstone_of(kind, name)[0]
    except NotFoundError:
        return ""


def errata_of(node: Node, kind: Kind, name: str) -> list[dict[str, Any]]:
    """Return the correction notices of a record, oldest first."""
    found = []
    for link in node.catalog.links_to(kind, name):
        if link.rel != "corrects":
            continue
        try:
            found.append(told_by(node, node.catalog.get("erratum", link.id)))
        except NotFoundError:
            continue
    return sorted(found, key=lambda erratum: (erratum["made"], erratum["id"]))


def recalls_from(node: Node, kind: str, id_: str) -> list[dict[str, Any]]:
    """Return the recalls of a record itself, oldest first: id, state, version, reason, moment.

    What was touched by each is told by the recall (`recalling.show_recall`).
    """
    found = []
    for link in node.catalog.links_to(kind, id_):
        if link.rel != "recalls-from":
            continue
        try:
            body = node.catalog.get("recall", link.id)
        except NotFoundError:
            continue
        found.append({key: body[key] for key in ("id", "about", "reason", "made")})
    return sorted(found, key=lambda each: (each["made"], each["id"]))


def recalls_of(node: Node, kind: str, id_: str) -> list[dict[str, Any]]:
    """Return the recalls that touched a record, oldest first, with what became of it."""
    found = []
    for link in node.catalog.links_to(kind, id_):
        if link.rel != "recalls":
            continue
        try:
            body = node.catalog.get("recall", link.id)
        except NotFoundError:
            continue
        mine = next(
            each for each in body["touched"] if (each["kind"], each["id"]) == (kind, id_)
        )
        found.append(
            {key: body[key] for key in ("id", "about", "reason", "made")}
            | {"outcome": mine["outcome"], "now": mine["now"]}
        )
    return sorted(found, key=lambda each: (each["made"], each["id"]))
