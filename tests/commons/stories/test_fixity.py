from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from unittest import mock

import pytest
from starlette.testclient import TestClient
from tests.commons.stories.conftest import flip, key_of

from earthcommons.commons import Node, make_node, open_node
from earthcommons.commons.node import rebuild_catalog
from earthcommons.commons.stories import fixity
from earthcommons.commons.stories.fixity import FixityLog, ScrubPlan, copies_at, scrub
from earthcommons.commons.stories.health import health
from earthcommons.commons.stories.verifying import verify
from earthcommons.cube import open_array
from earthcommons.errors import IntegrityError, InvalidInputError, NotFoundError
from earthcommons.model import Record
from earthcommons.model.party import OPERATOR
from earthcommons.web import create_app

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TILE = "/tiles/c/first/data/2/2/1.png?low=0&high=9"


def state(node: Node, what: str) -> tuple[str, str]:
    found = next(each for each in health(node, OPERATOR) if each.what == what)
    return found.state, found.said.text()


def test_a_scrub_of_a_sound_node_reads_every_object_once(small: Node) -> None:
    done = scrub(small)
    keys = list(small.store.all_keys())
    assert (done.read, done.sound, done.left) == (len(keys), True, 0)
    assert done.bytes == sum(small.store.size(key) for key in keys)
    assert state(small, "last scrub")[0] == "ok"


def test_t11_a_flipped_bit_is_named_and_never_served_as_good(small: Node) -> None:
    key = key_of(small, "c/first")
    client = TestClient(create_app(small))
    assert client.get(f"/objects/{key}").status_code == 200
    assert client.get(TILE).status_code == 200
    flip(small.store.path(key))
    done = scrub(small)
    assert done.damaged == [key]
    assert done.missing == []
    # The same tile again, which the server has kept, and another it has not.
    for path in (f"/objects/{key}", TILE, TILE.replace("high=9", "high=8")):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["type"].rsplit(":", 1)[-1]) == (
            502, "asset-corrupt",
        ), path  # fmt: skip
    with pytest.raises(IntegrityError):
        open_array(small.catalog.get("item", "c/first", OPERATOR), small.store)
    row = small.catalog.get("series", "tree-cover", OPERATOR)["run"]
    with closing(sqlite3.connect(small.root / "catalog.sqlite")) as sql:
        observation = sql.execute("SELECT id FROM observation WHERE run = ?", (row,)).fetchone()
    with pytest.raises(IntegrityError):
        verify(small, observation[0], party=OPERATOR)
    # The other item is none the worse.
    assert client.get(f"/objects/{key_of(small, 'c/second')}").status_code == 200
    assert state(small, "suspect objects")[0] == "bad"
    with closing(FixityLog(small.root)) as log:
        assert ("suspect", key) in [(what, d.get("key")) for what, d in log.events()]


def test_t12_a_lost_object_is_named_and_answered_as_unavailable(small: Node) -> None:
    key = key_of(small, "c/first")
    client = TestClient(create_app(small))
    place = small.store.path(key)
    place.unlink()
    assert scrub(small).missing == [key]
    answer = client.get(f"/objects/{key}")
    assert (answer.status_code, answer.json()["type"].rsplit(":", 1)[-1]) == (
        503, "asset-unavailable",
    )  # fmt: skip


def test_a_lost_record_is_named_though_its_row_can_still_be_read(
    small: Node, tmp_path: Path
) -> None:
    shutil.copytree(small.root, tmp_path / "copy")
    known = small.catalog.version("item", "c/first")
    assert known is not None
    key = f"{known[1]}.record"
    small.store.path(key).unlink()
    assert scrub(small).missing == [key]
    assert scrub(small, copies=copies_at(tmp_path / "copy")).repaired == [key]
    with small.catalog.transaction() as tx:
        for n in range(60):
            tx.put(Record("offer", f"o{n}", {"id": f"o{n}"}))
    assert scrub(small).sound
    (batch,) = small.store.all_keys(".records")
    small.store.path(batch).unlink()
    assert len(scrub(small).missing) == 60


