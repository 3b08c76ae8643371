"""The one table of the sample pack: what every file is, where it came from, what was done."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from earthcommons.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Piece",
    "ProviderFile",
    "Variable",
    "home",
    "load_pieces",
    "pack_path",
    "parse_pieces",
]

Kind = Literal["raster", "cube", "table", "vector", "offers", "vocabulary"]
Nature = Literal["observation", "model", "reconstruction", "derived"]
Datatype = Literal["number", "integer", "string", "date"]

_MEASURED = ("raster", "cube", "table")
_DAY = r"\d{4}(-\d{2}(-\d{2})?)?"
_PERIOD = re.compile(rf"{_DAY}(/{_DAY})?")
_ID = re.compile(r"[a-z0-9][a-z0-9.-]{0,99}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_COLOUR = re.compile(r"[0-9A-F]{6}")


@dataclass(frozen=True, slots=True)
class ProviderFile:
    """A file as its provider gives it out; it is not in the pack.

    Attributes:
        path: where it lies under the folder of sources.
        url, doi: empty where not certain.
    """

    name: str
    path: str
    sha256: str
    source: str
    url: str = ""
    doi: str = ""


@dataclass(frozen=True, slots=True)
class Variable:
    """One band, data variable or column.

    Attributes:
        unit: CF or UCUM-like text; `1`, or `class`, `name`, `date`, `count` for no measure.
        dims: names of the axes, slowest first.
        nodata: the value that means "not observed", as text; `empty` for blank cells.
        classes: value → `en`, `zh`, `color_hint` (RRGGBB).
    """

    name: str
    unit: str
    dims: tuple[str, ...]
    meaning: Mapping[str, str]
    nodata: str = ""
    datatype: Datatype = "number"
    classes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Piece:
    """One file of the pack and everything that must be said about it.

    Attributes:
        file: path below `pack/`.
        period: `2008`, `2015-11` or half-open `start/end`; empty where time has no meaning.
        method: the part of the recipe that makes it; `options` are its parameters.
        resampled: whether values were interpolated or averaged onto another grid.
        bbox: west, south, east, north of what a table is about; None where the file says it.
    """

    id: str
    collection: str
    file: str
    kind: Kind
    title: Mapping[str, str]
    description: Mapping[str, str]
    period: str
    variables: tuple[Variable, ...]
    crs: str
    licence: str
    licence_url: str
    attribution: str
    nature: Nature
    derivation: str
    providers: tuple[ProviderFile, ...]
    method: str
    options: Mapping[str, Any] = field(default_factory=dict)
    resampled: bool = False
    bbox: tuple[float, float, float, float] | None = None


def home() -> Path:
    """Return the folder that holds the tables and the pack, in a checkout or a wheel."""
    return Path(str(files("earthcommons.commons.demonstration")))


def pack_path(piece: Piece) -> Path:
    """Return where the piece lies on disk."""
    return home() / "pack" / piece.file


def load_pieces() -> tuple[Piece, ...]:
    """Return every piece of the pack, in the order of the table.

    Raises:
        InvalidInputError: the table is incomplete; the message names piece and key.
    """
    return parse_pieces((home() / "sources.toml").read_text(encoding="utf-8"))


def parse_pieces(text: str) -> tuple[Piece, ...]:
    """Return the pieces a table declares.

    Raises:
        InvalidInputError: not TOML, a key missing, unknown or malformed, an id or file twice.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInputError(f"sources.toml: {error}") from error
    pieces = tuple(_piece(row, document.get("legend", {})) for row in document.get("piece", []))
    for key in ("id", "file"):
        values = [getattr(piece, key) for piece in pieces]
        if twice := sorted({value for value in values if values.count(value) > 1}):
            raise InvalidInputError(f"sources.toml: {key} {twice[0]!r} is declared twice")
    return pieces


