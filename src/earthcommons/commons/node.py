"""A node: a folder with settings, catalogue and objects, opened as one thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from earthcommons.catalog import Catalog, rebuild
from earthcommons.catalog.replacing import swap_in
from earthcommons.commons.guard import alone
from earthcommons.errors import IntegrityError
from earthcommons.runs import read_observations
from earthcommons.settings import Settings, read_s3_credentials, read_settings, write_settings
from earthcommons.store import LocalStore

if TYPE_CHECKING:
    from pathlib import Path

    from earthcommons.store import ObjectStore

__all__ = [
    "Node",
    "Unopened",
    "make_node",
    "open_bucket",
    "open_node",
    "open_store",
    "rebuild_catalog",
    "unopened",
]

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
    store = open_store(root, settings)
    return Node(root, settings, Catalog(root / _CATALOG, store), store)


@dataclass(frozen=True)
class Unopened:
    """A node whose catalogue was not opened: it may be of an earlier schema."""

    root: Path
    settings: Settings
    store: ObjectStore


def unopened(root: Path) -> Unopened:
    """Return the node in `root` as far as its catalogue need not be read.

    Raises:
        NotFoundError: there is no node.
        InvalidInputError: its settings cannot be read.
    """
    settings = read_settings(root)
    return Unopened(root, settings, open_store(root, settings))


def open_store(root: Path, settings: Settings) -> ObjectStore:
    """Return the objects of a node: in its folder, or in the bucket its settings name.

    Raises:
        InvalidInputError: a bucket is named and the environment holds no credentials for it.
    """
    if not settings.store_url:
        return LocalStore(root)
    return open_bucket(
        settings.store_url, settings.store_endpoint, root, settings.store_cache_bytes
    )


def open_bucket(url: str, endpoint: str, root: Path, cache_bytes: int) -> ObjectStore:
    """Return the objects of a bucket `s3://name/prefix`, with copies kept in `root`.

    Raises:
        InvalidInputError: the environment holds no credentials for it.
    """
    from earthcommons.store.bucket import Bucket
    from earthcommons.store.s3 import S3Store

    name, _, prefix = url.removeprefix("s3://").partition("/")
    given = read_s3_credentials()
    bucket = Bucket(
        name, prefix, endpoint, given.region, given.key_id, given.secret, given.token
    )
    return S3Store(bucket, root, cache_bytes)


def rebuild_catalog(node: Node) -> int:
    """Make the catalogue's index again from the objects alone, compare, and put it in place.

    Returns:
        How many record objects there were.

    Raises:
        IntegrityError: an object is damaged, or the new index lacks a row of the old one.
        ConflictError: a server runs on the node.
    """
    # Nobody writes meanwhile: what came in after the comparison would be lost.
    with alone(node.root, "earthcommons rebuild"), node.catalog.alone():
        return _rebuilt(node)


def _rebuilt(node: Node) -> int:
    fresh_file = node.root / "tmp" / "rebuilt.sqlite"
    fresh_file.parent.mkdir(exist_ok=True)
    for leftover in fresh_file.parent.glob(fresh_file.name + "*"):
        leftover.unlink()
    fresh = Catalog(fresh_file, node.store)
    count = rebuild(
        fresh,
        node.store,
        lambda key: read_observations(node.store.path(key)),
        # A damaged catalogue may have lost the last version of a record it knows.
        node.catalog.settled if node.catalog.check() == "ok" else None,
    )
    lost = set(node.catalog.dump()) - set(fresh.dump())
    if lost:
        first = min(lost)[:160]
        raise IntegrityError(
            f"rebuild gave {count} records but not {first!r}",
            expected="every row of the index",
            found=f"{len(lost)} rows without an object",
        )
    fresh.adopt(node.root / _CATALOG)
    fresh.close()
    node.catalog.close()
    swap_in(fresh_file, node.root / _CATALOG)
    return count
