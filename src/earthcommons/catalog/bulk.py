"""Many new items at once: the same rows as one by one, in fewer steps."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from earthcommons.catalog.item_rows import INSERT_COUNT, INSERT_ITEM, INSERT_TALLY
from earthcommons.catalog.labelling import Faces, stated_labels
from earthcommons.catalog.many_rows import insert_many
from earthcommons.errors import ConflictError
from earthcommons.model.record import Link, Record
from earthcommons.policy import OPEN, combine

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from earthcommons.catalog.item_rows import Tags
    from earthcommons.catalog.labelling import Labelling
    from earthcommons.catalog.preparing import Batch
    from earthcommons.catalog.sorted_rows import SortedRows

__all__ = ["Written"]


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a batch."""

    added: int
    replaced: int
    unchanged: int


def known(sql: sqlite3.Connection, names: Sequence[str]) -> dict[str, str]:
    """Return names and digests of those items that the catalogue holds.

    Raises:
        ConflictError: one of them was withdrawn (`exists`).
    """
    rows = sql.execute(
        "SELECT r.id, r.digest, r.gone FROM json_each(?) j CROSS JOIN record r"
        " ON r.kind = 'item' AND r.id = j.value AND (r.current OR r.gone AND r.access <> '')",
        (orjson.dumps(names).decode(),),
    ).fetchall()
    withdrawn = [name for name, _, gone in rows if gone]
    if withdrawn:
        raise ConflictError(f"item {min(withdrawn)} was withdrawn", code="exists")
    return {name: digest for name, digest, _ in rows}


def changed(
    sql: sqlite3.Connection, items: Iterable[Record], held: Mapping[str, str]
) -> list[Record]:
    """Return those items that are there with other content, as what would follow.

    Which version it is, its rule and its links are not content: they stay. Where an item states a
    rule too, both hold, so that nothing is opened by bringing it in again.
    """
    found = []
    for record in items:
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


class _Seen(NamedTuple):
    """Labels in force of an item, its own ones, those of its assets, whether it is guarded."""

    find: str
    fetch: str
    derive: str
    own: str
    guarded: bool
    assets: Mapping[str, str]


def others(batch: Batch, held: Mapping[str, str]) -> Iterator[Record]:
    """Yield the items whose digest is not that of the one held by their name."""
    if held:
        for n, (name, digest) in enumerate(zip(batch.names, batch.digests, strict=True)):
            if held.get(name, digest) != digest:
                yield batch.record(n)


def insert(
    sql: sqlite3.Connection, labels: Labelling, tags: Tags, batch: Batch, later: SortedRows
) -> None:
    """Write the rows of items that the catalogue does not hold yet; keep some for `later`."""
    if not batch.names:
        return
    start, made = sql.execute(
        "SELECT coalesce(max(k), 0) + 1, strftime('%Y-%m-%dT%H:%M:%fZ', 'now') FROM record"
    ).fetchone()
    ks = range(start, start + len(batch.names))
    seen = _seen(labels, batch)
    finds, fetches, derives, owns, guards, assets = zip(*seen, strict=True)
    made_at = repeat(made, len(ks))
    sql.executemany(
        _INSERT_RECORD,
        zip(
            *(ks, batch.names, batch.digests, made_at, finds, fetches, derives, owns),
            batch.bodies,
            strict=True,
        ),
    )
    numbers = {value: tags.of(value) for value in dict.fromkeys(batch.tags)}
    tagged = [numbers[value] for value in batch.tags]
    sql.executemany(INSERT_ITEM, zip(ks, *batch.values, finds, guards, tagged, strict=True))
    _insert_assets(sql, ks, batch, assets)
    insert_many(
        *(sql, "change (kind, id, version, digest)", "('item',?,1,?)", 2),
        list(chain.from_iterable(zip(batch.names, batch.digests, strict=True))),
    )
    later.add(start, batch)
    _count(sql, Counter(zip(batch.collections, finds, tagged, batch.years, strict=True)))
    for name, one in zip(batch.names, seen, strict=True):
        if one[:3] != _OPEN:
            labels.spread("item", name, None, Faces(*one[:3]))


_OPEN = (OPEN, OPEN, OPEN)
_INSERT_RECORD = (
    "INSERT INTO record (k, kind, id, version, digest, current, made, access, fetch, derive, own,"
    " body) VALUES (?,'item',?,1,?,1,?,?,?,?,?,?)"
)


def _insert_assets(
    sql: sqlite3.Connection, ks: range, batch: Batch, assets: Sequence[Mapping[str, str]]
) -> None:
    sql.executemany(
        "INSERT INTO asset VALUES (?,?,?,?)",
        [
            (k, role, batch.record(n).body["assets"][role]["ec:access"], label)
            for n, (k, labels) in enumerate(zip(ks, assets, strict=True))
            for role, label in labels.items()
        ],
    )


def _count(sql: sqlite3.Connection, kinds: Counter[tuple[str, str, int, int]]) -> None:
    sql.executemany(INSERT_TALLY, [(*kind, n) for kind, n in kinds.items()])
    counts: Counter[tuple[str, str]] = Counter()
    for (collection, label, _, _), n in kinds.items():
        counts[collection, label] += n
    sql.executemany(INSERT_COUNT, [(*where, n) for where, n in counts.items()])


def _seen(labels: Labelling, batch: Batch) -> list[_Seen]:
    """Return what is seen of each item; those that state no label share their collection's."""
    shared: dict[str, _Seen] = {}
    found = []
    for n, (collection, silent) in enumerate(
        zip(batch.collections, batch.silents, strict=True)
    ):
        if silent and collection in shared:
            found.append(shared[collection])
            continue
        record = batch.record(n)
        faces = labels.faces(record)
        access = labels.assets(record, faces)
        guarded, own = faces.guard(access.values()), labels.own(record)
        found.append(_Seen(faces.find, faces.fetch, faces.derive, own, guarded, access))
        if silent:
            shared[collection] = found[-1]
    return found
