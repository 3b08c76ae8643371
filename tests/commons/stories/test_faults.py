"""Acts on a node under faults: killed, the disk full, or failing, at the Nth step, N = 1, 2, …

A step is a sync, a rename, or a commit (before it, and after it); where the disk fails with EIO,
also a write to a file, a link, and a statement that writes to the catalogue. After every fault the
catalogue is sound, the audit chain holds, a rebuild from the objects agrees, nothing is half there,
what was acknowledged is there, and the same act again ends where it ends without a fault.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import sqlite3
import sys
import time
import traceback
from collections import Counter
from dataclasses import dataclass
from multiprocessing import forkserver
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from tests.commons.stories.conftest import add_item, add_run
from tests.commons.stories.test_submitting import METADATA, snow
from tests.trials import some
from tests.web.access_node import collection, item

from earthcommons.catalog import Catalog, ItemQuery, rebuild
from earthcommons.catalog.reader import Reader
from earthcommons.commons import make_node, open_node
from earthcommons.commons.stories import submitting
from earthcommons.commons.stories.access import Rule, set_rule
from earthcommons.commons.stories.backup import backup
from earthcommons.commons.stories.bulk import import_items
from earthcommons.commons.stories.collecting import collect
from earthcommons.commons.stories.editing import create_items, current_tag, patch
from earthcommons.commons.stories.publishing import accept, look_into
from earthcommons.commons.stories.recalling import recall
from earthcommons.commons.stories.restoring import restore
from earthcommons.commons.stories.uploading import begin_upload, find_upload, receive
from earthcommons.commons.stories.withdrawing import withdraw
from earthcommons.errors import CommonsError, ConflictError, GoneError, NotFoundError
from earthcommons.model import OPERATOR, PUBLIC, Party, Record
from earthcommons.policy import acting_as
from earthcommons.runs import read_observations

if TYPE_CHECKING:
    from collections.abc import Callable

    from earthcommons.commons import Node

MOST = 80
# Of the many steps at which a disk may fail, so many are tried of each act; all when asked for.
SAMPLE = 4
_SAID = {"full": (28, "database or disk is full"), "broken": (5, "disk I/O error")}
_WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")
MEI, SAM = (
    Party("mei", frozenset({"contributor:hydro"})),
    Party("sam", frozenset({"reviewer:hydro"})),
)
BYTES = b"0123456789" * 9


@dataclass(frozen=True)
class Act:
    """Something done to a node.

    Attributes:
        prepare: makes the node that it is done to.
        do: does it; done already, it may say so with an error of ours.
        seen: what there is to see of it, as a value.
        between: what may be seen after a fault, besides nothing and all of it.
        every: which of its steps are tried: each, each second, …
    """

    prepare: Callable[[Node, Path], None]
    do: Callable[[Node], object]
    seen: Callable[[Node], Any]
    between: tuple[Any, ...] = ()
    every: int = 1


class Steps:
    """Counts the steps of an act and lets the Nth one fail."""

    def __init__(self, at: int, fault: str) -> None:
        self._at = at
        self._fault = fault
        self.count = 0

    @property
    def hit(self) -> bool:
        """Whether the fault has come."""
        return self.count >= self._at

    def step(self, of_sqlite: bool = False) -> None:
        self.count += 1
        if self.count != self._at:
            return
        if self._fault == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        error, said = _SAID[self._fault]
        if of_sqlite:
            raise sqlite3.OperationalError(said)
        raise OSError(error, os.strerror(error))

    def install(self, patch: pytest.MonkeyPatch) -> None:
        self._install_settling(patch)
        if self._fault == "broken":
            self._install_writing(patch)

    def _install_writing(self, patch: pytest.MonkeyPatch) -> None:
        opened, linked = Path.open, os.link
        execute, executemany = Reader.execute, Reader.executemany

        def opening(path: Path, mode: str = "r", *given: Any, **more: Any) -> Any:
            file = opened(path, mode, *given, **more)
            if set(mode) & set("wax+"):
                write = file.write

                def written(data: Any) -> int:
                    self.step()
                    return int(write(data))

                file.write = written  # type: ignore[method-assign]
            return file

        def linking(*given: Any, **more: Any) -> None:
            self.step()
            linked(*given, **more)

        def executing(sql: Reader, statement: str, *values: Any) -> sqlite3.Cursor:
            if statement.lstrip().startswith(_WRITES):
                self.step(of_sqlite=True)
            return execute(sql, statement, *values)

        def executing_many(sql: Reader, statement: str, values: Any) -> sqlite3.Cursor:
            self.step(of_sqlite=True)
            return executemany(sql, statement, values)

        patch.setattr(Path, "open", opening)
        patch.setattr(os, "link", linking)
        patch.setattr(Reader, "execute", executing)
        patch.setattr(Reader, "executemany", executing_many)

    def _install_settling(self, patch: pytest.MonkeyPatch) -> None:
        fsync, rename, replace, execute = os.fsync, Path.rename, Path.replace, Reader.execute
        writing: set[int] = set()

        def synced(descriptor: int) -> None:
            self.step()
            fsync(descriptor)

        def renamed(path: Path, target: Path) -> Path:
            self.step()
            return rename(path, target)

        def replaced(path: Path, target: Path) -> Path:
            self.step()
            return replace(path, target)

        def executed(sql: Reader, statement: str, *values: Any) -> sqlite3.Cursor:
            if statement == "BEGIN IMMEDIATE":
                writing.add(id(sql))
            if statement != "COMMIT" or id(sql) not in writing:
                return execute(sql, statement, *values)
            writing.discard(id(sql))
            self.step(of_sqlite=True)
            done = execute(sql, statement, *values)
            if self._fault == "killed":
                self.step()
            return done

        patch.setattr(os, "fsync", synced)
        patch.setattr(Path, "rename", renamed)
        patch.setattr(Path, "replace", replaced)
        patch.setattr(Reader, "execute", executed)


def faulty(
    root: Path, act: Act, at: int, fault: str, *, longest_file: int | None = None
) -> str:
    """Do an act in a process of its own; return `done`, `killed`, `refused` or `untyped`.

    Beside the node's folder, `steps` says how many steps it took.
    """
    child = os.fork()
    if child == 0:
        code = 12
        try:
            steps = Steps(at, fault)
            with pytest.MonkeyPatch.context() as patch, acting_as(OPERATOR):
                # The jail's server is the parent's child, and is asked from here as it stands.
                patch.setattr(forkserver.ForkServer, "ensure_running", lambda _: None)
                node = open_node(root)
                steps.install(patch)
                if longest_file is not None:
                    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
                    resource.setrlimit(resource.RLIMIT_FSIZE, (longest_file, hard))
                try:
                    act.do(node)
                    code = 0 if not steps.hit else 11
                except CommonsError:
                    code = 10
                patch.undo()
                if longest_file is not None:
                    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
                root.with_name("steps").write_text(str(steps.count))
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        return "killed"
    return {0: "done", 10: "refused", 11: "done"}.get(os.WEXITSTATUS(status), "untyped")


def sound(node: Node, scratch: Path) -> None:
    """Assert that catalogue, audit chain, objects and a rebuild from them agree."""
    assert node.catalog.check() == "ok"
    node.catalog.verify_audit()
    for key in node.store.all_keys():
        node.store.verify(key)
    scratch.unlink(missing_ok=True)
    fresh = Catalog(scratch, node.store)
    rebuild(
        fresh, node.store, lambda key: read_observations(node.store.path(key)),
        node.catalog.settled,
    )  # fmt: skip
    assert set(node.catalog.dump()) <= set(fresh.dump())
    fresh.close()
    with node.catalog.transaction() as tx:
        log = [row[0] for row in tx.sql.execute("SELECT seq FROM change ORDER BY seq")]
    assert log == list(range(1, len(log) + 1))


# The acts.


def _with_items(node: Node, _: Path) -> None:
    with node.catalog.transaction() as tx:
        tx.put(Record("collection", "snow", collection("snow")))
        for n in range(5):
            tx.put(Record("item", f"snow/i{n}", item(f"i{n}")))


def _with_draft(node: Node, tmp_path: Path) -> None:
    node.catalog.people.add_group("hydro", "Hydrology")
    with acting_as(MEI):
        id_ = submitting.start_draft(node, "snow", "s", group="hydro")["id"]
        submitting.add_file(node, id_, snow(tmp_path / "snow.tif"), "snow.tif")
        submitting.edit_draft(node, id_, METADATA)
        look_into(node, id_)
        submitting.submit(node, id_)


def _accept(node: Node) -> None:
    (draft,) = submitting.drafts(node)
    with acting_as(SAM):
        accept(node, draft["id"])


def _accepted(node: Node) -> Any:
    (draft,) = submitting.drafts(node)
    return draft["state"], node.catalog.version("item", "snow/s") is not None


def _import(node: Node) -> None:
    import_items(node, node.root / "items.ndjson", batch=3)


def _with_lines(node: Node, tmp_path: Path) -> None:
    _with_items(node, tmp_path)
    rows = [orjson.dumps(item(f"n{n}")) for n in range(6)]
    (node.root / "items.ndjson").write_bytes(b"\n".join(rows))


def _count(node: Node) -> Any:
    page = node.catalog.items(ItemQuery(limit=100))
    assert page.matched == len(page.names) == node.catalog.count("item")
    return page.matched


def _title(node: Node) -> Any:
    body = node.catalog.get("item", "snow/i1")
    return body["properties"]["title"], node.catalog.versions("item", "snow/i1")[-1].version


def _withdrawn(node: Node) -> Any:
    try:
        node.catalog.body("item", "snow/i1")
    except GoneError as gone:
        return gone.stub["reason"], len(node.catalog.versions("item", "snow/i1"))
    return ""


def _seen_by_all(node: Node) -> Any:
    """Return whether everybody sees the collection; of its items all or none."""
    with acting_as(PUBLIC):
        items = node.catalog.items(ItemQuery(limit=100)).matched
        there = bool(node.catalog.all("collection"))
    assert items == (5 if there else 0)
    return there


def _begun(node: Node, _: Path) -> None:
    with acting_as(MEI):
        (node.root / "upload-id").write_text(begin_upload(node, len(BYTES), "a.tif").id)


def _send(node: Node) -> None:
    id_ = (node.root / "upload-id").read_text()
    with acting_as(MEI):
        at = find_upload(node, id_).offset
        with receive(node, id_, at) as piece:
            piece.write(BYTES[at:])
            piece.close(whole=True)


def _received(node: Node) -> Any:
    with acting_as(MEI):
        upload = find_upload(node, (node.root / "upload-id").read_text())
    return node.store.read(upload.key) == BYTES if upload.finished else upload.offset


def _with_run(node: Node, tmp_path: Path) -> None:
    from tests.ingest.conftest import geotiff

    add_item(node, geotiff.__wrapped__(tmp_path), "first", 3)  # type: ignore[attr-defined]
    add_run(node)
    withdraw(node, "item", "c/first", "error")


def _recalled(node: Node) -> Any:
    series = node.catalog.version("series", "tree-cover") is None
    found = node.catalog.all("recall")
    touched = {(each["kind"], each["outcome"]) for body in found for each in body["touched"]}
    return series, touched >= {("run", "struck")}


def _with_orphans(node: Node, tmp_path: Path) -> None:
    _with_items(node, tmp_path)
    for n in range(3):
        key = node.store.put_bytes(bytes([n]) * 99, ".tif")
        os.utime(node.store.path(key), (0, 0))


def _orphans(node: Node) -> Any:
    log = node.catalog.audit_log(limit=10_000)
    told = {line.id for line in log if line.action == "object-collect"}
    left = list(node.store.all_keys(".tif"))
    # Nothing is gone without a line.
    assert len(told) + len(set(left) - told) == 3
    return len(left)


def _backed_up(node: Node) -> Any:
    place = node.root.parent / (node.root.name + "-copy")
    target = node.root.parent / (node.root.name + "-restored")
    try:
        restore(place, target)
    except CommonsError:
        return False
    again = open_node(target)
    same = list(again.catalog.dump()) == list(node.catalog.dump())
    again.catalog.close()
    shutil.rmtree(target)
    return same


ACTS = {
    "accept": Act(_with_draft, _accept, _accepted, every=2),
    "import": Act(_with_lines, _import, _count, between=(8,), every=2),
    "patch": Act(
        _with_items,
        lambda node: patch(
            node, "item", "snow/i1", {"properties": {"title": "new"}},
            current_tag(node, "item", "snow/i1"),
        ),
        _title,
    ),
    "withdraw": Act(
        _with_items,
        lambda node: withdraw(node, "item", "snow/i1", "error"),
        _withdrawn,
    ),
    "rule": Act(
        _with_items,
        lambda node: set_rule(node, "collection", "snow", Rule("registered")),
        _seen_by_all,
    ),
    "upload": Act(_begun, _send, _received, between=(len(BYTES),)),
    "recall": Act(
        _with_run,
        lambda node: recall(node, "item", "c/first", "A test."),
        _recalled,
        between=((True, False),),
    ),
    "collect": Act(
        _with_orphans, lambda node: collect(node, remove=True), _orphans, between=(1, 2)
    ),
    "backup": Act(
        _with_items,
        lambda node: backup(node, node.root.parent / (node.root.name + "-copy")),
        _backed_up,
        every=3,
    ),
}  # fmt: skip


def without_fault(act: Act, tmp_path: Path) -> tuple[Any, Any]:
    """Prepare a node in `node`; return what is seen before the act, and after it in a copy."""
    made = make_node(tmp_path / "node")
    act.prepare(made, tmp_path)
    before = act.seen(made)
    made.catalog.close()
    whole = open_node(Path(shutil.copytree(tmp_path / "node", tmp_path / "whole")))
    act.do(whole)
    after = act.seen(whole)
    whole.catalog.close()
    return before, after


@pytest.mark.parametrize("fault", ["killed", "full"])
@pytest.mark.parametrize("name", sorted(ACTS))
def test_a_fault_at_any_step_leaves_all_or_nothing_and_the_act_can_be_done_again(
    tmp_path: Path, name: str, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    act = ACTS[name]
    with acting_as(OPERATOR):
        before, after = without_fault(act, tmp_path)
        assert before != after
        trials = 0
        for at in range(1, MOST, act.every):
            root = Path(shutil.copytree(tmp_path / "node", tmp_path / f"trial-{at}"))
            ended = faulty(root, act, at, fault)
            assert ended != "untyped", f"step {at}: an error that is none of ours"
            node = open_node(root)
            sound(node, tmp_path / "fresh.sqlite")
            seen = act.seen(node)
            assert seen in (before, after, *act.between), f"half there after step {at}"
            if ended == "done":
                assert seen == after
                node.catalog.close()
                break
            trials += 1
            with contextlib.suppress(ConflictError, NotFoundError):
                act.do(node)
            assert act.seen(node) == after, f"not the same again after step {at}"
            sound(node, tmp_path / "fresh.sqlite")
            node.catalog.close()
            shutil.rmtree(root)
        else:
            pytest.fail("the sweep did not come to an end")
    with capsys.disabled():
        sys.stdout.write(f"\n{name}, {fault}: {trials} trials\n")
    assert trials >= 2


@pytest.mark.parametrize("name", sorted(ACTS))
def test_a_disk_that_fails_at_any_step_is_told_and_leaves_all_or_nothing(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    act = ACTS[name]
    with acting_as(OPERATOR):
        made = make_node(tmp_path / "node")
        act.prepare(made, tmp_path)
        before = act.seen(made)
        made.catalog.close()
        whole = Path(shutil.copytree(tmp_path / "node", tmp_path / "whole"))
        assert faulty(whole, act, 10**6, "broken") == "done"
        total = int((tmp_path / "steps").read_text())
        node = open_node(whole)
        after = act.seen(node)
        node.catalog.close()
        ended = []
        for at in some(range(1, total + 1), SAMPLE):
            root = Path(shutil.copytree(tmp_path / "node", tmp_path / f"trial-{at}"))
            ended.append(faulty(root, act, at, "broken"))
            assert ended[-1] in ("refused", "done"), f"step {at}: an error that is none of ours"
            node = open_node(root)
            sound(node, tmp_path / "fresh.sqlite")
            seen = act.seen(node)
            assert seen in (before, after, *act.between), f"half there after step {at}"
            if ended[-1] == "done":
                assert seen == after, f"said to be done after step {at}"
            with contextlib.suppress(ConflictError, NotFoundError):
                act.do(node)
            assert act.seen(node) == after, f"not the same again after step {at}"
            sound(node, tmp_path / "fresh.sqlite")
            node.catalog.close()
            shutil.rmtree(root)
    with capsys.disabled():
        told = ended.count("refused")
        sys.stdout.write(f"\n{name}, broken: {len(ended)} of {total} steps, {told} told\n")
    assert "refused" in ended


@pytest.mark.parametrize("name", ["accept", "import", "patch", "upload"])
def test_files_that_may_grow_no_further_are_told_and_leave_all_or_nothing(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No shim: the kernel refuses the write, SQLite's own too, which calls it an I/O error."""
    act = ACTS[name]
    with acting_as(OPERATOR):
        before, after = without_fault(act, tmp_path)
        ended = Counter[str]()
        sizes = [40, 700, 4_000, 9_000, 33_000, 70_000, 200_000]
        for most in [0, *some(sizes, 3), 10**9]:
            root = Path(shutil.copytree(tmp_path / "node", tmp_path / "trial"))
            end = faulty(root, act, 10**6, "broken", longest_file=most)
            assert end in ("refused", "done"), f"{most} bytes: an error that is none of ours"
            ended[end] += 1
            node = open_node(root)
            sound(node, tmp_path / "fresh.sqlite")
            seen = act.seen(node)
            assert seen in (before, after, *act.between), f"half there at {most} bytes"
            assert end == "refused" or seen == after
            with contextlib.suppress(ConflictError, NotFoundError):
                act.do(node)
            assert act.seen(node) == after
            node.catalog.close()
            shutil.rmtree(root)
    with capsys.disabled():
        sys.stdout.write(f"\n{name}, files cut short: {dict(ended)}\n")
    assert ended["refused"] >= 1
    assert ended["done"] >= 1


