"""Compute a number again, by our own code or by a second route, and compare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from earthcommons.commons.stories.computing import workbench
from earthcommons.cube import asset_key
from earthcommons.errors import InvalidInputError, NotFoundError
from earthcommons.indicators.engine import compute
from earthcommons.model.observation import Observation
from earthcommons.model.party import OPERATOR, Party

if TYPE_CHECKING:
    from earthcommons.commons.node import Node

__all__ = ["INDEPENDENT_TOLERANCE", "Verification", "verify"]

# Our own code must give the very same number; another library sums in another order and, for
# coverage, rounds fractions to 32 bits.
INDEPENDENT_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class Verification:
    """The outcome of computing a number again.

    Attributes:
        route: which code computed it.
        stored, computed: values; None where the value is withheld or missing.
        difference: absolute difference, or None.
        agrees: whether they are equal, or within the route's tolerance.
        inputs_checked: how many input objects were read whole and matched their digest.
    """

    observation: str
    route: str
    stored: float | None
    computed: float | None
    difference: float | None
    agrees: bool
    inputs_checked: int

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "observation": self.observation,
            "route": self.route,
            "stored": self.stored,
            "computed": self.computed,
            "difference": self.difference,
            "agrees": self.agrees,
            "inputs_checked": self.inputs_checked,
        }


def verify(
    node: Node, observation_id: str, *, independent: bool = False, party: Party | None = None
) -> Verification:
    """Read every input against its digest, compute the observation again, and compare.

    Args:
        node: the node.
        observation_id: which observation.
        independent: by the second route the indicator declares, instead of by our own code.
        party: who asks.

    Raises:
        NotFoundError: no visible observation has that id.
        IntegrityError: an input's bytes are not those recorded.
        InvalidInputError: no second route is declared for it.
    """
    stored = Observation.from_json(node.catalog.observation(observation_id, party))
    run = node.catalog.get("run", stored.run, party)
    checked = 0
    for ref in run["inputs"]:
        node.store.verify(_input_key(node, ref))
        checked += 1
    bench = workbench(node, stored.indicator)
    indicator = bench.indicator
    if independent:
        if indicator.independent is None:
            raise InvalidInputError(f"{indicator.key} declares no second route")
        route = indicator.independent_route
        computed = (
            None
            if stored.value is None
            else float(indicator.independent(bench, run["parameters"], stored))
        )
    else:
        route = f"earthcommons {indicator.key}@{indicator.version}"
        again = compute(bench, run["parameters"])
        found = next((row for row in again.observations if row.id == stored.id), None)
        if found is None:
            raise NotFoundError(
                f"computed from today's inputs, run {again.run.id} takes the place of"
                f" {stored.run}: its inputs, regions or method have changed"
            )
        computed = found.value
    return _compared(stored, computed, route, checked, exact=not independent)


def _input_key(node: Node, ref: dict[str, Any]) -> str:
    """Return the object of an input, whoever may see the input: its name is not told."""
    try:
        item = node.catalog.get("item", ref["item"], OPERATOR)
        return asset_key(item, ref["asset"])
    except NotFoundError as error:
        raise NotFoundError(
            f"the input with sha256 {ref['sha256'][:12]}… was withdrawn: the number cannot be"
            " computed again"
        ) from error


def _compared(
    stored: Observation, computed: float | None, route: str, checked: int, *, exact: bool
) -> Verification:
    if stored.value is None or computed is None:
        agrees = stored.value is None and computed is None
        return Verification(stored.id, route, stored.value, computed, None, agrees, checked)
    difference = abs(stored.value - computed)
    allowed = 0.0 if exact else INDEPENDENT_TOLERANCE * max(1.0, abs(stored.value))
    return Verification(
        stored.id, route, stored.value, computed, difference, difference <= allowed, checked
    )
