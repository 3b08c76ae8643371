from __future__ import annotations

import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from earthcommons.cli.serving import serve_node
from earthcommons.commons import make_node, open_node
from earthcommons.commons.guard import alone, check_modes, loose_modes
from earthcommons.commons.node import rebuild_catalog
from earthcommons.commons.stories.backup import backup
from earthcommons.commons.stories.health import health
from earthcommons.errors import ConflictError, InvalidInputError
from earthcommons.model import Record
from earthcommons.model.party import OPERATOR
from earthcommons.policy import acting_as

if TYPE_CHECKING:
    from pathlib import Path

    from earthcommons.commons import Node


def secret(node: Node, mode: int) -> Path:
    (node.root / "keys").mkdir(mode=0o700, exist_ok=True)
    file = node.root / "keys" / "node.key"
    file.write_text("secret")
    file.chmod(mode)
    return file


@pytest.mark.parametrize("name", [".", "objects", "catalog.sqlite", "node.toml"])
def test_a10_what_everybody_can_write_to_stops_the_server(node: Node, name: str) -> None:
    place = node.root / name
    before = place.stat().st_mode
    place.chmod(before | 0o002)
    with pytest.raises(InvalidInputError, match="chmod o-w") as told:
        serve_node(node)
    assert told.value.code == "open-to-others"
    (folder,) = (found for found in health(node, OPERATOR) if found.what == "folder")
    assert folder.state == "bad"
    place.chmod(before)
    check_modes(node.root)


def test_a_new_node_and_its_backup_are_read_by_no_other_user_whatever_the_umask(
    tmp_path: Path,
) -> None:
    before = os.umask(0)
    try:
        node = make_node(tmp_path / "deep" / "node")
    finally:
        os.umask(before)
    assert stat.S_IMODE(node.root.stat().st_mode) == 0o700
    with acting_as(OPERATOR):
        backup(node, tmp_path / "copies")
    assert stat.S_IMODE((tmp_path / "copies").stat().st_mode) == 0o700
    for mode, code in ((0o755, "folder-entered"), (0o750, "folder-closed")):
        node.root.chmod(mode)
        (node.root / "objects").chmod(0o755)
        (node.root / "node.toml").chmod(0o644)
        (folder,) = (found for found in health(node, OPERATOR) if found.what == "folder")
        assert (folder.said.code, folder.state == "ok") == (code, mode == 0o750)
    node.catalog.close()


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_a10_a_key_that_others_can_read_stops_the_server(node: Node, mode: int) -> None:
    file = secret(node, mode)
    with pytest.raises(InvalidInputError, match=r"keys/node\.key has mode"):
        serve_node(node)
    file.chmod(0o600)
    assert loose_modes(node.root) == []
    (node.root / "keys" / "node.pub").touch(mode=0o644)
    assert loose_modes(node.root) == []


def test_a10_a_hundred_loose_keys_are_told_by_three_and_their_number(node: Node) -> None:
    (node.root / "keys").mkdir(mode=0o700)
    for n in range(100):
        (node.root / "keys" / f"{n:03d}.key").touch(mode=0o644)
    with pytest.raises(InvalidInputError, match="keys/002") as told:
        check_modes(node.root)
    (folder,) = (found for found in health(node, OPERATOR) if found.what == "folder")
    for text in (str(told.value), folder.said.text(), folder.said.text("zh")):
        assert "keys/003" not in text
        assert "97" in text
        assert len(text) < 400
    assert len(loose_modes(node.root)) == 100
    for n in range(3, 100):
        (node.root / "keys" / f"{n:03d}.key").unlink()
    with pytest.raises(InvalidInputError, match="keys/002") as told:
        check_modes(node.root)
    assert "more" not in str(told.value)


def test_a10_a_folder_of_another_user_is_said(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = node.root.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    assert "other-owner" in [said.code for said in loose_modes(node.root)]


def test_a11_a_second_server_is_refused_and_told_by_whom(node: Node) -> None:
    code = (
        "import sys, time; from pathlib import Path\n"
        "from earthcommons.commons.guard import alone\n"
        "with alone(Path(sys.argv[1]), 'earthcommons serve'):\n"
        "    print('held', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen(  # noqa: S603 - our own code
        [sys.executable, "-c", code, str(node.root)], stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "held\n"
        for attempt in (serve_node, rebuild_catalog):
            with pytest.raises(ConflictError, match=rf"serve \(process {first.pid}\)") as told:
                attempt(node)
            assert told.value.code == "node-in-use"
        # Publishing beside a server is safe: SQLite lets one writer in at a time.
        other = open_node(node.root)
        with other.catalog.transaction() as tx:
            tx.put(Record("offer", "offer-1", {"id": "offer-1"}))
        other.catalog.close()
        first.kill()
    # The lock ended with its process, however it ended.
    with alone(node.root, "earthcommons serve"):
        pass
    assert rebuild_catalog(node) == 1