# Many at once.

WRITERS, ACTS_EACH = 4, 8


def together(work: Callable[[int], None], writers: int = WRITERS) -> list[int]:
    """Run some work in processes of their own at once; return how each ended."""
    children = []
    for number in range(writers):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                with pytest.MonkeyPatch.context() as patch, acting_as(OPERATOR):
                    patch.setattr(forkserver.ForkServer, "ensure_running", lambda _: None)
                    work(number)
                code = 0
            except ConflictError:
                code = 4
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        children.append(child)
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]


def _add_one(node: Node) -> None:
    """Add one to the number an item holds, by If-Match, as often as it takes."""
    while True:
        tag = current_tag(node, "item", "snow/i1")
        held = int(node.catalog.get("item", "snow/i1")["properties"].get("n", 0))
        with contextlib.suppress(ConflictError):
            patch(node, "item", "snow/i1", {"properties": {"n": held + 1}}, tag)
            return


def _write(root: Path, number: int) -> None:
    node = open_node(root)
    while not (root / "read-from").exists():
        time.sleep(0.005)
    for n in range(ACTS_EACH):
        create_items(node, "snow", [item(f"w{number}-{n}-{m}") for m in range(3)])
        _add_one(node)
        node.catalog.people.grant("ann", f"contributor:g{number}")
        node.catalog.people.withdraw("ann", f"contributor:g{number}")
        set_rule(node, "collection", "snow", Rule("registered" if n % 2 else "open"))
    node.catalog.close()


