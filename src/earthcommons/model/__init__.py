"""The nouns every floor speaks: period, region, indicator, observation, run, alert, statement.

Plain frozen dataclasses with their JSON form and their identity. The floor knows no file, no
database and no web. Each type checks itself once where it is made and is trusted afterwards.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from earthcommons.model.alert import Alert, Watch
    from earthcommons.model.canonical import canonical_bytes, digest_of, parse_strict, short_id
    from earthcommons.model.declaration import Declaration, ProvidersFile, VariableDeclaration
    from earthcommons.model.evidence import InputRef, Run, run_id
    from earthcommons.model.geodesy import BBox
    from earthcommons.model.indicator import Indicator, Parameter, Text
    from earthcommons.model.indicator import Need as InputNeed
    from earthcommons.model.observation import Interval, Observation, observation_id
    from earthcommons.model.outlook import Report, Statement
    from earthcommons.model.party import OPERATOR, PUBLIC, Party
    from earthcommons.model.period import Period
    from earthcommons.model.record import Change, Link, Record, Transaction
    from earthcommons.model.region import Region, RegionSet
    from earthcommons.model.technology import Candidate, Need, Offer

__all__ = [
    "OPERATOR",
    "PUBLIC",
    "Alert",
    "BBox",
    "Candidate",
    "Change",
    "Declaration",
    "Indicator",
    "InputNeed",
    "InputRef",
    "Interval",
    "Link",
    "Need",
    "Observation",
    "Offer",
    "Parameter",
    "Party",
    "Period",
    "ProvidersFile",
    "Record",
    "Region",
    "RegionSet",
    "Report",
    "Run",
    "Statement",
    "Text",
    "Transaction",
    "VariableDeclaration",
    "Watch",
    "canonical_bytes",
    "digest_of",
    "observation_id",
    "parse_strict",
    "run_id",
    "short_id",
]

# Imported when asked for: a reader needs two of these modules, a command few.
_WHERE = {
    **dict.fromkeys(("Alert", "Watch"), "alert"),
    **dict.fromkeys(("canonical_bytes", "digest_of", "parse_strict", "short_id"), "canonical"),
    **dict.fromkeys(("Declaration", "ProvidersFile", "VariableDeclaration"), "declaration"),
    **dict.fromkeys(("InputRef", "Run", "run_id"), "evidence"),
    "BBox": "geodesy",
    **dict.fromkeys(("Indicator", "InputNeed", "Parameter", "Text"), "indicator"),
    **dict.fromkeys(("Interval", "Observation", "observation_id"), "observation"),
    **dict.fromkeys(("Report", "Statement"), "outlook"),
    **dict.fromkeys(("OPERATOR", "PUBLIC", "Party"), "party"),
    "Period": "period",
    **dict.fromkeys(("Change", "Link", "Record", "Transaction"), "record"),
    **dict.fromkeys(("Region", "RegionSet"), "region"),
    **dict.fromkeys(("Candidate", "Need", "Offer"), "technology"),
}
_THERE = {"InputNeed": "Need"}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"{__name__} has no {name}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), _THERE.get(name, name))
