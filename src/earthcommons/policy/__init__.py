"""Who may see and do what: pure decisions, compiled by the catalogue into every query.

Knows parties, actions and access labels; never a database, a request or a file.
"""

from earthcommons.policy.decision import Action, Decision, decide, require, visible_labels

__all__ = ["Action", "Decision", "decide", "require", "visible_labels"]
