"""Items in and out at once: nothing lost on the way, bad lines named, nothing half done."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import orjson
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from earthcommons.catalog import Catalog, ItemQuery, rebuild
from earthcommons.commons import Node, make_node
from earthcommons.commons.stories import bulk, bulk_ahead
from earthcommons.commons.stories.access import Rule, set_rule
from earthcommons.commons.stories.bulk import Imported, export_items, import_items
from earthcommons.commons.stories.editing import create_items
from earthcommons.commons.stories.editing_collection import check_collection
from earthcommons.commons.stories.widening import widen_collections
from earthcommons.commons.stories.withdrawing import withdraw
from earthcommons.errors import AccessDeniedError, ConflictError, InvalidInputError
from earthcommons.model import Party, Record
from earthcommons.model.canonical import canonical_bytes
from earthcommons.model.party import PUBLIC
from earthcommons.policy import acting_as

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("as_operator")


def item(n: int, **properties: Any) -> dict[str, Any]:
    west = n % 300 - 170
    box = [west, 1, west + 1, 2.5]
    return {
        "type": "Feature", "stac_version": "1.1.0", "stac_extensions": [], "id": f"i{n:05d}",
        "collection": "c", "bbox": box,
        "geometry": shapely.box(west, 1, west + 1, 2.5).__geo_interface__,
        "properties": {"datetime": f"20{n % 90 + 10}-01-01T00:00:00Z", **properties},
        "assets": {"data": {"href": f"/objects/{n:064x}.tif", "roles": ["data"]}},
        "links": [{"rel": "self", "href": "https://elsewhere.example/i"}],
    }  # fmt: skip


def node_at(root: Path) -> Node:
    node = make_node(root)
    with node.catalog.transaction() as tx:
        for name in ("c", "d"):
            tx.put(
                Record(
                    "collection",
                    name,
                    {"type": "Collection", "id": name, "title": name,
                     "extent": {"spatial": {"bbox": []}, "temporal": {"interval": []}}},
                )
            )  # fmt: skip
    return node


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return node_at(tmp_path / "node")


def lines(path: Path, items: list[dict[str, Any]]) -> Path:
    path.write_bytes(b"".join(orjson.dumps(one) + b"\n" for one in items))
    return path


def held(node: Node) -> list[dict[str, Any]]:
    bodies = node.catalog.items(ItemQuery(limit=1000)).bodies
    return [orjson.loads(body) for body in bodies]


def test_items_come_in_without_links_of_elsewhere_and_are_found_every_way(
    node: Node, tmp_path: Path
) -> None:
    source = lines(tmp_path / "a.ndjson", [item(n, title=f"Lake {n} 湖泊") for n in range(7)])
    assert import_items(node, source, batch=3) == Imported(7, 0, 0)
    assert import_items(node, source, batch=3) == Imported(0, 0, 7)
    assert all("links" not in body for body in held(node))
    assert node.catalog.items(ItemQuery(text="湖泊")).matched == 7
    assert node.catalog.items(ItemQuery(ids=("i00003",))).names == ("c/i00003",)
    assert [change.kind for change in node.catalog.changes()].count("item") == 7


@pytest.mark.parametrize("ending", ["ndjson", "parquet"])
def test_an_item_made_over_http_is_exported_and_comes_in_again_as_it_is(
    tmp_path: Path, node: Node, ending: str
) -> None:
    collection = check_collection({
        "type": "Collection", "stac_version": "1.1.0", "id": "e", "description": "E",
        "license": "other", "links": [], "extent": {
            "spatial": {"bbox": [[0, 0, 1, 1]]},
            "temporal": {"interval": [["2010-01-01T00:00:00Z", None]]},
        },
    })  # fmt: skip
    with node.catalog.transaction() as tx:
        tx.put(Record("collection", "e", collection))
    sent = item(1) | {"collection": "e", "assets": {"a": {"href": "https://e.example/a.tif"}}}
    # One that came in bulk has no links, one made over HTTP says so.
    bulk = item(2) | {"collection": "e"}
    import_items(node, lines(tmp_path / "one.ndjson", [bulk]))
    create_items(node, "e", [sent])
    before = list(node.catalog.dump())
    export_items(node, tmp_path / f"out.{ending}", ItemQuery(collections=("e",)))
    assert import_items(node, tmp_path / f"out.{ending}") == Imported(0, 0, 2)
    assert list(node.catalog.dump()) == before


def test_one_by_one_and_at_once_give_the_same_index(tmp_path: Path) -> None:
    items = [item(n, gsd=1e21 if n % 2 else 1.0, title=f"é {n}") for n in range(60)]
    for one in items:
        del one["links"]
    at_once, singly = node_at(tmp_path / "a"), node_at(tmp_path / "b")
    import_items(at_once, lines(tmp_path / "a.ndjson", items), batch=25, quick=True)
    with singly.catalog.transaction() as tx:
        for one in items:
            tx.put(Record("item", f"c/{one['id']}", one))
    widen_collections(singly, ["c"])
    assert list(at_once.catalog.dump()) == list(singly.catalog.dump())
    again = Catalog(tmp_path / "again.sqlite", at_once.store)
    assert rebuild(again, at_once.store, lambda _: []) == 63
    assert list(again.dump()) == list(at_once.catalog.dump())
    again.close()


# Rows of items in the tables that a dump leaves out, without numbers that tell what came first.
ROWS = (
    """SELECT name, collection, item.id, item.access, guarded, first, last, west, south, east,
       north, plain, value, cloud, gsd, platform, props FROM item JOIN tags USING (tags)
       ORDER BY 1""",
    """SELECT id, b.r & 1, x0, x1, y0, y1, t0, t1 FROM item_box b
       JOIN record ON k = b.r >> 1 ORDER BY 1, 2""",
    "SELECT id, part FROM address JOIN record USING (k) ORDER BY 1, 2",
    """SELECT record.id, name, asset.own, asset.access FROM asset
       JOIN record USING (k) ORDER BY 1, 2""",
    """SELECT collection, access, value, year, n FROM tally JOIN tags USING (tags)
       ORDER BY 1, 2, 3, 4""",
    "SELECT * FROM item_count ORDER BY 1, 2",
    "SELECT id, version, digest FROM change WHERE kind = 'item' ORDER BY 1",
)


def rows(node: Node) -> list[list[tuple[Any, ...]]]:
    with closing(sqlite3.connect(node.root / "catalog.sqlite")) as sql:
        return [sql.execute(statement).fetchall() for statement in ROWS]


def shaped(n: int, boxes: int, addresses: int, year: int, *, closed: bool) -> dict[str, Any]:
    one = item(n)
    one["properties"]["datetime"] = f"{year}-06-01T00:00:00Z"
    del one["links"]
    one["assets"] = {
        f"a{m}": {"href": f"/objects/{m:02x}{n:062x}.tif", "type": "image/tiff"}
        for m in range(addresses)
    }
    if closed and addresses:
        one["assets"]["a0"]["ec:access"] = "group:basin"
    if boxes == 0:
        one["geometry"] = one["bbox"] = None
    if boxes == 2:
        one["bbox"] = [179, 1, -179, 2.5]
    return one


SHAPES = st.tuples(st.integers(0, 2), st.integers(0, 3), st.integers(2012, 2016), st.booleans())


@given(
    st.lists(SHAPES, min_size=1, max_size=12),
    st.integers(1, 5),
    st.integers(0, 12),
)
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_comes_together_every_item_has_its_own_rows(
    tmp_path_factory: pytest.TempPathFactory,
    shapes: list[tuple[int, int, int, bool]],
    batch: int,
    known: int,
) -> None:
    folder = tmp_path_factory.mktemp("shaped")
    items = [shaped(n, *shape[:3], closed=shape[3]) for n, shape in enumerate(shapes)]
    at_once, singly = node_at(folder / "a"), node_at(folder / "b")
    # Some are there before, so that batches are written in part.
    for some in (items[1:known:2], items):
        import_items(at_once, lines(folder / "a.ndjson", some), batch=batch, quick=True)
    with singly.catalog.transaction() as tx:
        for one in items:
            tx.put(Record("item", f"c/{one['id']}", one))
    assert rows(at_once) == rows(singly)
    for node in (at_once, singly):
        node.catalog.close()


def test_what_came_in_stands_in_the_file_before_its_log_is_closed(
    node: Node, tmp_path: Path
) -> None:
    import_items(node, lines(tmp_path / "a.ndjson", [item(n) for n in range(9)]), quick=True)
    copy = tmp_path / "copy.sqlite"
    copy.write_bytes((node.root / "catalog.sqlite").read_bytes())
    with closing(sqlite3.connect(copy)) as sql:
        assert sql.execute("SELECT count(*) FROM item").fetchone() == (9,)


def test_a_log_that_cannot_be_brought_in_loses_nothing(node: Node, tmp_path: Path) -> None:
    with closing(sqlite3.connect(node.root / "catalog.sqlite")) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM item").fetchone() == (0,)
        import_items(node, lines(tmp_path / "a.ndjson", [item(n) for n in range(9)]), batch=3)
        assert reader.execute("SELECT count(*) FROM item").fetchone() == (0,)
        reader.execute("COMMIT")
        assert reader.execute("SELECT count(*) FROM item").fetchone() == (9,)
    assert len(held(node)) == 9
    assert node.catalog.check() == "ok"


def test_a_bad_line_is_named_and_only_whole_batches_stay(node: Node, tmp_path: Path) -> None:
    good = [item(n) for n in range(5)]
    for bad in (
        b"{", b'{"type":"Feature"}', b"[]", b'{"id":"a","id":"b"}',
        orjson.dumps({**item(9), "collection": "nowhere"}),
        orjson.dumps({**item(9), "id": "../x"}),
        orjson.dumps({**item(9), "properties": {"datetime": "yesterday"}}),
        orjson.dumps({**item(9), "properties": {"datetime": "2015-01-01T00:00:00"}}),
        orjson.dumps({**item(9), "bbox": [0, 9, 1, 2]}),
        orjson.dumps({**item(9), "bbox": ["0", 1, 1, 2]}),
        orjson.dumps({**item(9), "geometry": None, "bbox": "0123"}),
        orjson.dumps(item(9, size=2**53 + 1)),
        orjson.dumps(item(9)).replace(b'"bbox"', b'"x":' + b"[" * 600 + b"]" * 600 + b',"bbox"'),
        orjson.dumps(item(4)),
    ):  # fmt: skip
        source = lines(tmp_path / "a.ndjson", good)
        with source.open("ab") as file:
            file.write(bad + b"\n")
        with pytest.raises(InvalidInputError, match="line 6") as refused:
            import_items(node, source, batch=4, quick=True)
        assert refused.value.code == "bad-line"
        assert len(held(node)) == 4
    assert import_items(node, lines(tmp_path / "a.ndjson", good)) == Imported(1, 0, 4)


def test_batches_come_in_order_whoever_prepares_them(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "_PIECE", 2)
    monkeypatch.setattr(bulk, "_APART_FROM", 0)
    here: list[Any] = []
    real = bulk_ahead._prepare_here

    def lent(*given: Any) -> Any:
        here.append(given[0])
        return real(*given)

    monkeypatch.setattr(bulk_ahead, "_prepare_here", lent)
    items = [item(n) for n in range(40)]
    source = lines(tmp_path / "a.ndjson", items)
    assert import_items(node, source, batch=10, quick=True) == Imported(40, 0, 0)
    # The other process starts up while this one lends a hand.
    assert here
    ids = [change.id for change in node.catalog.changes() if change.kind == "item"]
    settled = [sorted(ids[n : n + 10]) for n in range(0, 40, 10)]
    assert settled == [[f"c/i{m:05d}" for m in range(n, n + 10)] for n in range(0, 40, 10)]
    bad = lines(tmp_path / "b.ndjson", [item(n) for n in range(40, 52)])
    bad.write_bytes(bad.read_bytes().replace(b"i00047", b"../47"))
    with pytest.raises(InvalidInputError, match="line 8"):
        import_items(node, bad, batch=10, quick=True)
    assert len(held(node)) == 46


def test_other_content_is_refused_or_becomes_the_next_version(
    node: Node, tmp_path: Path
) -> None:
    import_items(node, lines(tmp_path / "a.ndjson", [item(1)]))
    changed = lines(tmp_path / "b.ndjson", [item(1, title="changed"), item(2)])
    with pytest.raises(ConflictError):
        import_items(node, changed)
    assert len(held(node)) == 1
    assert import_items(node, changed, replace=True) == Imported(1, 1, 0)
    version = node.catalog.version("item", "c/i00001")
    assert version is not None
    assert version[0] == 2
    assert import_items(node, changed, replace=True) == Imported(0, 0, 2)


def test_who_may_not_publish_in_a_collection_brings_nothing_in(
    node: Node, tmp_path: Path
) -> None:
    source = lines(tmp_path / "a.ndjson", [item(1)])
    with acting_as(PUBLIC):
        with pytest.raises(AccessDeniedError):
            import_items(node, source, collection="c")
        with pytest.raises(InvalidInputError, match="there is no collection"):
            import_items(node, source)
    assert held(node) == []


def test_an_import_ended_half_way_goes_on_where_it_stopped(node: Node, tmp_path: Path) -> None:
    source = lines(tmp_path / "a.ndjson", [item(n) for n in range(9)])

    def end(done: int) -> None:
        if done >= 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_items(node, source, batch=3, on_progress=end)
    assert len(held(node)) == 6
    assert import_items(node, source, batch=3) == Imported(3, 0, 6)


PROPERTIES = st.fixed_dictionaries(
    {},
    optional={
        "title": st.text(min_size=1, max_size=8),
        "gsd": st.one_of(st.integers(0, 99), st.floats(0, 99)),
        "eo:cloud_cover": st.floats(0, 100),
        "instruments": st.lists(st.text(min_size=1, max_size=4), max_size=3),
        "proj:shape": st.lists(st.integers(1, 9999), min_size=2, max_size=2),
        "deep": st.fixed_dictionaries({"a": st.integers(0, 5)}, optional={"b": st.text()}),
    },
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(properties=st.lists(PROPERTIES, min_size=1, max_size=8), suffix=st.sampled_from(
    [".ndjson", ".parquet"]))  # fmt: skip
def test_what_goes_out_comes_back_the_same(
    tmp_path_factory: pytest.TempPathFactory, properties: list[dict[str, Any]], suffix: str
) -> None:
    root = tmp_path_factory.mktemp("round")
    items = [item(n, **more) for n, more in enumerate(properties)]
    first, second = node_at(root / "a"), node_at(root / "b")
    import_items(first, lines(root / "in.ndjson", items), quick=True)
    out = root / f"out{suffix}"
    assert export_items(first, out, ItemQuery()) == len(items)
    import_items(second, out, quick=True)
    assert [canonical_bytes(b) for b in held(first)] == [
        canonical_bytes(b) for b in held(second)
    ]
    assert not list(root.glob("*.part"))


def test_an_import_never_opens_what_is_closed(node: Node, tmp_path: Path) -> None:
    plain = [item(0), item(1)]
    import_items(node, lines(tmp_path / "a.ndjson", plain))
    set_rule(node, "item", "c/i00000", Rule("group:basin", "registered", "open"))
    body, links = node.catalog.whole("item", "c/i00001")
    body["assets"]["data"]["ec:access"] = "group:basin"
    with node.catalog.transaction() as tx:
        tx.revise(Record("item", "c/i00001", body, links=links))
    # The same content is no conflict, whatever rule was set since.
    again = lines(tmp_path / "a.ndjson", plain[:1])
    assert import_items(node, again) == Imported(0, 0, 1)
    other = [item(0, title="other"), item(1, title="other")]
    other[0]["ec:access"] = {"fetch": "licence:x"}
    assert import_items(node, lines(tmp_path / "b.ndjson", other), replace=True).replaced == 2
    assert node.catalog.stated("item", "c/i00000") == (
        "group:basin", "licence:x & registered", "open",
    )  # fmt: skip
    assert node.catalog.items(ItemQuery(), PUBLIC).names == ("c/i00001",)
    assert not node.catalog.has_asset(other[1]["assets"]["data"]["href"], PUBLIC)


def test_what_was_withdrawn_is_not_imported_over_its_tombstone(
    node: Node, tmp_path: Path
) -> None:
    source = lines(tmp_path / "a.ndjson", [item(0), item(1)])
    import_items(node, source)
    withdraw(node, "item", "c/i00001", "error")
    for replace in (False, True):
        with pytest.raises(ConflictError, match="c/i00001 was withdrawn"):
            import_items(node, source, replace=replace)
    assert node.catalog.count("item") == 1


def test_an_import_is_in_the_audit_log_and_stops_where_its_right_ends(
    node: Node, tmp_path: Path
) -> None:
    source = lines(tmp_path / "a.ndjson", [item(n) for n in range(4)])
    assert import_items(node, source, batch=2).added == 4
    told = node.catalog.audit_log_of("collection", "c")
    assert [(line.action, line.detail.get("added")) for line in told] == [
        ("items-import", 2), ("items-import", 2), ("collection-widen", None),
    ]  # fmt: skip
    with node.catalog.transaction() as tx:
        tx.revise(Record("collection", "d", {"id": "d", "ec:owner": "hydro"}))
    moved = lines(tmp_path / "b.ndjson", [{**item(n), "collection": "d"} for n in range(4)])

    def hand_on(done: int) -> None:
        with node.catalog.transaction() as tx:
            tx.revise(Record("collection", "d", {"id": "d", "ec:owner": "basin"}))

    steward = Party("zhu", frozenset({"steward:hydro"}))
    with acting_as(steward), pytest.raises(AccessDeniedError):
        import_items(node, moved, batch=2, on_progress=hand_on)
    assert node.catalog.items(ItemQuery(collections=("d",))).matched == 2
