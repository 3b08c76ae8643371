"""A small node: two items of a few pixels, and one run that used the first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import shapely
from tests.cli.conftest import cli
from tests.ingest.conftest import declare, geotiff

from earthcommons.commons import Node, make_node
from earthcommons.ingest import ingest
from earthcommons.model import Observation, Period, Record
from earthcommons.model.evidence import InputRef, Run
from earthcommons.model.party import OPERATOR
from earthcommons.policy import acting_as
from earthcommons.runs import publish_run
from earthcommons.store import digest_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["as_operator", "cli", "geotiff", "small"]


@pytest.fixture
def as_operator() -> Iterator[None]:
    """Let the operator act."""
    with acting_as(OPERATOR):
        yield


def key_of(node: Node, name: str, asset: str = "data") -> str:
    item = node.catalog.get("item", name, OPERATOR)
    return str(item["assets"][asset]["href"]).rsplit("/", 1)[-1]


def add_item(node: Node, geotiff: Callable[..., Path], item: str, value: int) -> None:
    source = geotiff(f"{item}.tif", np.full((4, 6), value, "f4"))
    ingest(source, declare(item), node.catalog, node.store)


def add_run(node: Node) -> str:
    """Publish a run that used item c/first; return its id."""
    region: dict[str, Any] = {
        "id": "m49:404", "names": {"en": "Kenya", "zh": "肯尼亚"}, "kind": "country",
        "iso3": "KEN", "groups": [], "members": [],
    }  # fmt: skip
    body = {"id": "ec:one", "version": "1", "sha256": "d", "item": "r/c", "regions": [region]}
    run = Run(
        method="tree-cover", method_version="1", parameters={},
        inputs=(InputRef("c/first", "data", digest_in(key_of(node, "c/first")), "CC0-1.0"),),
        region_set="ec:one", region_set_version="1", region_set_digest="d", code_version="0",
    )  # fmt: skip
    row = Observation(
        "tree-cover", "m49:404", Period.year(2008), "percent", "proxy", run.id, 13.6,
        {"measure": "level"},
    )  # fmt: skip
    with node.catalog.transaction() as tx:
        tx.put(Record("region-set", "ec:one", body))
        publish_run(
            tx, node.store, run, [row], {"m49:404": shapely.box(34, -5, 42, 5)}, current=True
        )
    return run.id


def flip(place: Path) -> None:
    """Change one byte of a stored file."""
    place.chmod(0o644)
    data = bytearray(place.read_bytes())
    data[len(data) // 2] ^= 1
    place.write_bytes(data)


@pytest.fixture
def small(tmp_path: Path, geotiff: Callable[..., Path]) -> Iterator[Node]:
    node = make_node(tmp_path / "node")
    add_item(node, geotiff, "first", 3)
    add_item(node, geotiff, "second", 5)
    add_run(node)
    yield node
    node.catalog.close()
