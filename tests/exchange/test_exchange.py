from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthcommons.errors import ConflictError, InvalidInputError, NotFoundError
from earthcommons.exchange import (
    CRITERIA,
    NEED_TEMPLATES,
    confirm,
    draft,
    judge,
    rank,
    read_offers,
)
from earthcommons.exchange.offers import offer_of
from earthcommons.model import Need, Offer, Text
from earthcommons.model.outlook import Statement

if TYPE_CHECKING:
    from pathlib import Path

BARE = Offer("ost:1", ("software",), "Tool", {"system": "x"}, "en")
FULL = dataclasses.replace(
    BARE,
    id="dpga:1",
    licences=("MIT",),
    goals=(7,),
    countries=("KEN",),
    terms=("night", "radiance"),
)


def finding(**changes: Any) -> Statement:
    facts: dict[str, Any] = {
        "key": "lights-split", "kind": "attribution", "theme": "t", "slot": "s",
        "region": "m49:404", "text": Text("a", "甲"), "holes": {}, "claims": (), "evidence": (),
        "status": "checked",
    }  # fmt: skip
    return Statement(**(facts | changes))


def need() -> Need:
    return draft(finding())


def results(offer: Offer) -> dict[str, str]:
    return {c["key"]: judge(c, offer).result for c in need().must}


def test_what_nobody_said_is_unknown_and_asks_a_question() -> None:
    found = results(BARE)
    assert found["kind"] == "satisfied"
    assert {key for key, result in found.items() if result == "unknown"} == set(found) - {
        "kind"
    }
    for criterion in need().must:
        judged = judge(criterion, BARE)
        if judged.result == "unknown":
            assert judged.question["en"].endswith("?")
            assert judged.question["zh"].endswith("？")


def test_a_providers_claims_are_judged_and_a_closed_licence_fails() -> None:
    found = results(FULL)
    assert {k for k, v in found.items() if v == "satisfied"} == {
        "topic", "kind", "licence", "goal", "proven",
    }  # fmt: skip
    closed = dataclasses.replace(FULL, licences=("CC-BY-NC-SA-4.0",))
    assert results(closed)["licence"] == "failed"
    assert results(dataclasses.replace(FULL, goals=(3,)))["goal"] == "failed"


@given(st.text(max_size=20))
def test_a_title_changes_no_gate_but_the_topic(title: str) -> None:
    renamed = dataclasses.replace(FULL, title=title or "x")
    assert {k: v for k, v in results(renamed).items() if k != "topic"} == {
        k: v for k, v in results(FULL).items() if k != "topic"
    }


def test_a_failed_gate_stands_last_however_relevant() -> None:
    failing = dataclasses.replace(FULL, id="a", licences=("NPOSL-3.0",))
    ranked = rank(need(), [(failing, 99.0), (BARE, 0.1), (FULL, 0.2)])
    assert [c.offer.id for c in ranked] == ["dpga:1", "ost:1", "a"]
    assert (ranked[0].count("satisfied"), ranked[0].count("failed")) == (5, 0)


def test_every_criterion_of_every_template_is_known() -> None:
    for template in NEED_TEMPLATES.values():
        assert {c["key"] for c in template.must} <= set(CRITERIA)
    with pytest.raises(InvalidInputError):
        judge({"key": "price-paid"}, BARE)


def test_a_need_is_a_draft_until_a_person_confirms_it() -> None:
    drafted = need()
    assert drafted.state == "draft"
    published = confirm(drafted, "A. Person")
    assert (published.id, published.state) == (drafted.id, "published")
    assert Need.from_json(published.as_json()) == published
    with pytest.raises(ConflictError):
        confirm(published, "B. Person")
    with pytest.raises(InvalidInputError):
        confirm(drafted, "  ")
    with pytest.raises(InvalidInputError):
        dataclasses.replace(drafted, state="published")


def test_no_need_follows_from_an_unchecked_or_an_unknown_finding() -> None:
    with pytest.raises(InvalidInputError, match="check it first"):
        draft(finding(status="draft"))
    with pytest.raises(NotFoundError):
        draft(finding(key="warming"))


@pytest.mark.parametrize(
    "row",
    [
        [],
        {},
        {"id": "a", "type": ["software"], "title": "", "source": {"s": "x"}, "language": "en"},
        {"id": "a", "type": "software", "title": "t", "source": {"s": "x"}, "language": "en"},
        {"id": "a", "type": ["x"], "title": "t" * 400, "source": {"s": "x"}, "language": "en"},
        {
            "id": "a",
            "type": ["x"],
            "title": "t",
            "source": {"s": "x"},
            "language": "en",
            "goals": [18],
        },
    ],
)
def test_an_offer_without_its_facts_or_with_unfit_ones_is_refused(row: Any) -> None:
    with pytest.raises(InvalidInputError):
        offer_of(row)


LEAST = {
    "id": "a", "type": ["software"], "title": "t", "source": {"s": "x"}, "language": "en",
}  # fmt: skip


def test_a_link_that_is_no_web_address_is_dropped() -> None:
    assert offer_of(LEAST | {"link": "javascript:alert(1)"}).link == ""
    assert offer_of(LEAST | {"link": "https://example.org/a"}).link == "https://example.org/a"


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    file = tmp_path / "offers.jsonl"
    file.write_text(json.dumps(LEAST) + "\n\n" + '{"id": "b", "id": "c"}\n')
    with pytest.raises(InvalidInputError, match="line 3"):
        list(read_offers(file))
