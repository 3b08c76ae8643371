"""Check a report: every statement against its evidence as it is published today."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from earthcommons.errors import NotFoundError
from earthcommons.model.indicator import Text
from earthcommons.outlook.claims import holds
from earthcommons.outlook.holes import check_template
from earthcommons.outlook.words import WORDS
from earthcommons.render.reasons import reason_text

if TYPE_CHECKING:
    from earthcommons.model.observation import Observation
    from earthcommons.model.outlook import Report, Statement
    from earthcommons.outlook.evidence import Evidence

__all__ = ["Finding", "check", "check_statement"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A statement that does not hold on today's evidence, and why in both languages."""

    statement: str
    words: Text

    @property
    def reason(self) -> str:
        """Why, in English."""
        return self.words.en

    def as_json(self) -> dict[str, str]:
        """Return the JSON form."""
        return {
            "statement": self.statement,
            "reason": self.words.en,
            "reason_zh": self.words.zh,
        }


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
            gone = Text(f"observation {id_} is gone", f"观测值 {id_} 已不存在")
            found.append(Finding(statement.key, gone))
            continue
        now = evidence.today(stored)
        today[id_] = now or stored
        if (words := _changed(stored, now)) is not None:
            found.append(Finding(statement.key, words))
    if len(today) == len(statement.evidence):
        found += [
            Finding(
                statement.key,
                Text(
                    f"the claim {claim['claim']!r} no longer holds",
                    f"论断“{claim['claim']}”不再成立",
                ),
            )
            for claim in statement.claims
            if not holds(claim, lambda id_: today[id_])
        ]
    return found


def _changed(stored: Observation, now: Observation | None) -> Text | None:
    where = f"{stored.indicator} {stored.region} {stored.period}"
    if now is None:
        return Text(f"{where} is no longer published", f"{where} 不再发布")
    if (now.value, now.unit, now.status) == (stored.value, stored.unit, stored.status):
        return None
    before, after = (_said(row) for row in (stored, now))
    return Text(
        f"{where} was {before.en}, the series now says {after.en}",
        f"{where} 原为{before.zh}，序列现为{after.zh}",
    )


def _said(observation: Observation) -> Text:
    if observation.value is None:
        why = observation.reason
        return Text(
            f"{observation.status} ({why})",
            f"{WORDS[observation.status].zh}（{reason_text(why, 'zh')}）",
        )
    number = f"{observation.value:.6g} {observation.unit}"
    return Text(number, f" {number}")
