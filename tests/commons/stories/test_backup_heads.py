"""A backup keeps the head of the audit log: who cuts its tail is found out."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from earthcommons.commons.stories.backup import backup
from earthcommons.commons.stories.backup_heads import head_text, read_head
from earthcommons.commons.stories.health import health
from earthcommons.commons.stories.restoring import kept_head, restore
from earthcommons.errors import IntegrityError, InvalidInputError
from earthcommons.model.canonical import canonical_bytes, digest_of, parse_strict
from earthcommons.model.party import OPERATOR
from earthcommons.policy import acting_as

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ended

    from earthcommons.commons import Node


def state(node: Node, *, through: bool = True) -> tuple[str, str]:
    with acting_as(OPERATOR):
        found = next(
            each for each in health(node, OPERATOR, through=through) if each.what == "audit log"
        )
    return found.state, found.said.code


def act(node: Node, times: int = 1) -> None:
    with acting_as(OPERATOR):
        for n in range(times):
            name = f"g{node.catalog.audit_head()[0]}-{n}"
            node.catalog.people.add_group(name, "Group", "组")


def cut(node: Node, keep: int) -> None:
    with closing(sqlite3.connect(node.root / "catalog.sqlite", isolation_level=None)) as sql:
        sql.execute("DROP TRIGGER audit_kept")
        sql.execute("DELETE FROM audit WHERE seq > ?", (keep,))


@pytest.mark.parametrize("name", ["backup", "backup.tar"])
def test_a_cut_tail_is_found_with_the_head_a_backup_kept(
    small: Node, tmp_path: Path, name: str
) -> None:
    assert state(small)[0] == "note"
    act(small, 3)
    head = small.catalog.audit_head()
    assert backup(small, tmp_path / name).audit_head == head_text(head)
    assert kept_head(tmp_path / name) == head
    act(small, 2)
    assert small.catalog.verify_audit(kept_head(tmp_path / name)) == head[0] + 2
    assert state(small) == state(small, through=False) == ("ok", "audit-goes-on")
    cut(small, head[0] - 1)
    # What is left is a chain: without the head nobody would know.
    assert small.catalog.verify_audit() == head[0] - 1
    with pytest.raises(IntegrityError, match=f"line {head[0]}"):
        small.catalog.verify_audit(kept_head(tmp_path / name))
    assert state(small) == state(small, through=False) == ("bad", "audit-cut")


def test_new_lines_do_not_hide_a_cut_nor_does_the_next_backup_in_silence(
    small: Node, tmp_path: Path
) -> None:
    act(small, 3)
    head = small.catalog.audit_head()
    assert backup(small, tmp_path / "b").audit_lost == ""
    cut(small, head[0] - 1)
    act(small, 4)
    assert state(small) == ("bad", "audit-cut")
    assert f"line {head[0]}" in backup(small, tmp_path / "b").audit_lost


def test_doctor_believes_the_backup_rather_than_the_node_s_own_word(
    small: Node, tmp_path: Path
) -> None:
    act(small, 3)
    head = small.catalog.audit_head()
    backup(small, tmp_path / "b")
    cut(small, head[0] - 1)
    told = head_text(small.catalog.audit_head())
    with closing(sqlite3.connect(small.root / "fixity.sqlite", isolation_level=None)) as sql:
        sql.execute("DROP TRIGGER event_fixed")
        sql.execute(
            "UPDATE event SET detail = json_set(detail, '$.audit_head', ?)"
            " WHERE what = 'backup'",
            (told,),
        )
    assert state(small) == ("bad", "audit-cut")


def reseal(snapshot: Path, **changes: object) -> None:
    """Write a snapshot's manifest anew, as somebody would who altered it."""
    manifest = parse_strict((snapshot / "manifest.json").read_bytes()) | changes
    if "audit_head" in changes and changes["audit_head"] is None:
        del manifest["audit_head"]
    data = canonical_bytes(manifest)
    (snapshot / "manifest.json").write_bytes(data)
    (snapshot / "manifest.sha256").write_text(digest_of(data))


