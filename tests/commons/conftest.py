"""Small nodes for the stories: one with the pack, one per test that holds nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.indicators.conftest import PackNode, pack_node
from tests.outlook.conftest import Series

from earthcommons.commons import Node, make_node
from earthcommons.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = make_node(tmp_path / "node")
    yield made
    made.catalog.close()


@pytest.fixture(scope="session")
def shared_pack(tmp_path_factory: pytest.TempPathFactory) -> PackNode:
    return pack_node(tmp_path_factory.getbasetemp() / "pack-node")


@pytest.fixture
def written(tmp_path: Path) -> Iterator[tuple[Node, Series]]:
    """A node whose series are put in by hand; Kenya is its only region."""
    series = Series(tmp_path)
    yield Node(tmp_path, Settings(), series.catalog, series.store), series
    series.catalog.close()
