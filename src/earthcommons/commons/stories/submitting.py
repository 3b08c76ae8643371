"""Submission, review, publication: a draft is made, completed, discussed, accepted, published.

    draft ─submit→ submitted ─accept→ published
      ↑               ├─ask for changes→ changes-requested ─submit→ submitted
      └── edit ───────┴─decline→ declined          (the author withdraws: → withdrawn)

A draft is a record: its author and the staff of the group that owns the collection see it, nobody
else. Whoever wrote it does not accept it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from earthcommons.commons.stories.completeness import lacks
from earthcommons.commons.stories.marks import may_know
from earthcommons.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidInputError,
    NotFoundError,
)
from earthcommons.ingest.limits import Limits
from earthcommons.ingest.sources import copy_in
from earthcommons.model.canonical import short_id
from earthcommons.model.declaration import check_id
from earthcommons.model.party import OPERATOR
from earthcommons.model.record import Record
from earthcommons.policy import OPEN, acting_party, combine, moment, require
from earthcommons.store import digest_in
from earthcommons.trust import new_token

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from earthcommons.commons.node import Node
    from earthcommons.model.record import Transaction

__all__ = [
    "METADATA",
    "add_file",
    "ask_for_changes",
    "attach",
    "comment",
    "decline",
    "drafts",
    "edit_draft",
    "editable",
    "get_draft",
    "mark_published",
    "note_seen",
    "remove_file",
    "reviewable",
    "start_draft",
    "submit",
    "withdraw_draft",
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
}
UPLOAD_SUFFIX = ".upload"
_OPEN_STATES = ("draft", "changes-requested")
# What a reviewer decides on; a comment may come while a draft is being published.
_DECIDED_ON = ("collection", "item", "replaces", "metadata", "rule", "files")
_MOST_FILES, _MOST_TEXT, _MOST_COMMENTS = 2000, 20_000, 500
_FILE_NAME = re.compile(r"[^/\\\x00-\x1f\x7f]{1,200}")


def start_draft(
    node: Node, collection: str, item: str, *, group: str = "", replaces: bool = False
) -> dict[str, Any]:
    """Begin a draft of an item and return it.

    Args:
        node: the node.
        collection: where it shall go; a new collection needs the group that will own it.
        item: id of the item.
        group: the group that will own a new collection.
        replaces: whether it is a new version of an item that is there.

    Raises:
        NotFoundError: no such group, or no such item to replace.
        AccessDeniedError: the acting party contributes to no such collection.
        ConflictError: the item is there, or is not, other than `replaces` says.
        InvalidInputError: an id that does not fit.
    """
    check_id(collection, "collection id")
    check_id(item, "item id")
    label = OPEN
    try:
        standing = node.catalog.standing("collection", collection)
        group, label = standing.owner, standing.faces.find
    except NotFoundError:
        # Asked before anything is looked up: who contributes to nothing learns nothing here.
        require("submit", OPEN, collection, owner=group)
        if node.catalog.version("collection", collection) is not None:
            raise
        if group:
            node.catalog.people.group(group)
    require("submit", label, collection, owner=group)
    # An item that the author may not find is found when the draft is accepted.
    name = f"{collection}/{item}"
    known = node.catalog.version("item", name) if may_know(node, "item", name) else None
    if replaces and known is None:
        raise NotFoundError(f"there is no item {collection}/{item} to replace")
    if known is not None and not replaces:
        raise ConflictError(
            f"item {collection}/{item} exists: say that this replaces it", code="exists"
        )
    by = acting_party().id
    body: dict[str, Any] = {
        "state": "draft",
        "author": by,
        "group": group,
        "collection": collection,
        "item": item,
        "replaces": known[0] if known else 0,
        "metadata": {},
        "rule": _rule_before(node, name) if known else {"find": OPEN, "fetch": OPEN},
        "files": [],
        "seen": {},
        "comments": [],
        "events": [_event("draft")],
    }
    body["id"] = short_id("drf", new_token())
    with node.catalog.transaction() as tx:
        _put(tx, body)
        tx.note("draft-start", "draft", body["id"], {"item": f"{collection}/{item}"})
    return body


def _rule_before(node: Node, name: str) -> dict[str, str]:
    """Return the rule of an item as a draft's rule: a new version is not opened by default."""
    find, fetch, derive = node.catalog.stated("item", name)
    return {"find": find, "fetch": fetch, **({"derive": derive} if derive else {})}


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


