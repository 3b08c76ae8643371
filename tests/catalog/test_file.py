"""The catalogue's file: whose connection it is, which file it leads to, whose turn it is."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from earthcommons.catalog.file import CatalogFile
from earthcommons.errors import ConflictError

if TYPE_CHECKING:
    from pathlib import Path

ADD, ASK = "INSERT INTO label VALUES (?)", "SELECT label FROM label ORDER BY label"


def labels(file: CatalogFile) -> list[str]:
    return [row[0] for row in file.connection().execute(ASK)]


def test_what_is_written_stands_whole_or_not_at_all(tmp_path: Path) -> None:
    file = CatalogFile(tmp_path / "c.sqlite")
    with file.writing() as connection:
        connection.execute(ADD, ("one",))

    def fail() -> None:
        with file.writing() as connection:
            connection.execute(ADD, ("two",))
            raise ConflictError("no")

    with pytest.raises(ConflictError, match="no"):
        fail()
    assert labels(file) == ["one"]
    file.close()


def test_a_writer_writes_into_the_file_that_has_the_name_by_now(tmp_path: Path) -> None:
    file, other = CatalogFile(tmp_path / "c.sqlite"), CatalogFile(tmp_path / "other.sqlite")
    with file.writing() as connection:
        connection.execute(ADD, ("before",))
    with other.writing() as connection:
        connection.execute(ADD, ("made again",))
    other.close()
    with file.alone():
        for end in ("-wal", "-shm"):
            (tmp_path / f"c.sqlite{end}").unlink(missing_ok=True)
        (tmp_path / "other.sqlite").replace(tmp_path / "c.sqlite")
    with file.writing() as connection:
        connection.execute(ADD, ("new",))
    assert labels(file) == ["made again", "new"]
    file.close()


def test_each_thread_has_a_connection_and_closes_its_own(tmp_path: Path) -> None:
    file = CatalogFile(tmp_path / "c.sqlite")
    mine, theirs = file.connection(), []

    def ask() -> None:
        theirs.append(file.connection())
        file.close()

    other = threading.Thread(target=ask)
    other.start()
    other.join()
    assert theirs[0] is not mine
    assert file.connection() is mine
    assert labels(file) == []
    file.close()


def test_loading_gives_the_connection_back_as_it_was(tmp_path: Path) -> None:
    file = CatalogFile(tmp_path / "c.sqlite")

    def state() -> list[int]:
        names = ("cache_size", "wal_autocheckpoint", "foreign_keys")
        return [file.connection().execute(f"PRAGMA {n}").fetchone()[0] for n in names]

    before = state()
    with file.loading() as bring_in:
        assert state() != before
        with file.writing() as connection:
            connection.execute(ADD, ("one",))
        bring_in()
    assert state() == before
    assert labels(file) == ["one"]
    file.close()
