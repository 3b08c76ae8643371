"""Objects that nothing needs go after their grace; whatever anything needs stays."""

from __future__ import annotations

import os
import random
import sqlite3
import sys
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.commons.stories.acts import MEI
from tests.commons.stories.conftest import cli
from tests.faults import together
from tests.web.access_node import collection, item

from earthcommons.catalog.batches import pack
from earthcommons.commons import Node, make_node, open_node
from earthcommons.commons.stories import collecting, submitting
from earthcommons.commons.stories.collecting import collect
from earthcommons.commons.stories.fixity import needed_keys, scrub
from earthcommons.commons.stories.uploading import begin_upload, finished_key, receive
from earthcommons.commons.stories.withdrawing import withdraw
from earthcommons.errors import AccessDeniedError, InvalidInputError
from earthcommons.model import OPERATOR, PUBLIC, Record
from earthcommons.policy import acting_as, moment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.cli.conftest import Ended

__all__ = ["cli"]

DAY = 86_400.0


@pytest.fixture
def node(tmp_path: Path) -> Iterator[Node]:
    made = make_node(tmp_path / "node")
    with acting_as(OPERATOR):
        begin(made)
        yield made
    made.catalog.close()


def begin(node: Node) -> None:
    with node.catalog.transaction() as tx:
        tx.put(Record("collection", "snow", collection("snow")))


def aged(node: Node, key: str, days: float = 30) -> str:
    """Let an object be as if put so many days ago."""
    then = time.time() - days * DAY
    os.utime(node.store.path(key), (then, then))
    return key


def named(id_: str, key: str) -> dict[str, object]:
    return item(id_) | {"assets": {"data": {"href": f"/objects/{key}"}}}


def uploaded(node: Node, data: bytes) -> str:
    with acting_as(MEI):
        id_ = begin_upload(node, len(data), "a.csv").id
        with receive(node, id_, 0) as piece:
            piece.write(data)
            piece.close(whole=True)
        return finished_key(node, id_)[0]


def _in_item(node: Node, key: str) -> None:
    with node.catalog.transaction() as tx:
        tx.put(Record("item", f"snow/{key[:8]}", named(key[:8], key)))


def _in_withdrawn(node: Node, key: str) -> None:
    _in_item(node, key)
    withdraw(node, "item", f"snow/{key[:8]}", "error")


def _in_earlier_version(node: Node, key: str) -> None:
    _in_item(node, key)
    with node.catalog.transaction() as tx:
        tx.revise(Record("item", f"snow/{key[:8]}", item(key[:8])))


def _in_draft(node: Node, key: str) -> None:
    with acting_as(MEI):
        draft = submitting.start_draft(node, "ice", key[:8], group="hydro")
        submitting.attach(node, draft["id"], key, "a.csv")


def _in_run(node: Node, key: str) -> None:
    with node.catalog.transaction() as tx:
        tx.put(Record("run", key[:8], {"id": key[:8], "output": key}))


def _in_kept_catalogue(node: Node, key: str) -> None:
    with closing(sqlite3.connect(node.root / "catalog.schema-1.sqlite")) as sql:
        sql.execute("CREATE TABLE IF NOT EXISTS record (body TEXT)")
        sql.execute("INSERT INTO record VALUES (?)", (f'{{"output": "{key}"}}',))
        sql.commit()


def _in_record_object(node: Node, key: str) -> None:
    record = Record("item", f"snow/{key[:8]}", named(key[:8], key))
    aged(node, node.store.put_bytes(record.object_bytes, ".record"))


def _in_batch(node: Node, key: str) -> None:
    record = Record("item", f"snow/{key[:8]}", named(key[:8], key))
    aged(node, node.store.put_bytes(pack([record.object_bytes, b"{}"]), ".records"))


NEEDS: dict[str, Callable[[Node, str], None] | None] = {
    "item": _in_item,
    "withdrawn": _in_withdrawn,
    "earlier version": _in_earlier_version,
    "draft": _in_draft,
    "run": _in_run,
    "kept catalogue": _in_kept_catalogue,
    "record object": _in_record_object,
    "batch": _in_batch,
    "nothing": None,
}


