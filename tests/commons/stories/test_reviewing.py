"""Who decides on a draft, when, and on what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.commons.stories.drafting import complete, handed_in, party, staffed
from tests.files import snow

from earthcommons.commons.stories import reviewing, submitting
from earthcommons.commons.stories.completeness import lacks
from earthcommons.commons.stories.drafts import get_draft
from earthcommons.commons.stories.publishing import accept
from earthcommons.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidInputError,
)
from earthcommons.ingest import door, publish
from earthcommons.model import OPERATOR, Record
from earthcommons.policy import acting_as

if TYPE_CHECKING:
    from pathlib import Path

    from earthcommons.commons import Node


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return staffed(tmp_path / "node")


EXTENT = {
    "spatial": {"bbox": [[0, 0, 1, 1]]},
    "temporal": {"interval": [["2015-01-01T00:00:00Z", "2016-01-01T00:00:00Z"]]},
}


def test_a_reviewer_does_not_decide_on_the_own_draft(node: Node, tmp_path: Path) -> None:
    with acting_as(party(node, "sam")):
        id_ = complete(node, snow(tmp_path / "s.tif"))
        submitting.submit(node, id_)
        with pytest.raises(AccessDeniedError, match="whoever wrote"):
            accept(node, id_)
    with acting_as(party(node, "rev")):
        assert accept(node, id_)["state"] == "published"


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
        assert reviewing.decline(node, ids[1], "Another came first.")["state"] == "declined"
    assert [v.version for v in node.catalog.versions("item", "snow/snow-2015")] == [1, 2]


@pytest.mark.parametrize("meanwhile", ["declined", "rewritten", "handed over", "commented"])
def test_what_was_decided_while_a_draft_was_read_holds(
    node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    id_ = handed_in(node, tmp_path)
    admit = door.admit

    def interrupted(*given: Any, **more: Any) -> Any:
        with acting_as(party(node, "rev")):
            if meanwhile == "declined":
                reviewing.decline(node, id_, "No.")
            elif meanwhile == "rewritten":
                reviewing.ask_for_changes(node, id_, "More.")
            elif meanwhile == "commented":
                reviewing.comment(node, id_, "Good.")
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
        assert get_draft(node, id_)["state"] != "published"


def test_a_draft_holds_so_many_comments(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reviewing, "_MOST_COMMENTS", 2)
    with acting_as(party(node, "mei")):
        id_ = submitting.start_draft(node, "snow", "a", group="hydro")["id"]
        reviewing.comment(node, id_, "one")
        reviewing.comment(node, id_, "two")
        with pytest.raises(InvalidInputError, match="2 comments at most"):
            reviewing.comment(node, id_, "three")


def test_a_comment_is_about_a_field_that_there_is(node: Node, tmp_path: Path) -> None:
    id_ = handed_in(node, tmp_path)
    with acting_as(party(node, "sam")):
        with pytest.raises(InvalidInputError, match=r"no field 'perid'; there are .*period"):
            reviewing.comment(node, id_, "Which winter?", "perid")
        for lack in lacks({"metadata": {}, "files": [], "collection": "", "item": ""}):
            assert lack.field in reviewing.ABOUT
        said = reviewing.comment(node, id_, "Which winter?", "period")
    assert [each["field"] for each in said["comments"]] == ["period"]
