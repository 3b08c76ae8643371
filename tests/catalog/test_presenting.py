"""What one party is told of a record: of who did something to it, no more than they may know."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from earthcommons.catalog.presenting import signed
from earthcommons.model import OPERATOR, PUBLIC, Party

NOTICE: dict[str, Any] = {"id": "err-1", "by": "ann", "text": {"en": "Wrong."}}
ROLES = [
    "operator",
    "steward:hydro",
    "steward:snow",
    "steward:*",
    "reviewer:hydro",
    "contributor:hydro",
]


def test_a_steward_is_told_the_account_and_the_public_the_group() -> None:
    whole = {**NOTICE, "publisher": "hydro"}
    without = {"id": "err-1", "text": {"en": "Wrong."}, "publisher": "hydro"}
    assert signed(NOTICE, "hydro", Party("ben", frozenset({"steward:hydro"}))) == whole
    assert signed(NOTICE, "hydro", OPERATOR) == whole
    assert signed(NOTICE, "hydro", PUBLIC) == without
    assert NOTICE["by"] == "ann"


@given(
    roles=st.frozensets(st.sampled_from(ROLES)),
    owner=st.sampled_from(["", "hydro", "snow"]),
    scopes=st.none() | st.frozensets(st.sampled_from(["read", "submit", "steward", "admin"])),
)
def test_the_account_is_told_for_a_role_on_the_record_and_for_nothing_else(
    roles: frozenset[str], owner: str, scopes: frozenset[str] | None
) -> None:
    told = signed(NOTICE, owner, Party("ben", roles, scopes=scopes))
    reads = scopes is None or "read" in scopes
    cares = bool(roles & {"operator", "steward:*", f"steward:{owner}"})
    assert ("by" in told) is (reads and cares)
    assert told["publisher"] == owner


def test_what_no_account_did_is_left_as_it_is() -> None:
    stub = {"id": "sst", "reason": "retracted"}
    assert signed(stub, "hydro", OPERATOR) == stub
