"""What is said about a draft and decided on it: whoever wrote it does not accept it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from earthcommons.commons.stories.drafts import (
    METADATA,
    MOST_TEXT,
    draft_event,
    get_draft,
    move_draft,
    put_draft,
)
from earthcommons.errors import AccessDeniedError, ConflictError, InvalidInputError
from earthcommons.model.party import OPERATOR
from earthcommons.policy import OPEN, acting_party, require

if TYPE_CHECKING:
    from collections.abc import Mapping

    from earthcommons.commons.node import Node
    from earthcommons.model.record import Transaction

__all__ = ["ABOUT", "ask_for_changes", "comment", "decline", "mark_published", "reviewable"]

# What a comment may be about, as completeness and metadata name it; empty for the whole.
ABOUT = (
    "", "files", "collection", "item", "rule", *METADATA,
    "title.en", "title.zh", "description.en", "description.zh",
)  # fmt: skip

# What a reviewer decides on; a comment may come while a draft is being published.
_DECIDED_ON = ("collection", "item", "replaces", "metadata", "rule", "files")
_MOST_COMMENTS = 500


def comment(node: Node, id_: str, text: str, field: str = "") -> dict[str, Any]:
    """Say something about a draft, or about one field of it.

    Raises:
        NotFoundError: no visible draft has that id.
        AccessDeniedError: the key in hand only reads.
        InvalidInputError: an empty or endless text, a field that is none of `ABOUT`
            (`unknown-parameter`), or too many comments.
    """
    if field not in ABOUT:
        raise InvalidInputError(
            f"a draft has no field {field[:40]!r}; there are {', '.join(filter(None, ABOUT))}",
            code="unknown-parameter",
        )
    if not 0 < len(text.strip()) <= MOST_TEXT:
        raise InvalidInputError(f"a comment has 1 to {MOST_TEXT:,} characters")
    with node.catalog.transaction() as tx:
        body = node.catalog.get("draft", id_)
        require("submit", OPEN, f"draft {id_}", owner=body["group"])
        if len(body["comments"]) >= _MOST_COMMENTS:
            raise InvalidInputError(f"a draft holds {_MOST_COMMENTS} comments at most")
        said = {**draft_event("comment"), "text": text.strip(), "field": field}
        body["comments"] = [*body["comments"], said]
        put_draft(tx, body)
    return get_draft(node, id_)


def ask_for_changes(node: Node, id_: str, text: str) -> dict[str, Any]:
    """Give a submitted draft back to its author, saying what to change.

    Raises:
        NotFoundError: no visible draft has that id.
        AccessDeniedError: the acting party does not review for the group, or wrote it.
        ConflictError: it is not submitted.
        InvalidInputError: nothing is said.
    """
    return _decide(node, id_, "changes-requested", text)


def decline(node: Node, id_: str, text: str) -> dict[str, Any]:
    """End a submission without publishing it, saying why.

    Raises:
        NotFoundError: no visible draft has that id.
        AccessDeniedError: the acting party does not review for the group, or wrote it.
        ConflictError: it is not submitted.
        InvalidInputError: nothing is said.
    """
    return _decide(node, id_, "declined", text)


def reviewable(node: Node, id_: str) -> dict[str, Any]:
    """Return a draft that the acting party may decide on now.

    Raises:
        NotFoundError: no visible draft has that id.
        AccessDeniedError: the acting party does not review for the group, or wrote it.
        ConflictError: it is not submitted.
    """
    body = node.catalog.get("draft", id_)
    require("review", OPEN, f"draft {id_}", owner=body["group"])
    if body["author"] == acting_party().id:
        raise AccessDeniedError("whoever wrote a draft does not decide on it")
    if body["state"] != "submitted":
        raise ConflictError(f"draft {id_} is {body['state']}, not submitted")
    return body


def mark_published(node: Node, tx: Transaction, read: Mapping[str, Any], version: int) -> None:
    """Note on a submitted draft which version of its item it becomes in this transaction.

    Args:
        node: the node.
        tx: the transaction that makes the item visible.
        read: the draft as it was when its publication began.
        version: version of the item.

    Raises:
        NotFoundError: the draft is no longer visible.
        AccessDeniedError: the acting party does not review for the group, or wrote it.
        ConflictError: it is not submitted, says another thing by now (`stale`), or its collection
            belongs to another group.
    """
    body = reviewable(node, read["id"])
    if any(body[part] != read[part] for part in _DECIDED_ON):
        raise ConflictError(
            f"draft {body['id']} has changed since: read it again", code="stale"
        )
    _check_owner(node, body)
    name = f"{body['collection']}/{body['item']}"
    move_draft(tx, body, "published", item=name, version=version)


def _check_owner(node: Node, body: Mapping[str, Any]) -> None:
    """Refuse a draft whose collection is not its group's, or no longer."""
    name = body["collection"]
    owner = node.catalog.standing("collection", name, OPERATOR).owner
    if owner != body["group"]:
        raise ConflictError(
            f"collection {name} does not belong to the group of draft {body['id']}"
        )


def _decide(node: Node, id_: str, state: str, text: str) -> dict[str, Any]:
    with node.catalog.transaction() as tx:
        body = reviewable(node, id_)
        if not 0 < len(text.strip()) <= MOST_TEXT:
            raise InvalidInputError("say why")
        said = {**draft_event("comment"), "text": text.strip(), "field": ""}
        body["comments"] = [*body["comments"], said]
        move_draft(tx, body, state)
    return get_draft(node, id_)
