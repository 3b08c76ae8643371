"""A draft: a record of its own until it is published, seen by its author and its group's staff.

    draft ─submit→ submitted ─accept→ published
      ↑               ├─ask for changes→ changes-requested ─submit→ submitted
      └── edit ───────┴─decline→ declined          (the author withdraws: → withdrawn)

What its author does with it stands in `submitting`, what the group answers in `reviewing`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from earthcommons.commons.stories.completeness import lacks
from earthcommons.model.record import Record
from earthcommons.policy import acting_party, combine, moment

if TYPE_CHECKING:
    from earthcommons.commons.node import Node
    from earthcommons.model.record import Transaction

__all__ = [
    "METADATA",
    "MOST_TEXT",
    "draft_event",
    "drafts",
    "get_draft",
    "move_draft",
    "put_draft",
]

# What the form of a draft may hold, and of what type each part is.
METADATA: dict[str, type | tuple[type, ...]] = {
    "title": dict,
    "description": dict,
    "period": str,
    "licence": str,
    "licence_url": str,
    "attribution": str,
    "nature": str,
    "derivation": str,
    "crs": str,
    "bbox": list,
    "group": str,
    "layer": str,
    "variables": list,
    "creators": list,
    "contact": dict,
    "keywords": list,
    "themes": list,
    "sdg": list,
    "doi": str,
    "collection_title": dict,
}
# Characters of a part, or of what is said about it.
MOST_TEXT = 20_000


def drafts(node: Node, state: str = "") -> list[dict[str, Any]]:
    """Return the drafts the acting party may see, newest event first; of one state when named."""
    found = [body for body in node.catalog.all("draft") if state in ("", body["state"])]
    return sorted(found, key=lambda body: str(body["events"][-1]["at"]), reverse=True)


def get_draft(node: Node, id_: str) -> dict[str, Any]:
    """Return a draft with what it lacks, and its version.

    Raises:
        NotFoundError: no visible draft has that id.
    """
    # The version is read first: too old a one is refused later, too new a one would lose an edit.
    version = node.catalog.version("draft", id_)
    body = node.catalog.get("draft", id_)
    return {
        **body,
        "lacks": [lack.as_json() for lack in lacks(body)],
        "version": version[0] if version else 0,
    }


def move_draft(tx: Transaction, body: dict[str, Any], state: str, **facts: Any) -> None:
    """Bring a draft into a state, and note it in its events and in the audit log."""
    body["state"] = state
    body["events"] = [*body["events"], {**draft_event(state), **facts}]
    put_draft(tx, body)
    tx.note(f"draft-{state}", "draft", body["id"], facts)


def put_draft(tx: Transaction, body: dict[str, Any]) -> None:
    """Write a draft, for its author and the staff of its group alone."""
    group = f"@{body['group']}" if body["group"] else ""
    label = combine(f"account:{body['author']}{group}")
    tx.revise(Record("draft", body["id"], body, access=label))


def draft_event(what: str) -> dict[str, str]:
    """Return that the acting party does something to a draft now."""
    at = moment().strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"what": what, "by": acting_party().id, "at": at}
