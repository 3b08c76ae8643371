"""What a reading process can still reach."""

from __future__ import annotations

import json
import multiprocessing
import os
import platform
import socket
import subprocess
import sys
from multiprocessing import forkserver
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from earthcommons.errors import RefusedFileError
from earthcommons.ingest import fork_servers, jail, read_raster
from earthcommons.ingest.door import visit
from earthcommons.ingest.jail import confinement, reading
from earthcommons.ingest.landlock import landlock_version, readable_by_readers
from earthcommons.ingest.limits import Limits
from earthcommons.ingest.seccomp import _CALLS, forbid_processes

if TYPE_CHECKING:
    from collections.abc import Callable

needs_landlock = pytest.mark.skipif(not landlock_version(), reason="no Landlock in this kernel")
_TRY = """
import socket, sys
from pathlib import Path
from earthcommons.ingest.walls import close_off
from earthcommons.ingest.limits import Limits
walls = close_off(Path(sys.argv[1]).resolve(), Limits())
def tried(what):
    try:
        what()
        return "done"
    except OSError as error:
        return type(error).__name__
print(walls["landlock"])
print(tried(lambda: Path(sys.argv[2]).read_bytes()))
print(tried(lambda: Path(sys.argv[2]).write_bytes(b"x")))
print(tried(lambda: list(Path(sys.argv[2]).parent.iterdir())))
print(tried(lambda: Path("inside").write_bytes(b"x")))
print(tried(lambda: socket.create_connection(("127.0.0.1", int(sys.argv[3])), 1)))
import h5netcdf.legacyapi, colorsys
print("imported")
"""


@needs_landlock
def test_a_jailed_reader_opens_no_other_file_and_no_connection(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    secret = tmp_path / "secret"
    secret.write_text("SECRET")
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    ended = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", _TRY, str(scratch), str(secret),
         str(listener.getsockname()[1])],
        capture_output=True, text=True, timeout=60, check=False, env=dict(os.environ),
    )  # fmt: skip
    answers = ended.stdout.split()
    assert answers[:5] == [
        "True",
        "PermissionError",
        "PermissionError",
        "PermissionError",
        "done",
    ]
    assert answers[5] != "done"
    assert answers[6] == "imported", ended.stderr
    with pytest.raises(TimeoutError):
        listener.accept()
    listener.close()
    assert secret.read_text() == "SECRET"


def test_no_folder_of_data_is_among_the_readable(tmp_path: Path) -> None:
    for place in readable_by_readers():
        assert not tmp_path.is_relative_to(place)
        assert not Path.home().is_relative_to(place)


def test_the_walls_are_told_as_they_are(tmp_path: Path) -> None:
    walls = confinement(tmp_path, Limits())
    assert walls["landlock"] == bool(landlock_version())
    assert walls["processes"] == (platform.machine() in _CALLS and seccomp_there())
    assert set(walls) == {"landlock", "network", "processes"}


def seccomp_there() -> bool:
    """Whether the kernel lists what its filters can do."""
    return Path("/proc/sys/kernel/seccomp/actions_avail").exists()


def test_a_machine_whose_calls_are_not_known_has_no_wall_against_processes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    assert forbid_processes() is False


def _spoil(place: str) -> None:
    found = getattr(read_raster, "spoiled", "as the server made it")
    Path(place).write_text(f"{os.getpid()} {os.getppid()} {found}")
    setattr(read_raster, "spoiled", "spoiled by the file before")  # noqa: B010 - not declared


def test_what_one_file_does_to_its_process_is_unknown_to_the_next(tmp_path: Path) -> None:
    told = []
    for name in ("first", "second"):
        process = multiprocessing.get_context("forkserver").Process(
            target=_spoil, args=(str(tmp_path / name),)
        )
        with fork_servers.forked_for("raster", {}):
            process.start()
        process.join()
        told.append((tmp_path / name).read_text().split(" ", 2))
    (first, parent, _), (second, same_parent, state) = told
    assert first != second
    assert parent == same_parent
    assert state == "as the server made it"


def test_a_start_leaves_environment_and_standard_library_as_they_were(tmp_path: Path) -> None:
    environment, usual, main = (
        dict(os.environ),
        forkserver.connect_to_new_process,
        sys.modules["__main__"],
    )
    fork_servers._SERVERS.pop(fork_servers._LEAN, None)
    confinement(tmp_path, Limits())
    assert dict(os.environ) == environment
    assert forkserver.connect_to_new_process == usual
    assert sys.modules["__main__"] is main


