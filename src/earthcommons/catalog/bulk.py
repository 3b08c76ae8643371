"""Many new items at once: the same rows as one by one, in fewer steps.

Preparing (canonical bytes, digest, words) needs no database: a process of its own can do it while
the batch before is written.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from earthcommons.catalog.batches import pack
from earthcommons.catalog.item_rows import (
    INSERT_BOX,
    INSERT_COUNT,
    INSERT_ITEM,
    INSERT_TALLY,
    address_parts,
    facets_of,
    item_row,
)
from earthcommons.catalog.labelling import Faces, stated_labels
from earthcommons.catalog.text import index_text, words_row
from earthcommons.errors import ConflictError
from earthcommons.model.canonical import canonical_parsed, parse_canonical
from earthcommons.model.record import Link, Record
from earthcommons.policy import OPEN, combine

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from earthcommons.catalog.item_rows import Tags
    from earthcommons.catalog.labelling import Labelling

__all__ = ["Batch", "PreparedItem", "Written", "batch_of", "prepare"]

# Addresses of one statement: what a statement costs by itself is then shared by many.
_ADDRESSES = 50


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a batch."""

    added: int
    replaced: int
    unchanged: int


class PreparedItem(NamedTuple):
    """All that is written of an item, in plain values that pass quickly between processes."""

    name: str
    collection: str
    last: int
    year: int
    values: tuple[Any, ...]
    boxes: tuple[tuple[float, ...], ...]
    body_bytes: bytes
    digest: str
    text: str
    tags: str
    parts: tuple[int, ...]
    silent: bool

    @property
    def record(self) -> Record:
        """The record it becomes."""
        return Record("item", self.name, parse_canonical(self.body_bytes))

    @property
    def envelope(self) -> bytes:
        """The line that its object is, or that stands in the object of its batch."""
        return _envelope(self.name, self.body_bytes)


@dataclass(frozen=True, slots=True)
class Batch:
    """Items ready to be written, and the object that holds their records, compressed."""

    items: Sequence[PreparedItem]
    packed: bytes

    def __reduce__(self) -> tuple[Any, ...]:
        # As columns they pass between processes in a third of the time.
        return _of_columns, (tuple(zip(*self.items, strict=True)), self.packed)


def _of_columns(columns: tuple[tuple[Any, ...], ...], packed: bytes) -> Batch:
    return Batch([PreparedItem(*row) for row in zip(*columns, strict=True)], packed)


def prepare(body: dict[str, Any]) -> PreparedItem:
    """Return an item ready to be written.

    Args:
        body: a STAC item out of a JSON parser, its members of the right types.

    Raises:
        InvalidInputError: it is not canonical JSON, its bbox is none, or its times are.
    """
    data = canonical_parsed(body)
    row = item_row(body, data)
    assets = body.get("assets") or {}
    return PreparedItem(
        *(row.name, row.collection, row.last, row.year, row.values, row.boxes, data),
        hashlib.sha256(_envelope(row.name, data)).hexdigest(),
        index_text(Record("item", row.name, body)),
        orjson.dumps(facets_of(body)).decode(),
        tuple(address_parts(body)),
        "ec:access" not in body and not any("ec:access" in a for a in assets.values()),
    )


def batch_of(items: Sequence[PreparedItem]) -> Batch:
    """Return items, each there at most once, as one batch."""
    return Batch(items, pack([item.envelope for item in items]))


def in_order(batches: Iterable[Batch]) -> list[PreparedItem]:
    """Return the items of batches newest first, so that neighbours in the index come together."""
    items = chain.from_iterable(batch.items for batch in batches)
    return sorted(items, key=lambda item: (-item.last, item.name))


def _envelope(name: str, body: bytes) -> bytes:
    end = b',"kind":"item","links":[],"version":1}'
    return b'{"access":"open","body":' + body + b',"id":' + orjson.dumps(name) + end


def known(sql: sqlite3.Connection, items: Sequence[PreparedItem]) -> dict[str, str]:
    """Return names and digests of those items that the catalogue holds.

    Raises:
        ConflictError: one of them was withdrawn (`exists`).
    """
    names = orjson.dumps([item.name for item in items]).decode()
    rows = sql.execute(
        "SELECT r.id, r.digest, r.gone FROM json_each(?) j CROSS JOIN record r"
        " ON r.kind = 'item' AND r.id = j.value AND (r.current OR r.gone AND r.access <> '')",
        (names,),
    ).fetchall()
    withdrawn = [name for name, _, gone in rows if gone]
    if withdrawn:
        raise ConflictError(f"item {min(withdrawn)} was withdrawn", code="exists")
    return {name: digest for name, digest, _ in rows}


def changed(
    sql: sqlite3.Connection, items: Sequence[PreparedItem], held: dict[str, str]
) -> list[Record]:
    """Return those items that are there with other content, as what would follow.

    Which version it is, its rule and its links are not content: they stay. Where an item states a
    rule too, both hold, so that nothing is opened by bringing it in again.
    """
    others = [i.record for i in items if held.get(i.name, i.digest) != i.digest]
    found = []
    for record in others:
        version, text, data = sql.execute(
            "SELECT version, own, body FROM record WHERE kind = 'item' AND id = ? AND current",
            (record.id,),
        ).fetchone()
        links = sql.execute(
            "SELECT rel, to_kind, to_id FROM link WHERE from_kind = 'item' AND from_id = ?"
            " ORDER BY 1, 2, 3",
            (record.id,),
        ).fetchall()
        follows = Record(
            "item",
            record.id,
            _as_closed(record.body, orjson.loads(data)),
            version,
            stated_labels(text)[0],
            tuple(Link(*link) for link in links),
        )
        if follows.digest != held[record.id]:
            found.append(follows)
    return found


