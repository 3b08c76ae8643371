"""Thousands of items in and out at once: lines of JSON, or stac-geoparquet.

Each transaction is durable before it is visible, and is visible whole or not at all. An import
that was ended goes on where it stopped when it is run again: what is there already stays untouched.
A transaction holds many items, since pages of the index that are written once for fifty thousand
are written five times for ten thousand; while a server uses the node it holds fewer, so that other
writers get their turn.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import threading
from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, BinaryIO

import orjson

from earthcommons.catalog.preparing import Batch, batch_of, prepare
from earthcommons.commons.guard import in_use
from earthcommons.commons.stories.geoparquet import read_items, write_items
from earthcommons.commons.stories.widening import widen_collections
from earthcommons.errors import InvalidInputError, UpstreamError
from earthcommons.ingest.foreign_item import check_item
from earthcommons.model.canonical import MAX_DEPTH, canonical_bytes, parse_strict
from earthcommons.model.declaration import check_id
from earthcommons.policy import acting_party, decide, moment, parse_label, require

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping
    from pathlib import Path

    from earthcommons.catalog import ItemQuery
    from earthcommons.catalog.bulk import Written
    from earthcommons.catalog.preparing import PreparedItem
    from earthcommons.commons.node import Node
    from earthcommons.model.party import Party

__all__ = ["Imported", "export_items", "import_items"]

# Most items of one transaction, alone and while the node is served. The first holds few and each
# half as many again as the one before, so that writing begins soon.
_FIRST, _ALONE, _BESIDE = 10_000, 50_000, 10_000
# Lines and bytes prepared at once, whose records share an object.
_CHUNK, _MAX_CHUNK = 5_000, 64 * 2**20
_MAX_LINE = 8 * 2**20
# So many bytes of items are held for a transaction, and as many of lines for those to come.
_MOST_BYTES = 256 * 2**20
# A smaller file is prepared in the time that another process takes to begin.
_APART_FROM = 2 * 2**20
# Links that name where an item is served: the service writes its own.
_SERVED = frozenset(
    {"self", "root", "parent", "collection", "alternate", "next", "prev", "search"}
)
_LINES, _PARQUET = (".ndjson", ".jsonl", ".geojsonl"), (".parquet", ".geoparquet")


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Lines of a file by their place in it, so that who prepares them reads them; or items."""

    number: int
    source: Path
    offset: int = 0
    size: int = 0
    state: tuple[int, int] = (0, 0)
    items: tuple[dict[str, Any], ...] = ()

    def numbered(self) -> Iterator[tuple[int, bytes | dict[str, Any]]]:
        """Yield lines or items with the numbers they have in the file.

        Raises:
            InvalidInputError: the file is another than when its lines were counted.
        """
        if self.items:
            yield from enumerate(self.items, self.number)
            return
        with self.source.open("rb") as file:
            file.seek(self.offset)
            data = file.read(self.size)
            if len(data) < self.size or _state(file) != self.state:
                raise InvalidInputError(f"{self.source.name} was changed while it was read")
        for number, line in enumerate(data.split(b"\n"), self.number):
            if line and not line.isspace():
                yield number, line


@dataclass(frozen=True, slots=True)
class Imported:
    """How many items were added, replaced, and there already."""

    added: int = 0
    replaced: int = 0
    unchanged: int = 0

    @property
    def settled(self) -> int:
        """All of them."""
        return self.added + self.replaced + self.unchanged

    def __add__(self, other: Imported | Written) -> Imported:
        return Imported(
            self.added + other.added,
            self.replaced + other.replaced,
            self.unchanged + other.unchanged,
        )


