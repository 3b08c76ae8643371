"""The node's page tells how it is in both languages, and of changes its reader may see alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from starlette.testclient import TestClient
from tests.web.access_node import collection, desk, item

from earthcommons.catalog import Catalog
from earthcommons.commons import make_node
from earthcommons.model import OPERATOR, Record
from earthcommons.policy import acting_as
from earthcommons.web import create_app

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
