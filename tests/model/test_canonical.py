from __future__ import annotations

import json

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from earthcommons.errors import InvalidInputError
from earthcommons.model import Link, Record, canonical_bytes, parse_strict, short_id
from earthcommons.model.canonical import canonical_parsed

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_canonical_bytes_read_back_as_the_same_value(value: object) -> None:
    again = parse_strict(canonical_bytes(value))
    assert canonical_bytes(again) == canonical_bytes(value)


@given(JSON)
def test_the_fast_way_gives_the_bytes_of_the_standards_own_algorithm(value: object) -> None:
    assert canonical_bytes(value) == rfc8785.dumps(value)  # type: ignore[arg-type]
    assert canonical_parsed(value) == canonical_bytes(value)


@given(st.floats(allow_nan=False, allow_infinity=False), st.text('e+-.0125,}]"\\', max_size=9))
def test_numbers_of_every_size_beside_texts_that_look_like_them(x: float, text: str) -> None:
    for value in ([x, text], {"a": x}, [text, [x]], x):
        assert canonical_parsed(value) == rfc8785.dumps(value)


def test_keys_beyond_ascii_are_sorted_as_utf_16() -> None:
    # In UTF-8 the second would come last.
    value = {"\ufb33": 1, "\U0001f600": 2}
    assert list(json.loads(canonical_parsed(value))) == ["\U0001f600", "\ufb33"]


def test_what_nests_without_end_is_refused_in_words() -> None:
    deep: object = []
    for _ in range(2_000):
        deep = [deep]
    for way in (canonical_bytes, canonical_parsed):
        with pytest.raises(InvalidInputError, match="nested"):
            way(deep)


@given(
    body=st.dictionaries(st.text(max_size=8), JSON, max_size=4),
    id_=st.text(max_size=8),
    version=st.integers(1, 9),
)
def test_an_envelope_put_together_is_the_canonical_one(
    body: dict[str, object], id_: str, version: int
) -> None:
    link = Link("used", "item", id_)
    record = Record("item", id_, body, version, links=(link, link))
    assert record.object_bytes == canonical_bytes(record.as_json())


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), 2**53, "\ud800", {1: 2}, {"a": object()}]
)
def test_what_is_no_json_has_no_canonical_bytes(value: object) -> None:
    with pytest.raises(InvalidInputError):
        canonical_bytes(value)


@pytest.mark.parametrize("value", [[2**53], {"a": -(2**60)}, "\ud800"])
def test_what_a_parser_lets_through_beyond_the_standard_is_refused(value: object) -> None:
    with pytest.raises(InvalidInputError):
        canonical_parsed(value)


def test_the_order_of_members_does_not_change_an_id() -> None:
    assert short_id("run", {"a": 1, "b": [2]}) == short_id("run", {"b": [2], "a": 1})
    assert len(short_id("run", {})) == len("run-") + 26


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 2}',
        '{"a": {"b": 1, "b": 1}}',
        '{"a": NaN}',
        "[Infinity]",
        "[-Infinity]",
        "[1e999]",
        "[" + "9" * 5000 + "]",
        "[9007199254740993]",
        "[" * 65 + "]" * 65,
        '["\\ud800"]',
        '{"a": 1',
        "",
    ],
)
def test_json_two_parsers_could_read_differently_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        parse_strict(text)
    assert refused.value.code == "bad-json"


@pytest.mark.parametrize("data", ["{}".encode("utf-16"), b"\xef\xbb\xbf{}", b'{"a":"\xff"}'])
def test_another_encoding_or_a_byte_order_mark_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInputError):
        parse_strict(data)


def test_json_over_the_limit_is_refused_before_it_is_read() -> None:
    with pytest.raises(InvalidInputError, match="limit 10"):
        parse_strict(json.dumps("x" * 100), limit=10)


def test_brackets_inside_a_string_are_no_depth() -> None:
    assert parse_strict(json.dumps({"a": "[" * 500 + '\\"'})) == {"a": "[" * 500 + '\\"'}


def test_a_key_that_stands_twice_among_very_many_is_found() -> None:
    # Asked of each key whether it stands again, this would take hours.
    keys = ",".join(f'"k{n}":0' for n in range(300_000))
    with pytest.raises(InvalidInputError, match="'last' stands twice"):
        parse_strict(f'{{{keys},"last":1,"last":2}}')
