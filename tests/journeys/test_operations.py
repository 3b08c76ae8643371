"""The drills of docs/operations.md, as an operator would type them, on a node of schema 1."""

from __future__ import annotations

import re
import shlex
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.cli.conftest import run_cli

from earthcommons.catalog.migrations import schema_of
from earthcommons.catalog.schema import SCHEMA_VERSION
from earthcommons.commons import open_node
from earthcommons.model.party import OPERATOR

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]


def commands(title: str = "") -> list[str]:
    """Return the commands of a section of the page, or of all of it."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    parts = re.split(r"^## ", text, flags=re.MULTILINE)
    wanted = [part for part in parts if part.startswith(title)]
    return [
        line
        for part in wanted
        for block in re.findall(r"```sh\n(.*?)```", part, re.DOTALL)
        for line in block.splitlines()
    ]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with tarfile.open(ROOT / "tests" / "fixtures" / "node_schema_1.tar.gz") as tar:
        tar.extractall(tmp_path, filter="data")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def typed(lines: list[str]) -> list[str]:
    answers = []
    for line in lines:
        program, *words = shlex.split(line)
        assert program == "earthcommons"
        ended = run_cli(*words)
        assert ended.code == 0, f"{line}: {ended.err or ended.out}"
        answers.append(ended.out)
    return answers


def test_the_upgrade_the_rollback_and_every_other_command_of_the_page_work(
    folder: Path,
) -> None:
    typed(commands("Upgrade"))
    assert schema_of(folder / "node" / "catalog.sqlite") == SCHEMA_VERSION
    assert schema_of(folder / "tried-upgrade" / "catalog.sqlite") == 1
    assert (folder / "node" / "catalog.schema-1.sqlite").exists()
    back, forward, *_ = typed(commands("Rollback"))
    assert "schema 1 is in place" in back
    assert f"schema 1 to {SCHEMA_VERSION}" in forward
    assert schema_of(folder / "node-as-before" / "catalog.sqlite") == 1
    assert not (folder / "node" / "catalog.schema-1.sqlite").exists()
    typed(commands("Packages"))
    here, there = open_node(folder / "node"), open_node(folder / "other")
    digest = here.catalog.version("item", "old/cover")
    assert digest is not None
    assert there.catalog.version("item", "old/cover") == digest
    typed(commands("Fixity"))
    *_, removed = typed(commands("What nothing needs"))
    assert removed.startswith("0 objects"), removed
    *_, doctor = typed(commands("Backup"))
    assert re.search(r"last backup +ok .*monday\.tar; last restored", doctor), doctor
    (verified,) = typed(commands("The head of the audit log"))
    assert "each follows the last" in verified
    assert here.catalog.count("offer", OPERATOR) == 61
    here.catalog.close()
    there.catalog.close()


def test_no_command_of_the_page_is_left_out() -> None:
    sections = (
        "Upgrade", "Rollback", "Packages", "Fixity", "What nothing needs", "Backup",
        "The head of the audit log",
    )  # fmt: skip
    assert sorted(line for s in sections for line in commands(s)) == sorted(commands())
