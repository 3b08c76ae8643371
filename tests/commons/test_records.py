from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from earthcommons.commons.stories.records import find_record
from earthcommons.commons.stories.values import every_value, find_values
from earthcommons.errors import NotFoundError
from earthcommons.model import Record
from earthcommons.model.party import OPERATOR, PUBLIC

if TYPE_CHECKING:
    from tests.outlook.conftest import Series

    from earthcommons.commons import Node


def test_every_kind_is_found_by_the_name_a_person_has(written: tuple[Node, Series]) -> None:
    node, series = written
    (row,) = series.publish("tree-cover", level=13.5)
    with node.catalog.transaction() as tx:
        tx.put(Record("offer", "x:1", {"id": "x:1"}))
        tx.put(Record("report", "KEN", {"key": "KEN"}))
        tx.put(Record("alert", "alert-1", {"id": "alert-1"}))
        tx.put(Record("need", "need-1", {"id": "need-1"}, access="steward"))
        tx.put(Record("collection", "lakes", {"id": "lakes"}))
    expected: dict[str, Any] = {
        row.id: ("value", 13.5), row.run: ("id", row.run), "x:1": ("id", "x:1"),
        "KEN": ("key", "KEN"), "alert-1": ("id", "alert-1"), "need-1": ("id", "need-1"),
        "lakes": ("id", "lakes"), "ec:countries-un": ("version", "1"),
        "tree-cover": ("run", row.run),
    }  # fmt: skip
    for name, (key, value) in expected.items():
        assert find_record(node, name, OPERATOR)[key] == value, name


@pytest.mark.parametrize(
    "name", ["obs-x", "run-x", "alert-x", "need-1", "lakes/none", "nothing", ""]
)
def test_what_a_party_may_not_see_or_nobody_made_is_not_found(
    written: tuple[Node, Series], name: str
) -> None:
    node, _ = written
    with node.catalog.transaction() as tx:
        tx.put(Record("need", "need-1", {"id": "need-1"}, access="steward"))
    with pytest.raises(NotFoundError):
        find_record(node, name, PUBLIC)


def test_values_are_found_by_any_name_of_a_region(written: tuple[Node, Series]) -> None:
    node, series = written
    series.publish("tree-cover", level=13.5, change=None)
    for name in ("m49:404", "404", "KEN"):
        found = find_values(node, "tree-cover", region=name)
        assert [row["value"] for row in found] == [None, 13.5]
    assert find_values(node, "tree-cover", dimensions={"measure": "level"})[0]["value"] == 13.5
    assert find_values(node, "tree-cover", period="1999") == []
    with pytest.raises(NotFoundError):
        find_values(node, "tree-cover", region="ATLANTIS")
    with pytest.raises(NotFoundError, match="no indicator 'x'"):
        find_values(node, "x")


def test_every_value_reads_past_the_first_page(written: tuple[Node, Series]) -> None:
    node, series = written
    series.publish("tree-cover", **{f"m{n:04d}": float(n) for n in range(1003)})
    rows = every_value(node, "tree-cover")
    assert [row["value"] for row in rows] == [float(n) for n in range(1003)]
