"""From files to published items: first what would become of them, then, when wanted, the work."""

from __future__ import annotations

import re
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from earthcommons.commons.stories.ingesting_recipe import Recipe
from earthcommons.commons.stories.ingesting_sources import Source, item_name, sources_of
from earthcommons.commons.stories.regions_met import regions_met
from earthcommons.errors import CommonsError, ConflictError, InvalidInputError
from earthcommons.ingest import ingest, look
from earthcommons.ingest.limits import Limits
from earthcommons.ingest.sources import gather
from earthcommons.model.declaration import Declaration
from earthcommons.model.indicator import Text
from earthcommons.model.period import Period
from earthcommons.policy import OPEN, require
from earthcommons.store import storing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from earthcommons.commons.node import Node

__all__ = ["Outcome", "PlannedItem", "Progress", "carry_out", "plan"]

_DATE = re.compile(
    r"(?<!\d)((?:19|20)\d\d)(?:[-_.]?(0[1-9]|1[0-2])(?:[-_.]?([0-3]\d))?)?(?!\d)"
)
_NEEDED = ("licence", "attribution", "period")


@dataclass(frozen=True, slots=True)
class PlannedItem:
    """What would become of one source.

    Attributes:
        source: how the source is called.
        item, collection: name of the item.
        title: its title.
        format: what the bytes are; empty where they were refused.
        period: what time it is about, or empty.
        variables: name and unit of each; the unit is empty where nobody says it.
        crs, bbox: where it lies, as far as the file says.
        licence: its licence, or empty.
        missing: what must be declared before it can be published, in words.
        guessed: keys taken from the file or its name instead of a declaration.
        code, message: why the source is refused, empty where it is not.
    """

    source: str
    item: str
    collection: str
    title: str = ""
    format: str = ""
    period: str = ""
    variables: tuple[tuple[str, str], ...] = ()
    crs: str = ""
    bbox: tuple[float, ...] | None = None
    licence: str = ""
    missing: tuple[str, ...] = ()
    guessed: tuple[str, ...] = ()
    code: str = ""
    message: str = ""
    place: Source | None = None
    declaration: Declaration | None = None

    @property
    def state(self) -> Literal["ready", "incomplete", "refused"]:
        """Whether it can be published as it is."""
        if self.code:
            return "refused"
        return "incomplete" if self.missing else "ready"

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "source": self.source, "state": self.state, "item": self.item,
            "collection": self.collection, "title": self.title, "format": self.format,
            "period": self.period, "licence": self.licence, "crs": self.crs,
            "bbox": list(self.bbox) if self.bbox else None,
            "variables": [{"name": name, "unit": unit} for name, unit in self.variables],
            "missing": list(self.missing), "guessed": list(self.guessed),
            "code": self.code, "message": self.message,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one planned item; a refusal has its code and message."""

    source: str
    item: str
    state: Literal["published", "unchanged", "refused", "cancelled"]
    code: str = ""
    message: str = ""

    def as_json(self) -> dict[str, str]:
        """Return the JSON form."""
        return {
            "source": self.source, "item": self.item, "state": self.state,
            "code": self.code, "message": self.message,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the work is: items done of all, the one at hand, and its seconds so far."""

    done: int
    total: int
    item: str
    seconds: float


