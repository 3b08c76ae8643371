"""A node: a folder with settings, catalogue and objects, opened as one thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from earthcommons.catalog import Catalog, rebuild
from earthcommons.errors import IntegrityError
from earthcommons.runs import read_observations
from earthcommons.settings import Settings, read_settings, write_settings
from earthcommons.store import LocalStore

if TYPE_CHECKING:
    from pathlib import Path

    from earthcommons.store import ObjectStore

__all__ = ["Node", "make_node", "open_node", "rebuild_catalog"]

_CATALOG = "catalog.sqlite"


@dataclass(frozen=True)
class Node:
    """Settings, catalogue and object store that belong together."""

    root: Path
    settings: Settings
    catalog: Catalog
    store: ObjectStore


def make_node(root: Path, settings: Settings | None = None) -> Node:
    """Make a node in `root`, or open the one that is there."""
    write_settings(root, settings or Settings())
    return open_node(root)


def open_node(root: Path) -> Node:
    """Open the node in `root`.

    Raises:
        NotFoundError: there is no node.
        InvalidInputError: its settings or its catalogue's schema cannot be read.
    """
    settings = read_settings(root)
    store = LocalStore(root)
    return Node(root, settings, Catalog(root / _CATALOG, store), store)


def rebuild_catalog(node: Node) -> int:
    """Make the catalogue's index again from the objects alone, compare, and put it in place.

    Returns:
        How many record objects there were.

    Raises:
        IntegrityError: an object is damaged, or the new index lacks a row of the old one.
    """
    fresh_file = node.root / "tmp" / "rebuilt.sqlite"
    for leftover in fresh_file.parent.glob(fresh_file.name + "*"):
        leftover.unlink()
    fresh = Catalog(fresh_file, node.store)
    count = rebuild(fresh, node.store, lambda key: read_observations(node.store.path(key)))
    lost = set(node.catalog.dump()) - set(fresh.dump())
    if lost:
        first = min(lost)[:160]
        raise IntegrityError(
            f"rebuild gave {count} records but not {first!r}",
            expected="every row of the index",
            found=f"{len(lost)} rows without an object",
        )
    fresh.adopt_changes(node.catalog.changes(limit=-1))
    fresh.close()
    node.catalog.close()
    for leftover in node.root.glob(_CATALOG + "-*"):
        leftover.unlink()
    fresh_file.replace(node.root / _CATALOG)
    return count
