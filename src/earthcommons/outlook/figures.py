"""The figures of a report, drawn from the same observations its sentences rest on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from earthcommons.model.indicator import Text
from earthcommons.render.charts import (
    Part,
    Point,
    Span,
    bars_by_year,
    series_with_baseline,
    split_bar,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from earthcommons.model.observation import Observation
    from earthcommons.model.outlook import Report
    from earthcommons.outlook.evidence import Evidence

__all__ = ["Figure", "figures"]

_PARTS = {
    "change-both-lit": Text("brighter where lit in both years", "两年均亮处增强"),
    "change-newly-lit": Text("crossed the floor", "越过下限"),
    "change-gone-dark": Text("gone dark", "熄灭"),
    "change-rest": Text("neither", "其他"),
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: its Vega-Lite specification, its words, and the observations behind it."""

    key: str
    section: str
    spec: dict[str, Any]
    caption: str
    observations: tuple[str, ...]


def figures(report: Report, evidence: Evidence, lang: str) -> list[Figure]:
    """Return the figures of a report in one language; those without data are left out."""
    zh = lang.startswith("zh")
    found: list[Figure] = []
    if report.template == "country":
        found += _lights(evidence, report.region, lang, zh)
        return found
    found += _ice(evidence, lang, zh)
    found += _sea(evidence, lang, zh)
    return found


def _lights(evidence: Evidence, region: str, lang: str, zh: bool) -> list[Figure]:
    sums = evidence.series("night-lights", region, measure="sum")
    parts = [
        (name, row)
        for name in _PARTS
        if (row := evidence.find("night-lights", region, measure=name))
        and row.value is not None
    ]
    total = evidence.find("night-lights", region, measure="change")
    if not sums or total is None or total.value is None or len(parts) != len(_PARTS):
        return []
    title = {"en": "Sum of night lights by year", "zh": "逐年夜间灯光总和"}
    bars = bars_by_year(
        [Point(str(row.period), row.value) for row in sums],
        unit=total.unit, title=title, description=title, lang=lang, digits=0,
    )  # fmt: skip
    words = {"en": "What the rise is made of", "zh": "增量的构成"}
    split = split_bar(
        [Part(_PARTS[name][lang], row.value or 0.0) for name, row in parts],
        total=total.value, total_label="合计" if zh else "total", unit=total.unit,
        title=words, description=words, lang=lang,
    )  # fmt: skip
    return [
        Figure("lights", "settlement", bars, title["zh" if zh else "en"], _ids(sums)),
        Figure(
            "split", "settlement", split, words["zh" if zh else "en"], _ids(r for _, r in parts)
        ),
    ]


def _ice(evidence: Evidence, lang: str, zh: bool) -> list[Figure]:
    rows = [
        row
        for row in evidence.series("sea-ice-extent", "ec:arctic", measure="level")
        if row.period.start.month == 9
    ]
    if not rows:
        return []
    title = {"en": "Arctic sea-ice extent in September", "zh": "九月北极海冰范围"}
    spec = series_with_baseline(
        [Point(str(row.period.start.year), row.value) for row in rows],
        unit=rows[0].unit, title=title, description=title, lang=lang,
    )  # fmt: skip
    return [Figure("arctic", "ocean", spec, title["zh" if zh else "en"], _ids(rows))]


def _sea(evidence: Evidence, lang: str, zh: bool) -> list[Figure]:
    rows = evidence.series("sst-anomaly", "ec:nino34", measure="anomaly")
    if not rows:
        return []
    episodes = [alert for alert in evidence.alerts() if alert["watch"] == "enso"]
    title = {"en": "Sea-surface temperature anomaly, Niño 3.4", "zh": "尼诺3.4区海温距平"}
    names = {"warm": ("warm", "暖"), "cold": ("cold", "冷")}
    spans = [
        Span(
            str(a["start"]), str(a["end"]), names[str(a["kind"]).split("-")[0]][1 if zh else 0]
        )
        for a in episodes
        if a["end"] is not None and str(a["kind"]).split("-")[0] in names
    ]
    spec = series_with_baseline(
        [Point(str(row.period), row.value) for row in rows],
        unit=rows[0].unit, title=title, description=title, lang=lang, spans=spans, zero_line=True,
    )  # fmt: skip
    return [Figure("nino", "ocean", spec, title["zh" if zh else "en"], _ids(rows))]


def _ids(rows: Any) -> tuple[str, ...]:
    found: Sequence[Observation] = list(rows)
    return tuple(row.id for row in found)