def edit_draft(
    node: Node,
    id_: str,
    metadata: Mapping[str, Any],
    *,
    rule: Mapping[str, str] | None = None,
    version: int | None = None,
) -> dict[str, Any]:
    """Change parts of a draft's metadata or the rule it asks for; other parts stay.

    Args:
        node: the node.
        id_: which draft.
        metadata: parts named in `METADATA`; None takes a part away.
        rule: labels `find`, `fetch` and `derive` that the data shall have.
        version: the version the editor read; None takes the present one.

    Raises:
        NotFoundError: no visible draft has that id.
        AccessDeniedError: the acting party is not its author.
        ConflictError: it is not open to editing, or changed since `version` (`stale`).
        InvalidInputError: an unknown part, or one of another type.
    """
    with node.catalog.transaction() as tx:
        body = _mine(node, id_, version)
        parts = dict(body["metadata"])
        for name, value in metadata.items():
            _check_part(name, value)
            if value is None:
                parts.pop(name, None)
            else:
                parts[name] = value
        body["metadata"] = parts
        if rule is not None:
            body["rule"] = _checked_rule(rule)
        _put(tx, body)
    return get_draft(node, id_)


def add_file(
    node: Node, id_: str, path: Path, name: str, limits: Limits | None = None
) -> dict[str, Any]:
    """Attach the bytes of a file to a draft; a file of the same name is replaced.

    Raises:
        NotFoundError: no visible draft has that id.
        AccessDeniedError: the acting party is not its author.
        ConflictError: it is not open to editing.
        RefusedFileError: not a regular file, empty or too large.
        InvalidInputError: a name that is no name of a file.
    """
    if not _FILE_NAME.fullmatch(name) or name in (".", ".."):
        raise InvalidInputError(f"{name[:60]!r} is no name of a file", code="unsafe-path")
    _mine(node, id_, None)
    with node.store.stage() as scratch:
        copy_in(path, scratch / "upload", limits or Limits())
        key = node.store.put_file(scratch / "upload", UPLOAD_SUFFIX)
    return attach(node, id_, key, name)


def attach(node: Node, id_: str, key: str, name: str) -> dict[str, Any]:
    """Attach an object that is in the store already, as an upload leaves it there.

    Raises:
        NotFoundError: no visible draft has that id.
        AccessDeniedError: the acting party is not its author.
        ConflictError: it is not open to editing.
        InvalidInputError: too many files.
    """
    entry = {"name": name, "key": key, "sha256": digest_in(key), "size": node.store.size(key)}
    with node.catalog.transaction() as tx:
        body = _mine(node, id_, None)
        kept = [file for file in body["files"] if file["name"] != name]
        if len(kept) >= _MOST_FILES:
            raise InvalidInputError(f"a draft holds {_MOST_FILES} files at most")
        body["files"] = sorted([*kept, entry], key=lambda file: str(file["name"]))
        body["seen"] = {}
        _put(tx, body)
    return get_draft(node, id_)


def remove_file(node: Node, id_: str, name: str) -> dict[str, Any]:
    """Take a file out of a draft.

    Raises:
        NotFoundError: no visible draft has that id, or it has no such file.
        AccessDeniedError: the acting party is not its author.
        ConflictError: it is not open to editing.
    """
    with node.catalog.transaction() as tx:
        body = _mine(node, id_, None)
        kept = [file for file in body["files"] if file["name"] != name]
        if len(kept) == len(body["files"]):
            raise NotFoundError(f"draft {id_} has no file {name[:60]!r}")
        body["files"], body["seen"] = kept, {}
        _put(tx, body)
    return get_draft(node, id_)


def editable(node: Node, id_: str) -> dict[str, Any]:
    """Return a draft that the acting party may edit now.

    Raises:
        NotFoundError: no visible draft has that id.
        AccessDeniedError: the acting party is not its author.
        ConflictError: it is not open to editing.
    """
    return _mine(node, id_, None)


def note_seen(
    node: Node, id_: str, seen: Mapping[str, Any], filled: Mapping[str, Any]
) -> dict[str, Any]:
    """Keep what a look into the files found, and what it fills of the empty metadata.

    Raises:
        NotFoundError: no visible draft has that id.
        AccessDeniedError: the acting party is not its author.
        ConflictError: it is not open to editing.
    """
    with node.catalog.transaction() as tx:
        body = _mine(node, id_, None)
        body["seen"] = dict(seen)
        body["metadata"] = {**filled, **body["metadata"]}
        _put(tx, body)
    return get_draft(node, id_)


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
    _move(tx, body, "published", item=name, version=version)


