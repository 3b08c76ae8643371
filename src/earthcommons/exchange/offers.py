"""Offers as their registries list them: one JSON object a line, facts and index terms only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from earthcommons.errors import InvalidInputError
from earthcommons.model.canonical import parse_strict
from earthcommons.model.technology import Offer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["offer_of", "read_offers"]

_LINE = 100_000
_TEXT = 300
_GOALS = range(1, 18)


def read_offers(file: Path) -> Iterator[Offer]:
    """Yield the offers of a JSON Lines file.

    Raises:
        InvalidInputError: a line is no strict JSON object, or lacks id, type, title, source or
            original language; the line is named.
    """
    with file.open("rb") as lines:
        for n, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                yield offer_of(parse_strict(line, limit=_LINE))
            except InvalidInputError as error:
                raise InvalidInputError(f"line {n}: {error}", code=error.code) from error


def offer_of(row: Any) -> Offer:
    """Return the offer one row of a registry's list describes; everything else stays unknown.

    Raises:
        InvalidInputError: a required fact is missing, or a value is of another type or too long.
    """
    if not isinstance(row, dict):
        raise InvalidInputError("an offer is a JSON object")
    goals = row.get("goals", [])
    if not all(isinstance(goal, int) and goal in _GOALS for goal in goals):
        raise InvalidInputError(f"goals {goals!r}: need numbers from 1 to 17")
    return Offer(
        id=_text(row, "id"),
        kinds=_texts(row, "type"),
        title=_text(row, "title"),
        source={
            str(key): str(value)[:_TEXT] for key, value in (row.get("source") or {}).items()
        },
        language=_text(row, "language"),
        link=_link(_text(row, "link")),
        licences=_texts(row, "licence"),
        organisations=tuple(_organisation(entry) for entry in row.get("organisations", [])),
        countries=_texts(row, "countries"),
        goals=tuple(sorted(set(goals))),
        sectors=_texts(row, "sectors"),
        terms=_texts(row, "index_terms"),
        stage=_text(row, "stage"),
    )


def _organisation(entry: Any) -> dict[str, str]:
    facts = {key: _text(entry, key) for key in ("name", "role", "website")}
    facts["website"] = _link(facts["website"])
    return {key: value for key, value in facts.items() if value}


def _text(row: dict[str, Any], key: str) -> str:
    value = row.get(key, "")
    if not isinstance(value, str) or len(value) > _TEXT:
        raise InvalidInputError(f"{key}: need a text of at most {_TEXT} characters")
    return value.strip()


def _texts(row: dict[str, Any], key: str) -> tuple[str, ...]:
    values = row.get(key, [])
    if not isinstance(values, list) or len(values) > 100:
        raise InvalidInputError(f"{key}: need a list of at most 100 texts")
    if not all(isinstance(value, str) and len(value) <= _TEXT for value in values):
        raise InvalidInputError(f"{key}: need texts of at most {_TEXT} characters")
    return tuple(values)


def _link(text: str) -> str:
    # A link is shown to people: only an ordinary web address is one.
    return text if urlsplit(text).scheme in ("http", "https") else ""
