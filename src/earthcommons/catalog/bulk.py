"""Many new items at once: the same rows as one by one, in fewer steps.

Preparing (canonical bytes, digest, words) needs no database: a process of its own can do it while
the batch before is written.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from earthcommons.catalog.item_rows import (
    ItemRow,
    address_parts,
    facets_of,
    item_row,
    time_unit,
)
from earthcommons.catalog.labelling import Faces, stated_labels
from earthcommons.catalog.text import index_text, words_row
from earthcommons.errors import ConflictError
from earthcommons.model.canonical import canonical_bytes
from earthcommons.model.record import Link, Record
from earthcommons.policy import OPEN, combine

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from earthcommons.catalog.item_rows import Tags
    from earthcommons.catalog.labelling import Labelling

__all__ = ["Batch", "Written", "prepare"]

# What orjson writes otherwise than RFC 8785: whole floats, exponents, long integers, small numbers.
# It may also be met inside a text; then the full algorithm gives the same bytes.
_UNUSUAL = re.compile(rb"[:,\[]-?(?:\d+\.0[,}\]]|[\d.]+e|\d{15}|0\.000)")
_LEVEL = 1


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a batch."""

    added: int
    replaced: int
    unchanged: int


class _Item(NamedTuple):
    """All that is written of an item, in plain values that pass quickly between processes."""

    row: ItemRow
    body_bytes: bytes
    digest: str
    text: str
    tags: str
    parts: tuple[int, ...]
    silent: bool

    @property
    def record(self) -> Record:
        return Record("item", self.row.name, orjson.loads(self.body_bytes))

    @property
    def envelope(self) -> bytes:
        return _envelope(self.row.name, self.body_bytes)


@dataclass(frozen=True, slots=True)
class Batch:
    """Items ready to be written, and the object that holds their records, compressed."""

    items: tuple[_Item, ...]
    packed: bytes


def prepare(bodies: Iterable[dict[str, Any]]) -> Batch:
    """Return a batch of items, in order of time.

    Args:
        bodies: STAC items, each at most once, already checked.

    Raises:
        InvalidInputError: a body that is not canonical JSON, or without a time.
    """
    items, envelopes = [], []
    for body in bodies:
        data = _canonical(body)
        row = item_row(body, data)
        record = Record("item", row.name, body)
        envelope = _envelope(row.name, data)
        assets = body.get("assets") or {}
        digest = hashlib.sha256(envelope).hexdigest()
        items.append(
            _Item(
                *(
                    row,
                    data,
                    digest,
                    index_text(record),
                    orjson.dumps(facets_of(body)).decode(),
                ),
                tuple(address_parts(body)),
                "ec:access" not in body and not any("ec:access" in a for a in assets.values()),
            )
        )
        envelopes.append(envelope)
    order = sorted(range(len(items)), key=lambda n: (-items[n].row.last, items[n].row.name))
    packed = zlib.compress(b"\n".join(envelopes[n] for n in order), _LEVEL)
    return Batch(tuple(items[n] for n in order), packed)


def _envelope(name: str, body: bytes) -> bytes:
    end = b',"kind":"item","links":[],"version":1}'
    return b'{"access":"open","body":' + body + b',"id":' + orjson.dumps(name) + end


def _canonical(body: dict[str, Any]) -> bytes:
    data = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    # Keys beyond ASCII sort differently.
    return canonical_bytes(body) if not data.isascii() or _UNUSUAL.search(data) else data


def known(sql: sqlite3.Connection, batch: Batch) -> dict[str, str]:
    """Return names and digests of those items of a batch that the catalogue holds.

    Raises:
        ConflictError: one of them was withdrawn (`exists`).
    """
    names = orjson.dumps([item.row.name for item in batch.items]).decode()
    rows = sql.execute(
        "SELECT r.id, r.digest, r.gone FROM json_each(?) j CROSS JOIN record r"
        " ON r.kind = 'item' AND r.id = j.value AND (r.current OR r.gone AND r.access <> '')",
        (names,),
    ).fetchall()
    withdrawn = [name for name, _, gone in rows if gone]
    if withdrawn:
        raise ConflictError(f"item {min(withdrawn)} was withdrawn", code="exists")
    return {name: digest for name, digest, _ in rows}


