"""Access labels: the condition under which a record is found, fetched, or built upon.

A label is `open`, or terms joined by ` & ` that must all be met. A term is conditions joined by
`+`, with the group that owns the data after `@`: its stewards and reviewers are excused from it.

    registered                          anybody with an account
    account:mei@hydrology               that account, and the owner's staff
    licence:cc-by-nc-4.0@hydrology      who accepted that licence, and the owner's staff
    after:2027-01-01T00:00:00Z+group:basin-commission@hydrology
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from earthcommons.errors import InvalidInputError
from earthcommons.model.party import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterable

    from earthcommons.model.party import Party

__all__ = ["OPEN", "STAFF", "Term", "combine", "own", "parse_label", "satisfies", "visible"]

OPEN = "open"
STAFF = "steward"
_NAME = r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?"
_CONDITION = re.compile(
    rf"registered|steward|(?:licence|group|account):{_NAME}|after:\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
)
_OWNER = re.compile(_NAME)


@dataclass(frozen=True, slots=True, order=True)
class Term:
    """Conditions to be met together, and the group whose staff are excused.

    Attributes:
        conditions: sorted; never empty.
        owner: a group, or an empty string when only operators are excused.
    """

    conditions: tuple[str, ...]
    owner: str = ""

    def __str__(self) -> str:
        return "+".join(self.conditions) + (f"@{self.owner}" if self.owner else "")

    def satisfied(self, party: Party, at: datetime) -> bool:
        """Return whether `party` meets the term at that moment."""
        if _excused(party, self.owner):
            return True
        return all(_met(condition, party, at) for condition in self.conditions)


@lru_cache(maxsize=4096)
def parse_label(label: str) -> tuple[Term, ...]:
    """Return the terms of a label, sorted; none for `open`.

    Raises:
        InvalidInputError: not a label (`bad-label`).
    """
    if label == OPEN:
        return ()
    terms = set()
    for text in label.split(" & "):
        head, _, owner = text.partition("@")
        conditions = tuple(sorted(set(head.split("+"))))
        for condition in conditions:
            _check(condition, label)
        if "@" in text and not _OWNER.fullmatch(owner):
            raise InvalidInputError(
                f"{label[:120]!r}: no group {owner[:60]!r}", code="bad-label"
            )
        terms.add(Term(conditions, owner))
    return tuple(sorted(terms))


@lru_cache(maxsize=4096)
def combine(*labels: str) -> str:
    """Return the label that asks for all of these at once."""
    terms = sorted({term for label in labels for term in parse_label(label)})
    return " & ".join(str(term) for term in terms) or OPEN


@lru_cache(maxsize=4096)
def own(label: str, owner: str) -> str:
    """Return the label with `owner` excused from each term that names no owner."""
    if not owner:
        return combine(label)
    named = (Term(term.conditions, term.owner or owner) for term in parse_label(label))
    return " & ".join(str(term) for term in sorted(set(named))) or OPEN


def satisfies(party: Party, label: str, at: datetime) -> bool:
    """Return whether `party` meets every term of the label at that moment.

    A key without the scope `read` reads as the public does.
    """
    if party.scopes is not None and "read" not in party.scopes:
        party = PUBLIC
    return all(term.satisfied(party, at) for term in parse_label(label))


def visible(party: Party, labels: Iterable[str], at: datetime) -> frozenset[str]:
    """Return those of `labels` that `party` satisfies, and `open`.

    The catalogue puts this set into the WHERE clause of every read, so that search, tiles,
    statistics and downloads see the same world as `decide`.
    """
    return frozenset(label for label in (OPEN, *labels) if satisfies(party, label, at))


def _check(condition: str, label: str) -> None:
    if not _CONDITION.fullmatch(condition):
        within = "" if condition == label else f" in {label[:120]!r}"
        raise InvalidInputError(
            f"{condition[:60]!r}{within} is no condition; there are registered,"
            " licence:ID, group:ID, account:ID, after:YYYY-MM-DDThh:mm:ssZ and steward",
            code="bad-label",
        )
    if condition.startswith("after:"):
        _moment(condition)


def _moment(condition: str) -> datetime:
    try:
        return datetime.strptime(condition[6:], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise InvalidInputError(
            f"{condition[:60]!r} names no moment", code="bad-label"
        ) from error


def _met(condition: str, party: Party, at: datetime) -> bool:
    name, _, value = condition.partition(":")
    match name:
        case "registered":
            return party.registered
        case "licence":
            return value in party.licences
        case "group":
            return value in party.groups
        case "account":
            return party.registered and value == party.id
        case "after":
            return at >= _moment(condition)
        case _:
            # `steward`: the node's own staff, excused before this is asked.
            return False


def _excused(party: Party, owner: str) -> bool:
    if "operator" in party.roles:
        return True
    groups = {"*", owner} if owner else {"*"}
    return any(
        f"{role}:{group}" in party.roles for role in ("steward", "reviewer") for group in groups
    )
