"""A declared period that the file's own times reach out of. Runs in the jail; see `jail`."""

from __future__ import annotations

from typing import Any

from earthcommons.model.period import Period

__all__ = ["period_warnings"]


def period_warnings(task: dict[str, Any], first: str, last: str) -> list[str]:
    """Return the warning that a file's times lie outside the declared period, if they do.

    A time at the very end of the period stands for what came before it, as in means that carry the
    end of their step.

    Args:
        task: what was declared; `period` may be lacking or empty.
        first: the first time the file states, ISO 8601 in UTC, a day at least.
        last: the last one.
    """
    if not task.get("period"):
        return []
    period = Period.parse(task["period"])
    # A day without a time lasts to its end.
    within = last[:19] <= f"{period.end}T00:00:00" if "T" in last else last < str(period.end)
    if str(period.start) <= first and within:
        return []
    span = first[:10] if first[:10] == last[:10] else f"{first[:10]} to {last[:10]}"
    return [f"period-differs: the file's own times are {span}, the declared period is {period}"]