def _as_closed(body: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    """Return an item's body that asks for all that it asked for before, and its assets too."""
    rules = (before.get("ec:access") or {}, body.get("ec:access") or {})
    both = {
        face: combine(*(rule[face] for rule in rules if face in rule))
        for face in sorted({*rules[0], *rules[1]})
    }
    body = {name: value for name, value in body.items() if name != "ec:access"}
    if both:
        body["ec:access"] = both
    for name, asset in (before.get("assets") or {}).items():
        mine = (body.get("assets") or {}).get(name)
        if mine is not None and "ec:access" in asset:
            mine["ec:access"] = combine(asset["ec:access"], mine.get("ec:access", OPEN))
    return body


def refuse(records: Sequence[Record]) -> None:
    """Return when there are none.

    Raises:
        ConflictError: there are (`exists`).
    """
    if records:
        raise ConflictError(f"item {records[0].id} exists with other content", code="exists")


def insert(
    sql: sqlite3.Connection, labels: Labelling, tags: Tags, items: Sequence[PreparedItem]
) -> None:
    """Write the rows of items that the catalogue does not hold yet."""
    start = sql.execute("SELECT coalesce(max(k), 0) FROM record").fetchone()[0] + 1
    numbered = list(enumerate(items, start))
    seen = _seen(labels, items)
    sql.executemany(
        "INSERT INTO record (k, kind, id, version, digest, access, current, body, own, fetch,"
        " derive) VALUES (?,'item',?,1,?,?,1,?,?,?,?)",
        [
            (k, i.name, i.digest, face.find, i.body_bytes, own, face.fetch, face.derive)
            for (k, i), (face, own, _, _) in zip(numbered, seen, strict=True)
        ],
    )
    tagged = [tags.of(item.tags) for item in items]
    sql.executemany(
        INSERT_ITEM,
        [
            (k, *i.values, face.find, guarded, tag)
            for (k, i), (face, _, _, guarded), tag in zip(numbered, seen, tagged, strict=True)
        ],
    )
    sql.executemany(
        "INSERT INTO asset VALUES (?,?,?,?)",
        [
            (k, role, i.record.body["assets"][role]["ec:access"], label)
            for (k, i), (_, _, access, _) in zip(numbered, seen, strict=True)
            for role, label in access.items()
        ],
    )
    _insert_addresses(sql, start, items)
    sql.executemany(
        INSERT_BOX, [(2 * k + n, *box) for k, i in numbered for n, box in enumerate(i.boxes)]
    )
    sql.executemany(
        "INSERT INTO words (rowid, text) VALUES (?,?)",
        sorted((words_row(k, i.last), i.text) for k, i in numbered),
    )
    sql.executemany(
        "INSERT INTO change (kind, id, version, digest) VALUES ('item',?,1,?)",
        [(i.name, i.digest) for i in items],
    )
    _count(sql, items, [face.find for face, *_ in seen], tagged)
    for item, (face, *_) in zip(items, seen, strict=True):
        if face != _OPEN:
            labels.spread("item", item.name, None, face)


_OPEN = Faces()


def _insert_addresses(
    sql: sqlite3.Connection, start: int, items: Sequence[PreparedItem]
) -> None:
    import numpy as np

    parts = np.fromiter(chain.from_iterable(item.parts for item in items), np.int64)
    ks = np.repeat(np.arange(start, start + len(items)), [len(item.parts) for item in items])
    # In order, so that each page of the tree is met once for the batch.
    order = np.lexsort((ks, parts))
    flat = np.column_stack((parts[order], ks[order])).ravel().tolist()
    whole = len(parts) // _ADDRESSES * _ADDRESSES * 2
    for size, some in ((_ADDRESSES, flat[:whole]), (1, flat[whole:])):
        sql.executemany(
            f"INSERT INTO address VALUES {','.join(['(?,?)'] * size)}",
            (some[n : n + 2 * size] for n in range(0, len(some), 2 * size)),
        )


def _count(
    sql: sqlite3.Connection,
    items: Sequence[PreparedItem],
    labels: Sequence[str],
    tags: Sequence[int],
) -> None:
    kinds = Counter(
        (i.collection, label, tag, i.year)
        for i, label, tag in zip(items, labels, tags, strict=True)
    )
    sql.executemany(INSERT_TALLY, [(*kind, n) for kind, n in kinds.items()])
    counts: Counter[tuple[str, str]] = Counter()
    for (collection, label, _, _), n in kinds.items():
        counts[collection, label] += n
    sql.executemany(INSERT_COUNT, [(*where, n) for where, n in counts.items()])


def _seen(
    labels: Labelling, items: Sequence[PreparedItem]
) -> list[tuple[Faces, str, dict[str, str], bool]]:
    """Return for each item its labels, its own labels, those of its assets, whether it is guarded.

    Items that state no label of their own share those of their collection.
    """
    shared: dict[str, tuple[Faces, str, dict[str, str], bool]] = {}
    found = []
    for item in items:
        key = item.collection
        if item.silent and key in shared:
            found.append(shared[key])
            continue
        record = item.record
        faces = labels.faces(record)
        access = labels.assets(record, faces)
        found.append((faces, labels.own(record), access, faces.guard(access.values())))
        if item.silent:
            shared[key] = found[-1]
    return found
