"""Cutthroat trout caught in Mack Creek each year, by forest treatment, and their condition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from earthcommons.errors import InvalidInputError
from earthcommons.indicators.workbench import Cells, Figure
from earthcommons.model.indicator import Indicator, Need, Parameter, Text
from earthcommons.model.observation import Interval
from earthcommons.model.period import Period

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from earthcommons.indicators.workbench import Workbench
    from earthcommons.model.observation import Observation

__all__ = ["TROUT_ABUNDANCE", "Weights", "effort_words", "mean_weight"]

_REGION, _SPECIES = "ec:mack-creek", "Cutthroat trout"
_SECTIONS = {"clear-cut": ("CC",), "old-growth": ("OG",), "all": ("CC", "OG")}
_PASSES = (1, 2)
_LENGTH_CAVEAT = (
    "length is total length in some years and snout-fork length in others, the file does not say"
    " which: do not compare years"
)


@dataclass(frozen=True, slots=True)
class Weights:
    """Mean weight of the fish of a length class.

    Attributes:
        mean: [g].
        low, high: mean less and plus 1.96 standard errors [g].
        n: fish weighed.
    """

    mean: float
    low: float
    high: float
    n: int


def mean_weight(
    length_mm: np.ndarray[Any, Any],
    weight_g: np.ndarray[Any, Any],
    low_mm: float,
    high_mm: float,
    least: int,
) -> Weights | None:
    """Return the mean weight of the fish from `low_mm` to below `high_mm` long.

    Args:
        length_mm: dims (fish), [mm]; NaN where not measured.
        weight_g: dims (fish), [g]; NaN where not weighed.
        low_mm: least length, in the class.
        high_mm: length at which the class ends, not in it.
        least: fish that must have been weighed.

    Returns:
        The mean, or None with fewer fish than `least`.

    Raises:
        InvalidInputError: the class is empty by its limits, or a weight is not above zero.
    """
    if not low_mm < high_mm:
        raise InvalidInputError(f"length class ends at {high_mm} mm, starts at {low_mm} mm")
    inside = weight_g[(length_mm >= low_mm) & (length_mm < high_mm)]
    known = inside[~np.isnan(inside)]
    if np.any(known <= 0):
        raise InvalidInputError(f"a fish weighs {known.min()} g")
    if len(known) < max(least, 2):
        return None
    mean = float(known.mean())
    reach = 1.96 * float(known.std(ddof=1)) / float(np.sqrt(len(known)))
    return Weights(mean, mean - reach, mean + reach, len(known))


def effort_words(animals: pd.DataFrame) -> str:
    """Return the effort behind the catch of one year, as far as the rows tell it.

    Units without any animal leave no row, so the number of channel units is a least one.

    Args:
        animals: all animals of the year and sections; columns `section`, `reach`, `pass`,
            `unitnum`, `unittype`, `sampledate`.
    """
    passes = " and ".join(str(n) for n in sorted({int(n) for n in animals["pass"]}))
    reaches = len(animals[["section", "reach"]].drop_duplicates())
    days = animals["sampledate"].nunique()
    named = animals[animals["unittype"].notna()]
    units = len(named[["section", "reach", "unitnum", "unittype"]].drop_duplicates())
    if len(named) == len(animals):
        where = f"{units} channel units with a catch"
    else:
        where = f"{len(animals) - len(named)} animals not assigned to a channel unit"
    word = "days" if days > 1 else "day"
    return f"effort: passes {passes}, {reaches} reaches of 50 m, {where}, {days} {word}"


def _caught(table: pd.DataFrame, treatment: str) -> pd.DataFrame:
    return table[table["section"].isin(_SECTIONS[treatment]) & table["pass"].isin(_PASSES)]


def _compute(bench: Workbench, parameters: Mapping[str, Any]) -> list[Figure]:
    table = bench.table("animals")
    found: list[Figure] = []
    for treatment in _SECTIONS:
        animals = _caught(table, treatment)
        for year in sorted(set(animals["year"].tolist())):
            rows = animals[animals["year"] == year]
            trout = rows[rows["species"] == _SPECIES]
            period = Period.year(int(year))
            found.append(_captures(treatment, period, len(trout), effort_words(rows)))
            found.append(_condition(treatment, period, trout, parameters))
    return found


def _dimensions(measure: str, treatment: str) -> dict[str, str]:
    return {"measure": measure, "species": "cutthroat-trout", "treatment": treatment}


def _captures(treatment: str, period: Period, count: int, effort: str) -> Figure:
    return Figure(
        region=_REGION,
        period=period,
        unit="count",
        status="estimated",
        value=float(count),
        dimensions=_dimensions("level", treatment),
        interval_reason="a count of captures, not an estimate of a population",
        cells=float(count),
        reason=effort,
    )


def _condition(
    treatment: str, period: Period, trout: pd.DataFrame, parameters: Mapping[str, Any]
) -> Figure:
    low, high = float(parameters["length_low"]), float(parameters["length_high"])
    least = int(parameters["min_fish"])
    length, weight = trout["length_1_mm"].to_numpy(), trout["weight_g"].to_numpy()
    found = mean_weight(length, weight, low, high, least)
    weighed = int((~np.isnan(weight) & (length >= low) & (length < high)).sum())
    return Figure(
        region=_REGION,
        period=period,
        unit="g",
        status="missing" if found is None else "estimated",
        value=None if found is None else found.mean,
        dimensions=_dimensions("condition", treatment),
        interval=None
        if found is None
        else Interval(
            found.low, found.high, 0.95, "mean ± 1.96 standard errors, fish as independent"
        ),
        interval_reason="too few fish" if found is None else "",
        cells=float(weighed),
        reason=_LENGTH_CAVEAT
        if found
        else f"fish: {weighed} weighed of {low:g} to {high:g} mm, fewer than {least}",
    )


def _cells(bench: Workbench, parameters: Mapping[str, Any], observation: Observation) -> Cells:
    animals = _caught(bench.table("animals"), observation.dimensions["treatment"])
    year = observation.period.start.year
    trout = animals[(animals["year"] == year) & (animals["species"] == _SPECIES)]
    named = ("section", "reach", "pass", "unitnum", "vert_index", "sampledate")
    if observation.dimensions["measure"] == "level":
        rows = [
            {**{name: str(row[name]) for name in named}, "value": 1}
            for row in trout.to_dict("records")
        ]
        return Cells(
            {"captures": rows},
            ["sum", "captures"],
            {"en": "One for each capture, added up", "zh": "每次捕获计一，求和"},
        )
    length = trout["length_1_mm"]
    low, high = float(parameters["length_low"]), float(parameters["length_high"])
    kept = trout[(length >= low) & (length < high) & trout["weight_g"].notna()]
    rows = [
        {
            **{name: str(row[name]) for name in named},
            "length_mm": row["length_1_mm"],
            "value": row["weight_g"],
        }
        for row in kept.to_dict("records")
    ]
    return Cells(
        {"fish": rows},
        ["mean", "fish"],
        {
            "en": f"Mean weight of the fish from {low:g} to below {high:g} mm",
            "zh": f"体长{low:g}毫米至不足{high:g}毫米鱼体的平均体重",
        },
    )


def _independent(
    bench: Workbench, parameters: Mapping[str, Any], observation: Observation
) -> float:
    """Second route: the csv and statistics modules on the file as received."""
    import csv
    import statistics

    letters = {"clear-cut": "C", "old-growth": "O", "all": "CO"}
    wanted = letters[observation.dimensions["treatment"]]
    with bench.source_path("animals").open(encoding="utf-8", newline="") as file:
        rows = [
            row
            for row in csv.DictReader(file)
            if row["species"] == "Cutthroat trout"
            and float(row["year"]) == observation.period.start.year
            and row["section"][0] in wanted
            and float(row["pass"]) in (1, 2)
        ]
    if observation.dimensions["measure"] == "level":
        return float(len(rows))
    return statistics.fmean(
        float(row["weight_g"])
        for row in rows
        if row["weight_g"]
        and row["length_1_mm"]
        and parameters["length_low"] <= float(row["length_1_mm"]) < parameters["length_high"]
    )


TROUT_ABUNDANCE = Indicator(
    key="trout-abundance",
    version="1",
    title=Text("Cutthroat trout caught", "割喉鳟捕获数"),
    abstract=Text(
        "Cutthroat trout caught each year on the two-pass electrofishing survey of Mack Creek,"
        " in a section through forest clear-cut before and one in old growth, with the effort"
        " and the mean weight of fish of one length class.",
        "麦克溪双次电捕调查每年捕获的割喉鳟数量，分为曾皆伐林河段和老龄林河段，"
        "并列出调查力度和同一体长级鱼体的平均体重。",
    ),
    not_said=Text(
        "Captures are not a population: they depend on effort and on how easily fish are caught."
        " No trend is stated, because effort is not the same in all years. Length is measured in"
        " two ways, so condition is not comparable between years.",
        "捕获数不等于种群数量，取决于调查力度和可捕性。各年力度不同，故不作趋势判断。"
        "体长有两种量法，故各年体况不可比。",
    ),
    unit="count",
    nature="observation",
    goals=(15, 6),
    region_set="ec:places",
    needs=(Need("animals", ("and-vertebrates/and-vertebrates",), "", "count", "table"),),
    parameters=(
        Parameter(
            "length_low", 100, "mm",
            Text("least length of the class weighed", "称重体长级下限"), 1, 1000,
        ),
        Parameter(
            "length_high", 120, "mm",
            Text("length at which the class ends", "称重体长级上限（不含）"), 1, 1000,
        ),
        Parameter(
            "min_fish", 10, "count",
            Text("fish that must have been weighed", "所需最少称重尾数"), 2, 10000,
        ),
    ),
    source="Andrews Forest LTER (Gregory and Arismendi 2020)",
    compute=_compute,
    independent=_independent,
    independent_route="csv and statistics modules of Python on the file as received",
    cells=_cells,
    digits=0,
    measures={
        "level": Text("Captures in a year", "年捕获数"),
        "condition": Text("Mean weight at 100-119 mm", "体长100—119毫米的平均体重"),
    },
)  # fmt: skip
