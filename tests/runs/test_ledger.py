from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from earthcommons.catalog import Catalog
from earthcommons.errors import ConflictError, InvalidInputError
from earthcommons.model import InputRef, Interval, Link, Observation, Period, Record, Run
from earthcommons.runs import publish_run, read_observations
from earthcommons.store import LocalStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RUN = Run(
    "tree-cover", "1", {"least": 0.5}, (InputRef("c/x", "data", "ab" * 32, "CC0-1.0"),),
    "ec:countries-un", "1", "cd" * 32, "0.1.0",
)  # fmt: skip


def row(value: float | None = 13.5, region: str = "m49:404", **dims: str) -> Observation:
    return Observation(
        "tree-cover", region, Period.year(2008), "percent",
        "proxy" if value is not None else "missing", RUN.id, value,
        dims or {"measure": "level"}, reason="" if value is not None else "coverage",
    )  # fmt: skip


class Ledger:
    def __init__(self, root: Path) -> None:
        self.store = LocalStore(root)
        self.catalog = Catalog(root / "c.sqlite", self.store)

    def publish(self, *rows: Observation, run: Run = RUN, current: bool = True) -> Run:
        with self.catalog.transaction() as tx:
            return publish_run(
                tx, self.store, run, rows, {"m49:404": shapely.Point(37, 0)}, current=current
            )


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(tmp_path)
    yield made
    made.catalog.close()


def test_a_run_is_published_with_its_table_its_links_and_its_series(ledger: Ledger) -> None:
    rows = [row(), row(None, region="m49:678")]
    done = ledger.publish(*rows)
    assert read_observations(ledger.store.path(done.output)) == rows
    assert ledger.catalog.get("run", RUN.id)["output"] == done.output
    assert set(ledger.catalog.links_from("run", RUN.id)) == {
        Link("used", "item", "c/x"), Link("over", "region-set", "ec:countries-un"),
    }  # fmt: skip
    assert ledger.catalog.get("series", "tree-cover") == {"id": "tree-cover", "run": RUN.id}
    table = pq.read_table(ledger.store.path(done.output))
    assert table.column("value").to_pylist() == [13.5, None]
    points = table.column("geometry").to_pylist()
    assert (shapely.from_wkb(points[0]).wkt, points[1]) == ("POINT (37 0)", None)
    assert b'"version":"1.1.0"' in table.schema.metadata[b"geo"]


def test_the_same_run_again_changes_nothing(ledger: Ledger) -> None:
    ledger.publish(row())
    before = (list(ledger.catalog.dump()), list(ledger.store.all_keys()))
    ledger.publish(row())
    assert (list(ledger.catalog.dump()), list(ledger.store.all_keys())) == before


def test_one_run_never_gives_two_answers(ledger: Ledger) -> None:
    ledger.publish(row(13.5))
    with pytest.raises(ConflictError):
        ledger.publish(row(13.6))
    assert ledger.catalog.observation(row().id)["value"] == 13.5


def test_a_run_beside_the_series_leaves_the_series_alone(ledger: Ledger) -> None:
    ledger.publish(row())
    other = dataclasses.replace(RUN, parameters={"least": 0.6})
    beside = dataclasses.replace(row(20.0), run=other.id)
    assert other.id != RUN.id
    ledger.publish(beside, run=other, current=False)
    assert ledger.catalog.get("series", "tree-cover")["run"] == RUN.id
    assert ledger.catalog.observation(beside.id)["value"] == 20.0


def test_an_observation_of_another_run_or_twice_the_same_is_refused(ledger: Ledger) -> None:
    with pytest.raises(InvalidInputError, match="observation of run run-x in run"):
        ledger.publish(dataclasses.replace(row(), run="run-x"))
    with pytest.raises(InvalidInputError, match="two observations of tree-cover m49:404"):
        ledger.publish(row(1.0), row(2.0))
    assert list(ledger.catalog.dump()) == []
    assert list(ledger.store.all_keys()) == []


def test_a_failed_transaction_leaves_no_run_visible(ledger: Ledger) -> None:
    def interrupted() -> None:
        with ledger.catalog.transaction() as tx:
            publish_run(tx, ledger.store, RUN, [row()], {}, current=True)
            tx.put(Record("offer", "x:1", {"id": "x:1"}))
            raise RuntimeError("power")

    with pytest.raises(RuntimeError, match="power"):
        interrupted()
    assert list(ledger.catalog.dump()) == []


numbers = st.floats(allow_nan=False, allow_infinity=False)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(values=st.lists(st.one_of(st.none(), numbers), min_size=1, max_size=8), low=numbers)
def test_what_is_read_is_what_was_written_to_the_last_bit(
    ledger: Ledger, values: list[float | None], low: float
) -> None:
    run = dataclasses.replace(RUN, parameters={"seed": repr((values, low))})
    rows = [
        dataclasses.replace(
            row(value, n=str(n)), run=run.id, interval=Interval(low, low, 0.9, "exact")
        )
        for n, value in enumerate(values)
    ]
    done = ledger.publish(*rows, run=run, current=False)
    again = read_observations(ledger.store.path(done.output))
    assert [(r.id, r.value, r.interval) for r in again] == [
        (r.id, r.value, r.interval) for r in rows
    ]
