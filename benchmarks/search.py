"""STAC search over HTTP: this package against stac-fastapi-pgstac on a tuned PostgreSQL.

    .venv/bin/python benchmarks/search.py --peers /tmp/bench-env [--items 100000] [--pairs 60]
    .venv/bin/python benchmarks/search.py --words 200 --loaded NODE [--items 100000]

The same synthetic items go into both; one worker each on loopback, one client, one kept-alive
connection each. Requests alternate, parameters differ from pair to pair, and every pair of
answers must name the same items in the same order. docs/benchmarks.md tells how to install.
With `--words` only free text is asked for, which the peer as installed has not over items.
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
from urllib.parse import urlsplit

import orjson
from items import COLLECTIONS, FIRST, LAST, collections, items
from load import load_bulk
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
from pgstac_peer import Database, postgres, server_command
from texts import text_questions

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterator

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
    if options.words:
        _measure_words(options)
        return
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
        if not (options.database and options.loaded):
            _write_lines(source, items(options.items))
            _write_lines(folder / "collections.ndjson", collections())
            size = source.stat().st_size / options.items
            print(f"data      {options.items} items of {size:.0f} bytes")
        if options.database:
            database = Database(options.database, python)
        else:
            database = stack.enter_context(postgres(python))
        _load(options, folder, database)
        ports, process = _serve(stack, folder, database, python)
        _measure(options, ports)
        _watch_memory(options, ports["ours"], process.pid)


def _load(options: argparse.Namespace, folder: Path, database: Database) -> None:
    source = folder / "items.ndjson"
    peer_s = 0.0
    if not options.database:
        database.pypgstac("load", "collections", str(folder / "collections.ndjson"))
        peer_s = database.pypgstac("load", "items", str(source), "--method", "insert")
        for statement in (
            "CALL validate_constraints()",
            "CALL analyze_items()",
            "VACUUM ANALYZE",
        ):
            database.sql(statement)
    if options.loaded:
        (folder / "node").symlink_to(options.loaded.resolve())
        print("\nload: ours not loaded again")
        return
    ours_s = load_bulk(source, folder / "node")
    if options.keep:
        shutil.copytree(folder / "node", options.keep)
    print("\nload from one file of lines, fsync on in both, objects on disk and synced in ours")
    rates = {"ours, bulk import --quick": options.items / ours_s}
    if peer_s:
        rates["pypgstac load items"] = options.items / peer_s
    for name, rate in rates.items():
        beside = f", {rate * peer_s / options.items:.2f} of the peer" if peer_s else ""
        print(f"  {name:30} {options.items:8} items {rate:8.0f} items/s{beside}")


def _serve(
    stack: ExitStack, folder: Path, database: Database, python: Path
) -> tuple[dict[str, tuple[int, str]], subprocess.Popen[bytes]]:
    """Start the three servers; return port and prefix of each, and our process."""
    ports = {name: free_port() for name in ("ours", "context off", "context on")}
    ours = [command_beside(Path(sys.executable), "earthcommons"), "serve"]
    ours += ["--node", str(folder / "node"), "--port", str(ports["ours"])]
    log = folder / "servers.log"
    process = stack.enter_context(serving(ours, ports["ours"], "/health", log))
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
    named = {name: (port, "/stac" if name == "ours" else "") for name, port in ports.items()}
    return named, process


def _measure(options: argparse.Namespace, ports: dict[str, tuple[int, str]]) -> None:
    clients = {name: (Client(port), prefix) for name, (port, prefix) in ports.items()}
    print(
        "ours counts exactly or gives bounds; the peer with context off counts none, with on all"
    )
    print(f"\n{'':58} {'ours':^27} {'peer':^27}")
    cells = f"{'p50 ms':>9} {'p95 ms':>9} {'req/s':>8}"
    print(f"{'question':44} {'context':>7} {'pairs':>5} {cells} {cells} {'ratio':>8}")
    for question in search_questions(options.items):
        for context in ("off", "on"):
            peer = clients[f"context {context}"]
            pairs = _pairs(question, clients["ours"], peer, options)
            print(
                f"{question.name:44} {context:>7} {len(pairs.ours_s):5} {pairs.row()}",
                flush=True,
            )
    _ask_words(clients["ours"], options.items, options.pairs)


def _measure_words(options: argparse.Namespace) -> None:
    """Serve a loaded node and ask it for words alone."""
    describe_machine()
    with tempfile.TemporaryDirectory(prefix="search-bench-") as name:
        port = free_port()
        command = [command_beside(Path(sys.executable), "earthcommons"), "serve"]
        command += ["--node", str(options.loaded.resolve()), "--port", str(port)]
        with serving(command, port, "/health", Path(name) / "server.log") as process:
            _ask_words((Client(port), "/stac"), options.items, options.words)
            print(f"memory of our worker: {_resident_mb(process.pid):.0f} MB")


def _watch_memory(options: argparse.Namespace, ours: tuple[int, str], pid: int) -> None:
    """Print the memory of our worker after a tenth of the requests and after all of them."""
    client, prefix = Client(ours[0]), ours[1]
    questions = search_questions(options.items)
    rng = random.Random(11)  # noqa: S311
    sizes = []
    for n in range(options.requests + 1):
        if n in (options.requests // 10, options.requests):
            sizes.append(_resident_mb(pid))
        client.get(prefix + rng.choice(questions).path(rng))
    growth = sizes[-1] / sizes[0] - 1
    print(
        f"memory of our worker: {sizes[0]:.0f} MB after {options.requests // 10} requests,"
        f" {sizes[-1]:.0f} MB after {options.requests}: {growth:+.1%}"
    )


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1000


def _ask_words(ours: tuple[Client, str], items: int, most: int) -> None:
    print("\nfree text, ours alone: the peer as installed has none over items")
    print(f"{'words of':44} {'asked':>5} {'p50 ms':>9} {'p95 ms':>9} {'most':>9}")
    for question in text_questions(items):
        rng = random.Random(question.name)  # noqa: S311
        times: list[float] = []
        for _ in range(WARM_UP + most):
            answer, spent_s = _timed(ours, question.path(rng))
            if question.further:
                further = [link["href"] for link in answer["links"] if link["rel"] == "next"]
                if not further:
                    continue
                path = urlsplit(further[0])
                start = path.path.removeprefix(ours[1])
                _, spent_s = _timed(ours, f"{start}?{path.query}")
            times.append(spent_s * 1e3)
        times = times[WARM_UP:]
        if not times:
            print(f"{question.name:44} {0:5} no answer had a second page")
            continue
        row = f"{statistics.median(times):9.2f} {high(times):9.2f} {max(times):9.2f}"
        print(f"{question.name:44} {len(times):5} {row}", flush=True)


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


def search_questions(count: int) -> list[Question]:
    """Return the kinds of requests that a search of `count` synthetic items is measured with."""

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
        Question(
            "box around the world, page 10", lambda _: "/search?bbox=-180,-90,180,90&limit=10"
        ),
        Question(
            "newest in 60x40, any collection, page 100",
            lambda r: f"/search?{box(r, 60, 40)}&limit=100",
        ),
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
    parser.add_argument("--peers", type=Path, help="virtual environment of the peers")
    parser.add_argument(
        "--words", type=int, help="so many questions of free text a class, alone"
    )
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--pairs", type=int, default=60, help="pairs of requests a question")
    parser.add_argument("--seconds", type=float, default=45, help="longest time a question")
    parser.add_argument(
        "--database", type=int, help="port of a PostgreSQL that holds the items already"
    )
    parser.add_argument("--requests", type=int, default=10_000, help="to watch memory over")
    parser.add_argument("--keep", type=Path, help="leave a copy of our loaded node here")
    parser.add_argument("--loaded", type=Path, help="serve a node left by --keep, load nothing")
    options = parser.parse_args()
    if not (options.words and options.loaded) and options.peers is None:
        parser.error("need --peers, or --words and --loaded")
    return options


if __name__ == "__main__":
    main()
