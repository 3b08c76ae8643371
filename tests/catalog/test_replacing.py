"""One catalogue file in the place of another: whole, or not at all."""

from __future__ import annotations

import os
import sqlite3
import stat
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.faults import together

from earthcommons.catalog import replacing
from earthcommons.catalog.file import CatalogFile
from earthcommons.catalog.replacing import copy_beside, open_named, swap_in
from earthcommons.errors import ConflictError

if TYPE_CHECKING:
    from collections.abc import Callable


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


def when_the_new_file_is_synced(
    monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]
) -> None:
    sync = os.fsync

    def also(descriptor: int) -> None:
        sync(descriptor)
        if "filling" in str(Path(f"/proc/self/fd/{descriptor}").readlink()):
            act()

    monkeypatch.setattr(os, "fsync", also)


def test_a_swap_that_fails_leaves_the_log_to_who_has_the_file_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = made(tmp_path / "a.sqlite", 1)

    def fail() -> None:
        raise OSError(28, "No space left on device")

    def fill() -> None:
        with copy_beside(place) as copy:
            add(copy, 2)

    when_the_new_file_is_synced(monkeypatch, fail)
    with closing(sqlite3.connect(place, isolation_level=None)) as open_before:
        assert open_before.execute("SELECT x FROM t").fetchall() == [(1,)]
        with pytest.raises(OSError, match="No space"):
            fill()
        # Through a log that has its name no more this would be seen by nobody.
        open_before.execute("INSERT INTO t VALUES (3)")
        assert held(place) == [1, 3]
    assert held(place) == [1, 3]


def test_who_opens_the_file_while_it_is_replaced_never_reads_the_log_of_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = made(tmp_path / "a.sqlite", *range(2000))
    opened: list[sqlite3.Connection] = []

    def look() -> None:
        opened.append(sqlite3.connect(place, isolation_level=None))
        opened[0].execute("PRAGMA user_version").fetchone()

    when_the_new_file_is_synced(monkeypatch, look)
    with copy_beside(place) as copy, closing(sqlite3.connect(copy)) as filled:
        filled.execute("DELETE FROM t")
        filled.commit()
    with closing(sqlite3.connect(place)) as writer:
        writer.executemany("INSERT INTO t VALUES (?)", [(n,) for n in range(5000)])
        writer.commit()
        # While the log of the new one is there.
        assert opened[0].execute("SELECT count(*) FROM t").fetchone() == (2000,)
        assert opened[0].execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    opened[0].close()


def test_a_file_that_was_replaced_while_it_was_opened_is_opened_again(tmp_path: Path) -> None:
    place, fresh = made(tmp_path / "a.sqlite", 1), made(tmp_path / "b.sqlite", 2)
    tried: list[int] = []

    def connect(file: Path) -> sqlite3.Connection:
        sql = sqlite3.connect(file)
        tried.append(1)
        if len(tried) == 1:
            swap_in(fresh, place)
            # What one file is with another's log.
            raise sqlite3.DatabaseError("database disk image is malformed")
        return sql

    sql, inode = open_named(place, connect)
    assert sql.execute("SELECT x FROM t").fetchall() == [(2,)]
    assert (inode, len(tried)) == (place.stat().st_ino, 2)
    sql.close()
    tried.clear()
    (tmp_path / "c.sqlite").write_bytes(b"no catalogue" * 100)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        open_named(tmp_path / "c.sqlite", sqlite3.connect)


def test_who_brings_the_log_in_beside_a_swap_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, fresh = made(tmp_path / "a.sqlite", 1), made(tmp_path / "b.sqlite", 2)
    asked: list[str] = []

    class Beside(sqlite3.Connection):
        def execute(self, sql: str, /, *_: object) -> sqlite3.Cursor:
            asked.append(sql)
            # SQLite waits for readers and writers, and not for another that does the same.
            return super().execute("SELECT 1, 0, 0" if len(asked) < 3 else sql)

    monkeypatch.setattr(replacing, "_WAIT_S", 30)
    monkeypatch.setattr(
        replacing, "_connect", lambda file: sqlite3.connect(file, factory=Beside)
    )
    swap_in(fresh, place)
    assert (held(place), len(asked)) == ([2], 4)


