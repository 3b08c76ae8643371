"""How batches are written: how much a transaction holds, and when all goes into a copy."""

from __future__ import annotations

import sqlite3
import stat
import threading
from contextlib import closing, nullcontext
from typing import TYPE_CHECKING

import orjson
import pytest
from fastapi.testclient import TestClient
from tests.commons.stories.test_bulk import held, item, lines, node_at, rows

from earthcommons.catalog import ItemQuery
from earthcommons.commons import Node, open_node
from earthcommons.commons.guard import alone
from earthcommons.commons.node import rebuild_catalog
from earthcommons.commons.stories import bulk, bulk_writing
from earthcommons.commons.stories.bulk import Imported, export_items, import_items
from earthcommons.commons.stories.bulk_writing import Pace, writable
from earthcommons.commons.stories.withdrawing import withdraw
from earthcommons.errors import ConflictError, InvalidInputError
from earthcommons.model import Record
from earthcommons.web.app import create_app

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("as_operator")


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return node_at(tmp_path / "node")


@pytest.fixture
def copying(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an import of a few items go into a copy."""
    monkeypatch.setattr(bulk, "_PIECE", 2)
    monkeypatch.setattr(bulk_writing, "_COPY_FROM", 0)
    monkeypatch.setattr("earthcommons.catalog.Catalog.size", lambda _: 0)


def of(node: Node) -> int:
    return (node.root / "catalog.sqlite").stat().st_ino


def schema(node: Node) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(node.root / "catalog.sqlite")) as sql:
        return sql.execute("SELECT name, sql FROM sqlite_schema ORDER BY name").fetchall()


def leftovers(node: Node) -> list[str]:
    return [file.name for file in node.root.glob("catalog.filling*")]


def test_transactions_grow_to_as_many_whole_pieces_as_they_may_hold(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "_PIECE", 2)
    monkeypatch.setattr(bulk_writing, "ALONE", Pace(2, 7, 10.0))
    told: list[int] = []
    source = lines(tmp_path / "a.ndjson", [item(n) for n in range(20)])
    import_items(node, source, on_progress=told.append)
    assert told == [2, 6, 12, 18, 20]


@pytest.mark.parametrize(("served", "sizes"), [(False, [6, 9]), (True, [2, 4, 6, 8, 9])])
def test_a_transaction_that_is_open_for_long_takes_no_more_in(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, served: bool, sizes: list[int]
) -> None:
    monkeypatch.setattr(bulk, "_PIECE", 2)
    monkeypatch.setattr(bulk_writing, "ALONE", Pace(6, 9, 10.0))
    monkeypatch.setattr(bulk_writing, "_BESIDE", Pace(6, 6, 0.0))
    told: list[int] = []
    source = lines(tmp_path / "a.ndjson", [item(n) for n in range(9)])
    with alone(node.root, "a server") if served else nullcontext():
        import_items(node, source, on_progress=told.append)
    assert told == sizes


def test_while_a_server_holds_the_node_transactions_are_shorter(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "_PIECE", 2)
    monkeypatch.setattr(bulk_writing, "ALONE", Pace(6, 6, 10.0))
    monkeypatch.setattr(bulk_writing, "_BESIDE", Pace(4, 4, 10.0))
    told: list[int] = []
    import_items(
        node,
        lines(tmp_path / "a.ndjson", [item(n) for n in range(12)]),
        on_progress=told.append,
    )
    with alone(node.root, "a server"):
        more = lines(tmp_path / "b.ndjson", [item(n) for n in range(12, 24)])
        import_items(node, more, on_progress=told.append)
    assert told == [6, 12, 4, 8, 12]


def test_a_transaction_holds_no_more_bytes_than_it_may(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "_PIECE", 2)
    monkeypatch.setattr(bulk_writing, "_MOST_BYTES", 5_000)
    told: list[int] = []
    source = lines(tmp_path / "a.ndjson", [item(n, title="x" * 1000) for n in range(8)])
    import_items(node, source, on_progress=told.append)
    assert told == [2, 4, 6, 8]


@pytest.mark.usefixtures("copying")
def test_a_copy_holds_what_transactions_would_have_made(tmp_path: Path) -> None:
    ours, theirs = node_at(tmp_path / "a"), node_at(tmp_path / "b")
    source = lines(tmp_path / "a.ndjson", [item(n, title=f"Lake {n}") for n in range(60)])
    before = of(ours)
    assert import_items(ours, source) == import_items(theirs, source, batch=7)
    assert of(ours) != before
    assert rows(ours) == rows(theirs)
    assert list(ours.catalog.dump()) == list(theirs.catalog.dump())
    assert ours.catalog.check() == "ok"
    assert ours.catalog.verify_audit() > 0
    assert leftovers(ours) == []
    with closing(sqlite3.connect(ours.root / "catalog.sqlite")) as sql:
        assert sql.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert sql.execute("PRAGMA foreign_key_check").fetchall() == []
    assert schema(ours) == schema(theirs)
    assert import_items(ours, source) == Imported(0, 0, 60)


@pytest.mark.usefixtures("copying")
def test_who_has_the_node_open_meets_what_came_in(node: Node, tmp_path: Path) -> None:
    source = lines(tmp_path / "a.ndjson", [item(n) for n in range(9)])
    reader = open_node(node.root)
    assert reader.catalog.count("item") == 0
    import_items(node, source)
    assert reader.catalog.count("item") == 9
    with reader.catalog.transaction() as tx:
        tx.put(Record("collection", "new", {"id": "new"}))
    assert node.catalog.version("collection", "new") is not None


@pytest.mark.usefixtures("copying")
def test_a_read_that_was_begun_ends_with_what_there_was(node: Node, tmp_path: Path) -> None:
    import_items(node, lines(tmp_path / "a.ndjson", [item(n) for n in range(3)]), batch=3)
    bodies = node.catalog.all("collection")
    with closing(sqlite3.connect(node.root / "catalog.sqlite")) as sql:
        sql.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        sql.execute("BEGIN")
        count = "SELECT count(*) FROM item"
        assert sql.execute(count).fetchone() == (3,)
        import_items(node, lines(tmp_path / "b.ndjson", [item(n) for n in range(3, 9)]))
        assert sql.execute(count).fetchone() == (3,)
    assert node.catalog.count("item") == 9
    assert [body["id"] for body in bodies] == ["c", "d"]


@pytest.mark.usefixtures("copying")
def test_a_copy_that_is_ended_leaves_the_catalogue_as_it_was(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_writing, "_IN_COPY", Pace(2, 2, 10.0))
    source = lines(tmp_path / "a.ndjson", [item(n) for n in range(9)])
    before, file = list(node.catalog.dump()), of(node)

    def end(done: int) -> None:
        if done >= 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_items(node, source, on_progress=end)
    assert (list(node.catalog.dump()), of(node), leftovers(node)) == (before, file, [])
    (node.root / "catalog.filling.sqlite").write_bytes(b"what a killed import leaves")
    assert import_items(node, source) == Imported(9, 0, 0)
    assert leftovers(node) == []


@pytest.mark.usefixtures("copying")
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"id": "../x"}, InvalidInputError),
        ({"id": "i00099", "properties": {"datetime": "2015-01-01T00:00:00Z"}}, ConflictError),
    ],
)
def test_what_came_before_a_refusal_is_in_the_copy(
    node: Node, tmp_path: Path, fault: dict[str, object], error: type[Exception]
) -> None:
    import_items(node, lines(tmp_path / "a.ndjson", [item(99, title="before")]), batch=1)
    items = [*(item(n) for n in range(5)), {**item(5), **fault}]
    with pytest.raises(error):
        import_items(node, lines(tmp_path / "b.ndjson", items))
    assert len(held(node)) == 1 + 4
    assert node.catalog.check() == "ok"


@pytest.mark.usefixtures("copying")
def test_a_server_is_not_begun_while_a_copy_is_filled_and_writers_are_told(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("earthcommons.catalog.file._WAIT_S", 0.1)
    told: list[str] = []

    def others(_: int) -> None:
        def try_to() -> None:
            with pytest.raises(ConflictError, match="in use by earthcommons bulk import"):
                alone(node.root, "a server").__enter__()
            with (
                pytest.raises(ConflictError, match="fills or replaces"),
                open_node(node.root).catalog.transaction(),
            ):
                pass
            told.append("both")

        thread = threading.Thread(target=try_to)
        thread.start()
        thread.join()

    import_items(node, lines(tmp_path / "a.ndjson", [item(1)]), on_progress=others)
    assert told == ["both"]
    with alone(node.root, "a server"):
        pass


@pytest.mark.usefixtures("copying")
@pytest.mark.parametrize("beside", ["server", "reader"])
def test_beside_a_server_or_a_reader_of_the_past_all_goes_into_the_catalogue(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beside: str
) -> None:
    monkeypatch.setattr("earthcommons.catalog.replacing._WAIT_S", 0.1)
    source, file = lines(tmp_path / "a.ndjson", [item(n) for n in range(3)]), of(node)
    with closing(sqlite3.connect(node.root / "catalog.sqlite")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM item").fetchall()
        with node.catalog.transaction() as tx:
            tx.put(Record("collection", "since", {"id": "since"}))
        if beside == "server":
            reader.rollback()
        with alone(node.root, "a server") if beside == "server" else nullcontext():
            assert import_items(node, source).added == 3
    assert of(node) == file


@pytest.mark.usefixtures("copying")
def test_a_copy_takes_as_much_as_there_is_and_the_next_the_rest(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_writing, "_IN_COPY", Pace(2, 2, 10.0))
    monkeypatch.setattr(bulk_writing, "_COPY_TAKES", 2_000)
    files: list[int] = []
    source = lines(tmp_path / "a.ndjson", [item(n) for n in range(12)])
    import_items(node, source, on_progress=lambda _: files.append(of(node)))
    assert 1 < len(set(files)) < len(files)
    assert node.catalog.items(ItemQuery()).matched == 12


def test_a_file_smaller_than_the_catalogue_goes_into_the_catalogue(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_writing, "_COPY_FROM", 0)
    file = of(node)
    import_items(node, lines(tmp_path / "a.ndjson", [item(1)]))
    assert of(node) == file


@pytest.mark.usefixtures("copying")
def test_the_copy_is_as_open_as_the_catalogue_and_no_more_while_it_is_filled(
    node: Node, tmp_path: Path
) -> None:
    (node.root / "catalog.sqlite").chmod(0o640)
    modes: list[int] = []

    def look(_: int) -> None:
        copy = node.root / "catalog.filling.sqlite"
        modes.append(stat.S_IMODE(copy.stat().st_mode))

    import_items(node, lines(tmp_path / "a.ndjson", [item(1)]), on_progress=look)
    modes.append(stat.S_IMODE((node.root / "catalog.sqlite").stat().st_mode))
    assert modes == [0o640, 0o640]


def test_what_a_killed_import_left_goes_with_the_next_also_one_into_the_catalogue(
    node: Node, tmp_path: Path
) -> None:
    for name in ("catalog.filling.sqlite", "catalog.filling.sqlite.lock"):
        (node.root / name).write_bytes(b"what a killed import leaves")
    with node.catalog.alone():
        # Another import fills one now.
        node.catalog.tidy()
    assert len(leftovers(node)) == 2
    import_items(node, lines(tmp_path / "a.ndjson", [item(1)]))
    assert leftovers(node) == []


@pytest.mark.usefixtures("copying")
@pytest.mark.parametrize("copied", [False, True])
def test_without_room_for_a_copy_all_goes_into_the_catalogue(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copied: bool
) -> None:
    source = lines(tmp_path / "a.ndjson", [item(n) for n in range(9)])
    room = bulk_writing._GROWS * source.stat().st_size - 1 + copied
    monkeypatch.setattr("earthcommons.catalog.Catalog.room", lambda _: room)
    file = of(node)
    import_items(node, source)
    assert (of(node) != file) is copied


def test_parquet_counts_as_what_it_is_as_lines(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [item(n, title="A lake " * 100) for n in range(400)]
    text = lines(tmp_path / "a.ndjson", items)
    import_items(node, text)
    packed = tmp_path / "a.parquet"
    export_items(node, packed, ItemQuery())
    assert packed.stat().st_size < text.stat().st_size / 10
    other = node_at(tmp_path / "other")
    monkeypatch.setattr(bulk_writing, "_COPY_FROM", int(text.stat().st_size * 0.9))
    monkeypatch.setattr("earthcommons.catalog.Catalog.size", lambda _: 0)
    file = of(other)
    import_items(other, packed)
    assert of(other) != file
    assert list(other.catalog.dump()) == list(node.catalog.dump())


@pytest.mark.usefixtures("copying")
def test_who_ends_a_copy_is_told_what_is_in(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_writing, "_IN_COPY", Pace(2, 2, 10.0))
    told: list[int] = []

    def end(done: int) -> None:
        told.append(done)
        if done == 6:
            raise KeyboardInterrupt

    source = lines(tmp_path / "a.ndjson", [item(n) for n in range(9)])
    with pytest.raises(KeyboardInterrupt):
        import_items(node, source, on_progress=end)
    assert (told, len(held(node))) == ([2, 4, 6, 0], 0)


@pytest.mark.usefixtures("copying")
def test_what_a_rebuild_finds_of_an_ended_import_stands_in_the_log_of_changes(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_writing, "_IN_COPY", Pace(2, 2, 10.0))

    def end(done: int) -> None:
        if done == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_items(
            node, lines(tmp_path / "a.ndjson", [item(n) for n in range(9)]), on_progress=end
        )
    before = node.catalog.changes()
    rebuild_catalog(node)
    import_items(node, lines(tmp_path / "b.ndjson", [item(n) for n in range(20, 23)]))
    after = node.catalog.changes()
    assert after[: len(before)] == before
    assert [change.seq for change in after] == list(range(1, len(after) + 1))
    names = {change.id for change in after if change.kind == "item"}
    assert names == {f"c/{body['id']}" for body in held(node)}
    assert len(names) == 6 + 3


def test_a_collection_withdrawn_while_collections_are_listed_is_left_out(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = node.catalog.all

    def then_one_goes(kind: str) -> list[dict[str, object]]:
        found = listed(kind)
        withdraw(node, "collection", "d", "error")
        return found

    monkeypatch.setattr(node.catalog, "all", then_one_goes)
    assert writable(node, "") == {"c"}


@pytest.mark.usefixtures("copying")
def test_pages_go_on_where_they_were_when_a_copy_took_the_place(
    node: Node, tmp_path: Path
) -> None:
    import_items(node, lines(tmp_path / "a.ndjson", [item(n) for n in range(9)]))
    first = node.catalog.items(ItemQuery(limit=5))
    # Newer than all: what comes after a page is as it was.
    later = [
        {**item(n), "properties": {"datetime": f"2099-12-{n:02d}T00:00:00Z"}} for n in (20, 21)
    ]
    import_items(node, lines(tmp_path / "b.ndjson", later))
    rest = node.catalog.items(ItemQuery(limit=9, token=first.token))
    names = [orjson.loads(body)["id"] for page in (first, rest) for body in page.bodies]
    assert sorted(names) == [f"i{n:05d}" for n in range(9)]


@pytest.mark.usefixtures("copying")
def test_an_app_that_is_open_answers_from_what_took_the_place(
    node: Node, tmp_path: Path
) -> None:
    with TestClient(create_app(node)) as client:
        counts = []
        for start in (0, 4, 8):
            import_items(
                node,
                lines(tmp_path / "a.ndjson", [item(n) for n in range(start, start + 4)]),
            )
            answer = client.get("/stac/search", params={"limit": 1})
            counts.append(answer.json()["numberMatched"])
    assert counts == [4, 8, 12]
