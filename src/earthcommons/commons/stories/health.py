"""How a node and its machine are: one finding for each thing an operator asks."""

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
from earthcommons.commons.findings import Finding, Said
from earthcommons.commons.stories.keeping_state import keeping
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
        _door(),
        _formats(),
        *keeping(node),
    ]


def _catalogue(node: Node, *, through: bool) -> Finding:
    sqlite = {"sqlite": sqlite3.sqlite_version}
    if not through:
        return Finding("catalogue", "note", Said("catalogue-not-looked-through", sqlite))
    damage = node.catalog.check()
    if damage == "ok":
        return Finding("catalogue", "ok", Said("catalogue-sound", sqlite))
    return Finding("catalogue", "bad", Said("catalogue-damaged", {**sqlite, "damage": damage}))


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
