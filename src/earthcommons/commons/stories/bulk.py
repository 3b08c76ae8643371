"""Thousands of items in and out at once: lines of JSON, or stac-geoparquet.

Each batch is durable before it is visible, and is visible whole or not at all. An import that was
ended goes on where it stopped when it is run again: items that are there already stay untouched.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

from earthcommons.catalog.bulk import prepare
from earthcommons.commons.stories.geoparquet import read_items, write_items
from earthcommons.errors import InvalidInputError
from earthcommons.ingest.foreign_item import check_item
from earthcommons.model.canonical import parse_strict
from earthcommons.model.declaration import check_id
from earthcommons.model.geodesy import BBox
from earthcommons.policy import acting_party, decide, moment, require

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from earthcommons.catalog import ItemQuery
    from earthcommons.catalog.bulk import Batch
    from earthcommons.commons.node import Node
    from earthcommons.model.party import Party

__all__ = ["Imported", "export_items", "import_items"]

BATCH = 10_000
_MAX_LINE = 8 * 2**20
# Links that name where an item is served: the service writes its own.
_SERVED = frozenset(
    {"self", "root", "parent", "collection", "alternate", "next", "prev", "search"}
)
_LINES, _PARQUET = (".ndjson", ".jsonl", ".geojsonl"), (".parquet", ".geoparquet")

Numbered = list[tuple[int, Any]]


@dataclass(frozen=True, slots=True)
class Imported:
    """How many items were added, replaced, and there already."""

    added: int = 0
    replaced: int = 0
    unchanged: int = 0


def import_items(
    node: Node,
    source: Path,
    *,
    collection: str = "",
    replace: bool = False,
    quick: bool = False,
    batch: int = BATCH,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Imported:
    """Import the items of a file of lines or of a stac-geoparquet file.

    Args:
        node: where to.
        source: `.ndjson`, `.jsonl` (one item a line) or `.parquet`.
        collection: the collection all items go into; what each says itself when empty.
        replace: whether an item with other content becomes the next version of the one there.
        quick: check what the index needs and no more: for files a catalogue wrote. Otherwise each
            item passes `check_item`, as one that comes alone does, at a fifth of the speed.
        batch: items of one transaction.
        on_progress: is told how many items have been settled so far.

    Raises:
        NotFoundError: no such collection.
        AccessDeniedError: the acting party may not publish in a collection.
        InvalidInputError: a line is no item (`bad-line`); the message names the line. The batches
            before it are imported.
        ConflictError: an item is there with other content.
    """
    known = _writable(node, collection)
    total = Imported()
    with node.catalog.loading(), _unwatched():
        rules = _Rules(collection, known, quick)
        for ready in _prepared(_chunks(source, batch), rules):
            with node.catalog.transaction() as tx:
                # Asked with each batch: an import takes long, and collections change hands.
                for name in sorted({item.row.collection for item in ready.items}):
                    _writable(node, name)
                done = tx.put_items(ready, replace=replace)
                if done.added or done.replaced:
                    where = sorted({item.row.collection for item in ready.items})
                    detail = {"added": done.added, "replaced": done.replaced}
                    tx.note("items-import", "collection", " ".join(where)[:1000], detail)
            total = Imported(
                total.added + done.added,
                total.replaced + done.replaced,
                total.unchanged + done.unchanged,
            )
            on_progress(total.added + total.replaced + total.unchanged)
    return total


def export_items(
    node: Node,
    target: Path,
    query: ItemQuery,
    party: Party | None = None,
    *,
    on_progress: Callable[[int], None] = lambda _: None,
) -> int:
    """Write the items that match, as a party sees them, newest first; return how many.

    The file appears whole under its name or not at all.

    Raises:
        InvalidInputError: another suffix than `.ndjson`, `.jsonl` or `.parquet`.
    """
    bodies = _matching(node, query, party, on_progress)
    part = target.with_name(target.name + ".part")
    if target.suffix in _PARQUET:
        count = write_items(part, bodies)
    elif target.suffix in _LINES:
        count = 0
        with part.open("wb") as file:
            for body in bodies:
                file.write(body + b"\n")
                count += 1
            file.flush()
            os.fsync(file.fileno())
    else:
        raise _unknown(target)
    part.replace(target)
    return count


@dataclass(frozen=True, slots=True)
class _Rules:
    """What each line is held against: the one collection or those there are, and how closely."""

    collection: str
    known: frozenset[str]
    quick: bool


def _writable(node: Node, collection: str) -> frozenset[str]:
    """Return the collections the acting party may publish in.

    Raises:
        NotFoundError: there is no such collection.
        AccessDeniedError: it may not publish in the one that was named.
    """
    if collection:
        standing = node.catalog.standing("collection", collection)
        require("publish", standing.faces.find, collection, owner=standing.owner)
        return frozenset((collection,))
    found = set()
    for body in node.catalog.all("collection"):
        standing = node.catalog.standing("collection", body["id"])
        label, owner = standing.faces.find, standing.owner
        if decide(acting_party(), "publish", label, owner=owner, at=moment()).allowed:
            found.add(body["id"])
    return frozenset(found)


def _matching(
    node: Node, query: ItemQuery, party: Party | None, on_progress: Callable[[int], None]
) -> Iterator[bytes]:
    from dataclasses import replace

    done, token = 0, ""
    while True:
        page = node.catalog.items(replace(query, limit=1000, token=token), party)
        yield from page.bodies
        done += len(page.bodies)
        on_progress(done)
        token = page.token
        if not token:
            return


def _unknown(path: Path) -> InvalidInputError:
    return InvalidInputError(
        f"{path.name}: write .ndjson, .jsonl or .parquet", code="format-mismatch"
    )


def _chunks(source: Path, batch: int) -> Iterator[Numbered]:
    """Yield lists of (line number, line or item)."""
    if source.suffix in _PARQUET:
        numbered: Iterator[tuple[int, Any]] = enumerate(read_items(source), 1)
        while chunk := list(islice(numbered, batch)):
            yield chunk
        return
    if source.suffix not in _LINES:
        raise _unknown(source)
    with source.open("rb") as file:
        lines = enumerate(iter(lambda: file.readline(_MAX_LINE + 1), b""), 1)
        while chunk := list(islice(lines, batch)):
            yield chunk


def _prepared(chunks: Iterator[Numbered], rules: _Rules) -> Iterator[Batch]:
    """Yield batches; where there are several, each is prepared while the one before is written."""
    first, second = next(chunks, None), next(chunks, None)
    if first is None:
        return
    if second is None or (os.cpu_count() or 1) < 2:
        for chunk in (first, *([second] if second else []), *chunks):
            yield prepare_lines(chunk, rules)
        return
    # A new process, not a fork: the caller may run threads.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        ahead = [pool.submit(_prepare_apart, chunk, rules) for chunk in (first, second)]
        while ahead:
            ready = ahead.pop(0).result()
            ahead += [pool.submit(_prepare_apart, chunk, rules) for chunk in islice(chunks, 1)]
            yield ready


@contextmanager
def _unwatched() -> Iterator[None]:
    """Keep the collector of cycles from walking through ten thousand items again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _prepare_apart(chunk: Numbered, rules: _Rules) -> Batch:
    gc.disable()
    return prepare_lines(chunk, rules)


