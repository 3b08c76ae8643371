"""A record as one party sees it: without assets they may not fetch, or accounts not theirs to know.

Assets withheld are named with what they ask for. What was done to a record names to everybody the
group that answers for it, and the account that did it to the record's stewards and to operators.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from earthcommons.policy import OPEN, decide, moment

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Mapping

    from earthcommons.model.party import Party

__all__ = ["WITHHELD", "present", "signed", "without_withheld"]

WITHHELD = "ec:withheld"


def present(sql: sqlite3.Connection, k: int, body: bytes, visible: Collection[str]) -> bytes:
    """Return the stored JSON of a guarded item without the assets withheld from the party.

    Their names stay, with the kinds of condition to meet; addresses, digests and sizes go, and so
    does the name of a group.
    """
    usual = sql.execute("SELECT fetch FROM record WHERE k = ?", (k,)).fetchone()[0]
    own = dict(sql.execute("SELECT name, access FROM asset WHERE k = ?", (k,)).fetchall())
    item = orjson.loads(body)
    labels = {name: own.get(name, usual) for name in item.get("assets", {})}
    withheld = {name: label for name, label in labels.items() if label not in visible}
    if not withheld:
        return body
    item = without_withheld(item, withheld)
    return orjson.dumps(item, option=orjson.OPT_SORT_KEYS)


def without_withheld(item: dict[str, Any], withheld: Mapping[str, str]) -> dict[str, Any]:
    """Return an item without some assets, saying what each of them asks for.

    Args:
        item: STAC item; it is not changed.
        withheld: name of an asset -> its label.
    """
    if not withheld:
        return item
    assets = {name: a for name, a in item["assets"].items() if name not in withheld}
    said = {name: _conditions(label) for name, label in withheld.items()}
    return {**item, "assets": assets, WITHHELD: said}


def signed(body: Mapping[str, Any], owner: str, party: Party) -> dict[str, Any]:
    """Return a tombstone, an erratum or a recall as a party is told who did it.

    Args:
        body: as stored, with the account in `by`; without one, nobody is told anything.
        owner: group that owns the record it is about; empty where the node's operators do.
        party: who asks.

    Returns:
        The body with `publisher`, the owner, and with `by` for the record's stewards and for
        operators alone.
    """
    if "by" not in body:
        return dict(body)
    at = moment()
    reads = decide(party, "read", OPEN, at=at).allowed
    # Who may care for it by their role; a key that only reads is enough to be told.
    cares = decide(replace(party, scopes=None), "manage", OPEN, owner=owner, at=at).allowed
    told = {name: value for name, value in body.items() if name != "by" or (reads and cares)}
    return {**told, "publisher": owner}


def _conditions(label: str) -> list[str]:
    """Return what a label asks for, without saying which group."""
    terms = (term.partition("@")[0].split("+") for term in label.split(" & "))
    named = ("group", "account")
    shown = {
        condition.partition(":")[0] if condition.startswith(named) else condition
        for term in terms
        for condition in term
    }
    return sorted(shown)
