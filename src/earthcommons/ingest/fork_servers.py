"""The processes from which readers are forked: they hold libraries and never see a foreign byte.

GeoTIFF has a server of its own (`prelude_raster`): it is ready in half the time of the one with all
readers (`prelude`), and less of it is copied. One more is for GeoTIFF with rare units.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from multiprocessing import forkserver
from types import ModuleType
from typing import TYPE_CHECKING, Any

from earthcommons.ingest.environment import SERVERS_ENVIRONMENT
from earthcommons.model.unit import needs_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["forked_for"]

_LEAN = "earthcommons.ingest.prelude_raster"
_UNITS = "earthcommons.ingest.prelude_units"
_FULL = "earthcommons.ingest.prelude"
_STARTING = threading.Lock()
_SERVERS: dict[str, forkserver.ForkServer] = {}


@contextlib.contextmanager
def forked_for(reader: str, task: Mapping[str, Any]) -> Iterator[None]:
    """Let a process started within the block be a fork of the server for this reader and task.

    This program's main module is hidden meanwhile: a child would run it again, and has no use
    for it. The standard library knows one fork server in a program; that one is not touched.
    """
    server = _server(_prelude_for(reader, task))
    with _STARTING:
        main, usual = sys.modules["__main__"], forkserver.connect_to_new_process
        sys.modules["__main__"] = ModuleType("__main__")
        forkserver.connect_to_new_process = server.connect_to_new_process
        try:
            yield
        finally:
            forkserver.connect_to_new_process = usual
            sys.modules["__main__"] = main


def _prelude_for(reader: str, task: Mapping[str, Any]) -> str:
    if reader not in ("raster", "walls"):
        return _FULL
    declared = (variable.get("unit", "") for variable in task.get("variables", ()))
    return _UNITS if any(map(needs_table, declared)) else _LEAN


def _server(prelude: str) -> forkserver.ForkServer:
    """Return the running fork server with this prelude; it lives as long as this process."""
    with _STARTING:
        if (server := _SERVERS.get(prelude)) is None:
            server = _SERVERS[prelude] = forkserver.ForkServer()
            server.set_forkserver_preload([prelude])
            # The C library reads these once, when a program starts.
            mine = {k: v for k, v in SERVERS_ENVIRONMENT.items() if k not in os.environ}
            os.environ.update(mine)
            try:
                server.ensure_running()
            finally:
                for name in mine:
                    del os.environ[name]
    return server
