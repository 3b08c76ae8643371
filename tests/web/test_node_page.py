"""The node's page tells how it is in both languages, and of changes its reader may see alone."""

from __future__ import annotations

import dataclasses
import itertools
import re
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient
from tests.web.access_node import collection, desk, item

from earthcommons.catalog import Catalog
from earthcommons.commons import make_node
from earthcommons.commons.stories import health as health_story
from earthcommons.commons.stories import keeping_state
from earthcommons.commons.stories.health import health
from earthcommons.errors import UpstreamError
from earthcommons.model import OPERATOR, Record
from earthcommons.policy import acting_as
from earthcommons.web import create_app
from earthcommons.web.word_health import health_text
from earthcommons.web.words import KINDS, Words

if TYPE_CHECKING:
    from pathlib import Path


def changes(root: Path, hidden: int, shown: int, page: str = "") -> tuple[str, list[str]]:
    """Return the part of the page on changes, and the ids in it, of a node with so many items."""
    node = make_node(root)
    with acting_as(OPERATOR), node.catalog.transaction() as tx:
        tx.put(Record("collection", "snow", collection("snow")))
        for n in range(shown):
            for k in range(hidden):
                name = f"h{n}-{k}"
                tx.put(Record("item", f"snow/{name}", item(name), access="group:x"))
            tx.put(Record("item", f"snow/i{n}", item(f"i{n}")))
    with TestClient(create_app(node), base_url=node.settings.url) as client:
        answer = client.get(f"/en/node{page}")
    node.catalog.close()
    assert answer.status_code == 200
    part = answer.text[answer.text.index('id="changes"') : answer.text.index("</main>")]
    return part, re.findall(r'<th scope="row">.*?snow/(\w+)', part)


def test_hidden_changes_leave_no_gap(tmp_path: Path) -> None:
    alone, ids = changes(tmp_path / "alone", 0, 3)
    assert ids == ["i2", "i1", "i0"]
    assert changes(tmp_path / "beside", 4, 3) == (alone, ids)


def test_the_page_does_not_look_the_whole_catalogue_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Anybody may ask for it, and a catalogue of gigabytes takes a minute.
    monkeypatch.setattr(Catalog, "check", lambda _: pytest.fail("looked through"))
    assert changes(tmp_path / "a", 0, 1)[1] == ["i0"]


def test_pages_of_changes_hold_each_once(tmp_path: Path) -> None:
    first, newest = changes(tmp_path / "a", 1, 130)
    assert newest == [f"i{n}" for n in range(129, 29, -1)]
    assert "?page=2#changes" in first
    last, oldest = changes(tmp_path / "b", 1, 130, "?page=2")
    assert oldest == [f"i{n}" for n in range(29, -1, -1)]
    assert "page=3" not in last
    for wrong in ("?page=0", "?page=-1", "?page=x", "?page="):
        assert changes(tmp_path / f"c{wrong[1:]}", 0, 1, wrong)[1] == ["i0"]


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


def test_whatever_is_found_of_a_node_is_said_in_chinese_with_every_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = make_node(tmp_path / "node")
    tried = tmp_path / "tried"
    tried.mkdir()
    (tried / keeping_state.RESTORES).write_text('{"at": "2026-10-09T08:07:06Z"}\n')
    rows = health(node)

    def also() -> None:
        rows.extend(health(node))

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
        now.setattr(type(node.store), "suspects", lambda _: ["a", "b", "c"])
        now.setattr(type(node.catalog), "check", lambda _: "row 7 missing from index")
        for standing in itertools.product((True, False), repeat=3):
            walls = dict(zip(("landlock", "network", "processes"), standing, strict=True))
            now.setattr(health_story, "confinement", lambda *_, walls=walls: walls)
            health_story._door.cache_clear()
            also()
        for absent in (("eccodes", "pyhdf"), ("pyhdf",), ()):
            found = {"eccodes", "pyhdf"} - set(absent)
            now.setattr(health_story, "find_spec", lambda n, f=found: n if n in f else None)
            also()

        def unsafe(_: object) -> None:
            raise UpstreamError("does not list what was written", code="store-unsafe")

        (node.root / "catalog.schema-1.sqlite").touch()
        (node.root / "node.key").touch(0o644)
        node.root.chmod(0o777)
        for url in ("", "s3://bucket/part"):
            settings = dataclasses.replace(node.settings, store_url=url)
            node = dataclasses.replace(node, settings=settings)
            also()
            with pytest.MonkeyPatch.context() as broken:
                broken.setattr(type(node.store), "self_test", unsafe)
                also()
    health_story._door.cache_clear()
    assert {row["what"] for row in rows} <= set(KINDS)
    for text in {row["text"] for row in rows}:
        said = health_text(text)
        assert said is not None, text
        assert sorted(re.findall(r"\d+", said)) == sorted(re.findall(r"\d+", text))
        assert not re.search("[a-z]{4,} [a-z]{2,} [a-z]{2,}", strip_quoted(said)), said
    assert health_text("something nobody wrote before") is None
    assert Words("en").health("as it is") == "as it is"


def strip_quoted(text: str) -> str:
    """Return a text without commands and what other programs said."""
    for quoted in ("`[^`]*`", "does not list.*", "row 7 missing.*", "pip install.*"):
        text = re.sub(quoted, "", text)
    return text


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_page_says_how_the_node_is_in_the_language_of_its_reader(
    tmp_path: Path, lang: str
) -> None:
    kept = desk(tmp_path)
    text = kept.at("root").get(f"/{lang}/node").text
    kept.node.catalog.close()
    table = text[text.index("<tbody>") : text.index("</tbody>")]
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>.*?<td>(.*?)</td></tr>', table)
    assert len(rows) == table.count("<tr>") >= 12
    assert 'lang="en"' not in table
    assert "<code>earthcommons scrub</code>" in table
    chinese = re.compile("[\u4e00-\u9fff]")
    for name, said in rows:
        assert bool(chinese.search(name)) is (lang == "zh"), name
        assert "`" not in said
        if "earthcommons 0" not in said:
            assert bool(chinese.search(said)) is (lang == "zh"), said


def test_only_an_operator_is_told_how_the_node_is_kept(tmp_path: Path) -> None:
    kept = desk(tmp_path)
    told = kept.at("root").get("/en/node").text
    assert "listens on" in told
    for client in (kept.at(), kept.at("ann"), kept.at("root", "read")):
        text = client.get("/en/node").text
        assert "Its operators see here" in text
        for said in ("listens on", "earthcommons backup", "child process", "GiB free", "scrub"):
            assert said not in text, said
    kept.node.catalog.close()