def test_a_suspect_stays_one_for_another_process_and_after_a_rebuild(small: Node) -> None:
    key = key_of(small, "c/first")
    server = open_node(small.root)
    assert server.store.path(key).exists()
    flip(small.store.path(key))
    scrub(small)
    with pytest.raises(IntegrityError) as told:
        server.store.path(key)
    assert told.value.code == "asset-corrupt"
    rebuild_catalog(small)
    again = open_node(small.root)
    assert list(again.store.suspects()) == [key]
    again.catalog.close()
    server.catalog.close()


def test_a_damaged_and_a_lost_object_are_repaired_from_another_node(
    small: Node, tmp_path: Path
) -> None:
    shutil.copytree(small.root, tmp_path / "copy")
    damaged, lost = key_of(small, "c/first"), key_of(small, "c/second")
    good = small.store.read(damaged)
    flip(small.store.path(damaged))
    small.store.path(lost).unlink()
    done = scrub(small, copies=copies_at(tmp_path / "copy"))
    assert sorted(done.repaired) == sorted([damaged, lost])
    assert done.sound
    assert small.store.read(damaged) == good
    small.store.verify(lost)
    assert dict(small.store.suspects()) == {}
    assert scrub(small).sound


def test_a_copy_that_is_damaged_too_repairs_nothing(small: Node, tmp_path: Path) -> None:
    shutil.copytree(small.root, tmp_path / "copy")
    key = key_of(small, "c/first")
    flip(small.store.path(key))
    flip(copies_at(tmp_path / "copy").path(key))
    done = scrub(small, copies=copies_at(tmp_path / "copy"))
    assert done.damaged == [key]
    assert done.repaired == []
    with pytest.raises(IntegrityError):
        small.store.path(key)


def test_a_tree_that_lost_a_chunk_is_repaired_whole(tmp_path: Path) -> None:
    keys = []
    for name in ("a", "b"):
        node = make_node(tmp_path / name)
        with node.store.stage() as folder:
            (folder / "t" / "c").mkdir(parents=True)
            (folder / "t" / "zarr.json").write_text("{}")
            (folder / "t" / "c" / "0").write_bytes(b"chunk")
            keys.append(node.store.put_tree(folder / "t", ".zarr"))
        node.catalog.close()
    assert keys[0] == keys[1]
    node = open_node(tmp_path / "a")
    (node.store.path(keys[0]) / "c" / "0").unlink()
    assert scrub(node).damaged == [keys[0]]
    assert scrub(node, copies=copies_at(tmp_path / "b")).repaired == [keys[0]]
    node.store.verify(keys[0])
    node.catalog.close()


def test_a_scrub_with_a_limit_goes_on_where_it_stopped(small: Node) -> None:
    total = len(list(small.store.all_keys()))
    first = scrub(small, ScrubPlan(limit_bytes=1))
    assert (first.read, first.left) == (1, total - 1)
    rounds = 1
    since = datetime.now(UTC) + timedelta(seconds=2)
    seen = first.read
    while seen < total:
        seen += scrub(small, ScrubPlan(before=None, limit_bytes=1)).read
        rounds += 1
    with closing(sqlite3.connect(small.root / "fixity.sqlite")) as sql:
        assert sql.execute("SELECT count(*) FROM verified").fetchone()[0] == total
    assert scrub(small, ScrubPlan(before=since - timedelta(days=1))).read == 0
    assert scrub(small, ScrubPlan(before=since)).read == total
    assert rounds == total