def _piece(row: dict[str, Any], legends: dict[str, Any]) -> Piece:
    name = str(row.get("id", "without id"))
    kind = _one_of(row, "kind", get_args(Kind), name)
    period = row.get("period", "")
    if not _PERIOD.fullmatch(period) and (period or kind in _MEASURED):
        raise InvalidInputError(f"piece {name}: key period: {period!r} is no period")
    if not _ID.fullmatch(name):
        raise InvalidInputError(f"piece {name}: key id: use a-z 0-9 . -")
    box = row.get("bbox")
    return Piece(
        id=name,
        collection=_text(row, "collection", name),
        file=_text(row, "file", name),
        kind=kind,
        title=_bilingual(row, "title", name),
        description=_bilingual(row, "description", name),
        period=period,
        variables=_variables(row, name, legends),
        crs=row.get("crs", "") if kind == "table" else _given(row, "crs", name),
        licence=_text(row, "licence", name),
        licence_url=row.get("licence_url", ""),
        attribution=_text(row, "attribution", name),
        nature=_one_of(row, "nature", get_args(Nature), name),
        derivation=_text(row, "derivation", name),
        providers=tuple(_provider(entry, name) for entry in _given(row, "provider", name)),
        method=_text(row, "method", name),
        options=row.get("options", {}),
        resampled=bool(_given(row, "resampled", name)),
        bbox=(box[0], box[1], box[2], box[3]) if box else None,
    )


def _variables(row: dict[str, Any], name: str, legends: dict[str, Any]) -> tuple[Variable, ...]:
    found = tuple(_variable(entry, name, legends) for entry in row.get("variable", []))
    if not found and row["kind"] in _MEASURED:
        raise InvalidInputError(f"piece {name}: key variable is missing")
    return found


def _variable(row: dict[str, Any], piece: str, legends: dict[str, Any]) -> Variable:
    where = f"{piece}, variable {row.get('name', 'without name')}"
    meaning = _given(row, "meaning", where)
    if not isinstance(meaning, dict) or not meaning.get("en"):
        raise InvalidInputError(f"piece {where}: key meaning.en is missing")
    legend = row.get("legend", "")
    if legend and legend not in legends:
        raise InvalidInputError(f"piece {where}: key legend: no legend {legend!r}")
    classes = legends[legend] if legend else {}
    for value, words in classes.items():
        if not (words.get("en") and words.get("zh")) or not _COLOUR.fullmatch(
            words.get("color_hint", "")
        ):
            raise InvalidInputError(
                f"piece {where}: key legend: class {value} needs en, zh and color_hint RRGGBB"
            )
    return Variable(
        name=_text(row, "name", where),
        unit=_text(row, "unit", where),
        dims=tuple(_given(row, "dims", where)),
        meaning=meaning,
        nodata=row.get("nodata", ""),
        datatype=_one_of({"datatype": "number"} | row, "datatype", get_args(Datatype), where),
        classes=classes,
    )


def _provider(row: dict[str, Any], piece: str) -> ProviderFile:
    digest = _text(row, "sha256", piece)
    if not _SHA256.fullmatch(digest):
        raise InvalidInputError(f"piece {piece}: key sha256: not 64 hexadecimal digits")
    path = _text(row, "path", piece)
    return ProviderFile(
        name=row.get("name", path.rpartition("/")[2]),
        path=path,
        sha256=digest,
        source=_text(row, "source", piece),
        url=row.get("url", ""),
        doi=row.get("doi", ""),
    )


def _given(row: dict[str, Any], key: str, name: str) -> Any:
    if key not in row:
        raise InvalidInputError(f"piece {name}: key {key} is missing")
    return row[key]


def _text(row: dict[str, Any], key: str, name: str) -> str:
    value = _given(row, key, name)
    if not isinstance(value, str) or not value.strip():
        raise InvalidInputError(f"piece {name}: key {key} is empty or no text")
    return value


def _bilingual(row: dict[str, Any], key: str, name: str) -> dict[str, str]:
    value = _given(row, key, name)
    if not isinstance(value, dict) or not all(value.get(lang) for lang in ("en", "zh")):
        raise InvalidInputError(f"piece {name}: key {key} needs en and zh")
    return value


def _one_of(row: dict[str, Any], key: str, allowed: tuple[str, ...], name: str) -> Any:
    value = _given(row, key, name)
    if value not in allowed:
        raise InvalidInputError(
            f"piece {name}: key {key}: {value!r} is none of {', '.join(allowed)}"
        )
    return value
