"""A rebuild replaces the file of the catalogue: who writes beside it loses nothing."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from tests.commons.stories.test_widening import item

from earthcommons.commons import make_node, node, open_node
from earthcommons.commons.node import rebuild_catalog
from earthcommons.model import Record
from earthcommons.model.party import OPERATOR
from earthcommons.policy import acting_as

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from earthcommons.commons import Node


def put(at: Node, n: int) -> None:
    with acting_as(OPERATOR), at.catalog.transaction() as tx:
        tx.put(Record("item", f"c/i{n}", item(n, None)))


def beside(root: Path) -> Node:
    made = make_node(root)
    with made.catalog.transaction() as tx:
        tx.put(Record("collection", "c", {"id": "c", "title": "c"}))
    return made


def test_who_wrote_before_a_rebuild_writes_into_the_new_catalogue(tmp_path: Path) -> None:
    ours = beside(tmp_path / "node")
    theirs = open_node(tmp_path / "node")
    put(theirs, 1)
    assert rebuild_catalog(ours) == 2
    put(theirs, 2)
    assert open_node(tmp_path / "node").catalog.count("item", OPERATOR) == 2


def test_who_writes_during_a_rebuild_waits_and_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = beside(tmp_path / "node")
    theirs = open_node(tmp_path / "node")
    settled = threading.Event()

    def write() -> None:
        put(theirs, 3)
        settled.set()

    writer = threading.Thread(target=write)
    swap = node.swap_in

    def swap_late(new: Path, place: Path) -> None:
        # After the comparison, before the file changes places.
        writer.start()
        assert not settled.wait(0.5)
        swap(new, place)

    monkeypatch.setattr(node, "swap_in", swap_late)
    rebuild_catalog(ours)
    writer.join(30)
    assert settled.is_set()
    assert open_node(tmp_path / "node").catalog.count("item", OPERATOR) == 1
