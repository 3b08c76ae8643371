"""A line is read as the strict way reads it, or refused where that refuses it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest
import rfc8785
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.commons.stories.test_bulk import item, lines, node_at

from earthcommons.catalog import ItemQuery
from earthcommons.catalog.preparing import prepare
from earthcommons.commons.stories.bulk import export_items, import_items
from earthcommons.commons.stories.bulk_lines import Rules, prepare_lines
from earthcommons.commons.stories.bulk_pieces import pieces
from earthcommons.errors import InvalidInputError
from earthcommons.model.canonical import MAX_DEPTH, canonical_bytes, parse_strict
from earthcommons.model.party import OPERATOR
from earthcommons.policy import acting_as

if TYPE_CHECKING:
    from pathlib import Path

RULES = Rules("", frozenset(("c",)), quick=True)
SLOWLY = replace(RULES, quick=False)
LINE = orjson.dumps({key: value for key, value in item(9).items() if key != "links"})

# JSON as others write it: spaces, escapes, numbers in every spelling, a key that stands twice.
SCALARS = st.sampled_from(
    ["1e22", "1e-7", "9.1e-6", "-0.0", "-0", "5.0", "5.00", "1E5", "1e999", "0.1", "01", "+1",
     "1000000000000000000", "-123456789012345680000",
     "9007199254740991", "9007199254740993", "-9007199254740993", "18446744073709551616",
     "123456789012345678901234", "100000000000000000000", "NaN", "Infinity", "null", "true",
     '"a"', '"\\u0061"', '"\\ud800"', '"\\ud83d\\ude00"', '"\\/"', '"e-7,"', '"v2.0,"', '"\\""',
     '"é湖"', '"\\u0000"', '"\t"', "1e-400", "0.30000000000000004", "1.7976931348623157e308"]
)  # fmt: skip
SPACE = st.sampled_from(["", "", "", " ", "\t"])
KEYS = st.sampled_from(['"a"', '"b"', '"\\u0061"', '"湖"', '"\ufb33"', '"\U0001f600"'])


@st.composite
def members(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    pairs = draw(st.lists(st.tuples(KEYS, SPACE, inner), max_size=3))
    return "{" + ",".join(f"{key}{space}:{value}" for key, space, value in pairs) + "}"


VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda some: "[" + ",".join(some) + "]")
        | members(inner)
        | st.tuples(st.sampled_from([3, 58, 62, 63, 64, 130, 300]), inner).map(
            lambda deep: "[" * deep[0] + deep[1] + "]" * deep[0]
        )
    ),
    max_leaves=5,
)


@settings(max_examples=500, deadline=None)
@given(value=VALUES, before=SPACE, after=SPACE)
@example(value='{"id":"a","a":1}', before="", after="\r")
@example(value="[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1), before="", after="")
@example(value="[" * MAX_DEPTH + "]" * MAX_DEPTH, before="", after="")
@example(value="[" + ",".join(["{}"] * 99) + "]", before="", after="")
def test_a_line_is_read_or_refused_as_the_strict_way_does(
    value: str, before: str, after: str
) -> None:
    line = LINE[:-1] + f',"more":{before}{value}{after}}}{after}'.encode()
    try:
        expected = rfc8785.dumps(parse_strict(line))
    except InvalidInputError:
        expected = None
    for rules in (RULES, SLOWLY):
        if expected is None:
            with pytest.raises(InvalidInputError, match=r"^line 7: ") as refused:
                prepare_lines([(7, line)], rules)
            assert refused.value.code == "bad-line"
        else:
            assert bytes(prepare_lines([(7, line)], rules).bodies[0]) == expected


NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(1 - 2**53, 2**53 - 1)
# Any name will do for a member that the index does not look into.
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(value=JSON, spaced=st.booleans(), plain=st.booleans())
def test_spaces_and_escapes_and_the_way_of_reading_make_no_other_batch(
    value: object, spaced: bool, plain: bool
) -> None:
    body = orjson.loads(LINE) | {"more": value}
    gaps = (", ", ": ") if spaced else (",", ":")
    written = json.dumps(body, separators=gaps, ensure_ascii=plain).encode()
    usual = prepare_lines([(1, canonical_bytes(body))], RULES)
    for rules in (RULES, SLOWLY):
        made = prepare_lines([(1, written)], rules)
        assert (made.lines, made.digests, made.values) == (
            usual.lines, usual.digests, usual.values
        )  # fmt: skip
    assert usual.bodies[0] == canonical_bytes(body)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(sizes=st.lists(NUMBERS, min_size=1, max_size=4), suffix=st.sampled_from(
    [".ndjson", ".parquet"]))  # fmt: skip
@example(sizes=[1e18], suffix=".ndjson")
@example(sizes=[1e18, 1e20], suffix=".parquet")
@example(sizes=[1e18, 0.5, 7], suffix=".parquet")
def test_what_is_exported_comes_in_again_and_goes_out_as_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[float], suffix: str
) -> None:
    root = tmp_path_factory.mktemp("again")
    source = lines(root / "in.ndjson", [item(n, size=size) for n, size in enumerate(sizes)])
    outs = []
    with acting_as(OPERATOR):
        for name, quick in (("a", True), ("b", True), ("c", False)):
            node = node_at(root / name)
            import_items(node, source, quick=quick)
            export_items(node, source := root / f"{name}{suffix}", ItemQuery())
            export_items(node, plain := root / f"{name}-plain.ndjson", ItemQuery())
            outs.append(plain.read_bytes())
    assert outs[0] == outs[1] == outs[2]
    for size in sizes:
        assert b'"size":' + rfc8785.dumps(size) in outs[0]


def test_one_key_twice_is_refused_even_where_the_length_stays_the_same() -> None:
    twice = LINE[:-1] + b',"size":1e10,"size":1e10}'
    with pytest.raises(InvalidInputError, match="line 1: JSON key 'size' stands twice"):
        prepare_lines([(1, twice)], RULES)


def test_lines_are_prepared_by_their_numbers_in_the_file(tmp_path: Path) -> None:
    source = lines(tmp_path / "a.ndjson", [item(n) for n in range(7)])
    cut = list(pieces(source, 3))
    assert [
        (one.number, len(prepare_lines(one.numbered(), RULES).names)) for one in cut
    ] == [(1, 3), (4, 3), (7, 1)]  # fmt: skip


def test_an_item_that_stands_twice_is_refused_by_its_second_line() -> None:
    with pytest.raises(InvalidInputError, match=r"line 5: c/i00009 stands twice") as refused:
        prepare_lines([(3, LINE), (5, LINE)], RULES)
    assert refused.value.code == "bad-line"


LINKS = st.lists(
    st.fixed_dictionaries({"href": st.just("/x")}, optional={"rel": st.sampled_from(
        ["self", "root", "via", "derived_from"])}), max_size=3,
)  # fmt: skip


@given(links=LINKS | st.none(), collection=st.sampled_from(["", "d"]))
def test_links_that_a_service_writes_itself_are_left_out(
    links: list[dict[str, Any]] | None, collection: str
) -> None:
    line = orjson.dumps(item(9) | {"links": links})
    rules = Rules(collection, frozenset(("c", "d")), quick=True)
    kept = [link for link in links or () if link.get("rel") not in ("self", "root")]
    plain = item(9) | {"collection": collection or "c"} | ({"links": kept} if kept else {})
    if links == []:
        plain["links"] = []
    elif not kept:
        del plain["links"]
    made = prepare_lines([(1, line)], rules)
    assert list(made.digests) == [prepare(plain).digest]
    assert bool(made.values[9][0]) is (not kept)
