from __future__ import annotations

import os
import sqlite3
import tarfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from earthcommons.catalog import migrations
from earthcommons.catalog.migrations import check_schema, schema_of
from earthcommons.catalog.schema import SCHEMA_VERSION
from earthcommons.commons import open_node
from earthcommons.commons.guard import alone
from earthcommons.commons.stories import migrating
from earthcommons.commons.stories.fixity import scrub
from earthcommons.commons.stories.migrating import confirm, migrate, roll_back
from earthcommons.errors import (
    ConflictError,
    IntegrityError,
    InvalidInputError,
    NotFoundError,
)
from earthcommons.model import Record
from earthcommons.model.party import OPERATOR

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.cli.conftest import Ended

FIXTURE = Path(__file__).parents[2] / "fixtures" / "node_schema_1.tar.gz"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A node as a program of schema 1 left it."""
    with tarfile.open(FIXTURE) as tar:
        tar.extractall(tmp_path, filter="data")
    return tmp_path / "node"


def table(file: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(file)) as opened:
        return opened.execute(sql).fetchall()


CHANGES = "SELECT seq, kind, id, version, digest FROM change ORDER BY seq"
RECORDS = "SELECT kind, id, version, digest, body FROM record ORDER BY 1, 2, 3"


def test_a12_an_older_node_says_how_to_migrate_and_is_not_touched(old: Path) -> None:
    before = (old / "catalog.sqlite").read_bytes()
    with pytest.raises(InvalidInputError, match="earthcommons migrate") as told:
        open_node(old)
    assert told.value.code == "schema-version"
    assert (old / "catalog.sqlite").read_bytes() == before


def test_a12_a_newer_node_is_refused_and_not_touched(old: Path) -> None:
    with closing(sqlite3.connect(old / "catalog.sqlite")) as sql:
        sql.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    for attempt in (open_node, migrate):
        with pytest.raises(InvalidInputError, match="newer program") as told:
            attempt(old)
        assert told.value.code == "schema-version"
    assert schema_of(old / "catalog.sqlite") == SCHEMA_VERSION + 1


def test_a12_a_node_of_schema_1_is_migrated_with_all_its_records(old: Path) -> None:
    place = old / "catalog.sqlite"
    records, changes = table(place, RECORDS), table(place, CHANGES)
    done = migrate(old)
    assert (done.before, done.after, done.carried["change"]) == (
        1,
        SCHEMA_VERSION,
        len(changes),
    )
    assert schema_of(place) == SCHEMA_VERSION
    assert table(place, RECORDS) == records
    assert table(place, CHANGES) == changes
    node = open_node(old)
    assert node.catalog.get("offer", "offer-revised", OPERATOR)["title"] == "second"
    assert node.catalog.count("offer", OPERATOR) == 61
    assert node.catalog.version("offer", "offer-revised") is not None
    with pytest.raises(NotFoundError):
        node.catalog.get("need", "need-hidden")
    assert node.catalog.get("need", "need-hidden", OPERATOR) == {"id": "need-hidden"}
    assert scrub(node).sound
    # The log of changes goes on where it stood.
    with node.catalog.transaction() as tx:
        tx.put(Record("offer", "offer-new", {"id": "offer-new"}))
    assert table(place, CHANGES)[-1][0] == len(changes) + 1
    node.catalog.close()
    assert migrate(old).before == SCHEMA_VERSION


def test_a_dry_run_says_what_would_be_and_changes_nothing(old: Path) -> None:
    before = (old / "catalog.sqlite").read_bytes()
    done = migrate(old, dry_run=True)
    assert (done.records, done.kept) == (68, "")
    assert (old / "catalog.sqlite").read_bytes() == before
    assert list((old / "tmp").iterdir()) == []


def test_a_migration_that_fails_at_any_sync_leaves_the_old_or_the_new_whole(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = table(old / "catalog.sqlite", RECORDS)
    fsync, replace = os.fsync, Path.replace
    for n in range(1, 40):
        left = n

        def count(call: Callable[..., Any]) -> Callable[..., Any]:
            def counted(*given: Any) -> Any:
                nonlocal left
                left -= 1
                if left == 0:
                    raise OSError(28, "No space left on device")
                return call(*given)

            return counted

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", count(fsync))
            patch.setattr(Path, "replace", count(replace))
            patch.setattr(os, "link", count(os.link))
            try:
                migrate(old)
            except OSError:
                version = schema_of(old / "catalog.sqlite")
                assert version in (1, SCHEMA_VERSION)
                assert table(old / "catalog.sqlite", RECORDS) == records
                if version == SCHEMA_VERSION:
                    break
                continue
        break
    migrate(old)
    assert n >= 4, f"only {n} steps could fail"
    assert schema_of(old / "catalog.sqlite") == SCHEMA_VERSION
    assert table(old / "catalog.sqlite", RECORDS) == records


def test_a_migration_refuses_when_an_object_is_lost_or_damaged(old: Path) -> None:
    place = old / "catalog.sqlite"
    digest = table(place, "SELECT digest FROM record WHERE kind = 'item'")[0][0]
    record = old / "objects" / digest[:2] / f"{digest}.record"
    data = record.read_bytes()
    record.unlink()
    with pytest.raises(IntegrityError, match="old/cover"):
        migrate(old)
    record.write_bytes(data.replace(b"Cover", b"Clover"))
    with pytest.raises(IntegrityError):
        migrate(old)
    assert schema_of(place) == 1


def test_a_migration_waits_for_nobody_who_serves(old: Path) -> None:
    with alone(old, "earthcommons serve"), pytest.raises(ConflictError, match="serve"):
        migrate(old)
    assert schema_of(old / "catalog.sqlite") == 1


def test_the_old_catalogue_can_be_put_back_until_something_is_published(old: Path) -> None:
    migrate(old)
    assert roll_back(old) == 1
    assert schema_of(old / "catalog.sqlite") == 1
    with pytest.raises(NotFoundError):
        roll_back(old)
    migrate(old)
    node = open_node(old)
    with node.catalog.transaction() as tx:
        tx.put(Record("offer", "offer-new", {"id": "offer-new"}))
    node.catalog.close()
    with pytest.raises(ConflictError, match="1 changes"):
        roll_back(old)
    assert schema_of(old / "catalog.sqlite") == SCHEMA_VERSION
    assert confirm(old) == ("catalog.schema-1.sqlite",)
    assert confirm(old) == ()


def test_what_lives_in_the_catalogue_alone_and_cannot_go_over_stops_the_migration(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Forgetful(migrating.Catalog):
        def adopt(self, other: Path) -> None:
            del other

    monkeypatch.setattr(migrating, "Catalog", Forgetful)
    with closing(sqlite3.connect(old / "catalog.sqlite")) as sql:
        sql.execute("INSERT INTO change (kind, id, version, digest) VALUES ('a', 'b', 1, 'c')")
        sql.commit()
    with pytest.raises(IntegrityError, match="table change"):
        migrate(old)
    assert schema_of(old / "catalog.sqlite") == 1


def test_a_catalogue_in_use_is_not_swapped(tmp_path: Path) -> None:
    place, fresh = tmp_path / "a.sqlite", tmp_path / "b.sqlite"
    for file in (place, fresh):
        with closing(sqlite3.connect(file)) as sql:
            sql.execute("PRAGMA journal_mode = WAL")
            sql.execute("CREATE TABLE t (x)")
    with closing(sqlite3.connect(place, isolation_level=None)) as reader:
        reader.execute("INSERT INTO t VALUES (1)")
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM t").fetchall()
        with closing(sqlite3.connect(place)) as writer:
            writer.execute("INSERT INTO t VALUES (2)")
            writer.commit()
            patched = pytest.MonkeyPatch()
            patched.setattr(migrations, "_WAIT_S", 0.1)
            with pytest.raises(ConflictError, match="in use"):
                migrations.swap_in(fresh, place)
            patched.undo()
    assert table(place, "SELECT count(*) FROM t") == [(2,)]


def test_this_schema_and_none_are_let_through() -> None:
    check_schema(0)
    check_schema(SCHEMA_VERSION)


def test_migrate_from_the_command_line(old: Path, cli: Callable[..., Ended]) -> None:
    refused = cli("search", "--node", old)
    assert (refused.code, "earthcommons migrate" in refused.err) == (2, True)
    dry = cli("migrate", "--node", old, "--dry-run")
    assert "nothing was changed" in dry.out
    done = cli("migrate", "--node", old)
    assert f"schema 1 to {SCHEMA_VERSION}" in done.out
    assert cli("search", "--node", old).code == 0
    assert "schema 1 is in place" in cli("migrate", "--node", old, "--rollback").out
    assert cli("migrate", "--node", old).code == 0
    assert "catalog.schema-1.sqlite" in cli("migrate", "--node", old, "--confirm").out
    assert cli("migrate", "--node", old, "--confirm", "--rollback").code == 2
