"""The words of a report that are not its author's: headings, notes, status, in both languages."""

from __future__ import annotations

from earthcommons.model.indicator import Text

__all__ = ["WORDS"]

WORDS = {
    "edition": Text("Edition", "版次"),
    "confidence": Text("Confidence", "信度"),
    "projection": Text("One model run", "单一模型模拟"),
    "gaps": Text("What this node cannot say", "本节点尚不能说明的内容"),
    "needs": Text("Needed", "所需数据"),
    "evidence": Text("Evidence", "依据"),
    "annex": Text("Annex: evidence of every statement", "附录：各条陈述的依据"),
    "demonstration": Text(
        "Demonstration on coarse sample data. Nothing here is official.",
        "基于粗分辨率样本数据的演示，均非官方数据。",
    ),
    "borders": Text(
        "Borders and names on this page do not imply endorsement by anyone.",
        "本页的边界与名称不代表任何一方的认可。",
    ),
    "struck": Text("Struck through: its evidence has changed", "已划去：其依据发生了变化"),
    "statement": Text("Statement", "陈述"),
    "value": Text("Value", "数值"),
    "period": Text("Period", "时段"),
    "status": Text("Status", "性质"),
    "observation": Text("Observation", "观测值编号"),
    "attribution": Text("Data", "数据来源"),
    "proxy": Text("proxy", "代用指标"),
    "model": Text("model run", "模型模拟"),
    "reconstruction": Text("reconstruction", "重建数据"),
    "estimated": Text("measured", "实测"),
    "official": Text("official", "官方"),
    "missing": Text("missing", "缺失"),
    "withheld": Text("withheld", "不予给出"),
}
