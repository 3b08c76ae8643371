"""The node builds the same way twice, rebuilds from its objects, and tells the story's figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from earthcommons.commons.demonstration.background import BackgroundBuild
from earthcommons.commons.demonstration.build import build
from earthcommons.store.objects import file_digest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.journeys.conftest import Place

    from earthcommons.commons import Node

LAND = {"class": "land", "measure": "area"}
BUILT_UP = {"class": "built-up", "measure": "area"}
LEVEL, ANOMALY = {"measure": "level"}, {"measure": "anomaly"}
TROUT = {"measure": "level", "species": "cutthroat-trout", "treatment": "all"}

# Computed independently from the files; tolerance as the definition states or the last digit given.
FIGURES: list[tuple[str, str, str, dict[str, str], float, float]] = [
    *(
        ("tree-cover", region, "2008", LEVEL, value, 0.5)
        for region, value in {
            "BRA": 49.0, "COL": 53.2, "JPN": 58.8, "FIN": 41.8, "KEN": 13.6, "SWE": 44.3,
        }.items()
    ),
    ("warming", "KEN", "1980/2010", {"measure": "level", "scenario": "historical"}, 21.77, 0.005),
    ("warming", "KEN", "2036/2066", {"measure": "level", "scenario": "ssp126"}, 22.69, 0.005),
    ("warming", "KEN", "2036/2066", {"measure": "level", "scenario": "ssp585"}, 23.20, 0.005),
    ("warming", "KEN", "2036/2066", {"measure": "change", "scenario": "ssp126"}, 0.9, 0.05),
    ("warming", "KEN", "2036/2066", {"measure": "change", "scenario": "ssp585"}, 1.4, 0.05),
    *(
        ("night-lights", "KEN", str(year), {"measure": "sum"}, value, 0.5)
        for year, value in {2020: 115328, 2021: 133050, 2022: 167262, 2023: 181476}.items()
    ),
    ("night-lights", "KEN", "2020", {"measure": "lit-share"}, 1.25, 0.005),
    ("night-lights", "KEN", "2023", {"measure": "lit-share"}, 2.72, 0.005),
    *(
        ("night-lights", "KEN", "2020/2024", {"measure": measure}, value, tolerance)
        for measure, value, tolerance in (
            ("change", 66148, 0.5), ("change-both-lit", 37897, 0.5),
            ("change-newly-lit", 28680, 0.5), ("change-gone-dark", -435, 0.5),
            ("relative-change", 57, 0.5),
        )
    ),
    ("sst-anomaly", "ec:nino34", "2015-11", LEVEL, 29.41, 0.005),
    ("sst-anomaly", "ec:nino34", "2015-11", ANOMALY, 2.68, 0.005),
    ("sea-ice-extent", "ec:arctic", "2007-09", LEVEL, 4.27, 0.005),
    ("sea-ice-extent", "ec:arctic", "2012-09", LEVEL, 3.57, 0.005),
    ("sea-ice-extent", "ec:arctic", "2020-09", LEVEL, 4.00, 0.005),
    ("sea-ice-extent", "ec:antarctic", "2023-07", LEVEL, 13.49, 0.005),
    ("land-cover-share", "STP", "2020", LAND, 987, 0.5),
    ("land-cover-share", "STP", "2021", LAND, 986, 0.5),
    ("land-cover-share", "STP", "2020", BUILT_UP, 11.3, 0.05),
    ("land-cover-share", "STP", "2021", BUILT_UP, 15.5, 0.05),
    *(
        ("stream-nitrate", "ec:quebrada-sonadora", str(year), {"measure": "median"}, value, 0.5)
        for year, value in {
            1987: 97, 1988: 98, 1989: 88, 1990: 208, 1991: 136, 1992: 110,
        }.items()
    ),
    *(
        ("trout-abundance", "ec:mack-creek", str(year), TROUT, value, 0)
        for year, value in {1987: 603, 1988: 302, 2019: 490}.items()
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("indicator", "region", "period", "dims", "value", "tolerance"), FIGURES
)
def test_a_published_figure_is_the_one_computed_independently(
    demo: Place, indicator: str, region: str, period: str, dims: dict[str, str], value: float,
    tolerance: float,
) -> None:  # fmt: skip
    row = demo.one(indicator, region, period, **dims)
    assert row["value"] == pytest.approx(value, abs=tolerance)
    assert row["status"] not in ("missing", "withheld", "official")


def test_what_cannot_be_said_is_refused_with_its_reason(demo: Place) -> None:
    trees = demo.one("tree-cover", "STP", "2008", measure="level")
    assert (trees["value"], trees["status"]) == (None, "missing")
    assert trees["reason"].startswith("coverage: ")
    change = demo.one(
        "land-cover-share", "STP", "2020/2022", **{"class": "built-up", "measure": "change"}
    )
    assert (change["value"], change["status"]) == (None, "withheld")
    assert "v100 to v200 is another algorithm" in change["reason"]
    assert "11.3" in change["reason"]
    assert "15.5" in change["reason"]
    belts = demo.one("green-cover-by-elevation", "CHN", "2008", elevation="kapos-4")
    assert belts["reason"] == "needs a DEM of 1 km or finer"


def test_anomalies_name_the_baseline_the_story_states(demo: Place) -> None:
    arctic = demo.one("sea-ice-extent", "ec:arctic", "2012-09", measure="anomaly")
    antarctic = demo.one("sea-ice-extent", "ec:antarctic", "2023-07", measure="anomaly")
    assert "mean 6.413, standard deviation 0.873" in arctic["baseline"]
    assert "mean 15.961, standard deviation 0.345" in antarctic["baseline"]
    assert "2010-2019" in demo.one("sst-anomaly", "ec:nino34", "2015-11", measure="anomaly")[
        "baseline"
    ]  # fmt: skip


def test_alerts_are_the_events_known_from_outside_and_no_others(demo: Place) -> None:
    found: dict[str, list[dict[str, Any]]] = {}
    for alert in demo.get("/api/alerts")["alerts"]:
        found.setdefault(alert["watch"], []).append(alert)
    spans = {
        watch: sorted((a["start"], a["end"]) for a in alerts) for watch, alerts in found.items()
    }
    assert spans == {
        "enso": [
            ("2010-06", "2011-05"), ("2011-08", "2012-04"), ("2015-04", "2016-04"),
            ("2016-08", "2016-12"), ("2017-10", "2018-04"), ("2018-09", "2019-04"),
        ],
        "arctic-september-record": [("2007-09", "2007-09"), ("2012-09", "2012-09")],
        "arctic-september-state": [("2007-09", None)],
        "antarctic-winter": [("2023-07", None)],
        "stream-nitrate-rise": [("1989-10", "1989-10")],
    }  # fmt: skip
    strongest = max(found["enso"], key=lambda a: abs(a["peak"]["value"]))
    assert (strongest["start"], strongest["kind"]) == ("2015-04", "warm-episode")
    assert strongest["peak"]["value"] == pytest.approx(2.62, abs=0.005)
    (winter,) = found["antarctic-winter"]
    assert [year["z"] for year in winter["facts"]["years"]] == pytest.approx(
        [-7.18, -5.38], abs=0.005
    )
    assert winter["facts"]["last_seen"] == "2024-07"
    standing = [alert["end"] is None for alert in demo.get("/api/alerts")["alerts"]]
    assert standing == [True, True, *[False] * 9]
    ids = {id_ for alerts in found.values() for a in alerts for id_ in a["observations"]}
    assert all(demo.get(f"/api/observations/{id_}")["id"] == id_ for id_ in sorted(ids)[:40])


def test_a_second_build_changes_no_byte(copied: Place) -> None:
    before = state(copied.root, copied.node)
    steps = list(build(copied.root))
    assert state(copied.root, copied.node) == before
    assert not [step.text for step in steps if step.text.endswith(": published")]


def test_rebuild_gives_the_same_index_from_the_objects_alone(copied: Place) -> None:
    before = state(copied.root, copied.node)
    copied.node.catalog.close()
    ended = copied.cli("rebuild")
    assert ended.code == 0, ended.err
    assert "the index holds every row it held before" in ended.out
    assert state(copied.root, copied.node) == before
    assert copied.cli("scrub").code == 0
    assert copied.cli("doctor", "--json").json()[1]["state"] == "ok"


def state(root: Path, node: Node) -> tuple[dict[str, str], list[str], tuple[Any, ...]]:
    """Every object's bytes, every row of the index, and the change log."""
    objects = {
        str(path.relative_to(root)): file_digest(path)
        for path in sorted((root / "objects").rglob("*"))
        if path.is_file()
    }
    return objects, list(node.catalog.dump()), node.catalog.changes(limit=-1)


def test_a_build_beside_the_service_says_how_far_it_is_and_when_it_is_done(
    copied: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    work = BackgroundBuild(copied.root)
    assert work.progress() == (0, 1, "starting")
    work.start()
    assert work.wait(120)
    assert work.progress() is None
    assert capsys.readouterr().out.splitlines()[-1].startswith(" 40/40  need and candidates")


def test_a_build_that_stops_says_why(tmp_path: Path) -> None:
    (tmp_path / "node.toml").write_text("port = 0\n", encoding="utf-8")
    work = BackgroundBuild(tmp_path)
    work.start()
    assert not work.wait(60)
    progress = work.progress()
    assert progress is not None
    assert progress[2].startswith("the build stopped: node.toml: port = 0")