def import_items(
    node: Node,
    source: Path,
    *,
    collection: str = "",
    replace: bool = False,
    quick: bool = False,
    batch: int | None = None,
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
        batch: most items of one transaction; as many as suits a node that is served, or one that
            is not, when not told.
        on_progress: is told how many items have been settled so far.

    Raises:
        NotFoundError: no such collection.
        AccessDeniedError: the acting party may not publish in a collection.
        InvalidInputError: a line is no item (`bad-line`); the message names the line. What came
            before its chunk is imported.
        ConflictError: an item is there with other content; its transaction is not imported.
        UpstreamError: the process that prepares items was ended; run it again to go on.
    """
    rules = _Rules(collection, _writable(node, collection), quick)
    most = batch or (_BESIDE if in_use(node.root) else _ALONE)
    total, touched = Imported(), set[str]()
    chunk = min(most, _CHUNK)
    ahead = most // chunk + 2 if _is_long(source) else 0
    prepared = closing(_prepared(_chunks(source, chunk), rules, ahead))
    with node.catalog.loading() as bring_in, _unwatched(), prepared as batches:
        for group in _grouped(batches, batch or _FIRST, most):
            where = sorted({name for one in group for name in one.collections})
            with node.catalog.transaction() as tx:
                # Asked with each: an import takes long, and collections change hands.
                for name in where:
                    _writable(node, name)
                done = tx.put_items(group, replace=replace)
                if done.added or done.replaced:
                    detail = {"added": done.added, "replaced": done.replaced}
                    tx.note("items-import", "collection", " ".join(where)[:1000], detail)
            bring_in()
            total += done
            touched.update(where)
            on_progress(total.settled)
    # Also of what was there already: an import that was ended is made whole by the next.
    widen_collections(node, sorted(touched))
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


def _is_long(source: Path) -> bool:
    return source.is_file() and source.stat().st_size >= _APART_FROM


def _chunks(source: Path, size: int) -> Iterator[_Chunk]:
    if not source.is_file():
        # Who prepares the lines opens it again: a pipe would give each line once.
        raise InvalidInputError(f"{source.name}: there is no such file, or it is no plain file")
    if source.suffix in _PARQUET:
        number, items = 1, read_items(source)
        while some := tuple(islice(items, size)):
            yield _Chunk(number, source, items=some)
            number += len(some)
    elif source.suffix in _LINES:
        yield from _line_chunks(source, size)
    else:
        raise _unknown(source)


def _line_chunks(source: Path, size: int) -> Iterator[_Chunk]:
    with source.open("rb") as file:
        number = first = 1
        offset = end = 0
        state = _state(file)
        while line := file.readline(_MAX_LINE + 1):
            end += len(line)
            # Of a line too long for one piece, the rest is counted with the next.
            number += line.endswith(b"\n")
            if number - first == size or end - offset > _MAX_CHUNK:
                yield _Chunk(first, source, offset, end - offset, state)
                first, offset = number, end
        if end > offset:
            yield _Chunk(first, source, offset, end - offset, state)


def _state(file: BinaryIO) -> tuple[int, int]:
    """Return what differs once a file is written to, or another has taken its name."""
    stated = os.fstat(file.fileno())
    return stated.st_ino, stated.st_mtime_ns


def _prepared(
    chunks: Iterator[_Chunk], rules: _Rules, ahead: int
) -> Generator[Batch, None, None]:
    """Yield batches in order, prepared by another process while those before are written.

    Where that falls behind, this one lends a hand, so that neither waits for the other; where it
    runs ahead, it stops at `ahead` batches. With none ahead there is no other process.
    """
    first, second = next(chunks, None), next(chunks, None)
    todo = chain((chunk for chunk in (first, second) if chunk is not None), chunks)
    if second is None or not ahead or (os.cpu_count() or 1) < 2:
        yield from (prepare_lines(chunk, rules) for chunk in todo)
        return
    # A new process, not a fork: the caller may run threads.
    context = multiprocessing.get_context("spawn")
    waiting: deque[tuple[_Chunk, Future[Batch]]] = deque()
    pool = ProcessPoolExecutor(1, mp_context=context, initializer=_begin_apart)
    try:
        while True:
            while len(waiting) < ahead and sum(one.size for one, _ in waiting) < _MOST_BYTES:
                if (chunk := next(todo, None)) is None:
                    break
                waiting.append((chunk, pool.submit(_prepare_apart, chunk, rules)))
            if not waiting:
                return
            if waiting[0][1].done() or not _lend_a_hand(waiting, rules):
                yield waiting.popleft()[1].result()
    except BrokenProcessPool as error:
        raise UpstreamError(
            "the process that prepares items was ended, perhaps for want of memory; run the import"
            " again to go on"
        ) from error
    finally:
        # What is not begun is not waited for: an import that was ended ends.
        pool.shutdown(cancel_futures=True)


def _lend_a_hand(waiting: deque[tuple[_Chunk, Future[Batch]]], rules: _Rules) -> bool:
    """Prepare the first chunk that nobody has begun with; return False when there is none."""
    for n, (chunk, future) in enumerate(waiting):
        if future.cancel():
            waiting[n] = (chunk, _prepare_here(chunk, rules))
            return True
    return False


def _grouped(batches: Iterator[Batch], first: int, most: int) -> Iterator[list[Batch]]:
    """Yield the batches of each transaction; what ends them is raised after those before it.

    The `first` has so many items, and those after it half as many again until they have `most`.
    """
    fit = min(first, most)
    group: list[Batch] = []
    names: set[str] = set()
    size = 0
    failure = None
    while failure is None:
        try:
            batch = next(batches, None)
        except InvalidInputError as error:
            batch, failure = None, error
        mine = set(batch.names) if batch else set()
        more = sum(map(len, batch.bodies)) if batch else 0
        over = len(names) + len(mine) > fit or size + more > _MOST_BYTES
        # An item that stands twice in a file meets itself in the catalogue.
        if group and (not batch or over or not names.isdisjoint(mine)):
            yield group
            group, names, size, fit = [], set(), 0, min(fit + fit // 2, most)
        if batch is None:
            break
        group.append(batch)
        names |= mine
        size += more
        if len(names) >= fit:
            # Written before the next is asked for: that may not be ready.
            yield group
            group, names, size, fit = [], set(), 0, min(fit + fit // 2, most)
    if failure is not None:
        raise failure


def _prepare_here(chunk: _Chunk, rules: _Rules) -> Future[Batch]:
    done: Future[Batch] = Future()
    try:
        done.set_result(prepare_lines(chunk, rules))
    except InvalidInputError as error:
        # Told when its turn has come.
        done.set_exception(error)
    return done


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


def _begin_apart() -> None:
    """Leave Ctrl-C to who began this process, and end with it however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(
        target=_end_with, args=(multiprocessing.parent_process(),), daemon=True
    ).start()


def _end_with(other: Any) -> None:
    other.join()
    os._exit(1)


def _prepare_apart(chunk: _Chunk, rules: _Rules) -> Batch:
    gc.disable()
    return prepare_lines(chunk, rules)


def prepare_lines(chunk: _Chunk, rules: _Rules) -> Batch:
    """Return the batch of some lines or items.

    Raises:
        InvalidInputError: one is no item (`bad-line`), or stands twice.
    """
    items: dict[str, PreparedItem] = {}
    for number, line in chunk.numbered():
        try:
            item = prepare(_item(line, rules))
        except InvalidInputError as error:
            raise InvalidInputError(f"line {number}: {error}", code="bad-line") from error
        if items.setdefault(item.name, item) is not item:
            raise InvalidInputError(f"line {number}: {item.name} stands twice", code="bad-line")
    return batch_of(list(items.values()))


def _item(line: bytes | Mapping[str, Any], rules: _Rules) -> dict[str, Any]:
    body = _parsed(line if isinstance(line, bytes) else canonical_bytes(line))
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
    # orjson takes the last of two equal keys, and any depth up to its own: what does not come out
    # as it was is read the strict way.
    line = line.strip()
    try:
        body = orjson.loads(line)
        usual = _as_it_was(body, line)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        usual = False
    if not usual:
        body = parse_strict(line)
    if not isinstance(body, dict):
        raise InvalidInputError("not a JSON object")
    return body


# orjson writes 254 levels: around what is as deep as is allowed, so many more.
_AROUND = 254 - MAX_DEPTH


def _as_it_was(body: Any, line: bytes) -> bool:
    if line.count(b"[") + line.count(b"{") <= MAX_DEPTH:
        return orjson.dumps(body) == line
    for _ in range(_AROUND):
        body = [body]
    return orjson.dumps(body)[_AROUND:-_AROUND] == line


def _check(body: dict[str, Any], known: frozenset[str]) -> None:
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
    geometry = body.get("geometry")
    if geometry is not None:
        if not isinstance(geometry, dict) or "type" not in geometry:
            raise InvalidInputError("geometry is neither GeoJSON nor null")
        if not body.get("bbox"):
            raise InvalidInputError("a geometry needs a bbox")
    box = body.get("bbox") or []
    if not isinstance(box, list) or not {int, float}.issuperset(map(type, box)):
        raise InvalidInputError("bbox is a list of numbers")
    _check_members(body)


def _check_members(body: dict[str, Any]) -> None:
    assets, links = body.get("assets", {}), body.get("links") or []
    if not isinstance(assets, dict):
        raise InvalidInputError("assets is an object of objects with href")
    for asset in assets.values():
        if not isinstance(asset, dict) or not isinstance(asset.get("href"), str):
            raise InvalidInputError("assets is an object of objects with href")
    if not isinstance(links, list) or not all(
        isinstance(link, dict) and isinstance(link.get("rel", ""), str) for link in links
    ):
        raise InvalidInputError("links is a list of objects with rel")
    mine = [asset["ec:access"] for asset in assets.values() if "ec:access" in asset]
    if mine or "ec:access" in body:
        _check_rules(body.get("ec:access", {}), mine)


def _check_rules(stated: Any, mine: list[Any]) -> None:
    if not isinstance(stated, dict) or not {"fetch", "derive"}.issuperset(stated):
        # Who may find an item is no member of it: to pass over one would open what is closed.
        raise InvalidInputError("ec:access is an object with fetch and derive, no other")
    for label in (*stated.values(), *mine):
        if not isinstance(label, str):
            raise InvalidInputError("a rule of access is a text", code="bad-label")
        parse_label(label)
