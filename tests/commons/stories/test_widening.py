"""A collection says where and when its items lie, also after many came in at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

from earthcommons.commons import Node, make_node
from earthcommons.commons.stories.bulk import import_items
from earthcommons.commons.stories.widening import widen_collections
from earthcommons.commons.stories.withdrawing import withdraw
from earthcommons.model import Record

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("as_operator")


@pytest.fixture
def node(tmp_path: Path) -> Node:
    node = make_node(tmp_path / "node")
    with node.catalog.transaction() as tx:
        for name in ("c", "d", "e"):
            extent = {"spatial": {"bbox": [[-180, -90, 180, 90]]},
                      "temporal": {"interval": [[None, None]]}}  # fmt: skip
            body = {"type": "Collection", "id": name, "title": name, "extent": extent}
            tx.put(Record("collection", name, body))
    return node


def item(n: int, box: list[float] | None, collection: str = "c") -> dict[str, Any]:
    body: dict[str, Any] = {
        "type": "Feature", "stac_version": "1.1.0", "id": f"i{n}", "collection": collection,
        "geometry": None, "properties": {"datetime": f"20{10 + n}-05-06T07:08:09Z"},
        "assets": {}, "links": [],
    }  # fmt: skip
    return body if box is None else body | {"bbox": box}


def bring_in(node: Node, *items: dict[str, Any]) -> None:
    source = node.root / "items.ndjson"
    source.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in items))
    import_items(node, source, quick=True)


def extent(node: Node, name: str = "c") -> tuple[Any, Any]:
    body = node.catalog.get("collection", name)["extent"]
    return body["spatial"]["bbox"], body["temporal"]["interval"]


def test_the_extent_holds_what_came_in_and_grows_with_what_comes_later(node: Node) -> None:
    bring_in(node, item(0, [10, -5, 12, 3]), item(3, [11, -1, 20, 4]), item(1, None, "d"))
    assert extent(node) == (
        [[10, -5, 20, 4]], [["2010-05-06T07:08:09Z", "2013-05-06T07:08:09Z"]],
    )  # fmt: skip
    # Of no place: all the Earth, as STAC wants a box; nothing came into `e`.
    assert extent(node, "d")[1] == [["2011-05-06T07:08:09Z", "2011-05-06T07:08:09Z"]]
    assert extent(node, "e")[1] == [[None, None]]
    versions = len(node.catalog.versions("collection", "c"))
    bring_in(node, item(0, [10, -5, 12, 3]), item(4, [15, 0, 16, 1]))
    assert extent(node) == (
        [[10, -5, 20, 4]], [["2010-05-06T07:08:09Z", "2014-05-06T07:08:09Z"]],
    )  # fmt: skip
    assert len(node.catalog.versions("collection", "c")) == versions + 1
    bring_in(node, item(4, [15, 0, 16, 1]))
    assert len(node.catalog.versions("collection", "c")) == versions + 1


@pytest.mark.parametrize(
    ("boxes", "wider"),
    [
        ([[170, 1, -170, 2], [5, 0, 6, 1]], [5, 0, -170, 2]),
        ([[170, 1, -170, 2], [-150, 0, -140, 1]], [170, 0, -140, 2]),
        ([[170, 1, -170, 2], [-5, 0, 5, 1]], [-180, 0, 180, 2]),
        ([[170, 1, 180, 2], [-180, 0, -175, 1]], [170, 0, -175, 2]),
        ([[170, 1, 179, 2], [-179, 0, -175, 1]], [170, 0, -175, 2]),
        ([[-20, 1, 0, 2], [30, 0, 40, 1]], [-20, 0, 40, 2]),
        ([[-180, -90, 180, 90]], [-180, -90, 180, 90]),
        ([[10, 0, -10, 1]], [10, 0, -10, 1]),
        ([[-10, 0, -20, 1]], [-180, 0, 180, 1]),
    ],
)
def test_an_extent_runs_through_the_antimeridian_where_that_is_narrower(
    node: Node, boxes: list[list[float]], wider: list[float]
) -> None:
    bring_in(node, *(item(n, box) for n, box in enumerate(boxes)))
    assert extent(node)[0] == [wider]


def test_what_asks_for_more_than_its_collection_is_not_told_by_its_extent(node: Node) -> None:
    body = item(0, [10, 10, 11, 11])
    with node.catalog.transaction() as tx:
        tx.put(Record("item", "c/i0", body, access="registered"))
    bring_in(node, item(1, [0, 0, 1, 1]))
    assert extent(node) == (
        [[0, 0, 1, 1]], [["2011-05-06T07:08:09Z", "2011-05-06T07:08:09Z"]],
    )  # fmt: skip


def test_a_collection_that_is_gone_meanwhile_does_not_spoil_the_import(node: Node) -> None:
    bring_in(node, item(0, [10, -5, 12, 3]))
    withdraw(node, "collection", "e", "error")
    widen_collections(node, ["e", "nowhere", "c"])
    assert extent(node)[0] == [[10, -5, 12, 3]]
