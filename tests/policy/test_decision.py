"""The one decision, by hand, by table and by property."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthcommons.errors import AccessDeniedError, NotFoundError
from earthcommons.model import OPERATOR, PUBLIC, Party
from earthcommons.policy import acting_as, acting_party, decide, moment, require, visible

NOW = datetime(2026, 11, 22, tzinfo=UTC)
MEMBER = Party("mei")
READER = Party("ada", groups=frozenset({"basin"}), licences=frozenset({"cc-by-nc-4.0"}))
CONTRIBUTOR = Party("li", frozenset({"contributor:hydro"}))
REVIEWER = Party("sam", frozenset({"reviewer:hydro"}))
STEWARD = Party("zhu", frozenset({"steward:hydro"}))
OTHER = Party("eve", frozenset({"steward:bio"}))
EVERYBODY = (PUBLIC, MEMBER, READER, CONTRIBUTOR, REVIEWER, STEWARD, OTHER, OPERATOR)
LABELS = (
    "open",
    "registered",
    "group:basin",
    "licence:cc-by-nc-4.0",
    "steward",
    "group:basin@hydro",
    "after:2027-01-01T00:00:00Z@hydro",
    "after:2026-01-01T00:00:00Z",
    "group:basin & licence:cc-by-nc-4.0",
    "after:2027-01-01T00:00:00Z+group:basin",
)
parties = st.sampled_from(EVERYBODY)
labels = st.sampled_from(LABELS)


@pytest.mark.parametrize(
    ("label", "seen_by"),
    [
        ("open", EVERYBODY),
        ("registered", EVERYBODY[1:]),
        ("group:basin", (READER, OPERATOR)),
        ("account:mei@hydro", (MEMBER, REVIEWER, STEWARD, OPERATOR)),
        ("account:public", (OPERATOR,)),
        ("steward", (OPERATOR,)),
        ("group:basin@hydro", (READER, REVIEWER, STEWARD, OPERATOR)),
        ("after:2027-01-01T00:00:00Z@hydro", (REVIEWER, STEWARD, OPERATOR)),
        ("after:2026-01-01T00:00:00Z", EVERYBODY),
        ("group:basin & licence:cc-by-nc-4.0", (READER, OPERATOR)),
        ("group:basin & registered@hydro", (READER, OPERATOR)),
    ],
)
def test_a_label_is_seen_by_those_who_meet_it(label: str, seen_by: tuple[Party, ...]) -> None:
    seen = [party for party in EVERYBODY if decide(party, "read", label, at=NOW).visible]
    assert seen == list(seen_by)


def test_an_embargo_ends_at_its_moment_and_not_a_second_before() -> None:
    label = "after:2027-01-01T00:00:00Z"
    before = datetime(2026, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert not decide(PUBLIC, "read", label, at=before).visible
    assert decide(PUBLIC, "read", label, at=datetime(2027, 1, 1, tzinfo=UTC)).visible


@pytest.mark.parametrize(
    ("action", "allowed"),
    [
        ("read", EVERYBODY),
        ("fetch", EVERYBODY),
        ("submit", (CONTRIBUTOR, REVIEWER, STEWARD, OPERATOR)),
        ("review", (REVIEWER, STEWARD, OPERATOR)),
        ("publish", (STEWARD, OPERATOR)),
        ("withdraw", (STEWARD, OPERATOR)),
        ("manage", (STEWARD, OPERATOR)),
        ("administer", (OPERATOR,)),
    ],
)
def test_an_action_belongs_to_its_roles_in_the_owning_group(
    action: str, allowed: tuple[Party, ...]
) -> None:
    found = [p for p in EVERYBODY if decide(p, action, "open", owner="hydro", at=NOW).allowed]  # type: ignore[arg-type]
    assert found == list(allowed)


def test_without_an_owner_only_operators_and_stewards_of_everything_act() -> None:
    whole = Party("w", frozenset({"steward:*"}))
    assert decide(whole, "publish", "open", at=NOW).allowed
    assert not decide(STEWARD, "publish", "open", at=NOW).allowed


def test_a_key_does_no_more_than_its_scopes_and_sees_nothing_restricted_without_read() -> None:
    key = Party("zhu", STEWARD.roles, scopes=frozenset({"submit"}))
    assert decide(key, "submit", "open", owner="hydro", at=NOW).allowed
    assert not decide(key, "publish", "open", owner="hydro", at=NOW).allowed
    assert visible(key, LABELS, NOW) == visible(PUBLIC, LABELS, NOW)
    assert not decide(key, "submit", "group:x@hydro", owner="hydro", at=NOW).visible


def test_bytes_ask_for_more_than_the_record() -> None:
    decision = decide(MEMBER, "fetch", "open", needs="licence:cc-by-nc-4.0", at=NOW)
    assert decision.visible
    assert not decision.allowed


@given(parties, labels, labels)
def test_what_is_compiled_into_queries_is_what_decide_says(
    party: Party, one: str, two: str
) -> None:
    found = visible(party, (one, two), NOW)
    assert (one in found) == decide(party, "read", one, at=NOW).visible
    assert found <= {one, two, "open"}


def test_require_hides_what_is_hidden_and_denies_what_is_seen() -> None:
    with pytest.raises(NotFoundError):
        require("publish", "steward", "need-x")
    with pytest.raises(AccessDeniedError):
        require("publish", "open", "need-x")
    with acting_as(OPERATOR):
        require("publish", "steward", "need-x")


def test_the_public_acts_unless_somebody_is_named_and_only_within_the_block() -> None:
    assert acting_party() is PUBLIC
    with acting_as(STEWARD, at=NOW):
        assert acting_party() is STEWARD
        assert moment() == NOW
        with acting_as(MEMBER):
            assert acting_party() is MEMBER
            assert moment() != NOW
    assert acting_party() is PUBLIC
