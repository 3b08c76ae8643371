"""Statements, the atomic unit of a report, and the report they form."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from earthcommons.model.canonical import short_id
from earthcommons.model.indicator import Text

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Report", "Statement"]


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence of a report, bound to evidence.

    Attributes:
        text: template per language; every number in it is a typed hole, never a digit.
        kind: state, change, comparison, attribution, projection, policy or gap.
        claims: machine form of what is said, each checkable against observations.
        holes: hole name -> how it is filled: observation id and how to show it.
        evidence: ids of the observations (and alerts) it rests on.
        confidence: term of the scheme in force, with its computed ceiling.
        status: draft, checked, broken or withdrawn.
    """

    key: str
    kind: Literal["state", "change", "comparison", "attribution", "projection", "policy", "gap"]
    theme: str
    slot: str
    region: str
    text: Text
    holes: Mapping[str, Mapping[str, Any]]
    claims: tuple[Mapping[str, Any], ...]
    evidence: tuple[str, ...]
    confidence: str = ""
    confidence_reason: str = ""
    status: Literal["draft", "checked", "broken", "withdrawn"] = "draft"
    reason: str = ""

    @property
    def id(self) -> str:
        """Identity over what is said and what it rests on."""
        return short_id(
            "stm",
            [
                self.key,
                self.region,
                self.text.as_json(),
                dict(self.holes),
                sorted(self.evidence),
            ],
        )

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "id": self.id,
            "key": self.key,
            "kind": self.kind,
            "theme": self.theme,
            "slot": self.slot,
            "region": self.region,
            "text": self.text.as_json(),
            "holes": {name: dict(hole) for name, hole in self.holes.items()},
            "claims": [dict(claim) for claim in self.claims],
            "evidence": list(self.evidence),
            "confidence": self.confidence,
            "confidence_reason": self.confidence_reason,
            "status": self.status,
            "reason": self.reason,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Statement:
        """Return the statement that `as_json` wrote."""
        return cls(
            key=value["key"],
            kind=value["kind"],
            theme=value["theme"],
            slot=value["slot"],
            region=value["region"],
            text=Text(**value["text"]),
            holes=value["holes"],
            claims=tuple(value["claims"]),
            evidence=tuple(value["evidence"]),
            confidence=value["confidence"],
            confidence_reason=value["confidence_reason"],
            status=value["status"],
            reason=value["reason"],
        )


@dataclass(frozen=True, slots=True)
class Report:
    """One edition of an outlook report: ordered sections of statements and figures.

    Attributes:
        sections: each `{"key", "title": {lang}, "statements": [key], "figures": [...]}`.
        gaps: what this node cannot say, each with the data it needs.
    """

    key: str
    edition: str
    template: str
    region: str
    title: Text
    statements: tuple[Statement, ...]
    sections: tuple[Mapping[str, Any], ...]
    gaps: tuple[Mapping[str, Any], ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Identity over key, edition and statements."""
        return short_id("rep", [self.key, self.edition, [s.id for s in self.statements]])

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "id": self.id,
            "key": self.key,
            "edition": self.edition,
            "template": self.template,
            "region": self.region,
            "title": self.title.as_json(),
            "statements": [statement.as_json() for statement in self.statements],
            "sections": [dict(section) for section in self.sections],
            "gaps": [dict(gap) for gap in self.gaps],
            "facts": dict(self.facts),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Report:
        """Return the report that `as_json` wrote."""
        return cls(
            key=value["key"],
            edition=value["edition"],
            template=value["template"],
            region=value["region"],
            title=Text(**value["title"]),
            statements=tuple(Statement.from_json(s) for s in value["statements"]),
            sections=tuple(value["sections"]),
            gaps=tuple(value["gaps"]),
            facts=value["facts"],
        )
