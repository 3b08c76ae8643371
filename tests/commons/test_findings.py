"""What may be found of a node is said by codes, each in both languages with the same values."""

from __future__ import annotations

import dataclasses
import itertools
import os
import re
from string import Formatter
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthcommons.commons import make_node
from earthcommons.commons.findings import ABOUT, SAID, Finding, Said
from earthcommons.commons.stories import health as health_story
from earthcommons.commons.stories import keeping_state
from earthcommons.commons.stories.fixity import FixityLog
from earthcommons.commons.stories.health import health
from earthcommons.errors import InvalidInputError, UpstreamError
from earthcommons.web.words import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def places(text: str) -> list[str]:
    return sorted({name for _, name, _, _ in Formatter().parse(text) if name})


@pytest.mark.parametrize("code", sorted(SAID))
def test_a_code_has_words_in_both_languages_that_name_the_same_values(code: str) -> None:
    en, zh = SAID[code]
    assert places(en) == places(zh)
    assert "" not in (en, zh)
    signs = re.compile("[\u4e00-\u9fff]")
    assert not signs.search(en)
    # Only what is put together of values and proper names is alike in both.
    if re.search("[a-z]{3}", re.sub(r"\{\w+\}|SQLite|Python|earthcommons", "", en)):
        assert signs.search(zh)
    assert not re.search("[\u4e00-\u9fff][,;:!?][\u4e00-\u9fff]", zh)


def test_what_was_found_is_put_into_words_by_its_code_and_values() -> None:
    open_to_all = Said("all-may-write", {"name": "objects"})
    secret = Said("secret-readable", {"name": "a.key", "mode": "0644"})
    found = Finding("folder", "bad", Said("folder-open", {"found": (open_to_all, secret)}))
    assert found.said.text("zh") == (
        "任何人都可写入objects：chmod o-w objects；"
        "a.key的权限为0644，密钥文件须为0600：chmod 600 a.key"
    )
    assert found.about("zh") == "节点文件夹"
    assert found.as_json() == {
        "what": "folder", "state": "bad", "code": "folder-open",
        "text": "objects can be written by everybody: chmod o-w objects;"
        " a.key has mode 0644, a secret needs 0600: chmod 600 a.key",
    }  # fmt: skip
    lacking = Said("formats-lacking", {"names": ("GRIB", "HDF4"), "extras": "grib,hdf4"})
    assert lacking.text().startswith("GRIB and HDF4 cannot be read")
    assert lacking.text("zh").startswith("无法读取GRIB和HDF4：")


@given(st.text(), st.text())
def test_values_are_shown_as_they_are_whatever_they_hold(where: str, why: str) -> None:
    said = Said("store-fails", {"where": where, "why": why})
    assert (said.text("en"), said.text("zh")) == (f"{where}: {why}", f"{where}：{why}")


def test_an_unknown_code_a_lacking_value_and_another_language_are_refused() -> None:
    for said in (Said("nobody-wrote-this"), Said("free")):
        with pytest.raises(KeyError):
            said.text()
    with pytest.raises(InvalidInputError):
        Said("no-suspects").text("fr")


def test_counted_kinds_are_called_as_everywhere_in_the_portal() -> None:
    for part in SAID["counts"][1].split(" · "):
        name, place = part.split(" ")
        assert name == KINDS[place.strip("{}")][1]


class Log:
    """Stands for the log of scrubs and backups: what it is told last happened."""

    told: dict[str, Any] = {}  # noqa: RUF012 — one log a test
    since = ""

    def __init__(self, _: object) -> None: ...

    def close(self) -> None: ...

    def oldest(self) -> str:
        return self.since

    def last(self, what: str) -> tuple[str, str, dict[str, object]] | None:
        facts = self.told.get(what)
        return None if facts is None else ("2026-11-02T03:04:05Z", what, facts)


def scrubbed(left: int, *damaged: str) -> dict[str, object]:
    return {"read": 41, "left": left, "damaged": list(damaged), "missing": ["c.tif"]}


def test_every_code_is_found_of_some_node_and_said_in_both_languages_with_every_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = make_node(tmp_path / "node")
    tried = tmp_path / "tried"
    tried.mkdir()
    (tried / "restores.jsonl").write_text('{"at": "2026-10-09T08:07:06Z"}\n')
    found = health(node, through=False)

    def also() -> None:
        found.extend(health(node))

    with monkeypatch.context() as now:
        now.setattr(keeping_state, "FixityLog", Log)
        for since, told in (
            ("2026-09-08", {"scrub": scrubbed(0)}),
            ("", {"scrub": scrubbed(7, "a.tif"), "backup": {"place": "/b 1", "damaged": []}}),
            ("", {"scrub": scrubbed(0), "backup": {"place": str(tried), "damaged": ["a"]}}),
            ("", {"restored": {"snapshot": "2026-11-01"}}),
        ):
            Log.told, Log.since = told, since
            also()
        now.setattr(health_story, "FixityLog", Log)
        for line in (0, 9):
            Log.told = {"backup": {"place": "/b 1", "audit_head": f"{line}:{'0' * 64}"}}
            now.setattr(keeping_state, "FixityLog", FixityLog)
            also()
        with monkeypatch.context() as lost:
            lost.setattr(health_story, "head_in", lambda _: "")
            also()
        (node.root / "suspect.json").write_text("{")
        also()
        now.setattr(type(node.store), "suspects", lambda _: ["a", "b", "c"])
        also()
        now.setattr(type(node.catalog), "check", lambda _: "row 7 missing from index")
        for standing in itertools.product((True, False), repeat=3):
            walls = dict(zip(("landlock", "network", "processes"), standing, strict=True))
            now.setattr(health_story, "confinement", lambda *_, walls=walls: walls)
            health_story._door.cache_clear()
            also()
        for absent in (("eccodes", "pyhdf"), ("pyhdf",), ()):
            there = {"eccodes", "pyhdf"} - set(absent)
            now.setattr(health_story, "find_spec", lambda n, f=there: n if n in f else None)
            also()

        def unsafe(_: object) -> None:
            raise UpstreamError("does not list what was written", code="store-unsafe")

        node.root.chmod(0o755)
        also()
        (node.root / "catalog.schema-1.sqlite").touch()
        for n in range(4):
            (node.root / f"node{n}.key").touch(0o644)
        node.root.chmod(0o777)
        now.setattr("os.geteuid", lambda: os.getuid() + 7)
        for url in ("", "s3://bucket/part"):
            settings = dataclasses.replace(node.settings, store_url=url, cors_origins=("*",))
            node = dataclasses.replace(node, settings=settings)
            also()
            with pytest.MonkeyPatch.context() as broken:
                broken.setattr(type(node.store), "self_test", unsafe)
                also()
    health_story._door.cache_clear()
    assert {each.what for each in found} == set(ABOUT)
    assert {said.code for each in found for said in inside(each.said)} == set(SAID)
    for each in found:
        en, zh = each.said.text(), each.said.text("zh")
        assert sorted(re.findall(r"\d+", zh)) == sorted(re.findall(r"\d+", en))
        assert not re.search("[a-z]{4,} [a-z]{2,} [a-z]{2,}", strip_quoted(zh)), zh


def inside(said: Said) -> Iterator[Said]:
    """Yield what is said and all that its values say."""
    yield said
    for value in said.values.values():
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, Said):
                yield from inside(each)


def strip_quoted(text: str) -> str:
    """Return a text without commands and what other programs said."""
    for quoted in ("`[^`]*`", "does not list.*", "row 7 missing.*", "pip install.*"):
        text = re.sub(quoted, "", text)
    return text
