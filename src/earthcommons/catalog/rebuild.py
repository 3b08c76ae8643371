"""The proof that objects are the truth: the same index, made again from the objects alone."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from earthcommons.catalog.batches import BATCH_SUFFIX, unpack
from earthcommons.catalog.writing import RECORD_SUFFIX
from earthcommons.errors import IntegrityError
from earthcommons.model.canonical import parse_strict
from earthcommons.model.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from earthcommons.catalog.catalog import Catalog
    from earthcommons.model.observation import Observation
    from earthcommons.store import ObjectStore

__all__ = ["rebuild"]


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
    found = [(_record(key, store.read(key)), key) for key in store.all_keys(RECORD_SUFFIX)]
    for key in store.all_keys(BATCH_SUFFIX):
        found += [(_record(key, line), key) for line in unpack(key, store.read(key))]
    found.sort(key=lambda one: (one[0].kind, one[0].id, one[0].version))
    chosen = [
        record
        for _, group in groupby(found, key=lambda one: (one[0].kind, one[0].id))
        for record in _chosen(list(group), store, settled)
    ]
    with catalog.transaction(settled=True) as tx:
        for record in chosen:
            tx.put(record)
            if record.kind == "run":
                output = record.body["output"]
                tx.put_observations(record.id, output, observations_of(output))
    return len(chosen)


def _chosen(
    group: list[tuple[Record, str]],
    store: ObjectStore,
    settled: Callable[[str, str], Mapping[int, str]] | None,
) -> list[Record]:
    """Return the versions of one record in order, one of each number."""
    first = group[0][0]
    if len(group) == 1:
        return [first]
    known = settled(first.kind, first.id) if settled else {}
    if known:
        group = [one for one in group if known.get(one[0].version) == one[0].digest]
    elif len({record.version for record, _ in group}) < len(group):
        group.sort(key=lambda one: (one[0].version, store.path(one[1]).stat().st_mtime_ns))
    return list({record.version: record for record, _ in group}.values())


def _record(key: str, data: bytes) -> Record:
    record = Record.from_json(parse_strict(data))
    if record.object_bytes != data:
        raise IntegrityError(key, expected="canonical JSON", found="another form")
    return record
