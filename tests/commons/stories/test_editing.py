"""Merge patches by their standard's own examples, and what a collection must be."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.web.access_node import collection, item

from earthcommons.commons.stories.editing import merged
from earthcommons.commons.stories.editing_collection import check_collection
from earthcommons.errors import InvalidInputError
from earthcommons.ingest.item import widen

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=8,
)
PLAIN = st.recursive(
    st.booleans() | st.integers(),
    lambda inner: st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("value", "change", "result"),
    # RFC 7396, appendix A.
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_a_merge_patch_does_what_its_standard_says(
    value: Any, change: Any, result: Any
) -> None:
    assert merged(value, change) == result


@given(JSON, JSON)
def test_a_patch_changes_nothing_in_place_and_twice_is_once(value: Any, change: Any) -> None:
    before = copy.deepcopy((value, change))
    once = merged(value, change)
    assert merged(once, change) == once
    assert (value, change) == before


@given(PLAIN, PLAIN)
def test_what_a_patch_without_nulls_states_is_there_afterwards(value: Any, change: Any) -> None:
    result = merged(value, change)
    assert merged(result, change) == result
    if isinstance(change, dict):
        assert change.keys() <= result.keys()


def test_a_collection_gets_what_it_left_out_and_its_times_in_utc() -> None:
    sent = collection("snow")
    sent.pop("title")
    sent["extent"]["temporal"]["interval"] = [["2015-01-01T02:00:00+02:00", None]]
    sent["extent"]["spatial"]["bbox"] = [[10, 40, -5, 20, 50, 9000]]
    body = check_collection(sent)
    assert (body["title"], body["title_zh"], body["description_zh"]) == (
        "snow",
        "snow",
        "Snow.",
    )
    assert body["extent"]["temporal"]["interval"] == [["2015-01-01T00:00:00Z", None]]
    assert body["extent"]["spatial"]["bbox"] == [[10, 40, 20, 50]]


@pytest.mark.parametrize(
    ("span", "wider"),
    [
        ([None, None], ["2015-06-01T00:00:00Z", "2015-06-01T00:00:00Z"]),
        (["2020-01-01T00:00:00Z", None], ["2015-06-01T00:00:00Z", None]),
        ([None, "2000-01-01T00:00:00Z"], [None, "2015-06-01T00:00:00Z"]),
    ],
)
def test_an_open_end_of_an_extent_stays_open(span: list[Any], wider: list[Any]) -> None:
    sent = collection("snow")
    sent["extent"]["temporal"]["interval"] = [span]
    body = widen(check_collection(sent), item("a"))
    assert body["extent"]["temporal"]["interval"] == [wider]


@pytest.mark.parametrize("span", [["2020-01-01T00:00:00Z", "2019-01-01T00:00:00Z"], ["x", None],
                                  [None], "ab", ["2020-01-01T00:00:00", None]])  # fmt: skip
def test_an_extent_that_is_no_time_is_refused(span: Any) -> None:
    sent = collection("snow")
    sent["extent"]["temporal"]["interval"] = [span]
    with pytest.raises(InvalidInputError):
        check_collection(sent)
