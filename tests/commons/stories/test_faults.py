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
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.commons.stories.acts import ACTS, Act, sound
from tests.faults import Steps, in_a_child
from tests.trials import some

from earthcommons.catalog.reader import Reader
from earthcommons.commons import make_node, open_node
from earthcommons.errors import ConflictError, NotFoundError
from earthcommons.model import OPERATOR
from earthcommons.policy import acting_as

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

MOST = 80
# Of the many steps at which a disk may fail, so many are tried of each act; all when asked for.
SAMPLE = 4
_WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")
NEVER = 10**6


def settling(steps: Steps, patch: pytest.MonkeyPatch) -> None:
    """Count syncs, renames and commits."""
    execute = Reader.execute
    writing: set[int] = set()

    def executed(sql: Reader, statement: str, *values: Any) -> sqlite3.Cursor:
        if statement == "BEGIN IMMEDIATE":
            writing.add(id(sql))
        if statement != "COMMIT" or id(sql) not in writing:
            return execute(sql, statement, *values)
        writing.discard(id(sql))
        steps.step(of_sqlite=True)
        done = execute(sql, statement, *values)
        steps.after()
        return done

    patch.setattr(os, "fsync", steps.before(os.fsync))
    patch.setattr(Path, "rename", steps.before(Path.rename))
    patch.setattr(Path, "replace", steps.before(Path.replace))
    patch.setattr(Reader, "execute", executed)


def writing(steps: Steps, patch: pytest.MonkeyPatch) -> None:
    """Count writes to files, links, and statements that write to the catalogue."""
    opened, execute, executemany = Path.open, Reader.execute, Reader.executemany

    def opening(path: Path, mode: str = "r", *given: Any, **more: Any) -> Any:
        file = opened(path, mode, *given, **more)
        if set(mode) & set("wax+"):
            file.write = steps.before(file.write)  # type: ignore[method-assign]
        return file

    def executing(sql: Reader, statement: str, *values: Any) -> sqlite3.Cursor:
        if statement.lstrip().startswith(_WRITES):
            steps.step(of_sqlite=True)
        return execute(sql, statement, *values)

    def executing_many(sql: Reader, statement: str, values: Any) -> sqlite3.Cursor:
        steps.step(of_sqlite=True)
        return executemany(sql, statement, values)

    patch.setattr(Path, "open", opening)
    patch.setattr(os, "link", steps.before(os.link))
    patch.setattr(Reader, "execute", executing)
    patch.setattr(Reader, "executemany", executing_many)


@contextlib.contextmanager
def short_files(most: int | None) -> Iterator[None]:
    """Let the kernel refuse to write any file beyond so many bytes."""
    if most is None:
        yield
        return
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def faulty(
    root: Path, act: Act, fault: str, at: int = NEVER, *, longest_file: int | None = None
) -> tuple[str, Steps]:
    """Do an act in a process of its own; return how it ended, and its steps."""
    steps = Steps(at, fault)

    def work() -> None:
        node = open_node(root)
        with pytest.MonkeyPatch.context() as patch, short_files(longest_file):
            settling(steps, patch)
            if fault == "broken":
                writing(steps, patch)
            act.do(node)

    return in_a_child(work), steps


@dataclass(frozen=True)
class Sweep:
    """An act on a node in the folder `node`: what is seen before it, after it, and in between."""

    act: Act
    folder: Path
    before: Any
    after: Any

    def trial(
        self, fault: str, at: int = NEVER, *, longest_file: int | None = None
    ) -> tuple[str, bool]:
        """Let a fault come to a copy of the node, look at it, and do the act again.

        Returns:
            How it ended, and whether the fault came.
        """
        # A name of its own: what the act leaves beside the node is not there for the next one.
        name = f"{fault}-{at}" if longest_file is None else f"files-of-{longest_file}"
        root = Path(shutil.copytree(self.folder / "node", self.folder / name))
        ended, steps = faulty(root, self.act, fault, at, longest_file=longest_file)
        where = f"{name}: "
        assert ended != "untyped", where + "an error that is none of ours"
        node = open_node(root)
        sound(node, self.folder / "fresh.sqlite")
        seen = self.act.seen(node)
        assert seen in (self.before, self.after, *self.act.between), where + "half there"
        if ended == "done":
            assert seen == self.after, where + "said to be done"
        with contextlib.suppress(ConflictError, NotFoundError):
            self.act.do(node)
        assert self.act.seen(node) == self.after, where + "not the same again"
        sound(node, self.folder / "fresh.sqlite")
        node.catalog.close()
        shutil.rmtree(root)
        return ended, steps.hit


def prepared(act: Act, folder: Path) -> tuple[Sweep, int]:
    """Make the node, and do the act to a copy; return the sweep, and how many steps it took."""
    made = make_node(folder / "node")
    act.prepare(made, folder)
    before = act.seen(made)
    made.catalog.close()
    whole = Path(shutil.copytree(folder / "node", folder / "whole"))
    ended, steps = faulty(whole, act, "broken")
    assert ended == "done"
    node = open_node(whole)
    after = act.seen(node)
    node.catalog.close()
    assert before != after
    return Sweep(act, folder, before, after), steps.count


@pytest.mark.parametrize("fault", ["killed", "full"])
@pytest.mark.parametrize("name", sorted(ACTS))
def test_a_fault_at_any_step_leaves_all_or_nothing_and_the_act_can_be_done_again(
    tmp_path: Path, name: str, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    act, trials = ACTS[name], 0
    with acting_as(OPERATOR):
        sweep, _ = prepared(act, tmp_path)
        for at in range(1, MOST, act.every):
            _, hit = sweep.trial(fault, at)
            if not hit:
                break
            trials += 1
        else:
            pytest.fail("the sweep did not come to an end")
    with capsys.disabled():
        sys.stdout.write(f"\n{name}, {fault}: {trials} trials\n")
    assert trials >= 2


@pytest.mark.parametrize("name", sorted(ACTS))
def test_a_disk_that_fails_at_any_step_is_told_and_leaves_all_or_nothing(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with acting_as(OPERATOR):
        sweep, total = prepared(ACTS[name], tmp_path)
        ended = [sweep.trial("broken", at)[0] for at in some(range(1, total + 1), SAMPLE)]
    with capsys.disabled():
        told = ended.count("refused")
        sys.stdout.write(f"\n{name}, broken: {len(ended)} of {total} steps, {told} told\n")
    assert "killed" not in ended
    assert "refused" in ended


@pytest.mark.parametrize("name", ["accept", "import", "patch", "upload"])
def test_files_that_may_grow_no_further_are_told_and_leave_all_or_nothing(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No shim: the kernel refuses the write, SQLite's own too, which calls it an I/O error."""
    sizes = [40, 700, 4_000, 9_000, 33_000, 70_000, 200_000]
    with acting_as(OPERATOR):
        sweep, _ = prepared(ACTS[name], tmp_path)
        ended = Counter(
            sweep.trial("broken", longest_file=most)[0] for most in [0, *some(sizes, 3), 10**9]
        )
    with capsys.disabled():
        sys.stdout.write(f"\n{name}, files cut short: {dict(ended)}\n")
    assert ended.keys() == {"refused", "done"}