def prepare_lines(chunk: Numbered, rules: _Rules) -> Batch:
    """Return the batch of numbered lines or items.

    Raises:
        InvalidInputError: one is no item (`bad-line`), or stands twice.
    """
    bodies: dict[str, dict[str, Any]] = {}
    for number, line in chunk:
        if isinstance(line, bytes) and not line.strip():
            continue
        try:
            body = _item(line, rules)
        except InvalidInputError as error:
            raise InvalidInputError(f"line {number}: {error}", code="bad-line") from error
        name = f"{body['collection']}/{body['id']}"
        if bodies.setdefault(name, body) is not body:
            raise InvalidInputError(f"line {number}: {name} stands twice", code="bad-line")
    return prepare(bodies.values())


def _item(line: bytes | Mapping[str, Any], rules: _Rules) -> dict[str, Any]:
    body = _parsed(line) if isinstance(line, bytes) else dict(line)
    if rules.collection:
        body["collection"] = rules.collection
    _check(body, rules.known)
    if not rules.quick:
        body, _ = check_item(body)
    links = [link for link in body.pop("links", None) or () if link.get("rel") not in _SERVED]
    if links:
        body["links"] = links
    return body


def _parsed(line: bytes) -> dict[str, Any]:
    if len(line) > _MAX_LINE:
        raise InvalidInputError(f"over {_MAX_LINE} bytes")
    # orjson takes the last of two equal keys: only where the bytes come out equal in length is
    # there none, and what remains is read the strict way.
    try:
        body = orjson.loads(line)
    except orjson.JSONDecodeError:
        body = None
    if body is None or len(orjson.dumps(body)) != len(line.strip()):
        body = parse_strict(line.strip())
    if not isinstance(body, dict):
        raise InvalidInputError("not a JSON object")
    return body


def _check(body: dict[str, Any], known: Iterable[str]) -> None:
    """Return when the catalogue can hold the item.

    Raises:
        InvalidInputError: it cannot.
    """
    if body.get("type") != "Feature" or not isinstance(body.get("properties"), dict):
        raise InvalidInputError("no STAC item: need type Feature and properties")
    if not isinstance(body.get("id"), str) or not isinstance(body.get("collection"), str):
        raise InvalidInputError("no STAC item: need id and collection")
    check_id(body["id"])
    if body["collection"] not in known:
        raise InvalidInputError(f"there is no collection {body['collection'][:100]!r}")
    _check_times(body["properties"])
    geometry = body.get("geometry")
    if geometry is not None:
        if not isinstance(geometry, dict) or "type" not in geometry:
            raise InvalidInputError("geometry is neither GeoJSON nor null")
        if not isinstance(body.get("bbox"), list):
            raise InvalidInputError("a geometry needs a bbox")
        BBox.of(body["bbox"])
    assets, links = body.get("assets", {}), body.get("links") or []
    if not isinstance(assets, dict) or not all(
        isinstance(a, dict) and isinstance(a.get("href"), str) for a in assets.values()
    ):
        raise InvalidInputError("assets is an object of objects with href")
    if not isinstance(links, list) or not all(isinstance(link, dict) for link in links):
        raise InvalidInputError("links is a list of objects")


def _check_times(properties: dict[str, Any]) -> None:
    instant = properties.get("datetime")
    ends = [properties.get(name) or instant for name in ("start_datetime", "end_datetime")]
    if not all(isinstance(end, str) for end in ends):
        raise InvalidInputError("need datetime, or start_datetime and end_datetime")
    try:
        moments = [datetime.fromisoformat(str(end)) for end in ends]
    except ValueError as error:
        raise InvalidInputError("a time is written 2015-11-01T00:00:00Z") from error
    if any(end.tzinfo is None for end in moments):
        raise InvalidInputError("a time has a zone: 2015-11-01T00:00:00Z")
    if moments[1] < moments[0]:
        raise InvalidInputError("end_datetime is before start_datetime")
