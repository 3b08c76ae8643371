"""The tree: floors keep their order, modules their size, and no file names a machine."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from tests.project.conftest import MODULES, ROOT, SOURCE, name_of

LONGEST = 600
REQUIREMENTS = sorted(path.stem for path in (ROOT / "requirements").glob("*.txt"))
BUILT_IN = {"ValueError", "KeyError", "TypeError", "RuntimeError", "LookupError", "Exception"}


def test_every_module_says_what_it_is_about() -> None:
    silent = [
        name_of(module)
        for module in MODULES
        if not ast.get_docstring(ast.parse(module.read_text(encoding="utf-8")))
    ]
    assert silent == []


def test_no_module_is_over_600_lines() -> None:
    long = {
        name_of(module): count
        for module in MODULES
        if (count := len(module.read_text(encoding="utf-8").splitlines())) > LONGEST
    }
    assert long == {}, "look for the second idea inside"


def test_the_contract_of_floors_holds() -> None:
    ended = subprocess.run(  # noqa: S603 — the linter of this environment
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "KEPT" in ended.stdout


def test_tests_mirror_the_floors_they_test() -> None:
    mirrored = [
        folder
        for folder in (ROOT / "tests").rglob("*")
        if folder.is_dir() and list(folder.glob("test_*.py"))
    ]
    of_the_whole = {"journeys", "project", "benchmarks"}
    strange = [
        name_of(folder)
        for folder in mirrored
        if (inside := folder.relative_to(ROOT / "tests")).parts[0] not in of_the_whole
        and not (SOURCE / inside).is_dir()
    ]
    assert strange == []
    floors = {path.name for path in SOURCE.iterdir() if (path / "__init__.py").exists()}
    assert floors - {folder.name for folder in mirrored} == set()


def test_no_file_names_a_place_of_one_machine(texts: dict[str, str]) -> None:
    # Put together here, so that this file does not name them either.
    folders = "|".join(("work", "home", "root", "Users", "farm", "mnt"))
    machine = re.compile(rf"(?<![\w.*}}/])/(?:{folders})/\w")
    beside = "../" + "shared"
    allowed = {".ci/run", "README.md"}
    found = [
        f"{name}:{n}: {line.strip()[:80]}"
        for name, text in texts.items()
        if not name.startswith("src/earthcommons/commons/demonstration/pack/")
        for n, line in enumerate(text.splitlines(), start=1)
        if machine.search(line) or (beside in line and name not in allowed)
    ]
    assert found == []


def test_no_file_names_a_package_index(texts: dict[str, str]) -> None:
    hosts = ("pypi" + ".", "python" + "hosted", "registry." + "npmjs", "npm" + "mirror",
             "index" + "-url", "extra-" + "index", "find-" + "links")  # fmt: skip
    found = [
        f"{name}: {host}"
        for name, text in texts.items()
        if not name.startswith("src/earthcommons/commons/demonstration/pack/")
        for host in hosts
        if host in text
    ]
    assert found == []


def locked(which: str) -> dict[str, list[str]]:
    """Return the lines of a requirement file by distribution name."""
    text = (ROOT / "requirements" / f"{which}.txt").read_text(encoding="utf-8")
    joined = re.sub(r"\\\n\s*", " ", text)
    found = {}
    for line in joined.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        pin, *hashes = line.split()
        name = re.match(r"([A-Za-z0-9._-]+)==[\w.+!]+$", pin)
        assert name, f"{which}.txt: {line[:80]!r} is no pinned requirement"
        found[re.sub(r"[-_.]+", "-", name.group(1)).lower()] = [
            part for part in hashes if part.startswith("--hash")
        ]
        rest = [part for part in hashes if not part.startswith("--hash=sha256:")]
        assert not rest or rest[0] in (";", "#"), f"{which}.txt: {line[:80]!r}"
    return found


@pytest.mark.parametrize("which", REQUIREMENTS)
def test_every_requirement_is_pinned_by_digest(which: str) -> None:
    found = locked(which)
    assert found
    for name, hashes in found.items():
        assert hashes, name
        assert all(re.fullmatch("--hash=sha256:[0-9a-f]{64}", part) for part in hashes), name


def test_every_declared_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    runtime, test = locked("runtime"), locked("test")

    def names(lines: list[str]) -> set[str]:
        found = (re.match("[A-Za-z0-9._-]+", line) for line in lines)
        return {re.sub(r"[-_.]+", "-", name.group()).lower() for name in found if name}

    assert names(project["dependencies"] + extras["build"]) - set(runtime) == set()
    assert names(extras["test"]) - set(runtime | test) == set()


def test_errors_are_raised_from_the_one_tree() -> None:
    """A built-in error is raised on purpose only where the same function words it again."""
    strange = []
    # The formula travels in capsules, where this package is not.
    for module in sorted({*MODULES} - {SOURCE / "kernels" / "formula.py"}):
        tree = ast.parse(module.read_text(encoding="utf-8"))
        guarded = {
            inner
            for node in ast.walk(tree)
            if isinstance(node, ast.Try)
            for part in node.body
            for inner in ast.walk(part)
        }
        for node in ast.walk(tree):
            if not isinstance(node, ast.Raise) or not isinstance(node.exc, ast.Call):
                continue
            kind = getattr(node.exc.func, "id", "")
            if kind in BUILT_IN and node not in guarded:
                strange.append(f"{name_of(module)}:{node.lineno}: {kind}")
    assert strange == []
