"""Route by party by thing: what every answer's status is, and that none tells what it must not.

The routes are those of the application, the expectation is `policy.decide` on the labels as stated.
Every route is asked by every party for everything it addresses, in every case. How much work an
answer takes is looked at in `test_timing.py`.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from tests.web.matrix_cases import CASES, parties
from tests.web.matrix_checks import cells, counts, leaks, statuses
from tests.web.matrix_node import MatrixNode, build
from tests.web.policy_table import TABLE, expected, routes_of

from earthcommons.indicators import find_indicator
from earthcommons.policy import moment

if TYPE_CHECKING:
    from collections.abc import Iterator

PARTIES = tuple(parties())


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MatrixNode]:
    made = build(tmp_path_factory.mktemp("matrix"))
    yield made
    made.close()
    made.node.catalog.close()


def test_every_route_has_a_line_and_every_line_a_route(world: MatrixNode) -> None:
    lines = {(line.method, line.path) for line in TABLE}
    assert len(lines) == len(TABLE)
    assert routes_of(world.app) - lines == set(), "say in policy_table.py who may ask this"
    assert lines - routes_of(world.app) == set()


def test_every_line_addresses_something_in_every_case(world: MatrixNode) -> None:
    found = {(line.method, line.path, thing.case) for line, thing in cells(world)}
    cased = {thing.kind for thing in world.things if thing.case}
    wanted = {
        (line.method, line.path, case)
        for line in TABLE
        for case in ([case.name for case in CASES] if set(line.kinds) & cased else [""])
    }
    # What is known of single places is drawn on no map of countries.
    placed = [c.name for c in CASES if find_indicator(c.indicator).region_set == "ec:places"]
    assert wanted - found == {
        ("GET", "/figures/map/{indicator}.{lang}.svg", case) for case in placed
    }


@pytest.mark.parametrize("who", PARTIES)
def test_each_party_is_answered_as_the_policy_says(world: MatrixNode, who: str) -> None:
    assert statuses(world, who, earnest=True) == []


def test_the_matrix_asks_for_every_kind_of_answer(
    world: MatrixNode, capsys: pytest.CaptureFixture[str]
) -> None:
    table = cells(world)
    said = Counter(
        expected(line, party, thing, moment())
        for party in parties().values()
        for line, thing in table
    )
    assert min(said[each] for each in ("who", "hidden", "refused", "allowed")) > 100
    with capsys.disabled():
        print(  # noqa: T201
            f"\naccess matrix: {len(TABLE)} routes, {len(PARTIES)} parties, {len(CASES)} cases,"
            f" {len(table) * len(PARTIES)} cells ({dict(said)})"
        )


@pytest.mark.parametrize("who", PARTIES)
def test_no_answer_holds_a_word_of_what_is_hidden(world: MatrixNode, who: str) -> None:
    assert leaks(world, who) == []


@pytest.mark.parametrize("who", PARTIES)
def test_counts_and_facets_are_those_of_what_one_sees(world: MatrixNode, who: str) -> None:
    if parties()[who] is not None:
        assert counts(world, who) == []
