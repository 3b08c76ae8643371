"""Units: is this text one, and by how much does one convert to another."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING, Any

from earthcommons.errors import UnitError
from earthcommons.model.plain_units import plain_unit, spelled

if TYPE_CHECKING:
    import pint

__all__ = ["check_unit", "converter", "needs_table", "read_unit_table", "same_unit"]

# Values that name a class, a date or a place have no unit; saying so is not the same as silence.
NO_MEASURE = frozenset({"class", "name", "date", "count"})
_ROUNDING = 1e-12


def check_unit(text: str, where: str) -> str:
    """Return `text` when it names a unit: CF or UCUM-like, `1` without dimension, or `class`.

    Raises:
        UnitError: empty or unknown; the message names `where`.
    """
    if not text:
        raise UnitError(f"{where} has no unit: declare one, or 1 if it has no dimension")
    if needs_table(text):
        _parse(text, where)
    return text


def needs_table(text: str) -> bool:
    """Return whether the table of units must be read to tell if a text, unless empty, is one."""
    return bool(text) and text not in NO_MEASURE and plain_unit(text) is None


def same_unit(one: str, other: str) -> bool:
    """Return whether two texts name one unit (`km2` and `km^2`, `mg/L` and `g/m3`).

    Factors that differ by less than 1e-12 of themselves are one: the table has them as floats.

    Raises:
        UnitError: one of them is no unit.
    """
    if one == other:
        return True
    if one in NO_MEASURE or other in NO_MEASURE:
        return False
    if (plain := plain_unit(one)) is not None and plain == plain_unit(other):
        return True
    return _line(one, other) == (1.0, 0.0)


@cache
def converter(unit: str, target: str) -> tuple[float, float]:
    """Return (factor, offset) with `value in target = value in unit × factor + offset`.

    Raises:
        UnitError: the units measure different things.
    """
    if same_unit(unit, target):
        return 1.0, 0.0
    measures = unit not in NO_MEASURE and target not in NO_MEASURE
    if measures and (line := _line(unit, target)):
        return line
    raise UnitError(f"{unit} does not convert to {target}")


def read_unit_table() -> None:
    """Read the table of units now: it takes a quarter of a second, once in a process."""
    _registry()


@cache
def _line(unit: str, target: str) -> tuple[float, float] | None:
    """Return factor and offset, exactly 1 and 0 where they are so but for rounding."""
    import pint

    one, other = _parse(unit, unit), _parse(target, target)
    try:
        zero, unity = (
            _registry().Quantity(n * one.magnitude, one.units).to(other.units).magnitude
            for n in (0.0, 1.0)
        )
    except (pint.DimensionalityError, OverflowError):
        return None
    factor, offset = float((unity - zero) / other.magnitude), float(zero / other.magnitude)
    if math.isclose(factor, 1, rel_tol=_ROUNDING) and abs(offset) < _ROUNDING:
        return 1.0, 0.0
    return factor, offset


@cache
def _registry() -> pint.UnitRegistry[Any]:
    import pint

    registry: pint.UnitRegistry[Any] = pint.UnitRegistry(autoconvert_offset_to_baseunit=True)
    registry.define("@alias degree_Celsius = degree_C = degrees_C = degrees_Celsius")
    registry.define("person = [people] = _ = persons = people")
    return registry


@cache
def _parse(text: str, where: str) -> pint.Quantity[Any]:
    import pint

    registry = _registry()
    parts = spelled(text)
    if parts is None:
        raise UnitError(f"{where}: {text[:60]!r} is no unit")
    exponent, product = parts
    try:
        unit = registry.Unit(product)
    except (
        pint.PintError, ValueError, TypeError, AttributeError, AssertionError, KeyError,
    ) as error:  # fmt: skip
        raise UnitError(f"{where}: {text[:60]!r} is no unit this platform knows") from error
    return registry.Quantity(10.0**exponent, unit)
