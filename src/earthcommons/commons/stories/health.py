"""How a node and its machine are, in words."""

from __future__ import annotations

import platform
import shutil
import sqlite3
import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from earthcommons import __version__
from earthcommons.commons.stories.keeping_state import keeping_rows
from earthcommons.ingest.jail import confinement
from earthcommons.ingest.limits import Limits

if TYPE_CHECKING:
    from earthcommons.commons.node import Node
    from earthcommons.model.party import Party

__all__ = ["health"]

_KINDS = ("collection", "item", "run", "watch", "alert", "report", "offer", "need")
_EXTRAS = {"grib": "eccodes", "hdf4": "pyhdf"}


def health(
    node: Node, party: Party | None = None, *, through: bool = True
) -> list[dict[str, str]]:
    """Return one row for each thing an operator asks: what, state (ok, note, bad), text.

    Records are counted as far as `party` may see them. The catalogue is looked `through` page by
    page, which takes a minute for some gigabytes: not where anybody may ask.
    """
    free = shutil.disk_usage(node.root).free
    counts = {kind: node.catalog.count(kind, party) for kind in _KINDS}
    check = node.catalog.check() if through else "not asked"
    rows = [
        ("version", "ok", f"earthcommons {__version__}, Python {platform.python_version()}"),
        (
            "catalogue",
            {"ok": "ok", "not asked": "note"}.get(check, "bad"),
            f"SQLite {sqlite3.sqlite_version}"
            + (f": {check}" if through else "; `earthcommons doctor` looks it through"),
        ),
        ("records", "ok", " · ".join(f"{kind} {number}" for kind, number in counts.items())),
        ("space", "ok" if free > 2**30 else "bad", f"{free / 2**30:.0f} GiB free"),
        (
            "address",
            "ok" if node.settings.host in ("127.0.0.1", "::1") else "note",
            f"listens on {node.settings.host}:{node.settings.port}",
        ),
        ("door", *_door()),
        ("formats", *_formats()),
    ]
    rows += keeping_rows(node)
    return [{"what": what, "state": state, "text": text} for what, state, text in rows]


@cache
def _door() -> tuple[str, str]:
    # Asked once: the kernel's answer does not change while this process runs.
    with tempfile.TemporaryDirectory(prefix="earthcommons-walls-") as name:
        walls = confinement(Path(name).resolve(), Limits())
    seen = (
        "its own folder alone" if walls["landlock"] else "what this user can (no Landlock here)"
    )
    net = (
        "no network" if walls["network"] else "the network (the kernel does not let it drop it)"
    )
    more = (
        "no other process"
        if walls["processes"]
        else "other processes (no seccomp rule for this kernel and machine)"
    )
    text = "foreign files are read in a child process with limits on memory, time and bytes;"
    return (
        "ok" if all(walls.values()) else "note",
        f"{text} it sees {seen}, and {net}, and can begin {more}",
    )


def _formats() -> tuple[str, str]:
    lacking = [extra for extra, module in _EXTRAS.items() if find_spec(module) is None]
    if not lacking:
        return "ok", "all formats can be read"
    names = " and ".join(extra.upper() for extra in lacking)
    return "note", f"{names} cannot be read: pip install 'earthcommons[{','.join(lacking)}]'"
