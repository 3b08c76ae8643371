"""Compute an indicator on a node and publish the run with its observations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from earthcommons.errors import NotFoundError
from earthcommons.indicators import find_indicator
from earthcommons.indicators.engine import Computed, compute
from earthcommons.indicators.workbench import Workbench
from earthcommons.model.party import OPERATOR
from earthcommons.runs import publish_run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from earthcommons.commons.node import Node

__all__ = ["compute_indicator", "workbench"]


def workbench(node: Node, key: str) -> Workbench:
    """Return the workbench of an indicator on a node.

    Raises:
        NotFoundError: there is no such indicator.
    """
    return Workbench(
        find_indicator(key), node.catalog, node.store, party=OPERATOR, cache=node.root / "cache"
    )


def compute_indicator(
    node: Node, key: str, parameters: Mapping[str, Any] | None = None
) -> Computed:
    """Compute an indicator and publish the run; with default parameters it becomes the series.

    The same inputs and parameters give the same run, and publishing it again changes nothing.
    When an input became another version meanwhile, it is computed again.

    Raises:
        NotFoundError: no such indicator, or an input is not on this node, or not any more.
        InvalidInputError: an unknown or unfit parameter.
        ConflictError: the same run gave other numbers before.
    """
    while True:
        bench = workbench(node, key)
        if not parameters and (known := _current(node, key, bench)) is not None:
            return known
        done = compute(bench, parameters)
        places = {
            region.id: region.geometry
            for region in bench.regions.with_geometry()
            if region.geometry is not None
        }
        with node.catalog.transaction() as tx:
            # A recall in the meantime did not know this run: it must not rest on what was then.
            now = workbench(node, key)
            if (now.inputs, now.region_set_digest) == (bench.inputs, bench.region_set_digest):
                publish_run(
                    tx, node.store, done.run, done.observations, places, current=done.standard
                )
                return done


def _current(node: Node, key: str, bench: Workbench) -> Computed | None:
    """Return the published run when method, parameters, inputs and regions are still the same."""
    from earthcommons.model.evidence import Run
    from earthcommons.runs import read_observations

    try:
        run = Run.from_json(
            node.catalog.get("run", node.catalog.get("series", key, OPERATOR)["run"], OPERATOR)
        )
    except NotFoundError:
        return None
    indicator = bench.indicator
    same = (
        run.method_version == indicator.version
        and dict(run.parameters) == indicator.settle({})
        and sorted(run.inputs) == sorted(bench.inputs)
        and run.region_set_digest == bench.region_set_digest
    )
    if not same:
        return None
    rows = read_observations(node.store.path(run.output))
    return Computed(run, tuple(rows), standard=True)
