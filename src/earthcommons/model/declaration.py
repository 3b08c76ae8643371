"""What somebody declares about foreign bytes before the door lets them in."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from earthcommons.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from earthcommons.model.indicator import Text
    from earthcommons.model.period import Period

__all__ = ["Declaration", "ProvidersFile", "VariableDeclaration", "check_id"]

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def check_id(text: str, what: str = "id") -> str:
    """Return `text` when it may name a record: letters, digits, dot, dash, underscore; 1-100.

    Raises:
        InvalidInputError: anything else (path parts, control characters, look-alike letters).
    """
    if not _ID.fullmatch(text) or ".." in text or unicodedata.normalize("NFC", text) != text:
        raise InvalidInputError(
            f"{what} {text[:60]!r}: use 1 to 100 of A-Z a-z 0-9 . _ -, first a letter or digit",
            code="bad-id",
        )
    return text


@dataclass(frozen=True, slots=True)
class ProvidersFile:
    """The file as its provider gives it out, by digest; it need not be on this node."""

    name: str
    sha256: str
    source: str
    url: str = ""
    doi: str = ""
    taken: str = ""

    def as_json(self) -> dict[str, str]:
        """Return the JSON form, without empty members."""
        pairs = {
            "name": self.name,
            "sha256": self.sha256,
            "source": self.source,
            "url": self.url,
            "doi": self.doi,
            "taken": self.taken,
        }
        return {key: value for key, value in pairs.items() if value}


@dataclass(frozen=True, slots=True)
class VariableDeclaration:
    """One band, data variable or column: its unit and what its values mean."""

    name: str
    unit: str
    meaning: str = ""
    dims: tuple[str, ...] = ()
    classes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    datatype: Literal["number", "integer", "string", "date"] = "number"

    def as_task(self) -> dict[str, object]:
        """Return the JSON form that readers of foreign files are handed."""
        return {
            "name": self.name,
            "unit": self.unit,
            "meaning": self.meaning,
            "datatype": self.datatype,
            "classes": {key: dict(value) for key, value in self.classes.items()},
        }


@dataclass(frozen=True, slots=True)
class Declaration:
    """The facts a file does not say about itself.

    Attributes:
        nature: `observation`, `model`, `reconstruction` or `derived`.
        variables: units declared where the file has none; where both speak they must agree.
        rights: licence as an SPDX id or a plain name.
        providers: the provider's own files these bytes were made from.
        bbox: where a table is about, when it is about a place, or the edges of a bare array:
            west, south, east, north.
        group: group of a netCDF, HDF or Zarr file that holds the variables.
        layer: layer of a GeoPackage.
    """

    item: str
    collection: str
    title: Text
    description: Text
    period: Period
    licence: str
    attribution: str
    nature: Literal["observation", "model", "reconstruction", "derived"]
    variables: tuple[VariableDeclaration, ...] = ()
    providers: tuple[ProvidersFile, ...] = ()
    derivation: str = ""
    licence_url: str = ""
    crs: str = ""
    bbox: tuple[float, float, float, float] | None = None
    group: str = ""
    layer: str = ""

    def __post_init__(self) -> None:
        check_id(self.item, "item id")
        check_id(self.collection, "collection id")
        if not self.licence:
            raise InvalidInputError(f"{self.item}: declare a licence", code="licence-missing")

    @property
    def name(self) -> str:
        """`collection/item`, unique on a node."""
        return f"{self.collection}/{self.item}"

    def variable(self, name: str) -> VariableDeclaration | None:
        """Return what is declared of a variable, or None."""
        return next((v for v in self.variables if v.name == name), None)
