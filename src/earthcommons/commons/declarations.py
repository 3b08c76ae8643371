"""A declaration as people write it: a TOML file beside the data."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from typing import TYPE_CHECKING, Any, cast

from earthcommons.errors import InvalidInputError, NotFoundError
from earthcommons.model.declaration import Declaration, ProvidersFile, VariableDeclaration
from earthcommons.model.geodesy import BBox
from earthcommons.model.indicator import Text
from earthcommons.model.period import Period

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path
    from typing import Literal

    Nature = Literal["observation", "model", "reconstruction", "derived"]

__all__ = ["declared_parts", "read_declaration", "read_toml"]

_REQUIRED = ("item", "collection", "title", "description", "period", "licence", "attribution")
_NATURES = ("observation", "model", "reconstruction", "derived")
_DATATYPES = ("number", "integer", "string", "date")
_KNOWN = (
    *_REQUIRED,
    "nature",
    "variable",
    "provider",
    "derivation",
    "licence_url",
    "crs",
    "bbox",
    "group",
    "layer",
)
_VARIABLE = tuple(field.name for field in fields(VariableDeclaration))
_PROVIDER = tuple(field.name for field in fields(ProvidersFile))


def read_declaration(file: Path) -> Declaration:
    """Return the declaration in a TOML file; `docs/ingest.md` shows one.

    Raises:
        NotFoundError: no such file.
        InvalidInputError: not TOML, or a key is missing, unknown or of another type; it is named.
    """
    row = read_toml(file)
    try:
        for key in _REQUIRED:
            if not row.get(key):
                raise InvalidInputError(f"key {key!r} is missing")
        return Declaration(**{"nature": "observation"} | declared_parts(row))
    except InvalidInputError as error:
        raise InvalidInputError(f"{file.name}: {error}", code=error.code) from error


def read_toml(file: Path) -> dict[str, Any]:
    """Return what a TOML file says.

    Raises:
        NotFoundError: no such file.
        InvalidInputError: not TOML.
    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise NotFoundError(f"there is no declaration {file.name!r}") from error
    except OSError as error:
        raise InvalidInputError(f"{file.name}: cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{file.name}: {error}") from error


def declared_parts(row: dict[str, Any]) -> dict[str, Any]:
    """Return the keywords of `Declaration` that a table declares, each checked.

    Raises:
        InvalidInputError: a key is unknown or of another type; it is named.
    """
    _only(row, _KNOWN, "")
    read: dict[str, Callable[[str], Any]] = {
        "title": lambda key: _text(row, key),
        "description": lambda key: _text(row, key),
        # TOML reads 2008 as a number and 2008-01-01 as a date; both are periods as written.
        "period": lambda key: Period.parse(str(row[key])),
        "nature": lambda key: cast("Nature", _one_of(row, key, _NATURES, "observation")),
        "bbox": lambda key: _box(row[key]),
        "variable": lambda key: tuple(_variable(entry) for entry in _tables(row, key)),
        "provider": lambda key: tuple(_provider(entry) for entry in _tables(row, key)),
    }
    names = {"variable": "variables", "provider": "providers"}
    return {
        names.get(key, key): read[key](key) if key in read else _word(row, key) for key in row
    }


def _variable(entry: dict[str, Any]) -> VariableDeclaration:
    _only(entry, _VARIABLE, "variable: ")
    _named(entry, ("name", "unit"), "variable: ")
    where = f"variable {entry['name']!r}: "
    classes = entry.get("classes", {})
    for value, words in classes.items() if isinstance(classes, dict) else [("", None)]:
        if not isinstance(words, dict) or not value.lstrip("-").isdecimal():
            raise InvalidInputError(
                f'{where}classes: write [variable.classes.1] and title = "…" for each number'
            )
    return VariableDeclaration(
        name=_word(entry, "name", where),
        unit=_word(entry, "unit", where),
        meaning=_word(entry, "meaning", where),
        dims=tuple(str(dim) for dim in entry.get("dims", ())),
        classes={
            value: {name: _word(words, name, where) for name in words}
            for value, words in classes.items()
        },
        datatype=cast("Any", _one_of(entry, "datatype", _DATATYPES, "number", where)),
    )


def _provider(entry: dict[str, Any]) -> ProvidersFile:
    _only(entry, _PROVIDER, "provider: ")
    _named(entry, ("name", "sha256", "source"), "provider: ")
    # TOML reads `taken = 2024-05-01` as a date.
    words = {key: str(value) if key == "taken" else value for key, value in entry.items()}
    return ProvidersFile(**{key: _word(words, key, "provider: ") for key in words})


def _only(row: dict[str, Any], known: Collection[str], where: str) -> None:
    if unknown := sorted(set(row) - set(known)):
        raise InvalidInputError(f"{where}no key {unknown[0]!r}; known: {', '.join(known)}")


def _named(entry: dict[str, Any], required: Collection[str], where: str) -> None:
    for key in required:
        if not entry.get(key):
            raise InvalidInputError(f"{where}key {key!r} is missing")


def _tables(row: dict[str, Any], key: str) -> list[dict[str, Any]]:
    found = row.get(key, [])
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise InvalidInputError(f"{key}: write [[{key}]] before each")
    return found


def _word(row: dict[str, Any], key: str, where: str = "") -> str:
    value = row.get(key, "")
    if not isinstance(value, str):
        raise InvalidInputError(f"{where}{key} = {value!r}: need a text in quotes")
    return value


def _one_of(
    row: dict[str, Any], key: str, words: Collection[str], default: str, where: str = ""
) -> str:
    value = row.get(key, default)
    if value not in words:
        raise InvalidInputError(f"{where}{key} = {value!r}: need one of {', '.join(words)}")
    return str(value)


def _box(value: Any) -> tuple[float, float, float, float] | None:
    if value is None:
        return None
    numbers = isinstance(value, list) and all(
        isinstance(number, (int, float)) and not isinstance(number, bool) for number in value
    )
    if not numbers or len(value) != 4:
        raise InvalidInputError(f"bbox = {value!r}: need [west, south, east, north]")
    box = BBox.of(value)
    return box.west, box.south, box.east, box.north


def _text(row: dict[str, Any], key: str) -> Text:
    # One language is enough to publish; the other then shows the same words.
    value = row[key]
    if isinstance(value, str):
        return Text(value, value)
    words = value if isinstance(value, dict) else {}
    en, zh = (_word(words, lang, f"{key}: ") for lang in ("en", "zh"))
    if set(words) - {"en", "zh"} or not (en or zh):
        raise InvalidInputError(f'{key}: need a text, or {{ en = "…", zh = "…" }}')
    return Text(en or zh, zh or en)
