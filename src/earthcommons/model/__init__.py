"""The nouns every floor speaks: period, region, indicator, observation, run, alert, statement.

Plain frozen dataclasses with their JSON form and their identity. The floor knows no file, no
database and no web. Each type checks itself once where it is made and is trusted afterwards.
"""

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
