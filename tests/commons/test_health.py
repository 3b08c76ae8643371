from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from earthcommons.commons.stories.health import health
from earthcommons.settings import Settings

if TYPE_CHECKING:
    import pytest

    from earthcommons.commons import Node


def rows(node: Node) -> dict[str, dict[str, str]]:
    return {found.what: found.as_json() for found in health(node)}


def test_a_sound_node_has_nothing_bad_and_counts_its_records(node: Node) -> None:
    found = rows(node)
    asked = ["version", "catalogue", "records", "space", "address", "door", "formats"]
    assert list(found)[: len(asked)] == asked
    assert found["catalogue"]["state"] == "ok"
    assert found["records"]["text"].startswith("collection 0 · item 0 · run 0")
    assert found["address"] == {
        "what": "address", "state": "ok", "code": "listens",
        "text": "listens on 127.0.0.1:8000",
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


def test_the_door_says_which_walls_stand_and_which_formats_are_lacking(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    walls = {"landlock": False, "network": True, "processes": False}
    monkeypatch.setattr("earthcommons.commons.stories.health.confinement", lambda *_: walls)
    monkeypatch.setattr("earthcommons.commons.stories.health.find_spec", lambda _: None)
    from earthcommons.commons.stories.health import _door

    _door.cache_clear()
    found = rows(node)
    _door.cache_clear()
    assert found["door"]["state"] == "note"
    assert "no Landlock here" in found["door"]["text"]
    assert "can begin other processes (no seccomp" in found["door"]["text"]
    assert "earthcommons[grib,hdf4]" in found["formats"]["text"]
