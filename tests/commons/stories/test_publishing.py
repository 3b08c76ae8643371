"""What comes out of a draft that is accepted, and drafts out of many files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.commons.stories.drafting import METADATA, complete, handed_in, party, staffed
from tests.files import snow

from earthcommons.commons.stories import submitting
from earthcommons.commons.stories.publishing import accept, drafts_from, look_into
from earthcommons.errors import (
    ConflictError,
)
from earthcommons.model import Record
from earthcommons.policy import acting_as

if TYPE_CHECKING:
    from pathlib import Path

    from earthcommons.commons import Node


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return staffed(tmp_path / "node")


def test_an_embargo_asked_for_is_in_force_when_published(node: Node, tmp_path: Path) -> None:
    with acting_as(party(node, "mei")):
        id_ = complete(node, snow(tmp_path / "a.tif"))
        submitting.edit_draft(node, id_, {}, rule={"find": "after:2999-01-01T00:00:00Z"})
        submitting.submit(node, id_)
    with acting_as(party(node, "sam")):
        accept(node, id_)
        assert node.catalog.get("item", "snow/snow-2015")["id"] == "snow-2015"
    for name in ("item", "collection"):
        assert node.catalog.count(name) == 0


def test_a_folder_of_mixed_files_becomes_a_draft_of_each_and_says_what_it_refused(
    node: Node, tmp_path: Path
) -> None:
    table = tmp_path / "gauges.csv"
    table.write_text("date,depth\n2015-11-01,3\n2015-11-02,4\n")
    fake = tmp_path / "fake.tif"
    fake.write_text("<html>")
    sources = {"a/snow.tif": snow(tmp_path / "s.tif"), "gauges.csv": table, "b/fake.tif": fake}
    files = []
    for name, path in sources.items():
        with node.store.stage() as scratch:
            (scratch / "f").write_bytes(path.read_bytes())
            files.append((name, node.store.put_file(scratch / "f", ".upload")))
    shared = {k: v for k, v in METADATA.items() if k not in ("title", "description")}
    with acting_as(party(node, "mei")):
        made, refused = drafts_from(node, "snow", files, group="hydro", metadata=shared)
    assert sorted(draft["item"] for draft in made) == ["gauges", "snow"]
    assert [(each["source"], each["code"]) for each in refused] == [
        ("fake.tif", "format-mismatch")
    ]
    by_item = {draft["item"]: draft for draft in made}
    assert by_item["snow"]["seen"]["format"] == "geotiff"
    assert by_item["snow"]["files"][0]["name"] == "snow.tif"


def test_a_group_does_not_bring_back_what_another_withdrew(node: Node, tmp_path: Path) -> None:
    id_ = handed_in(node, tmp_path)
    body = {"id": "snow", "title": "t", "ec:owner": "lakes"}
    with node.catalog.transaction() as tx:
        tx.put(Record("collection", "snow", body))
        tx.put(Record("collection", "snow", body, 2, withdrawn=True))
    with acting_as(party(node, "sam")), pytest.raises(ConflictError, match="was withdrawn"):
        accept(node, id_)
    assert node.catalog.version("collection", "snow") is None


def test_what_was_published_is_in_the_audit_log_with_the_draft_and_who_accepted_it(
    node: Node, tmp_path: Path
) -> None:
    id_ = handed_in(node, tmp_path)
    with acting_as(party(node, "sam")):
        accept(node, id_)
    (line,) = node.catalog.audit_log_of("item", "snow/snow-2015")
    assert (line.who, line.action, line.detail) == ("sam", "item-publish", {"version": 1})


def test_the_first_item_of_a_new_collection_is_its_owner_s_from_the_first_moment(
    node: Node, tmp_path: Path
) -> None:
    with acting_as(party(node, "mei")):
        id_ = complete(node, snow(tmp_path / "a.tif"))
        submitting.edit_draft(node, id_, {}, rule={"find": "group:basin", "fetch": "licence:x"})
        submitting.submit(node, id_)
    with acting_as(party(node, "sam")):
        accept(node, id_)
        standing = node.catalog.standing("item", "snow/snow-2015")
        assert standing.faces.find == "group:basin@hydro"
        assert standing.faces.fetch == "group:basin@hydro & licence:x@hydro"
        assert set(node.catalog.get("item", "snow/snow-2015")["assets"]) == {"data", "source"}


def test_files_of_an_item_that_is_there_are_refused_and_the_others_become_drafts(
    node: Node, tmp_path: Path
) -> None:
    with acting_as(party(node, "mei")):
        first = complete(node, snow(tmp_path / "a.tif"), "snow")
        submitting.submit(node, first)
    with acting_as(party(node, "sam")):
        accept(node, first)
    files = []
    for name in ("snow.tif", "other.tif"):
        with node.store.stage() as scratch:
            (scratch / "f").write_bytes(snow(tmp_path / name, 3.0).read_bytes())
            files.append((name, node.store.put_file(scratch / "f", ".upload")))
    with acting_as(party(node, "mei")):
        made, refused = drafts_from(node, "snow", files)
    assert [draft["item"] for draft in made] == ["other"]
    assert [(each["source"], each["code"]) for each in refused] == [("snow.tif", "exists")]


def test_a_table_of_days_names_and_numbers_is_published_by_its_units_alone(
    node: Node, tmp_path: Path
) -> None:
    table = tmp_path / "gauges.csv"
    table.write_text("day,gauge,depth\n2015-11-01,upper,3\n2015-11-02,lower,4\n")
    units = {"day": "date", "gauge": "name", "depth": "m"}
    variables = [{"name": name, "unit": unit} for name, unit in units.items()]
    with acting_as(party(node, "mei")):
        id_ = str(submitting.start_draft(node, "snow", "gauges", group="hydro")["id"])
        submitting.add_file(node, id_, table, "gauges.csv")
        submitting.edit_draft(node, id_, METADATA | {"variables": variables})
        look_into(node, id_)
        submitting.submit(node, id_)
    with acting_as(party(node, "sam")):
        assert accept(node, id_)["state"] == "published"
    columns = node.catalog.get("item", "snow/gauges")["properties"]["table:columns"]
    assert [(c["name"], c["type"]) for c in columns] == [
        ("day", "date"), ("gauge", "string"), ("depth", "number")
    ]  # fmt: skip


def test_a_new_collection_is_not_called_what_its_first_item_is(
    node: Node, tmp_path: Path
) -> None:
    id_ = handed_in(node, tmp_path)
    with acting_as(party(node, "sam")):
        accept(node, id_)
    assert node.catalog.get("collection", "snow")["title"] == "snow"
    assert node.catalog.get("item", "snow/snow-2015")["properties"]["title"] == "Snow depth"


def test_a_new_collection_is_called_what_its_first_draft_calls_it(
    node: Node, tmp_path: Path
) -> None:
    with acting_as(party(node, "mei")):
        id_ = complete(node, snow(tmp_path / "a.tif"))
        submitting.edit_draft(node, id_, {"collection_title": {"en": "Snow, measured"}})
        submitting.submit(node, id_)
    with acting_as(party(node, "sam")):
        accept(node, id_)
    body = node.catalog.get("collection", "snow")
    assert (body["title"], body["title_zh"]) == ("Snow, measured", "Snow, measured")