def plan(
    sources: Sequence[str | Path],
    recipe: Recipe | None = None,
    *,
    limits: Limits | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> list[PlannedItem]:
    """Return what would become of each source; nothing is published.

    Every source is looked at in the jail. What nobody declared is taken from the file or its
    name and listed in `guessed`: title, description and period. A licence, an attribution and
    the unit of a variable are never guessed: they are listed in `missing`.

    Args:
        sources: files and folders; a folder of scenes is grouped as the recipe says.
        recipe: what is declared of them.
        limits: budgets; the defaults where left out.
        on_progress: told before and while each source is looked at.
        cancelled: asked several times a second; once it says yes, the plan ends.

    Raises:
        RefusedFileError: a source is an address or names no file.
        ConflictError: cancelled.
    """
    recipe, limits = recipe or Recipe(), limits or Limits()
    found = sources_of(sources, recipe)
    planned: list[PlannedItem] = []
    taken: set[str] = set()
    for n, source in enumerate(found):
        beat = _beat(n, len(found), source.name, on_progress, cancelled)
        beat(0.0)
        one = _planned(source, recipe, limits, beat, alone=len(found) == 1)
        if one.item in taken and not one.code:
            one = replace(
                one, code="name-collision", message=f"another source is named {one.item!r}"
            )
        taken.add(one.item)
        planned.append(one)
    return planned


def carry_out(
    node: Node,
    planned: Sequence[PlannedItem],
    on_progress: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    *,
    limits: Limits | None = None,
) -> list[Outcome]:
    """Publish what is planned, one after the other; one refusal does not end the others.

    Running again publishes what is not yet there: what is there with the same bytes and the
    same declaration answers `unchanged` without being read again.

    Args:
        node: where to publish.
        planned: from `plan`.
        on_progress: told before and while each item is worked on.
        cancelled: asked several times a second; once it says yes, the item at hand leaves
            nothing and the rest are `cancelled`. What was published stays.
        limits: budgets; the defaults where left out.
    """
    outcomes: list[Outcome] = []
    for n, one in enumerate(planned):
        beat = _beat(n, len(planned), one.item, on_progress, cancelled)
        try:
            beat(0.0)
            outcomes.append(_taken(node, one, limits, beat))
        except CommonsError as error:
            ended = error.code == "cancelled" or bool(cancelled and cancelled())
            outcomes.append(
                Outcome(one.source, one.item, "cancelled", "cancelled", "cancelled")
                if ended
                else Outcome(one.source, one.item, "refused", error.code, str(error))
            )
    return outcomes


def _taken(
    node: Node, one: PlannedItem, limits: Limits | None, beat: Callable[[float], None]
) -> Outcome:
    if one.code:
        return Outcome(one.source, one.item, "refused", one.code, one.message)
    if one.declaration is None or one.place is None:
        code = "licence-missing" if "licence" in one.missing else "invalid-input"
        units = [text for text in one.missing if text.startswith("unit of")]
        code = "unit-missing" if len(units) == len(one.missing) else code
        message = f"declare {', '.join(one.missing)}"
        return Outcome(one.source, one.item, "refused", code, message)
    _require_steward(node, one.collection)
    done = ingest(
        one.place.place, one.declaration, node.catalog, node.store,
        limits=limits, scenes=one.place.scenes, guessed=one.guessed, regions=regions_met(node),
        roots=one.place.roots, while_waiting=beat,
    )  # fmt: skip
    return Outcome(one.source, done.name, done.state)


def _require_steward(node: Node, collection: str) -> None:
    """Return when the acting party may publish into a collection without a review."""
    if node.catalog.version("collection", collection) is None:
        require("publish", OPEN, collection)
        return
    standing = node.catalog.standing("collection", collection)
    require("publish", standing.faces.find, collection, owner=standing.owner)


def _beat(
    done: int,
    total: int,
    item: str,
    on_progress: Callable[[Progress], None] | None,
    cancelled: Callable[[], bool] | None,
) -> Callable[[float], None]:
    def beat(seconds: float) -> None:
        if on_progress:
            on_progress(Progress(done, total, item, seconds))
        if cancelled and cancelled():
            raise ConflictError(f"{item}: cancelled", code="cancelled")

    return beat


def _planned(
    source: Source,
    recipe: Recipe,
    limits: Limits,
    beat: Callable[[float], None],
    *,
    alone: bool,
) -> PlannedItem:
    parts = dict(recipe.parts)
    stem = source.name.partition(".")[0]
    declared = str(parts.get("item", "")) if alone or not source.item else ""
    item = source.item or (declared if alone else "") or item_name(stem)
    one = PlannedItem(source.name, item, str(parts.get("collection", "")))
    if source.unmatched:
        return replace(one, code="format-mismatch", message="the pattern has no word for it")
    variables = parts.get("variables", ())
    if source.scenes:
        bands = {part["band"] for part in source.scenes["files"]}
        variables = tuple(v for v in variables if v.name in bands)
        parts["variables"] = variables
    asked: dict[str, Any] = {
        "variables": [variable.as_task() for variable in variables],
        "scenes": source.scenes,
        **{key: parts[key] for key in ("crs", "group", "layer", "bbox") if key in parts},
    }
    try:
        with _scratch() as scratch:
            gather(source.place, scratch / "source", limits, source.roots)
            seen = look(scratch, asked, limits, while_waiting=beat)
    except CommonsError as error:
        if error.code == "cancelled":
            raise
        return replace(one, code=error.code, message=str(error))
    return _filled(one, source, parts, seen)


def _filled(
    one: PlannedItem, source: Source, parts: dict[str, Any], seen: dict[str, Any]
) -> PlannedItem:
    guessed = []
    if not parts.get("title"):
        words = str(seen.get("title") or one.item)
        parts["title"] = Text(words, words)
        guessed.append("title")
    elif source.scenes and source.scenes["make"] == "scene":
        title = parts["title"]
        parts["title"] = Text(f"{title.en}, {one.item}", f"{title.zh}，{one.item}")
    if not parts.get("description"):
        parts["description"] = parts["title"]
        guessed.append("description")
    if source.days and (source.scenes or {}).get("make") == "scene":
        parts["period"] = Period(source.days[0], source.days[1] + timedelta(days=1))
    if "period" not in parts and (period := _period(source, seen)) is not None:
        parts["period"] = period
        if not source.days:
            guessed.append("period")
    missing = [key for key in _NEEDED if not parts.get(key)]
    missing += [] if one.collection else ["collection"]
    measured = ["shapefile", "geopackage", "geojson", "dwca"]
    if seen["format"] not in measured and not seen.get("features"):
        missing += [f"unit of {v['name']}" for v in seen["variables"] if not v["unit"]]
    filled = replace(
        one,
        title=parts["title"].en,
        format=seen["format"],
        period=str(parts.get("period", "")),
        variables=tuple((v["name"], v["unit"]) for v in seen["variables"]),
        crs=seen["crs"],
        bbox=tuple(seen["bbox"]) if seen["bbox"] else None,
        licence=str(parts.get("licence", "")),
        missing=tuple(missing),
        guessed=tuple(guessed),
        place=source,
    )
    if missing:
        return filled
    try:
        said: dict[str, Any] = dict(parts)
        said.setdefault("nature", "observation")
        said["item"] = one.item
        return replace(filled, declaration=Declaration(**said))
    except InvalidInputError as error:
        return replace(filled, code=error.code, message=str(error))


def _period(source: Source, seen: dict[str, Any]) -> Period | None:
    """Return the time that file names, the file itself, or its name tells, in that order."""
    if source.days:
        return Period(source.days[0], source.days[1] + timedelta(days=1))
    if seen.get("period"):
        first, last = (date.fromisoformat(text[:10]) for text in seen["period"])
        return Period(first, last + timedelta(days=1))
    if found := _DATE.search(source.name):
        try:
            return Period.parse("-".join(part for part in found.groups() if part))
        except InvalidInputError:
            return None
    return None


@contextmanager
def _scratch() -> Iterator[Path]:
    with storing(), tempfile.TemporaryDirectory(prefix="earthcommons-look-") as name:
        yield Path(name).resolve()
