"""Check a report: every statement against its evidence as it is published today."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from earthcommons.errors import NotFoundError
from earthcommons.outlook.claims import holds
from earthcommons.outlook.holes import check_template

if TYPE_CHECKING:
    from earthcommons.model.observation import Observation
    from earthcommons.model.outlook import Report, Statement
    from earthcommons.outlook.evidence import Evidence

__all__ = ["Finding", "check", "check_statement"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A statement that does not hold on today's evidence, and why."""

    statement: str
    reason: str

    def as_json(self) -> dict[str, str]:
        """Return the JSON form."""
        return {"statement": self.statement, "reason": self.reason}


def check(report: Report, evidence: Evidence) -> list[Finding]:
    """Return what has changed behind a report; an empty list when every statement holds.

    Raises:
        InvalidInputError: a template has a free digit or an undeclared hole.
    """
    found: list[Finding] = []
    for statement in report.statements:
        found += check_statement(statement, evidence)
    return found


def check_statement(statement: Statement, evidence: Evidence) -> list[Finding]:
    """Return what has changed behind one statement.

    An observation has changed when the published series gives another value, unit or status in
    its place, or none. Claims are then judged on today's values.

    Raises:
        InvalidInputError: the template has a free digit or an undeclared hole.
    """
    check_template(statement)
    found: list[Finding] = []
    today: dict[str, Observation] = {}
    for id_ in statement.evidence:
        try:
            stored = evidence.get(id_)
        except NotFoundError:
            found.append(Finding(statement.key, f"observation {id_} is gone"))
            continue
        now = evidence.today(stored)
        today[id_] = now or stored
        where = f"{stored.indicator} {stored.region} {stored.period}"
        if now is None:
            found.append(Finding(statement.key, f"{where} is no longer published"))
        elif (now.value, now.unit, now.status) != (stored.value, stored.unit, stored.status):
            found.append(
                Finding(
                    statement.key,
                    f"{where} was {_said(stored)}, the series now says {_said(now)}",
                )
            )
    if len(today) == len(statement.evidence):
        found += [
            Finding(statement.key, f"the claim {claim['claim']!r} no longer holds")
            for claim in statement.claims
            if not holds(claim, lambda id_: today[id_])
        ]
    return found


def _said(observation: Observation) -> str:
    if observation.value is None:
        return f"{observation.status} ({observation.reason})"
    return f"{observation.value:.6g} {observation.unit}"
