"""The machine form of what a statement says, and whether it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from earthcommons.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from earthcommons.model.observation import Observation

__all__ = ["CLAIMS", "holds", "observations_of"]


def observations_of(claim: Mapping[str, Any]) -> list[str]:
    """Return the ids of the observations a claim speaks of."""
    return [claim[name] for name in ("a", "b", "of") if name in claim] + list(
        claim.get("all", ())
    )


def holds(claim: Mapping[str, Any], look_up: Callable[[str], Observation]) -> bool:
    """Return whether a claim is true of the observations `look_up` gives.

    Claims: `given` (a has a value), `missing` (a has none), `less` and `greater` (a against b, or
    against the number `than`), `adds-up` (all together are `of` within `within`), `lowest` (a is
    the lowest of all).

    Raises:
        InvalidInputError: an unknown claim.
    """
    name = claim.get("claim", "")
    if name not in CLAIMS:
        raise InvalidInputError(f"there is no claim {name!r}; there are {sorted(CLAIMS)}")
    return CLAIMS[name](claim, look_up)


def _number(
    claim: Mapping[str, Any], side: str, look_up: Callable[[str], Observation]
) -> float:
    value = (
        float(claim["than"]) if side == "b" and "than" in claim else look_up(claim[side]).value
    )
    return float("nan") if value is None else value


def _adds_up(claim: Mapping[str, Any], look_up: Callable[[str], Observation]) -> bool:
    parts = [look_up(id_).value for id_ in claim["all"]]
    total = look_up(claim["of"]).value
    if total is None or any(part is None for part in parts):
        return False
    return abs(sum(part for part in parts if part is not None) - total) <= float(
        claim["within"]
    )


def _lowest(claim: Mapping[str, Any], look_up: Callable[[str], Observation]) -> bool:
    value = look_up(claim["a"]).value
    others = [look_up(id_).value for id_ in claim["all"]]
    return value is not None and all(other is None or value <= other for other in others)


CLAIMS: dict[str, Callable[[Mapping[str, Any], Callable[[str], Observation]], bool]] = {
    "given": lambda claim, look_up: look_up(claim["a"]).value is not None,
    "missing": lambda claim, look_up: look_up(claim["a"]).value is None,
    "less": lambda claim, look_up: _number(claim, "a", look_up) < _number(claim, "b", look_up),
    "greater": lambda claim, look_up: (
        _number(claim, "a", look_up) > _number(claim, "b", look_up)
    ),
    "adds-up": _adds_up,
    "lowest": _lowest,
}
