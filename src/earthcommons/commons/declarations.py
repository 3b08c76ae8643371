"""A declaration as people write it: a TOML file beside the data."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from earthcommons.errors import InvalidInputError, NotFoundError
from earthcommons.model.declaration import Declaration, ProvidersFile, VariableDeclaration
from earthcommons.model.indicator import Text
from earthcommons.model.period import Period

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["read_declaration"]

_REQUIRED = ("item", "collection", "title", "description", "period", "licence", "attribution")
_NATURES = ("observation", "model", "reconstruction", "derived")
_KNOWN = (
    *_REQUIRED,
    "nature",
    "variable",
    "provider",
    "derivation",
    "licence_url",
    "crs",
    "bbox",
)


def read_declaration(file: Path) -> Declaration:
    """Return the declaration in a TOML file; `docs/ingest.md` shows one.

    Raises:
        NotFoundError: no such file.
        InvalidInputError: not TOML, or a key is missing, unknown or of another type; it is named.
    """
    try:
        row = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no declaration {file.name!r}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{file.name}: {error}") from error
    for key in _REQUIRED:
        if not row.get(key):
            raise InvalidInputError(f"{file.name}: key {key!r} is missing")
    if unknown := sorted(set(row) - set(_KNOWN)):
        raise InvalidInputError(
            f"{file.name}: no key {unknown[0]!r}; known: {', '.join(_KNOWN)}"
        )
    if row.get("nature", "observation") not in _NATURES:
        raise InvalidInputError(f"{file.name}: nature is one of {', '.join(_NATURES)}")
    try:
        return _declaration(row)
    except (TypeError, KeyError) as error:
        raise InvalidInputError(f"{file.name}: {error}") from error


def _declaration(row: dict[str, Any]) -> Declaration:
    box = row.get("bbox")
    return Declaration(
        item=row["item"],
        collection=row["collection"],
        title=_text(row["title"]),
        description=_text(row["description"]),
        period=Period.parse(str(row["period"])),
        licence=row["licence"],
        licence_url=row.get("licence_url", ""),
        attribution=row["attribution"],
        nature=row.get("nature", "observation"),
        derivation=row.get("derivation", ""),
        crs=row.get("crs", ""),
        bbox=(box[0], box[1], box[2], box[3]) if box else None,
        variables=tuple(VariableDeclaration(**entry) for entry in row.get("variable", ())),
        providers=tuple(ProvidersFile(**entry) for entry in row.get("provider", ())),
    )


def _text(value: Any) -> Text:
    # One language is enough to publish; the other then shows the same words.
    if isinstance(value, str):
        return Text(value, value)
    return Text(value.get("en") or value["zh"], value.get("zh") or value["en"])
