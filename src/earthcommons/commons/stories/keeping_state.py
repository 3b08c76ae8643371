"""How a node is kept: suspects, the last scrub, backup and restore, who can touch it."""

from __future__ import annotations

import json
import stat
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from earthcommons.commons.findings import Finding, Said
from earthcommons.commons.guard import first_of, loose_modes
from earthcommons.commons.stories.backup_places import is_tar, restores_of
from earthcommons.commons.stories.fixity import FixityLog, with_z
from earthcommons.errors import IntegrityError, UpstreamError

if TYPE_CHECKING:
    from earthcommons.commons.node import Node

__all__ = ["keeping"]

_Event = tuple[str, str, dict[str, object]]


def keeping(node: Node) -> list[Finding]:
    """Return what an operator should know of a node's keeping."""
    kept = sorted(file.name for file in node.root.glob("catalog.schema-*.sqlite"))
    with closing(FixityLog(node.root)) as log:
        scrubbed, backed_up = log.last("scrub"), log.last("backup")
        restored, oldest = log.last("restored"), log.oldest()
    found = [
        _store(node),
        _suspects(node),
        _scrub(scrubbed, oldest),
        _backup(backed_up),
        _folder(node),
    ]
    if restored is not None:
        at, _, facts = restored
        said = Said("restored", {"at": at, "snapshot": facts["snapshot"]})
        found.append(Finding("restored", "note", said))
    if kept:
        said = Said("before-migration", {"files": ", ".join(kept)})
        found.append(Finding("migration", "note", said))
    return found


def _store(node: Node) -> Finding:
    where = node.settings.store_url or Said("in-folder")
    try:
        node.store.self_test()
    except UpstreamError as error:
        return Finding("store", "bad", Said("store-fails", {"where": where, "why": str(error)}))
    return Finding("store", "ok", Said("store-shared", {"where": where}))


def _suspects(node: Node) -> Finding:
    try:
        count = len(node.store.suspects())
    except IntegrityError as error:
        said = Said("suspects-unreadable", {"file": error.key})
        return Finding("suspect objects", "bad", said)
    if count:
        return Finding("suspect objects", "bad", Said("suspects", {"count": count}))
    return Finding("suspect objects", "ok", Said("no-suspects"))


def _scrub(last: _Event | None, oldest: str) -> Finding:
    if last is None:
        return Finding("last scrub", "note", Said("never-scrubbed"))
    at, _, found = last
    bad = len(_names(found, "damaged")) + len(_names(found, "missing"))
    facts = {"at": at, "read": found["read"], "bad": bad}
    said = Said("scrubbed", facts)
    if found["left"]:
        said = Said("scrubbed-in-part", {**facts, "left": found["left"]})
    elif oldest:
        said = Said("scrubbed-all", {**facts, "since": oldest})
    return Finding("last scrub", "bad" if bad else "ok", said)


def _backup(last: _Event | None) -> Finding:
    if last is None:
        return Finding("last backup", "note", Said("never-backed-up"))
    at, _, made = last
    facts = {"at": at, "place": made["place"]}
    tried = _last_restore(Path(str(made["place"])), str(made.get("snapshot")))
    said = Said("backed-up-untried", facts)
    if tried:
        said = Said("backed-up-tried", {**facts, "tried": tried})
    bad = bool(made["damaged"])
    return Finding("last backup", "bad" if bad else "ok" if tried else "note", said)


def _folder(node: Node) -> Finding:
    loose = first_of(loose_modes(node.root))
    if not loose and node.root.stat().st_mode & stat.S_IXOTH:
        return Finding("folder", "note", Said("folder-entered", {"name": node.root.name}))
    if not loose:
        return Finding("folder", "ok", Said("folder-closed"))
    return Finding("folder", "bad", Said("folder-open", {"found": loose}))


def _last_restore(place: Path, snapshot: str) -> str:
    """Return when a backup was last restored whole; empty when never, or when it is not at hand."""
    file = restores_of(place)
    if not file.is_file():
        return ""
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    if is_tar(place):
        # Another tar may have had that name before: its snapshot was another.
        lines = [line for line in lines if line["snapshot"] == snapshot]
    return with_z(str(lines[-1]["at"])) if lines else ""


def _names(found: dict[str, object], what: str) -> list[object]:
    names = found[what]
    return list(names) if isinstance(names, list) else []
