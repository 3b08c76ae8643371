"""A report read for one language: sentences filled, figures drawn, evidence listed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from earthcommons.outlook.check import check
from earthcommons.outlook.confidence import TERMS
from earthcommons.outlook.figures import Figure, figures
from earthcommons.outlook.holes import fill
from earthcommons.outlook.words import WORDS
from earthcommons.render.format import period_text, value_text

if TYPE_CHECKING:
    from earthcommons.model.outlook import Report, Statement
    from earthcommons.outlook.evidence import Evidence

__all__ = ["Edition", "Line", "read_edition"]


@dataclass(frozen=True, slots=True)
class Line:
    """One sentence as it is shown.

    Attributes:
        parts: (text, observation id or empty) in order.
        status: confidence or kind, in words.
        struck: why it is struck through, or empty.
        evidence: rows (what, period, value, status, observation id).
    """

    key: str
    parts: tuple[tuple[str, str], ...]
    status: str
    struck: str
    evidence: tuple[tuple[str, str, str, str, str], ...]

    @property
    def text(self) -> str:
        """The whole sentence."""
        return "".join(text for text, _ in self.parts)


@dataclass(frozen=True, slots=True)
class Edition:
    """Everything a page or a PDF shows, in one language, without markup."""

    lang: str
    title: str
    edition: str
    template: str
    sections: tuple[tuple[str, tuple[Line, ...], tuple[Figure, ...]], ...]
    gaps: tuple[tuple[str, str, str], ...]

    @property
    def lines(self) -> tuple[Line, ...]:
        """Every sentence, in order."""
        return tuple(line for _, lines, _ in self.sections for line in lines)

    def word(self, key: str) -> str:
        """Return a word of the page."""
        return WORDS[key][self.lang]


def read_edition(report: Report, evidence: Evidence, lang: str) -> Edition:
    """Return a report in one language, checked against today's evidence as it is read.

    Raises:
        NotFoundError: an observation a sentence shows is gone.
    """
    lang = "zh" if lang.startswith("zh") else "en"
    struck: dict[str, list[str]] = {}
    for finding in check(report, evidence):
        struck.setdefault(finding.statement, []).append(finding.words[lang])
    drawn = figures(report, evidence, lang)
    by_key = {statement.key: statement for statement in report.statements}
    sections = tuple(
        (
            section["title"][lang],
            tuple(
                _line(by_key[key], evidence, lang, "; ".join(struck.get(key, ())))
                for key in section["statements"]
            ),
            tuple(figure for figure in drawn if figure.section == section["key"]),
        )
        for section in report.sections
    )
    gaps = tuple(
        (gap["what"][lang], gap["needs"][lang] if gap["needs"] else "", gap["observation"])
        for gap in report.gaps
    )
    return Edition(lang, report.title[lang], report.edition, report.template, sections, gaps)


def _line(statement: Statement, evidence: Evidence, lang: str, struck: str) -> Line:
    if statement.confidence:
        why = statement.confidence_reason.split(" | ")[1 if lang == "zh" else 0]
        colon = "：" if lang == "zh" else ": "
        term = TERMS[statement.confidence][lang]
        status = f"{WORDS['confidence'][lang]}{colon}{term} · {why}"
    else:
        status = WORDS["projection"][lang]
    return Line(
        key=statement.key,
        parts=tuple(fill(statement, evidence, lang)),
        status=status,
        struck=struck,
        evidence=tuple(_row(evidence.get(id_), lang) for id_ in _shown(statement)),
    )


def _shown(statement: Statement) -> list[str]:
    """Observations a reader sees; a comparison over a long series names its own only."""
    seen = [
        str(hole[name])
        for hole in statement.holes.values()
        for name in ("obs", "of")
        if name in hole
    ]
    return list(dict.fromkeys(seen))


def _row(observation: Any, lang: str) -> tuple[str, str, str, str, str]:
    what = " · ".join((observation.indicator, *observation.dimensions.values()))
    value = (
        WORDS[observation.status][lang]
        if observation.value is None
        else value_text(observation.value, observation.unit, 2, lang)
    )
    period = period_text(str(observation.period), lang)
    return what, period, value, WORDS[observation.status][lang], observation.id
