"""stac-fastapi-pgstac on its own PostgreSQL: made for one run on loopback, ended after it.

PostgreSQL is set as pgstac's `check_pgstac_settings` asks for this machine's memory; fsync stays
on. Only processes started here are ended.
"""

from __future__ import annotations

import getpass
import os
import pwd
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pairing import HOST, LONGEST_WAIT_S, command_beside, free_port, stop

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Database", "postgres", "server_command"]

_BIN = Path("/usr/lib/postgresql/15/bin")
_USER = "postgres"
_DATABASE = "stac"


class Database:
    """A running PostgreSQL with pgstac's schema, and how to reach it."""

    def __init__(self, port: int, python: Path) -> None:
        self.port = port
        self._python = python

    @property
    def env(self) -> dict[str, str]:
        """Environment of pypgstac and of the peer's server; the role needs no password."""
        return {
            "PGHOST": HOST,
            "PGPORT": str(self.port),
            "PGUSER": _USER,
            "PGPASSWORD": "none",
            "PGDATABASE": _DATABASE,
            "DB_MIN_CONN_SIZE": "1",
            "DB_MAX_CONN_SIZE": "4",
        }

    def sql(self, statement: str, database: str = _DATABASE) -> str:
        """Run SQL; return what it prints, notices and warnings included."""
        command = [str(_BIN / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", statement]
        return self._run(command, {"PGDATABASE": database})

    def pypgstac(self, *arguments: str) -> float:
        """Run pypgstac; return the seconds it took."""
        started = time.perf_counter()
        self._run([command_beside(self._python, "pypgstac"), *arguments], {})
        return time.perf_counter() - started

    def _run(self, command: Sequence[str], more: Mapping[str, str]) -> str:
        done = subprocess.run(  # noqa: S603
            list(command),
            env={**os.environ, **self.env, **more},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"{command[0]} failed: {(done.stderr or done.stdout)[-1500:]}")
        return done.stdout + done.stderr


@contextmanager
def postgres(python: Path) -> Iterator[Database]:
    """Run a new PostgreSQL 15 with PostGIS and pgstac in a temporary folder, then end it."""
    if not (_BIN / "initdb").exists():
        raise SystemExit(
            f"{_BIN} has no initdb: apt-get install postgresql-15 postgresql-15-postgis-3"
        )
    with tempfile.TemporaryDirectory(prefix="pg-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        owner = _unprivileged()
        folder.chmod(0o700)
        if owner:
            os.chown(folder, pwd.getpwnam(owner).pw_uid, pwd.getpwnam(owner).pw_gid)
        data, port = folder / "data", free_port()
        init = [str(_BIN / "initdb"), "-D", str(data), "-U", _USER, "-A", "trust", "-E", "UTF8"]
        _as_user(init, owner)
        options = settings()
        print("postgres ", ", ".join(f"{k} = {v}" for k, v in options.items()), "; fsync on")
        command = [
            str(_BIN / "postgres"),
            "-D",
            str(data),
            "-p",
            str(port),
            "-h",
            HOST,
            "-k",
            "",
        ]
        for key, value in options.items():
            command += ["-c", f"{key}={value}"]
        with (folder / "log").open("wb") as sink:
            process = subprocess.Popen(  # noqa: S603
                command, stdout=sink, stderr=sink, cwd="/", **_identity(owner)
            )
            try:
                database = Database(port, python)
                _wait(database, process, folder / "log")
                database.sql(f"CREATE DATABASE {_DATABASE}", "postgres")
                database.sql("CREATE EXTENSION postgis; CREATE EXTENSION btree_gist")
                database.pypgstac("migrate")
                database.sql(f"ALTER DATABASE {_DATABASE} SET search_path TO pgstac, public")
                yield database
            finally:
                # PostgreSQL's fast shutdown; SIGTERM alone would wait for clients to leave.
                process.send_signal(signal.SIGINT)
                stop(process, 60)


def settings() -> dict[str, str]:
    """Return PostgreSQL's settings by the rules of `check_pgstac_settings`, memory known."""
    memory_mb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    shared_mb = memory_mb // 4
    connections = 20
    return {
        "shared_buffers": f"{shared_mb}MB",
        "effective_cache_size": f"{memory_mb * 6 // 10}MB",
        "maintenance_work_mem": f"{shared_mb // 4}MB",
        "work_mem": f"{memory_mb * 27 // 100 // connections}MB",
        "temp_buffers": f"{shared_mb // 8}MB",
        "max_connections": str(connections),
        "random_page_cost": "1.1",
        "max_wal_size": "4GB",
        "checkpoint_timeout": "15min",
        "jit": "off",
    }


def server_command(python: Path, port: int) -> list[str]:
    """Return the command of the peer's server: one worker, as its own documentation runs it."""
    app = "stac_fastapi.pgstac.app:create_app"
    command = [str(python), "-m", "uvicorn", app, "--factory", "--host", HOST, "--port"]
    return [*command, str(port), "--workers", "1", "--log-level", "warning", "--no-access-log"]


def _unprivileged() -> str:
    """Return the user PostgreSQL must run as when this is root, which it refuses."""
    return _USER if getpass.getuser() == "root" else ""


def _as_user(command: Sequence[str], owner: str) -> None:
    done = subprocess.run(  # noqa: S603
        list(command), capture_output=True, text=True, check=False, cwd="/", **_identity(owner)
    )
    if done.returncode:
        raise SystemExit(f"{command[0]} failed: {done.stderr[-800:]}")


def _identity(owner: str) -> dict[str, Any]:
    return {"user": owner, "group": owner, "extra_groups": []} if owner else {}


def _wait(database: Database, process: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + LONGEST_WAIT_S
    ready = [str(_BIN / "pg_isready"), "-q", "-h", HOST, "-p", str(database.port)]
    while time.monotonic() < ends and process.poll() is None:
        if subprocess.run(ready, check=False).returncode == 0:  # noqa: S603
            return
        time.sleep(0.1)
    raise SystemExit(f"PostgreSQL did not start:\n{log.read_text()[-1500:]}")
