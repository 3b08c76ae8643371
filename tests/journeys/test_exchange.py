"""From a finding to a need to candidates, and what stays hidden on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from earthcommons.commons.demonstration.sources import load_pieces, pack_path

if TYPE_CHECKING:
    from tests.journeys.conftest import Place


def test_importing_the_offers_again_changes_nothing(copied: Place) -> None:
    (piece,) = [piece for piece in load_pieces() if piece.id == "technology-offers"]
    before = list(copied.node.catalog.dump())
    ended = copied.cli("exchange", "import", pack_path(piece))
    count = copied.get("/api/offers", limit=1)["numberMatched"]
    assert ended.out == f"0 offers imported, {count} unchanged\n"
    assert list(copied.node.catalog.dump()) == before


def test_a_drafted_need_is_nowhere_to_be_seen_until_a_person_confirms_it(copied: Place) -> None:
    published = copied.get("/api/needs")["needs"]
    ended = copied.cli("exchange", "draft", "tree-cover", "--report", "KEN")
    assert ended.code == 0, ended.err
    need = ended.out.split()[0]
    assert copied.get("/api/needs")["needs"] == published
    hidden = copied.http.get(f"/api/needs/{need}/candidates")
    unknown = copied.http.get("/api/needs/need-nothing/candidates")
    assert (hidden.status_code, unknown.status_code) == (404, 404)
    assert hidden.json()["type"] == unknown.json()["type"]
    assert need in {
        row["id"] for row in copied.cli("exchange", "needs", "--json").json()["needs"]
    }
    assert copied.cli("--as", "public", "exchange", "match", need).code == 3
    confirmed = copied.cli("exchange", "confirm", need, "--by", "A. Person")
    assert confirmed.code == 0
    assert copied.http.get(f"/api/needs/{need}/candidates").status_code == 200
    assert {row["id"] for row in copied.get("/api/needs")["needs"]} == {
        need, *(row["id"] for row in published),
    }  # fmt: skip
    again = copied.cli("exchange", "confirm", need, "--by", "B. Person")
    assert (again.code, "was confirmed by A. Person" in again.err) == (4, True)


def test_candidates_are_explained_and_what_nobody_said_is_asked(demo: Place) -> None:
    (need,) = demo.get("/api/needs")["needs"]
    assert need["confirmed_by"]
    found = demo.get(f"/api/needs/{need['id']}/candidates", limit=50)["candidates"]
    assert "BlackMarblePy" in {candidate["offer"]["title"] for candidate in found}
    for candidate in found:
        results = [criterion["result"] for criterion in candidate["criteria"]]
        assert candidate["satisfied"] == results.count("satisfied")
        assert candidate["failed"] == results.count("failed")
        assert candidate["unknown"] == results.count("unknown")
        assert len(results) == len(need["must"])
        for criterion in candidate["criteria"]:
            assert criterion["because"]["en"]
            assert criterion["because"]["zh"]
            asked = criterion["question"]
            assert bool(asked) == (criterion["result"] == "unknown"), criterion
    assert any(candidate["unknown"] for candidate in found)
    by_cli = demo.cli("exchange", "match", need["id"], "--limit", "50", "--json").json()
    assert by_cli["candidates"] == found
    words = str(found).lower()
    assert not [word for word in ("recommend", "best choice", "we endorse") if word in words]


def test_offers_are_found_by_words_and_goal(demo: Place) -> None:
    found = demo.cli("exchange", "search", "satellite imagery", "--json").json()["offers"]
    assert found == demo.get("/api/offers", q="satellite imagery")["offers"]
    assert found
    of_goal = demo.get("/api/offers", goal=15)["offers"]
    assert all(15 in offer["goals"] for offer in of_goal)
    assert demo.http.get("/api/offers", params={"goal": "18"}).status_code == 400
