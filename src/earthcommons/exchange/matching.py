"""Candidates for a need: gates first, then what is known, then relevance; nothing is endorsed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from earthcommons.exchange.criteria import judge
from earthcommons.model.technology import Candidate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from earthcommons.model.technology import Need, Offer

__all__ = ["rank"]


def rank(need: Need, offers: Sequence[tuple[Offer, float]]) -> list[Candidate]:
    """Return the offers as candidates, in the order a person should read them.

    A candidate that fails a gate stands after all that do not; among the rest the one with more
    criteria satisfied comes first, then the one whose words are closer to the need. A title
    changes no criterion but the topic; payment changes nothing.

    Args:
        need: the need, with its criteria.
        offers: each offer with its relevance, larger is closer.

    Raises:
        InvalidInputError: the need has an unknown criterion.
    """
    found = [
        Candidate(need.id, offer, tuple(judge(c, offer) for c in need.must), relevance)
        for offer, relevance in offers
    ]
    return sorted(found, key=_order)


def _order(candidate: Candidate) -> tuple[bool, int, int, float, str]:
    fails = any(c.gate and c.result == "failed" for c in candidate.criteria)
    satisfied, failed = candidate.count("satisfied"), candidate.count("failed")
    return fails, -satisfied, failed, -candidate.relevance, candidate.offer.id
