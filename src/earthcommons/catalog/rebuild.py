"""The proof that objects are the truth: the same index, made again from the objects alone."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from earthcommons.catalog.writing import BATCH_SUFFIX, RECORD_SUFFIX
from earthcommons.errors import IntegrityError
from earthcommons.model.canonical import parse_strict
from earthcommons.model.record import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from earthcommons.catalog.catalog import Catalog
    from earthcommons.model.observation import Observation
    from earthcommons.store import ObjectStore

__all__ = ["rebuild"]


def rebuild(
    catalog: Catalog,
    store: ObjectStore,
    observations_of: Callable[[str], Iterable[Observation]],
) -> int:
    """Fill an empty catalogue from the record objects of a store; return how many there were.

    Args:
        catalog: a new, empty catalogue.
        store: where the objects are; every record object is checked against its digest.
        observations_of: reads the observations of the object with that key.

    Raises:
        IntegrityError: a record object is damaged.
    """
    found = [_record(key, store.read(key)) for key in store.all_keys(RECORD_SUFFIX)]
    for key in store.all_keys(BATCH_SUFFIX):
        found += [_record(key, line) for line in _lines(key, store.read(key))]
    found.sort(key=lambda record: (record.kind, record.id, record.version))
    with catalog.transaction(settled=True) as tx:
        for record in found:
            tx.put(record)
            if record.kind == "run":
                output = record.body["output"]
                tx.put_observations(record.id, output, observations_of(output))
    return len(found)


def _lines(key: str, data: bytes) -> list[bytes]:
    try:
        return zlib.decompress(data).split(b"\n")
    except zlib.error as error:
        raise IntegrityError(key, expected="a batch of records", found=str(error)) from error


def _record(key: str, data: bytes) -> Record:
    record = Record.from_json(parse_strict(data))
    if record.object_bytes != data:
        raise IntegrityError(key, expected="canonical JSON", found="another form")
    return record
