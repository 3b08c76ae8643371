"""Outlook reports: statements bound to evidence, checked when it changes, in English and Chinese.

Knows statements, claims, confidence and the two templates; leaves storing and publishing to the
floors above. No number stands in a statement but through a typed hole.
"""

from earthcommons.outlook.check import Finding, check
from earthcommons.outlook.evidence import Evidence
from earthcommons.outlook.holes import fill
from earthcommons.outlook.templates import build_country, build_world

__all__ = ["Evidence", "Finding", "build_country", "build_world", "check", "fill"]
