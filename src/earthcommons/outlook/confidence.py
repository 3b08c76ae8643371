"""Calibrated confidence: the highest term the evidence allows, computed, never typed.

Scheme: the four terms of the IPBES glossary. The conditions are this platform's own reading.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from earthcommons.model.indicator import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from earthcommons.model.observation import Observation

__all__ = ["TERMS", "ceiling"]

TERMS = {
    "well-established": Text("well established", "充分确立"),
    "established-incomplete": Text("established but incomplete", "已确立但不完整"),
    "unresolved": Text("unresolved", "尚无定论"),
    "inconclusive": Text("inconclusive", "证据不足"),
}
_WEAK = ("proxy", "model", "reconstruction")


def ceiling(rows: Sequence[Observation]) -> tuple[str, Text]:
    """Return the highest term the observations allow, and why.

    One data set that is a proxy, a model run or a reconstruction, or covers less than 60 % of the
    area, allows `inconclusive`; one measured data set `established-incomplete`; only independent
    data sets that agree would allow more, and no statement here has them.
    """
    shares = [row.valid_share for row in rows if row.valid_share is not None]
    weak = sorted({row.status for row in rows if row.status in _WEAK})
    if weak:
        names = {"proxy": "代用指标", "model": "模型结果", "reconstruction": "重建数据"}
        return "inconclusive", Text(
            f"one data set, a {weak[0]}", f"仅有一个数据集，且为{names[weak[0]]}"
        )
    if shares and min(shares) < 0.6:
        return "inconclusive", Text(
            "less than six tenths of the area is observed", "观测面积不足六成"
        )
    return "established-incomplete", Text("one measured data set", "仅有一个实测数据集")
