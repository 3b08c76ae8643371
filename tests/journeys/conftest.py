"""The demonstration node, built once from the pack: whole stories start here.

Test processes that run side by side share the one node: whoever needs it first builds it.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sqlite3
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from starlette.testclient import TestClient
from tests.cli.conftest import Ended, run_cli

from earthcommons.commons import Node, open_node
from earthcommons.commons.demonstration.build import build
from earthcommons.web import create_app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Place:
    """A built node with its two doors: the command line and HTTP."""

    root: Path
    node: Node
    http: TestClient

    def cli(self, *arguments: object) -> Ended:
        """Run a command on this node."""
        return run_cli(*arguments, "--node", self.root)

    def get(self, path: str, **query: object) -> Any:
        """Return the JSON behind an address that must answer 200."""
        answer = self.http.get(path, params={name: str(value) for name, value in query.items()})
        assert answer.status_code == 200, (path, query, answer.text)
        return answer.json()

    def observations(
        self, indicator: str, region: str = "", period: str = "", **dims: str
    ) -> Any:
        """Return published observations; `_` stands for `-` in the names of dimensions."""
        query = {f"dim.{name}": value for name, value in dims.items()}
        query |= {"indicator": indicator, "region": region, "period": period, "limit": "1000"}
        return self.get("/api/observations", **{k: v for k, v in query.items() if v})[
            "observations"
        ]

    def one(self, indicator: str, region: str, period: str, **dims: str) -> Any:
        """Return the one observation of that region, period and dimensions."""
        rows = self.observations(indicator, region, period, **dims)
        assert len(rows) == 1, (indicator, region, period, dims, len(rows))
        return rows[0]


def opened(root: Path) -> Place:
    node = open_node(root)
    return Place(root, node, TestClient(create_app(node)))


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """The node as `earthcommons demo DIR --no-serve` builds it; no test changes it."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    root, built = shared / "journey" / "node", shared / "journey" / "built"
    root.parent.mkdir(exist_ok=True)
    with (shared / "journey.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not built.exists():
            # Thousands of small objects are forced to disk one by one; these need not survive
            # a power cut.
            with mock.patch.object(os, "fsync"):
                steps = list(build(root))
            assert [step.done for step in steps] == list(range(1, steps[-1].total + 1))
            built.touch()
    place = opened(root)
    yield place
    place.node.catalog.close()


@pytest.fixture
def copied(demo: Place, tmp_path: Path) -> Iterator[Place]:
    """A copy of the node that a test may change; objects are shared until it breaks a link."""
    root = tmp_path / "node"
    skip = shutil.ignore_patterns("catalog.sqlite*", "node.toml", "tmp")
    shutil.copytree(demo.root, root, copy_function=os.link, ignore=skip)
    shutil.copy(demo.root / "node.toml", root)
    with (
        contextlib.closing(sqlite3.connect(demo.root / "catalog.sqlite")) as one,
        contextlib.closing(sqlite3.connect(root / "catalog.sqlite")) as other,
    ):
        one.backup(other)
    place = opened(root)
    yield place
    place.node.catalog.close()


@pytest.fixture
def flip() -> Callable[[Path], None]:
    return partial(flip_last_byte)


def flip_last_byte(file: Path) -> None:
    """Change one bit of a copy's object and leave the shared original alone."""
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.unlink()
    file.write_bytes(data)
