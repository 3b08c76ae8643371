"""An observation as a page shows it: words for every part, and a reason where there is no value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from earthcommons.model.period import Period
from earthcommons.render.format import (
    check_language,
    interval_text,
    number_text,
    unit_text,
    value_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from earthcommons.model.indicator import Indicator
    from earthcommons.web.words import Words

__all__ = [
    "Group",
    "Number",
    "Row",
    "Shown",
    "absences",
    "figure_label",
    "file_view",
    "grain",
    "grouped",
    "is_signed",
    "newest",
    "number_of",
    "shown",
    "size_text",
    "unit_sign",
]

Row = dict[str, Any]

_SIGNED = ("change", "relative-change", "anomaly", "trend", "difference")
# One unit, two spellings in use: pictures and tables print the first.
_SPELLINGS = {"10^6 km2": "1e6 km2", "km^2": "km2"}
_PLAIN = {"count": {"en": "", "zh": ""}, "day": {"en": "days", "zh": "天"}}
_PER_DECADE = re.compile(r"(days?)[ /](?:per )?decade(?:-1)?")


@dataclass(frozen=True, slots=True)
class Number:
    """A number and its unit apart, so that the unit can be set lighter.

    Attributes:
        gap: what stands between them, a thin space or nothing.
    """

    text: str
    gap: str = ""
    unit: str = ""

    def __str__(self) -> str:
        return f"{self.text}{self.gap}{self.unit}"


@dataclass(frozen=True, slots=True)
class Shown:
    """One observation in words.

    Attributes:
        label: which figure of the indicator it is.
        cells, basis: the number the value rests on, alone and with its word.
        number: None where the value is missing or withheld; then `reason` says why.
        note: a caveat to a value that is given.
    """

    id: str
    indicator: str
    region: str
    period: str
    when: str
    label: str
    number: Number | None
    status: str
    status_word: str
    reason: str
    note: str
    cells: str
    basis: str
    coverage: str
    baseline: str
    interval: str


@dataclass(frozen=True, slots=True)
class Group:
    """All periods of one figure at one place, in order of time."""

    indicator: str
    region: str
    dimensions: tuple[tuple[str, str], ...]
    grain: str
    rows: tuple[Row, ...]

    @property
    def measure(self) -> str:
        """The dimension `measure`, or an empty string."""
        return dict(self.dimensions).get("measure", "")

    @property
    def last(self) -> Row:
        """The newest period."""
        return self.rows[-1]


@dataclass(frozen=True, slots=True)
class Absence:
    """Figures that are missing for one and the same reason."""

    indicator: str
    labels: tuple[str, ...]
    reason: str
    status: str
    evidence: str

    def said(self, words: Words, most: int = 3) -> str:
        """Return the first few labels, and how many more there are."""
        first = words.join(list(self.labels[:most]))
        rest = len(self.labels) - most
        return words.join([first, words("and_more", n=rest)]) if rest > 0 else first


def unit_sign(unit: str, lang: str) -> str:
    """Return a unit as printed; a count of things has none."""
    zh = check_language(lang)
    if unit in _PLAIN:
        return _PLAIN[unit][zh]
    if _PER_DECADE.fullmatch(unit):
        return "天/十年" if zh == "zh" else "days per decade"
    return unit_text(_SPELLINGS.get(unit, unit), zh)


def number_of(
    value: float, unit: str, digits: int, lang: str, *, signed: bool = False
) -> Number:
    """Return value and unit as people write them, apart.

    Args:
        value: the number [unit].
        unit: as stored.
        digits: decimals kept.
        lang: `en` or `zh`.
        signed: write `+` before a positive number.
    """
    sign = unit_sign(unit, lang)
    whole = value_text(value, sign or "1", digits, lang, signed=signed)
    bare = value_text(value, "1", digits, lang, signed=signed)
    rest = whole[len(bare) :]
    unit_part = rest.lstrip("\u2009")
    return Number(bare, rest[: len(rest) - len(unit_part)], unit_part)


def digits_of(indicator: Indicator, unit: str) -> int:
    """Return the decimals of a figure: sums of radiance and counts are whole numbers."""
    if unit == "count":
        return 0
    if unit == "percent":
        return min(indicator.digits, 1)
    return indicator.digits


def is_signed(dimensions: Mapping[str, str]) -> bool:
    """Return whether a figure is a difference, so that its sign says something."""
    measure = dimensions.get("measure", "")
    return measure in _SIGNED or measure.startswith("change-")


def grain(period: str) -> str:
    """Return how long a period is: year, month, day, a year that begins in summer, or span."""
    if "/" in period:
        days = (Period.parse(period).end - Period.parse(period).start).days
        return "season" if days in (365, 366) else "span"
    return {4: "year", 7: "month", 10: "day"}.get(len(period), "span")


def figure_label(row: Row, indicator: Indicator, words: Words) -> str:
    """Return which figure of its indicator an observation is, in words."""
    dims = dict(row["dimensions"])
    measure = dims.pop("measure", "")
    dims.pop("sample", None)
    named = indicator.measures.get(measure)
    head = named[words.lang] if named is not None else words.dimension(measure)
    others = [words.dimension(value) for value in dims.values()]
    if not others:
        return head
    said = words.join(others)
    return f"{head}（{said}）" if words.lang == "zh" else f"{head}, {said}"


def shown(row: Row, indicator: Indicator, words: Words) -> Shown:
    """Return an observation in words."""
    lang, value = words.lang, row["value"]
    number = None
    if value is not None:
        number = number_of(
            value, row["unit"], figure_digits(row, indicator), lang,
            signed=is_signed(row["dimensions"]),
        )  # fmt: skip
    share = row["valid_share"]
    reason = words.reason(row["reason"])
    return Shown(
        id=row["id"],
        indicator=row["indicator"],
        region=row["region"],
        period=row["period"],
        when=words.when(row["period"]),
        label=figure_label(row, indicator, words),
        number=number,
        status=row["status"],
        status_word=words.kind(row["status"]),
        reason="" if number is not None else reason,
        note=reason if number is not None else "",
        cells="" if row["cells"] is None else _count_text(row["cells"]),
        basis=_basis(row, indicator, words),
        coverage="" if share is None else value_text(100 * share, "percent", 0, lang),
        baseline=words.reason(row["baseline"]),
        interval=_interval(row, indicator, words),
    )


def figure_digits(row: Row, indicator: Indicator) -> int:
    """Return the decimals of one observation."""
    if row["dimensions"].get("measure") == "sum" or (
        row["indicator"] == "night-lights"
        and row["unit"] != "percent"
        and row["dimensions"].get("measure", "").startswith("change")
    ):
        return 0
    return digits_of(indicator, row["unit"])


def grouped(rows: Iterable[Row]) -> list[Group]:
    """Return observations as figures over time, in order of indicator, region and dimensions.

    Periods of different length are different figures: a yearly median is no monthly one.
    """

    def key(row: Row) -> tuple[Any, ...]:
        dims = {k: v for k, v in row["dimensions"].items() if k != "sample"}
        return (
            row["indicator"], row["region"], tuple(sorted(dims.items())), grain(row["period"])
        )  # fmt: skip

    ordered = sorted(rows, key=lambda row: (key(row), row["period"]))
    return [
        Group(name[0], name[1], name[2], name[3], tuple(found))
        for name, found in groupby(ordered, key)
    ]


def newest(groups: Iterable[Group]) -> list[Row]:
    """Return the newest observation of each figure.

    Where a figure comes by months and by years, the longer one speaks.
    """
    found: dict[tuple[Any, ...], Group] = {}
    rank = ("day", "month", "season", "year", "span")
    for group in groups:
        name: tuple[Any, ...] = (group.indicator, group.region, group.dimensions)
        known = found.get(name)
        if group.grain == "span" or (known is not None and known.grain == "span"):
            name = (*name, group.grain)
            known = found.get(name)
        if known is None or rank.index(group.grain) > rank.index(known.grain):
            found[name] = group
    return [group.last for group in found.values()]


def absences(rows: Sequence[Row], indicator: Indicator, words: Words) -> list[Absence]:
    """Return what is missing or withheld, gathered by reason."""
    gathered: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row["value"] is None:
            # Withheld for one reason, each with its own numbers: those stand on its trace.
            reason = (
                row["reason"].split("; ")[0] if row["status"] == "withheld" else row["reason"]
            )
            gathered.setdefault((row["status"], reason), []).append(row)
    return [
        Absence(
            indicator.key,
            tuple(dict.fromkeys(figure_label(row, indicator, words) for row in found)),
            words.reason(reason),
            status,
            found[0]["id"],
        )
        for (status, reason), found in gathered.items()
    ]


def file_view(file: Mapping[str, str]) -> dict[str, str]:
    """Return a provider's file with every member there, empty where nothing was declared."""
    names = ("name", "sha256", "source", "url", "doi", "taken")
    return {name: file.get(name, "") for name in names}


def size_text(size: float) -> str:
    """Return a number of bytes as people write it, powers of 1,024."""
    for unit in ("B", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f}\u2009{unit}" if unit == "B" else f"{size:.1f}\u2009{unit}"
        size /= 1024
    return f"{size:.1f}\u2009GiB"


def _basis(row: Row, indicator: Indicator, words: Words) -> str:
    """How many cells of a grid, or records of a table, a value rests on."""
    if row["cells"] is None:
        return ""
    table = any(need.kind == "table" for need in indicator.needs)
    return words("n_records" if table else "n_cells", n=_count_text(row["cells"]))


def _count_text(cells: float) -> str:
    return number_text(cells, 0 if cells >= 100 or float(cells).is_integer() else 1)


def _interval(row: Row, indicator: Indicator, words: Words) -> str:
    found = row["interval"]
    if found is None:
        why = words.reason(row["interval_reason"])
        return words("no_interval", text=why) if why else ""
    unit = unit_sign(row["unit"], words.lang) or "1"
    digits = figure_digits(row, indicator)
    span = interval_text(found["low"], found["high"], unit, digits, words.lang)
    level = value_text(100 * found["level"], "percent", 0, words.lang)
    return words("interval", range=span, level=level, method=words.reason(found["method"]))
