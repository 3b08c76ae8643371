"""Run the watches on what a node has published, and publish what they found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from earthcommons.commons.stories.values import every_value
from earthcommons.errors import NotFoundError
from earthcommons.model.observation import Observation
from earthcommons.model.party import OPERATOR
from earthcommons.model.record import Link, Record
from earthcommons.monitor import WATCHES, run_watch

if TYPE_CHECKING:
    from earthcommons.commons.node import Node
    from earthcommons.model.alert import Alert
    from earthcommons.model.record import Transaction
    from earthcommons.monitor import Outcome, WatchRule

__all__ = ["run_watches"]


def run_watches(node: Node, key: str = "") -> list[str]:
    """Run every watch on the published series, or the one named; return a line on each.

    A watch and its alerts become visible together. Running again on the same series changes
    nothing. An alert that the series no longer gives is withdrawn: its record stays, with the
    reason, for the node's own staff; nobody else sees it among the alerts.

    Raises:
        InvalidInputError: a published series is too short for its detector.
    """
    return [_run(node, rule) for rule in WATCHES if key in ("", rule.watch.key)]


def withdraw_alerts(node: Node, watch: str, why: str) -> int:
    """Withdraw all alerts of a watch whose series is no longer published; return how many."""
    reason = {
        "en": f"The series it rests on is no longer published: {why}",
        "zh": f"其所依据的序列不再发布：{why}",
    }
    with node.catalog.transaction() as tx:
        return _withdraw_but(node, tx, watch, frozenset(), reason)


def _run(node: Node, rule: WatchRule) -> str:
    watch, key = rule.watch, rule.watch.key
    try:
        node.catalog.get("series", watch.indicator, OPERATOR)
    except NotFoundError:
        return f"{key}: not run, this node has no series of {watch.indicator}"
    rows = every_value(
        node, watch.indicator, region=watch.region, dimensions={"measure": rule.measure}
    )
    outcome = run_watch(rule, [Observation.from_json(row) for row in rows])
    with node.catalog.transaction() as tx:
        series = Link("watches", "series", watch.indicator)
        tx.revise(Record("watch", key, outcome.watch.as_json(), links=(series,)))
        fresh = sum(tx.revise(_record(alert, outcome.run)) for alert in outcome.alerts)
        gone = _withdraw(node, tx, outcome)
    count = len(outcome.alerts)
    return (
        f"{key}: {count} {'alert' if count == 1 else 'alerts'} ({fresh} new or changed,"
        f" {gone} withdrawn); {outcome.watch.false_alarms['text']}"
    )


def _record(alert: Alert, run: str) -> Record:
    links = (Link("rests-on", "run", run), Link("raised-by", "watch", alert.watch))
    return Record("alert", alert.id, alert.as_json(), links=links)


def _withdraw(node: Node, tx: Transaction, outcome: Outcome) -> int:
    found = frozenset(alert.id for alert in outcome.alerts)
    reason = {
        "en": f"Not found in {outcome.run}, the run that is now published.",
        "zh": f"在现行发布的运行 {outcome.run} 中未再发现。",
    }
    return _withdraw_but(node, tx, outcome.watch.key, found, reason)


def _withdraw_but(
    node: Node, tx: Transaction, watch: str, kept: frozenset[str], reason: dict[str, str]
) -> int:
    count = 0
    for body in node.catalog.all("alert", OPERATOR):
        mine = body["watch"] == watch and body["id"] not in kept
        if not mine or body.get("state") == "withdrawn":
            continue
        body = {**body, "state": "withdrawn", "reason": reason}
        links = node.catalog.links_from("alert", body["id"], OPERATOR)
        count += tx.revise(Record("alert", body["id"], body, access="steward", links=links))
    return count
