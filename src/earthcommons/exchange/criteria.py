"""Criteria of a need, each judged on what an offer says: satisfied, failed, or unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from earthcommons.errors import InvalidInputError
from earthcommons.model.technology import Criterion

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from earthcommons.model.technology import Offer

__all__ = ["CRITERIA", "OPEN_LICENCES", "judge"]

# Licences under which a ministry may run, change and pass on what it gets (OSI- or OKD-approved).
OPEN_LICENCES = frozenset(
    {
        "MIT", "GPL-3.0", "GPL-2.0", "Apache-2.0", "AGPL-3.0", "BSD-3-Clause", "BSD-2-Clause",
        "MPL-2.0", "LGPL-3.0", "CC-BY-SA-4.0", "CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-3.0",
        "CC0-1.0", "ODbL-1.0", "OGL-UK-3.0", "CAL-1.0",
    }
)  # fmt: skip


def judge(criterion: Mapping[str, Any], offer: Offer) -> Criterion:
    """Return the result of one criterion of a need on an offer.

    Args:
        criterion: `key` names it, the other members are its arguments.
        offer: the offer, as its provider describes it.

    Raises:
        InvalidInputError: an unknown criterion.
    """
    key = criterion.get("key", "")
    if key not in CRITERIA:
        raise InvalidInputError(f"there is no criterion {key!r}; there are {sorted(CRITERIA)}")
    return CRITERIA[key](criterion, offer)


def _kind(criterion: Mapping[str, Any], offer: Offer) -> Criterion:
    wanted, found = set(criterion["any_of"]), sorted(offer.kinds)
    return Criterion(
        "kind",
        "satisfied" if wanted & set(found) else "failed",
        {"en": f"it is {', '.join(found)}", "zh": f"类型：{'、'.join(found)}"},
    )


def _licence(_: Mapping[str, Any], offer: Offer) -> Criterion:
    if not offer.licences:
        return Criterion(
            "licence",
            "unknown",
            {"en": "the source states no licence", "zh": "来源未说明许可"},
            {
                "en": "Under which licence may it be used, changed and passed on?",
                "zh": "在何种许可下可以使用、修改和再分发？",
            },
        )
    listed = ", ".join(offer.licences)
    good = any(licence in OPEN_LICENCES for licence in offer.licences)
    return Criterion(
        "licence",
        "satisfied" if good else "failed",
        {"en": f"its provider states {listed}", "zh": f"提供方声明的许可：{listed}"},
    )


def _topic(criterion: Mapping[str, Any], offer: Offer) -> Criterion:
    said = {
        word.lower()
        for text in (*offer.terms, *offer.sectors, offer.title)
        for word in text.split()
    }
    groups = criterion["all_of"]
    met = [sorted(said & {word.lower() for word in group}) for group in groups]
    if all(met):
        words = ", ".join(group[0] for group in met)
        return Criterion(
            "topic",
            "satisfied",
            {"en": f"its description speaks of {words}", "zh": f"其描述提到：{words}"},
        )
    lacking = ", ".join(group[0] for group, hit in zip(groups, met, strict=True) if not hit)
    return Criterion(
        "topic",
        "unknown",
        {"en": f"its description says nothing of {lacking}", "zh": f"其描述未提到：{lacking}"},
        {"en": f"Does it deal with {lacking}?", "zh": f"是否涉及 {lacking}？"},
    )


def _goal(criterion: Mapping[str, Any], offer: Offer) -> Criterion:
    wanted = set(criterion["any_of"])
    if not offer.goals:
        return Criterion(
            "goal",
            "unknown",
            {"en": "its provider names no goal", "zh": "提供方未注明可持续发展目标"},
            {"en": "Which goals has it served, and where?", "zh": "它服务过哪些目标，在何处？"},
            gate=False,
        )
    named = ", ".join(map(str, offer.goals))
    return Criterion(
        "goal",
        "satisfied" if wanted & set(offer.goals) else "failed",
        {"en": f"its provider claims goals {named}", "zh": f"提供方声称的目标：{named}"},
        gate=False,
    )


def _proven(criterion: Mapping[str, Any], offer: Offer) -> Criterion:
    place = criterion["region"]
    question = {
        "en": "Where has it run, at what scale, and who checked the result?",
        "zh": "在何处、以何种规模运行过，由谁核验？",
    }
    if place in offer.countries:
        text = {"en": f"its provider names {place}", "zh": f"提供方注明 {place}"}
        return Criterion("proven", "satisfied", text, gate=False)
    if offer.countries:
        named = ", ".join(offer.countries)
        text = {"en": f"its provider names {named} only", "zh": f"提供方仅注明 {named}"}
        return Criterion("proven", "failed", text, question, gate=False)
    text = {"en": "no deployment is stated", "zh": "未说明任何部署"}
    return Criterion("proven", "unknown", text, question, gate=False)


def _never_stated(key: str, en: tuple[str, str], zh: tuple[str, str]) -> Criterion:
    return Criterion(
        key, "unknown", {"en": en[0], "zh": zh[0]}, {"en": en[1], "zh": zh[1]}, gate=True
    )


def _readiness(criterion: Mapping[str, Any], _: Offer) -> Criterion:
    least = criterion["least"]
    return _never_stated(
        "readiness",
        (
            "no technology readiness level is stated",
            f"Is it at level {least} or above, and on what evidence?",
        ),
        ("未说明技术成熟度", f"技术成熟度是否达到 {least} 级以上，证据是什么？"),
    )


def _cost(_: Mapping[str, Any], __: Offer) -> Criterion:
    return _never_stated(
        "cost",
        ("no cost is stated", "What does it cost to run for a year, and who pays for support?"),
        ("未说明成本", "一年的运行成本是多少，支持由谁付费？"),
    )


def _language(criterion: Mapping[str, Any], _: Offer) -> Criterion:
    wanted = ", ".join(criterion["any_of"])
    return _never_stated(
        "language",
        (
            "the language of the product is not stated",
            f"Are interface and manual available in {wanted}?",
        ),
        ("未说明产品语言", f"界面和手册是否提供 {wanted}？"),
    )


def _harm(_: Mapping[str, Any], __: Offer) -> Criterion:
    return _never_stated(
        "do-no-harm",
        ("no answer on harm is recorded", "What harm could it do, and what guards against it?"),
        ("没有关于潜在危害的回答", "它可能造成何种危害，有何防范？"),
    )


CRITERIA: dict[str, Callable[[Mapping[str, Any], Offer], Criterion]] = {
    "topic": _topic,
    "kind": _kind,
    "licence": _licence,
    "goal": _goal,
    "proven": _proven,
    "readiness": _readiness,
    "cost": _cost,
    "language": _language,
    "do-no-harm": _harm,
}
