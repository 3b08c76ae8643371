"""The fields extension, rule by rule."""

from __future__ import annotations

from typing import Any

import pytest

from earthcommons.errors import InvalidInputError
from earthcommons.web.stac_fields import Fields

ITEM: dict[str, Any] = {
    "type": "Feature", "stac_version": "1.1.0", "id": "a", "collection": "c", "links": [],
    "geometry": None, "bbox": [0, 0, 1, 1], "assets": {"data": {"href": "x", "title": "t"}},
    "properties": {"datetime": "2015-01-01T00:00:00Z", "title": "A", "gsd": 10},
}  # fmt: skip
ALWAYS = {"type", "id", "collection", "links"}


def kept(fields: Fields) -> set[str]:
    found = fields.of(ITEM)
    inner = {f"properties.{name}" for name in found.get("properties", {})}
    return (set(found) | inner) - ALWAYS - {"properties"}


EVERYTHING = {
    "stac_version", "geometry", "bbox", "assets", "properties.datetime", "properties.title",
    "properties.gsd",
}  # fmt: skip
DEFAULT = EVERYTHING - {"properties.title", "properties.gsd"}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (None, EVERYTHING),
        ("", DEFAULT),
        ("geometry", {"geometry"}),
        ("+properties.title", {"properties.title"}),
        ("-geometry,-properties.gsd", EVERYTHING - {"geometry", "properties.gsd"}),
        ("-properties,+properties.title", {"properties.title"}),
        ("+geometry,-geometry", {"geometry"}),
        ("-id,-links", EVERYTHING),
        ("assets,-assets.data.title", {"assets"}),
    ],
)
def test_as_written_in_an_address(text: str | None, wanted: set[str]) -> None:
    assert kept(Fields.of_text(text)) == wanted


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ({}, DEFAULT),
        ({"include": None, "exclude": None}, DEFAULT),
        ({"include": [], "exclude": []}, DEFAULT),
        ({"exclude": ["geometry"]}, EVERYTHING - {"geometry"}),
        ({"exclude": ["geometry"], "include": []}, DEFAULT - {"geometry"}),
        ({"exclude": ["geometry"], "include": None}, DEFAULT - {"geometry"}),
        ({"exclude": ["geometry"], "include": ["geometry"]}, {"geometry"}),
        ({"exclude": ["properties"], "include": ["properties.gsd"]}, {"properties.gsd"}),
    ],
)
def test_as_sent_in_a_body(body: dict[str, Any], wanted: set[str]) -> None:
    assert kept(Fields.of_body(body)) == wanted
    assert ITEM["assets"]["data"]["title"] == "t"


@pytest.mark.parametrize(
    "value", [None, [], "id", {"include": "id"}, {"only": []}, {"include": [1]}]
)
def test_what_is_no_fields_is_refused(value: Any) -> None:
    with pytest.raises(InvalidInputError):
        Fields.of_body(value)
