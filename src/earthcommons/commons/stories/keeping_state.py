"""How a node is kept, in words: suspects, the last scrub, backup and restore, who can touch it."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from earthcommons.commons.guard import loose_modes
from earthcommons.commons.stories.backup_places import RESTORES
from earthcommons.commons.stories.fixity import FixityLog
from earthcommons.errors import UpstreamError

if TYPE_CHECKING:
    from earthcommons.commons.node import Node

__all__ = ["keeping_rows"]


_Event = tuple[str, str, dict[str, object]]


def keeping_rows(node: Node) -> list[tuple[str, str, str]]:
    """Return what an operator should know of a node's keeping: what, state, text."""
    suspects = node.store.suspects()
    loose = loose_modes(node.root)
    kept = sorted(file.name for file in node.root.glob("catalog.schema-*.sqlite"))
    with closing(FixityLog(node.root)) as log:
        scrubbed, backed_up = log.last("scrub"), log.last("backup")
        restored, oldest = log.last("restored"), log.oldest()
    rows = [
        _store_row(node),
        (
            "suspect objects",
            "bad" if suspects else "ok",
            f"{len(suspects)} not served; `scrub --repair --from COPY` mends them"
            if suspects
            else "none known",
        ),
        _scrub_row(scrubbed, oldest),
        _backup_row(backed_up),
        ("folder", "bad" if loose else "ok", "; ".join(loose) or "closed to others"),
    ]
    if restored is not None:
        rows.append(("restored", "note", f"{restored[0]} from {restored[2]['snapshot']}"))
    if kept:
        rows.append(
            ("migration", "note", f"{', '.join(kept)} is kept until `migrate --confirm`")
        )
    return rows


def _store_row(node: Node) -> tuple[str, str, str]:
    where = node.settings.store_url or "objects in the node's folder"
    try:
        node.store.self_test()
    except UpstreamError as error:
        return "store", "bad", f"{where}: {error}"
    return "store", "ok", f"{where}; writers can share it"


def _scrub_row(last: _Event | None, oldest: str) -> tuple[str, str, str]:
    if last is None:
        return "last scrub", "note", "never; `earthcommons scrub` reads every object"
    at, _, found = last
    bad = len(_names(found, "damaged")) + len(_names(found, "missing"))
    left = f", {found['left']} left for the next" if found["left"] else ""
    text = f"{at}: {found['read']} read, {bad} damaged or missing{left}"
    since = f"; no object is unread since {oldest}" if oldest and not left else ""
    return "last scrub", "bad" if bad else "ok", text + since


def _backup_row(last: _Event | None) -> tuple[str, str, str]:
    if last is None:
        return "last backup", "note", "never; `earthcommons backup PLACE` makes one"
    at, _, made = last
    text = f"{at} to {made['place']}; "
    verified = _last_restore(Path(str(made["place"])))
    text += f"last restored and verified {verified}" if verified else "never restored to try it"
    bad = bool(made["damaged"])
    return "last backup", "bad" if bad else "ok" if verified else "note", text


def _last_restore(place: Path) -> str:
    """Return when a backup was last restored whole; empty when never, or when it is not at hand."""
    file = place / RESTORES
    if not file.is_file():
        return ""
    lines = file.read_text(encoding="utf-8").splitlines()
    return str(json.loads(lines[-1])["at"]) if lines else ""


def _names(found: dict[str, object], what: str) -> list[object]:
    names = found[what]
    return list(names) if isinstance(names, list) else []
