"""Technology offers and needs, and the candidates that may meet a need."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from earthcommons.errors import InvalidInputError
from earthcommons.model.canonical import short_id

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Candidate", "Criterion", "Need", "Offer"]

Result = Literal["satisfied", "failed", "unknown"]


@dataclass(frozen=True, slots=True)
class Offer:
    """A technology somebody offers, as its provider describes it.

    Only id, kind, title, source, link's absence or presence and original language are certain;
    an empty tuple or string means the provider did not say: unknown, not absent.
    """

    id: str
    kinds: tuple[str, ...]
    title: str
    source: Mapping[str, str]
    language: str
    link: str = ""
    licences: tuple[str, ...] = ()
    organisations: tuple[Mapping[str, str], ...] = ()
    countries: tuple[str, ...] = ()
    goals: tuple[int, ...] = ()
    sectors: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    stage: str = ""

    def __post_init__(self) -> None:
        lacking = [
            name
            for name, value in (
                ("id", self.id),
                ("type", self.kinds),
                ("title", self.title),
                ("source", self.source),
                ("original language", self.language),
            )
            if not value
        ]
        if lacking:
            raise InvalidInputError(f"offer {self.id or self.title[:60]!r} lacks {lacking[0]}")

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "id": self.id,
            "type": list(self.kinds),
            "title": self.title,
            "source": dict(self.source),
            "language": self.language,
            "link": self.link,
            "licence": list(self.licences),
            "organisations": [dict(org) for org in self.organisations],
            "countries": list(self.countries),
            "goals": list(self.goals),
            "sectors": list(self.sectors),
            "terms": list(self.terms),
            "stage": self.stage,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Offer:
        """Return the offer that `as_json` wrote."""
        return cls(
            id=value["id"],
            kinds=tuple(value["type"]),
            title=value["title"],
            source=value["source"],
            language=value["language"],
            link=value["link"],
            licences=tuple(value["licence"]),
            organisations=tuple(value["organisations"]),
            countries=tuple(value["countries"]),
            goals=tuple(value["goals"]),
            sectors=tuple(value["sectors"]),
            terms=tuple(value["terms"]),
            stage=value["stage"],
        )


@dataclass(frozen=True, slots=True)
class Need:
    """A technology need, drafted from a finding and published only when a person confirms it.

    Attributes:
        trigger: id of the statement or observation it comes from.
        must: hard criteria, each `{"key", ...}`; see `exchange.criteria`.
        state: `draft` or `published`.
        confirmed_by: who confirmed it; empty while it is a draft.
    """

    key: str
    title: Mapping[str, str]
    problem: Mapping[str, str]
    region: str
    trigger: str
    goals: tuple[int, ...]
    terms: tuple[str, ...]
    must: tuple[Mapping[str, Any], ...]
    success: Mapping[str, str] = field(default_factory=dict)
    state: Literal["draft", "published"] = "draft"
    confirmed_by: str = ""

    def __post_init__(self) -> None:
        if (self.state == "published") != bool(self.confirmed_by):
            raise InvalidInputError(
                "a need is published when, and only when, a person confirms it"
            )

    @property
    def id(self) -> str:
        """Identity over key, trigger and region; confirming keeps it."""
        return short_id("need", [self.key, self.trigger, self.region])

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "id": self.id,
            "key": self.key,
            "title": dict(self.title),
            "problem": dict(self.problem),
            "region": self.region,
            "trigger": self.trigger,
            "goals": list(self.goals),
            "terms": list(self.terms),
            "must": [dict(criterion) for criterion in self.must],
            "success": dict(self.success),
            "state": self.state,
            "confirmed_by": self.confirmed_by,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Need:
        """Return the need that `as_json` wrote."""
        return cls(
            key=value["key"],
            title=value["title"],
            problem=value["problem"],
            region=value["region"],
            trigger=value["trigger"],
            goals=tuple(value["goals"]),
            terms=tuple(value["terms"]),
            must=tuple(value["must"]),
            success=value["success"],
            state=value["state"],
            confirmed_by=value["confirmed_by"],
        )


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion's result, with the question to ask the provider when it is unknown."""

    key: str
    result: Result
    because: Mapping[str, str]
    question: Mapping[str, str] = field(default_factory=dict)
    gate: bool = True

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "key": self.key,
            "result": self.result,
            "gate": self.gate,
            "because": dict(self.because),
            "question": dict(self.question),
        }


@dataclass(frozen=True, slots=True)
class Candidate:
    """An offer that may meet a need: what is satisfied, what failed, what nobody said."""

    need: str
    offer: Offer
    criteria: tuple[Criterion, ...]
    relevance: float

    def count(self, result: Result) -> int:
        """Return how many criteria have that result."""
        return sum(criterion.result == result for criterion in self.criteria)

    def as_json(self) -> dict[str, Any]:
        """Return the HTTP shape."""
        return {
            "need": self.need,
            "offer": self.offer.as_json(),
            "relevance": self.relevance,
            "satisfied": self.count("satisfied"),
            "failed": self.count("failed"),
            "unknown": self.count("unknown"),
            "criteria": [criterion.as_json() for criterion in self.criteria],
        }