def submit(node: Node, id_: str) -> dict[str, Any]:
    """Hand a draft to the reviewers.

    Raises:
        NotFoundError: no visible draft has that id.
        AccessDeniedError: the acting party is not its author.
        ConflictError: it was handed in already.
        InvalidInputError: it lacks something required (`incomplete`); the message names it.
    """
    with node.catalog.transaction() as tx:
        body = _mine(node, id_, None)
        missing = [lack for lack in lacks(body) if lack.level == "required"]
        if missing:
            said = "; ".join(f"{lack.en} ({', '.join(lack.standards)})" for lack in missing)
            raise InvalidInputError(f"the draft is not complete: {said}", code="incomplete")
        _move(tx, body, "submitted")
    return get_draft(node, id_)


def withdraw_draft(node: Node, id_: str) -> dict[str, Any]:
    """Take back a draft that is not published.

    Raises:
        NotFoundError: no visible draft has that id.
        AccessDeniedError: the acting party is not its author.
        ConflictError: it is published, declined or withdrawn.
    """
    with node.catalog.transaction() as tx:
        body = node.catalog.get("draft", id_)
        _require_author(body)
        if body["state"] in ("published", "declined", "withdrawn"):
            raise ConflictError(f"draft {id_} is {body['state']}")
        _move(tx, body, "withdrawn")
    return get_draft(node, id_)


def comment(node: Node, id_: str, text: str, field: str = "") -> dict[str, Any]:
    """Say something about a draft, or about one field of it.

    Raises:
        NotFoundError: no visible draft has that id.
        AccessDeniedError: the key in hand only reads.
        InvalidInputError: an empty or endless text, or too many comments.
    """
    if not 0 < len(text.strip()) <= _MOST_TEXT:
        raise InvalidInputError(f"a comment has 1 to {_MOST_TEXT:,} characters")
    with node.catalog.transaction() as tx:
        body = node.catalog.get("draft", id_)
        require("submit", OPEN, f"draft {id_}", owner=body["group"])
        if len(body["comments"]) >= _MOST_COMMENTS:
            raise InvalidInputError(f"a draft holds {_MOST_COMMENTS} comments at most")
        said = {**_event("comment"), "text": text.strip(), "field": field[:60]}
        body["comments"] = [*body["comments"], said]
        _put(tx, body)
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
        if not 0 < len(text.strip()) <= _MOST_TEXT:
            raise InvalidInputError("say why")
        said = {**_event("comment"), "text": text.strip(), "field": ""}
        body["comments"] = [*body["comments"], said]
        _move(tx, body, state)
    return get_draft(node, id_)


def _mine(node: Node, id_: str, version: int | None) -> dict[str, Any]:
    """Return a draft that its author may edit now."""
    body = node.catalog.get("draft", id_)
    _require_author(body)
    if body["state"] not in _OPEN_STATES:
        raise ConflictError(f"draft {id_} is {body['state']} and cannot be edited")
    known = node.catalog.version("draft", id_)
    if version is not None and known is not None and known[0] != version:
        raise ConflictError(
            f"draft {id_} has changed since version {version} (now {known[0]})", code="stale"
        )
    return body


def _require_author(body: Mapping[str, Any]) -> None:
    party = acting_party()
    if body["author"] != party.id and "operator" not in party.roles:
        raise AccessDeniedError(f"{party.id} did not write draft {body['id']}")
    require("submit", OPEN, f"draft {body['id']}", owner=body["group"])


def _move(tx: Transaction, body: dict[str, Any], state: str, **facts: Any) -> None:
    body["state"] = state
    body["events"] = [*body["events"], {**_event(state), **facts}]
    _put(tx, body)
    tx.note(f"draft-{state}", "draft", body["id"], facts)


def _put(tx: Transaction, body: dict[str, Any]) -> None:
    group = f"@{body['group']}" if body["group"] else ""
    label = combine(f"account:{body['author']}{group}")
    tx.revise(Record("draft", body["id"], body, access=label))


def _event(what: str) -> dict[str, str]:
    at = moment().strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"what": what, "by": acting_party().id, "at": at}


def _check_part(name: str, value: Any) -> None:
    if name not in METADATA:
        raise InvalidInputError(f"a draft has no part {name[:40]!r}", code="unknown-parameter")
    if value is not None and not isinstance(value, METADATA[name]):
        raise InvalidInputError(f"{name}: of another type")
    if len(repr(value)) > _MOST_TEXT:
        raise InvalidInputError(f"{name}: over {_MOST_TEXT:,} characters")


def _checked_rule(rule: Mapping[str, str]) -> dict[str, str]:
    unknown = set(rule) - {"find", "fetch", "derive"}
    if unknown:
        raise InvalidInputError(f"a rule has no part {min(unknown)[:40]!r}")
    stated = {name: combine(label) for name, label in rule.items() if label}
    return {"find": OPEN, "fetch": OPEN, **stated}
