"""Start-up: import, command line, and the time to a server's first answer, beside the peers.

    .venv/bin/python benchmarks/startup.py --peers /tmp/bench-env --node DIR [--repeats 7]

Every figure is of new processes, with files in the page cache. Each repeat starts every way once,
in turn; ratios are medians over the repeats. The peers' servers are titiler.application and
stac-fastapi-pgstac, the latter on a PostgreSQL that already runs.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from pairing import (
    HOST,
    command_beside,
    describe_machine,
    free_port,
    peers_python,
    serving,
    versions,
)
from pgstac_peer import postgres, server_command

LIMITS_S = {"import earthcommons": 0.15, "earthcommons --help": 0.35}
Way = Callable[[], float]


def main() -> None:
    options = _options()
    peers = peers_python(options.peers)
    describe_machine()
    print("ours     ", versions(sys.executable, ("earthcommons", "fastapi", "uvicorn")))
    names = (
        "stac-fastapi-pgstac",
        "titiler.application",
        "titiler.core",
        "rio-tiler",
        "uvicorn",
    )
    print("peers    ", versions(peers, names))
    if not (options.node / "node.toml").is_file():
        raise SystemExit(
            f"{options.node} is no node: .venv/bin/earthcommons demo {options.node} --no-serve"
        )
    with tempfile.TemporaryDirectory(prefix="startup-bench-") as name, ExitStack() as stack:
        log = Path(name) / "log"
        ways = _commands(peers) | _servers(options, peers, log, stack)
        spent: dict[str, list[float]] = {way: [] for way in ways}
        for repeat in range(options.repeats + 1):
            for way, run in ways.items():
                seconds = run()
                if repeat:  # the first round fills the page cache and writes byte code
                    spent[way].append(seconds)
    _report(spent)


def _commands(peers: Path) -> dict[str, Way]:
    ours = sys.executable
    command = command_beside(Path(ours), "earthcommons")
    return {
        "python -c pass": lambda: _run([ours, "-c", "pass"]),
        "import earthcommons": lambda: _run([ours, "-c", "import earthcommons"]),
        "earthcommons --help": lambda: _run([command, "--help"]),
        "import earthcommons.web.app": lambda: _run(
            [ours, "-c", "import earthcommons.web.app"]
        ),
        "import stac_fastapi.pgstac.app": lambda: _run(
            [str(peers), "-c", "import stac_fastapi.pgstac.app"]
        ),
        "import titiler.core.factory": lambda: _run(
            [str(peers), "-c", "import titiler.core.factory"]
        ),
        "import titiler.application.main": lambda: _run(
            [str(peers), "-c", "import titiler.application.main"]
        ),
    }


def _servers(
    options: argparse.Namespace, peers: Path, log: Path, stack: ExitStack
) -> dict[str, Way]:
    command = command_beside(Path(sys.executable), "earthcommons")

    def serve() -> float:
        port = free_port()
        return _first_answer(
            [command, "serve", "--node", str(options.node), "--port", str(port)],
            port,
            "/health",
            log,
        )

    def again() -> float:
        port = free_port()
        return _first_answer(
            [command, "demo", str(options.node), "--port", str(port)], port, "/health", log
        )

    def tiler() -> float:
        port = free_port()
        line = [str(peers), "-m", "uvicorn", "titiler.application.main:app", "--host", HOST]
        return _first_answer([*line, "--port", str(port)], port, "/healthz", log)

    ways: dict[str, Way] = {
        "earthcommons serve, to /health": serve,
        "earthcommons demo, second time, to /health": again,
        "titiler.application, to /healthz": tiler,
    }
    if options.postgres:
        database = stack.enter_context(postgres(peers))

        def stac() -> float:
            port = free_port()
            return _first_answer(
                server_command(peers, port), port, "/_mgmt/ping", log, database.env
            )

        ways["stac-fastapi-pgstac, to /_mgmt/ping"] = stac
    return ways


def _run(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)  # noqa: S603
    return time.perf_counter() - started


def _first_answer(
    command: list[str], port: int, path: str, log: Path, env: dict[str, str] | None = None
) -> float:
    started = time.perf_counter()
    with serving(command, port, path, log, env):
        return time.perf_counter() - started


def _report(spent: dict[str, list[float]]) -> None:
    pairs = {
        "import earthcommons.web.app": "import earthcommons.web.app",
        "import stac_fastapi.pgstac.app": "import earthcommons.web.app",
        "import titiler.core.factory": "import earthcommons.web.app",
        "import titiler.application.main": "import earthcommons.web.app",
    }
    serve = "earthcommons serve, to /health"
    print(f"\n{'way':44} {'median s':>9} {'lowest s':>9} {'ratio to ours':>14}  limit")
    for way, times in spent.items():
        base = serve if ", to /" in way else pairs.get(way, "")
        ratio = ""
        if base and way != base:
            both = zip(times, spent[base], strict=True)
            ratio = f"{statistics.median(a / b for a, b in both):.2f}"
        limit = ""
        if way in LIMITS_S:
            met = "met" if statistics.median(times) < LIMITS_S[way] else "MISSED"
            limit = f"{LIMITS_S[way]:.2f} s: {met}"
        print(
            f"{way:44} {statistics.median(times):9.3f} {min(times):9.3f} {ratio:>14}  {limit}"
        )
    bare = spent["python -c pass"]
    for way in LIMITS_S:
        extra = statistics.median(a - b for a, b in zip(spent[way], bare, strict=True))
        print(f"{way}: {extra * 1e3:.0f} ms above a bare Python")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument(
        "--peers", type=Path, required=True, help="virtual environment of the peers"
    )
    parser.add_argument("--node", type=Path, required=True, help="a built demonstration node")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument(
        "--no-postgres",
        dest="postgres",
        action="store_false",
        help="leave stac-fastapi-pgstac's server out",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