def changed(sql: sqlite3.Connection, batch: Batch, held: dict[str, str]) -> list[Record]:
    """Return those items that are there with other content, as what would follow.

    Which version it is, its rule and its links are not content: they stay. Where an item states a
    rule too, both hold, so that nothing is opened by bringing it in again.
    """
    others = [i.record for i in batch.items if held.get(i.row.name, i.digest) != i.digest]
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
    sql: sqlite3.Connection, labels: Labelling, tags: Tags, items: Sequence[_Item]
) -> None:
    """Write the rows of items that the catalogue does not hold yet."""
    start = sql.execute("SELECT coalesce(max(k), 0) FROM record").fetchone()[0] + 1
    numbered = list(enumerate(items, start))
    seen = _seen(labels, items)
    sql.executemany(
        "INSERT INTO record (k, kind, id, version, digest, access, current, body, own, fetch,"
        " derive) VALUES (?,'item',?,1,?,?,1,?,?,?,?)",
        [
            (k, i.row.name, i.digest, face.find, i.body_bytes, own, face.fetch, face.derive)
            for (k, i), (face, own, _, _) in zip(numbered, seen, strict=True)
        ],
    )
    sql.executemany(
        f"INSERT INTO item VALUES ({','.join('?' * 18)})",
        [
            _item_values(k, i, face.find, guarded, tags.of(i.tags))
            for (k, i), (face, _, _, guarded) in zip(numbered, seen, strict=True)
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
    # In order, so that each page of the tree is met once for the batch.
    sql.executemany(
        "INSERT INTO address VALUES (?,?)",
        sorted((part, k) for k, i in numbered for part in i.parts),
    )
    sql.executemany(
        "INSERT INTO item_box VALUES (?,?,?,?,?,?,?)",
        [
            (2 * k + n, w, e, s, u, time_unit(i.row.first), time_unit(i.row.last))
            for k, i in numbered
            for n, (w, s, e, u) in enumerate(i.row.boxes)
        ],
    )
    sql.executemany(
        "INSERT INTO words (rowid, text) VALUES (?,?)",
        sorted((words_row(k, i.row.last), i.text) for k, i in numbered),
    )
    sql.executemany(
        "INSERT INTO change (kind, id, version, digest) VALUES ('item',?,1,?)",
        [(i.row.name, i.digest) for i in items],
    )
    counts = Counter(
        (i.row.collection, face.find) for i, (face, *_) in zip(items, seen, strict=True)
    )
    sql.executemany(
        "INSERT INTO item_count VALUES (?,?,?) ON CONFLICT DO UPDATE SET n = n + excluded.n",
        [(*where, n) for where, n in counts.items()],
    )
    for item, (face, *_) in zip(items, seen, strict=True):
        if face != Faces():
            labels.spread("item", item.row.name, None, face)


def _seen(
    labels: Labelling, items: Sequence[_Item]
) -> list[tuple[Faces, str, dict[str, str], bool]]:
    """Return for each item its labels, its own labels, those of its assets, whether it is guarded.

    Items that state no label of their own share those of their collection.
    """
    shared: dict[str, tuple[Faces, str, dict[str, str], bool]] = {}
    found = []
    for item in items:
        key = item.row.collection
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


def _item_values(k: int, item: _Item, find: str, guarded: bool, tags: int) -> tuple[Any, ...]:
    row = item.row
    return (
        *(k, row.name, row.collection, row.id, find, guarded, row.first, row.last, *row.edges),
        *(row.plain, tags, row.cloud, row.gsd, row.platform, row.props),
    )
