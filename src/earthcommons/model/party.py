"""Who asks."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["OPERATOR", "PUBLIC", "Party"]


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody who asks, with what they hold on this node.

    Attributes:
        id: name of the account; `public` is everybody without one.
        roles: `operator`, or `steward:GROUP`, `reviewer:GROUP`, `contributor:GROUP`, where the
            group `*` stands for every group.
        groups: groups whose restricted data they may read.
        licences: licences they accepted.
        scopes: what their key allows, of `read`, `submit`, `steward`, `admin`; None is everything.
    """

    id: str
    roles: frozenset[str] = frozenset()
    groups: frozenset[str] = frozenset()
    licences: frozenset[str] = frozenset()
    scopes: frozenset[str] | None = None

    @property
    def registered(self) -> bool:
        """Whether they have an account."""
        return self.id != "public"


PUBLIC = Party("public")
OPERATOR = Party("operator", frozenset({"operator"}))
