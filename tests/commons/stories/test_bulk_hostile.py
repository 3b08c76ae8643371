"""Files made to break an import: each is refused in our words or taken whole, and spoils none."""

from __future__ import annotations

import copy
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.commons.stories.test_bulk import held, item, lines, node_at

from earthcommons.catalog import Catalog, ItemQuery, rebuild
from earthcommons.catalog import bulk as rows
from earthcommons.commons import Node, open_node
from earthcommons.commons.stories import bulk, bulk_ahead, bulk_lines, bulk_pieces
from earthcommons.commons.stories.access import Rule, set_owner, set_rule
from earthcommons.commons.stories.bulk import Imported, import_items
from earthcommons.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidInputError,
    UpstreamError,
)
from earthcommons.model import Party
from earthcommons.model.party import OPERATOR, PUBLIC
from earthcommons.policy import acting_as

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.usefixtures("as_operator")


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return node_at(tmp_path / "node")


def rebuilt(node: Node, root: Path) -> bool:
    """Whether the objects alone give the index that is there."""
    again = Catalog(root / "again.sqlite", node.store)
    rebuild(again, node.store, lambda _: [])
    same = list(again.dump()) == list(node.catalog.dump())
    again.close()
    return same


def refused(node: Node, path: Path, *bad: bytes, line: int = 1, quick: bool = True) -> str:
    path.write_bytes(b"\n".join(bad) + b"\n")
    with pytest.raises(InvalidInputError, match=f"line {line}:") as error:
        import_items(node, path, quick=quick)
    assert error.value.code == "bad-line"
    return str(error.value)


def changed(**members: Any) -> bytes:
    return orjson.dumps(item(9) | members)


ASSET = {"href": "/objects/" + "0" * 64 + ".tif"}


@pytest.mark.parametrize("quick", [True, False])
@pytest.mark.parametrize(
    "bad",
    [
        {"links": [{"rel": [], "href": "https://x.example/"}]},
        {"ec:access": {"fetch": 5}},
        {"ec:access": {"fetch": []}},
        {"ec:access": {"derive": False}},
        {"ec:access": {"fetch": "whoever"}},
        {"ec:access": "open"},
        {"ec:access": {"find": "group:basin"}},
        {"assets": {"data": ASSET | {"ec:access": True}}},
        {"assets": {"data": ASSET | {"ec:access": "whoever"}}},
    ],
    ids=str,
)
def test_a_rule_or_link_of_another_kind_is_refused_by_its_line(
    node: Node, tmp_path: Path, bad: dict[str, Any], quick: bool
) -> None:
    refused(node, tmp_path / "a.ndjson", changed(**bad), quick=quick)
    assert held(node) == []
    assert list(node.store.all_keys(".records")) == []


def test_roles_and_types_of_another_kind_are_no_format(node: Node, tmp_path: Path) -> None:
    bad = {"a": ASSET | {"roles": 5, "type": []}, "b": ASSET | {"roles": ["data"], "type": {}}}
    source = lines(tmp_path / "a.ndjson", [item(1) | {"assets": bad}])
    assert import_items(node, source).added == 1
    assert node.catalog.facets(ItemQuery()).get("format", {}) == {}


def test_an_outline_with_and_without_heights_is_refused(node: Node, tmp_path: Path) -> None:
    ring = [[1, 1], [2, 1, 5], [2, 2], [1, 1]]
    bad = changed(geometry={"type": "Polygon", "coordinates": [ring]}, bbox=[1, 1, 2, 2])
    assert "height" in refused(node, tmp_path / "a.ndjson", bad, quick=False)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value[:2])
    for name, one in inner:
        yield (*path, name)
        if isinstance(one, dict | list):
            yield from places(one, (*path, name))


FULL = item(9, title="t", license="other", themes=[{"scheme": "sdg", "concepts": [{"id": "x"}]}],
            gsd=2, platform="p", **{"ec:regions": ["r"], "eo:cloud_cover": 3}) | {
    "ec:access": {"fetch": "open", "derive": "open"},
    "assets": {"data": ASSET | {"roles": ["data"], "type": "image/tiff", "ec:access": "open"}},
}  # fmt: skip
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**54) | st.floats(allow_nan=False)
    | st.text(max_size=4) | st.sampled_from(["9999-12-31T23:59:59-01:00", "steward", "Point"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["id", "href", "rel", "type", "fetch", "coordinates", ""]), inner),
    max_leaves=6,
)  # fmt: skip


