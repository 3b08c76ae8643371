"""The publish path under faults: the Nth call fails, for N = 1, 2, … until nothing fails.

After every fault nothing half-written is visible, what was acknowledged before is still there,
every object that exists is whole, and the same publication succeeds afterwards.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.ingest.conftest import Desk, declare

from earthcommons.catalog import Catalog, rebuild, writing
from earthcommons.errors import UpstreamError
from earthcommons.model import canonical_bytes
from earthcommons.store import LocalStore

Writer = Callable[..., Path]
MOST = 60
# Other pixels than the first file has: the same bytes would be in the store already.
OTHER = np.full((4, 6), 7, "f4")


class NthCall:
    """Counts calls of the wrapped functions together and makes the Nth raise ENOSPC."""

    def __init__(self, at: int) -> None:
        self._left = at
        self.hit = False

    def wrap(self, call: Callable[..., object]) -> Callable[..., object]:
        def counted(*args: object, **more: object) -> object:
            self._left -= 1
            if self._left == 0:
                self.hit = True
                raise OSError(28, "No space left on device")
            return call(*args, **more)

        return counted


def whole(desk: Desk, expected: list[str]) -> None:
    """Assert that exactly the acknowledged items are visible, and all objects are whole."""
    again = Catalog(desk.root / "catalog.sqlite", desk.store)
    assert again.check() == "ok"
    assert sorted(item["id"] for item in again.all("item")) == expected
    for key in desk.store.all_keys():
        desk.store.verify(key)
    for item in again.all("item"):
        for asset in item["assets"].values():
            desk.store.path(asset["href"].rsplit("/", 1)[-1])
    again.close()


def test_a_full_disk_at_any_step_leaves_the_acknowledged_and_nothing_more(
    tmp_path: Path, geotiff: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Desk(tmp_path / "node")
    first.publish(geotiff("a.tif"), declare("acknowledged"))
    first.catalog.close()
    source = geotiff("b.tif", OTHER)
    trials = 0
    for n in range(1, MOST):
        # Each trial begins from the same state: what an earlier one settled would be skipped.
        desk = Desk(Path(shutil.copytree(tmp_path / "node", tmp_path / f"trial-{n}")))
        fault = NthCall(n)
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fault.wrap(os.fsync))
            patch.setattr(Path, "rename", fault.wrap(Path.rename))
            patch.setattr(writing, "canonical_bytes", fault.wrap(canonical_bytes))
            with contextlib.suppress(UpstreamError):
                desk.publish(source, declare("new"))
        if not fault.hit:
            whole(desk, ["acknowledged", "new"])
            desk.catalog.close()
            break
        trials += 1
        whole(desk, ["acknowledged"])
        assert list((desk.root / "tmp").iterdir()) == []
        desk.publish(source, declare("new"))
        whole(desk, ["acknowledged", "new"])
        desk.catalog.close()
    assert trials >= 8, f"only {trials} steps could fail: the sweep misses the publish path"


_KILLED = """
import os, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from tests.ingest.conftest import Desk, declare
left = int(sys.argv[2])
fsync = os.fsync
def dying(descriptor):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), 9)
    fsync(descriptor)
if __name__ == "__main__":
    os.fsync = dying
    desk = Desk(Path(sys.argv[1]))
    desk.publish(Path(sys.argv[3]), declare("new"))
    print("acknowledged", flush=True)
"""


@pytest.mark.parametrize("at", [1, 3, 5, 7, 9, 99])
def test_a_kill_at_a_sync_loses_no_acknowledgement_and_shows_nothing_half(
    tmp_path: Path, geotiff: Writer, at: int
) -> None:
    desk = Desk(tmp_path / "node")
    desk.publish(geotiff("a.tif"), declare("acknowledged"))
    script = tmp_path / "killed.py"
    script.write_text(_KILLED.format(tests=str(Path(__file__).parents[2])))
    run = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, str(script), str(desk.root), str(at), str(geotiff("b.tif", OTHER))],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    said = "acknowledged" in run.stdout
    assert said == (run.returncode == 0)
    seen = {
        item["id"] for item in Catalog(desk.root / "catalog.sqlite", desk.store).all("item")
    }
    assert "acknowledged" in seen
    if said:
        assert "new" in seen
    whole(desk, sorted(seen))
    fresh = Catalog(tmp_path / "fresh.sqlite", LocalStore(desk.root))
    rebuild(fresh, desk.store, lambda _: [])
    assert seen <= {item["id"] for item in fresh.all("item")}
    desk.publish(geotiff("c.tif", OTHER + 1), declare("after"))
    desk.catalog.close()
