"""From files to published items: first what would become of them, then the work, or both in one."""

from __future__ import annotations

import re
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from earthcommons.commons.stories.ingesting_recipe import Recipe
from earthcommons.commons.stories.ingesting_sources import Source, item_name, sources_of
from earthcommons.errors import CommonsError, ConflictError, InvalidInputError
from earthcommons.ingest import Pending, ingest, look
from earthcommons.ingest.axis_order import swapped_in_collection
from earthcommons.ingest.door import visit
from earthcommons.ingest.limits import Limits
from earthcommons.ingest.sources import gather
from earthcommons.model.declaration import Declaration
from earthcommons.model.indicator import Text
from earthcommons.model.party import PUBLIC
from earthcommons.model.period import Period
from earthcommons.policy import OPEN, acting_party, require
from earthcommons.store import storing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from earthcommons.catalog import Catalog
    from earthcommons.commons.node import Node

__all__ = ["Outcome", "PlannedItem", "Progress", "collection_words", "plan", "take_in"]

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
        warnings: what is doubtful about the data, each `code: words`.
        code, message: why the source is refused, empty where it is not.
        texts: what the cells of a table's column seem, `date`, `string` or `integer`.
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
    warnings: tuple[str, ...] = ()
    code: str = ""
    message: str = ""
    place: Source | None = None
    declaration: Declaration | None = None
    texts: Mapping[str, str] = field(default_factory=dict)

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
            "warnings": list(self.warnings),
            "code": self.code, "message": self.message,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one planned item; a refusal has its code and message.

    `warnings` tell what is doubtful about the data that was published, each `code: words`.
    """

    source: str
    item: str
    state: Literal["published", "unchanged", "refused", "cancelled"]
    code: str = ""
    message: str = ""
    warnings: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "source": self.source, "item": self.item, "state": self.state,
            "code": self.code, "message": self.message, "warnings": list(self.warnings),
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
    catalog: Catalog | None = None,
    limits: Limits | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    whole: bool = False,
) -> list[PlannedItem]:
    """Return what would become of each source; nothing is published.

    Every source is looked at in the jail: its headers are read, and its values only where `whole`
    is asked for, since a file cut short may have sound headers. What nobody declared is taken
    from the file or its name and listed in `guessed`: title, description and period. A licence,
    an attribution and the unit of a variable are never guessed: they are listed in `missing`.

    Args:
        sources: files and folders; a folder of scenes is grouped as the recipe says.
        recipe: what is declared of them.
        catalog: whose collections the places found are held against, if any.
        limits: budgets; the defaults where left out.
        on_progress: told before and while each source is looked at.
        cancelled: asked several times a second; once it says yes, the plan ends.
        whole: convert all that could be published as `take_in` does, and keep nothing of it.

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
        one = _planned(source, recipe, limits, beat, alone=len(found) == 1, whole=whole)
        if catalog is not None and "bbox" not in recipe.parts:
            party, found_at = acting_party(), one.bbox
            more = swapped_in_collection(catalog, one.collection, found_at, party)
            one = replace(one, warnings=(*one.warnings, *more))
        planned.append(_alone_in_name(one, taken))
        taken.add(one.item)
    return planned


def take_in(
    node: Node,
    sources: Sequence[str | Path],
    recipe: Recipe | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
    *,
    limits: Limits | None = None,
) -> list[Outcome]:
    """Publish each source as soon as it was looked at; one refusal does not end the others.

    What becomes of each is what `plan` foresees. A file is copied once, and the process that
    looked at it takes it. Running again publishes what is not yet there: what is there with the
    same bytes and the same declaration answers `unchanged`.

    Args:
        node: where to publish.
        sources: as for `plan`.
        recipe: what is declared of them.
        on_progress: told before and while each source is looked at and taken.
        cancelled: asked several times a second; once it says yes, the item at hand leaves
            nothing and the rest are `cancelled`. What was published stays.
        limits: budgets; the defaults where left out.

    Raises:
        RefusedFileError: a source is an address or names no file; nothing was published.
    """
    recipe = recipe or Recipe()
    found = sources_of(sources, recipe)
    outcomes: list[Outcome] = []
    taken: set[str] = set()
    for n, source in enumerate(found):
        one, parts = _named(source, recipe, alone=len(found) == 1)
        beat = _beat(n, len(found), one.item, on_progress, cancelled)
        try:
            beat(0.0)
            outcomes.append(_taken(node, one, source, parts, taken, limits, beat))
        except CommonsError as error:
            outcomes.append(_failed(one, error, cancelled))
        taken.add(one.item)
    return outcomes


def collection_words(name: str) -> tuple[Text, Text]:
    """Return title and description of a collection that begins: not those of its first item."""
    return Text(name, name), Text(
        f"Records of the collection {name}.", f"数据集 {name} 的记录。"
    )


