"""The proof that objects are the truth: the same index, made again from the objects alone.

Where each record lies is kept in memory, some two hundred bytes for each; the records themselves
are read in steps.
"""

from __future__ import annotations

from itertools import chain, groupby, islice
from typing import TYPE_CHECKING, NamedTuple

import orjson

from earthcommons.catalog.batches import BATCH_SUFFIX, unpack
from earthcommons.catalog.preparing import Batch, PreparedItem, prepare
from earthcommons.catalog.writing import RECORD_SUFFIX
from earthcommons.errors import IntegrityError, InvalidInputError
from earthcommons.model.canonical import digest_of, parse_strict
from earthcommons.model.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from earthcommons.catalog.catalog import Catalog
    from earthcommons.catalog.writing import SqliteTransaction
    from earthcommons.model.observation import Observation
    from earthcommons.store import ObjectStore

__all__ = ["rebuild"]

_STEP = 5_000
# A record is a level deeper than what it holds, and what once was let in comes back.
_DEEPEST = 256


class _Place(NamedTuple):
    """Where a version of a record lies: its object, and its line where that holds many."""

    kind: str
    id: str
    version: int
    key: str
    line: int


def rebuild(
    catalog: Catalog,
    store: ObjectStore,
    observations_of: Callable[[str], Iterable[Observation]],
    settled: Callable[[str, str], Mapping[int, str]] | None = None,
) -> int:
    """Fill an empty catalogue from the record objects of a store; return how many there were.

    A write that failed after its object was durable leaves that object behind. Where a catalogue
    can still be asked which versions were settled, no other is taken of a record it knows;
    otherwise the younger of two objects for one version is, since the retry came after.

    Args:
        catalog: a new, empty catalogue.
        store: where the objects are; every record object is checked against its digest.
        observations_of: reads the observations of the object with that key.
        settled: digests by version of the record of a kind and id, as far as they are known.

    Raises:
        IntegrityError: a record object is damaged.
    """
    objects = _Objects(store)
    groups = [
        list(group)
        for _, group in groupby(sorted(objects.places()), key=lambda place: place[:2])
    ]
    count = 0
    with catalog.loading(), catalog.transaction(settled=True) as tx:
        # Collections come before items, as in the alphabet: their labels hold for these.
        for kind, of_kind in groupby(groups, key=lambda group: group[0].kind):
            todo = list(of_kind)
            if kind == "item":
                alone = [group[0] for group in todo if len(group) == 1]
                todo = [group for group in todo if len(group) > 1]
                count += _put_items(tx, objects, sorted(alone, key=lambda p: (p.key, p.line)))
            records = chain.from_iterable(_chosen(group, objects, settled) for group in todo)
            while step := list(islice(records, _STEP)):
                for record in step:
                    tx.put(record)
                    if record.kind == "run":
                        output = record.body["output"]
                        tx.put_observations(record.id, output, observations_of(output))
                tx.settle()
                count += len(step)
    return count


class _Objects:
    """Record objects of a store; the one read last is kept, since its lines are met together."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._key = ""
        self._lines: list[bytes] = []

    def places(self) -> Iterator[_Place]:
        """Yield where each version of each record lies.

        Raises:
            IntegrityError: an object is damaged.
        """
        for key in (*self._store.all_keys(RECORD_SUFFIX), *self._store.all_keys(BATCH_SUFFIX)):
            for number, line in enumerate(self._read(key)):
                try:
                    value = orjson.loads(line)
                    place = _Place(value["kind"], value["id"], value["version"], key, number)
                except (orjson.JSONDecodeError, KeyError, TypeError) as error:
                    raise IntegrityError(key, expected="a record", found=str(error)) from error
                yield place

    def line(self, place: _Place) -> bytes:
        """Return the bytes of a record."""
        return self._read(place.key)[place.line]

    def record(self, place: _Place) -> Record:
        """Return a record.

        Raises:
            IntegrityError: it is not written as records are.
        """
        return _record(place.key, self.line(place))

    def written_ns(self, place: _Place) -> int:
        """Return when its object was written."""
        return self._store.path(place.key).stat().st_mtime_ns

    def _read(self, key: str) -> list[bytes]:
        if key != self._key:
            data = self._store.read(key)
            self._lines = unpack(key, data) if key.endswith(BATCH_SUFFIX) else [data]
            self._key = key
        return self._lines


def _put_items(tx: SqliteTransaction, objects: _Objects, places: Iterable[_Place]) -> int:
    """Put items of one version, many at once where they are as an import made them."""
    count, todo = 0, iter(places)
    while step := list(islice(todo, _STEP)):
        ready = []
        for place in step:
            item = _prepared(objects.line(place))
            if item is None:
                tx.put(objects.record(place))
            else:
                ready.append(item)
        tx.put_items(Batch.of(ready, b""))
        tx.settle()
        count += len(step)
    return count


def _prepared(line: bytes) -> PreparedItem | None:
    """Return an item whose envelope is what an import makes of its body, to the byte."""
    try:
        item = prepare(orjson.loads(line)["body"])
    except (InvalidInputError, KeyError, TypeError):
        return None
    return item if item.envelope == line else None


def _chosen(
    group: list[_Place],
    objects: _Objects,
    settled: Callable[[str, str], Mapping[int, str]] | None,
) -> Iterator[Record]:
    """Yield the versions of one record in order, one of each number."""
    first = group[0]
    if len(group) > 1:
        known = settled(first.kind, first.id) if settled else {}
        if known:
            group = [
                place
                for place in group
                if known.get(place.version) == digest_of(objects.line(place))
            ]
        elif len({place.version for place in group}) < len(group):
            group.sort(key=lambda place: (place.version, objects.written_ns(place)))
    for place in {place.version: place for place in group}.values():
        yield objects.record(place)


def _record(key: str, data: bytes) -> Record:
    record = Record.from_json(parse_strict(data, depth=_DEEPEST))
    if record.object_bytes != data:
        raise IntegrityError(key, expected="canonical JSON", found="another form")
    return record
