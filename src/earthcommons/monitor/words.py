"""The words of alerts in English and Chinese, and the scales of severity behind them."""

from __future__ import annotations

from earthcommons.errors import InvalidInputError
from earthcommons.model.indicator import Text

__all__ = ["CERTAINTIES", "KINDS", "SEVERITIES", "severity_of_ratio", "severity_of_z"]

SEVERITIES = {
    "weak": Text("weak", "弱"),
    "moderate": Text("moderate", "中等"),
    "strong": Text("strong", "强"),
    "very strong": Text("very strong", "极强"),
}
KINDS = {
    "warm-episode": Text("El Niño episode", "厄尔尼诺事件"),
    "cold-episode": Text("La Niña episode", "拉尼娜事件"),
    "record": Text("record low", "创新低"),
    "state": Text("low state", "持续偏低状态"),
    "departure": Text("departure", "显著偏离"),
    "rise": Text("rise in level", "水平升高"),
}
CERTAINTIES = {
    "observed": Text("observed: read off published values", "已观测到：由发布值直接得出"),
    "likely": Text("likely: rests on a statistical test", "很可能：依据统计检验"),
}


def severity_of_z(z: float) -> str:
    """Return the severity of a standard score: moderate from 2, strong from 3, very from 4."""
    return _graded(abs(z), (4.0, 3.0, 2.0))


def severity_of_ratio(before: float, after: float) -> str:
    """Return the severity of a rise: moderate from 1.25 times, strong from 2, very from 4.

    Raises:
        InvalidInputError: the level before is not above zero.
    """
    if not before > 0:
        raise InvalidInputError(f"a rise from {before} has no ratio")
    return _graded(after / before, (4.0, 2.0, 1.25))


def _graded(size: float, steps: tuple[float, float, float]) -> str:
    for least, name in zip(steps, ("very strong", "strong", "moderate"), strict=True):
        if size >= least:
            return name
    return "weak"