def test_a_link_to_the_catalogue_stays_one(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    there, link = made(tmp_path / "disk" / "a.sqlite", 1), tmp_path / "a.sqlite"
    link.symlink_to(there)
    before = there.stat().st_ino
    swap_in(made(tmp_path / "b.sqlite", 2), link)
    assert link.is_symlink()
    assert held(there) == [2]
    assert there.stat().st_ino != before


def test_a_catalogue_on_another_disk_is_replaced(tmp_path: Path) -> None:
    memory = Path("/dev/shm")  # noqa: S108
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("one disk")
    with tempfile.TemporaryDirectory(dir=memory) as name:
        place = made(Path(name) / "a.sqlite", 1)
        swap_in(made(tmp_path / "b.sqlite", 2), place, tmp_path / "kept.sqlite")
        assert [held(place), held(tmp_path / "kept.sqlite")] == [[2], [1]]
        assert sorted(file.name for file in place.parent.iterdir()) == ["a.sqlite"]
    assert not (tmp_path / "b.sqlite").exists()


def test_what_takes_the_place_is_open_to_whom_the_other_was(tmp_path: Path) -> None:
    place, fresh = made(tmp_path / "a.sqlite", 1), made(tmp_path / "b.sqlite", 2)
    place.chmod(0o600)
    fresh.chmod(0o644)
    swap_in(fresh, place)
    assert stat.S_IMODE(place.stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root acts for others")
def test_root_leaves_the_file_to_its_owner(tmp_path: Path) -> None:
    place = made(tmp_path / "a.sqlite", 1)
    os.chown(place, 1234, 2345)
    place.chmod(0o640)
    with copy_beside(place) as copy:
        assert (copy.stat().st_uid, stat.S_IMODE(copy.stat().st_mode)) == (1234, 0o640)
    found = place.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (1234, 2345, 0o640)
    swap_in(made(tmp_path / "b.sqlite"), place)
    assert (place.stat().st_uid, place.stat().st_gid) == (1234, 2345)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes a file another's")
def test_a_file_of_another_user_is_not_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = made(tmp_path / "a.sqlite", 1)
    os.chown(place, 1234, 2345)

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fchown", refuse)
    with pytest.raises(ConflictError, match="another user"), copy_beside(place):
        pytest.fail("nothing is begun")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.sqlite"]


def both(file: CatalogFile, who: int) -> None:
    with file.writing() as sql:
        sql.execute("INSERT INTO t (who) VALUES (?)", (who,))
        sql.execute("INSERT INTO u (who) VALUES (?)", (who,))


def swap_until(end: float, place: Path) -> int:
    done, file = 0, CatalogFile(place)
    while time.monotonic() < end:
        with file.replaced() as beside:
            copy = CatalogFile(beside, copy=True)
            with copy.loading():
                both(copy, 0)
            copy.close()
        done += 1
        if done % 5 == 0:
            # Who waits for its turn looks for it twenty times a second.
            time.sleep(0.06)
    return done


def write_until(end: float, place: Path) -> int:
    done, file = 0, CatalogFile(place)
    while time.monotonic() < end:
        both(file, 1)
        done += 1
        if done % 3 == 0:
            file.close()
        time.sleep(0.01)
    return done


def read_until(end: float, place: Path, *, anew: bool) -> None:
    last, file = 0, CatalogFile(place)
    while time.monotonic() < end:
        if anew:
            file = CatalogFile(place)
        with file.connection().whole() as sql:
            ours = sql.execute("SELECT count(*) FROM t").fetchone()[0]
            theirs = sql.execute("SELECT count(*) FROM u").fetchone()[0]
        assert ours == theirs >= last
        last = ours


def test_nobody_reads_a_mixture_or_loses_a_write_while_files_change_places(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replacing, "_WAIT_S", 30)
    place, end = tmp_path / "a.sqlite", time.monotonic() + 2.5
    file = CatalogFile(place)
    with file.writing() as reader:
        reader.execute("CREATE TABLE t (x INTEGER PRIMARY KEY, who)")
        reader.execute("CREATE TABLE u (x INTEGER PRIMARY KEY, who)")
    file.close()

    def work(number: int) -> None:
        if number < 2:
            done = (swap_until, write_until)[number](end, place)
            (tmp_path / f"done-{number}").write_text(str(done))
        elif number < 4:
            read_until(end, place, anew=number == 2)
        else:
            with ThreadPoolExecutor(2) as threads:
                beside = [threads.submit(read_until, end, place, anew=False) for _ in range(2)]
                for one in beside:
                    one.result()

    assert together(work, 5) == [0] * 5
    done = [int((tmp_path / f"done-{who}").read_text()) for who in (0, 1)]
    assert min(done) > 5
    with closing(sqlite3.connect(place)) as sql:
        found = sql.execute("SELECT count(*) FROM t GROUP BY who ORDER BY who").fetchall()
        assert [row[0] for row in found] == done
        assert sql.execute("PRAGMA integrity_check").fetchone() == ("ok",)
