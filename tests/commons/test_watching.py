"""Watches on the published series of the pack: the events known from outside, and no others."""

from __future__ import annotations

from typing import Any

import pytest
from tests.indicators.conftest import PackNode, pack_node

from earthcommons.commons.stories.watching import run_watches
from earthcommons.errors import NotFoundError
from earthcommons.model.party import OPERATOR
from earthcommons.model.record import Link, Record
from earthcommons.monitor import WATCHES


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> PackNode:
    pack = pack_node(tmp_path_factory.getbasetemp() / "pack-node")
    for key in sorted({rule.watch.indicator for rule in WATCHES}):
        pack.observations(key)
    run_watches(pack.node)
    return pack


def alerts(pack: PackNode, watch: str) -> list[dict[str, Any]]:
    found = [body for body in pack.node.catalog.all("alert") if body["watch"] == watch]
    return sorted(found, key=lambda body: str(body["start"]))


def test_exactly_the_six_known_episodes_and_quiet_between(watched: PackNode) -> None:
    found = [(a["kind"], a["start"], a["end"], a["severity"]) for a in alerts(watched, "enso")]
    assert found == [
        ("cold-episode", "2010-06", "2011-05", "strong"),
        ("cold-episode", "2011-08", "2012-04", "moderate"),
        ("warm-episode", "2015-04", "2016-04", "very strong"),
        ("cold-episode", "2016-08", "2016-12", "weak"),
        ("cold-episode", "2017-10", "2018-04", "moderate"),
        ("warm-episode", "2018-09", "2019-04", "weak"),
    ]
    assert alerts(watched, "enso")[2]["peak"]["value"] == pytest.approx(2.62, abs=0.005)


def test_records_are_2007_and_2012_and_one_state_stands(watched: PackNode) -> None:
    records = alerts(watched, "arctic-september-record")
    assert [(a["start"], a["end"]) for a in records] == [
        ("2007-09", "2007-09"), ("2012-09", "2012-09"),
    ]  # fmt: skip
    assert records[1]["facts"]["baseline"]["mean"] == pytest.approx(6.413, abs=5e-4)
    assert records[1]["facts"]["baseline"]["sd"] == pytest.approx(0.873, abs=5e-4)
    (state,) = alerts(watched, "arctic-september-state")
    assert (state["start"], state["end"], state["facts"]["last_seen"]) == (
        "2007-09", None, "2024-09",
    )  # fmt: skip


def test_antarctic_winter_of_2023_and_nitrate_after_september_1989(watched: PackNode) -> None:
    (winter,) = alerts(watched, "antarctic-winter")
    assert (winter["start"], winter["peak"]["period"]) == ("2023-07", "2023-07")
    scores = [year["z"] for year in winter["facts"]["years"]]
    assert scores == pytest.approx([-7.18, -5.38], abs=0.005)
    (rise,) = alerts(watched, "stream-nitrate-rise")
    assert (rise["start"], rise["end"], rise["certainty"]) == ("1989-10", "1989-10", "likely")
    assert rise["facts"]["last_before"] == "1989-09"
    assert rise["facts"]["median_after"] > rise["facts"]["median_before"]


def test_every_alert_resolves_to_observations_run_and_watch(watched: PackNode) -> None:
    catalog = watched.node.catalog
    for alert in catalog.all("alert"):
        runs = {catalog.observation(id_)["run"] for id_ in alert["observations"]}
        assert runs == {alert["facts"]["run"]}
        (run,) = runs
        assert set(catalog.links_from("alert", alert["id"])) == {
            Link("rests-on", "run", run), Link("raised-by", "watch", alert["watch"]),
        }  # fmt: skip
        periods = {catalog.observation(id_)["period"] for id_ in alert["observations"]}
        assert alert["start"] in periods
    rates = {body["key"]: body["false_alarms"] for body in catalog.all("watch")}
    assert set(rates) == {rule.watch.key for rule in WATCHES}
    assert all(rate["n"] == 10_000 for rate in rates.values())
    assert rates["antarctic-winter"]["per_year"] < 0.01 < rates["enso"]["per_year"]


def test_second_run_changes_nothing(watched: PackNode) -> None:
    before = list(watched.node.catalog.dump())
    lines = run_watches(watched.node)
    assert list(watched.node.catalog.dump()) == before
    assert all("(0 new or changed, 0 withdrawn)" in line for line in lines)


def test_alert_the_series_no_longer_gives_is_withdrawn_with_its_reason(
    watched: PackNode,
) -> None:
    catalog = watched.node.catalog
    body = {**alerts(watched, "enso")[0], "id": "alert-stale", "start": "2013-01"}
    links = (Link("raised-by", "watch", "enso"),)
    with catalog.transaction() as tx:
        tx.put(Record("alert", "alert-stale", body, links=links))
    assert len(alerts(watched, "enso")) == 7
    first, again = run_watches(watched.node), run_watches(watched.node)
    assert "6 alerts (0 new or changed, 1 withdrawn)" in first[0]
    assert "6 alerts (0 new or changed, 0 withdrawn)" in again[0]
    assert len(alerts(watched, "enso")) == 6
    with pytest.raises(NotFoundError):
        catalog.get("alert", "alert-stale")
    kept = catalog.get("alert", "alert-stale", OPERATOR)
    assert kept["state"] == "withdrawn"
    assert "run-" in kept["reason"]["en"]
    assert catalog.links_from("alert", "alert-stale") == links


def test_watch_without_its_series_is_not_run_and_says_so(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    empty = PackNode(tmp_path_factory.mktemp("empty"))
    lines = run_watches(empty.node)
    assert lines[0] == "enso: not run, this node has no series of sst-anomaly"
    assert empty.node.catalog.all("watch") == []
