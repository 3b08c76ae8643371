from __future__ import annotations

import json
import math
from typing import Any

import pytest
import rfc8785
from hypothesis import example, given, settings
from hypothesis import strategies as st

from earthcommons.errors import InvalidInputError
from earthcommons.model import Link, Record, canonical_bytes, parse_strict, short_id
from earthcommons.model.canonical import MAX_DEPTH, canonical_parsed

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


def read_slowly(raw: bytes) -> Any:
    """Read JSON number by number and sign by sign, as the standard is written.

    What is read comes in a list of one; None is a refusal.
    """
    try:
        value = json.loads(
            raw.decode(),
            parse_float=number,
            parse_int=whole,
            object_pairs_hook=members,
        )
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except ValueError:
        return None
    return None if depth(value) > MAX_DEPTH else [value]


def number(text: str) -> float:
    if math.isinf(value := float(text)):
        raise ValueError(text)
    return value


def whole(text: str) -> int | float:
    if abs(value := int(text)) < 2**53:
        return value
    # RFC 8785 writes a double below 1e21 without point: no other text is that double's.
    if len(text) > 22 or rfc8785.dumps(float(text)) != text.encode():
        raise ValueError(text)
    return float(text)


def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(named := dict(pairs)) < len(pairs):
        raise ValueError("twice")
    return named


def depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value
    return 1 + max(map(depth, inner), default=0) if isinstance(value, dict | list) else 0


PARTS = st.sampled_from(
    ["1e22", "1e-7", "-0.0", "-0", "5.00", "1E5", "1e999", "-1E+400", "01", "+1", "1.", "1" * 350,
     "9007199254740991", "9007199254740993", "18446744073709551616", "9223372036854775807",
     "-9223372036854775809", "123456789012345678901234", "1000000000000000000", "1e-400",
     "100000000000000000000", "-1000000000000000000000", "1.7976931348623159e308",
     "0.30000000000000004", "0.1234567890123456789012", "2.4703282292062328e-324", "NaN",
     "Infinity", "null", "true", '"', '"a"', '"b":', '"a":1', '"\\u0061":2', '"\\ud800"',
     '"\\uD83D\\uDE00"', '"\\udc00"', '"\\\\"', '"\\\\\\"', '"\\u0022"', '"\\u005c"', "\\", '"[{"',
     '"湖":1', '"\\u6e56"', '"\t"', '"\\u0000"', "\ufeff", "[" * 60, "]" * 60, "[" * 70 + "]" * 70,
     '{"x":' * 66 + "0" + "}" * 66, "[", "]", "{", "}", ",", ":", " ", "\n", "\x0b", "\xa0"]
)  # fmt: skip
WELL_MADE = st.builds(
    lambda value, spaced, plain: json.dumps(
        value, separators=(", ", ": ") if spaced else (",", ":"), ensure_ascii=plain
    ),
    JSON,
    st.booleans(),
    st.booleans(),
)


@st.composite
def bent(draw: st.DrawFn) -> bytes:
    """Draw JSON with some of it repeated, left out, or other things put in."""
    text = draw(WELL_MADE | st.lists(PARTS | WELL_MADE, max_size=9).map("".join))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(text)))
        end = draw(st.integers(start, min(len(text), start + 12)))
        text = text[:start] + draw(PARTS | st.just(text[start:end] * 2)) + text[end:]
    # Written with its surrogates: those bytes are no UTF-8.
    return text.encode("utf-8", "surrogatepass")


@settings(max_examples=600, deadline=None)
@given(bent())
@example(b'{"a": {"b": 1}, "a": {"b": 1}}')
@example(b'{"a": "\\u0022", "a": 2}')
@example(b'{"a": "", "a": "\\u0022\\u0022\\u0022\\u0022"}')
@example(b'{"\\\\": 1, "\\u005c": 1}')
@example(b'{"a": 18446744073709551616}')
@example(b'[ "' + b"[" * 99 + b'\\"' + b"{" * 99 + b'" ]')
def test_the_fast_way_reads_and_refuses_what_the_slow_one_does(raw: bytes) -> None:
    expected = read_slowly(raw)
    if expected is None:
        with pytest.raises(InvalidInputError) as refused:
            parse_strict(raw)
        assert refused.value.code == "bad-json"
    else:
        # Written out, 1 is not 1.0, nor 0.0 -0.0; and members keep their order.
        assert repr([parse_strict(raw)]) == repr(expected)


@pytest.mark.parametrize(
    "text", ["1000000000000000000", "-9007199254740992", "123456789012345680000", "1e+21"]
)
def test_a_large_number_of_canonical_json_is_read_as_the_number_it_was(text: str) -> None:
    value = parse_strict(text)
    assert type(value) is float
    assert canonical_parsed(value) == canonical_bytes(value) == text.encode()
