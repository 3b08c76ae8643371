"""CQL2 filters as SQL: parsed by the `cql2` library, written by us, every value bound.

Basic, advanced comparison, case-insensitive, spatial, temporal and array operators. A comparison
with a property an item lacks is unknown, and unknown is not true, as in SQL.

Source:
    OGC 21-065r2, Common Query Language (CQL2).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from earthcommons.catalog.queryables import find_queryable
from earthcommons.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from earthcommons.catalog.queryables import Queryable

__all__ = ["Condition", "compile_filter", "parse_filter"]

MAX_TEXT, MAX_DEPTH, MAX_NODES, MAX_LIST = 8192, 16, 200, 1000
_COMPARE = {"=": "=", "<>": "<>", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
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
_ARRAY = ("a_contains", "a_containedby", "a_equals", "a_overlaps")
_FAR = 253_402_300_799  # 9999-12-31T23:59:59Z


@dataclass(frozen=True, slots=True)
class Condition:
    """A WHERE clause with its values, and the shapes its spatial functions refer to by number."""

    sql: str
    values: tuple[Any, ...] = ()
    shapes: tuple[Any, ...] = field(default=(), compare=False)


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
        name, args = str(node["op"]).lower(), node.get("args", [])
        for names, write in self._kinds():
            if name in names:
                return write(name, args)
        raise InvalidInputError(f"operator {name[:40]!r} is not spoken here", code="bad-filter")

    def _kinds(self) -> tuple[tuple[Any, Callable[[str, list[Any]], str]], ...]:
        return (
            (("and", "or"), self._combined),
            (("not",), lambda _, args: f"(NOT {self.boolean(args[0])})"),
            (_COMPARE, self._compared),
            (("isnull",), lambda _, args: f"({self._scalar(args[0])[0]} IS NULL)"),
            (("like",), self._like),
            (("between",), self._between),
            (("in",), self._in),
            (_SPATIAL, self._spatial),
            (_TEMPORAL, self._temporal),
            (_ARRAY, self._array),
        )

    def _combined(self, name: str, args: list[Any]) -> str:
        return "(" + f" {name.upper()} ".join(self.boolean(arg) for arg in args) + ")"

    def _compared(self, name: str, args: list[Any]) -> str:
        left, kind = self._scalar(args[0])
        right, _ = self._scalar(args[1], kind)
        if kind == "":
            raise InvalidInputError("compare a property with a value", code="bad-filter")
        return f"({left} {_COMPARE[name]} {right})"

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
        low, high = (self._scalar(end, kind)[0] for end in ends)
        return f"({left} BETWEEN {low} AND {high})"

    def _in(self, _: str, args: list[Any]) -> str:
        left, kind = self._scalar(args[0])
        if not isinstance(args[1], list) or not 1 <= len(args[1]) <= MAX_LIST:
            raise InvalidInputError(
                f"IN takes 1 to {MAX_LIST} values", code="filter-too-complex"
            )
        return f"({left} IN ({','.join(self._scalar(arg, kind)[0] for arg in args[1])}))"

    def _spatial(self, name: str, args: list[Any]) -> str:
        import shapely

        of_property, shape = self._sides(args, "geometry")
        try:
            geometry = shapely.from_geojson(orjson.dumps(_as_geometry(shape)).decode())
        except (shapely.errors.GEOSException, ValueError, TypeError) as error:
            raise InvalidInputError(
                "no geometry in the filter", code="invalid-geometry"
            ) from error
        if geometry.is_empty or not geometry.is_valid:
            raise InvalidInputError("the filter's geometry is invalid", code="invalid-geometry")
        del of_property
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
        self.values.append(orjson.dumps(wanted).decode())
        have, want = f"json_each({which.sql})", "json_each(?)"
        lacking = f"EXISTS (SELECT value FROM {want} EXCEPT SELECT value FROM {have})"
        if name == "a_contains":
            return f"({which.sql} IS NOT NULL AND NOT {lacking})"
        if name == "a_overlaps":
            return f"EXISTS (SELECT value FROM {want} INTERSECT SELECT value FROM {have})"
        beyond = f"EXISTS (SELECT value FROM {have} EXCEPT SELECT value FROM {want})"
        if name == "a_containedby":
            return f"({which.sql} IS NOT NULL AND NOT {beyond})"
        self.values.append(orjson.dumps(wanted).decode())
        return f"({which.sql} IS NOT NULL AND NOT {lacking} AND NOT {beyond})"

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
            return which.sql, which.kind
        if isinstance(node, dict) and str(node.get("op", "")).lower() == "casei":
            inner, inner_kind = self._scalar(node["args"][0], kind)
            return f"ec_fold({inner})", inner_kind
        if isinstance(node, dict) and ("timestamp" in node or "date" in node):
            first, last = _span(node)
            self.values.append(first if "timestamp" in node else last)
            return "?", "time"
        if isinstance(node, bool) or not isinstance(node, str | int | float):
            raise InvalidInputError("a value is a text, a number or a time", code="bad-filter")
        if kind == "time":
            first, _ = _span({"timestamp": str(node)})
            self.values.append(first)
            return "?", kind
        self.values.append(node)
        return "?", kind


def _pieces(pattern: str) -> list[str]:
    return [pattern[i : i + 3] for i in range(len(pattern)) if pattern[i] == "{"]


def _as_geometry(shape: Any) -> Any:
    if isinstance(shape, dict) and "bbox" in shape:
        box: list[float] = shape["bbox"]
        west, south, east, north = box[0], box[1], box[-2], box[-1]
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        return {"type": "Polygon", "coordinates": [ring]}
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
        return int(moment.timestamp()), int(moment.timestamp())
    except (ValueError, KeyError, OverflowError) as error:
        raise InvalidInputError(
            "a time is written 2015-11-01T00:00:00Z", code="bad-time"
        ) from error


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
