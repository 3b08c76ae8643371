"""What an indicator declares about itself, once, for every page, report and command."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from earthcommons.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Indicator", "Need", "Parameter", "Text"]


@dataclass(frozen=True, slots=True)
class Text:
    """Words for people, in the languages the platform speaks."""

    en: str
    zh: str

    def __getitem__(self, lang: str) -> str:
        return self.zh if lang.startswith("zh") else self.en

    def as_json(self) -> dict[str, str]:
        """Return the JSON form."""
        return {"en": self.en, "zh": self.zh}


@dataclass(frozen=True, slots=True)
class Need:
    """One typed input: which variable of which items, in which unit.

    Attributes:
        name: what the method calls it.
        items: item names `collection/item`, in the order the method reads them.
        variable: band, data variable or column name; empty for a whole table.
        unit: unit the method works in; the stored unit must convert to it.
        kind: `raster`, `cube` or `table`.
    """

    name: str
    items: tuple[str, ...]
    variable: str
    unit: str
    kind: Literal["raster", "cube", "table"]

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "name": self.name,
            "items": list(self.items),
            "variable": self.variable,
            "unit": self.unit,
            "kind": self.kind,
        }


@dataclass(frozen=True, slots=True)
class Parameter:
    """A threshold, table or choice, with its default: part of the number."""

    name: str
    default: float | int | str
    unit: str
    meaning: Text
    low: float | None = None
    high: float | None = None

    def accept(self, value: Any) -> float | int | str:
        """Return the value in the parameter's own type.

        Raises:
            InvalidInputError: wrong type or out of range.
        """
        try:
            cast = type(self.default)(value)
        except (TypeError, ValueError) as error:
            raise InvalidInputError(
                f"parameter {self.name}={value!r}: need a {type(self.default).__name__}"
            ) from error
        if isinstance(cast, (int, float)):
            low, high = self.low, self.high
            if (
                cast != cast
                or (low is not None and cast < low)
                or (high is not None and cast > high)
            ):
                raise InvalidInputError(
                    f"parameter {self.name}={value!r}: need {low} to {high}"
                )
        return cast

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "name": self.name,
            "default": self.default,
            "unit": self.unit,
            "meaning": self.meaning.as_json(),
        }


@dataclass(frozen=True)
class Indicator:
    """A declaration and the functions that fulfil it.

    Attributes:
        key: stable name; no proxy's key starts with `sdg-`.
        version: version of the method; part of every run's identity.
        nature: what kind of number it gives: `proxy`, `model`, `reconstruction`, `observation`.
        related: official indicator it is related to but not comparable with, or empty.
        desirable: which direction is better, or `none`.
        not_said: what the number must not be read as.
        region_set: id of the region set it is computed for.
        compute: `(Workbench, parameters) -> figures`; see `indicators.workbench`.
        independent: the same figures by a second route, or None where none is declared.
        cells: `(Workbench, parameters, observation) -> Cells`, what one value rests on.
    """

    key: str
    version: str
    title: Text
    abstract: Text
    not_said: Text
    unit: str
    nature: Literal["proxy", "model", "reconstruction", "observation"]
    region_set: str
    needs: tuple[Need, ...]
    source: str
    compute: Callable[..., Any]
    independent: Callable[..., Any] | None = None
    cells: Callable[..., Any] | None = None
    independent_route: str = ""
    related: str = ""
    goals: tuple[int, ...] = ()
    desirable: Literal["up", "down", "none"] = "none"
    parameters: tuple[Parameter, ...] = ()
    digits: int = 1
    measures: Mapping[str, Text] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.nature == "proxy" and self.key.startswith("sdg-"):
            raise InvalidInputError(f"{self.key}: the key of a proxy may not start with sdg-")

    def settle(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return every parameter's value: those given, checked, and defaults for the rest.

        Raises:
            InvalidInputError: an unknown parameter, a wrong type, or out of range.
        """
        known = {parameter.name: parameter for parameter in self.parameters}
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise InvalidInputError(
                f"{self.key} has no parameter {unknown[0]!r}; it has {sorted(known) or 'none'}",
                code="unknown-parameter",
            )
        return {
            name: parameter.accept(given[name]) if name in given else parameter.default
            for name, parameter in known.items()
        }

    def as_json(self) -> dict[str, Any]:
        """Return the declaration as JSON, without the functions."""
        return {
            "key": self.key,
            "version": self.version,
            "title": self.title.as_json(),
            "abstract": self.abstract.as_json(),
            "not_said": self.not_said.as_json(),
            "unit": self.unit,
            "nature": self.nature,
            "related": self.related,
            "goals": list(self.goals),
            "desirable": self.desirable,
            "region_set": self.region_set,
            "inputs": [need.as_json() for need in self.needs],
            "parameters": [parameter.as_json() for parameter in self.parameters],
            "measures": {name: text.as_json() for name, text in self.measures.items()},
            "independent_route": self.independent_route,
            "source": self.source,
        }