def test_the_server_for_geotiff_holds_no_other_reader_and_no_client_of_a_cloud() -> None:
    asked = """
import sys
import earthcommons.ingest.prelude_raster
heavy = (
    "zarr", "xarray", "pyogrio", "pyarrow", "h5netcdf", "pint", "multiprocessing.forkserver",
    "earthcommons.ingest.read_cube", "earthcommons.ingest.publish", "earthcommons.catalog",
)
print([name for name in heavy if name in sys.modules], sys.modules["boto3"])
"""
    ended = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", asked], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.stdout.strip() == "[] None", ended.stderr


SAID = {"variables": [{"name": "v", "unit": "percent", "meaning": "", "classes": {}}]}


@pytest.fixture
def scratch(tmp_path: Path, geotiff: Callable[..., Path]) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    geotiff().rename(folder / "source")
    return folder


def test_a_file_is_taken_by_the_process_that_looked_and_not_before_it_may(
    scratch: Path,
) -> None:
    with visit(scratch, SAID, Limits()) as visited:
        assert visited.seen["format"] == "geotiff"
        assert [v["unit"] for v in visited.seen["variables"]] == ["percent"]
        assert [path.name for path in scratch.iterdir()] == ["source"]
        (child,) = multiprocessing.active_children()
        admission = visited.take()
        assert multiprocessing.active_children() == []
        assert child.exitcode == 0
    assert admission.output.name == "out.tif"
    assert admission.facts["bands"][0]["unit"] == "percent"


@pytest.mark.parametrize(
    ("written", "declared", "seen"),
    [("", "day/decade", "day/decade"), ("day/decade", "", "day/decade"), ("", "blorb", "")],
)
def test_a_unit_that_is_not_plain_is_read_from_the_table_behind_the_walls(
    tmp_path: Path, geotiff: Callable[..., Path], written: str, declared: str, seen: str
) -> None:
    geotiff(units=written).rename(tmp_path / "source")
    said = {"variables": [{**SAID["variables"][0], "unit": declared}]}
    with visit(tmp_path, said, Limits()) as visited:
        assert [v["unit"] for v in visited.seen["variables"]] == [seen]


def test_rare_units_that_are_declared_find_the_table_read() -> None:
    def prelude(reader: str, *units: str) -> str:
        task = {"variables": [{"unit": unit} for unit in units]}
        return fork_servers._prelude_for(reader, task)

    assert prelude("raster", "degC", "class", "") == fork_servers._LEAN
    assert prelude("raster", "degC", "day/decade") == fork_servers._UNITS
    assert prelude("cube", "degC") == fork_servers._FULL
    assert fork_servers._prelude_for("walls", {}) == fork_servers._LEAN


def test_a_file_that_is_not_wanted_leaves_no_process_and_nothing_made(scratch: Path) -> None:
    with visit(scratch, SAID, Limits()):
        assert len(multiprocessing.active_children()) == 1
    assert multiprocessing.active_children() == []
    assert [path.name for path in scratch.iterdir()] == ["source"]


def test_a_child_that_nobody_waits_for_ends_by_itself(scratch: Path) -> None:
    task = {"crs": "", "scenes": None, **SAID}
    with reading("raster", scratch, task, Limits(), look_first=True) as child:
        child.seen()
        (process,) = multiprocessing.active_children()
        assert child._door is not None
        child._door.close()
        process.join(10)
        assert process.exitcode == 0
    assert not (scratch / "out.tif").exists()


def test_a_child_that_is_killed_while_it_waits_is_a_refusal(scratch: Path) -> None:
    with visit(scratch, SAID, Limits()) as visited:
        (process,) = multiprocessing.active_children()
        process.kill()
        process.join(10)
        with pytest.raises(RefusedFileError, match="signal 9"):
            visited.take()


def test_time_counts_for_a_look_too(scratch: Path) -> None:
    with pytest.raises(RefusedFileError) as error, visit(scratch, SAID, Limits(wall_s=0)):
        pass
    assert error.value.code == "time-limit"
    assert multiprocessing.active_children() == []


def test_no_link_or_pipe_stands_for_an_answer(tmp_path: Path) -> None:
    secret, link, pipe = tmp_path / "secret", tmp_path / "link", tmp_path / "pipe"
    secret.write_text(json.dumps({"output": "secret"}))
    link.symlink_to(secret)
    os.mkfifo(pipe)
    assert jail._read_answer(link) is None
    assert jail._read_answer(pipe) is None
    assert jail._read_answer(tmp_path / "none") is None
    assert jail._read_answer(secret) == {"output": "secret"}
