"""How a node and its machine are: one finding for each thing an operator asks."""

from __future__ import annotations

import platform
import shutil
import sqlite3
import tempfile
from contextlib import closing, suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from earthcommons import __version__
from earthcommons.commons.findings import Finding, Said
from earthcommons.commons.stories.backup_heads import head_in, head_text, lost_of
from earthcommons.commons.stories.fixity import FixityLog
from earthcommons.commons.stories.keeping_state import keeping
from earthcommons.commons.stories.restoring import kept_head
from earthcommons.errors import CommonsError
from earthcommons.ingest.jail import confinement
from earthcommons.ingest.limits import Limits

if TYPE_CHECKING:
    from earthcommons.commons.node import Node
    from earthcommons.model.party import Party

__all__ = ["health"]

_KINDS = ("collection", "item", "run", "watch", "alert", "report", "offer", "need")
_EXTRAS = {"grib": "eccodes", "hdf4": "pyhdf"}


def health(node: Node, party: Party | None = None, *, through: bool = True) -> list[Finding]:
    """Return one finding for each thing an operator asks.

    Records are counted as far as `party` may see them. The catalogue is looked `through` page by
    page, which takes a minute for some gigabytes: not where anybody may ask.
    """
    free = shutil.disk_usage(node.root).free
    host, port = node.settings.host, node.settings.port
    runs = {"version": __version__, "python": platform.python_version()}
    counts = {kind: node.catalog.count(kind, party) for kind in _KINDS}
    return [
        Finding("version", "ok", Said("runs", runs)),
        _catalogue(node, through=through),
        Finding("records", "ok", Said("counts", counts)),
        Finding(
            "space",
            "ok" if free > 2**30 else "bad",
            Said("free", {"gib": f"{free / 2**30:.0f}"}),
        ),
        Finding(
            "address",
            "ok" if host in ("127.0.0.1", "::1") else "note",
            Said("listens", {"address": f"{host}:{port}"}),
        ),
        *_origins(node),
        _door(),
        _formats(),
        *keeping(node),
        _audit(node, through=through),
    ]


def _catalogue(node: Node, *, through: bool) -> Finding:
    sqlite = {"sqlite": sqlite3.sqlite_version}
    if not through:
        return Finding("catalogue", "note", Said("catalogue-not-looked-through", sqlite))
    damage = node.catalog.check()
    if damage == "ok":
        return Finding("catalogue", "ok", Said("catalogue-sound", sqlite))
    return Finding("catalogue", "bad", Said("catalogue-damaged", {**sqlite, "damage": damage}))


def _audit(node: Node, *, through: bool) -> Finding:
    """Compare the audit log with the head that the newest backup kept."""
    with closing(FixityLog(node.root)) as log:
        last = log.last("backup")
    head = str(last[2].get("audit_head", "")) if last else ""
    if last and through:
        # What lies elsewhere is the better witness; a page does not read a long manifest.
        with suppress(CommonsError, OSError):
            kept = kept_head(Path(str(last[2]["place"])), str(last[2].get("snapshot", "")))
            head = head_text(kept) if kept else head
    count = head_in(node.root / "catalog.sqlite").partition(":")[0]
    if not count:
        return Finding("audit log", "bad", Said("audit-gone"))
    if last is None or not head:
        return Finding("audit log", "note", Said("audit-alone", {"count": count}))
    if lost_of(node.root / "catalog.sqlite", head):
        facts = {"line": head.partition(":")[0], "at": last[0]}
        return Finding("audit log", "bad", Said("audit-cut", facts))
    return Finding("audit log", "ok", Said("audit-goes-on", {"count": count, "at": last[0]}))


def _origins(node: Node) -> list[Finding]:
    if "*" not in node.settings.cors_origins:
        return []
    return [Finding("other origins", "note", Said("any-origin"))]


@cache
def _door() -> Finding:
    # Asked once: the kernel's answer does not change while this process runs.
    with tempfile.TemporaryDirectory(prefix="earthcommons-walls-") as name:
        walls = confinement(Path(name).resolve(), Limits())
    said = {
        "files": Said("files-own" if walls["landlock"] else "files-all"),
        "network": Said("network-none" if walls["network"] else "network-all"),
        "processes": Said("processes-none" if walls["processes"] else "processes-all"),
    }
    return Finding("door", "ok" if all(walls.values()) else "note", Said("walls", said))


def _formats() -> Finding:
    lacking = [extra for extra, module in _EXTRAS.items() if find_spec(module) is None]
    if not lacking:
        return Finding("formats", "ok", Said("formats-all"))
    named = {"names": tuple(extra.upper() for extra in lacking), "extras": ",".join(lacking)}
    return Finding("formats", "note", Said("formats-lacking", named))
