"""Acts that are denied leave a line in the server's log, and never many."""

from __future__ import annotations

import logging
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from tests.web.access_node import Desk, desk

from earthcommons.errors import AccessDeniedError
from earthcommons.model import Party
from earthcommons.policy import acting_as
from earthcommons.web.denied import Denied

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def node(tmp_path: Path) -> Desk:
    return desk(tmp_path)


def request(path: str, method: str = "POST") -> Request:
    scope = {"type": "http", "method": method, "path": path, "headers": [], "query_string": b""}
    return Request(scope)


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.name == "earthcommons.web.denied"]


def test_a_denied_act_is_one_line_that_says_who_what_and_which_record(
    node: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    before = node.node.catalog.audit_head()
    at = "/api/records/item/snow/open/withdraw"
    for who in ("eve", "eve", "sam"):
        answer = node.at(who).post(at, json={"reason": "rights"})
        assert answer.status_code == 403, answer.text
    first, second = lines(caplog)
    assert "'eve'" in first
    assert "'sam'" in second
    assert at in first
    assert "withdraw" in first
    # Two keys were made; what was denied is in no chain.
    assert node.node.catalog.audit_head()[0] == before[0] + 2


def test_a_denied_page_is_told_and_what_one_may_not_see_is_not(
    node: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    assert node.at("eve").get("/en/data/snow/shut").status_code == 404
    assert node.at("").post("/api/links", json={}).status_code in (400, 401)
    assert lines(caplog) == []
    assert node.at("eve").get("/en/people").status_code == 403
    (said,) = lines(caplog)
    assert "'eve'" in said
    assert "/en/people" in said


def test_a_minute_later_the_next_line_says_how_many_there_were(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = [0.0]
    denied = Denied(now=lambda: clock[0])
    with acting_as(Party("eve")):
        for at in (0.0, 1.0, 59.9, 60.0, 61.0):
            clock[0] = at
            denied.tell(request("/x"), AccessDeniedError("eve may not"))
        denied.tell(request("/x", "DELETE"), AccessDeniedError("eve may not"))
    first, second, other = lines(caplog)
    assert "more" not in first
    assert second.endswith("(and 2 more in between)")
    assert "DELETE" in other


@given(st.lists(st.tuples(st.integers(0, 9), st.floats(0, 30)), max_size=60))
def test_there_is_never_more_than_a_line_a_minute_for_an_account_and_act(
    acts: list[tuple[int, float]],
) -> None:
    clock, told = [0.0], dict[str, list[float]]()
    denied = Denied(now=lambda: clock[0])

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            told.setdefault(record.getMessage().split("'")[1], []).append(clock[0])

    handler = Keep()
    log = logging.getLogger("earthcommons.web.denied")
    log.addHandler(handler)
    try:
        for who, later in acts:
            clock[0] += later
            with acting_as(Party(f"p{who}")):
                denied.tell(request("/x"), AccessDeniedError("no"))
    finally:
        log.removeHandler(handler)
    assert set(told) == {f"p{who}" for who, _ in acts}
    for times in told.values():
        assert all(b - a >= 60 for a, b in pairwise(times))


def test_a_long_path_is_cut_and_the_accounts_are_forgotten_in_turn(
    caplog: pytest.LogCaptureFixture,
) -> None:
    denied = Denied(names=2, now=lambda: 0.0)
    for who in ("a", "b", "c", "b"):
        with acting_as(Party(who)):
            denied.tell(request("/" + "x" * 5000), AccessDeniedError("no" * 5000))
    assert [line.split("'")[1] for line in lines(caplog)] == ["a", "b", "c"]
    assert max(len(line) for line in lines(caplog)) < 1000
