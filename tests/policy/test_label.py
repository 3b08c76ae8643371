"""Labels: their text, how they combine, what is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthcommons.errors import InvalidInputError
from earthcommons.model import Party
from earthcommons.policy import combine, own, parse_label, satisfies

NOW = datetime(2026, 11, 22, tzinfo=UTC)
conditions = st.sampled_from(
    ["registered", "group:a", "group:b", "licence:x", "after:2030-01-01T00:00:00Z", "steward"]
)
terms = st.builds(
    lambda cs, owner: "+".join(cs) + owner,
    st.lists(conditions, min_size=1, max_size=3),
    st.sampled_from(["", "@hydro", "@bio"]),
)
labels = st.one_of(st.just("open"), st.lists(terms, min_size=1, max_size=3).map(" & ".join))
parties = st.builds(
    Party,
    st.just("p"),
    st.frozensets(st.sampled_from(["steward:hydro", "reviewer:bio", "steward:*", "operator"])),
    st.frozensets(st.sampled_from(["a", "b"])),
    st.frozensets(st.sampled_from(["x"])),
)


def test_combining_sorts_terms_and_drops_what_is_said_twice() -> None:
    assert combine("registered", "group:b+group:a", "registered", "open") == (
        "group:a+group:b & registered"
    )
    assert combine("open", "open") == combine() == "open"


def test_the_owner_is_added_to_terms_that_name_none() -> None:
    assert own("registered & group:a@bio", "hydro") == "group:a@bio & registered@hydro"
    assert own("open", "hydro") == "open"


@given(parties, labels, labels)
def test_a_combined_label_asks_for_both_and_nothing_else(
    party: Party, one: str, two: str
) -> None:
    both = satisfies(party, one, NOW) and satisfies(party, two, NOW)
    assert satisfies(party, combine(one, two), NOW) == both


@given(labels)
def test_a_label_written_again_is_the_same_label(label: str) -> None:
    assert parse_label(combine(label)) == parse_label(label)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "closed",
        "group:",
        "group:../x",
        "group:A",
        "registered &",
        "registered@",
        "registered@a b",
        "open & registered",
        "after:2026-13-01T00:00:00Z",
        "after:2026-01-01",
        "licence:x' OR 1=1",
        "group:" + "a" * 65,
    ],
)
def test_what_is_no_label_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        parse_label(text)
    assert refused.value.code == "bad-label"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nobody", "'nobody' is no condition; "),
        ("registered+nobody", "'nobody' in 'registered+nobody' is no condition; "),
    ],
)
def test_the_message_names_a_label_once(text: str, said: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        parse_label(text)
    assert str(refused.value).startswith(said)
