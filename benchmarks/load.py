"""Bulk import of STAC items into an empty node, beside pypgstac into an empty database.

    .venv/bin/python benchmarks/load.py --items 1000000 [--peer BIN/python] [--rounds 2]

Each round loads the same file of lines, ours and theirs in turn, each by its command, fsync on in
both. Ours is asked with `--quick`, which checks what the index needs, unless `--thorough` is given.
PostgreSQL is set as pgstac asks for the machine's memory (`pgstac_peer`), and is new in each round.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import orjson
from items import collections, items
from pairing import command_beside
from pgstac_peer import postgres

from earthcommons.commons import make_node
from earthcommons.model import Record

__all__ = ["load_bulk"]


def load_bulk(source: Path, folder: Path, *, quick: bool = True) -> float:
    """Return the seconds a command takes to import a file of items into a new node."""
    node = make_node(folder)
    with node.catalog.transaction() as tx:
        for body in collections():
            tx.put(Record("collection", body["id"], body))
    node.catalog.close()
    command = [command_beside(Path(sys.executable), "earthcommons"), "bulk", "import"]
    command += [str(source), "--node", str(folder), *(["--quick"] if quick else [])]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
    return time.perf_counter() - started


def _load_peer(source: Path, known: Path, python: Path) -> float:
    with postgres(python) as database:
        database.pypgstac("load", "collections", str(known))
        return database.pypgstac("load", "items", str(source), "--method", "insert")


def _processor_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def main() -> None:
    """Load in turns and print rates and ratios."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="load-bench-", dir=options.scratch) as name:
        folder = Path(name)
        source, known = folder / "items.ndjson", folder / "collections.ndjson"
        source.write_bytes(b"")
        with source.open("ab") as file:
            file.writelines(orjson.dumps(one) + b"\n" for one in items(options.items))
        known.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in collections()))
        ours, theirs = [], []
        for n in range(options.rounds):
            before = _processor_s()
            ours.append(load_bulk(source, folder / f"node-{n}", quick=not options.thorough))
            processor = (_processor_s() - before) / options.items * 1e6
            print(f"ours    {options.items / ours[-1]:8.0f} items/s, {processor:.0f} µs each")
            if options.peer:
                theirs.append(_load_peer(source, known, options.peer))
                print(f"pgstac  {options.items / theirs[-1]:8.0f} items/s", flush=True)
        print(f"ours    {options.items / statistics.median(ours):8.0f} items/s (median)")
        if theirs:
            ratio = statistics.median(t / o for o, t in zip(ours, theirs, strict=True))
            print(f"pgstac  {options.items / statistics.median(theirs):8.0f} items/s (median)")
            print(f"ours is {ratio:.2f} times as fast (median of {options.rounds} pairs)")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--items", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--peer", type=Path, help="python with pypgstac")
    parser.add_argument(
        "--scratch", type=Path, help="folder for the data: on a disk, not in memory"
    )
    parser.add_argument("--thorough", action="store_true", help="check each item as if alone")
    return parser.parse_args()


if __name__ == "__main__":
    main()