def test_a_restored_chain_is_compared_with_the_head(small: Node, tmp_path: Path) -> None:
    act(small, 2)
    count, _ = small.catalog.audit_head()
    done = backup(small, tmp_path / "b")
    assert restore(tmp_path / "b", tmp_path / "whole").audit == ""
    snapshot = tmp_path / "b" / "snapshots" / done.snapshot
    for head in (f"{count}:{'0' * 64}", f"{count + 1}:{'0' * 64}"):
        reseal(snapshot, audit_head=head)
        with pytest.raises(IntegrityError, match="audit log, line"):
            restore(tmp_path / "b", tmp_path / "again")
        assert not (tmp_path / "again").exists()
    restored = restore(tmp_path / "b", tmp_path / "again", without_damaged=True)
    assert "audit log, line" in restored.audit
    reseal(snapshot, audit_head="x")
    with pytest.raises(IntegrityError, match=r"manifest\.json"):
        restore(tmp_path / "b", tmp_path / "third")
    # A backup of an earlier program kept none.
    reseal(snapshot, audit_head=None)
    assert kept_head(tmp_path / "b") is None
    assert restore(tmp_path / "b", tmp_path / "third").audit == ""


def test_a_head_is_read_as_it_is_written(small: Node) -> None:
    head = small.catalog.audit_head()
    assert read_head(head_text(head)) == head
    for wrong in ("", "7", "7:abc", f"-1:{'a' * 64}", f"1:{'g' * 64}", f"²:{'a' * 64}"):
        with pytest.raises(InvalidInputError):
            read_head(wrong)


def test_an_audit_log_that_was_dropped_is_named_and_nothing_is_written(
    small: Node, tmp_path: Path, cli: Callable[..., Ended]
) -> None:
    with closing(sqlite3.connect(small.root / "catalog.sqlite", isolation_level=None)) as sql:
        sql.execute("DROP TABLE audit")
    for ask in (small.catalog.verify_audit, small.catalog.audit_head):
        with pytest.raises(IntegrityError, match="audit log"):
            ask()
    with pytest.raises(IntegrityError, match="audit log"):
        act(small)
    assert state(small) == ("bad", "audit-gone")
    # What is left is worth a backup all the more.
    assert backup(small, tmp_path / "b").audit_head == ""
    for command in (["audit", "verify"], ["audit", "log"]):
        ended = cli(*command, "--node", str(small.root))
        assert ended.code == 6
        assert "audit log" in ended.err


def test_the_command_takes_the_head_out_of_a_backup(
    small: Node, tmp_path: Path, cli: Callable[..., Ended]
) -> None:
    act(small, 2)
    head = small.catalog.audit_head()
    place, at = str(tmp_path / "b"), str(small.root)
    ended = cli("backup", place, "--node", at)
    assert head_text(head) in ended.out
    act(small)
    for given in (place, head_text(head)):
        assert cli("audit", "verify", "--head", given, "--node", at).code == 0
    cut(small, head[0] - 1)
    for given in (place, head_text(head)):
        assert cli("audit", "verify", "--head", given, "--node", at).code == 6
    assert cli("audit", "verify", "--head", "nonsense", "--node", at).code == 2
    ended = cli("backup", place, "--node", at)
    assert (ended.code, f"line {head[0]}" in ended.err) == (6, True)


def test_an_empty_log_is_a_head_too(small: Node, tmp_path: Path) -> None:
    with closing(sqlite3.connect(small.root / "catalog.sqlite", isolation_level=None)) as sql:
        sql.execute("DROP TRIGGER audit_kept")
        sql.execute("DELETE FROM audit")
    backup(small, tmp_path / "b")
    assert restore(tmp_path / "b", tmp_path / "again").audit == ""
    assert state(small)[0] == "ok"
    add_group = small.catalog.verify_audit(kept_head(tmp_path / "b"))
    assert add_group == 0
