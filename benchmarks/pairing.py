"""What every benchmark here shares: paired runs, medians, servers on loopback, the machine."""

from __future__ import annotations

import http.client
import os
import platform
import shutil
import socket
import statistics
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = [
    "Client",
    "Pairs",
    "command_beside",
    "describe_machine",
    "free_port",
    "high",
    "peers_python",
    "serving",
    "stop",
    "versions",
    "wait_for",
]

HOST = "127.0.0.1"
LONGEST_WAIT_S = 180.0


@dataclass
class Pairs:
    """Times of two ways of doing the same work, taken one after the other each time."""

    ours_s: list[float] = field(default_factory=list)
    peer_s: list[float] = field(default_factory=list)

    def add(self, ours_s: float, peer_s: float) -> None:
        self.ours_s.append(ours_s)
        self.peer_s.append(peer_s)

    @property
    def ratio(self) -> float:
        """Median over the pairs of the peer's time over ours; above 1 we are faster."""
        return statistics.median(
            peer / ours for ours, peer in zip(self.ours_s, self.peer_s, strict=True)
        )

    def row(self) -> str:
        """Medians and 95th percentiles [ms], requests a second one after another, ratio."""
        cells = []
        for times in (self.ours_s, self.peer_s):
            cells.append(f"{statistics.median(times) * 1e3:9.2f} {high(times) * 1e3:9.2f}")
            cells.append(f"{1 / statistics.fmean(times):8.1f}")
        return " ".join(cells) + f" {self.ratio:8.2f}"


def high(times: Sequence[float], share: float = 0.95) -> float:
    """Return the value that `share` of the times do not exceed."""
    return sorted(times)[max(0, round(share * len(times)) - 1)]


class Client:
    """One kept-alive connection; only the exchange is timed, not the reading of the JSON."""

    # Servers close a connection that was idle for some seconds (uvicorn: 5).
    _IDLE_S = 2.0

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection(HOST, port, timeout=LONGEST_WAIT_S)
        self._used = -self._IDLE_S

    def get(self, path: str) -> tuple[bytes, float]:
        """Return the body of an answer 200 and the seconds it took."""
        if time.monotonic() - self._used > self._IDLE_S:
            self._connection.close()
            self._connection.connect()
        started = time.perf_counter()
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        body = answer.read()
        spent_s = time.perf_counter() - started
        self._used = time.monotonic()
        if answer.status != http.client.OK:
            raise SystemExit(f"{path}: status {answer.status}: {body[:300]!r}")
        return body, spent_s


def free_port() -> int:
    """Return a loopback port nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(
    command: Sequence[str],
    port: int,
    path: str,
    log: Path,
    env: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server, wait for its first 200, stop it afterwards."""
    with log.open("ab") as sink:
        process = start(command, sink, env)
        try:
            wait_for(port, path, process, log)
            yield process
        finally:
            stop(process)


def start(
    command: Sequence[str], sink: IO[bytes], env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a process with this environment and `env`."""
    return subprocess.Popen(  # noqa: S603
        list(command), stdout=sink, stderr=sink, env={**os.environ, **(env or {})}
    )


def wait_for(port: int, path: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Return at the first answer 200; end the program when there is none in three minutes."""
    ends = time.monotonic() + LONGEST_WAIT_S
    while time.monotonic() < ends:
        if process.poll() is not None:
            break
        try:
            connection = http.client.HTTPConnection(HOST, port, timeout=5)
            connection.request("GET", path)
            if connection.getresponse().status == http.client.OK:
                return
        except OSError:
            time.sleep(0.005)
        finally:
            connection.close()
    raise SystemExit(f"no answer at {path}; last lines of {log}:\n{log.read_text()[-1500:]}")


def stop(process: subprocess.Popen[bytes], patience_s: float = 10) -> None:
    """End a process started here, by force when it does not end in time."""
    process.terminate()
    try:
        process.wait(patience_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def versions(python: Path | str, names: Sequence[str]) -> str:
    """Return `name version, …` of packages installed beside a Python, without those missing."""
    code = (
        "import sys\nfrom importlib.metadata import PackageNotFoundError, version\n"
        "for name in sys.argv[1:]:\n    try: print(name, version(name))\n"
        "    except PackageNotFoundError: pass"
    )
    done = subprocess.run(  # noqa: S603
        [str(python), "-c", code, *names], capture_output=True, text=True, check=True
    )
    return ", ".join(done.stdout.splitlines())


def describe_machine() -> None:
    """Print what the figures depend on: machine, memory, load, date."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    print(f"date      {time.strftime('%Y-%m-%d', time.gmtime())}")
    print(
        f"machine   {platform.system()} {platform.machine()}, {os.cpu_count()} processors,"
        f" {memory:.0f} GiB, load before {load}, Python {platform.python_version()}"
    )


def peers_python(folder: Path) -> Path:
    """Return the interpreter of the environment that holds the peers."""
    python = folder / "bin" / "python"
    if not python.exists():
        raise SystemExit(
            f"{folder} is no virtual environment: make it as docs/benchmarks.md says"
        )
    return python


def command_beside(python: Path, name: str) -> str:
    """Return a command installed beside a Python."""
    found = shutil.which(name, path=str(python.parent))
    if found is None:
        raise SystemExit(f"{name} is not installed beside {python}")
    return found
