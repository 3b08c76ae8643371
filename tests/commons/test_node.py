from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from earthcommons.commons import make_node, open_node
from earthcommons.commons.node import rebuild_catalog
from earthcommons.errors import IntegrityError, NotFoundError
from earthcommons.model import Record
from earthcommons.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.outlook.conftest import Series

    from earthcommons.commons import Node


def offer(text: str, version: int = 1) -> Record:
    body = {"id": "x:1", "title": text}
    return Record("offer", "x:1", body, version=version)


def test_making_a_node_twice_keeps_its_settings_and_its_records(tmp_path: Path) -> None:
    first = make_node(tmp_path, Settings(name="First"))
    with first.catalog.transaction() as tx:
        tx.put(offer("a"))
    first.catalog.close()
    second = make_node(tmp_path, Settings(name="Second"))
    assert second.settings.name == "First"
    assert second.catalog.get("offer", "x:1")["title"] == "a"
    second.catalog.close()


def test_a_folder_that_is_no_node_is_not_opened_and_stays_as_it_was(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="is no node"):
        open_node(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_rebuild_gives_index_history_and_change_log_again(
    written: tuple[Node, Series],
) -> None:
    node, _ = written
    with node.catalog.transaction() as tx:
        tx.put(offer("a"))
    with node.catalog.transaction() as tx:
        tx.revise(offer("b"))
    dump, changes = list(node.catalog.dump()), node.catalog.changes()
    assert rebuild_catalog(node) == 3
    assert list(node.catalog.dump()) == dump
    assert node.catalog.changes() == changes
    assert node.catalog.version("offer", "x:1") is not None
    assert node.catalog.get("offer", "x:1")["title"] == "b"
    assert rebuild_catalog(node) == 3


def test_rebuild_refuses_to_lose_a_row_and_leaves_the_old_index(node: Node) -> None:
    with node.catalog.transaction() as tx:
        tx.put(offer("a"))
    (key,) = node.store.all_keys(".record")
    node.store.path(key).unlink()
    before = list(node.catalog.dump())
    with pytest.raises(IntegrityError, match="rows without an object"):
        rebuild_catalog(node)
    assert list(node.catalog.dump()) == before


def test_rebuild_names_a_damaged_object_and_leaves_the_old_index(node: Node) -> None:
    with node.catalog.transaction() as tx:
        tx.put(offer("a"))
    (key,) = node.store.all_keys(".record")
    place = node.store.path(key)
    place.chmod(0o644)
    place.write_bytes(place.read_bytes().replace(b'"a"', b'"z"'))
    with pytest.raises(IntegrityError) as damaged:
        rebuild_catalog(node)
    assert damaged.value.key == key
    assert node.catalog.get("offer", "x:1")["title"] == "a"
