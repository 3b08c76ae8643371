"""Say what a file holds without converting it. Runs in the jail; see `jail`."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from earthcommons.ingest.sniffing import HEAD, READER_OF, sniff

if TYPE_CHECKING:
    from pathlib import Path

    from earthcommons.ingest.limits import Limits

__all__ = ["convert"]


def convert(folder: Path, task: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """Return `format`, `variables` (name, unit, datatype), `period`, `crs`, `bbox`, `title`.

    Raises:
        RefusedFileError: what the reader of that format refuses before it reads values.
    """
    with (folder / "source").open("rb") as file:
        kind = sniff(file.read(HEAD))
    reader = importlib.import_module(f"earthcommons.ingest.read_{READER_OF[kind]}")
    return {"format": kind, **reader.convert(folder, {**task, "look": True}, limits)}
