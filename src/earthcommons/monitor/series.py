"""Published observations laid out as one series without a gap, for detectors to read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from earthcommons.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from earthcommons.model.observation import Observation

__all__ = ["Series", "every_month", "one_month_a_year"]


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Values of one indicator in one region, in equal steps.

    Attributes:
        labels: month of each step, `YYYY-MM`, dims (time).
        values: dims (time), [unit]; NaN where missing or withheld.
        ids: observation of each step, empty where there is none, dims (time).
        unit: unit of the values.
        run: the run that gave them.
    """

    labels: tuple[str, ...]
    values: NDArray[np.float64]
    ids: tuple[str, ...]
    unit: str
    run: str

    @property
    def years(self) -> NDArray[np.int64]:
        """Year of each step, dims (time)."""
        return np.array([int(label[:4]) for label in self.labels], dtype=np.int64)

    def ids_between(self, first: str, last: str) -> tuple[str, ...]:
        """Return the observations with a value from one label to another, both in it."""
        return tuple(
            id_
            for label, value, id_ in zip(self.labels, self.values, self.ids, strict=True)
            if first <= label <= last and value == value
        )


def every_month(rows: Sequence[Observation]) -> Series:
    """Return monthly observations as a series from the first month with a value to the last.

    Raises:
        InvalidInputError: no value at all, a month twice, or more than one run, region or unit.
    """
    return _series(rows, 1)


def one_month_a_year(rows: Sequence[Observation], month: int) -> Series:
    """Return the observations of one calendar month as a series of years.

    Args:
        rows: monthly observations; other months are left out.
        month: 1 to 12.

    Raises:
        InvalidInputError: as `every_month`.
    """
    return _series([row for row in rows if row.period.start.month == month], 12)


def _series(rows: Sequence[Observation], step: int) -> Series:
    told = {(row.run, row.indicator, row.region, row.unit) for row in rows}
    if len(told) > 1:
        raise InvalidInputError(f"one series needs one run, region and unit, found {len(told)}")
    places = {_month_number(row): row for row in rows}
    if len(places) != len(rows):
        raise InvalidInputError(f"{len(rows)} observations of {len(places)} months")
    known = [number for number, row in places.items() if row.value is not None]
    if not known:
        raise InvalidInputError("a series needs one observation with a value at least")
    run, _, _, unit = next(iter(told))
    numbers = range(min(known), max(known) + 1, step)
    found = [places.get(number) for number in numbers]
    values = [np.nan if row is None or row.value is None else row.value for row in found]
    return Series(
        tuple(f"{number // 12:04d}-{number % 12 + 1:02d}" for number in numbers),
        np.array(values, dtype=np.float64),
        tuple("" if row is None else row.id for row in found),
        unit,
        run,
    )


def _month_number(row: Observation) -> int:
    start, end = row.period.start, row.period.end
    number = start.year * 12 + start.month - 1
    if start.day != 1 or end.day != 1 or end.year * 12 + end.month - 1 != number + 1:
        raise InvalidInputError(f"{row.period} is no calendar month")
    return number
