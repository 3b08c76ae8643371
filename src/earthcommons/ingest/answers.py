"""What a reader answers, checked before anything is made of it.

A file that has taken over its reader answers what it likes. So an answer says where the data lies,
what its bands are and how it is laid out, each in the one form there is for it; what was declared
of licence, time or source it cannot say. Whether it is true nobody can tell but by the bytes.
"""

from __future__ import annotations

import math
from datetime import date
from typing import TYPE_CHECKING, Any

from earthcommons.errors import InvalidInputError, RefusedFileError, UnitError
from earthcommons.model.geodesy import BBox

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["facts_in", "refusal_in", "seen_in"]

_STOPPED = "the reader was stopped by these bytes: its answer is none"
_MOST_MESSAGE, _MOST_CODE, _MOST_WARNINGS = 2000, 40, 1000
# Members of an item that tell how its data is laid out; all others are declared, or ours.
_LAYOUT = ("proj:", "cube:", "table:")
_OF_FILE = frozenset(
    (
        "ec:warnings",
        "ec:source_crs",
        "ec:core",
        "ec:extensions",
        "ec:records_without_place",
    )
)
_DEPTHS = {"Point": 0, "Polygon": 2, "MultiPolygon": 3}


def facts_in(answer: dict[str, Any]) -> dict[str, Any]:
    """Return what an answer says of converted data: bbox, geometry, bands, properties.

    Raises:
        RefusedFileError: a reader answers nothing like that (`malformed`).
    """
    try:
        facts = {name: answer[name] for name in ("bbox", "geometry", "bands", "properties")}
        fit = _is_place(facts["bbox"], facts["geometry"]) and _are_bands(facts["bands"])
    except (KeyError, TypeError, InvalidInputError, RecursionError) as error:
        raise _stopped() from error
    properties = facts["properties"]
    if not fit or not isinstance(properties, dict):
        raise _stopped()
    if not all(name.startswith(_LAYOUT) or name in _OF_FILE for name in properties):
        raise _stopped()
    if not _are_warnings(properties.get("ec:warnings", [])):
        raise _stopped()
    if "spatial_resolution" in answer:
        facts["spatial_resolution"] = answer["spatial_resolution"]
        if not _is_number(facts["spatial_resolution"]):
            raise _stopped()
    return facts


def seen_in(answer: dict[str, Any]) -> dict[str, Any]:
    """Return what an answer says of a file that was looked at; a time that is none is left out.

    Raises:
        RefusedFileError: a reader answers nothing like that (`malformed`).
    """
    tests: dict[str, Callable[[Any], bool]] = {
        "variables": _are_variables,
        "period": lambda value: value is None or _are_texts(value, 2),
        "crs": lambda value: isinstance(value, str),
        "bbox": lambda value: (
            value is None or (_is_list(value, _is_number) and len(value) == 4)
        ),
    }
    if not all(name in answer and test(answer[name]) for name, test in tests.items()):
        raise _stopped()
    if not all(isinstance(answer.get(name, ""), str) for name in ("title", "format")):
        raise _stopped()
    if not _are_warnings(answer.get("warnings", [])):
        raise _stopped()
    dated = answer["period"] and all(map(_is_day, answer["period"]))
    return {**answer, "period": answer["period"] if dated else None}


def refusal_in(said: object) -> RefusedFileError | UnitError:
    """Return the refusal an answer holds; in its words no character moves a terminal's cursor."""
    code, message = (
        (said.get("code"), said.get("message")) if isinstance(said, dict) else (None, None)
    )
    if not isinstance(code, str) or not isinstance(message, str) or not _is_code(code):
        return _stopped()
    plain = "".join(char if char.isprintable() else " " for char in message[:_MOST_MESSAGE])
    return (UnitError if code == "unit-missing" else RefusedFileError)(plain, code=code)


def _stopped() -> RefusedFileError:
    return RefusedFileError(_STOPPED, code="malformed")


def _is_code(code: str) -> bool:
    # Only whoever waits for an admission can cancel it.
    words = code.replace("-", "")
    plain = words.isascii() and words.isalnum() and words.islower()
    return plain and len(code) <= _MOST_CODE and code != "cancelled"


def _is_number(value: object) -> bool:
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    )


def _is_list(value: object, fit: Callable[[Any], bool]) -> bool:
    return isinstance(value, list) and all(map(fit, value))


def _are_texts(value: object, count: int) -> bool:
    return isinstance(value, list) and len(value) == count and _is_list(value, _is_text)


def _are_warnings(value: object) -> bool:
    """Return whether these are a few texts in which no character moves a terminal's cursor."""
    return (
        isinstance(value, list)
        and len(value) <= _MOST_WARNINGS
        and all(isinstance(text, str) and text.isprintable() for text in value)
        and all(len(text) <= _MOST_MESSAGE for text in value)
    )


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return False
    return True


def _are_variables(value: object) -> bool:
    keys = ("name", "unit", "datatype")
    return _is_list(
        value,
        lambda one: isinstance(one, dict) and all(isinstance(one.get(k), str) for k in keys),
    )


def _are_bands(value: object) -> bool:
    return _is_list(
        value,
        lambda one: (
            isinstance(one, dict)
            and isinstance(one.get("name"), str)
            and isinstance(one.get("unit", ""), str)
        ),
    )


def _is_place(bbox: Any, geometry: Any) -> bool:
    if bbox is None or geometry is None:
        return bbox is None and geometry is None
    if not _is_list(bbox, _is_number) or set(geometry) != {"type", "coordinates"}:
        return False
    BBox.of(bbox)
    return _are_positions(geometry["coordinates"], _DEPTHS[geometry["type"]])


def _are_positions(value: Any, depth: int) -> bool:
    """Return whether these are positions on the globe in so many lists; rings are closed."""
    if depth == 0:
        x, y = value if _is_list(value, _is_number) and len(value) == 2 else (math.inf, 0)
        return bool(-180 <= x <= 180 and -90 <= y <= 90)
    if depth == 1 and not (
        isinstance(value, list) and len(value) >= 4 and value[0] == value[-1]
    ):
        return False
    return bool(value) and _is_list(value, lambda inner: _are_positions(inner, depth - 1))
