"""What a report cannot say: part of every report, with the data it would need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from earthcommons.indicators import find_indicator
from earthcommons.model.indicator import Text
from earthcommons.render.reasons import reason_text

if TYPE_CHECKING:
    from earthcommons.model.observation import Observation
    from earthcommons.outlook.evidence import Evidence

__all__ = ["knowledge_gaps"]

# Not on this node: what is asked for, and the product that would answer. From the sample pack's
# own list of what is not there and must not be invented.
_ABSENT: tuple[tuple[str, Text, Text], ...] = (
    ("air", Text("Fine particles in the air people breathe", "人群暴露的细颗粒物浓度"),
     Text("annual satellite and model PM2.5 with a population grid", "年度卫星与模型PM2.5及人口网格")),
    ("forest", Text("Loss and gain of forest by year", "逐年森林损失与增加"),
     Text("annual forest maps at 30 m", "30米年度森林图")),
    ("water", Text("Change of surface water", "地表水变化"),
     Text("yearly surface-water history at 30 m", "30米逐年地表水历史数据")),
    ("soil", Text("Soil carbon and land degradation", "土壤碳与土地退化"),
     Text("soil organic carbon, productivity and land cover by year",
          "土壤有机碳、生产力及逐年土地覆盖")),
    ("protected", Text("Protection of key biodiversity areas", "关键生物多样性区域的保护程度"),
     Text("protected areas with designation years and key biodiversity areas",
          "含指定年份的保护区与关键生物多样性区域")),
)  # fmt: skip


def knowledge_gaps(
    evidence: Evidence, region: str, asked: tuple[str, ...]
) -> list[dict[str, Any]]:
    """Return the gaps of a report, those of its own indicators first.

    Args:
        evidence: published series.
        region: region id.
        asked: indicators the report's template asks for.

    Returns:
        Rows with `key`, `what` and `needs`, each in both languages, and `observation` where a
        published observation is missing or withheld and says why.
    """
    found: list[dict[str, Any]] = []
    for key in asked:
        title = find_indicator(key).title
        rows = evidence.series(key, region)
        if not rows:
            what = Text(
                f"{title.en}: not computed for this place", f"{title.zh}：未对本地区计算"
            )
            found.append({"key": key, "what": what.as_json(), "needs": None, "observation": ""})
        # The same reason may hold for many figures of an indicator: it is said once.
        by_reason: dict[str, list[Observation]] = {}
        for row in rows:
            if row.value is None:
                by_reason.setdefault(row.reason, []).append(row)
        for reason, same in by_reason.items():
            which = ", ".join(dict.fromkeys(_which(row) for row in same))
            what = Text(
                f"{title.en} ({which}): {reason}",
                f"{title.zh}（{which}）：{reason_text(reason, 'zh')}",
            )
            found.append(
                {"key": key, "what": what.as_json(), "needs": None, "observation": same[0].id}
            )
    found += [
        {"key": key, "what": what.as_json(), "needs": needs.as_json(), "observation": ""}
        for key, what, needs in _ABSENT
    ]
    return found


def _which(row: Observation) -> str:
    named = [value for name, value in row.dimensions.items() if name != "measure"]
    return " ".join(named) or str(row.period)