def _read(root: Path, stop: Path) -> None:
    """Look again and again, and see whole states alone."""
    node, rounds, states = open_node(root), 0, set()
    while rounds < 2 or not stop.exists():
        (root / "read-from").touch()
        page = node.catalog.items(ItemQuery(limit=1000))
        assert page.matched == len(page.names)
        # Five were there before; three come at a time.
        assert (len(page.names) - 5) % 3 == 0
        with acting_as(PUBLIC), node.catalog._connection().whole():
            there = {body["id"] for body in node.catalog.all("collection")}
            items = node.catalog.items(ItemQuery(limit=1000)).matched
            assert bool(items) == bool(there), (items, there)
        states.add(bool(there))
        rounds += 1
    assert states
    node.catalog.close()


def test_writers_at_once_lose_nothing_and_readers_see_whole_states(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, stop = tmp_path / "node", tmp_path / "stop"
    with acting_as(OPERATOR):
        node = make_node(root)
        _with_items(node, tmp_path)
        people = node.catalog.people
        people.add("ann", "Ann", issuer="https://id.example.org", subject="ann")
        for number in range(WRITERS):
            people.add_group(f"g{number}", "Group")
        node.catalog.close()

    def work(number: int) -> None:
        if number < WRITERS:
            _write(root, number)
            (tmp_path / f"done-{number}").touch()
            if len(list(tmp_path.glob("done-*"))) == WRITERS:
                stop.touch()
        else:
            _read(root, stop)

    assert together(work, WRITERS + 1) == [0] * (WRITERS + 1)
    with acting_as(OPERATOR):
        node = open_node(root)
        total = WRITERS * ACTS_EACH
        assert node.catalog.count("item") == 5 + 3 * total
        assert node.catalog.get("item", "snow/i1")["properties"]["n"] == total
        versions = [each.version for each in node.catalog.versions("item", "snow/i1")]
        assert versions == list(range(1, total + 2))
        log = node.catalog.audit_log(limit=10_000)
        assert sum(line.action == "item-create" for line in log) == 3 * total
        assert sum(line.action == "role-grant" for line in log) == total
        assert people.account("ann").roles == ()
        sound(node, tmp_path / "fresh.sqlite")
        node.catalog.close()
    with capsys.disabled():
        sys.stdout.write(f"\n{WRITERS} writers, {5 * total} acts\n")


def test_of_four_who_accept_a_draft_at_once_one_does(tmp_path: Path) -> None:
    with acting_as(OPERATOR):
        node = make_node(tmp_path / "node")
        _with_draft(node, tmp_path)
        node.catalog.close()
        ended = together(lambda _: _accept(open_node(tmp_path / "node")))
        assert sorted(ended) == [0, 4, 4, 4]
        node = open_node(tmp_path / "node")
        assert _accepted(node) == ("published", True)
        (draft,) = submitting.drafts(node)
        assert [event["what"] for event in draft["events"]].count("published") == 1
        assert len(node.catalog.versions("item", "snow/s")) == 1
        sound(node, tmp_path / "fresh.sqlite")
        node.catalog.close()
