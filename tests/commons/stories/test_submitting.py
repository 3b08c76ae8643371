"""Submission, review and publication: who may do what when, and what comes out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.files import snow

from earthcommons.commons import Node, make_node
from earthcommons.commons.stories import submitting
from earthcommons.commons.stories.access import Rule, set_rule
from earthcommons.commons.stories.publishing import accept, drafts_from, look_into
from earthcommons.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
    RefusedFileError,
)
from earthcommons.ingest import door, publish
from earthcommons.model import OPERATOR, PUBLIC, Party, Record
from earthcommons.policy import acting_as

if TYPE_CHECKING:
    from pathlib import Path

WORD = "a long pass phrase"
METADATA: dict[str, Any] = {
    "title": {"en": "Snow depth", "zh": "雪深"},
    "description": {"en": "Depth of snow, one winter.", "zh": "一个冬季的雪深。"},
    "period": "2015-11/2016-03",
    "licence": "CC-BY-4.0",
    "attribution": "Snow Survey",
    "nature": "observation",
    "variables": [{"name": "depth", "unit": "cm", "meaning": "depth of snow"}],
    "creators": [{"name": "Mei Wang", "family": "Wang", "given": "Mei"}],
    "themes": ["cryosphere"],
    "sdg": ["13.3"],
    "keywords": ["snow"],
}


@pytest.fixture
def node(tmp_path: Path) -> Node:
    made = make_node(tmp_path / "node")
    people = made.catalog.people
    with acting_as(OPERATOR):
        people.add_group("hydro", "Hydrology", "水文")
        for name, role in (
            ("mei", "contributor:hydro"), ("sam", "reviewer:hydro"), ("eve", ""),
            ("rev", "reviewer:hydro"),
        ):  # fmt: skip
            people.add(name, name.title(), password=WORD)
            if role:
                people.grant(name, role)
    return made


def party(node: Node, name: str) -> Party:
    found = node.catalog.people.party(name)
    assert found is not None
    return found


def complete(node: Node, file: Path, item: str = "snow-2015", **more: Any) -> str:
    made = submitting.start_draft(node, "snow", item, group="hydro", **more)
    submitting.add_file(node, made["id"], file, "snow.tif")
    submitting.edit_draft(node, made["id"], METADATA)
    look_into(node, made["id"])
    return str(made["id"])


def test_a_draft_is_completed_discussed_accepted_and_published(
    node: Node, tmp_path: Path
) -> None:
    mei, sam = party(node, "mei"), party(node, "sam")
    with acting_as(mei):
        id_ = complete(node, snow(tmp_path / "s.tif"))
        submitting.edit_draft(node, id_, {}, rule={"find": "open", "fetch": "registered"})
        assert submitting.submit(node, id_)["state"] == "submitted"
    with acting_as(sam):
        submitting.comment(node, id_, "Is this fresh snow?", "description.en")
        submitting.ask_for_changes(node, id_, "Please say how it was measured.")
    with acting_as(mei):
        submitting.edit_draft(node, id_, {"derivation": "Weekly soundings."})
        submitting.submit(node, id_)
    with acting_as(sam):
        done = accept(node, id_)
    assert [event["what"] for event in done["events"]] == [
        "draft", "submitted", "changes-requested", "submitted", "published",
    ]  # fmt: skip
    assert [(c["by"], c["field"]) for c in done["comments"]] == [
        ("sam", "description.en"), ("sam", ""),
    ]  # fmt: skip
    found = node.catalog.get("item", "snow/snow-2015")
    assert found["properties"]["keywords"] == ["snow"]
    assert found["properties"]["processing:lineage"] == "Weekly soundings."
    assert found["properties"]["themes"][1]["concepts"] == [{"id": "13.3"}]
    assert found["ec:withheld"] == {"data": ["registered"], "source": ["registered"]}
    assert set(node.catalog.get("item", "snow/snow-2015", mei)["assets"]) == {"data", "source"}
    assert node.catalog.get("collection", "snow")["ec:owner"] == "hydro"
    actions = [line.action for line in node.catalog.audit_log_of("draft", id_)]
    assert actions == [
        "draft-start", "draft-submitted", "draft-changes-requested", "draft-submitted",
        "draft-published",
    ]  # fmt: skip


def test_what_is_missing_is_said_for_each_standard_and_keeps_it_back(
    node: Node, tmp_path: Path
) -> None:
    with acting_as(party(node, "mei")):
        made = submitting.start_draft(node, "snow", "a", group="hydro")
        required = {
            lack["field"]: lack["standards"]
            for lack in submitting.get_draft(node, made["id"])["lacks"]
            if lack["level"] == "required"
        }
        assert required["creators"] == ["DataCite 4.6"]
        assert required["files"] == ["STAC 1.1", "Earth Commons"]
        assert "title.en" in required
        assert "title.zh" not in required
        with pytest.raises(InvalidInputError, match=r"name who made the data \(DataCite") as no:
            submitting.submit(node, made["id"])
        assert no.value.code == "incomplete"
        profile_unit = {**METADATA, "variables": []}
        submitting.add_file(node, made["id"], snow(tmp_path / "s.tif"), "s.tif")
        submitting.edit_draft(node, made["id"], profile_unit)
        look_into(node, made["id"])
        lacking = [lack["field"] for lack in submitting.get_draft(node, made["id"])["lacks"]]
        assert "variables" in lacking


def test_a_draft_is_nobody_elses_business(node: Node, tmp_path: Path) -> None:
    with acting_as(party(node, "mei")):
        id_ = complete(node, snow(tmp_path / "s.tif"))
    for who in (PUBLIC, party(node, "eve")):
        with acting_as(who):
            assert submitting.drafts(node) == []
            for act in (
                lambda: submitting.get_draft(node, id_),
                lambda: submitting.comment(node, id_, "hello"),
                lambda: submitting.edit_draft(node, id_, {"licence": "x"}),
                lambda: submitting.submit(node, id_),
                lambda: accept(node, id_),
            ):
                with pytest.raises(NotFoundError):
                    act()
    key = node.catalog.get("draft", id_, OPERATOR)["files"][0]["key"]
    assert not node.catalog.has_asset(f"/objects/{key}", OPERATOR)


def test_each_step_belongs_to_its_role(node: Node, tmp_path: Path) -> None:
    mei, sam = party(node, "mei"), party(node, "sam")
    with acting_as(party(node, "eve")), pytest.raises(AccessDeniedError):
        submitting.start_draft(node, "snow", "a", group="hydro")
    with acting_as(mei):
        id_ = complete(node, snow(tmp_path / "s.tif"))
        with pytest.raises(AccessDeniedError):
            submitting.decline(node, id_, "no")
    with acting_as(sam):
        with pytest.raises(AccessDeniedError):
            submitting.edit_draft(node, id_, {"licence": "x"})
        with pytest.raises(ConflictError):
            accept(node, id_)
    with acting_as(mei):
        submitting.submit(node, id_)
        with pytest.raises(ConflictError):
            submitting.edit_draft(node, id_, {"licence": "x"})
        with pytest.raises(AccessDeniedError):
            accept(node, id_)
    assert node.catalog.count("item", OPERATOR) == 0


def test_a_reviewer_does_not_decide_on_the_own_draft(node: Node, tmp_path: Path) -> None:
    with acting_as(party(node, "sam")):
        id_ = complete(node, snow(tmp_path / "s.tif"))
        submitting.submit(node, id_)
        with pytest.raises(AccessDeniedError, match="whoever wrote"):
            accept(node, id_)
    with acting_as(party(node, "rev")):
        assert accept(node, id_)["state"] == "published"


def test_an_edit_on_an_old_reading_is_refused(node: Node, tmp_path: Path) -> None:
    with acting_as(party(node, "mei")):
        id_ = complete(node, snow(tmp_path / "s.tif"))
        version = submitting.get_draft(node, id_)["version"]
        submitting.edit_draft(node, id_, {"licence": "MIT"}, version=version)
        with pytest.raises(ConflictError) as stale:
            submitting.edit_draft(node, id_, {"licence": "CC0-1.0"}, version=version)
        assert stale.value.code == "stale"
        assert submitting.get_draft(node, id_)["metadata"]["licence"] == "MIT"


def test_a_new_version_follows_the_one_it_was_made_from_and_no_other(
    node: Node, tmp_path: Path
) -> None:
    mei, sam = party(node, "mei"), party(node, "sam")
    with acting_as(mei):
        first = complete(node, snow(tmp_path / "a.tif"))
        submitting.submit(node, first)
    with acting_as(sam):
        accept(node, first)
    with acting_as(mei):
        with pytest.raises(ConflictError):
            submitting.start_draft(node, "snow", "snow-2015")
        ids = [
            complete(node, snow(tmp_path / f"{n}.tif", n), replaces=True) for n in (1.0, 2.0)
        ]
        for id_ in ids:
            submitting.submit(node, id_)
    with acting_as(sam):
        assert accept(node, ids[0])["events"][-1]["version"] == 2
        with pytest.raises(ConflictError) as stale:
            accept(node, ids[1])
        assert stale.value.code == "stale"
        assert submitting.decline(node, ids[1], "Another came first.")["state"] == "declined"
    assert [v.version for v in node.catalog.versions("item", "snow/snow-2015")] == [1, 2]


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


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"role": "operator"}, InvalidInputError),
        ({"title": "text"}, InvalidInputError),
        ({"keywords": ["x"] * 30_000}, InvalidInputError),
    ],
)
def test_metadata_of_another_shape_is_refused(
    node: Node, change: dict[str, Any], error: type[Exception]
) -> None:
    with acting_as(party(node, "mei")):
        made = submitting.start_draft(node, "snow", "a", group="hydro")
        with pytest.raises(error):
            submitting.edit_draft(node, made["id"], change)


def test_files_that_are_none_are_refused_with_the_door_s_code(
    node: Node, tmp_path: Path
) -> None:
    fake = tmp_path / "fake.tif"
    fake.write_text("<VRTDataset rasterXSize='1' rasterYSize='1'></VRTDataset>")
    with acting_as(party(node, "mei")):
        made = submitting.start_draft(node, "snow", "a", group="hydro")
        with pytest.raises(InvalidInputError):
            submitting.add_file(node, made["id"], fake, "../x.tif")
        with pytest.raises(RefusedFileError):
            submitting.add_file(node, made["id"], tmp_path, "folder.tif")
        submitting.add_file(node, made["id"], fake, "fake.tif")
        with pytest.raises(InvalidInputError) as refused:
            look_into(node, made["id"])
        assert refused.value.code == "format-mismatch"
        assert submitting.remove_file(node, made["id"], "fake.tif")["files"] == []


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


EXTENT = {
    "spatial": {"bbox": [[0, 0, 1, 1]]},
    "temporal": {"interval": [["2015-01-01T00:00:00Z", "2016-01-01T00:00:00Z"]]},
}


def handed_in(node: Node, tmp_path: Path) -> str:
    with acting_as(party(node, "mei")):
        id_ = complete(node, snow(tmp_path / "s.tif"))
        submitting.submit(node, id_)
    return id_


@pytest.mark.parametrize("meanwhile", ["declined", "rewritten", "handed over", "commented"])
def test_what_was_decided_while_a_draft_was_read_holds(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    id_ = handed_in(node, tmp_path)
    admit = door.admit

    def interrupted(*given: Any, **more: Any) -> Any:
        with acting_as(party(node, "rev")):
            if meanwhile == "declined":
                submitting.decline(node, id_, "No.")
            elif meanwhile == "rewritten":
                submitting.ask_for_changes(node, id_, "More.")
            elif meanwhile == "commented":
                submitting.comment(node, id_, "Good.")
        if meanwhile == "rewritten":
            with acting_as(party(node, "mei")):
                submitting.edit_draft(node, id_, {"attribution": "Others"})
                submitting.submit(node, id_)
        if meanwhile == "handed over":
            body = {"id": "snow", "title": "t", "ec:owner": "lakes", "extent": EXTENT}
            with node.catalog.transaction() as tx:
                tx.put(Record("collection", "snow", body))
        return admit(*given, **more)

    monkeypatch.setattr(publish, "admit", interrupted)
    with acting_as(party(node, "sam")):
        if meanwhile == "commented":
            assert accept(node, id_)["comments"][0]["text"] == "Good."
            return
        with pytest.raises(ConflictError):
            accept(node, id_)
    assert node.catalog.version("item", "snow/snow-2015") is None
    with acting_as(OPERATOR):
        assert submitting.get_draft(node, id_)["state"] != "published"


def test_a_group_does_not_bring_back_what_another_withdrew(node: Node, tmp_path: Path) -> None:
    id_ = handed_in(node, tmp_path)
    body = {"id": "snow", "title": "t", "ec:owner": "lakes"}
    with node.catalog.transaction() as tx:
        tx.put(Record("collection", "snow", body))
        tx.put(Record("collection", "snow", body, 2, withdrawn=True))
    with acting_as(party(node, "sam")), pytest.raises(ConflictError, match="was withdrawn"):
        accept(node, id_)
    assert node.catalog.version("collection", "snow") is None


def test_a_new_version_asks_what_the_one_before_it_asked(node: Node, tmp_path: Path) -> None:
    id_ = handed_in(node, tmp_path)
    with acting_as(party(node, "sam")):
        accept(node, id_)
    with acting_as(OPERATOR):
        set_rule(node, "item", "snow/snow-2015", Rule("group:hydro", "registered", "open"))
    with acting_as(OPERATOR):
        made = submitting.start_draft(node, "snow", "snow-2015", replaces=True)
    assert made["rule"] == {"find": "group:hydro", "fetch": "registered", "derive": "open"}


def test_a_draft_holds_so_many_comments(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submitting, "_MOST_COMMENTS", 2)
    with acting_as(party(node, "mei")):
        id_ = submitting.start_draft(node, "snow", "a", group="hydro")["id"]
        submitting.comment(node, id_, "one")
        submitting.comment(node, id_, "two")
        with pytest.raises(InvalidInputError, match="2 comments at most"):
            submitting.comment(node, id_, "three")


def test_what_was_published_is_in_the_audit_log_with_the_draft(
    node: Node, tmp_path: Path
) -> None:
    id_ = handed_in(node, tmp_path)
    with acting_as(party(node, "sam")):
        accept(node, id_)
    (line,) = node.catalog.audit_log_of("item", "snow/snow-2015")
    assert (line.action, line.detail) == ("item-publish", {"version": 1})


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
