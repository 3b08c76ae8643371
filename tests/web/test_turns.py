from __future__ import annotations

import pytest

from earthcommons.errors import UpstreamError
from earthcommons.web.turns import Turns


def test_one_works_and_whoever_finds_the_queue_full_is_told_so_at_once() -> None:
    turns = Turns(waiting=0, patience_s=60)
    with turns, pytest.raises(UpstreamError) as refused, turns:
        pass
    assert refused.value.code == "busy"
    with turns:
        pass


def test_patience_ends_and_gives_the_place_back() -> None:
    turns = Turns(waiting=1, patience_s=0.01)
    with turns:
        for _ in range(3):
            with pytest.raises(UpstreamError), turns:
                pass
    with turns:
        pass
