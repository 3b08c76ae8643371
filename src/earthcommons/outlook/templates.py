"""The two report templates: a country on two pages, the world on one."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from earthcommons.errors import InvalidInputError
from earthcommons.model.indicator import Text
from earthcommons.model.outlook import Report, Statement
from earthcommons.outlook.check import check_statement
from earthcommons.outlook.claims import observations_of
from earthcommons.outlook.confidence import ceiling
from earthcommons.outlook.gaps import knowledge_gaps
from earthcommons.outlook.sentences import COUNTRY_SENTENCES, WORLD_SENTENCES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from earthcommons.outlook.evidence import Evidence
    from earthcommons.outlook.sentences import Draft

__all__ = ["build_country", "build_world"]

_COUNTRY_ASKS = (
    "tree-cover", "green-cover-by-elevation", "land-use", "warming", "night-lights",
    "land-cover-share",
)  # fmt: skip
_SECTIONS = {
    "climate": Text("Climate", "气候"),
    "land": Text("Land and forest", "土地与森林"),
    "settlement": Text("Settlement and light", "聚落与灯光"),
    "ocean": Text("Oceans and ice", "海洋与海冰"),
}


def build_country(evidence: Evidence, region: str, edition: str) -> Report:
    """Return the outlook of a country from the published series, every statement checked.

    Sentences whose evidence is missing are left out and stand among the gaps.

    Args:
        evidence: published series of the node.
        region: any name of a country.
        edition: name of the edition.

    Raises:
        NotFoundError: no such region.
        InvalidInputError: nothing can be said of it, or a sentence does not hold.
    """
    place = evidence.region(region)
    title = Text(f"Environment outlook: {place.name('en')}", f"环境展望：{place.name('zh')}")
    key = place.iso3 or place.id.replace(":", "-")
    # A local data set is a gap only where this node holds it for the place.
    local = ("night-lights", "land-cover-share")
    asked = tuple(
        key for key in _COUNTRY_ASKS if key not in local or evidence.series(key, place.id)
    )
    return _build(evidence, COUNTRY_SENTENCES, key, edition, "country", place.id, title, asked)


def build_world(evidence: Evidence, edition: str) -> Report:
    """Return the outlook of the world from the published series, every statement checked.

    Raises:
        InvalidInputError: nothing can be said, or a sentence does not hold.
    """
    title = Text("Environment outlook: the world", "环境展望：全球")
    asked = ("tree-cover", "warming")
    return _build(evidence, WORLD_SENTENCES, "world", edition, "world", "m49:001", title, asked)


def _build(
    evidence: Evidence,
    sentences: Sequence[Callable[[Evidence, str], Draft | None]],
    key: str,
    edition: str,
    template: str,
    region: str,
    title: Text,
    asked: tuple[str, ...],
) -> Report:
    drafts = [
        found for sentence in sentences if (found := sentence(evidence, region)) is not None
    ]
    if not drafts:
        raise InvalidInputError(
            f"no statement about {region} can be made from this node's series"
        )
    statements = tuple(_checked(found, evidence, region) for found in drafts)
    sections: list[dict[str, Any]] = []
    for theme, heading in _SECTIONS.items():
        keys = [s.key for s in statements if s.theme == theme]
        if keys:
            sections.append({"key": theme, "title": heading.as_json(), "statements": keys})
    return Report(
        key=key,
        edition=edition,
        template=template,
        region=region,
        title=title,
        statements=statements,
        sections=tuple(sections),
        gaps=tuple(knowledge_gaps(evidence, region, asked)),
    )


def _checked(found: Draft, evidence: Evidence, region: str) -> Statement:
    used = [
        hole[name] for hole in found.holes.values() for name in ("obs", "of") if name in hole
    ]
    used += [id_ for claim in found.claims for id_ in observations_of(claim)]
    ids = tuple(dict.fromkeys(used))
    term, why = ceiling([evidence.get(id_) for id_ in ids])
    statement = Statement(
        key=found.key,
        kind=found.kind,
        theme=found.theme,
        slot=found.slot,
        region=region,
        text=found.text,
        holes=found.holes,
        claims=found.claims,
        evidence=ids,
        # A model run of one scenario is no matter of confidence: it is what it is.
        confidence="" if found.kind == "projection" else term,
        confidence_reason="" if found.kind == "projection" else f"{why.en} | {why.zh}",
    )
    broken = check_statement(statement, evidence)
    if broken:
        raise InvalidInputError(f"statement {statement.key}: {broken[0].reason}")
    return dataclasses.replace(statement, status="checked")
