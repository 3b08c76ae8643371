"""Typed holes: the only way a number, a date or a name gets into a statement."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from earthcommons.errors import InvalidInputError
from earthcommons.render.format import period_text, value_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from earthcommons.model.observation import Observation
    from earthcommons.model.outlook import Statement
    from earthcommons.outlook.evidence import Evidence

__all__ = ["check_template", "fill", "hole_text"]

_HOLE = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_DIGIT = re.compile(r"\d")


def check_template(statement: Statement) -> None:
    """Return when both texts have the same holes, all declared, and no digit outside them.

    Raises:
        InvalidInputError: otherwise; the statement and the fault are named.
    """
    holes = {lang: set(_HOLE.findall(statement.text[lang])) for lang in ("en", "zh")}
    if holes["en"] != holes["zh"]:
        raise InvalidInputError(f"statement {statement.key}: en and zh have different holes")
    if unknown := sorted(holes["en"] ^ set(statement.holes)):
        raise InvalidInputError(
            f"statement {statement.key}: hole {unknown[0]!r} is not declared"
        )
    for lang in ("en", "zh"):
        if found := _DIGIT.search(_HOLE.sub("", statement.text[lang])):
            raise InvalidInputError(
                f"statement {statement.key}: {found.group()!r} stands free in the {lang} text"
            )


def fill(statement: Statement, evidence: Evidence, lang: str) -> list[tuple[str, str]]:
    """Return the sentence in parts: (text, id of the observation it shows, or empty).

    Raises:
        InvalidInputError: a hole of an unknown kind, or over an observation without a value.
        NotFoundError: an observation is gone.
    """
    parts: list[tuple[str, str]] = []
    last = 0
    text = statement.text[lang]
    for found in _HOLE.finditer(text):
        if found.start() > last:
            parts.append((text[last : found.start()], ""))
        hole = statement.holes[found.group(1)]
        parts.append((hole_text(hole, evidence, lang), str(hole.get("obs", ""))))
        last = found.end()
    if last < len(text):
        parts.append((text[last:], ""))
    return parts


def hole_text(hole: Mapping[str, Any], evidence: Evidence, lang: str) -> str:
    """Return what a hole shows.

    Kinds: `value` of an observation with `digits`, `signed` or `absolute`; `share` of one
    observation in another; `period` of an observation; `region`; `label`, words declared in both
    languages, such as the name of a scenario.

    Raises:
        InvalidInputError: an unknown kind, or an observation without a value.
        NotFoundError: an observation or a region is gone.
    """
    kind = hole["kind"]
    if kind == "label":
        return str(hole["text"][lang])
    if kind == "region":
        return evidence.region(hole["region"]).name(lang)
    observation = evidence.get(hole["obs"])
    if kind == "period":
        return period_text(str(observation.period), lang)
    value = _value(observation)
    if kind == "share":
        value = 100 * value / _value(evidence.get(hole["of"]))
        return value_text(value, "percent", int(hole.get("digits", 0)), lang)
    if kind != "value":
        raise InvalidInputError(f"there is no hole of kind {kind!r}")
    if hole.get("absolute"):
        value = abs(value)
    digits, signed = int(hole.get("digits", 1)), bool(hole.get("signed"))
    return value_text(value, observation.unit, digits, lang, signed=signed)


def _value(observation: Observation) -> float:
    if observation.value is None:
        raise InvalidInputError(
            f"{observation.indicator} {observation.region} has no value: {observation.reason}"
        )
    return observation.value
