from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from earthcommons.commons.stories.health import health
from earthcommons.settings import Settings

if TYPE_CHECKING:
    import pytest

    from earthcommons.commons import Node


def rows(node: Node) -> dict[str, dict[str, str]]:
    return {row["what"]: row for row in health(node)}


def test_a_sound_node_has_nothing_bad_and_counts_its_records(node: Node) -> None:
    found = rows(node)
    assert list(found) == ["version", "catalogue", "records", "space", "address", "door"]
    assert found["catalogue"]["state"] == "ok"
    assert found["records"]["text"].startswith("collection 0 · item 0 · run 0")
    assert found["address"] == {
        "what": "address", "state": "ok", "text": "listens on 127.0.0.1:8000",
    }  # fmt: skip


def test_an_address_others_reach_is_noted(node: Node) -> None:
    for host, state in (("0.0.0.0", "note"), ("::1", "ok")):  # noqa: S104 — only named
        settings = Settings(host=host)
        assert rows(dataclasses.replace(node, settings=settings))["address"]["state"] == state


def test_a_damaged_catalogue_and_a_full_disk_are_bad(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(node.catalog), "check", lambda _: "row 7 missing from index")
    usage = type("Usage", (), {"free": 2**29})
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage)
    found = rows(node)
    assert (found["catalogue"]["state"], found["space"]["state"]) == ("bad", "bad")
    assert "row 7 missing" in found["catalogue"]["text"]
