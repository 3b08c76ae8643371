"""The one door: look at the first bytes, choose one reader, let it work in the jail."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from earthcommons.ingest.answers import facts_in, seen_in
from earthcommons.ingest.axis_order import swap_warnings
from earthcommons.ingest.claiming import form_of
from earthcommons.ingest.jail import reading, run_jailed
from earthcommons.ingest.sniffing import HEAD, READER_OF, SUFFIX_OF, sniff

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from earthcommons.ingest.limits import Limits
    from earthcommons.model.declaration import Declaration

__all__ = ["Admission", "Visit", "admit", "look", "sniff", "visit"]

_NOTHING_SAID: dict[str, Any] = {
    "variables": [], "crs": "", "group": "", "layer": "", "bbox": None, "scenes": None,
    "period": "",
}  # fmt: skip
_DECLARED = "the declared bbox"


@dataclass(frozen=True, slots=True)
class Admission:
    """What came through: the format, where the converted bytes lie, and what they hold.

    Attributes:
        format: what the data is; for an archive, what is in it.
        container: what the source file is: the same, or `zip`, `tar`.
        output: file or folder inside the scratch folder, still within the reader's reach (`claim`).
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


@dataclass(frozen=True, slots=True)
class Visit:
    """A file that was looked at and may be taken by the process that did.

    Attributes:
        seen: what it says of itself, as from `look`.
        take: converts it; returns and raises as `admit` does.
    """

    seen: dict[str, Any]
    take: Callable[[], Admission]


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
    return _admission(kind, scratch, answer, declaration.bbox)


@contextmanager
def visit(
    scratch: Path,
    declared: dict[str, Any],
    limits: Limits,
    *,
    while_waiting: Callable[[float], None] | None = None,
) -> Iterator[Visit]:
    """Look at the foreign file `scratch/source` and yield it; it need not be taken.

    One process looks and takes: it costs the start of one, and sees one file as any other does.

    Args:
        scratch: folder that holds the file.
        declared: as for `look`; taking goes by the same.
        limits: budgets of both.
        while_waiting: see `run_jailed`.

    Raises:
        RefusedFileError: the file would be refused whatever were declared.
    """
    kind = _kind(scratch)
    with reading(
        READER_OF[kind], scratch, {**_NOTHING_SAID, **declared}, limits,
        while_waiting=while_waiting, look_first=True,
    ) as child:  # fmt: skip
        bbox = declared.get("bbox")
        seen = _seen(kind, child.seen(), bbox)
        yield Visit(seen, lambda: _admission(kind, scratch, child.taken(), bbox))


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
        declared: `variables`, `crs`, `group`, `layer`, `bbox`, `period`, `scenes` as far as known.
        limits: budgets.
        while_waiting: see `run_jailed`.

    Returns:
        `format`, `variables` (name, unit or empty, datatype), `period` (first and last moment
        of what its steps cover, or None), `crs`, `bbox`, `warnings` (each `code: words`), and
        `title` where the file has one.

    Raises:
        RefusedFileError: the file would be refused whatever were declared.
    """
    kind = _kind(scratch)
    task = {**_NOTHING_SAID, **declared, "look": True}
    seen = run_jailed(READER_OF[kind], scratch, task, limits, while_waiting=while_waiting)
    return _seen(kind, seen, declared.get("bbox"))


def _seen(kind: str, answer: dict[str, Any], bbox: Any) -> dict[str, Any]:
    seen = {"format": kind, "warnings": [], **seen_in(answer)}
    seen["warnings"] += swap_warnings(bbox, seen["bbox"], _DECLARED)
    return seen


def _admission(kind: str, scratch: Path, answer: dict[str, Any], bbox: Any) -> Admission:
    facts = facts_in(answer)
    if suspected := swap_warnings(bbox, facts["bbox"], _DECLARED):
        facts["properties"].setdefault("ec:warnings", []).extend(suspected)
    suffix = answer.get("suffix")
    form = form_of(suffix)
    return Admission(
        format=str(answer.get("format", kind)),
        container=kind,
        output=scratch / form.name,
        suffix=str(suffix),
        source_suffix=SUFFIX_OF[kind],
        media_type=form.media_type,
        facts=facts,
    )


def _kind(scratch: Path) -> str:
    with (scratch / "source").open("rb") as file:
        return sniff(file.read(HEAD))


def _task(declaration: Declaration) -> dict[str, Any]:
    return {
        "crs": declaration.crs,
        "group": declaration.group,
        "layer": declaration.layer,
        "bbox": declaration.bbox,
        "period": str(declaration.period),
        "variables": [variable.as_task() for variable in declaration.variables],
    }
