"""How the matches of a search spread over years: bars that lead to the records of a year."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from earthcommons.catalog.queries import Matched

__all__ = ["Bar", "timeline"]

WIDTH, HEIGHT = 720, 90
_MOST_YEARS = 120
_LEAST = 3


@dataclass(frozen=True, slots=True)
class Bar:
    """One year of the drawing: its place and height in units of a drawing 720 by 90.

    Attributes:
        count: how many, or about how many where that is not `exact`.
        tick: whether the year is written below.
    """

    year: str
    count: int
    exact: bool
    x: float
    width: float
    height: float
    current: bool
    tick: bool


def timeline(years: Mapping[str, Matched], current: str = "") -> Sequence[Bar]:
    """Return a bar for each year that has a match; only the last 120 years are drawn.

    Args:
        years: matches by the year they end in.
        current: the year that is asked for.
    """
    known = sorted((int(year), count) for year, count in years.items() if count.high)
    if not known:
        return ()
    last = known[-1][0]
    known = [each for each in known if each[0] > last - _MOST_YEARS]
    first = known[0][0]
    slot = min(WIDTH / (last - first + 1), 40.0)
    top = max(1, *(count.likely for _, count in known))
    # Years are written where there is room for them: about every 56 units.
    step = next(n for n in (1, 2, 5, 10, 20, 50, 100) if n * slot >= 56)
    return tuple(
        Bar(
            str(year),
            count.likely,
            count.exact is not None,
            round((year - first) * slot, 2),
            round(max(slot * 0.8, 2.0), 2),
            round(max(HEIGHT * count.likely / top, _LEAST), 2),
            str(year) == current,
            year % step == 0 or len(known) == 1,
        )
        for year, count in known
    )
