"""One rule for everything: what a party may do with a record of a given access label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from earthcommons.errors import AccessDeniedError, NotFoundError
from earthcommons.policy.acting import acting_party, moment
from earthcommons.policy.label import OPEN, satisfies

if TYPE_CHECKING:
    from datetime import datetime

    from earthcommons.model.party import Party

__all__ = ["Action", "Decision", "decide", "require"]

Action = Literal[
    "read", "fetch", "submit", "review", "publish", "withdraw", "manage", "administer"
]

# Which role of the owning group an action asks for, besides seeing the record, and which scope of
# a key. An operator holds every role.
_ROLES: dict[Action, tuple[str, ...]] = {
    "read": (),
    "fetch": (),
    "submit": ("contributor", "reviewer", "steward"),
    "review": ("reviewer", "steward"),
    "publish": ("steward",),
    "withdraw": ("steward",),
    "manage": ("steward",),
    "administer": ("operator",),
}
_SCOPE: dict[Action, str] = {
    "read": "read",
    "fetch": "read",
    "submit": "submit",
    "review": "steward",
    "publish": "steward",
    "withdraw": "steward",
    "manage": "steward",
    "administer": "admin",
}


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether an action is allowed, and whether the party may know the record exists."""

    allowed: bool
    visible: bool


def decide(
    party: Party,
    action: Action,
    label: str,
    *,
    needs: str = OPEN,
    owner: str = "",
    at: datetime,
) -> Decision:
    """Return whether `party` may do `action` on a record.

    Args:
        party: who asks.
        action: what they want.
        label: access label under which the record is found.
        needs: label of what the action touches besides, such as the bytes of a `fetch`.
        owner: group that owns the record; empty when only operators do.
        at: the moment of asking, which embargoes are held against.
    """
    seen = satisfies(party, label, at)
    in_scope = party.scopes is None or _SCOPE[action] in party.scopes
    roles = _ROLES[action]
    held = not roles or "operator" in party.roles or _holds(party, roles, owner)
    allowed = seen and in_scope and held and satisfies(party, needs, at)
    return Decision(allowed=allowed, visible=seen)


def require(
    action: Action,
    label: str,
    name: str,
    *,
    needs: str = OPEN,
    owner: str = "",
    party: Party | None = None,
) -> None:
    """Return when the acting party may do this.

    Raises:
        NotFoundError: the party may not know the record exists.
        AccessDeniedError: the party can see it but may not do this to it.
    """
    party = party or acting_party()
    decision = decide(party, action, label, needs=needs, owner=owner, at=moment())
    if not decision.visible:
        raise NotFoundError(f"nothing is called {name[:120]!r}")
    if not decision.allowed:
        raise AccessDeniedError(f"{party.id} may not {action} {name[:120]!r}")


def _holds(party: Party, roles: tuple[str, ...], owner: str) -> bool:
    groups = {"*", owner} if owner else {"*"}
    return any(f"{role}:{group}" in party.roles for role in roles for group in groups)
