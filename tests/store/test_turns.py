"""Many beside one another, or one alone."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pytest

from earthcommons.store import Turns

if TYPE_CHECKING:
    from pathlib import Path


def test_many_go_beside_one_another_and_hold_off_who_must_be_alone(tmp_path: Path) -> None:
    turns = Turns(tmp_path / "lock")
    with (
        turns.among(),
        turns.among(wait_s=0),
        pytest.raises(BlockingIOError),
        turns.alone(wait=False),
    ):
        pytest.fail("not alone")
    with turns.alone(wait=False):
        pass


def test_who_waits_for_a_while_is_let_in_or_told(tmp_path: Path) -> None:
    turns, let_in = Turns(tmp_path / "lock"), threading.Event()

    def wait() -> None:
        with turns.among(wait_s=30):
            let_in.set()

    with turns.alone():
        with pytest.raises(BlockingIOError), turns.among(wait_s=0.01):
            pytest.fail("not among others")
        other = threading.Thread(target=wait)
        other.start()
        assert not let_in.wait(0.2)
    other.join(30)
    assert let_in.is_set()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root acts for others")
def test_a_lock_that_root_makes_is_of_whom_the_folder_is(tmp_path: Path) -> None:
    os.chown(tmp_path, 1234, 2345)
    with Turns(tmp_path / "lock").among():
        found = (tmp_path / "lock").stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (1234, 2345, 0o600)


def test_a_lock_that_is_a_link_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("of root")
    (tmp_path / "lock").symlink_to(tmp_path / "secret")
    with pytest.raises(OSError, match="symbolic link"), Turns(tmp_path / "lock").among():
        pytest.fail("somebody chose what root opens")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root acts for others")
def test_root_gives_nothing_away_that_has_a_second_name(tmp_path: Path) -> None:
    folder = tmp_path / "node"
    folder.mkdir()
    (tmp_path / "secret").write_text("of root")
    (folder / "lock").hardlink_to(tmp_path / "secret")
    os.chown(folder, 1234, 2345)
    with Turns(folder / "lock").among():
        assert (tmp_path / "secret").stat().st_uid == 0
