"""The catalogue under faults: a commit that fails, objects left behind, writers beside readers."""

from __future__ import annotations

import contextlib
import errno
import sqlite3
import threading
from typing import TYPE_CHECKING, Any

import pytest

from earthcommons.catalog import Catalog, file, rebuild
from earthcommons.catalog.reader import Reader
from earthcommons.errors import UpstreamError
from earthcommons.model import PUBLIC, Record
from earthcommons.store import LocalStore

if TYPE_CHECKING:
    from pathlib import Path

FULL = "database or disk is full"


def item(title: str, label: str = "open", version: int = 1) -> Record:
    asset: dict[str, Any] = {"href": "/objects/" + "a" * 64 + ".tif"}
    if label != "open":
        asset["ec:access"] = label
    body = {
        "type": "Feature", "id": "a", "collection": "c", "bbox": [0, 0, 1, 1],
        "geometry": {"type": "Point", "coordinates": [0.5, 0.5]},
        "properties": {"datetime": "2015-11-01T00:00:00Z", "title": title},
        "assets": {"data": asset},
    }  # fmt: skip
    return Record("item", "c/a", body, version)


def opened(root: Path, name: str = "catalog.sqlite") -> Catalog:
    return Catalog(root / name, LocalStore(root))


class _FailingCommit(Reader):
    """A connection whose next commit finds the disk full, before or after SQLite rolled back."""

    left = 0
    by_itself = False

    def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
        if statement == "COMMIT" and self.left:
            self.left -= 1
            if self.by_itself:
                super().execute("ROLLBACK")
            raise sqlite3.OperationalError(FULL)
        return super().execute(statement, *values)


@pytest.mark.parametrize("by_itself", [False, True])
def test_a_commit_that_fails_is_a_typed_error_and_the_next_write_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_itself: bool
) -> None:
    def failing(file: Path) -> Reader:
        made = sqlite3.connect(file, isolation_level=None, factory=_FailingCommit)
        made.by_itself = by_itself
        return made

    opened(tmp_path).close()
    monkeypatch.setattr(file, "open_reader", failing)
    catalog = opened(tmp_path)
    connection = catalog._file.connection()
    assert isinstance(connection, _FailingCommit)
    connection.left = 1
    with pytest.raises(UpstreamError, match=FULL) as no, catalog.transaction() as tx:
        tx.put(item("lost"))
    assert no.value.code == "storage"
    assert catalog.count("item") == 0
    with catalog.transaction() as tx:
        tx.put(item("kept"))
    assert catalog.get("item", "c/a")["properties"]["title"] == "kept"
    catalog.close()


def fail_once(catalog: Catalog, record: Record) -> None:
    """Write a record whose object becomes durable and whose commit never comes."""
    with contextlib.suppress(UpstreamError), catalog.transaction() as tx:
        tx.put(record)
        tx.settle()
        raise OSError(errno.EIO, "gone")


def test_an_object_whose_commit_failed_does_not_spoil_a_rebuild(tmp_path: Path) -> None:
    catalog = opened(tmp_path)
    with catalog.transaction() as tx:
        tx.put(Record("collection", "c", {"id": "c"}))
        tx.put(item("first"))
    fail_once(catalog, item("failed", version=2))
    for again, settled in (("a", catalog.settled), ("b", None)):
        fresh = opened(tmp_path, f"{again}.sqlite")
        rebuild(fresh, LocalStore(tmp_path), lambda _: [], settled)
        assert (list(fresh.dump()) == list(catalog.dump())) is (settled is not None)
        fresh.close()
    with catalog.transaction() as tx:
        tx.put(item("second", version=2))
    # Without the old catalogue the retry is known by its age.
    for again, settled in (("c", catalog.settled), ("d", None)):
        fresh = opened(tmp_path, f"{again}.sqlite")
        rebuild(fresh, LocalStore(tmp_path), lambda _: [], settled)
        assert list(fresh.dump()) == list(catalog.dump())
        fresh.close()
    catalog.close()


def test_a_catalogue_is_opened_while_another_process_writes(tmp_path: Path) -> None:
    catalog = opened(tmp_path)
    with catalog.transaction() as tx:
        tx.put(item("kept"))
    with catalog.transaction() as tx:
        tx.put(Record("collection", "c", {"id": "c"}))
        reading = opened(tmp_path)
        assert (reading.count("item"), reading.count("collection")) == (1, 0)
        reading.close()
    catalog.close()


def test_bytes_are_judged_by_labels_of_one_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A version that retires between two statements takes the labels of its assets with it."""
    catalog = opened(tmp_path)
    with catalog.transaction() as tx:
        tx.put(Record("collection", "c", {"id": "c"}))
        tx.put(item("first", "group:basin"))
    between: list[int] = []

    def write() -> None:
        other = opened(tmp_path)
        with other.transaction() as tx:
            tx.revise(item(f"version {len(between)}", "group:basin"))
        other.close()

    class Slow(Reader):
        def execute(self, statement: str, *values: Any) -> sqlite3.Cursor:
            if statement.startswith(
                ("SELECT name, access FROM asset", "SELECT 1 FROM address")
            ):
                between.append(1)
                writer = threading.Thread(target=write)
                writer.start()
                writer.join()
            return super().execute(statement, *values)

    def slow(file: Path) -> Reader:
        return sqlite3.connect(file, isolation_level=None, timeout=30, factory=Slow)

    with monkeypatch.context() as patch:
        patch.setattr(file, "open_reader", slow)
        reading = opened(tmp_path)
        reading._file.connection()
    assert not reading.has_asset("/objects/" + "a" * 64 + ".tif", PUBLIC)
    assert reading.get("item", "c/a", PUBLIC)["ec:withheld"] == {"data": ["group"]}
    assert len(between) == 2
    reading.close()
    catalog.close()