def test_whatever_stands_in_an_item_it_is_refused_by_its_line_or_kept_and_found(
    node: Node, tmp_path: Path
) -> None:
    shape = ItemQuery(intersects=shapely.box(-180, -90, 180, 90))

    @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
    @given(place=st.sampled_from(list(places(FULL))), value=ANYTHING, quick=st.booleans())
    def bring_in(place: tuple[Any, ...], value: Any, quick: bool) -> None:
        one = copy.deepcopy(FULL)
        inner = one
        for step in place[:-1]:
            inner = inner[step]
        inner[place[-1]] = value
        source = lines(tmp_path / "one.ndjson", [one])
        try:
            done = import_items(node, source, replace=True, quick=quick)
        except InvalidInputError as error:
            codes.add(error.code)
            return
        assert done.settled == 1
        node.catalog.items(shape)
        node.catalog.facets(ItemQuery(text="t"))

    codes: set[str] = set()
    bring_in()
    assert codes == {"bad-line"}
    assert rebuilt(node, tmp_path)


def test_a_float_written_like_an_integer_stays_what_it_is(node: Node, tmp_path: Path) -> None:
    source = tmp_path / "a.ndjson"
    for title in ("first", "second"):
        source.write_bytes(changed(**{"ec:access": {"fetch": "licence:x"}, "size": 1e18}).replace(
            b'"bbox"', b'"title":"' + title.encode() + b'","bbox"'))  # fmt: skip
        import_items(node, source, replace=True, quick=True)
    assert set_rule(node, "item", "c/i00009", Rule("group:basin", "open", None))
    assert node.catalog.version("item", "c/i00009") is not None
    assert b'"size":1000000000000000000,' in node.catalog.body("item", "c/i00009", OPERATOR)
    assert rebuilt(node, tmp_path)


