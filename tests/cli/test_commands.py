"""The command line: help that works, JSON that parses, exit codes a script can act on."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import typer
from tests.cli.conftest import Ended, run_cli

from earthcommons.cli.common import table
from earthcommons.cli.errors import exit_code
from earthcommons.cli.main import app
from earthcommons.commons import open_node
from earthcommons.errors import (
    AccessDeniedError,
    CommonsError,
    ConflictError,
    IntegrityError,
    InvalidInputError,
    NotFoundError,
    RefusedFileError,
    UnitError,
    UpstreamError,
)
from earthcommons.model import Record

if TYPE_CHECKING:
    from pathlib import Path

HEAVY = {
    "numpy", "pandas", "xarray", "rasterio", "shapely", "pyarrow", "zarr", "dask", "fastapi",
    "uvicorn", "numba", "pint", "h5py", "jinja2",
}  # fmt: skip


def commands(group: Any, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = [path]
    for name, command in getattr(group, "commands", {}).items():
        found += commands(command, (*path, name))
    return found


EVERY_COMMAND = commands(typer.main.get_command(app))


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("cli") / "node"
    assert run_cli("init", root).code == 0
    return root


def test_every_command_of_the_design_is_there() -> None:
    assert {" ".join(path) for path in EVERY_COMMAND} >= {
        "init", "demo", "serve", "ingest", "search", "show", "export", "trace", "verify",
        "rebuild", "scrub", "doctor", "version", "indicator list", "indicator describe",
        "indicator compute", "indicator values", "watch list", "watch run", "watch alerts",
        "outlook list", "outlook build", "outlook check", "exchange import", "exchange search",
        "exchange needs", "exchange draft", "exchange confirm", "exchange match",
    }  # fmt: skip


@pytest.mark.parametrize("path", EVERY_COMMAND, ids=" ".join)
def test_every_command_explains_itself(path: tuple[str, ...]) -> None:
    ended = run_cli(*path, "--help")
    assert (ended.code, ended.err) == (0, "")
    lines = [line for line in ended.out.splitlines() if line.strip()]
    assert lines[0].strip().startswith("Usage: ")
    assert " ".join(path) in lines[0]
    assert any(line.strip().endswith(".") for line in lines[1:4]), lines[:4]


@pytest.mark.parametrize(
    "arguments",
    [
        ("indicator", "list"),
        ("indicator", "describe", "night-lights"),
        ("search", "--node"),
        ("doctor", "--node"),
        ("indicator", "values", "tree-cover", "--node"),
        ("watch", "list", "--node"),
        ("watch", "alerts", "--node"),
        ("outlook", "list", "--node"),
        ("exchange", "search", "night", "--node"),
        ("exchange", "needs", "--node"),
    ],
    ids=" ".join,
)
def test_json_parses_and_words_are_printed_without_it(
    node: Path, arguments: tuple[str, ...]
) -> None:
    given = (*arguments, node) if arguments[-1] == "--node" else arguments
    machine, people = run_cli(*given, "--json"), run_cli(*given)
    assert (machine.code, people.code) == (0, 0), machine.err
    assert isinstance(machine.json(), (list, dict))
    assert people.out
    assert people.out != machine.out


def test_kinds_of_error_have_the_documented_exit_codes() -> None:
    integrity = IntegrityError("k", expected="a", found="b")
    assert [
        exit_code(error)
        for error in (
            CommonsError("x"), InvalidInputError("x"), UnitError("x"), RefusedFileError("x"),
            NotFoundError("x"), ConflictError("x"), AccessDeniedError("x"), integrity,
            UpstreamError("x"),
        )
    ] == [1, 2, 2, 2, 3, 4, 5, 6, 7]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("search", "--bbox", "a,b"), 2, "--bbox 'a,b': need west,south,east,north [bad-bbox]"),
        (("search", "--bbox", "1,2,3"), 2, "[bad-bbox]"),
        (("search", "--bbox", "0,95,1,99"), 2, "[bad-bbox]"),
        (("search", "--limit", "0"), 2, "[bad-limit]"),
        (("indicator", "compute", "tree-cover", "--param", "x"), 2, "write name=value"),
        (("indicator", "values", "tree-cover", "--region", "KEN"), 3, "[not-found]"),
        (("indicator", "values", "nothing"), 3, "there is no indicator 'nothing'"),
        (("indicator", "compute", "tree-cover"), 3, "[not-found]"),
        (("trace", "obs-x"), 3, "there is no observation 'obs-x'"),
        (("verify", "obs-x"), 3, "[not-found]"),
        (("export", "obs-x", "--capsule", "x.zip"), 3, "[not-found]"),
        (("show", "nothing"), 3, "nothing is called 'nothing'"),
        (("outlook", "build", "KEN"), 3, "[not-found]"),
        (("outlook", "check", "KEN"), 3, "[not-found]"),
        (("exchange", "import", "none.jsonl"), 3, "no file of offers 'none.jsonl'"),
        (("exchange", "match", "need-x"), 3, "[not-found]"),
        (("exchange", "confirm", "need-x", "--by", "A"), 3, "[not-found]"),
    ],
)
def test_an_error_ends_with_its_code_and_one_line(
    node: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    ended = run_cli(*arguments, "--node", node)
    assert ended.code == code, ended
    assert said in ended.err
    assert ended.err.startswith("earthcommons: ")
    assert ended.err.count("\n") == 1
    assert ended.out == ""


@pytest.mark.parametrize(
    "arguments", [("search",), ("serve",), ("doctor",), ("watch", "run"), ("outlook", "list")]
)
def test_a_folder_that_is_no_node_is_not_found(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    ended = run_cli(*arguments, "--node", tmp_path)
    assert (ended.code, ended.out) == (3, "")
    assert "make one with `init` or `demo`" in ended.err
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_setting_and_a_misspelt_option_are_input_to_mend(tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_text("prot = 8000\n")
    ended = run_cli("search", "--node", tmp_path)
    assert (ended.code, "[bad-settings]" in ended.err) == (2, True)
    assert run_cli("search", "--boxx", "1").code == 2
    assert run_cli("nothing").code == 2


def test_a_damaged_object_ends_with_6_and_is_named(node: Path, tmp_path: Path) -> None:
    root = tmp_path / "node"
    run_cli("init", root)
    offers = tmp_path / "o.jsonl"
    offers.write_text(
        '{"id":"x:1","type":["software"],"title":"T","source":{"system":"x"},"language":"en"}\n'
    )
    assert run_cli("exchange", "import", offers, "--node", root).out.startswith("1 offers")
    sound = "1 objects read (261 bytes), 0 damaged, 0 missing, 0 repaired\n"
    assert run_cli("scrub", "--node", root).out == sound
    (place,) = (root / "objects").glob("*/*")
    place.chmod(0o644)
    place.write_bytes(b"{}")
    for command in ("scrub", "rebuild"):
        ended = run_cli(command, "--node", root)
        assert (ended.code, place.name in ended.err) == (6, True), ended


def test_a_capsule_that_cannot_be_written_is_input_to_mend(
    node: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("earthcommons.commons.stories.capsule.capsule", lambda *_: b"zip")
    away = tmp_path / "none" / "x.zip"
    ended = run_cli("export", "obs-x", "--capsule", away, "--node", node)
    assert (ended.code, "cannot be written" in ended.err) == (2, True)
    there = tmp_path / "x.zip"
    assert run_cli("export", "obs-x", "--capsule", there, "--node", node).code == 0
    assert there.read_bytes() == b"zip"


@pytest.mark.parametrize("module", ["earthcommons", "earthcommons.cli.main"])
def test_importing_costs_no_heavy_library(module: str) -> None:
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    ended = subprocess.run(  # noqa: S603 — our own interpreter, a constant line
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert set(ended.stdout.split()) & HEAVY == set()
    assert "earthcommons" in ended.stdout.split()


def test_the_installed_program_says_its_version_and_fails_with_its_code() -> None:
    def program(*arguments: str) -> subprocess.CompletedProcess[str]:
        line = "from earthcommons.cli.main import main; main()"
        return subprocess.run(  # noqa: S603 — our own interpreter, a constant line
            [sys.executable, "-c", line, *arguments],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    from earthcommons import __version__

    assert program("version").stdout == f"{__version__}\n"
    failed = program("trace", "obs-x", "--node", "no-such-folder")
    assert (failed.returncode, failed.stdout) == (3, "")
    assert "Traceback" not in failed.stderr


def test_a_table_is_aligned_where_characters_are_wide(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table(("name", "n"), [("海冰", "1"), ("ice", "22")])
    assert capsys.readouterr().out == "name  n\n海冰  1\nice   22\n"


def test_ended_reads_json() -> None:
    assert Ended(0, '{"a": 1}', "").json() == {"a": 1}


def test_an_item_that_came_as_stac_is_listed_with_its_time(tmp_path: Path, cli: Any) -> None:
    cli("init", tmp_path / "n")
    lines = tmp_path / "items.ndjson"
    body = {
        "type": "Feature", "stac_version": "1.1.0", "id": "a", "collection": "c",
        "bbox": [0, 0, 1, 1], "geometry": {"type": "Point", "coordinates": [0.5, 0.5]},
        "properties": {"datetime": "2015-11-01T00:00:00Z"}, "assets": {}, "links": [],
    }  # fmt: skip
    lines.write_text(json.dumps(body), encoding="utf-8")
    node = open_node(tmp_path / "n")
    with node.catalog.transaction() as tx:
        tx.put(Record("collection", "c", {"id": "c", "type": "Collection"}))
    assert cli("bulk", "import", lines, "--node", tmp_path / "n").code == 0
    ended = cli("search", "--node", tmp_path / "n")
    assert "c/a   2015-11-01T00:00:00Z" in ended.out
    assert "1 of 1" in ended.out


SNOW = """
title = { en = "Snow depth", zh = "雪深" }
description = { en = "Depth of snow." }
period = "2015-11/2016-03"
[[variable]]
name = "depth"
unit = "cm"
"""


def test_a_draft_is_shown_with_all_that_a_reviewer_decides_on(
    node: Path, tmp_path: Path
) -> None:
    facts = tmp_path / "snow.toml"
    facts.write_text(SNOW, encoding="utf-8")
    at = ("--node", node)
    run_cli("group", "add", "hydro", "--title", "Hydrology", *at)
    begun = run_cli(
        "draft", "start", "snow/a", "--metadata", facts, "--group", "hydro",
        "--fetch", "after:2031-02-03T00:00:00Z", "--json", *at,
    ).json()  # fmt: skip
    run_cli("draft", "comment", begun["id"], "--text", "Which\x1b[2J winter?", *at)
    shown = run_cli("draft", "show", begun["id"], *at).out
    for said in (
        "title       en: Snow depth · zh: 雪深", "period      2015-11/2016-03",
        "variables   depth [cm]", "fetch: after:2031-02-03T00:00:00Z", "operator: Which[2J winter?",
    ):  # fmt: skip
        assert said in shown


@pytest.mark.parametrize(
    "wrong", [("none.csv",), ("--find", "nobody"), ("--find", "after:2027-13-01")]
)
def test_a_draft_that_is_refused_at_its_start_is_not_left_open(
    node: Path, wrong: tuple[str, ...]
) -> None:
    at = ("--node", node)
    run_cli("group", "add", "hydro", "--title", "Hydrology", *at)
    before = len(run_cli("draft", "list", "--state", "draft", "--json", *at).json())
    assert run_cli("draft", "start", "snow/b", *wrong, "--group", "hydro", *at).code in (2, 3)
    assert len(run_cli("draft", "list", "--state", "draft", "--json", *at).json()) == before


def test_what_is_mistyped_is_named_with_what_there_is(node: Path, tmp_path: Path) -> None:
    at = ("--node", node)
    state = run_cli("draft", "list", "--state", "submited", *at)
    assert (state.code, "'submited': one of draft, submitted," in state.err) == (2, True)
    lang = run_cli("cite", "snow/s", "--lang", "fr", *at)
    assert (lang.code, "'fr': one of en, zh" in lang.err) == (2, True)
    item = run_cli("get", "snow/")
    assert (item.code, "'snow/': write collection/item" in item.err) == (2, True)
    key = run_cli("get", "snow/s", "--key-file", tmp_path / "none.key")
    assert (key.code, "key file 'none.key': No such file" in key.err) == (2, True)
