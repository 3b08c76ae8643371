"""What was computed in the access matrix: runs, observations, watches, alerts, reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.web.matrix_cases import COUNTRIES, PLACES, Case, Thing
from tests.web.matrix_items import collection_id

from earthcommons.indicators import find_indicator
from earthcommons.model import (
    InputRef,
    Link,
    Observation,
    Period,
    Record,
    Report,
    Run,
    Statement,
    Text,
)
from earthcommons.model.party import OPERATOR
from earthcommons.policy import OPEN
from earthcommons.runs import publish_run

if TYPE_CHECKING:
    from earthcommons.commons import Node

__all__ = ["computed"]


def computed(node: Node, case: Case) -> list[Thing]:
    """Publish a run of a case with all that rests on it."""
    run, rows = _run(node, case)
    return [
        *_derived(case, run, rows),
        *_watch(node, case, run, rows),
        _report(node, case, run, rows),
    ]


def _run(node: Node, case: Case) -> tuple[Run, list[Observation]]:
    indicator = find_indicator(case.indicator)
    name = f"{collection_id(case)}/{case.word('ras')}"
    item = node.catalog.get("item", name, OPERATOR)
    digest = item["assets"]["data"]["file:checksum"][4:]
    run = Run(
        case.indicator, indicator.version, indicator.settle({}),
        (InputRef(name, "data", digest, f"lic-{case.word('ras')}"),),
        indicator.region_set, "1", "d" * 64, "0",
    )  # fmt: skip
    places = PLACES if indicator.region_set == "ec:places" else COUNTRIES
    rows = [
        Observation(
            case.indicator, region, Period.year(2008 + year), indicator.unit, "estimated", run.id,
            float(_number(case)) + n / 4, {"measure": "level"}, interval_reason="made",
        )
        for n, region in enumerate(places)
        for year in range(1 + (len(places) == 1))
    ]  # fmt: skip
    rows.append(
        Observation(
            case.indicator, rows[0].region, Period.year(2001), indicator.unit, "missing", run.id,
            None, {"measure": "level"}, interval_reason="made", reason="made",
        )
    )  # fmt: skip
    shapes = {region: shape for region, (_, _, shape) in places.items()}
    with node.catalog.transaction() as tx:
        done = publish_run(tx, node.store, run, rows, shapes, current=True)
    return done, rows


def _number(case: Case) -> int:
    return 7_031_300 + 40 * case.n


def _said(number: int) -> tuple[str, ...]:
    """The ways a large number is written."""
    head, tail = str(number)[:-3], str(number)[-3:]
    million, thousand = head[0], head[1:]
    return (str(number), *(f"{million}{s}{thousand}{s}{tail}" for s in (",", " ", "\u202f")))


def _derived(case: Case, run: Run, rows: list[Observation]) -> list[Thing]:
    label = case.derived_label
    first = rows[0]
    marks = (run.id, *_said(_number(case)))
    return [
        Thing("run", {"kind": "run", "name": run.id, "version": "1"}, label, marks=(run.id,)),
        Thing("series", {"key": case.indicator}, OPEN),
        Thing(
            "observation",
            {"id": first.id, "run": run.id, "indicator": case.indicator, "region": first.region},
            label, case.data_label, marks=(*marks, *(row.id for row in rows)),
        ),
        Thing("missing", {"id": rows[-1].id}, label, case.data_label),
        *([Thing("map", {"indicator": case.indicator}, label)] if len(rows) > 20 else ()),
    ]  # fmt: skip


def _watch(node: Node, case: Case, run: Run, rows: list[Observation]) -> list[Thing]:
    key, alert = case.word("watch"), f"alert-{case.word('alert')}"
    region = rows[0].region
    watch = {
        "key": key, "version": "1", "title": {"en": key, "zh": key},
        "indicator": case.indicator, "region": region, "detector": "d", "parameters": {},
        "rule": {"en": "Rule.", "zh": "规则。"}, "false_alarms": {"text": "none"},
    }  # fmt: skip
    body = {
        "id": alert, "watch": key, "kind": "record", "severity": "strong",
        "certainty": "observed", "region": region, "start": "2008", "end": None,
        "peak": {"period": "2008", "value": rows[0].value, "unit": rows[0].unit},
        "observations": [rows[0].id], "facts": {"headline": {"en": alert, "zh": alert}},
    }  # fmt: skip
    with node.catalog.transaction() as tx:
        watches = (Link("watches", "series", case.indicator),)
        tx.put(Record("watch", key, watch, links=watches))
        rests = (Link("rests-on", "run", run.id), Link("raised-by", "watch", key))
        tx.put(Record("alert", alert, body, links=rests))
    label = case.derived_label
    return [
        Thing("watch", {"key": key, "kind": "watch", "name": key}, label, marks=(key,)),
        Thing("alert", {"kind": "alert", "name": alert}, label, marks=(alert,)),
    ]


def _report(node: Node, case: Case, run: Run, rows: list[Observation]) -> Thing:
    key, row = case.word("report"), rows[0]
    said = Statement(
        key="first", kind="state", theme="land", slot="s", region=row.region,
        text=Text(f"{key} is {{v}}.", f"{key}为{{v}}。"),
        holes={"v": {"kind": "value", "obs": row.id, "digits": 1}},
        claims=(), evidence=(row.id,), status="checked",
    )  # fmt: skip
    section = {
        "key": "s", "title": {"en": key, "zh": key}, "statements": ["first"], "figures": [],
    }  # fmt: skip
    report = Report(
        key, "1", "country", row.region, Text(f"On {key}", f"关于{key}"), (said,), (section,)
    )
    links = (Link("rests-on", "run", run.id),)
    with node.catalog.transaction() as tx:
        tx.put(Record("report", key, report.as_json(), links=links))
    return Thing("report", {"key": key, "kind": "report", "name": key, "version": "1"},
                 case.derived_label, marks=(key, report.id))  # fmt: skip
