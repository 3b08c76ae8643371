"""A draft is its author's and its group's, and keeps what happened to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.commons.stories.drafting import complete, party, staffed
from tests.files import snow

from earthcommons.commons.stories import reviewing, submitting
from earthcommons.commons.stories.drafts import drafts, get_draft
from earthcommons.commons.stories.publishing import accept
from earthcommons.errors import (
    AccessDeniedError,
    ConflictError,
    NotFoundError,
)
from earthcommons.model import OPERATOR, PUBLIC
from earthcommons.policy import acting_as

if TYPE_CHECKING:
    from pathlib import Path

    from earthcommons.commons import Node


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return staffed(tmp_path / "node")


def test_a_draft_is_completed_discussed_accepted_and_published(
    node: Node, tmp_path: Path
) -> None:
    mei, sam = party(node, "mei"), party(node, "sam")
    with acting_as(mei):
        id_ = complete(node, snow(tmp_path / "s.tif"))
        submitting.edit_draft(node, id_, {}, rule={"find": "open", "fetch": "registered"})
        assert submitting.submit(node, id_)["state"] == "submitted"
    with acting_as(sam):
        reviewing.comment(node, id_, "Is this fresh snow?", "description.en")
        reviewing.ask_for_changes(node, id_, "Please say how it was measured.")
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


def test_a_draft_is_nobody_elses_business(node: Node, tmp_path: Path) -> None:
    with acting_as(party(node, "mei")):
        id_ = complete(node, snow(tmp_path / "s.tif"))
    for who in (PUBLIC, party(node, "eve")):
        with acting_as(who):
            assert drafts(node) == []
            for act in (
                lambda: get_draft(node, id_),
                lambda: reviewing.comment(node, id_, "hello"),
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
            reviewing.decline(node, id_, "no")
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