@pytest.mark.parametrize("sample", [2, 7])
def test_samples_of_all_days_together_read_every_object(
    small: Node, sample: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    today = datetime.now(UTC)
    read: list[str] = []
    for day in range(sample):
        then = today + timedelta(day)
        monkeypatch.setattr(fixity, "datetime", mock.Mock(now=mock.Mock(return_value=then)))
        scrub(small, ScrubPlan(sample=sample), tell=lambda _n, _t, key: read.append(key))
    assert sorted(read) == sorted(small.store.all_keys())


def test_a_block_that_cannot_be_read_makes_its_object_suspect_at_once(small: Node) -> None:
    key = key_of(small, "c/first")
    place = small.store.path(key)
    place.chmod(0o644)
    place.write_bytes(place.read_bytes()[:200])
    answer = TestClient(create_app(small)).get(TILE)
    assert (answer.status_code, list(small.store.suspects())) == (502, [key])


def test_a_plan_that_reads_nothing_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        ScrubPlan(sample=0)
    with pytest.raises(InvalidInputError):
        ScrubPlan(limit_bytes=0)


def test_the_log_of_fixity_cannot_be_rewritten(small: Node) -> None:
    scrub(small)
    with closing(sqlite3.connect(small.root / "fixity.sqlite")) as sql:
        for statement in ("DELETE FROM event", "UPDATE event SET what = 'x'"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                sql.execute(statement)


def test_scrub_from_the_command_line_says_what_is_damaged_and_repairs_it(
    small: Node, tmp_path: Path, cli: Callable[..., object]
) -> None:
    from tests.cli.conftest import Ended

    shutil.copytree(small.root, tmp_path / "copy")
    key = key_of(small, "c/first")
    flip(small.store.path(key))
    ended = cli("scrub", "--node", small.root, "--json")
    assert isinstance(ended, Ended)
    assert ended.code == 6
    assert json.loads(ended.out)["damaged"] == [key]
    refused = cli("scrub", "--node", small.root, "--repair")
    assert isinstance(refused, Ended)
    assert refused.code == 2
    mended = cli("scrub", "--node", small.root, "--repair", "--from", tmp_path / "copy")
    assert isinstance(mended, Ended)
    assert (mended.code, f"repaired  {key}" in mended.out) == (0, True)


def test_a_place_without_objects_is_no_copy(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        copies_at(tmp_path)


def test_a_damaged_batch_is_repaired_before_its_records_are_called_lost(
    small: Node, tmp_path: Path
) -> None:
    with small.catalog.transaction() as tx:
        for n in range(60):
            tx.put(Record("offer", f"o{n}", {"id": f"o{n}"}))
    shutil.copytree(small.root, tmp_path / "copy")
    (batch,) = small.store.all_keys(".records")
    flip(small.store.path(batch))
    done = scrub(small, copies=copies_at(tmp_path / "copy"))
    assert (done.repaired, done.missing, done.sound) == ([batch], [], True)
    assert done.read == scrub(small).read


@pytest.mark.parametrize("damage", ["{", "null"])
def test_a_list_of_suspects_that_cannot_be_read_closes_downloads_until_a_scrub(
    small: Node, damage: str
) -> None:
    key, good = key_of(small, "c/first"), key_of(small, "c/second")
    flip(small.store.path(key))
    assert scrub(small).damaged == [key]
    (small.root / "suspect.json").write_text(damage)
    client = TestClient(create_app(small))
    # Nobody knows which of them was damaged.
    for each in (key, good):
        answer = client.get(f"/objects/{each}")
        kind = answer.json()["type"].rsplit(":", 1)[-1]
        assert (answer.status_code, kind) == (502, "suspects-unreadable")
    assert client.get("/en/node").status_code == 200
    found, said = state(small, "suspect objects")
    assert found == "bad"
    assert "suspect.json" in said
    # All of them are read, whatever part of them was asked for.
    done = scrub(small, ScrubPlan(sample=1000, limit_bytes=1))
    assert (done.damaged, done.left) == ([key], 0)
    assert list(small.store.suspects()) == [key]
    assert client.get(f"/objects/{good}").status_code == 200
    assert client.get(f"/objects/{key}").status_code == 502