def test_a_file_handed_in_and_never_attached_goes_after_its_grace(
    node: Node, tmp_path: Path
) -> None:
    node.catalog.people.add_group("hydro", "Hydrology")
    lost, held = uploaded(node, b"nobody wants this"), uploaded(node, b"a draft holds this")
    _in_draft(node, held)
    for key in (lost, held):
        aged(node, key)
    assert collect(node).objects == {}, "an upload that has not expired needs it"
    with acting_as(OPERATOR, at=moment() + timedelta(hours=25)):
        # What an upload needed when this began may be going into a draft just now.
        first = collect(node, remove=True)
        assert (first.uploads, first.objects) == (2, {})
        listed = collect(node)
        assert (listed.uploads, listed.objects, listed.removed) == (0, {lost: 17}, False)
        node.store.verify(lost)
        done = collect(node, remove=True)
    assert (done.objects, done.as_json()["bytes"]) == ({lost: 17}, 17)
    assert lost not in node.store.all_keys()
    node.store.verify(held)
    (line,) = [each for each in node.catalog.audit_log() if each.action == "object-collect"]
    assert (line.id, line.who, line.detail) == (lost, OPERATOR.id, {"bytes": 17})
    assert scrub(node).sound


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(NEEDS)), st.booleans()), max_size=8))
def test_what_goes_is_old_and_needed_by_nothing_and_all_else_stays(
    objects: list[tuple[str, bool]],
) -> None:
    with TemporaryDirectory() as folder, acting_as(OPERATOR):
        node = make_node(Path(folder) / "node")
        begin(node)
        node.catalog.people.add_group("hydro", "Hydrology")
        stays, goes = set[str](), set[str]()
        for n, (need, old) in enumerate(objects):
            key = node.store.put_bytes(f"{n} {need}".encode(), ".upload")
            hold = NEEDS[need]
            if hold is not None:
                hold(node, key)
            if old:
                aged(node, key)
            (goes if old and hold is None else stays).add(key)
        records = set(node.store.all_keys()) - stays - goes
        assert set(collect(node).objects) == goes
        assert set(node.store.all_keys()) == stays | goes | records, "a look removes nothing"
        assert set(collect(node, remove=True).objects) == goes
        assert set(node.store.all_keys()) == stays | records
        for key in node.store.all_keys():
            node.store.verify(key)
        node.catalog.verify_audit()
        node.catalog.close()


def test_who_publishes_bytes_again_while_they_are_collected_loses_nothing(
    node: Node, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = [f"object {n}".encode() for n in range(40)]
    for each in data:
        aged(node, node.store.put_bytes(each, ".tif"))
    stop, gone = tmp_path / "stop", tmp_path / "gone"
    node.catalog.close()

    def work(number: int) -> None:
        again = open_node(node.root)
        if number == 0:
            # One at a time: the others come between.
            collecting._AT_ONCE = 1
            removed = 0
            while len(list(tmp_path.glob("begun-*"))) < 2:
                time.sleep(0.001)
            while not stop.exists():
                removed += len(collect(again, remove=True).objects)
            gone.write_text(str(removed))
        else:
            mine = data[number - 1 :: 2]
            random.Random(number).shuffle(mine)  # noqa: S311 - an order, no secrets
            for each in mine:
                _in_item(again, again.store.put_bytes(each, ".tif"))
                (tmp_path / f"begun-{number}").touch()
            (tmp_path / f"done-{number}").touch()
            if len(list(tmp_path.glob("done-*"))) == 2:
                stop.touch()
        again.catalog.close()

    assert together(work, 3) == [0, 0, 0]
    after = open_node(node.root)
    assert len(needed_keys(after)) == len(data)
    for key in needed_keys(after):
        after.store.verify(key)
    assert collect(after).objects == {}
    after.catalog.close()
    with capsys.disabled():
        sys.stdout.write(f"\n{gone.read_text()} collected while {len(data)} were published\n")


def test_bytes_put_again_after_they_were_listed_stay(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = b"wanted after all"
    key = aged(node, node.store.put_bytes(data, ".tif"))
    discard = type(node.store).discard

    def late(store: object, *given: object) -> bool:
        # Between the last question and the removal; the record comes after.
        assert node.store.put_bytes(data, ".tif") == key
        return bool(discard(store, *given))  # type: ignore[arg-type]

    monkeypatch.setattr(type(node.store), "discard", late)
    assert collect(node, remove=True).objects == {}
    node.store.verify(key)
    said = [line.action for line in node.catalog.audit_log() if line.id == key]
    assert sorted(said) == ["object-collect", "object-keep"]


def test_what_a_killed_process_left_in_scratch_goes_and_what_is_in_work_stays(
    node: Node,
) -> None:
    old, fresh = node.root / "tmp" / "old", node.root / "tmp" / "fresh"
    for place in (old, fresh):
        place.mkdir()
        (place / "half").write_bytes(b"half")
        os.utime(place, (0, 0))
    os.utime(old / "half", (0, 0))
    assert collect(node).leftovers == ["tmp/old"]
    assert collect(node, remove=True).leftovers == ["tmp/old"]
    assert not old.exists()
    assert fresh.exists()


def test_only_the_operator_collects_and_leaves_time_for_what_is_under_way(node: Node) -> None:
    with pytest.raises(InvalidInputError, match="at least"):
        collect(node, grace=timedelta(minutes=59))
    for party in (PUBLIC, MEI):
        with acting_as(party), pytest.raises(AccessDeniedError):
            collect(node)


def test_collect_from_the_command_line(node: Node, cli: Callable[..., Ended]) -> None:
    key = aged(node, node.store.put_bytes(b"unneeded", ".tif"), days=3)
    assert "0 objects" in cli("collect", "--node", node.root).out
    listed = cli("collect", "--node", node.root, "--days", "2")
    assert key in listed.out
    assert "`--delete` removes" in listed.out
    assert key in node.store.all_keys()
    assert "removed" in cli("collect", "--node", node.root, "--days", "2", "--delete").out
    assert key not in node.store.all_keys()
    assert cli("collect", "--node", node.root, "--days", "0").code == 2
