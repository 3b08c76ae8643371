"""CQL2 filters as SQL: parsed by the `cql2` library, written by us, every value bound.

Basic, advanced comparison, case-insensitive, spatial, temporal and array operators. A comparison
with a property an item lacks is unknown, and unknown is not true, as in SQL.

Source:
    OGC 21-065r2, Common Query Language (CQL2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from earthcommons.catalog.queryables import find_queryable
from earthcommons.errors import InvalidInputError
from earthcommons.model.geodesy import BBox

if TYPE_CHECKING:
    from collections.abc import Callable

    from earthcommons.catalog.queryables import Queryable

__all__ = ["Condition", "compile_filter", "parse_filter", "properties_of"]

MAX_TEXT, MAX_DEPTH, MAX_NODES, MAX_LIST = 8192, 16, 200, 1000
# Each with what it becomes when its sides change places.
_COMPARE = {"=": "=", "<>": "<>", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
# The same of a time, which ends in `{l}`, or of a day, from its first second to its last.
_TIMES = {
    "=": "BETWEEN {f} AND {l}", "<>": "NOT BETWEEN {f} AND {l}", "<": "< {f}", "<=": "<= {l}",
    ">": "> {l}", ">=": ">= {f}",
}  # fmt: skip
_SPATIAL = {
    "s_intersects": "intersects", "s_disjoint": "disjoint", "s_within": "within",
    "s_contains": "contains", "s_touches": "touches", "s_crosses": "crosses",
    "s_overlaps": "overlaps", "s_equals": "equals",
}  # fmt: skip
# Allen's relations between the item's span [f, l] and the filter's [a, b], closed in seconds.
_TEMPORAL = {
    "t_after": "{f} > {b}", "t_before": "{l} < {a}", "t_intersects": "{f} <= {b} AND {l} >= {a}",
    "t_disjoint": "({f} > {b} OR {l} < {a})", "t_equals": "{f} = {a} AND {l} = {b}",
    "t_during": "{f} > {a} AND {l} < {b}", "t_contains": "{f} < {a} AND {l} > {b}",
    "t_starts": "{f} = {a} AND {l} < {b}", "t_startedby": "{f} = {a} AND {l} > {b}",
    "t_finishes": "{f} > {a} AND {l} = {b}", "t_finishedby": "{f} < {a} AND {l} = {b}",
    "t_meets": "{l} = {a}", "t_metby": "{f} = {b}",
    "t_overlaps": "{f} < {a} AND {l} > {a} AND {l} < {b}",
    "t_overlappedby": "{f} > {a} AND {f} < {b} AND {l} > {b}",
}  # fmt: skip
_TURNED = {"s_within": "s_contains", "s_contains": "s_within"}
_ARRAY = ("a_contains", "a_containedby", "a_equals", "a_overlaps")
# How many sides an operator has where that is not two.
_SIDES = {"and": (1, MAX_LIST), "or": (1, MAX_LIST), "not": (1, 1), "isnull": (1, 1),
          "between": (2, 3), "casei": (1, 1)}  # fmt: skip
_SPOKEN = frozenset({*_SIDES, "like", "in", *_COMPARE, *_SPATIAL, *_TEMPORAL, *_ARRAY})
_FAR = 253_402_300_799  # 9999-12-31T23:59:59Z


@dataclass(frozen=True, slots=True)
class Condition:
    """A WHERE clause with its values, and the shapes its spatial functions refer to by number."""

    sql: str
    values: tuple[Any, ...] = ()
    shapes: tuple[Any, ...] = field(default=(), compare=False)

    @property
    def reads_body(self) -> bool:
        """Whether a row is tested by its stored body, which takes longer."""
        return bool(self.shapes)


def parse_filter(text: str | dict[str, Any]) -> dict[str, Any]:
    """Return the CQL2 JSON of a filter given as text or as JSON.

    Raises:
        InvalidInputError: no CQL2 (`bad-filter`), or too long (`filter-too-complex`).
    """
    import cql2

    size = len(text) if isinstance(text, str) else len(orjson.dumps(text))
    if size > MAX_TEXT:
        raise InvalidInputError(
            f"filter of {size} bytes, limit {MAX_TEXT}", code="filter-too-complex"
        )
    _check_brackets(text)
    try:
        parsed = (
            cql2.parse_text(text)
            if isinstance(text, str)
            else cql2.parse_json(orjson.dumps(text).decode())
        )
        found: dict[str, Any] = parsed.to_json()
    except Exception as error:  # the library raises several kinds without a common base
        said = str(error).strip().splitlines() or ["not understood"]
        raise InvalidInputError(
            f"no CQL2: {said[-1].strip()}"[:300], code="bad-filter"
        ) from error
    _check_size(found, 0, [0])
    return found


def properties_of(node: Any) -> set[str]:
    """Return the names of the properties that a filter asks for.

    Raises:
        InvalidInputError: an operator that is not spoken here (`bad-filter`).
    """
    if isinstance(node, list):
        return set().union(*map(properties_of, node))
    if not isinstance(node, dict):
        return set()
    if "property" in node:
        return {str(node["property"])}
    if "op" not in node:
        return set()
    name, args = _operation(node)
    if name not in _SPOKEN:
        raise _not_spoken(name)
    return properties_of(args)


def _not_spoken(name: str) -> InvalidInputError:
    return InvalidInputError(f"operator {name[:40]!r} is not spoken here", code="bad-filter")


def compile_filter(node: dict[str, Any]) -> Condition:
    """Return the SQL condition of a CQL2 JSON filter over `item i JOIN record r`.

    Raises:
        InvalidInputError: an unknown operator (`bad-filter`) or property (`unknown-queryable`).
    """
    writer = _Writer()
    sql = writer.boolean(node)
    return Condition(sql, tuple(writer.values), tuple(writer.shapes))


class _Writer:
    def __init__(self) -> None:
        self.values: list[Any] = []
        self.shapes: list[Any] = []

    def boolean(self, node: Any) -> str:
        if isinstance(node, bool):
            return "1" if node else "0"
        if not isinstance(node, dict) or "op" not in node:
            raise InvalidInputError(
                "a filter is a comparison or a combination of them", code="bad-filter"
            )
        name, args = _operation(node)
        for names, write in self._kinds():
            if name in names:
                return write(name, args)
        raise _not_spoken(name)

    def _kinds(self) -> tuple[tuple[Any, Callable[[str, list[Any]], str]], ...]:
        return (
            (("and", "or"), self._combined),
            (("not",), lambda _, args: f"(NOT {self.boolean(args[0])})"),
            (_COMPARE, self._compared),
            (("isnull",), self._lacking),
            (("like",), self._like),
            (("between",), self._between),
            (("in",), self._in),
            (_SPATIAL, self._spatial),
            (_TEMPORAL, self._temporal),
            (_ARRAY, self._array),
        )

    def _combined(self, name: str, args: list[Any]) -> str:
        return "(" + f" {name.upper()} ".join(self.boolean(arg) for arg in args) + ")"

    def _lacking(self, _: str, args: list[Any]) -> str:
        if _is_property(args[0]):
            which = find_queryable(str(args[0]["property"]))
            # Where there is a footprint, there is a box.
            return f"({'i.west' if which.kind == 'geometry' else which.sql} IS NULL)"
        return f"({self._scalar(args[0])[0]} IS NULL)"

    def _compared(self, name: str, args: list[Any]) -> str:
        if _is_value(args[0]) and not _is_value(args[1]):
            name, args = _COMPARE[name], args[::-1]
        left, kind = self._scalar(args[0])
        if kind == "":
            raise InvalidInputError("compare a property with a value", code="bad-filter")
        if kind == "time" and _is_value(args[1]):
            return f"({left} {self._time(_TIMES[name], args[1])})"
        return f"({left} {name} {self._scalar(args[1], kind)[0]})"

    def _time(self, pattern: str, low: Any, high: Any = None) -> str:
        """Return a test by a time or a day, or by two of them, with its values bound."""
        ends = {"{f}": _span(low)[0], "{l}": _span(low if high is None else high)[1]}
        self.values += [ends[piece] for piece in _pieces(pattern)]
        return pattern.format(f="?", l="?")

    def _like(self, _: str, args: list[Any]) -> str:
        left, kind = self._scalar(args[0])
        if kind != "string":
            raise InvalidInputError("LIKE is for texts", code="bad-filter")
        return f"({left} LIKE {self._scalar(args[1], kind)[0]} ESCAPE '\\')"

    def _between(self, _: str, args: list[Any]) -> str:
        left, kind = self._scalar(args[0])
        # Drafts of the standard put both ends into a list; clients still send that.
        ends = args[1] if len(args) == 2 and isinstance(args[1], list) else args[1:]
        if len(ends) != 2:
            raise InvalidInputError("BETWEEN takes two ends", code="bad-filter")
        if kind == "time" and all(map(_is_value, ends)):
            return f"({left} {self._time('BETWEEN {f} AND {l}', *ends)})"
        low, high = (self._scalar(end, kind)[0] for end in ends)
        return f"({left} BETWEEN {low} AND {high})"

    def _in(self, _: str, args: list[Any]) -> str:
        left, kind = self._scalar(args[0])
        if not isinstance(args[1], list) or not 1 <= len(args[1]) <= MAX_LIST:
            raise InvalidInputError(
                f"IN takes 1 to {MAX_LIST} values", code="filter-too-complex"
            )
        if kind == "time" and all(map(_is_value, args[1])):
            tests = (f"{left} {self._time(_TIMES['='], arg)}" for arg in args[1])
            return f"({' OR '.join(tests)})"
        return f"({left} IN ({','.join(self._scalar(arg, kind)[0] for arg in args[1])}))"

    def _spatial(self, name: str, args: list[Any]) -> str:
        import shapely

        if len(args) == 2 and _is_property(args[1]) and not _is_property(args[0]):
            name, args = _TURNED.get(name, name), args[::-1]
        _, shape = self._sides(args, "geometry")
        try:
            geometry = shapely.from_geojson(orjson.dumps(_as_geometry(shape)).decode())
        except (shapely.errors.GEOSException, ValueError, TypeError) as error:
            raise InvalidInputError(
                "no geometry in the filter", code="invalid-geometry"
            ) from error
        if geometry.is_empty or not geometry.is_valid:
            raise InvalidInputError("the filter's geometry is invalid", code="invalid-geometry")
        self.shapes.append(geometry)
        predicate, n = _SPATIAL[name], len(self.shapes) - 1
        return f"ec_spatial(r.body, '{predicate}', {n})"

    def _temporal(self, name: str, args: list[Any]) -> str:
        which, moment = self._sides(args, "time")
        first, last = _span(moment)
        ends = ("i.first", "i.last") if which.name == "datetime" else (which.sql, which.sql)
        # Each end is bound as often as the relation names it, in that order.
        pattern = _TEMPORAL[name]
        for piece in _pieces(pattern):
            if piece in ("{a}", "{b}"):
                self.values.append(first if piece == "{a}" else last)
        return "(" + pattern.format(f=ends[0], l=ends[1], a="?", b="?") + ")"

    def _array(self, name: str, args: list[Any]) -> str:
        which, wanted = self._sides(args, "array")
        if not isinstance(wanted, list) or len(wanted) > MAX_LIST:
            raise InvalidInputError("an array filter takes a list", code="bad-filter")
        have, want = f"json_each({which.sql})", "json_each(?)"
        lacking = f"EXISTS (SELECT value FROM {want} EXCEPT SELECT value FROM {have})"
        beyond = f"EXISTS (SELECT value FROM {have} EXCEPT SELECT value FROM {want})"
        test = {
            "a_contains": f"NOT {lacking}",
            "a_containedby": f"NOT {beyond}",
            "a_equals": f"NOT {lacking} AND NOT {beyond}",
            "a_overlaps": f"EXISTS (SELECT value FROM {want} INTERSECT SELECT value FROM {have})",
        }[name]
        self.values += [orjson.dumps(wanted).decode()] * test.count("?")
        return f"(CASE WHEN {which.sql} IS NOT NULL THEN {test} END)"

    def _sides(self, args: list[Any], kind: str) -> tuple[Queryable, Any]:
        found = [arg for arg in args if isinstance(arg, dict) and "property" in arg]
        if len(args) != 2 or len(found) != 1:
            raise InvalidInputError(
                "one side is a property, the other a value", code="bad-filter"
            )
        if found[0] is not args[0]:
            raise InvalidInputError("write the property first", code="bad-filter")
        which = find_queryable(str(found[0]["property"]))
        if which.kind != kind:
            raise InvalidInputError(f"{which.name} is no {kind}", code="bad-filter")
        return which, args[1]

    def _scalar(self, node: Any, kind: str = "") -> tuple[str, str]:
        """Return SQL and kind of a property, a literal, or a case-folded one of them."""
        if isinstance(node, dict) and "property" in node:
            which = find_queryable(str(node["property"]))
            if which.kind in ("geometry", "array"):
                raise InvalidInputError(
                    f"{which.name} is no text, number or time", code="bad-filter"
                )
            return which.sql, which.kind
        if isinstance(node, dict) and str(node.get("op", "")).lower() == "casei":
            inner, inner_kind = self._scalar(_operation(node)[1][0], kind)
            return f"ec_fold({inner})", inner_kind
        if isinstance(node, dict) and ("timestamp" in node or "date" in node):
            self.values.append(_span(node)[0])
            return "?", "time"
        self.values.append(_literal(node, kind))
        return "?", kind


def _operation(node: dict[str, Any]) -> tuple[str, list[Any]]:
    """Return the operator and its sides, when they are as many as it takes."""
    name, args = str(node["op"]).lower(), node.get("args")
    least, most = _SIDES.get(name, (2, 2))
    if not isinstance(args, list) or not least <= len(args) <= most:
        raise InvalidInputError(f"{name[:40]!r} has another number of sides", code="bad-filter")
    return name, args


def _is_property(node: Any) -> bool:
    return isinstance(node, dict) and "property" in node


def _is_value(node: Any) -> bool:
    return not isinstance(node, dict) or "timestamp" in node or "date" in node


def _literal(node: Any, kind: str) -> str | float:
    """Return a value to compare with a property of a kind; of any where none is told."""
    if isinstance(node, bool) and kind == "boolean":
        return int(node)
    if isinstance(node, bool) or not isinstance(node, str | int | float):
        raise InvalidInputError("a value is a text, a number or a time", code="bad-filter")
    if kind == "boolean":
        raise InvalidInputError(f"{node} is neither true nor false", code="bad-filter")
    if kind == "time":
        return _span(str(node))[0]
    if kind == "number" and isinstance(node, str):
        # Clients that take a comparison as one text send its number as a text too.
        return _number(node)
    if kind == "string" and not isinstance(node, str):
        raise InvalidInputError(f"{node} is no text", code="bad-filter")
    return node


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise InvalidInputError(f"{text[:40]!r} is no number", code="bad-filter")
    return number


def _pieces(pattern: str) -> list[str]:
    return [pattern[i : i + 3] for i in range(len(pattern)) if pattern[i] == "{"]


def _as_geometry(shape: Any) -> Any:
    if isinstance(shape, dict) and "bbox" in shape:
        # Two where it runs through 180°.
        rings = [
            [[[west, south], [east, south], [east, north], [west, north], [west, south]]]
            for west, south, east, north in BBox.of(shape["bbox"]).parts()
        ]
        return {"type": "MultiPolygon", "coordinates": rings}
    return shape


def _span(node: Any) -> tuple[int, int]:
    """Return first and last second of a timestamp, a date or an interval."""
    if isinstance(node, dict) and "interval" in node:
        begin, end = node["interval"]
        first = -_FAR if begin == ".." else _span(_moment(begin))[0]
        return first, _FAR if end == ".." else _span(_moment(end))[1]
    node = _moment(node)
    try:
        if "date" in node:
            day = datetime.fromisoformat(str(node["date"])).replace(tzinfo=UTC)
            return int(day.timestamp()), int((day + timedelta(days=1)).timestamp()) - 1
        moment = datetime.fromisoformat(str(node["timestamp"]).upper())
        if moment.tzinfo is None:
            raise ValueError(node)
        second = math.floor(moment.timestamp())
    except (ValueError, KeyError, OverflowError) as error:
        raise InvalidInputError(
            "a time is written 2015-11-01T00:00:00Z", code="bad-time"
        ) from error
    return second, second


def _moment(node: Any) -> dict[str, Any]:
    if isinstance(node, dict):
        return node
    return {"date": node} if len(str(node)) == 10 else {"timestamp": node}


def _check_brackets(text: str | dict[str, Any]) -> None:
    # The parser recurses: what is nested too deep is refused before it sees it.
    raw = text if isinstance(text, str) else orjson.dumps(text).decode()
    depth = 0
    for char in raw:
        depth += (char in "([{") - (char in ")]}")
        if depth > 3 * MAX_DEPTH:
            raise InvalidInputError("filter nested too deep", code="filter-too-complex")


def _check_size(node: Any, depth: int, count: list[int]) -> None:
    if isinstance(node, dict) and "op" in node:
        count[0] += 1
        if depth > MAX_DEPTH or count[0] > MAX_NODES:
            raise InvalidInputError(
                f"filter deeper than {MAX_DEPTH} or of over {MAX_NODES} operations",
                code="filter-too-complex",
            )
        for arg in node.get("args", []):
            _check_size(arg, depth + 1, count)
