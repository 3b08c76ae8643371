from __future__ import annotations

import os
import shutil
import sqlite3
import sys
import tarfile
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.faults import Steps, in_a_child
from tests.trials import every

from earthcommons.catalog import audit
from earthcommons.catalog.migrations import check_schema, kept_file, schema_of
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
from earthcommons.policy import acting_as

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


STATEMENTS = ("BEGIN IMMEDIATE", "COMMIT", "ROLLBACK", "PRAGMA wal_checkpoint", "ATTACH")


def counted(steps: Steps, patch: pytest.MonkeyPatch) -> None:
    """Count the syncs, names and statements of a migration."""
    for place, name in (
        (os, "fsync"), (os, "link"), (Path, "replace"), (Path, "rename"), (Path, "unlink"),
    ):  # fmt: skip
        patch.setattr(place, name, steps.around(getattr(place, name)))
    connect = sqlite3.connect

    def connecting(
        *given: Any, factory: type[sqlite3.Connection] = sqlite3.Connection, **more: Any
    ) -> sqlite3.Connection:
        class Counted(factory):  # type: ignore[misc, valid-type]
            def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
                if not sql.startswith(STATEMENTS):
                    return super().execute(sql, *values)  # type: ignore[no-any-return]
                steps.step(of_sqlite=True)
                done: sqlite3.Cursor = super().execute(sql, *values)
                steps.step(of_sqlite=True)
                return done

        return connect(*given, factory=Counted, **more)

    patch.setattr(sqlite3, "connect", connecting)


def faulty(act: Callable[[Path], object], root: Path, steps: Steps) -> str:
    """Do something to a node in a process of its own; return how it ended."""

    def work() -> None:
        with pytest.MonkeyPatch.context() as patch:
            counted(steps, patch)
            act(root)

    return in_a_child(work)


@pytest.fixture
def in_use(old: Path) -> Path:
    """A node whose last write still lies in the log beside its catalogue."""
    place = old / "catalog.sqlite"
    with closing(sqlite3.connect(place, isolation_level=None)) as sql:
        assert sql.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        sql.execute("INSERT INTO change (kind, id, version, digest) VALUES ('a', 'b', 1, 'c')")
        copy = old.with_name("in-use")
        shutil.copytree(old, copy)
    assert (copy / "catalog.sqlite-wal").stat().st_size > 0
    return copy


@pytest.mark.parametrize("fault", ["killed", "full", "broken"])
@pytest.mark.parametrize("name", ["migrate", "roll back"])
def test_a_fault_at_any_step_of_a_migration_leaves_the_old_or_the_new_whole(
    in_use: Path, tmp_path: Path, name: str, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    held = [table(in_use / "catalog.sqlite", sql) for sql in (RECORDS, CHANGES)]
    act: Callable[[Path], object] = migrate if name == "migrate" else roll_back
    if name == "roll back":
        migrate(in_use)
    wanted = SCHEMA_VERSION if name == "migrate" else 1
    ends, seen = Counter[str](), Counter[int]()
    at, step = 0, 1 if every() else 5
    while True:
        at += step
        root = Path(shutil.copytree(in_use, tmp_path / "trial"))
        place = root / "catalog.sqlite"
        steps = Steps(at, fault)
        ended = faulty(act, root, steps)
        assert ended != "untyped", f"step {at}"
        version = schema_of(place)
        assert version in (1, SCHEMA_VERSION), f"neither after step {at}"
        assert table(place, "PRAGMA integrity_check") == [("ok",)]
        assert [table(place, sql) for sql in (RECORDS, CHANGES)] == held, f"step {at}"
        if version == SCHEMA_VERSION:
            open_node(root).catalog.close()
        else:
            with pytest.raises(InvalidInputError, match="earthcommons migrate"):
                open_node(root)
        if version != wanted:
            act(root)
        assert schema_of(place) == wanted
        assert [table(place, sql) for sql in (RECORDS, CHANGES)] == held
        if name == "migrate":
            kept = kept_file(place, 1)
            assert [table(kept, sql) for sql in (RECORDS, CHANGES)] == held
            assert roll_back(root) == 1
        shutil.rmtree(root)
        if not steps.hit:
            break
        ends[ended] += 1
        seen[version] += 1
    with capsys.disabled():
        sys.stdout.write(f"\n{name}, {fault}: {dict(ends)}, schemas left {dict(seen)}\n")
    assert ends["killed" if fault == "killed" else "refused"] >= 2


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


def test_a_key_that_was_ended_and_its_line_in_the_log_are_not_rolled_back(old: Path) -> None:
    migrate(old)
    node = open_node(old)
    with acting_as(OPERATOR):
        node.catalog.people.add("mei", "Mei", password="correct horse battery")  # noqa: S106
    node.catalog.credentials.open_session("mei")
    node.catalog.close()
    with pytest.raises(ConflictError, match=r"1 acts .*account-add mei"):
        roll_back(old)
    assert schema_of(old / "catalog.sqlite") == SCHEMA_VERSION


def test_who_only_signed_in_since_does_not_keep_a_node_from_going_back(old: Path) -> None:
    migrate(old)
    with closing(sqlite3.connect(old / "catalog.sqlite")) as sql:
        audit.append(sql, "sign-in", "account", "mei", {})
        sql.commit()
    assert roll_back(old) == 1


def test_acts_before_the_migration_do_not_count(old: Path) -> None:
    migrate(old)
    kept = kept_file(old / "catalog.sqlite", 1)
    for file, actions in ((kept, ("a",)), (old / "catalog.sqlite", ("a", "b"))):
        with closing(sqlite3.connect(file)) as sql:
            if file == kept:
                sql.executescript(audit.AUDIT_SCHEMA)
            for action in actions:
                audit.append(sql, action, "account", "mei", {})
            sql.commit()
    with pytest.raises(ConflictError, match=r"1 acts .*first b mei"):
        roll_back(old)


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
