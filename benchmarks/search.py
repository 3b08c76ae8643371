"""STAC search over HTTP: this package against stac-fastapi-pgstac on a tuned PostgreSQL.

    .venv/bin/python benchmarks/search.py --peers /tmp/bench-env [--items 100000] [--pairs 60]

The same synthetic items go into both; one worker each on loopback, one client, one kept-alive
connection each. Requests alternate, parameters differ from pair to pair, and every pair of
answers must name the same items in the same order. docs/benchmarks.md tells how to install.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from items import COLLECTIONS, FIRST, LAST, collections, items
from pairing import (
    Client,
    Pairs,
    command_beside,
    describe_machine,
    free_port,
    high,
    peers_python,
    serving,
    versions,
)
from pgstac_peer import postgres, server_command

from earthcommons.catalog import Catalog
from earthcommons.commons import make_node
from earthcommons.model.record import Record
from earthcommons.store import LocalStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pgstac_peer import Database

WARM_UP = 8
BATCH = 1000
SEARCH_PATH = {"search_path": "pgstac,public", "application_name": "pgstac"}


@dataclass(frozen=True)
class Question:
    """One kind of request: how it is called, and a path below the API's root for each pair."""

    name: str
    path: Callable[[random.Random], str]


def main() -> None:
    options = _options()
    python = peers_python(options.peers)
    describe_machine()
    print(
        "ours     ",
        versions(sys.executable, ("earthcommons", "fastapi", "uvicorn", "httptools")),
    )
    names = ("stac-fastapi-pgstac", "pypgstac", "asyncpg", "uvicorn", "uvloop", "httptools")
    print("peer     ", versions(python, names))
    with tempfile.TemporaryDirectory(prefix="search-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        source = folder / "items.ndjson"
        _write_lines(source, items(options.items))
        _write_lines(folder / "collections.ndjson", collections())
        size = source.stat().st_size / options.items
        print(f"data      {options.items} items of {size:.0f} bytes, {COLLECTIONS} collections")
        database = stack.enter_context(postgres(python))
        _load(options, folder, database)
        ports = _serve(stack, folder, database, python)
        _measure(options, ports)


def _load(options: argparse.Namespace, folder: Path, database: Database) -> None:
    source = folder / "items.ndjson"
    database.pypgstac("load", "collections", str(folder / "collections.ndjson"))
    peer_s = database.pypgstac("load", "items", str(source), "--method", "insert")
    for statement in ("CALL validate_constraints()", "CALL analyze_items()", "VACUUM ANALYZE"):
        database.sql(statement)
    if options.loaded:
        shutil.copytree(options.loaded, folder / "node")
        print(f"\nload: pypgstac {options.items / peer_s:.0f} items/s; ours not loaded again")
        return
    with tempfile.TemporaryDirectory(prefix="objects-", dir=_memory()) as objects:
        node = make_node(folder / "node")
        node.catalog.close()
        catalog = Catalog(folder / "node" / "catalog.sqlite", LocalStore(Path(objects)))
        with catalog.transaction() as writing:
            for body in collections():
                writing.put(Record("collection", body["id"], body))
        ours_s = _put_all(catalog, source, options.items)
        catalog.close()
    if options.keep:
        shutil.copytree(folder / "node", options.keep)
    some = min(options.durable, options.items)
    store = LocalStore(folder / "durable")
    durable = Catalog(folder / "durable" / "catalog.sqlite", store)
    durable_s = _put_all(durable, source, some)
    durable.close()
    peer = options.items / peer_s
    rows = [
        (
            f"ours, index on disk, record objects in {_memory() or 'a folder'}",
            options.items,
            ours_s,
        ),
        ("ours, index and record objects on disk, each synced", some, durable_s),
        ("pypgstac load items, fsync on", options.items, peer_s),
    ]
    print(f"\nload from one file of lines, one process, {BATCH} items a transaction")
    for name, count, seconds in rows:
        rate = count / seconds
        print(f"  {name:54} {count:8} items {rate:8.0f} items/s, {rate / peer:.2f} of the peer")


def _put_all(catalog: Catalog, source: Path, count: int) -> float:
    started = time.perf_counter()
    with source.open("rb") as lines:
        wanted = islice(lines, count)
        while batch := list(islice(wanted, BATCH)):
            with catalog.transaction() as writing:
                for line in batch:
                    body = orjson.loads(line)
                    writing.put(Record("item", f"{body['collection']}/{body['id']}", body))
    return time.perf_counter() - started


def _serve(
    stack: ExitStack, folder: Path, database: Database, python: Path
) -> dict[str, tuple[int, str]]:
    """Start the three servers; return port and prefix of each."""
    ports = {name: free_port() for name in ("ours", "context off", "context on")}
    ours = [command_beside(Path(sys.executable), "earthcommons"), "serve"]
    ours += ["--node", str(folder / "node"), "--port", str(ports["ours"])]
    log = folder / "servers.log"
    stack.enter_context(serving(ours, ports["ours"], "/health", log))
    for name in ("off", "on"):
        port = ports[f"context {name}"]
        # In a short trial of both, hydration in the API was faster for pages of 10.
        more = {
            "USE_API_HYDRATE": "true",
            "SERVER_SETTINGS": json.dumps({**SEARCH_PATH, "pgstac.context": name}),
        }
        command = server_command(python, port)
        stack.enter_context(
            serving(command, port, "/_mgmt/ping", log, {**database.env, **more})
        )
    print(
        "\nservers   ours: earthcommons serve; peer: uvicorn, USE_API_HYDRATE=true; one worker each"
    )
    return {name: (port, "/stac" if name == "ours" else "") for name, port in ports.items()}


def _measure(options: argparse.Namespace, ports: dict[str, tuple[int, str]]) -> None:
    clients = {name: (Client(port), prefix) for name, (port, prefix) in ports.items()}
    print(
        "ours always counts the matches; the peer with context off does not, with context on does"
    )
    print(f"\n{'':58} {'ours':^27} {'peer':^27}")
    cells = f"{'p50 ms':>9} {'p95 ms':>9} {'req/s':>8}"
    print(f"{'question':44} {'context':>7} {'pairs':>5} {cells} {cells} {'ratio':>8}")
    for question in _questions(options.items):
        for context in ("off", "on"):
            peer = clients[f"context {context}"]
            pairs = _pairs(question, clients["ours"], peer, options)
            print(
                f"{question.name:44} {context:>7} {len(pairs.ours_s):5} {pairs.row()}",
                flush=True,
            )
    for name, word in (("1 in 1000", "station{}"), ("1 in 8", "glacier")):
        _text_alone(clients["ours"], f"a word of {name} items", word)


def _text_alone(ours: tuple[Client, str], name: str, word: str) -> None:
    rng = random.Random(5)  # noqa: S311
    paths = [f"/search?q={word.format(rng.randrange(1000))}&limit=10" for _ in range(48)]
    times = [_timed(ours, path)[1] for path in paths][WARM_UP:]
    print(
        f"free text, {name}: ours p50 {statistics.median(times) * 1e3:.2f} ms, p95"
        f" {high(times) * 1e3:.2f} ms; the peer as installed has no free text over items"
    )


def _pairs(
    question: Question,
    ours: tuple[Client, str],
    peer: tuple[Client, str],
    options: argparse.Namespace,
) -> Pairs:
    rng = random.Random(question.name)  # noqa: S311
    pairs = Pairs()
    ends = time.monotonic() + options.seconds
    for n in range(WARM_UP + options.pairs):
        if time.monotonic() > ends and len(pairs.ours_s) >= 5:
            break
        path = question.path(rng)
        sides = [ours, peer] if n % 2 else [peer, ours]
        timed = [_timed(side, path) for side in sides]
        (mine, mine_s), (other, other_s) = timed if n % 2 else timed[::-1]
        _same(path, mine, other)
        if n >= WARM_UP:
            pairs.add(mine_s, other_s)
    return pairs


def _timed(side: tuple[Client, str], path: str) -> tuple[dict[str, Any], float]:
    client, prefix = side
    body, spent_s = client.get(prefix + path)
    return orjson.loads(body), spent_s


def _same(path: str, mine: dict[str, Any], other: dict[str, Any]) -> None:
    """End the program when the two answers differ in items, order or count."""
    found = [[f["id"] for f in answer.get("features", [answer])] for answer in (mine, other)]
    if found[0] != found[1]:
        raise SystemExit(f"{path}: answers differ: {found[0][:3]}… and {found[1][:3]}…")
    counts = mine.get("numberMatched"), other.get("numberMatched")
    if None not in counts and counts[0] != counts[1]:
        raise SystemExit(f"{path}: {counts[0]} matched here, {counts[1]} there")


def _questions(count: int) -> list[Question]:
    def box(rng: random.Random, wide: float, high: float) -> str:
        west, south = rng.uniform(-180, 180 - wide), rng.uniform(-80, 80 - high)
        return f"bbox={west:.4f},{south:.4f},{west + wide:.4f},{south + high:.4f}"

    def when(rng: random.Random, days: int) -> str:
        first = FIRST + timedelta(days=rng.randrange((LAST - FIRST).days - days))
        last = first + timedelta(days=days)
        return f"datetime={first:%Y-%m-%dT%H:%M:%SZ}/{last:%Y-%m-%dT%H:%M:%SZ}"

    def one(rng: random.Random) -> str:
        return f"scenes-{rng.randrange(COLLECTIONS):02d}"

    known = {n: body["collection"] for n, body in enumerate(islice(items(count), 2000))}

    def item(rng: random.Random) -> str:
        n = rng.choice(list(known))
        return f"/collections/{known[n]}/items/scene-{n:08d}"

    return [
        Question(
            "bbox 30x20, 1 collection, 1 year, page 10",
            lambda r: f"/search?{box(r, 30, 20)}&{when(r, 365)}&collections={one(r)}&limit=10",
        ),
        Question(
            "bbox 60x40, 1 collection, 5 years, page 100",
            lambda r: (
                f"/search?{box(r, 60, 40)}&{when(r, 1826)}&collections={one(r)}&limit=100"
            ),
        ),
        Question(
            "bbox 5x5, any collection, all time, page 100",
            lambda r: f"/search?{box(r, 5, 5)}&limit=100",
        ),
        Question(
            "world, 1 collection, 90 days, page 10",
            lambda r: f"/search?{when(r, 90)}&collections={one(r)}&limit=10",
        ),
        Question(
            "newest of 1 collection, page 10",
            lambda r: f"/search?collections={one(r)}&limit=10",
        ),
        Question("newest of all, page 10", lambda _: "/search?limit=10"),
        Question("one item by id", item),
    ]


def _write_lines(path: Path, values: Iterator[dict[str, Any]]) -> None:
    with path.open("wb") as file:
        file.writelines(orjson.dumps(value) + b"\n" for value in values)


def _memory() -> str | None:
    """Return the folder of a memory file system, or None where there is none."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument(
        "--peers", type=Path, required=True, help="virtual environment of the peers"
    )
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--pairs", type=int, default=60, help="pairs of requests a question")
    parser.add_argument("--seconds", type=float, default=45, help="longest time a question")
    parser.add_argument(
        "--durable", type=int, default=1000, help="items loaded with synced objects"
    )
    parser.add_argument("--keep", type=Path, help="leave a copy of our loaded node here")
    parser.add_argument("--loaded", type=Path, help="serve a node left by --keep, load nothing")
    return parser.parse_args()


if __name__ == "__main__":
    main()
