"""One rule for everything: what a party may do with a record of a given access label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from earthcommons.errors import AccessDeniedError, NotFoundError

if TYPE_CHECKING:
    from earthcommons.model.party import Party
    from earthcommons.model.record import Access

__all__ = ["Action", "Decision", "decide", "require", "visible_labels"]

Action = Literal["read", "write"]


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether an action is allowed, and whether the party may know the record exists."""

    allowed: bool
    visible: bool


def visible_labels(party: Party) -> frozenset[Access]:
    """Return the access labels of the records `party` may see.

    The catalogue puts this set into the WHERE clause of every read, so that search, tiles,
    statistics and downloads see the same world as `decide`.
    """
    if "operator" in party.roles:
        return frozenset({"open", "steward"})
    return frozenset({"open"})


def decide(party: Party, action: Action, access: Access) -> Decision:
    """Return whether `party` may do `action` on a record labelled `access`."""
    visible = access in visible_labels(party)
    allowed = visible and (action == "read" or "operator" in party.roles)
    return Decision(allowed=allowed, visible=visible)


def require(party: Party, action: Action, access: Access, name: str) -> None:
    """Return when the action is allowed.

    Raises:
        NotFoundError: the party may not know the record exists.
        AccessDeniedError: the party can see it but may not do this to it.
    """
    decision = decide(party, action, access)
    if not decision.visible:
        raise NotFoundError(f"nothing is called {name[:120]!r}")
    if not decision.allowed:
        raise AccessDeniedError(f"{party.id} may not {action} {name[:120]!r}")
