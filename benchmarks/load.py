"""Bulk import of STAC items into an empty node: items a second, with what is checked.

    .venv/bin/python benchmarks/load.py ITEMS.ndjson NODE [--thorough]

The node must not exist yet. Batches are synced to disk before they are visible, as always.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from items import collections

from earthcommons.commons import make_node
from earthcommons.commons.stories.bulk import import_items
from earthcommons.model import OPERATOR, Record
from earthcommons.policy import acting_as

__all__ = ["load_bulk"]


def load_bulk(source: Path, folder: Path, *, quick: bool = True) -> float:
    """Return the seconds it takes to import a file of items into a new node."""
    node = make_node(folder)
    with node.catalog.transaction() as tx:
        for body in collections():
            tx.put(Record("collection", body["id"], body))
    started = time.perf_counter()
    with acting_as(OPERATOR):
        import_items(node, source, quick=quick, batch=20_000, on_progress=_say)
    node.catalog.close()
    return time.perf_counter() - started


def _say(done: int) -> None:
    if done % 100_000 == 0:
        print(f"  {done} items", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("source", type=Path)
    parser.add_argument("node", type=Path)
    parser.add_argument("--thorough", action="store_true", help="check each item as if alone")
    options = parser.parse_args()
    with options.source.open("rb") as lines:
        count = sum(1 for _ in lines)
    seconds = load_bulk(options.source, options.node, quick=not options.thorough)
    print(f"{count} items in {seconds:.1f} s: {count / seconds:.0f} items/s")
