"""Take a record out of use, or say what is wrong with it: tombstones and errata."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from earthcommons.catalog.presenting import signed
from earthcommons.errors import ConflictError, InvalidInputError
from earthcommons.model.canonical import short_id
from earthcommons.model.record import Link, Record
from earthcommons.policy import acting_party, moment, require

if TYPE_CHECKING:
    from earthcommons.commons.node import Node
    from earthcommons.model.indicator import Text
    from earthcommons.model.record import Kind

__all__ = ["REASONS", "add_erratum", "withdraw"]

REASONS = ("retracted", "superseded", "rights", "error", "retired")


def withdraw(
    node: Node,
    kind: Kind,
    name: str,
    reason: str,
    *,
    successor: str = "",
    note: str = "",
    seen: str = "",
) -> dict[str, Any]:
    """Put a tombstone in the place of a record, and return its stub.

    The record leaves every list and search, its bytes are no longer served, and whoever asks for
    it is told when it went, why, and what took its place. Nothing is deleted: versions before the
    tombstone stay in the store.

    Args:
        node: the node.
        kind: `collection`, `item`, or another kind that is published by people.
        name: which one; a collection must have no item left.
        reason: one of `REASONS`.
        successor: name of the record that takes its place.
        note: a sentence for those who ask.
        seen: digest of the version that is meant; the present one where it is empty.

    Raises:
        NotFoundError: nothing visible has that name, or the successor has none.
        GoneError: it was withdrawn before.
        AccessDeniedError: the acting party does not care for it.
        ConflictError: it is another version than `seen` by now (`stale`).
        InvalidInputError: an unknown reason, or a collection with items.
    """
    if reason not in REASONS:
        raise InvalidInputError(f"reason {reason[:40]!r}: one of {', '.join(REASONS)}")
    # All of it is asked within the transaction: a rule set in between would be lost.
    with node.catalog.transaction() as tx:
        # Read first: what was withdrawn says so to whoever may know.
        node.catalog.body(kind, name)
        standing = node.catalog.standing(kind, name)
        require("withdraw", standing.faces.find, name, owner=standing.owner)
        if successor:
            node.catalog.body(kind, successor)
        if kind == "collection" and node.catalog.holds_items(name):
            raise InvalidInputError(f"collection {name} has items: withdraw them first")
        known = node.catalog.version(kind, name)
        if seen and (known is None or known[1] != seen):
            raise ConflictError(f"{name} has changed since: read it again", code="stale")
        stated = node.catalog.stated(kind, name)
        body, _ = node.catalog.whole(kind, name)
        stub: dict[str, Any] = {
            "id": body.get("id", name),
            "last_version": standing.version,
            "reason": reason,
            "withdrawn": moment().strftime("%Y-%m-%dT%H:%M:%SZ"),
            "by": acting_party().id,
            **({"successor": successor} if successor else {}),
            **({"note": note[:1000]} if note else {}),
            **{k: body[k] for k in ("collection", "ec:owner", "ec:access") if k in body},
        }
        tx.revise(Record(kind, name, stub, access=stated[0], withdrawn=True))
        tx.note("withdraw", kind, name, {"reason": reason, "successor": successor})
    return signed(stub, standing.owner, acting_party())


def add_erratum(node: Node, kind: Kind, name: str, text: Text) -> str:
    """Attach a dated correction notice to a record's present version; return its id.

    Raises:
        NotFoundError: nothing visible has that name.
        GoneError: it was withdrawn.
        AccessDeniedError: the acting party does not care for it.
        InvalidInputError: an empty text.
    """
    if not text.en.strip() or len(text.en) > 4000 or len(text.zh) > 4000:
        raise InvalidInputError("an erratum has 1 to 4,000 characters in English")
    with node.catalog.transaction() as tx:
        # Read first: what was withdrawn says so to whoever may know.
        node.catalog.body(kind, name)
        standing = node.catalog.standing(kind, name)
        require("publish", standing.faces.find, name, owner=standing.owner)
        body = {
            "about": {"kind": kind, "id": name, "version": standing.version},
            "text": {"en": text.en.strip(), "zh": text.zh.strip() or text.en.strip()},
            "made": moment().strftime("%Y-%m-%dT%H:%M:%SZ"),
            "by": acting_party().id,
        }
        id_ = short_id("err", body)
        # It asks what the record it corrects asks, now and later (`catalog.labelling`).
        links = (Link("corrects", kind, name),)
        tx.put(Record("erratum", id_, {"id": id_, **body}, links=links))
        tx.note("erratum", kind, name, {"erratum": id_})
    return id_
