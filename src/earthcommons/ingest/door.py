"""The one door: look at the first bytes, choose one reader, let it work in the jail."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from earthcommons.ingest.jail import run_jailed
from earthcommons.ingest.sniffing import HEAD, READER_OF, SUFFIX_OF, sniff

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from earthcommons.ingest.limits import Limits
    from earthcommons.model.declaration import Declaration

__all__ = ["Admission", "admit", "look", "sniff"]


@dataclass(frozen=True, slots=True)
class Admission:
    """What came through: the format, where the converted bytes lie, and what they hold.

    Attributes:
        format: what the data is; for an archive, what is in it.
        container: what the source file is: the same, or `zip`, `tar`.
        output: file or folder inside the scratch folder.
        suffix, source_suffix: object suffixes of the output and of the foreign file.
        facts: STAC members the reader found: bbox, geometry, bands, dimensions, projection.
    """

    format: str
    container: str
    output: Path
    suffix: str
    source_suffix: str
    media_type: str
    facts: dict[str, Any]


def admit(
    scratch: Path,
    declaration: Declaration,
    limits: Limits,
    *,
    scenes: dict[str, Any] | None = None,
    while_waiting: Callable[[float], None] | None = None,
) -> Admission:
    """Convert the foreign file `scratch/source` in the jail and return what it holds.

    Args:
        scratch: folder that holds the file.
        declaration: what is declared of it.
        limits: budgets.
        scenes: which file inside is which band of which time, where it is several scenes.
        while_waiting: see `run_jailed`.

    Raises:
        RefusedFileError: a rule is broken; the message says what to mend.
        UnitError: a unit is missing or disagrees with the declaration.
    """
    kind = _kind(scratch)
    task = {**_task(declaration), "scenes": scenes}
    answer = run_jailed(READER_OF[kind], scratch, task, limits, while_waiting=while_waiting)
    return Admission(
        format=answer.pop("format", kind),
        container=kind,
        output=scratch / answer.pop("output"),
        suffix=answer.pop("suffix"),
        source_suffix=SUFFIX_OF[kind],
        media_type=answer.pop("media_type"),
        facts=answer,
    )


def look(
    scratch: Path,
    declared: dict[str, Any],
    limits: Limits,
    *,
    while_waiting: Callable[[float], None] | None = None,
) -> dict[str, Any]:
    """Return what the foreign file `scratch/source` says of itself, without converting it.

    Args:
        scratch: folder that holds the file.
        declared: `variables`, `crs`, `group`, `layer`, `bbox`, `scenes` as far as known.
        limits: budgets.
        while_waiting: see `run_jailed`.

    Returns:
        `format`, `variables` (name, unit or empty, datatype), `period` (first and last time, or
        None), `crs`, `bbox`, and `title` where the file has one.

    Raises:
        RefusedFileError: the file would be refused whatever were declared.
    """
    task: dict[str, Any] = {
        "variables": [],
        "crs": "",
        "group": "",
        "layer": "",
        "bbox": None,
        "scenes": None,
    }
    kind = _kind(scratch)
    task |= {**declared, "look": True}
    seen = run_jailed(READER_OF[kind], scratch, task, limits, while_waiting=while_waiting)
    return {"format": kind, **seen}


def _kind(scratch: Path) -> str:
    with (scratch / "source").open("rb") as file:
        return sniff(file.read(HEAD))


def _task(declaration: Declaration) -> dict[str, Any]:
    return {
        "item": declaration.item,
        "crs": declaration.crs,
        "group": declaration.group,
        "layer": declaration.layer,
        "bbox": declaration.bbox,
        "variables": [variable.as_task() for variable in declaration.variables],
    }
