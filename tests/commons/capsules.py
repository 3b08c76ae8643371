"""A number again: as it was computed, by a second route, and from its capsule elsewhere."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from earthcommons.commons.stories.capsule import capsule
from earthcommons.commons.stories.verifying import verify

if TYPE_CHECKING:
    from earthcommons.commons import Node

__all__ = ["recompute", "three_ways"]

# A Python without the platform where there is one.
PYTHON = "/usr/bin/python3" if Path("/usr/bin/python3").exists() else sys.executable
MOST_BYTES = 20_000_000


def three_ways(node: Node, id_: str, folder: Path) -> None:
    """Assert that an observation comes out again all three ways."""
    ours = verify(node, id_)
    assert (ours.agrees, ours.difference) == (True, 0.0)
    second = verify(node, id_, independent=True)
    assert second.agrees, second
    assert second.route != ours.route
    data = capsule(node, id_)
    assert len(data) < MOST_BYTES
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(folder)
    ended = recompute(folder)
    assert (ended.returncode, ended.stdout.splitlines()[-1:]) == (0, ["agrees"]), ended


def recompute(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the script of a capsule that was unpacked in the folder."""
    return subprocess.run(  # noqa: S603 - our own script, the machine's interpreter
        [PYTHON, str(folder / "recompute.py")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={"PATH": "/usr/bin:/bin", "PYTHONUTF8": "1"},
    )
