from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from earthcommons.commons.stories.exchanging import (
    candidates,
    confirm_need,
    draft_need,
    import_offers,
)
from earthcommons.errors import ConflictError, InvalidInputError, NotFoundError
from earthcommons.model import Record, Text
from earthcommons.model.outlook import Report, Statement
from earthcommons.model.party import OPERATOR

if TYPE_CHECKING:
    from pathlib import Path

    from earthcommons.commons import Node

BARE = {
    "id": "x:bare", "type": ["software"], "title": "Night tool", "source": {"system": "x"},
    "language": "en",
}  # fmt: skip
FULL = BARE | {
    "id": "x:full", "title": "Radiance of lights at night", "licence": ["MIT"], "goals": [7],
    "countries": ["KEN"], "index_terms": ["night", "radiance", "viirs"],
}  # fmt: skip


def lines(file: Path, *rows: dict[str, Any]) -> Path:
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return file


def report(node: Node, status: Any = "checked", key: str = "lights-split") -> None:
    said = Statement(
        key, "attribution", "settlement", "a", "m49:404", Text("{a}", "{a}"), {}, (), (),
        status=status,
    )  # fmt: skip
    made = Report("KEN", "1", "country", "m49:404", Text("t", "t"), (said,), ())
    with node.catalog.transaction() as tx:
        tx.revise(Record("report", "KEN", made.as_json()))


def test_importing_twice_changes_nothing_and_a_changed_offer_is_new(
    node: Node, tmp_path: Path
) -> None:
    file = lines(tmp_path / "o.jsonl", BARE, FULL)
    first, again = import_offers(node, file), import_offers(node, file)
    assert (first.new, first.unchanged, again.new, again.unchanged) == (2, 0, 0, 2)
    changed = import_offers(node, lines(file, BARE, FULL | {"licence": ["GPL-3.0"]}))
    assert (changed.new, changed.unchanged) == (1, 1)
    assert node.catalog.version("offer", "x:full") is not None
    assert node.catalog.get("offer", "x:full")["licence"] == ["GPL-3.0"]


def test_one_refused_line_publishes_no_offer(node: Node, tmp_path: Path) -> None:
    bad = {**BARE, "id": "x:bad", "title": ""}
    with pytest.raises(InvalidInputError, match="line 2: offer 'x:bad' lacks title"):
        import_offers(node, lines(tmp_path / "o.jsonl", FULL, bad))
    assert node.catalog.count("offer") == 0
    with pytest.raises(NotFoundError, match=r"no file of offers 'none\.jsonl'"):
        import_offers(node, tmp_path / "none.jsonl")


def test_a_need_is_hidden_until_a_person_confirms_it_once(node: Node) -> None:
    report(node)
    need = draft_need(node, "KEN", "lights-split")
    assert draft_need(node, "KEN", "lights-split").id == need.id
    assert node.catalog.all("need") == []
    with pytest.raises(NotFoundError):
        candidates(node, need.id)
    assert candidates(node, need.id, party=OPERATOR) == []
    with pytest.raises(InvalidInputError, match="say who confirms"):
        confirm_need(node, need.id, "  ")
    done = confirm_need(node, need.id, "A. Person")
    assert (done.id, done.state, done.confirmed_by) == (need.id, "published", "A. Person")
    (shown,) = node.catalog.all("need")
    assert shown["confirmed_by"] == "A. Person"
    with pytest.raises(ConflictError, match=r"was confirmed by A\. Person"):
        confirm_need(node, need.id, "B. Person")
    # Drafting again does not take the confirmation back.
    draft_need(node, "KEN", "lights-split")
    assert node.catalog.count("need") == 1


def test_no_need_follows_from_an_unchecked_or_unknown_finding(node: Node) -> None:
    report(node, status="broken")
    with pytest.raises(InvalidInputError, match="check it first"):
        draft_need(node, "KEN", "lights-split")
    with pytest.raises(NotFoundError, match="has no statement 'x'; it has lights-split"):
        draft_need(node, "KEN", "x")
    report(node, key="warming")
    with pytest.raises(NotFoundError, match="no need follows from 'warming'"):
        draft_need(node, "KEN", "warming")
    with pytest.raises(NotFoundError):
        draft_need(node, "UGA", "lights-split")
    assert node.catalog.count("need", OPERATOR) == 0


def test_what_nobody_said_is_unknown_and_never_counts_as_satisfied(
    node: Node, tmp_path: Path
) -> None:
    import_offers(node, lines(tmp_path / "o.jsonl", BARE, FULL))
    report(node)
    need = draft_need(node, "KEN", "lights-split")
    full, bare = candidates(node, need.id, party=OPERATOR)
    assert (full.offer.id, bare.offer.id) == ("x:full", "x:bare")
    for found in (full, bare):
        assert found.count("satisfied") + found.count("failed") + found.count("unknown") == len(
            need.must
        )
    results = {criterion.key: criterion for criterion in bare.criteria}
    assert results["licence"].result == "unknown"
    assert results["licence"].question["en"].endswith("?")
    assert {c.key for c in full.criteria if c.result == "satisfied"} >= {"licence", "goal"}
    assert len(candidates(node, need.id, limit=1, party=OPERATOR)) == 1
