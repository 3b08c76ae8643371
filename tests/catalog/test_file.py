"""The catalogue's file: whose connection it is, which file it leads to, whose turn it is."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from earthcommons.catalog.file import CatalogFile
from earthcommons.errors import ConflictError, UpstreamError

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


def test_a_folder_named_from_here_is_the_same_one_from_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "else").mkdir()
    monkeypatch.chdir(tmp_path)
    file = CatalogFile(Path("c.sqlite"))
    with file.writing() as connection:
        connection.execute(ADD, ("one",))
    monkeypatch.chdir(tmp_path / "else")
    file.close()
    assert labels(file) == ["one"]
    assert list((tmp_path / "else").iterdir()) == []
    file.close()


def test_why_a_copy_failed_is_told_though_what_is_left_of_it_is_damaged(tmp_path: Path) -> None:
    file = CatalogFile(tmp_path / "c.sqlite")

    def fill() -> None:
        with file.replaced() as place:
            copy = CatalogFile(place, copy=True)
            with copy.loading():
                with copy.writing() as connection:
                    connection.execute(ADD, ("one",))
                place.write_bytes(b"half a page")
                raise UpstreamError("the disk is full", code="storage")

    with pytest.raises(UpstreamError, match="the disk is full"):
        fill()
    assert labels(file) == []
    assert not list(tmp_path.glob("*filling*"))
    file.close()


def test_an_end_by_hand_while_a_statement_runs_is_no_fault_of_the_disk(tmp_path: Path) -> None:
    file = CatalogFile(tmp_path / "c.sqlite")

    def end() -> None:
        raise KeyboardInterrupt

    def write() -> None:
        with file.writing() as connection:
            connection.set_progress_handler(end, 1)
            connection.execute("INSERT INTO label VALUES (1), (2), (3)")

    with pytest.raises(KeyboardInterrupt):
        write()

    def read() -> None:
        with file.connection().bounded() as connection:
            connection.execute("SELECT count(*) FROM label, label, label, label")

    with pytest.raises(KeyboardInterrupt):
        read()
    file.connection().set_progress_handler(None, 0)
    assert labels(file) == []
    file.close()
