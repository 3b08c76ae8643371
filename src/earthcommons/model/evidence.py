"""Runs: which method, with which parameters, on which bytes, made a set of observations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from earthcommons.model.canonical import short_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["InputRef", "Run", "run_id"]


@dataclass(frozen=True, slots=True, order=True)
class InputRef:
    """One asset a run read, by the digest of its bytes."""

    item: str
    asset: str
    sha256: str
    licence: str

    def as_json(self) -> dict[str, str]:
        """Return the JSON form."""
        return {
            "item": self.item,
            "asset": self.asset,
            "sha256": self.sha256,
            "licence": self.licence,
        }


@dataclass(frozen=True, slots=True)
class Run:
    """One computation. Its identity holds no clock, so a second build changes nothing."""

    method: str
    method_version: str
    parameters: Mapping[str, Any]
    inputs: tuple[InputRef, ...]
    region_set: str
    region_set_version: str
    region_set_digest: str
    code_version: str
    output: str = ""

    @property
    def id(self) -> str:
        """Identity over method, version, parameters, input digests and region-set digest."""
        return run_id(
            self.method,
            self.method_version,
            self.parameters,
            (ref.sha256 for ref in self.inputs),
            self.region_set_digest,
        )

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form stored as the run's record."""
        return {
            "id": self.id,
            "method": self.method,
            "method_version": self.method_version,
            "parameters": dict(self.parameters),
            "inputs": [ref.as_json() for ref in sorted(self.inputs)],
            "regions": {
                "id": self.region_set,
                "version": self.region_set_version,
                "sha256": self.region_set_digest,
            },
            "code_version": self.code_version,
            "output": self.output,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Run:
        """Return the run that `as_json` wrote."""
        regions = value["regions"]
        return cls(
            method=value["method"],
            method_version=value["method_version"],
            parameters=value["parameters"],
            inputs=tuple(InputRef(**ref) for ref in value["inputs"]),
            region_set=regions["id"],
            region_set_version=regions["version"],
            region_set_digest=regions["sha256"],
            code_version=value["code_version"],
            output=value["output"],
        )


def run_id(
    method: str,
    version: str,
    parameters: Mapping[str, Any],
    input_digests: Iterable[str],
    region_set_digest: str,
) -> str:
    """Return `run-` and 26 base32 characters of the digest over canonical JSON of the rest."""
    key = {
        "inputs": sorted(input_digests),
        "method": [method, version],
        "parameters": dict(parameters),
        "regions": region_set_digest,
    }
    return short_id("run", key)