def test_what_the_index_refuses_leaves_no_object(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no(*_: object) -> None:
        raise InvalidInputError("no")

    monkeypatch.setattr(rows, "insert", no)
    with pytest.raises(InvalidInputError, match="no"):
        import_items(node, lines(tmp_path / "a.ndjson", [item(1)]))
    assert list(node.store.all_keys(".records")) == []


def test_lines_that_hold_nothing_make_no_object(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "_PIECE", 2)
    source = tmp_path / "a.ndjson"
    source.write_bytes(b"\r\n \n\n" + orjson.dumps(item(1)) + b"\r\n\n\n\n\n\t\n")
    assert import_items(node, source) == Imported(1, 0, 0)
    source.write_bytes(b"\n\n")
    assert import_items(node, source) == Imported()
    assert len(list(node.store.all_keys(".records"))) == 1
    assert rebuilt(node, tmp_path)


def test_bytes_that_are_no_lines_of_json_are_refused_by_their_line(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "a.ndjson"
    refused(node, source, b"\xef\xbb\xbf" + changed())
    refused(node, source, changed().replace(b"i00009", b"i\x00009"))
    refused(node, source, changed().replace(b"i00009", b"i\\u0000009"))
    refused(node, source, changed().decode().encode("utf-16"))
    # As long as what orjson makes of it, the second `id` and all.
    twice = changed(gsd=10.0**10).replace(b'"gsd":10000000000.0', b'"id":"A","gsd":1e10')
    assert len(twice) == len(changed(gsd=10.0**10))
    assert "twice" in refused(node, source, twice)
    monkeypatch.setattr(bulk_lines, "MAX_LINE", 1000)
    monkeypatch.setattr(bulk_pieces, "_MOST_BYTES", 3000)
    long = changed(more="x" * 5000)
    assert "over 1000" in refused(node, source, long, changed())
    # Without one line break no more is read than a piece.
    source.write_bytes(b"x" * 100_000)
    assert next(bulk_pieces._of_lines(source, 5)).size <= 3000
    assert held(node) == []


@given(
    st.lists(st.integers(0, 30), max_size=40),
    st.integers(1, 7),
    st.integers(31, 200),
    st.integers(1, 50),
    st.booleans(),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_pieces_are_the_lines_of_the_file_in_order(
    tmp_path: Path, lengths: list[int], most: int, most_bytes: int, block: int, ended: bool
) -> None:
    text = b"\n".join(b"x" * length for length in lengths) + b"\n" * ended
    source = tmp_path / "a.ndjson"
    source.write_bytes(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bulk_pieces, "_MOST_BYTES", most_bytes)
        patch.setattr(bulk_pieces, "_BLOCK", block)
        found = list(bulk_pieces._of_lines(source, most))
    numbered = [pair for piece in found for pair in piece.numbered()]
    assert numbered == [(n, line) for n, line in enumerate(text.split(b"\n"), 1) if line]
    assert b"".join(text[p.offset : p.offset + p.size] for p in found) == text
    assert all(text[p.offset : p.offset + p.size].count(b"\n") <= most for p in found)
    assert all(p.size < most_bytes + block for p in found)


def deep(levels: int, title: str = "") -> bytes:
    inner = b"[" * (levels - 1) + b"]" * (levels - 1)
    return changed(title=title).replace(b'"bbox"', b'"deep":' + inner + b',"bbox"')


def test_an_item_as_deep_as_the_door_allows_is_rebuilt_in_all_its_versions(
    node: Node, tmp_path: Path
) -> None:
    source = tmp_path / "a.ndjson"
    assert "nested" in refused(node, source, deep(65))
    for title in ("first", "second"):
        source.write_bytes(deep(64, title))
        assert import_items(node, source, replace=True, quick=True).settled == 1
    assert rebuilt(node, tmp_path)


def test_what_is_no_plain_file_is_refused_and_not_waited_for(
    node: Node, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe.ndjson")
    (tmp_path / "folder.parquet").mkdir()
    for name in ("pipe.ndjson", "folder.parquet", "nothing.ndjson"):
        with pytest.raises(InvalidInputError, match="no such file"):
            import_items(node, tmp_path / name)


def grow(source: Path) -> None:
    with source.open("ab") as file:
        file.write(changed() + b"\n")


def shrink(source: Path) -> None:
    os.truncate(source, source.stat().st_size // 2)


def replace(source: Path) -> None:
    other = source.with_name("other")
    other.write_bytes(source.read_bytes())
    other.replace(source)


@pytest.mark.parametrize("change", [grow, shrink, replace])
def test_a_file_that_changes_while_it_is_read_is_refused_from_there_on(
    node: Node, tmp_path: Path, change: Any
) -> None:
    source = lines(tmp_path / "a.ndjson", [item(n) for n in range(9)])

    def meddle(done: int) -> None:
        if done == 3:
            change(source)

    with pytest.raises(InvalidInputError, match=r"a\.ndjson was changed while it was read"):
        import_items(node, source, batch=3, on_progress=meddle)
    assert len(held(node)) == 3
    assert rebuilt(node, tmp_path)


def test_an_item_that_stands_twice_over_a_border_meets_itself(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "_PIECE", 2)
    same = lines(tmp_path / "a.ndjson", [item(0), item(1), item(1), item(2)])
    assert import_items(node, same) == Imported(3, 0, 1)
    other = lines(tmp_path / "b.ndjson", [item(3), item(4), item(4, title="other"), item(5)])
    with pytest.raises(ConflictError, match="i00004 exists"):
        import_items(node, other)
    # What came before the piece with the other content is there.
    assert len(held(node)) == 5
    assert import_items(node, other, replace=True) == Imported(1, 1, 2)
    assert rebuilt(node, tmp_path)


def test_a_helper_that_is_killed_is_told_and_the_import_goes_on_when_run_again(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "_PIECE", 2)
    monkeypatch.setattr(bulk, "_APART_FROM", 0)
    source = lines(tmp_path / "a.ndjson", [item(n) for n in range(20)])

    def kill(*_: object) -> bool:
        for process in multiprocessing.active_children():
            if type(process).__name__ == "SpawnProcess":
                process.kill()
        return False

    with monkeypatch.context() as patch:
        patch.setattr(bulk_ahead, "_lend_a_hand", kill)
        with pytest.raises(UpstreamError, match="run the import again"):
            import_items(node, source, batch=4)
    before = len(held(node))
    assert import_items(node, source, batch=4) == Imported(20 - before, 0, before)


def test_an_import_that_is_ended_leaves_no_helper(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "_PIECE", 2)
    monkeypatch.setattr(bulk, "_APART_FROM", 0)
    source = lines(tmp_path / "a.ndjson", [item(n) for n in range(40)])
    seen: list[int] = []

    def end(_: int) -> None:
        seen.append(helpers())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as ended:
        import_items(node, source, batch=4, on_progress=end)
    # Asked while the error still holds on to the frames it came through.
    assert ended.value is not None
    assert (seen, helpers()) == ([1], 0)


def helpers() -> int:
    alive = multiprocessing.active_children()
    return sum(type(process).__name__ == "SpawnProcess" for process in alive)


BEGUN = """
import os, signal
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from earthcommons.commons.stories.bulk_ahead import _begin_apart
pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"), initializer=_begin_apart)
print(pool.submit(os.getpid).result(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_helper_ends_with_the_import_however_that_ends() -> None:
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", BEGUN], capture_output=True, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL
    stated = Path(f"/proc/{int(done.stdout)}/stat")
    until = time.monotonic() + 20
    while stated.exists() and " Z " not in stated.read_text():
        assert time.monotonic() < until, "the helper lives on"
        time.sleep(0.05)


def test_a_rule_set_half_way_holds_for_all(node: Node, tmp_path: Path) -> None:
    source = lines(tmp_path / "a.ndjson", [item(n) for n in range(9)])

    def close(done: int) -> None:
        if done == 3:
            set_rule(node, "collection", "c", Rule("group:basin", "open", None))

    assert import_items(node, source, batch=3, on_progress=close).added == 9
    assert node.catalog.items(ItemQuery(), PUBLIC).names == ()
    assert node.catalog.count("item", PUBLIC) == 0
    assert rebuilt(node, tmp_path)


def test_who_loses_the_collection_half_way_brings_no_more_in(
    node: Node, tmp_path: Path
) -> None:
    for group in ("hydro", "forest"):
        node.catalog.people.add_group(group, group, group)
    set_owner(node, "c", "hydro")
    source = lines(tmp_path / "a.ndjson", [item(n) for n in range(9)])

    def hand_on(done: int) -> None:
        with acting_as(OPERATOR):
            set_owner(node, "c", "forest")

    steward = Party("zhu", roles=frozenset(("steward:hydro",)))
    with acting_as(steward), pytest.raises(AccessDeniedError):
        import_items(node, source, batch=3, on_progress=hand_on)
    assert len(held(node)) == 3


def test_two_imports_at_once_bring_each_item_in_once(node: Node, tmp_path: Path) -> None:
    source = lines(tmp_path / "a.ndjson", [item(n) for n in range(40)])
    ended: list[Imported] = []

    def run() -> None:
        with acting_as(OPERATOR):
            ended.append(import_items(open_node(node.root), source, batch=8))

    both = [threading.Thread(target=run) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert sum(one.added for one in ended) == 40
    assert [one.settled for one in ended] == [40, 40]
    assert rebuilt(node, tmp_path)


def test_a_footprint_that_is_none_spoils_no_search(node: Node, tmp_path: Path) -> None:
    none = [item(1) | {"geometry": {"type": "Polygon"}}, item(2), item(3)]
    del none[1]["geometry"]
    import_items(node, lines(tmp_path / "a.ndjson", none), quick=True)
    everywhere = ItemQuery(intersects=shapely.box(-180, -89, 180, 89))
    assert node.catalog.items(everywhere).names == ("c/i00003",)


def test_what_ends_after_the_year_9999_is_found_and_counted(node: Node, tmp_path: Path) -> None:
    late = item(1, title="lake", datetime="9999-12-31T23:59:59-01:00")
    import_items(node, lines(tmp_path / "a.ndjson", [late, item(2, title="lake")]), quick=True)
    assert node.catalog.items(ItemQuery(text="lake")).names == ("c/i00001", "c/i00002")
    assert set(node.catalog.facets(ItemQuery())["year"]) == {"9999", "2012"}
