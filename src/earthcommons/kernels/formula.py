"""The last step of a number, written as data: from the cells it rests on to its value.

Standard library only, because this file travels inside every evidence capsule and must run there
without the platform. A formula is a nested list: `["wmean", "a"]` or
`["sub", ["wmean", "a"], ["wmean", "b"]]`; a table is a list of rows with named columns.
"""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

__all__ = ["evaluate"]

Table = Sequence[Mapping[str, Any]]


def _column(table: Table, name: str) -> list[float]:
    return [float(row[name]) for row in table]


def _weighted_sum(table: Table) -> float:
    return math.fsum(float(row["weight"]) * float(row["value"]) for row in table)


def _slope(table: Table) -> float:
    points = [(float(row["time"]), float(row["value"])) for row in table]
    pairs = ((p, q) for i, p in enumerate(points) for q in points[i + 1 :])
    return statistics.median((q[1] - p[1]) / (q[0] - p[0]) for p, q in pairs if q[0] != p[0])


_OF_TABLE: dict[str, Callable[[Table], float]] = {
    "wsum": _weighted_sum,
    "wmean": lambda t: _weighted_sum(t) / math.fsum(_column(t, "weight")),
    "weight": lambda t: math.fsum(_column(t, "weight")),
    "sum": lambda t: math.fsum(_column(t, "value")),
    "mean": lambda t: math.fsum(_column(t, "value")) / len(t),
    "median": lambda t: statistics.median(_column(t, "value")),
    "sd": lambda t: statistics.stdev(_column(t, "value")),
    "count": len,
    "slope": _slope,
}
_OF_NUMBERS: dict[str, Callable[[float, float], float]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
}


def evaluate(formula: Any, tables: Mapping[str, Table]) -> float:
    """Return the number a formula gives on tables of cells.

    Args:
        formula: a number; `[name, table]` with wsum, wmean, weight, sum, mean, median, sd, count
            or slope (Theil-Sen of `value` on `time`); `[name, formula, formula]` with add, sub,
            mul or div.
        tables: table name -> rows with the columns `value` and, where needed, `weight`, `time`.

    Raises:
        ValueError: an unknown operation or table.
    """
    if isinstance(formula, (int, float)):
        return float(formula)
    name, *rest = formula
    if name in _OF_TABLE and len(rest) == 1 and rest[0] in tables:
        return float(_OF_TABLE[name](tables[rest[0]]))
    if name in _OF_NUMBERS and len(rest) == 2:
        return float(_OF_NUMBERS[name](*(evaluate(part, tables) for part in rest)))
    raise ValueError(f"no formula: {formula!r}")
