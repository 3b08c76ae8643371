"""What its author does with a draft: begin it, complete it, hand it in, take it back."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from earthcommons.commons.stories.completeness import lacks
from earthcommons.commons.stories.draft_files import try_files
from earthcommons.commons.stories.drafts import (
    METADATA,
    MOST_TEXT,
    draft_event,
    get_draft,
    move_draft,
    put_draft,
)
from earthcommons.commons.stories.marks import may_know
from earthcommons.errors import (
    AccessDeniedError,
    ConflictError,
    GoneError,
    InvalidInputError,
    NotFoundError,
)
from earthcommons.ingest.limits import Limits
from earthcommons.ingest.sources import copy_in
from earthcommons.model.canonical import short_id
from earthcommons.model.declaration import check_id
from earthcommons.policy import OPEN, acting_party, combine, require
from earthcommons.store import digest_in
from earthcommons.trust import new_token

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from earthcommons.commons.node import Node

__all__ = [
    "UPLOAD_SUFFIX",
    "add_file",
    "attach",
    "check_names",
    "edit_draft",
    "editable",
    "note_seen",
    "remove_file",
    "start_draft",
    "submit",
    "withdraw_draft",
]

UPLOAD_SUFFIX = ".upload"
_OPEN_STATES = ("draft", "changes-requested")
_MOST_FILES = 2000
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
        AccessDeniedError: the acting party contributes to no such collection, or its key reads
            nothing: it would not find what it began.
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
    _require_reader()
    # An item that the author may not find is found when the draft is accepted.
    name = f"{collection}/{item}"
    known = node.catalog.version("item", name) if may_know(node, "item", name) else None
    if known is None:
        _check_not_withdrawn(node, name)
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
        "events": [draft_event("draft")],
    }
    body["id"] = short_id("drf", new_token())
    with node.catalog.transaction() as tx:
        put_draft(tx, body)
        tx.note("draft-start", "draft", body["id"], {"item": f"{collection}/{item}"})
    return body


def _rule_before(node: Node, name: str) -> dict[str, str]:
    """Return the rule of an item as a draft's rule: a new version is not opened by default."""
    find, fetch, derive = node.catalog.stated("item", name)
    return {"find": find, "fetch": fetch, **({"derive": derive} if derive else {})}


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
        put_draft(tx, body)
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

    A file of the same name gives way; the new one's `replaced` is the digest of its bytes.

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
        before = [file for file in body["files"] if file["name"] == name]
        if before and before[0]["sha256"] == entry["sha256"]:
            entry = before[0]
        elif before:
            entry["replaced"] = before[0]["sha256"]
        if len(kept) >= _MOST_FILES:
            raise InvalidInputError(f"a draft holds {_MOST_FILES} files at most")
        body["files"] = sorted([*kept, entry], key=lambda file: str(file["name"]))
        body["seen"] = {}
        put_draft(tx, body)
    return get_draft(node, id_)


def check_names(names: Iterable[str]) -> None:
    """Return when files that are attached at once have names of their own.

    Raises:
        InvalidInputError: one would take the other's place (`name-collision`).
    """
    counts = Counter(names)
    if twice := sorted(name for name, count in counts.items() if count > 1):
        raise InvalidInputError(
            f"two files are called {twice[0][:60]!r}: rename one, or make a draft of each",
            code="name-collision",
        )


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
        put_draft(tx, body)
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
        put_draft(tx, body)
    return get_draft(node, id_)


def submit(node: Node, id_: str) -> dict[str, Any]:
    """Hand a draft to the reviewers, once all of its files have been read.

    Raises:
        NotFoundError: no visible draft has that id.
        AccessDeniedError: the acting party is not its author.
        ConflictError: it was handed in already, or changed while its files were read (`stale`).
        InvalidInputError: it lacks something required (`incomplete`); the message names it.
        RefusedFileError: a file breaks a rule of the door; the message names it.
    """
    read = _mine(node, id_, None)
    _refuse_incomplete(read)
    tried = try_files(node, read)
    with node.catalog.transaction() as tx:
        body = _mine(node, id_, None)
        _refuse_incomplete(body)
        if any(body[part] != read[part] for part in ("files", "metadata", "seen")):
            raise ConflictError(f"draft {id_} has changed since: read it again", code="stale")
        body["tried"] = tried
        move_draft(tx, body, "submitted")
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
        move_draft(tx, body, "withdrawn")
    return get_draft(node, id_)


def _refuse_incomplete(body: Mapping[str, Any]) -> None:
    missing = [lack for lack in lacks(body) if lack.level == "required"]
    if missing:
        said = "; ".join(f"{lack.en} ({', '.join(lack.standards)})" for lack in missing)
        raise InvalidInputError(f"the draft is not complete: {said}", code="incomplete")


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


def _require_reader() -> None:
    scopes = acting_party().scopes
    if scopes is not None and "read" not in scopes:
        raise AccessDeniedError(
            "a key without the scope read would not find the draft it begins"
        )


def _check_not_withdrawn(node: Node, name: str) -> None:
    """Return when nobody who acts here knows of a tombstone of that name."""
    try:
        node.catalog.body("item", name)
    except GoneError as error:
        raise ConflictError(
            f"item {name} was withdrawn, and its name is not used again: take another",
            code="exists",
        ) from error
    except NotFoundError:
        return


def _check_part(name: str, value: Any) -> None:
    if name not in METADATA:
        raise InvalidInputError(f"a draft has no part {name[:40]!r}", code="unknown-parameter")
    if value is not None and not isinstance(value, METADATA[name]):
        raise InvalidInputError(f"{name}: of another type")
    texts = value.values() if isinstance(value, dict) else ()
    if not all(isinstance(text, str) for text in texts):
        raise InvalidInputError(f"{name}: of another type")
    if name == "variables" and isinstance(value, list):
        _check_variables(value)
    if len(repr(value)) > MOST_TEXT:
        raise InvalidInputError(f"{name}: over {MOST_TEXT:,} characters")


def _check_variables(value: list[Any]) -> None:
    names = []
    for each in value:
        parts = each if isinstance(each, dict) else {}
        said = [parts.get(part, "") for part in ("name", "unit", "meaning", "datatype")]
        if not all(isinstance(text, str) for text in said) or not said[0]:
            raise InvalidInputError("variables: each is a table with a name, and texts")
        names.append(said[0])
    if twice := sorted(name for name, count in Counter(names).items() if count > 1):
        raise InvalidInputError(
            f"variables: two are called {twice[0][:60]!r}", code="name-collision"
        )


def _checked_rule(rule: Mapping[str, str]) -> dict[str, str]:
    unknown = set(rule) - {"find", "fetch", "derive"}
    if unknown:
        raise InvalidInputError(f"a rule has no part {min(unknown)[:40]!r}")
    stated = {name: combine(label) for name, label in rule.items() if label}
    return {"find": OPEN, "fetch": OPEN, **stated}
