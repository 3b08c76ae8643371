"""A node with the people of one group, and drafts they make of a raster of snow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.files import snow

from earthcommons.commons import Node, make_node
from earthcommons.commons.stories import submitting
from earthcommons.commons.stories.publishing import look_into
from earthcommons.model import OPERATOR, Party
from earthcommons.policy import acting_as

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["METADATA", "complete", "handed_in", "party", "staffed"]

WORD = "a long pass phrase"
METADATA: dict[str, Any] = {
    "title": {"en": "Snow depth", "zh": "雪深"},
    "description": {"en": "Depth of snow, one winter.", "zh": "一个冬季的雪深。"},
    "period": "2015-11/2016-03",
    "licence": "CC-BY-4.0",
    "attribution": "Snow Survey",
    "nature": "observation",
    "variables": [{"name": "depth", "unit": "cm", "meaning": "depth of snow"}],
    "creators": [{"name": "Mei Wang", "family": "Wang", "given": "Mei"}],
    "themes": ["cryosphere"],
    "sdg": ["13.3"],
    "keywords": ["snow"],
}


def staffed(root: Path) -> Node:
    """Return a node whose group hydro has a contributor and two reviewers; eve is in none."""
    made = make_node(root)
    people = made.catalog.people
    with acting_as(OPERATOR):
        people.add_group("hydro", "Hydrology", "水文")
        for name, role in (
            ("mei", "contributor:hydro"), ("sam", "reviewer:hydro"), ("eve", ""),
            ("rev", "reviewer:hydro"),
        ):  # fmt: skip
            people.add(name, name.title(), password=WORD)
            if role:
                people.grant(name, role)
    return made


def party(node: Node, name: str) -> Party:
    found = node.catalog.people.party(name)
    assert found is not None
    return found


def complete(node: Node, file: Path, item: str = "snow-2015", **more: Any) -> str:
    made = submitting.start_draft(node, "snow", item, group="hydro", **more)
    submitting.add_file(node, made["id"], file, "snow.tif")
    submitting.edit_draft(node, made["id"], METADATA)
    look_into(node, made["id"])
    return str(made["id"])


def handed_in(node: Node, tmp_path: Path) -> str:
    with acting_as(party(node, "mei")):
        id_ = complete(node, snow(tmp_path / "s.tif"))
        submitting.submit(node, id_)
    return id_
