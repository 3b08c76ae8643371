"""Who asks."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["OPERATOR", "PUBLIC", "Party"]


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody who asks, with the roles they hold on this node."""

    id: str
    roles: frozenset[str] = frozenset()


PUBLIC = Party("public")
OPERATOR = Party("operator", frozenset({"operator"}))
