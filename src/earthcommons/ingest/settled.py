"""What the file says and what was declared, settled into one word; looking asks less than taking.

A task with `look` asks what a file holds: a lacking unit is then shown as lacking, not refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from earthcommons.errors import UnitError
from earthcommons.model.unit import check_unit, same_unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["declared_of", "settle_unit", "shown"]


def settle_unit(written: str, stated: str, where: str, task: Mapping[str, Any]) -> str:
    """Return the unit of a variable; while looking, empty where there is none.

    Raises:
        UnitError: file and declaration disagree, or neither names a unit that is one.
    """
    if task.get("look"):
        try:
            return check_unit(stated or written, where)
        except UnitError:
            return ""
    if written and stated and not _same(written, stated):
        raise UnitError(f"{where}: the file says {written[:60]}, the declaration {stated}")
    return check_unit(stated or written, where)


def declared_of(task: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what is declared of the variables, by name."""
    return {variable["name"]: variable for variable in task["variables"]}


def shown(
    variables: Iterable[Mapping[str, Any]],
    *,
    period: tuple[str, str] | None = None,
    crs: str = "",
    bbox: list[float] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Return what a look found: variables with units, first and last time, CRS, place, title."""
    return {
        "variables": [
            {"name": v["name"], "unit": v.get("unit", ""), "datatype": v.get("datatype", "")}
            for v in variables
        ],
        "period": list(period) if period else None,
        "crs": crs,
        "bbox": bbox,
        **{key: value for key, value in more.items() if value},
    }


def _same(written: str, stated: str) -> bool:
    # What the file says may be no unit at all, such as the number of a code table.
    try:
        check_unit(written, "file")
    except UnitError:
        return True
    return same_unit(written, stated)
