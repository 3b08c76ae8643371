"""Recall: find everything that rests on a corrected or withdrawn record, mark it, and mend it.

The walk goes along the stored arrows, against their direction: from an item to the runs that used
it, from a run to its observations, from those to alerts, statements and every edition of a report.
What can be computed again from today's inputs is; what cannot is struck. The recall itself is a
record that lists what was touched, why, and what became of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from earthcommons.catalog import ObservationQuery
from earthcommons.catalog.labelling import INHERITED
from earthcommons.commons.stories.computing import compute_indicator
from earthcommons.commons.stories.marks import may_know, told_by
from earthcommons.commons.stories.reporting import check_report
from earthcommons.commons.stories.watching import run_watches, withdraw_alerts
from earthcommons.errors import CommonsError, GoneError, InvalidInputError, NotFoundError
from earthcommons.model.canonical import short_id
from earthcommons.model.party import OPERATOR
from earthcommons.model.record import Link, Record
from earthcommons.policy import acting_as, acting_party, moment, require

if TYPE_CHECKING:
    from collections.abc import Callable

    from earthcommons.commons.node import Node
    from earthcommons.model.record import Kind

__all__ = [
    "Touched",
    "may_recall",
    "recall",
    "resting_on",
    "show_recall",
    "visible_part",
]

_STRUCK = "an input was corrected or withdrawn, and its run cannot be computed again"
_KINDS = ("run", "series", "watch", "alert", "report", "need", "region-set")


@dataclass(frozen=True, slots=True)
class Touched:
    """One record that rests on what is recalled.

    Attributes:
        through: names of the records between, nearest to the recalled one first.
        outcome: `recomputed`, `unchanged`, `struck`, `marked` or `holds`.
        now: what stands in its place, or why nothing does.
        facts: counts and statements.
    """

    kind: str
    id: str
    through: tuple[str, ...]
    outcome: str = "marked"
    now: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "kind": self.kind,
            "id": self.id,
            "through": list(self.through),
            "outcome": self.outcome,
            "now": self.now,
            "facts": self.facts,
        }


def visible_part(node: Node, touched: list[Touched]) -> list[Touched]:
    """Return those touched records that the acting party may see, by way of those it may see."""
    seen = [each for each in touched if may_know(node, each.kind, each.id)]
    names = {each.id for each in seen}
    return [
        replace(each, through=tuple(id_ for id_ in each.through if id_ in names))
        for each in seen
    ]


def resting_on(node: Node, kind: str, name: str) -> list[Touched]:
    """Return everything that rests on a record, nearest first; nothing is changed.

    Whoever may see each of them is not asked: `visible_part` does.
    """
    found: dict[tuple[str, str], Touched] = {}
    waiting: list[tuple[str, str, tuple[str, ...]]] = [(kind, name, ())]
    while waiting:
        kind_, id_, through = waiting.pop(0)
        for link in node.catalog.links_to(kind_, id_, OPERATOR):
            if link.rel not in INHERITED or (link.kind, link.id) in found:
                continue
            if link.kind in _KINDS:
                found[link.kind, link.id] = Touched(link.kind, link.id, through)
                waiting.append((link.kind, link.id, (*through, link.id)))
    runs = {touched.id for touched in found.values() if touched.kind == "run"}
    for key in _reports(node):
        _add_editions(node, key, runs, found)
    return [_counted(node, touched) for touched in found.values()]


def recall(
    node: Node,
    kind: Kind,
    name: str,
    reason: str,
    *,
    progress: Callable[[int, int, str], None] = lambda done, total, what: None,
) -> dict[str, Any]:
    """Recall a record that was corrected or withdrawn, and return the record of the recall.

    Args:
        node: the node.
        kind: kind of what is recalled, usually `item`.
        name: its name; it has a later version, or a tombstone.
        reason: one sentence on what is wrong with it.
        progress: is told how far it is: done, total, what.

    Raises:
        NotFoundError: nothing visible has, or had, that name.
        AccessDeniedError: the acting party does not care for it.
        InvalidInputError: no reason.
    """
    if not 0 < len(reason.strip()) <= 2000:
        raise InvalidInputError("a recall needs a reason of 1 to 2,000 characters")
    state = _state(node, kind, name)
    by = acting_party().id
    touched = resting_on(node, kind, name)
    # The node mends what rests on the record, whoever was allowed to recall it.
    with acting_as(OPERATOR):
        done = _mend(node, touched, progress)
    body = {
        "about": {"kind": kind, "id": name, **state},
        "reason": reason.strip(),
        "made": moment().strftime("%Y-%m-%dT%H:%M:%SZ"),
        "by": by,
        "touched": [each.as_json() for each in done],
    }
    id_ = short_id("rcl", body)
    links = (
        Link("recalls-from", kind, name),
        *sorted({Link("recalls", each.kind, each.id) for each in done}),
    )
    with node.catalog.transaction() as tx:
        tx.put(Record("recall", id_, {"id": id_, **body}, links=links))
        tx.note("recall", kind, name, {"recall": id_, "touched": len(done)})
    return show_recall(node, id_)


def may_recall(node: Node, kind: Kind, name: str) -> None:
    """Return when the acting party may recall a record, or see what rests on it.

    Raises:
        NotFoundError: nothing visible has, or had, that name.
        AccessDeniedError: the acting party does not care for it.
    """
    _state(node, kind, name)


def show_recall(node: Node, id_: str) -> dict[str, Any]:
    """Return a recall with those touched records that the acting party may see.

    How many others there are is not told.

    Raises:
        NotFoundError: no visible recall has that id.
    """
    body = node.catalog.get("recall", id_)
    seen = [each for each in body["touched"] if may_know(node, each["kind"], each["id"])]
    names = {each["id"] for each in seen}
    seen = [{**each, "through": [n for n in each["through"] if n in names]} for each in seen]
    return told_by(node, {**body, "touched": seen})


def _state(node: Node, kind: Kind, name: str) -> dict[str, Any]:
    """Return what the recalled record is now, when the acting party cares for it."""
    try:
        standing = node.catalog.standing(kind, name)
    except NotFoundError:
        try:
            node.catalog.body(kind, name)
        except GoneError as gone:
            owner, label = node.catalog.tombstone_of(kind, name)
            require("withdraw", label, name, owner=owner)
            version = int(str(gone.stub["last_version"]))
            return {"state": "withdrawn", "version": version}
        raise
    require("withdraw", standing.faces.find, name, owner=standing.owner)
    state = "corrected" if standing.version > 1 else "as first published"
    return {"state": state, "version": standing.version}


def _reports(node: Node) -> list[str]:
    return [body["key"] for body in node.catalog.all("report", OPERATOR)]


def _add_editions(
    node: Node, key: str, runs: set[str], found: dict[tuple[str, str], Touched]
) -> None:
    """Add a report when any of its versions, also printed ones, rests on a touched run."""
    editions: list[dict[str, Any]] = []
    through: set[str] = set()
    for version in node.catalog.versions("report", key, OPERATOR):
        body = node.catalog.past("report", key, version.version, OPERATOR)
        keys = []
        for statement in body["statements"]:
            rests = {_run_of(node, id_) for id_ in statement["evidence"]} & runs
            if rests:
                through |= rests
                keys.append(statement["key"])
        if keys:
            editions.append(
                {
                    "version": version.version,
                    "edition": body["edition"],
                    "id": body["id"],
                    "statements": keys,
                }
            )
    if editions:
        names = tuple(sorted(through))
        known = found.get(("report", key))
        found["report", key] = Touched(
            "report", key, known.through if known else names, facts={"editions": editions}
        )


def _run_of(node: Node, observation_id: str) -> str:
    try:
        return str(node.catalog.observation(observation_id, OPERATOR)["run"])
    except NotFoundError:
        return ""


def _counted(node: Node, touched: Touched) -> Touched:
    if touched.kind != "run":
        return touched
    page = node.catalog.observations(ObservationQuery(run=touched.id, limit=1), OPERATOR)
    run = node.catalog.get("run", touched.id, OPERATOR)
    facts = {"observations": page.matched or 0, "indicator": run["method"]}
    return Touched(touched.kind, touched.id, touched.through, facts=facts)


def _mend(
    node: Node, touched: list[Touched], progress: Callable[[int, int, str], None]
) -> list[Touched]:
    """Compute again what rests on the record, in the order of the chain."""
    done: dict[tuple[str, str], Touched] = {}
    order = sorted(touched, key=lambda each: _KINDS.index(each.kind))
    for n, each in enumerate(order):
        progress(n, len(order), f"{each.kind} {each.id}")
        if each.kind == "run":
            done[each.kind, each.id] = _mend_run(node, each)
        elif each.kind == "series":
            done[each.kind, each.id] = _mend_series(node, each, done)
        elif each.kind == "watch":
            done[each.kind, each.id] = _mend_watch(node, each, done)
        elif each.kind == "alert":
            done[each.kind, each.id] = _mend_alert(node, each)
        elif each.kind == "report":
            done[each.kind, each.id] = _mend_report(node, each)
        else:
            done[each.kind, each.id] = each
    progress(len(order), len(order), "")
    return [done[each.kind, each.id] for each in touched]


def _became(each: Touched, outcome: str, now: str, **facts: Any) -> Touched:
    return Touched(each.kind, each.id, each.through, outcome, now, each.facts | facts)


def _mend_run(node: Node, each: Touched) -> Touched:
    run = node.catalog.get("run", each.id, OPERATOR)
    from earthcommons.indicators import find_indicator

    try:
        standard = dict(run["parameters"]) == find_indicator(run["method"]).settle({})
        again = compute_indicator(node, run["method"], None if standard else run["parameters"])
    except CommonsError as error:
        # What it says may name a closed input; the run may be open.
        return _became(each, "struck", f"{_STRUCK} ({error.code})")
    if again.run.id == each.id:
        return _became(each, "unchanged", each.id)
    return _became(each, "recomputed", again.run.id)


def _mend_series(node: Node, each: Touched, done: dict[tuple[str, str], Touched]) -> Touched:
    """Leave the series that its run was computed for again; strike one that has no run now."""
    run = node.catalog.get("series", each.id, OPERATOR)["run"]
    before = done.get(("run", run))
    if before is None:
        return _became(each, "recomputed", run)
    if before.outcome == "unchanged":
        return _became(each, "unchanged", run)
    stub = {"id": each.id, "last_run": run, "reason": "retracted", "note": _STRUCK}
    with node.catalog.transaction() as tx:
        # A tombstone rests on nothing any more: it states what its series asked for.
        label = node.catalog.standing("series", each.id, OPERATOR).faces.find
        tx.revise(Record("series", each.id, stub, access=label, withdrawn=True))
    return _became(each, "struck", _STRUCK)


def _mend_watch(node: Node, each: Touched, done: dict[tuple[str, str], Touched]) -> Touched:
    watch = node.catalog.get("watch", each.id, OPERATOR)
    series = done.get(("series", watch["indicator"]))
    if series is not None and series.outcome == "struck":
        withdraw_alerts(node, each.id, series.now)
        return _became(each, "struck", series.now)
    return _became(each, "recomputed", run_watches(node, each.id)[0])


def _mend_alert(node: Node, each: Touched) -> Touched:
    alert = node.catalog.get("alert", each.id, OPERATOR)
    if alert.get("state") != "withdrawn":
        return _became(each, "recomputed", each.id)
    # An alert is named by what it found: the same event with other numbers is another alert.
    same = [
        found["id"]
        for found in node.catalog.all("alert", OPERATOR)
        if found.get("state") != "withdrawn"
        and (found["watch"], found["start"]) == (alert["watch"], alert["start"])
    ]
    if same:
        return _became(each, "recomputed", same[0])
    return _became(each, "struck", alert["reason"]["en"])


def _mend_report(node: Node, each: Touched) -> Touched:
    found = check_report(node, each.id)
    struck = sorted({finding["statement"] for finding in found})
    if not struck:
        return _became(each, "holds", "every statement holds on today's evidence")
    return _became(each, "struck", f"{len(struck)} statements no longer hold", struck=struck)
