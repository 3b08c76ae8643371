"""Who may see and do what: pure decisions, compiled by the catalogue into every query.

Knows parties, actions, access labels and who acts now; never a database, a request or a file.
"""

from earthcommons.policy.acting import acting_as, acting_party, moment
from earthcommons.policy.decision import Action, Decision, decide, require
from earthcommons.policy.label import (
    OPEN,
    STAFF,
    combine,
    own,
    parse_label,
    satisfies,
    visible,
)

__all__ = [
    "OPEN",
    "STAFF",
    "Action",
    "Decision",
    "acting_as",
    "acting_party",
    "combine",
    "decide",
    "moment",
    "own",
    "parse_label",
    "require",
    "satisfies",
    "visible",
]
