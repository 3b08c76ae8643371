"""The node's page tells how it is in both languages, and of changes its reader may see alone."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient
from tests.web.access_node import collection, desk, item

from earthcommons.catalog import Catalog
from earthcommons.commons import make_node
from earthcommons.commons.stories import submitting
from earthcommons.model import OPERATOR, Record
from earthcommons.model.record import Change
from earthcommons.policy import acting_as
from earthcommons.web import create_app
from earthcommons.web.pages.node_page import folded

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


def test_neighbouring_versions_of_one_draft_are_one_line_with_their_number(
    tmp_path: Path,
) -> None:
    kept = desk(tmp_path)
    with acting_as(kept.node.catalog.people.party("root") or OPERATOR):
        first = str(submitting.start_draft(kept.node, "fog", "a", group="hydro")["id"])
        for n in range(7):
            submitting.edit_draft(kept.node, first, {"attribution": f"A{n}"})
        second = str(submitting.start_draft(kept.node, "fog", "b", group="hydro")["id"])
        submitting.edit_draft(kept.node, first, {"attribution": "B"})
    root = kept.at("root")
    for lang, said in (("en", "8 changes in a row, 20"), ("zh", "连续变更 8 次，20")):
        text = root.get(f"/{lang}/node").text
        part = text[text.index('id="changes"') :]
        ids = re.findall(rf'<a href="/{lang}/drafts/(drf-[^"]+)">', part)
        assert ids[:3] == [first, second, first]
        assert said in part
        assert '<td class="number">1–8</td>' in part
    audit = root.get("/en/audit").text
    assert audit.count(first) + audit.count(second) >= 2
    assert "drf-" not in kept.at("").get("/en/node").text
    kept.node.catalog.close()


@given(st.lists(st.tuples(st.sampled_from(["draft", "item"]), st.sampled_from("ab"))))
def test_folding_loses_no_change_and_joins_drafts_alone(named: list[tuple[str, str]]) -> None:
    changes = [Change(n, kind, id_, n + 1, "") for n, (kind, id_) in enumerate(named)]
    lines = folded(changes)
    assert [each for line in lines for each in line] == changes
    for line in lines:
        assert len(line) == 1 or {(each.kind, each.id) for each in line} == {
            ("draft", line[0].id)
        }
    for one, other in pairwise(lines):
        assert one[0].kind != "draft" or (one[0].kind, one[0].id) != (
            other[0].kind,
            other[0].id,
        )
