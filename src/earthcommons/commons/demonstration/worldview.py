"""A worldview: the declared table that says which polygon belongs to which area code."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from earthcommons.commons.demonstration.sources import home
from earthcommons.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Named", "Rule", "Worldview", "load_worldview", "parse_worldview"]

_BOX = 4


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table: a feature, or a part of it, goes to a target, for a reason.

    Attributes:
        how: `feature` (all of it), `part` (rings whose bounds lie in `box`), `cut` (what lies
            in `box`, across rings), `carve` (what a disputed line through `along` cuts off
            around `inside`).
        feature: adm0_a3 of the source.
        target: M49 digits, or an `ec:` id.
    """

    how: str
    feature: str
    target: str
    reason: str
    source: str
    box: tuple[float, float, float, float] | None = None
    along: tuple[float, float] | None = None
    inside: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Named:
    """Something the M49 table does not name: a disputed area, a group, a line."""

    id: str
    name: Mapping[str, str]
    box: tuple[float, float, float, float] | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Worldview:
    """The whole table."""

    id: str
    version: str
    region_set: str
    source: str
    default_code: str
    disclaimer: Mapping[str, str]
    known_limits: tuple[Mapping[str, str], ...]
    dropped: tuple[str, ...]
    names: tuple[tuple[str, str, str], ...]
    rules: tuple[Rule, ...]
    disputed: tuple[Named, ...]
    groups: tuple[Named, ...]
    lines: tuple[Named, ...]


def load_worldview(name: str = "un") -> Worldview:
    """Return the named worldview of the package.

    Raises:
        InvalidInputError: the table is incomplete.
    """
    return parse_worldview((home() / "worldviews" / f"{name}.toml").read_text(encoding="utf-8"))


def parse_worldview(text: str) -> Worldview:
    """Return the worldview a table declares.

    Raises:
        InvalidInputError: not TOML, or a row without reason, source or its own places.
    """
    try:
        table = tomllib.loads(text)
        head = table["worldview"]
        return Worldview(
            id=head["id"],
            version=head["version"],
            region_set=head["region_set"],
            source=head["source"],
            default_code=head["default_code"],
            disclaimer=head["disclaimer"],
            known_limits=tuple(head["known_limit"]),
            dropped=tuple(row["m49"] for row in table.get("drop", [])),
            names=tuple((r["m49"], r["column"], r["text"]) for r in table.get("rename", [])),
            rules=tuple(
                _rule(how, row)
                for how in ("feature", "part", "cut", "carve")
                for row in table.get(how, [])
            ),
            disputed=tuple(_named(row) for row in table.get("disputed", [])),
            groups=tuple(_named(row) for row in table.get("group", [])),
            lines=tuple(_named(row) for row in table.get("line", [])),
        )
    except tomllib.TOMLDecodeError as error:
        raise InvalidInputError(f"worldview: {error}") from error
    except KeyError as error:
        raise InvalidInputError(f"worldview: key {error} is missing") from error


def _rule(how: str, row: dict[str, Any]) -> Rule:
    needs = {"feature": (), "part": ("box",), "cut": ("box",), "carve": ("along", "inside")}[
        how
    ]
    where = f"worldview: {how} {row.get('feature', '?')}"
    for key in ("feature", "target", "reason", "source", *needs):
        if not row.get(key):
            raise InvalidInputError(f"{where}: key {key} is missing")
    box = row.get("box")
    if box and (len(box) != _BOX or box[0] >= box[2] or box[1] >= box[3]):
        raise InvalidInputError(f"{where}: key box: west, south, east, north expected")
    return Rule(
        how=how,
        feature=row["feature"],
        target=row["target"],
        reason=row["reason"],
        source=row["source"],
        box=tuple(box) if box else None,
        along=tuple(row["along"]) if "along" in row else None,
        inside=tuple(row["inside"]) if "inside" in row else None,
    )


def _named(row: dict[str, Any]) -> Named:
    box = row.get("box")
    return Named(
        id=row["id"],
        name={"en": row["en"], "zh": row["zh"]},
        box=tuple(box) if box else None,
        note=row.get("note", ""),
    )
