"""Needs: drafted from a finding by a template, published only when a person confirms them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from earthcommons.errors import ConflictError, InvalidInputError, NotFoundError
from earthcommons.model.technology import Need

if TYPE_CHECKING:
    from collections.abc import Mapping

    from earthcommons.model.outlook import Statement

__all__ = ["NEED_TEMPLATES", "NeedTemplate", "confirm", "draft"]


@dataclass(frozen=True, slots=True)
class NeedTemplate:
    """What kind of technology a kind of finding calls for.

    Attributes:
        words: searched for among the offers, any of them.
        must: criteria; see `criteria.CRITERIA`.
    """

    key: str
    title: Mapping[str, str]
    problem: Mapping[str, str]
    goals: tuple[int, ...]
    words: tuple[str, ...]
    must: tuple[Mapping[str, Any], ...]
    success: Mapping[str, str]


_COMMON: tuple[Mapping[str, Any], ...] = (
    {"key": "licence"},
    {"key": "readiness", "least": 7},
    {"key": "cost"},
    {"key": "language", "any_of": ["English"]},
    {"key": "do-no-harm"},
)

# Statement key -> template: which finding may lead to which need.
NEED_TEMPLATES: dict[str, NeedTemplate] = {
    "lights-split": NeedTemplate(
        key="separate-lit-area-from-threshold",
        title={
            "en": "Separate the growth of lit areas from the effect of the threshold",
            "zh": "区分灯光区扩张与阈值效应",
        },
        problem={
            "en": (
                "Much of the rise in night lights comes from pixels that crossed the floor of"
                " the product. A method is needed that tells new light from light that was there"
                " below the floor."
            ),
            "zh": (
                "夜间灯光的上升有相当部分来自越过产品下限的像元。"
                "需要一种方法，区分新增灯光与此前低于下限的灯光。"
            ),
        },
        goals=(7, 11),
        words=("night", "nighttime", "nightlights", "lights", "viirs", "radiance", "blackmarblepy"),
        must=(
            {"key": "topic", "all_of": [["night", "nighttime", "nightlights", "marble"],
                                        ["light", "lights", "radiance", "viirs"]]},
            {"key": "kind", "any_of": ["software", "data", "aimodel"]},
            {"key": "goal", "any_of": [7, 11]},
            {"key": "proven", "region": "KEN"},
            *_COMMON,
        ),
        success={
            "indicator": "night-lights",
            "en": "The rise is reported in three parts, each with its error",
            "zh": "上升量分三部分报告，并各自给出误差",
        },
    ),
    "tree-cover": NeedTemplate(
        key="forest-at-fine-grain",
        title={
            "en": "Map forest by its definition at a fine grain",
            "zh": "按定义在精细尺度上绘制森林分布图",
        },
        problem={
            "en": "Canopy cover at 37 km says little about forest by use. A method is needed that"
            " maps forest by the national definition.",
            "zh": "37 公里的冠层覆盖度难以说明按用途界定的森林，需要按国家定义绘制森林图的方法。",
        },
        goals=(13, 15),
        words=("forest", "tree", "canopy", "deforestation"),
        must=(
            {"key": "topic", "all_of": [["forest", "forests", "tree", "trees", "deforestation"],
                                        ["map", "mapping", "satellite", "remote", "monitoring"]]},
            {"key": "kind", "any_of": ["software", "data", "aimodel"]},
            {"key": "goal", "any_of": [13, 15]},
            *_COMMON,
        ),
        success={
            "indicator": "tree-cover",
            "en": "Forest area by the national definition, with its error",
            "zh": "按国家定义的森林面积及其误差",
        },
    ),
}  # fmt: skip


def draft(statement: Statement) -> Need:
    """Return a need drafted from a finding; nobody but the node's staff may see it yet.

    Raises:
        InvalidInputError: the finding has not been checked against its evidence.
        NotFoundError: no template is declared for this kind of finding.
    """
    if statement.status != "checked":
        raise InvalidInputError(
            f"finding {statement.key} is {statement.status}: check it first"
        )
    template = NEED_TEMPLATES.get(statement.key)
    if template is None:
        known = ", ".join(sorted(NEED_TEMPLATES))
        raise NotFoundError(f"no need follows from {statement.key!r}; templates: {known}")
    return Need(
        key=template.key,
        title=template.title,
        problem=template.problem,
        region=statement.region,
        trigger=statement.id,
        goals=template.goals,
        terms=template.words,
        must=template.must,
        success=template.success,
    )


def confirm(need: Need, by: str) -> Need:
    """Return the need as published by a person.

    Raises:
        InvalidInputError: nobody is named.
        ConflictError: it is published already.
    """
    name = by.strip()
    if not name or len(name) > 200:
        raise InvalidInputError("say who confirms the need, in at most 200 characters")
    if need.state == "published":
        raise ConflictError(f"{need.id} was confirmed by {need.confirmed_by} before")
    return dataclasses.replace(need, state="published", confirmed_by=name)
