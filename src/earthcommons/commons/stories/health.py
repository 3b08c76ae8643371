"""How a node and its machine are, in words."""

from __future__ import annotations

import ctypes
import platform
import shutil
import sqlite3
from typing import TYPE_CHECKING

from earthcommons import __version__
from earthcommons.model.party import OPERATOR, Party

if TYPE_CHECKING:
    from earthcommons.commons.node import Node

__all__ = ["health"]

_KINDS = ("collection", "item", "run", "watch", "alert", "report", "offer", "need")
_LANDLOCK_CREATE_RULESET, _LANDLOCK_VERSION = 444, 1


def health(node: Node, party: Party = OPERATOR) -> list[dict[str, str]]:
    """Return one row for each thing an operator asks: what, state (ok, note, bad), text.

    Records are counted as far as `party` may see them.
    """
    free = shutil.disk_usage(node.root).free
    counts = {kind: node.catalog.count(kind, party) for kind in _KINDS}
    check = node.catalog.check()
    abi = _landlock()
    rows = [
        ("version", "ok", f"earthcommons {__version__}, Python {platform.python_version()}"),
        (
            "catalogue",
            "ok" if check == "ok" else "bad",
            f"SQLite {sqlite3.sqlite_version}: {check}",
        ),
        ("records", "ok", " · ".join(f"{kind} {number}" for kind, number in counts.items())),
        ("space", "ok" if free > 2**30 else "bad", f"{free / 2**30:.0f} GiB free"),
        (
            "address",
            "ok" if node.settings.host in ("127.0.0.1", "::1") else "note",
            f"listens on {node.settings.host}:{node.settings.port}",
        ),
        (
            "door",
            "note",
            "foreign files are read in a child process with limits on memory, time and bytes;"
            + (
                f" the kernel offers Landlock {abi}, not used yet"
                if abi
                else " no Landlock here"
            ),
        ),
    ]
    return [{"what": what, "state": state, "text": text} for what, state, text in rows]


def _landlock() -> int:
    found = ctypes.CDLL(None).syscall(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_VERSION)
    return max(int(found), 0)
