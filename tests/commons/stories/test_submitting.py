"""What its author does with a draft: what it lacks, who sees it, what is refused."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from tests.commons.stories.drafting import METADATA, complete, handed_in, party, staffed
from tests.files import snow, wide

from earthcommons.commons.stories import submitting
from earthcommons.commons.stories.access import Rule, set_rule
from earthcommons.commons.stories.drafts import get_draft
from earthcommons.commons.stories.publishing import accept, drafts_from, look_into
from earthcommons.commons.stories.reviewing import ask_for_changes
from earthcommons.commons.stories.withdrawing import withdraw
from earthcommons.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidInputError,
    RefusedFileError,
)
from earthcommons.ingest.door import admit
from earthcommons.model import OPERATOR
from earthcommons.policy import acting_as

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.cli.conftest import Ended

    from earthcommons.commons import Node


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return staffed(tmp_path / "node")


def test_what_is_missing_is_said_for_each_standard_and_keeps_it_back(
    node: Node, tmp_path: Path
) -> None:
    with acting_as(party(node, "mei")):
        made = submitting.start_draft(node, "snow", "a", group="hydro")
        required = {
            lack["field"]: lack["standards"]
            for lack in get_draft(node, made["id"])["lacks"]
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
        lacking = [lack["field"] for lack in get_draft(node, made["id"])["lacks"]]
        assert "variables" in lacking


def test_a_key_that_reads_nothing_begins_no_draft(node: Node) -> None:
    mei = dataclasses.replace(party(node, "mei"), scopes=frozenset({"submit"}))
    with acting_as(mei), pytest.raises(AccessDeniedError, match="without the scope read"):
        submitting.start_draft(node, "snow", "a", group="hydro")
    assert list(node.catalog.all("draft", OPERATOR)) == []


def test_an_edit_on_an_old_reading_is_refused(node: Node, tmp_path: Path) -> None:
    with acting_as(party(node, "mei")):
        id_ = complete(node, snow(tmp_path / "s.tif"))
        version = get_draft(node, id_)["version"]
        submitting.edit_draft(node, id_, {"licence": "MIT"}, version=version)
        with pytest.raises(ConflictError) as stale:
            submitting.edit_draft(node, id_, {"licence": "CC0-1.0"}, version=version)
        assert stale.value.code == "stale"
        assert get_draft(node, id_)["metadata"]["licence"] == "MIT"


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


def _cut(tmp_path: Path) -> Path:
    """Return a raster whose header is whole and whose last bytes are missing."""
    whole, cut = wide(tmp_path / "whole.tif"), tmp_path / "cut.tif"
    cut.write_bytes(whole.read_bytes()[:20_000])
    return cut


def test_a_file_that_was_cut_is_refused_to_its_author_by_name_and_in_words(
    node: Node, tmp_path: Path
) -> None:
    with acting_as(party(node, "mei")):
        id_ = complete(node, _cut(tmp_path))
        with pytest.raises(RefusedFileError, match=r"^snow\.tif: .*cut short") as refused:
            submitting.submit(node, id_)
        assert refused.value.code == "malformed"
        assert "previous exception" not in str(refused.value)
        assert "bytes, expected" in str(refused.value)
        assert get_draft(node, id_)["state"] == "draft"
        submitting.add_file(node, id_, wide(tmp_path / "again.tif"), "snow.tif")
        look_into(node, id_)
        assert submitting.submit(node, id_)["state"] == "submitted"


def test_a_file_is_read_once_until_its_bytes_or_units_change(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []

    def counted(*args: Any, **more: Any) -> Any:
        read.append("once")
        return admit(*args, **more)

    monkeypatch.setattr("earthcommons.commons.stories.draft_files.admit", counted)
    id_ = handed_in(node, tmp_path)
    stored = sorted(node.store.all_keys())

    def again(change: dict[str, Any]) -> int:
        with acting_as(party(node, "sam")):
            ask_for_changes(node, id_, "Mend it.")
        with acting_as(party(node, "mei")):
            submitting.edit_draft(node, id_, change)
            submitting.submit(node, id_)
        return len(read)

    assert again({"keywords": ["ice"]}) == 1
    metres = [{"name": "depth", "unit": "m", "meaning": "depth of snow"}]
    assert again({"variables": metres}) == 2
    assert sorted(node.store.all_keys(".tif")) == [k for k in stored if k.endswith(".tif")]


def test_a_new_version_asks_what_the_one_before_it_asked(node: Node, tmp_path: Path) -> None:
    id_ = handed_in(node, tmp_path)
    with acting_as(party(node, "sam")):
        accept(node, id_)
    with acting_as(OPERATOR):
        set_rule(node, "item", "snow/snow-2015", Rule("group:hydro", "registered", "open"))
    with acting_as(OPERATOR):
        made = submitting.start_draft(node, "snow", "snow-2015", replaces=True)
    assert made["rule"] == {"find": "group:hydro", "fetch": "registered", "derive": "open"}


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ([{}], "invalid-input"),
        ([{"name": "a", "unit": 3}], "invalid-input"),
        (["a"], "invalid-input"),
        ([{"name": "a"}, {"name": "a"}], "name-collision"),
    ],
)
def test_variables_that_are_none_are_refused_before_they_are_kept(
    node: Node, variables: list[Any], code: str
) -> None:
    with acting_as(party(node, "mei")):
        id_ = str(submitting.start_draft(node, "snow", "odd", group="hydro")["id"])
        with pytest.raises(InvalidInputError) as refused:
            submitting.edit_draft(node, id_, {"variables": variables})
        assert refused.value.code == code
        assert "variables" not in get_draft(node, id_)["metadata"]


def test_a_draft_under_a_withdrawn_name_is_refused_before_anything_is_handed_in(
    node: Node, tmp_path: Path
) -> None:
    id_ = handed_in(node, tmp_path)
    with acting_as(party(node, "sam")):
        accept(node, id_)
    with acting_as(OPERATOR):
        withdraw(node, "item", "snow/snow-2015", "retracted")
    for replaces in (False, True):
        with acting_as(party(node, "mei")), pytest.raises(ConflictError, match="withdrawn"):
            submitting.start_draft(node, "snow", "snow-2015", replaces=replaces)


def test_a_file_that_takes_another_s_place_says_whose_bytes_those_were(
    node: Node, tmp_path: Path
) -> None:
    files = []
    for n in range(3):
        files.append(tmp_path / str(n) / "s.csv")
        files[n].parent.mkdir()
        files[n].write_text(f"station,level\na,{n}\n")
    with acting_as(party(node, "mei")):
        id_ = submitting.start_draft(node, "snow", "a", group="hydro")["id"]
        held = [submitting.add_file(node, id_, file, "s.csv")["files"] for file in files]
        (first,), (second,), (third,) = held
        assert "replaced" not in first
        assert (second["replaced"], third["replaced"]) == (first["sha256"], second["sha256"])
        # The same bytes again are no other file.
        assert submitting.add_file(node, id_, files[2], "s.csv")["files"] == [third]
        other = submitting.add_file(node, id_, files[0], "t.csv")["files"]
        assert [file.get("replaced") for file in other] == [second["sha256"], None]
        submitting.remove_file(node, id_, "s.csv")
        assert "replaced" not in submitting.add_file(node, id_, files[0], "s.csv")["files"][0]


def test_two_files_of_one_name_given_at_once_are_refused_and_neither_is_kept(
    node: Node, tmp_path: Path, cli: Callable[..., Ended]
) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    files = [snow(tmp_path / name / "s.tif") for name in ("a", "b")]
    with acting_as(OPERATOR):
        id_ = submitting.start_draft(node, "snow", "a", group="hydro")["id"]
    ended = cli("draft", "attach", id_, *files, "--node", node.root)
    assert (ended.code, "[name-collision]" in ended.err) == (2, True)
    with acting_as(OPERATOR):
        assert get_draft(node, id_)["files"] == []
        uploaded = [
            (name, node.store.put_bytes(text.encode(), ".upload"))
            for name, text in (("a/s.csv", "x,y\n1,2\n"), ("b/s.csv", "x,y\n3,4\n"))
        ]
        made, refused = drafts_from(node, "snow", uploaded, group="hydro")
        # Each is an item of its own, or they are refused; none took the other's place.
        held = [file["sha256"] for draft in made for file in draft["files"]]
        assert len(held) == len(set(held)) == 2 or [r["code"] for r in refused] != []
    assert cli("draft", "attach", id_, files[0], "--node", node.root).code == 0
    ended = cli("draft", "attach", id_, wide(tmp_path / "s.tif"), "--node", node.root)
    assert "in place of another" in ended.out
