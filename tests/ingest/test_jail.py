"""What a reading process can still reach."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

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
