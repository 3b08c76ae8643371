from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import stat
import threading
import time
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from tests.commons.stories.conftest import add_item, flip, key_of

from earthcommons.commons import Node, open_node
from earthcommons.commons.node import rebuild_catalog
from earthcommons.commons.stories import backup as backup_story
from earthcommons.commons.stories.backup import backup
from earthcommons.commons.stories.collecting import collect
from earthcommons.commons.stories.fixity import FixityLog, copies_at, scrub
from earthcommons.commons.stories.health import health
from earthcommons.commons.stories.restoring import restore
from earthcommons.errors import (
    ConflictError,
    IntegrityError,
    InvalidInputError,
    NotFoundError,
    UpstreamError,
)
from earthcommons.model import Record
from earthcommons.model.canonical import canonical_bytes, digest_of
from earthcommons.model.party import OPERATOR
from earthcommons.policy import acting_as

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ended


def rows(root: Path) -> list[str]:
    node = open_node(root)
    found = list(node.catalog.dump())
    node.catalog.close()
    return found


@pytest.mark.parametrize("name", ["backup", "backup.tar"])
def test_a_restored_node_is_the_node_that_was_backed_up(
    small: Node, tmp_path: Path, name: str
) -> None:
    keys = small.root / "keys"
    keys.mkdir(mode=0o700)
    secret = keys / "node.key"
    secret.touch(mode=0o600)
    secret.write_text("secret")
    done = backup(small, tmp_path / name)
    assert done.objects == done.copied == len(list(small.store.all_keys()))
    assert done.damaged == []
    restored = restore(tmp_path / name, tmp_path / "again")
    assert restored.objects == done.objects
    assert rows(tmp_path / "again") == rows(small.root)
    again = open_node(tmp_path / "again")
    assert list(again.store.all_keys()) == list(small.store.all_keys())
    assert scrub(again).sound
    assert rebuild_catalog(again) > 0
    assert [c.seq for c in again.catalog.changes(limit=-1, party=OPERATOR)] == [
        c.seq for c in small.catalog.changes(limit=-1, party=OPERATOR)
    ]
    again.catalog.close()
    copied = tmp_path / "again" / "keys" / "node.key"
    assert (copied.read_text(), stat.S_IMODE(copied.stat().st_mode)) == ("secret", 0o600)
    if name.endswith(".tar"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_a_second_backup_copies_only_what_is_new_and_both_can_be_restored(
    small: Node, tmp_path: Path, geotiff: Callable[..., Path]
) -> None:
    first = backup(small, tmp_path / "b")
    nothing = backup(small, tmp_path / "b")
    assert (nothing.objects, nothing.copied, nothing.bytes) == (first.objects, 0, 0)
    add_item(small, geotiff, "third", 7)
    third = backup(small, tmp_path / "b")
    # Data, original file and record; the collection's extent is as it was.
    assert third.objects - first.objects == third.copied == 3
    restore(tmp_path / "b", tmp_path / "new")
    restore(tmp_path / "b", tmp_path / "old", first.snapshot)
    assert any("c/third" in row for row in rows(tmp_path / "new"))
    assert not any("c/third" in row for row in rows(tmp_path / "old"))


def test_a_backup_made_while_a_writer_publishes_dangles_nowhere(
    small: Node, tmp_path: Path
) -> None:
    acknowledged: list[int] = []
    stop = threading.Event()

    def write() -> None:
        other = open_node(small.root)
        while not stop.is_set():
            n = len(acknowledged)
            with other.catalog.transaction() as tx:
                tx.put(Record("offer", f"offer-{n}", {"id": f"offer-{n}", "title": str(n)}))
            acknowledged.append(n)
        other.catalog.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for trial in range(3):
            while len(acknowledged) < 5 * (trial + 1):
                stop.wait(0.01)
            before = len(acknowledged)
            backup(small, tmp_path / "b")
            # restore() itself refuses a catalogue that names an object which is not there.
            root = tmp_path / f"r{trial}"
            restore(tmp_path / "b", root)
            node = open_node(root)
            offers = {int(o["title"]) for o in node.catalog.all("offer", OPERATOR)}
            assert set(range(before)) <= offers, f"trial {trial}: acknowledged before, lost"
            assert offers == set(range(len(offers)))
            assert scrub(node).sound
            node.catalog.close()
    finally:
        stop.set()
        writer.join()


def test_nothing_is_collected_while_a_backup_runs_and_so_nothing_is_missed(
    small: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "unneeded.bin"
    file.write_bytes(b"handed in and never published")
    key = small.store.put_file(file, suffix=".bin")
    then = time.time() - 30 * 86_400
    os.utime(small.store.path(key), (then, then))
    refused: list[str] = []

    def copied(node: Node, name: str, target: Any) -> list[Any]:
        with acting_as(OPERATOR), pytest.raises(ConflictError) as error:
            collect(node, remove=True)
        refused.append(error.value.code)
        with acting_as(OPERATOR):
            assert key in collect(node).objects
        return copy(node, name, target)

    copy = backup_story._copy_object
    monkeypatch.setattr(backup_story, "_copy_object", copied)
    done = backup(small, tmp_path / "b")
    assert set(refused) == {"backup-runs"}
    assert (done.damaged, done.objects) == ([], len(list(small.store.all_keys())))
    with acting_as(OPERATOR):
        assert list(collect(small, remove=True).objects) == [key]


def test_a_damaged_backup_is_refused_by_name_and_leaves_nothing(
    small: Node, tmp_path: Path
) -> None:
    done = backup(small, tmp_path / "b")
    key = key_of(small, "c/first")
    lost = key_of(small, "c/second")
    flip(tmp_path / "b" / "objects" / key[:2] / key)
    (tmp_path / "b" / "objects" / lost[:2] / lost).unlink()
    with pytest.raises(IntegrityError) as told:
        restore(tmp_path / "b", tmp_path / "again")
    assert key in told.value.found
    assert lost in told.value.found
    assert not (tmp_path / "again").exists()
    assert not (tmp_path / "again.restoring").exists()
    part = restore(tmp_path / "b", tmp_path / "part", without_damaged=True)
    assert sorted(part.without) == sorted([key, lost])
    node = open_node(tmp_path / "part")
    with pytest.raises(NotFoundError) as missing:
        node.store.path(key)
    assert missing.value.code == "asset-unavailable"
    assert scrub(node, copies=copies_at(small.root)).sound
    node.catalog.close()
    # The next backup copies them anew when asked to read what it holds.
    assert backup(small, tmp_path / "b", verify=True).copied == 2
    assert restore(tmp_path / "b", tmp_path / "again").objects == done.objects


@pytest.mark.parametrize(
    "which", ["catalog.sqlite", "node.toml", "manifest.json", "manifest.sha256"]
)
def test_a_damaged_catalogue_or_manifest_is_refused_whatever_is_asked(
    small: Node, tmp_path: Path, which: str
) -> None:
    done = backup(small, tmp_path / "b")
    flip(tmp_path / "b" / "snapshots" / done.snapshot / which)
    with pytest.raises((IntegrityError, InvalidInputError)):
        restore(tmp_path / "b", tmp_path / "again", without_damaged=True)
    assert not (tmp_path / "again").exists()


def test_every_tenth_byte_of_a_tar_backup_matters(small: Node, tmp_path: Path) -> None:
    """Flip one byte at many places: either the restore is refused, or nothing of it differs."""
    backup(small, tmp_path / "b.tar")
    good = (tmp_path / "b.tar").read_bytes()
    trials = refused = 0
    for at in range(100, len(good), len(good) // 40):
        data = bytearray(good)
        data[at] ^= 0x10
        (tmp_path / "bad.tar").write_bytes(data)
        trials += 1
        try:
            restore(tmp_path / "bad.tar", tmp_path / f"r{at}")
        except (IntegrityError, InvalidInputError, NotFoundError):
            refused += 1
            assert not (tmp_path / f"r{at}").exists()
        else:
            assert rows(tmp_path / f"r{at}") == rows(small.root)
            shutil.rmtree(tmp_path / f"r{at}")
    assert refused >= trials // 2


def test_a_damaged_object_of_the_node_is_left_out_said_and_never_spoils_a_good_copy(
    small: Node, tmp_path: Path
) -> None:
    backup(small, tmp_path / "old")
    key = key_of(small, "c/first")
    flip(small.store.path(key))
    fresh = backup(small, tmp_path / "new")
    assert fresh.damaged == [key]
    assert list(small.store.suspects()) == [key]
    with pytest.raises(IntegrityError):
        restore(tmp_path / "new", tmp_path / "again")
    # The folder that had a good copy keeps it, and the node is repaired from it.
    assert backup(small, tmp_path / "old").damaged == []
    assert scrub(small, copies=copies_at(tmp_path / "old")).repaired == [key]
    assert restore(tmp_path / "old", tmp_path / "again").without == ()


def test_a_backup_that_was_interrupted_is_none(
    small: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0
    fsync = os.fsync

    def full(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls > 12:
            raise OSError(28, "No space left on device")
        fsync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(UpstreamError, match="No space"):
            backup(small, tmp_path / "b")
        calls = 12
        with pytest.raises(UpstreamError, match="No space"):
            backup(small, tmp_path / "b.tar")
    with pytest.raises(NotFoundError):
        restore(tmp_path / "b", tmp_path / "again")
    assert not (tmp_path / "b.tar").exists()
    backup(small, tmp_path / "b")
    assert restore(tmp_path / "b", tmp_path / "again").objects > 0


def test_a_backup_inside_the_node_and_a_restore_over_something_are_refused(
    small: Node, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInputError):
        backup(small, small.root / "b")
    backup(small, tmp_path / "b.tar")
    with pytest.raises(ConflictError):
        backup(small, tmp_path / "b.tar")
    with pytest.raises(ConflictError):
        restore(tmp_path / "b.tar", small.root)
    with pytest.raises(NotFoundError):
        restore(tmp_path / "b.tar", tmp_path / "again", "yesterday")
    with pytest.raises(NotFoundError):
        restore(small.root, tmp_path / "again")


def test_a_manifest_that_leaves_the_folder_is_refused(small: Node, tmp_path: Path) -> None:
    done = backup(small, tmp_path / "b")
    file = tmp_path / "b" / "snapshots" / done.snapshot / "manifest.json"
    manifest = json.loads(file.read_bytes())
    manifest["files"][0][0] = "../escaped"
    file.write_bytes(canonical_bytes(manifest))
    file.with_suffix(".sha256").write_text(digest_of(file.read_bytes()))
    with pytest.raises(IntegrityError):
        restore(tmp_path / "b", tmp_path / "again")
    assert not (tmp_path / "escaped").exists()


def test_linked_objects_share_their_bytes_with_the_node(small: Node, tmp_path: Path) -> None:
    backup(small, tmp_path / "b", link=True)
    key = key_of(small, "c/first")
    linked = tmp_path / "b" / "objects" / key[:2] / key
    assert linked.samefile(small.store.path(key))
    assert restore(tmp_path / "b", tmp_path / "again").without == ()


def test_doctor_tells_of_the_last_backup_and_whether_it_was_ever_restored(
    small: Node, tmp_path: Path, cli: Callable[..., Ended]
) -> None:
    def told() -> tuple[str, str]:
        found = next(each for each in health(small, OPERATOR) if each.what == "last backup")
        return found.state, found.said.code

    assert told() == ("note", "never-backed-up")
    assert cli("backup", tmp_path / "b", "--node", small.root).code == 0
    assert told() == ("note", "backed-up-untried")
    assert cli("restore", tmp_path / "b", tmp_path / "again").code == 0
    assert told() == ("ok", "backed-up-tried")
    assert "last restored and verified 20" in cli("doctor", "--node", small.root).out
    rows = cli("doctor", "--node", small.root, "--json").json()
    assert {tuple(row) for row in rows} == {("what", "state", "code", "text")}
    assert ("last backup", "backed-up-tried") in [(row["what"], row["code"]) for row in rows]


def test_a_restore_from_a_tar_is_told_too_but_not_of_the_next_tar_of_that_name(
    small: Node, tmp_path: Path, cli: Callable[..., Ended]
) -> None:
    tar = tmp_path / "b.tar"

    def told() -> str:
        return next(line for line in cli("doctor", "--node", small.root).out.splitlines()
                    if "last backup" in line)  # fmt: skip

    backup(small, tar)
    restore(tar, tmp_path / "again")
    assert re.search(r"verified \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", told())
    assert "+00:00" not in cli("doctor", "--node", tmp_path / "again").out
    tar.unlink()
    backup(small, tar)
    assert "never restored" in told()


def test_moments_an_earlier_program_wrote_are_told_with_a_z(
    small: Node, cli: Callable[..., Ended]
) -> None:
    FixityLog(small.root).close()
    with closing(sqlite3.connect(small.root / "fixity.sqlite")) as log, log:
        facts = '{"place": "/b", "damaged": []}'
        log.execute(
            "INSERT INTO event (at, what, detail) VALUES (?, 'backup', ?)",
            ("2026-01-02T03:04:05+00:00", facts),
        )
    assert "2026-01-02T03:04:05Z" in cli("doctor", "--node", small.root).out


def test_a_node_restored_from_a_bucket_keeps_its_objects_in_its_folder(
    small: Node, tmp_path: Path
) -> None:
    file = small.root / "node.toml"
    file.write_text(file.read_text("utf-8") + '\nstore_url = "s3://bucket1/p"\n', "utf-8")
    backup(small, tmp_path / "c")
    restore(tmp_path / "c", tmp_path / "r")
    node = open_node(tmp_path / "r")
    assert node.settings.store_url == ""
    assert node.store.read(key_of(small, "c/first")) == small.store.read(
        key_of(small, "c/first")
    )
    assert scrub(node).sound
    node.catalog.close()
