"""One catalogue file in the place of another: whole, or not at all."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from earthcommons.catalog import replacing
from earthcommons.catalog.replacing import copy_beside, swap_in
from earthcommons.errors import ConflictError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replacing, "_WAIT_S", 0.1)


def made(file: Path, *numbers: int) -> Path:
    with closing(sqlite3.connect(file)) as sql:
        sql.execute("PRAGMA journal_mode = WAL")
        sql.execute("CREATE TABLE t (x)")
    add(file, *numbers)
    return file


def add(file: Path, *numbers: int) -> None:
    with closing(sqlite3.connect(file)) as sql:
        sql.executemany("INSERT INTO t VALUES (?)", [(n,) for n in numbers])
        sql.commit()


def held(file: Path) -> list[int]:
    with closing(sqlite3.connect(file)) as sql:
        return [row[0] for row in sql.execute("SELECT x FROM t ORDER BY x")]


def test_a_catalogue_whose_past_is_read_is_not_replaced(tmp_path: Path) -> None:
    place, fresh = made(tmp_path / "a.sqlite", 1), made(tmp_path / "b.sqlite")
    with closing(sqlite3.connect(place, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM t").fetchall()
        add(place, 2)
        with pytest.raises(ConflictError, match="in use"):
            swap_in(fresh, place)
        with pytest.raises(ConflictError, match="in use"), copy_beside(place):
            pytest.fail("nothing is begun")
    assert held(place) == [1, 2]
    assert not list(tmp_path.glob("*filling*"))


def test_a_filled_copy_takes_the_place_with_what_stood_in_the_log(tmp_path: Path) -> None:
    place = made(tmp_path / "a.sqlite", 1)
    with closing(sqlite3.connect(place)) as reader:
        # A log that nobody closed.
        reader.execute("SELECT * FROM t").fetchall()
        add(place, 2)
        with copy_beside(place) as copy:
            add(copy, 3)
            assert held(place) == [1, 2]
    assert held(place) == [1, 2, 3]
    assert not list(tmp_path.glob("*filling*"))


def test_a_copy_that_was_not_filled_whole_goes(tmp_path: Path) -> None:
    place = made(tmp_path / "a.sqlite", 1)

    def fail() -> None:
        with copy_beside(place) as copy:
            add(copy, 2)
            raise ConflictError("no")

    with pytest.raises(ConflictError, match="no"):
        fail()
    assert held(place) == [1]
    assert not list(tmp_path.glob("*filling*"))


def test_who_has_the_old_file_open_takes_nothing_from_the_new_one(tmp_path: Path) -> None:
    place = made(tmp_path / "a.sqlite", 1)
    with closing(sqlite3.connect(place)) as old:
        old.execute("SELECT * FROM t").fetchall()
        with copy_beside(place) as copy:
            add(copy, 2)
        with closing(sqlite3.connect(place)) as new:
            new.execute("INSERT INTO t VALUES (3)")
            new.commit()
            # The last one to close a file brings its log in and removes it: not that of another.
            old.close()
            new.execute("INSERT INTO t VALUES (4)")
            new.commit()
            assert held(place) == [1, 2, 3, 4]
    assert held(place) == [1, 2, 3, 4]
