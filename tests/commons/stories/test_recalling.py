"""Recall on the pack: what rests on an item is found, computed again or struck, and marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from tests.cli.conftest import run_cli
from tests.indicators.conftest import PackNode

from earthcommons.catalog import ObservationQuery
from earthcommons.commons.node import rebuild_catalog
from earthcommons.commons.stories import computing
from earthcommons.commons.stories.access import Rule, set_rule
from earthcommons.commons.stories.marks import errata_of, recalls_of
from earthcommons.commons.stories.recalling import (
    Touched,
    recall,
    resting_on,
    show_recall,
    visible_part,
)
from earthcommons.commons.stories.reporting import build_report, edition_of
from earthcommons.commons.stories.tracing import trace
from earthcommons.commons.stories.watching import run_watches
from earthcommons.commons.stories.withdrawing import add_erratum, withdraw
from earthcommons.errors import AccessDeniedError, GoneError, InvalidInputError, NotFoundError
from earthcommons.model import OPERATOR, PUBLIC, Party, Record, Text
from earthcommons.policy import acting_as
from earthcommons.store import digest_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ITEM = "luq-stream-chemistry/luq-stream-chemistry"
KEY = "stream-nitrate"


@pytest.fixture
def pack(tmp_path: Path) -> Iterator[PackNode]:
    made = PackNode(tmp_path)
    with acting_as(OPERATOR):
        made.observations(KEY)
        run_watches(made.node)
        yield made


def correct(pack: PackNode) -> None:
    """Publish the item again with every nitrate value doubled."""
    node = pack.node
    body, links = node.catalog.whole("item", ITEM)
    old = body["assets"]["data"]["href"].rsplit("/", 1)[-1]
    table = pq.read_table(node.store.path(old))
    name = next(n for n in table.column_names if "no3" in n.lower() or "nitrate" in n.lower())
    doubled = pc.multiply(table[name], pa.scalar(2.0))
    table = table.set_column(table.column_names.index(name), table.schema.field(name), doubled)
    with node.store.stage() as scratch:
        pq.write_table(table, scratch / "t.parquet")
        key = node.store.put_file(scratch / "t.parquet", ".parquet")
    asset = {"href": f"/objects/{key}", "file:checksum": f"1220{digest_in(key)}"}
    body["assets"]["data"] |= asset
    with node.catalog.transaction() as tx:
        tx.revise(Record("item", ITEM, body, links=links))


def published(pack: PackNode) -> list[dict[str, Any]]:
    page = pack.node.catalog.observations(ObservationQuery(indicator=KEY, limit=1000))
    return [orjson.loads(body) for body in page.bodies]


def outcomes(body: dict[str, Any]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for each in body["touched"]:
        found.setdefault(each["kind"], set()).add(each["outcome"])
    return found


def test_what_rests_on_an_item_is_found_through_the_stored_arrows(pack: PackNode) -> None:
    found = {(each.kind, each.id): each for each in resting_on(pack.node, "item", ITEM)}
    run = pack.node.catalog.get("series", KEY)["run"]
    (alert,) = pack.node.catalog.all("alert")
    assert set(found) == {
        ("run", run), ("series", KEY), ("watch", "stream-nitrate-rise"), ("alert", alert["id"]),
    }  # fmt: skip
    assert found["run", run].facts["observations"] == len(published(pack))
    assert found["watch", "stream-nitrate-rise"].through == (run, KEY)


def test_a_correction_is_computed_through_to_the_alert(pack: PackNode) -> None:
    node = pack.node
    before, run = published(pack), node.catalog.get("series", KEY)["run"]
    (alert,) = node.catalog.all("alert")
    correct(pack)
    body = recall(node, "item", ITEM, "Nitrate was reported as N; it is now NO3.")
    assert body["about"] == {"kind": "item", "id": ITEM, "state": "corrected", "version": 2}
    assert outcomes(body) == {
        "run": {"recomputed"}, "series": {"recomputed"}, "watch": {"recomputed"},
        "alert": {"recomputed"},
    }  # fmt: skip
    now = node.catalog.get("series", KEY)["run"]
    assert now != run
    pairs = [(a, b) for a, b in zip(before, published(pack), strict=True) if a["value"]]
    assert len(pairs) > 300
    assert all(b["value"] == pytest.approx(2 * a["value"]) for a, b in pairs)
    (touched,) = [each for each in body["touched"] if each["kind"] == "alert"]
    raised = node.catalog.get("alert", touched["now"])["facts"]
    assert raised["median_after"] == pytest.approx(2 * alert["facts"]["median_after"])
    # The old number stays addressable, and says what happened to it.
    (mark,) = trace(node, before[0]["id"])["recalls"]
    assert (mark["outcome"], mark["now"]) == ("recomputed", now)
    assert trace(node, published(pack)[0]["id"])["recalls"] == []


def test_what_cannot_be_computed_again_is_struck(pack: PackNode) -> None:
    node = pack.node
    first = published(pack)[0]
    stub = withdraw(node, "item", ITEM, "retracted", note="The sensor was broken.")
    assert stub["by"] == "operator"
    with pytest.raises(GoneError):
        node.catalog.body("item", ITEM)
    body = recall(node, "item", ITEM, "The sensor was broken.")
    assert outcomes(body)["series"] == outcomes(body)["alert"] == {"struck"}
    assert published(pack) == []
    assert all(each["state"] == "withdrawn" for each in node.catalog.all("alert"))
    assert node.catalog.all("alert", PUBLIC) == []
    with pytest.raises(GoneError):
        node.catalog.body("series", KEY)
    assert trace(node, first["id"])["inputs"][0]["title"] == "withdrawn since"


def test_every_edition_of_a_report_that_rests_on_it_is_named_and_its_statements_struck(
    pack: PackNode,
) -> None:
    node, name = pack.node, "nsidc-sea-ice-index/sea-ice-north-daily"
    pack.observations("sea-ice-extent")
    build_report(node, "world", "1")
    build_report(node, "world", "2")
    assert not any(line.struck for line in edition_of(node, "world", "en").lines)
    withdraw(node, "item", name, "error")
    body = recall(node, "item", name, "Counted twice.")
    (report,) = [each for each in body["touched"] if each["kind"] == "report"]
    assert [each["edition"] for each in report["facts"]["editions"]] == ["1", "2"]
    assert set(report["facts"]["editions"][0]["statements"]) == set(report["facts"]["struck"])
    struck = [line.key for line in edition_of(node, "world", "en").lines if line.struck]
    assert set(struck) == set(report["facts"]["struck"]) != set()
    assert recalls_of(node, "report", "world")[0]["outcome"] == "struck"


def test_a_second_recall_finds_the_same_and_nothing_left_to_do(pack: PackNode) -> None:
    correct(pack)
    recall(pack.node, "item", ITEM, "First.")
    again = recall(pack.node, "item", ITEM, "Second.")
    assert outcomes(again)["series"] == {"unchanged"}
    assert {each["outcome"] for each in again["touched"] if each["kind"] == "run"} == {
        "recomputed", "unchanged",
    }  # fmt: skip


def test_a_recall_shows_only_what_the_reader_may_see(pack: PackNode) -> None:
    node = pack.node
    withdraw(node, "item", ITEM, "error")
    body = recall(node, "item", ITEM, "A test.")
    with acting_as(PUBLIC):
        shown = show_recall(node, body["id"])
    # A withdrawn alert is for the node's own staff.
    assert {each["kind"] for each in shown["touched"]} == {"run", "series", "watch"}
    # Nor is it told that, or how many, others were touched.
    assert set(shown) == {"id", "about", "reason", "made", "publisher", "touched"}
    whole = {each["kind"] for each in show_recall(node, body["id"])["touched"]}
    assert whole == {"run", "series", "watch", "alert"}


def test_only_who_cares_for_it_recalls_withdraws_or_corrects(pack: PackNode) -> None:
    node = pack.node
    with acting_as(Party("mei", frozenset({"steward:elsewhere"}))):
        for act in (
            lambda: recall(node, "item", ITEM, "Why not."),
            lambda: withdraw(node, "item", ITEM, "error"),
            lambda: add_erratum(node, "item", ITEM, Text("Wrong.", "有误。")),
        ):
            with pytest.raises(AccessDeniedError):
                act()
    with pytest.raises(NotFoundError):
        recall(node, "item", "luq-stream-chemistry/none", "No such thing.")
    with pytest.raises(InvalidInputError):
        recall(node, "item", ITEM, " ")
    with pytest.raises(InvalidInputError):
        withdraw(node, "item", ITEM, "because")
    with pytest.raises(InvalidInputError):
        withdraw(node, "collection", "luq-stream-chemistry", "retired")
    assert node.catalog.get("item", ITEM)


def test_an_erratum_is_dated_signed_and_kept_with_its_version(pack: PackNode) -> None:
    node = pack.node
    id_ = add_erratum(node, "item", ITEM, Text("Units are wrong.", "单位有误。"))
    (found,) = errata_of(node, "item", ITEM)
    assert found["id"] == id_
    assert found["about"] == {"kind": "item", "id": ITEM, "version": 1}
    assert (found["by"], found["text"]["zh"]) == ("operator", "单位有误。")


def test_recalls_and_tombstones_come_back_from_the_objects(pack: PackNode) -> None:
    withdraw(pack.node, "item", ITEM, "error")
    body = recall(pack.node, "item", ITEM, "A test.")
    rebuild_catalog(pack.node)
    assert show_recall(pack.node, body["id"]) == body
    assert pack.node.catalog.verify_audit() >= 2


def test_a_recall_names_nothing_closed_on_the_way_to_what_is_open(pack: PackNode) -> None:
    node = pack.node
    set_rule(node, "item", ITEM, Rule("group:basin", "open", "open"))
    stub = withdraw(node, "item", ITEM, "error")
    assert stub["last_version"] == 2
    body = recall(node, "item", ITEM, "A test.")
    (run,) = [each for each in body["touched"] if each["kind"] == "run"]
    assert run["outcome"] == "struck"
    with acting_as(PUBLIC):
        assert node.catalog.get("run", run["id"])
        # The recall is found by whoever may find what it is about.
        assert recalls_of(node, "run", run["id"]) == []
        with pytest.raises(NotFoundError):
            show_recall(node, body["id"])
    assert ITEM not in run["now"]
    found = [Touched("run", run["id"], ("run-closed",)), Touched("run", "run-closed", ())]
    assert visible_part(node, found) == [Touched("run", run["id"], ())]


def test_a_struck_series_that_was_closed_is_nobodys_tombstone(pack: PackNode) -> None:
    node = pack.node
    set_rule(node, "item", ITEM, Rule("group:basin"))
    withdraw(node, "item", ITEM, "error")
    recall(node, "item", ITEM, "A test.")
    with pytest.raises(GoneError):
        node.catalog.body("series", KEY)
    with acting_as(PUBLIC), pytest.raises(NotFoundError) as no:
        node.catalog.body("series", KEY)
    assert not isinstance(no.value, GoneError)


def test_a_correction_during_a_computation_is_in_what_it_publishes(
    pack: PackNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    correct(pack)
    compute, runs = computing.compute, []

    def meanwhile(bench: Any, parameters: Any) -> Any:
        runs.append(compute(bench, parameters))
        if len(runs) == 1:
            correct(pack)
            recall(pack.node, "item", ITEM, "doubled once too often")
        return runs[-1]

    monkeypatch.setattr(computing, "compute", meanwhile)
    done = computing.compute_indicator(pack.node, KEY)
    item = pack.node.catalog.get("item", ITEM)
    today = {asset["href"].rsplit("/", 1)[-1][:64] for asset in item["assets"].values()}
    assert {used.sha256 for used in done.run.inputs} <= today
    with pytest.raises(NotFoundError):
        pack.node.catalog.get("run", runs[0].run.id)


def test_an_input_withdrawn_during_a_computation_leaves_no_series(
    pack: PackNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    correct(pack)
    compute = computing.compute

    def meanwhile(bench: Any, parameters: Any) -> Any:
        done = compute(bench, parameters)
        withdraw(pack.node, "item", ITEM, "error")
        recall(pack.node, "item", ITEM, "calibration")
        return done

    monkeypatch.setattr(computing, "compute", meanwhile)
    with pytest.raises(NotFoundError, match="withdrawn"):
        computing.compute_indicator(pack.node, KEY)
    with pytest.raises(GoneError):
        pack.node.catalog.get("series", KEY)


def test_the_command_line_calls_no_withdrawn_alert_standing(pack: PackNode) -> None:
    withdraw(pack.node, "item", ITEM, "error")
    recall(pack.node, "item", ITEM, "calibration")
    done = run_cli("watch", "alerts", "--node", pack.node.root)
    ends = [line.split()[4] for line in done.out.splitlines()[1:]]
    assert set(ends) == {"withdrawn"}
