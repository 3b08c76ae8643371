"""What a reading process can still reach."""

from __future__ import annotations

import multiprocessing
import os
import socket
import subprocess
import sys
from multiprocessing import forkserver
from pathlib import Path

import pytest

from earthcommons.ingest import jail, read_raster
from earthcommons.ingest.jail import confinement
from earthcommons.ingest.landlock import landlock_version, readable_by_readers
from earthcommons.ingest.limits import Limits

needs_landlock = pytest.mark.skipif(not landlock_version(), reason="no Landlock in this kernel")
_TRY = """
import socket, sys
from pathlib import Path
from earthcommons.ingest.jail import _close_off
from earthcommons.ingest.limits import Limits
walls = _close_off(Path(sys.argv[1]).resolve(), Limits())
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
    assert set(walls) == {"landlock", "network"}


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
        with jail._from(jail._server(jail._LEAN)):
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
    jail._SERVERS.pop(jail._LEAN, None)
    confinement(tmp_path, Limits())
    assert dict(os.environ) == environment
    assert forkserver.connect_to_new_process == usual
    assert sys.modules["__main__"] is main


def test_the_server_for_geotiff_holds_no_other_reader_and_no_client_of_a_cloud() -> None:
    asked = """
import sys
import earthcommons.ingest.prelude_raster
heavy = ("zarr", "xarray", "pyogrio", "pyarrow", "h5netcdf", "earthcommons.ingest.read_cube")
print([name for name in heavy if name in sys.modules], sys.modules["boto3"])
"""
    ended = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", asked], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.stdout.strip() == "[] None", ended.stderr