def _failed(
    one: PlannedItem, error: CommonsError, cancelled: Callable[[], bool] | None
) -> Outcome:
    if error.code == "cancelled" or (cancelled and cancelled()):
        return Outcome(one.source, one.item, "cancelled", "cancelled", "cancelled")
    return Outcome(one.source, one.item, "refused", error.code, str(error))


def _taken(
    node: Node,
    named: PlannedItem,
    source: Source,
    parts: dict[str, Any],
    taken: set[str],
    limits: Limits | None,
    beat: Callable[[float], None],
) -> Outcome:
    if named.code:
        raise InvalidInputError(named.message, code=named.code)

    def settle(seen: dict[str, Any]) -> tuple[Declaration, Sequence[str]]:
        one = _alone_in_name(_filled(named, source, parts, seen), taken)
        declaration = _refuse_unready(one)
        _require_steward(node, one.collection)
        return declaration, one.guessed

    pending = Pending(_asked(source, parts), settle)
    title, description = collection_words(named.collection)
    done = ingest(
        source.place, pending, node.catalog, node.store, limits=limits,
        collection_title=title, collection_description=description,
        regions=_regions(node), roots=source.roots, while_waiting=beat,
    )  # fmt: skip
    return Outcome(named.source, done.name, done.state, warnings=done.warnings)


def _alone_in_name(one: PlannedItem, taken: set[str]) -> PlannedItem:
    """Return the item, refused where another source took its name."""
    if one.code or one.item not in taken:
        return one
    message = f"another source is named {one.item!r}"
    return replace(one, code="name-collision", message=message)


def _refuse_unready(one: PlannedItem) -> Declaration:
    """Return what is declared of an item that can be published.

    Raises:
        InvalidInputError: it is refused, or something must be declared before.
    """
    if one.code:
        raise InvalidInputError(one.message, code=one.code)
    if one.declaration is None:
        code = "licence-missing" if "licence" in one.missing else "invalid-input"
        units = [text for text in one.missing if text.startswith("unit of")]
        code = "unit-missing" if len(units) == len(one.missing) else code
        raise InvalidInputError(f"declare {', '.join(one.missing)}", code=code)
    return one.declaration


def _regions(node: Node) -> Callable[[dict[str, Any] | None], Sequence[str]] | None:
    """Return what tells the regions that a footprint meets, where the node knows any."""
    if not node.catalog.count("region-set", PUBLIC):
        return None
    # Loads geometry, a tenth of a second.
    from earthcommons.commons.stories.regions_met import regions_met

    return regions_met(node)


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
    whole: bool,
) -> PlannedItem:
    one, parts = _named(source, recipe, alone=alone)
    if one.code:
        return one
    asked = _asked(source, parts)
    try:
        with _scratch() as scratch:
            gather(source.place, scratch / "source", limits, source.roots)
            if not whole:
                seen = look(scratch, asked, limits, while_waiting=beat)
                return _filled(one, source, parts, seen)
            with visit(scratch, asked, limits, while_waiting=beat) as found:
                one = _filled(one, source, parts, found.seen)
                if one.state != "ready":
                    return one
                told = found.take().facts["properties"].get("ec:warnings", ())
                return replace(one, warnings=tuple(dict.fromkeys((*one.warnings, *told))))
    except CommonsError as error:
        if error.code == "cancelled":
            raise
        return replace(one, code=error.code, message=str(error))


def _named(
    source: Source, recipe: Recipe, *, alone: bool
) -> tuple[PlannedItem, dict[str, Any]]:
    """Return a source's item as far as its name tells, and the parts declared of it."""
    parts = dict(recipe.parts)
    stem = source.name.partition(".")[0]
    declared = str(parts.get("item", "")) if alone or not source.item else ""
    item = source.item or (declared if alone else "") or item_name(stem)
    one = PlannedItem(source.name, item, str(parts.get("collection", "")))
    if source.unmatched:
        one = replace(one, code="format-mismatch", message="the pattern has no word for it")
    elif source.scenes:
        bands = {part["band"] for part in source.scenes["files"]}
        variables = parts.get("variables", ())
        parts["variables"] = tuple(v for v in variables if v.name in bands)
    return one, parts


def _asked(source: Source, parts: dict[str, Any]) -> dict[str, Any]:
    """Return what a reader is told before it looks."""
    return {
        "variables": [variable.as_task() for variable in parts.get("variables", ())],
        "scenes": source.scenes,
        # What the name of a scene tells of its time goes before what is declared of all.
        "period": "" if source.days else str(parts.get("period", "")),
        **{key: parts[key] for key in ("crs", "group", "layer", "bbox") if key in parts},
    }


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
        warnings=tuple(seen.get("warnings", ())),
        place=source,
        texts={
            v["name"]: v["datatype"]
            for v in seen["variables"]
            if seen["format"] == "csv" and v["datatype"] in ("date", "string", "integer")
        },
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
