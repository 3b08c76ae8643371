"""Many at once on one node: nothing is lost, nothing is half there, one of many is accepted."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TYPE_CHECKING

from tests.commons.stories.acts import accept_draft, accepted, sound, with_draft, with_items
from tests.faults import CONFLICT, together
from tests.web.access_node import item

from earthcommons.catalog import ItemQuery
from earthcommons.commons import make_node, open_node
from earthcommons.commons.stories.access import Rule, set_rule
from earthcommons.commons.stories.drafts import drafts
from earthcommons.commons.stories.editing import create_items, current_tag, patch
from earthcommons.errors import ConflictError
from earthcommons.model import OPERATOR, PUBLIC
from earthcommons.policy import acting_as

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from earthcommons.commons import Node

WRITERS, ACTS_EACH = 4, 8


def _add_one(node: Node) -> None:
    """Add one to the number an item holds, by If-Match, as often as it takes."""
    while True:
        tag = current_tag(node, "item", "snow/i1")
        held = int(node.catalog.get("item", "snow/i1")["properties"].get("n", 0))
        with contextlib.suppress(ConflictError):
            patch(node, "item", "snow/i1", {"properties": {"n": held + 1}}, tag)
            return


def _write(root: Path, number: int) -> None:
    node = open_node(root)
    while not (root / "read-from").exists():
        time.sleep(0.005)
    for n in range(ACTS_EACH):
        create_items(node, "snow", [item(f"w{number}-{n}-{m}") for m in range(3)])
        _add_one(node)
        node.catalog.people.grant("ann", f"contributor:g{number}")
        node.catalog.people.withdraw("ann", f"contributor:g{number}")
        set_rule(node, "collection", "snow", Rule("registered" if n % 2 else "open"))
    node.catalog.close()


def _read(root: Path, stop: Path) -> None:
    """Look again and again, and see whole states alone."""
    node, rounds, states = open_node(root), 0, set()
    while rounds < 2 or not stop.exists():
        (root / "read-from").touch()
        page = node.catalog.items(ItemQuery(limit=1000))
        assert page.matched == len(page.names)
        # Five were there before; three come at a time.
        assert (len(page.names) - 5) % 3 == 0
        with acting_as(PUBLIC), node.catalog._file.connection().whole():
            there = {body["id"] for body in node.catalog.all("collection")}
            items = node.catalog.items(ItemQuery(limit=1000)).matched
            assert bool(items) == bool(there), (items, there)
        states.add(bool(there))
        rounds += 1
    assert states
    node.catalog.close()


def test_writers_at_once_lose_nothing_and_readers_see_whole_states(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root, stop = tmp_path / "node", tmp_path / "stop"
    with acting_as(OPERATOR):
        node = make_node(root)
        with_items(node, tmp_path)
        people = node.catalog.people
        people.add("ann", "Ann", issuer="https://id.example.org", subject="ann")
        for number in range(WRITERS):
            people.add_group(f"g{number}", "Group")
        node.catalog.close()

    def work(number: int) -> None:
        if number < WRITERS:
            _write(root, number)
            (tmp_path / f"done-{number}").touch()
            if len(list(tmp_path.glob("done-*"))) == WRITERS:
                stop.touch()
        else:
            _read(root, stop)

    assert together(work, WRITERS + 1) == [0] * (WRITERS + 1)
    with acting_as(OPERATOR):
        node = open_node(root)
        total = WRITERS * ACTS_EACH
        assert node.catalog.count("item") == 5 + 3 * total
        assert node.catalog.get("item", "snow/i1")["properties"]["n"] == total
        versions = [each.version for each in node.catalog.versions("item", "snow/i1")]
        assert versions == list(range(1, total + 2))
        log = node.catalog.audit_log(limit=10_000)
        assert sum(line.action == "item-create" for line in log) == 3 * total
        assert sum(line.action == "role-grant" for line in log) == total
        assert people.account("ann").roles == ()
        sound(node, tmp_path / "fresh.sqlite")
        node.catalog.close()
    with capsys.disabled():
        sys.stdout.write(f"\n{WRITERS} writers, {5 * total} acts\n")


def test_of_four_who_accept_a_draft_at_once_one_does(tmp_path: Path) -> None:
    with acting_as(OPERATOR):
        node = make_node(tmp_path / "node")
        with_draft(node, tmp_path)
        node.catalog.close()
        ended = together(lambda _: accept_draft(open_node(tmp_path / "node")), WRITERS)
        assert sorted(ended) == [0, CONFLICT, CONFLICT, CONFLICT]
        node = open_node(tmp_path / "node")
        assert accepted(node) == ("published", True)
        (draft,) = drafts(node)
        assert [event["what"] for event in draft["events"]].count("published") == 1
        assert len(node.catalog.versions("item", "snow/s")) == 1
        sound(node, tmp_path / "fresh.sqlite")
        node.catalog.close()
