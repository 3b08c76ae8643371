"""Many beside one another, or one alone."""

from __future__ import annotations

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
