"""The page of a draft: its form says what it holds, keeps what was entered, and tells who may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.files import snow
from tests.web.portal import Person, community

from earthcommons.commons.stories import publishing, submitting
from earthcommons.commons.stories.drafts import get_draft
from earthcommons.model import OPERATOR
from earthcommons.policy import acting_as
from earthcommons.web import create_app
from earthcommons.web.pages.draft_form import Filled
from earthcommons.web.pages.forms import Form

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fastapi import FastAPI

    from earthcommons.commons import Node


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    made = community(tmp_path_factory.mktemp("drafts"))
    yield made
    made.catalog.close()


@pytest.fixture(scope="module")
def app(node: Node) -> FastAPI:
    return create_app(node)


@pytest.fixture(scope="module")
def draft(node: Node, tmp_path_factory: pytest.TempPathFactory) -> str:
    file = snow(tmp_path_factory.mktemp("files") / "s.tif")
    with acting_as(node.catalog.people.party("mei") or OPERATOR):
        id_ = str(submitting.start_draft(node, "snow", "s", group="hydro")["id"])
        submitting.add_file(node, id_, file, "s.tif")
        publishing.look_into(node, id_)
    return id_


def test_each_missing_thing_names_its_standard_and_leads_to_its_field(
    node: Node, app: FastAPI, draft: str
) -> None:
    page = Person(node, "mei", app).open(f"/en/drafts/{draft}")
    for field, standard in (("creators", "DataCite 4.6"), ("period", "ISO 19115-1")):
        assert f"#field-{field}" in page.links
        assert f'id="field-{field}"' in page.html
        assert standard in page.text


def test_an_older_page_does_not_overwrite_a_newer_draft_and_keeps_what_was_typed(
    node: Node, app: FastAPI, draft: str
) -> None:
    mei = Person(node, "mei", app)
    first = mei.open(f"/en/drafts/{draft}")
    second = mei.send(first, draft, title__en="Mine <i>", attribution="A")
    assert "The draft is saved." in second.text
    third = mei.send(first, draft, title__en="Other", attribution="B", status=412)
    assert "Somebody changed this draft" in third.text
    assert 'value="Other"' in third.html
    assert "Mine &lt;i&gt;" in third.html
    with acting_as(OPERATOR):
        assert get_draft(node, draft)["metadata"]["title"]["en"] == "Mine <i>"


def test_the_author_decides_on_no_draft_of_their_own_and_others_do_not_edit(
    node: Node, app: FastAPI, draft: str
) -> None:
    mei, zhu, eve = (Person(node, name, app) for name in ("mei", "zhu", "eve"))
    at = f"/en/drafts/{draft}"
    assert mei.http.post(f"{at}/decision", data={"decision": "accept"}).status_code == 403
    assert not [form for form in zhu.open(at).forms if form.action == at]
    assert zhu.http.post(at, data={"title.en": "x", "rule_find": "open", "rule_fetch": "open"}
                         ).status_code == 403  # fmt: skip
    for path in ("", "/comments", "/decision", "/take-back"):
        assert eve.http.post(f"{at}{path}", data={"text": "x"}).status_code == 404, path


def test_a_file_is_removed_and_another_added(node: Node, app: FastAPI, draft: str) -> None:
    mei = Person(node, "mei", app)
    at = f"/en/drafts/{draft}"
    page = mei.send(mei.open(at), "/files", button=("remove", "s.tif"))
    assert "attach a file" in page.text
    page = mei.send(page, "/files", files=[("bad.tif", b"II*\0junk")], status=400)
    assert "could not be read" in page.text
    page = mei.send(mei.open(at), "/files", button=("remove", "bad.tif"))
    assert "attach a file" in page.text
    table = b"station,level\na,1\n"
    twice = [("level.csv", table), ("level.csv", table + b"b,2\n")]
    page = mei.send(page, "/files", files=twice, status=400)
    assert "two files are called 'level.csv'" in page.text
    assert "attach a file" in mei.open(at).text
    for n, (name, data) in enumerate(twice):
        mei.send(mei.open(at), "/files", files=[(name, data)])
        assert ("in place of another of this name" in mei.open(at).text) == (n == 1)
    assert "已替换同名文件" in mei.open(at.replace("/en/", "/zh/")).text


_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp")),
                min_size=1, max_size=20)  # fmt: skip


@given(
    st.lists(st.tuples(_TEXT, _TEXT), max_size=3),
    st.lists(st.from_regex(r"[a-z雪]{1,9}", fullmatch=True), max_size=4),
    st.sampled_from(["", "CC-BY-4.0", "Own terms"]),
)
def test_what_the_form_shows_is_what_it_sends_back(
    people: list[tuple[str, str]], words: list[str], licence: str
) -> None:
    creators = [
        {"name": f"{given} {family}", "family": family, "given": given}
        for family, given in people
        if not set(",，") & set(family + given)
    ]
    metadata: dict[str, Any] = {"creators": creators, "keywords": words, "licence": licence}
    body = {"metadata": {k: v for k, v in metadata.items() if v}, "rule": {"find": "open"}}
    shown = Filled(body)
    names = ("creators", "keywords", "licence", "licence_choice")
    rule = {"rule_find": ("open",), "rule_fetch": ("open",)}
    sent = Filled(body, Form({name: (shown[name],) for name in names} | rule))
    found = {k: v for k, v in sent.metadata().items() if v is not None}
    assert found == body["metadata"]


def test_themes_and_goals_stated_elsewhere_outlive_the_form_until_they_are_unticked(
    node: Node, app: FastAPI, draft: str
) -> None:
    with acting_as(node.catalog.people.party("mei") or OPERATOR):
        stated = {"themes": ["cryosphere", "oceans"], "sdg": ["13.3"]}
        submitting.edit_draft(node, draft, stated)
    mei = Person(node, "mei", app)
    page = mei.open(f"/en/drafts/{draft}")
    assert "cryosphere" in page.text
    page = mei.send(page, draft, attribution="A")
    with acting_as(OPERATOR):
        kept = get_draft(node, draft)["metadata"]
    assert (sorted(kept["themes"]), kept["sdg"]) == (["cryosphere", "oceans"], ["13.3"])
    mei.send(page, draft, themes=["oceans", "made-up"], sdg=["13"])
    with acting_as(OPERATOR):
        kept = get_draft(node, draft)["metadata"]
    assert (kept["themes"], kept["sdg"]) == (["oceans"], ["13"])


FIT: dict[str, Any] = {
    "title__en": "Gauges", "description__en": "Two gauges.", "period": "2015-11",
    "nature": "observation", "licence_choice": "CC-BY-4.0", "attribution": "Survey",
    "creators": "Wang, Mei",
}  # fmt: skip


def test_type_and_unit_of_a_column_are_shown_as_found_and_published_as_stated(
    node: Node, app: FastAPI
) -> None:
    mei, sam = Person(node, "mei", app), Person(node, "sam", app)
    table = b"day,gauge,level,depth\n2015-11-01,upper,3,4.5\n2015-11-02,lower,4,5.5\n"
    page = mei.send(
        mei.open("/en/publish"), "/publish", new_collection="gauges", group="hydro",
        collection_title__zh="水位站", files=[("gauges.csv", table)],
    )  # fmt: skip
    at = page.address.split("?")[0]
    values = page.form(at).values
    assert [values[f"datatype.{n}"] for n in range(4)] == [
        ["date"], ["string"], ["integer"], ["number"]
    ]  # fmt: skip
    assert values["collection_title.zh"] == ["水位站"]
    units: dict[str, Any] = {
        f"unit__{n}": unit for n, unit in enumerate(("date", "name", "cm", "m"))
    }
    # A type that is chosen stays, also before its unit is known.
    page = mei.send(page, at, datatype__3="integer")
    assert page.form(at).values["datatype.3"] == ["integer"]
    page = mei.send(page, at, datatype__3="number")
    wrong = mei.send(page, at, unit__1="m", status=400)
    assert "choose the type number" in wrong.text
    assert wrong.form(at).values["unit.1"] == ["m"]
    page = mei.send(page, at, button=("then", "submit"), datatype__2="number", **FIT, **units)
    assert "handed in" in page.text or "submitted" in page.text
    assert "[cm] numbers" in page.text
    sam.send(sam.open(at), "/decision", button=("decision", "accept"))
    columns = node.catalog.get("item", "gauges/gauges")["properties"]["table:columns"]
    assert [(c["type"], c["unit"]) for c in columns] == [
        ("date", "date"), ("string", "name"), ("number", "cm"), ("number", "m")
    ]  # fmt: skip
    assert node.catalog.get("collection", "gauges")["title"] == "水位站"


def test_the_name_and_unit_of_a_band_are_published_as_the_form_states_them(
    node: Node, app: FastAPI, tmp_path: Path
) -> None:
    mei, sam = Person(node, "mei", app), Person(node, "sam", app)
    page = mei.send(
        mei.open("/zh/publish"), "/publish", new_collection="bands", group="hydro",
        files=[("bands.tif", snow(tmp_path / "b.tif").read_bytes())],
    )  # fmt: skip
    at = page.address.split("?")[0]
    assert page.form(at).values["name.0"] == ["depth"]
    saved = mei.send(page, at, name__0="snow_depth", unit__0="")
    assert saved.form(at).values["name.0"] == ["snow_depth"]
    assert "波段 1" in saved.text
    mei.send(saved, at, button=("then", "submit"), unit__0="cm", **FIT)
    # An accepted item took its title from the form; a collection without one is called by its id.
    sam.send(sam.open(at), "/decision", button=("decision", "accept"))
    bands = node.catalog.get("item", "bands/bands")["assets"]["data"]["bands"]
    assert [(band["name"], band["unit"]) for band in bands] == [("snow_depth", "cm")]
    assert node.catalog.get("collection", "bands")["title"] == "bands"
