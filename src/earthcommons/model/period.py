"""Half-open spans of time, written `2008`, `2015-11`, `2015-11-03` or `start/end`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from earthcommons.errors import InvalidInputError

__all__ = ["Period"]

_SHORT = re.compile(r"(\d{4})(?:-(\d{2})(?:-(\d{2}))?)?")


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A half-open span `[start, end)`; two periods that touch do not overlap."""

    start: date
    end: date

    def __post_init__(self) -> None:
        if self.end <= self.start:
            raise InvalidInputError(
                f"period ends {self.end}, not after it starts {self.start}", code="bad-time"
            )

    @classmethod
    def parse(cls, text: str) -> Period:
        """Return the period that `text` names.

        Args:
            text: `2008`, `2015-11`, `2015-11-03`, or `start/end` with two such dates; the end
                is exclusive and counts from the first day it names.

        Raises:
            InvalidInputError: the text names no period.
        """
        start, slash, end = text.partition("/")
        first = cls._short(start, text)
        if not slash:
            return first
        return cls(first.start, cls._short(end, text).start)

    @classmethod
    def month(cls, year: int, month: int) -> Period:
        """Return one calendar month."""
        end = date(year + 1, 1, 1) if month == 12 else date(year, month + 1, 1)
        return cls(date(year, month, 1), end)

    @classmethod
    def year(cls, year: int) -> Period:
        """Return one calendar year."""
        return cls(date(year, 1, 1), date(year + 1, 1, 1))

    @classmethod
    def _short(cls, text: str, whole: str) -> Period:
        found = _SHORT.fullmatch(text)
        try:
            if found is None:
                raise ValueError(text)
            year, month, day = (int(part) if part else None for part in found.groups())
            if year is None:
                raise ValueError(text)
            if month is None:
                return cls.year(year)
            if day is None:
                return cls.month(year, month)
            first = date(year, month, day)
            return cls(first, first + timedelta(days=1))
        except (ValueError, OverflowError) as error:
            raise InvalidInputError(
                f"{whole!r} is no period: write 2008, 2015-11, 2015-11-03 or start/end",
                code="bad-time",
            ) from error

    def __str__(self) -> str:
        start, end = self.start, self.end
        if self == self.__class__.year(start.year) if start.year < 9999 else False:
            return f"{start.year:04d}"
        if start.day == 1 and self == Period.month(start.year, start.month):
            return f"{start.year:04d}-{start.month:02d}"
        if end - start == timedelta(days=1):
            return start.isoformat()
        return f"{_shortest(start)}/{_shortest(end)}"

    @property
    def start_time(self) -> datetime:
        """First instant, UTC."""
        return datetime.combine(self.start, datetime.min.time(), UTC)

    @property
    def last_time(self) -> datetime:
        """Last whole second inside the period, UTC (STAC intervals are closed)."""
        return datetime.combine(self.end, datetime.min.time(), UTC) - timedelta(seconds=1)

    def overlaps(self, other: Period) -> bool:
        """Return whether the two spans share any instant."""
        return self.start < other.end and other.start < self.end


def _shortest(day: date) -> str:
    if day.day != 1:
        return day.isoformat()
    return f"{day.year:04d}" if day.month == 1 else f"{day.year:04d}-{day.month:02d}"
