"""The sentences a report may hold: each looks for its evidence and is silent without it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from earthcommons.model.indicator import Text

if TYPE_CHECKING:
    from earthcommons.model.observation import Observation
    from earthcommons.outlook.evidence import Evidence

__all__ = ["COUNTRY_SENTENCES", "WORLD_SENTENCES", "Draft"]

Hole = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Draft:
    """A sentence with its holes and claims, before it is checked."""

    key: str
    kind: Literal["state", "change", "comparison", "attribution", "projection", "policy", "gap"]
    theme: str
    slot: str
    text: Text
    holes: Mapping[str, Hole]
    claims: tuple[Mapping[str, Any], ...]


def _value(row: Observation, digits: int, **how: bool) -> Hole:
    return {"kind": "value", "obs": row.id, "digits": digits, **how}


def _period(row: Observation) -> Hole:
    return {"kind": "period", "obs": row.id}


def _label(en: str, zh: str) -> Hole:
    return {"kind": "label", "text": {"en": en, "zh": zh}}


def _given(*rows: Observation | None) -> tuple[Observation, ...] | None:
    found = tuple(row for row in rows if row is not None and row.value is not None)
    return found if len(found) == len(rows) else None


def _warming(evidence: Evidence, region: str) -> Draft | None:
    rows = _given(
        *(
            evidence.find("warming", region, measure="change", scenario=scenario)
            for scenario in ("ssp126", "ssp585")
        )
    )
    if rows is None:
        return None
    low, high = rows
    return Draft(
        key="warming",
        kind="projection",
        theme="climate",
        slot="state",
        text=Text(
            "{place}: where people live today, the thirty-year mean around {middle} is {low}"
            " ({low_name}) or {high} ({high_name}) above the same model's {base} window. One"
            " model, one run: no interval, no likelihood word. Population held at {people}.",
            "{place}：按目前人口的居住分布，{middle}前后的三十年平均气温比同一模型{base}时段高{low}"
            "（{low_name}）或{high}（{high_name}）。仅一个模型、一次模拟：不给出区间，也不使用可能性用语。"
            "人口固定在{people}的分布。",
        ),
        holes={
            "place": {"kind": "region", "region": region},
            "middle": _label("2050", "2050年"),
            "base": _label("1995", "1995年"),
            "people": _label("2020", "2020年"),
            "low": _value(low, 1),
            "high": _value(high, 1),
            "low_name": _label("SSP1-2.6", "SSP1-2.6"),
            "high_name": _label("SSP5-8.5", "SSP5-8.5"),
        },
        claims=({"claim": "less", "a": low.id, "b": high.id},),
    )


def _tree_cover(evidence: Evidence, region: str) -> Draft | None:
    rows = _given(evidence.find("tree-cover", region, measure="level"))
    if rows is None:
        return None
    (row,) = rows
    return Draft(
        key="tree-cover",
        kind="state",
        theme="land",
        slot="state",
        text=Text(
            "{place}: tree canopy covers {value} of the land on average in {year}. This is a proxy"
            " on coarse cells; it is not the share of forest.",
            "{place}：{year}陆地平均树冠覆盖度为{value}。这是粗像元上的代用指标，不是森林面积比例。",
        ),
        holes={
            "place": {"kind": "region", "region": region},
            "value": _value(row, 1),
            "year": _period(row),
        },
        claims=({"claim": "given", "a": row.id},),
    )


def _land_use(evidence: Evidence, region: str) -> Draft | None:
    rows = _given(
        *(
            evidence.find("land-use", region, "2005", measure="share", use=use)
            for use in ("cropland", "pasture")
        )
    )
    if rows is None:
        return None
    crop, pasture = rows
    return Draft(
        key="land-use",
        kind="state",
        theme="land",
        slot="pressures",
        text=Text(
            "{place}: in {year} a reconstruction puts {crop} of the land under crops and {pasture}"
            " under pasture. The earlier layer is no single year, so no change is stated.",
            "{place}：一套重建数据显示，{year}耕地占陆地的{crop}，牧草地占{pasture}。"
            "较早的图层并非单一年份，因此不陈述变化。",
        ),
        holes={
            "place": {"kind": "region", "region": region},
            "year": _period(crop),
            "crop": _value(crop, 0),
            "pasture": _value(pasture, 0),
        },
        claims=({"claim": "given", "a": crop.id}, {"claim": "given", "a": pasture.id}),
    )


def _land_cover(evidence: Evidence, region: str) -> Draft | None:
    built = {"measure": "area", "class": "built-up"}
    rows = _given(
        evidence.find("land-cover-share", region, "2020", **built),
        evidence.find("land-cover-share", region, "2021", **built),
    )
    change = evidence.find("land-cover-share", region, **(built | {"measure": "change"}))
    if rows is None or change is None:
        return None
    first, last = rows
    return Draft(
        key="land-cover",
        kind="state",
        theme="settlement",
        slot="state",
        text=Text(
            "{place}: the map for {first_year} shows {first} of built-up land, the map for"
            " {last_year} {last}. The two maps were made by different algorithms: the change is"
            " withheld.",
            "{place}：{first_year}地图显示建成区{first}，{last_year}地图为{last}。两幅图由不同算法制作，"
            "变化不予给出。",
        ),
        holes={
            "place": {"kind": "region", "region": region},
            "first_year": _period(first),
            "first": _value(first, 1),
            "last_year": _period(last),
            "last": _value(last, 1),
        },
        claims=({"claim": "missing", "a": change.id},),
    )


def _lights_change(evidence: Evidence, region: str) -> Draft | None:
    rows = _given(
        evidence.find("night-lights", region, "2020", measure="sum"),
        evidence.find("night-lights", region, "2023", measure="sum"),
        evidence.find("night-lights", region, measure="relative-change"),
    )
    if rows is None:
        return None
    first, last, change = rows
    return Draft(
        key="lights-change",
        kind="change",
        theme="settlement",
        slot="drivers",
        text=Text(
            "{place}: the sum of night lights in {last_year} is {change} above that in {first_year},"
            " a year of the pandemic. It is not a statement about electricity.",
            "{place}：{last_year}夜间灯光总和比{first_year}（疫情年份）高{change}。这不是关于电力的陈述。",
        ),
        holes={
            "place": {"kind": "region", "region": region},
            "first_year": _period(first),
            "last_year": _period(last),
            "change": _value(change, 0),
        },
        claims=({"claim": "greater", "a": last.id, "b": first.id},),
    )


def _lights_split(evidence: Evidence, region: str) -> Draft | None:
    names = ("change", "change-both-lit", "change-newly-lit", "change-gone-dark", "change-rest")
    rows = _given(*(evidence.find("night-lights", region, measure=name) for name in names))
    if rows is None:
        return None
    total, both, newly, dark, rest = rows
    return Draft(
        key="lights-split",
        kind="attribution",
        theme="settlement",
        slot="drivers",
        text=Text(
            "{place}: of that rise, {both} comes from pixels lit in both years and {newly} from"
            " pixels that crossed the floor of the product; pixels gone dark take {dark} away."
            " What crossed the floor may be new light or old light just below it.",
            "{place}：上述增量中，{both}来自两年均亮的像元，{newly}来自越过产品下限的像元；"
            "熄灭的像元减少{dark}。越过下限的可能是新增灯光，也可能是此前略低于下限的灯光。",
        ),
        holes={
            "place": {"kind": "region", "region": region},
            "both": {"kind": "share", "obs": both.id, "of": total.id, "digits": 0},
            "newly": {"kind": "share", "obs": newly.id, "of": total.id, "digits": 0},
            "dark": _value(dark, 0, absolute=True),
        },
        claims=(
            {
                "claim": "adds-up",
                "all": [both.id, newly.id, dark.id, rest.id],
                "of": total.id,
                "within": 0.5,
            },
        ),
    )


def _enso(evidence: Evidence, _: str) -> Draft | None:
    rows = _given(evidence.find("sst-anomaly", "ec:nino34", "2015-11", measure="anomaly"))
    if rows is None:
        return None
    (row,) = rows
    return Draft(
        key="enso",
        kind="state",
        theme="ocean",
        slot="state",
        text=Text(
            "The Niño region of the central Pacific stood {value} from its monthly baseline in"
            " {month}. The baseline is short and contains the event.",
            "{month}，中太平洋尼诺海区的海温距平为{value}。基准期较短，且包含该事件本身。",
        ),
        holes={"value": _value(row, 1, signed=True), "month": _period(row)},
        claims=({"claim": "greater", "a": row.id, "than": 2.0},),
    )


def _arctic(evidence: Evidence, _: str) -> Draft | None:
    series = [
        row
        for row in evidence.series("sea-ice-extent", "ec:arctic", measure="level")
        if row.period.start.month == 9 and row.value is not None
    ]
    if len(series) < 20:
        return None
    low = min(series, key=lambda row: row.value or 0.0)
    return Draft(
        key="arctic-record",
        kind="comparison",
        theme="ocean",
        slot="state",
        text=Text(
            "The lowest September extent of Arctic sea ice on record here is {value}, in {month}.",
            "本节点记录中，北极九月海冰范围的最低值为{value}，出现在{month}。",
        ),
        holes={"value": _value(low, 2), "month": _period(low)},
        claims=({"claim": "lowest", "a": low.id, "all": [row.id for row in series]},),
    )


def _antarctic(evidence: Evidence, _: str) -> Draft | None:
    rows = _given(evidence.find("sea-ice-extent", "ec:antarctic", "2023-07", measure="anomaly"))
    if rows is None:
        return None
    (row,) = rows
    return Draft(
        key="antarctic-winter",
        kind="state",
        theme="ocean",
        slot="state",
        text=Text(
            "Antarctic sea ice in {month} departed from its baseline by {value}.",
            "{month}南极海冰范围较基准期偏离{value}。",
        ),
        holes={"value": _value(row, 2, signed=True), "month": _period(row)},
        claims=({"claim": "less", "a": row.id, "than": 0.0},),
    )


Sentence = Callable[["Evidence", str], "Draft | None"]

COUNTRY_SENTENCES: tuple[Sentence, ...] = (
    _warming, _tree_cover, _land_use, _land_cover, _lights_change, _lights_split,
)  # fmt: skip
WORLD_SENTENCES: tuple[Sentence, ...] = (_antarctic, _arctic, _enso, _warming, _tree_cover)
