"""An item made ready to be written, and many of them as columns.

Preparing (canonical bytes, digest, words) needs no database: a process of its own can do it while
the batch before is written.
"""

from __future__ import annotations

import hashlib
from array import array
from dataclasses import dataclass
from itertools import chain, compress, repeat
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from earthcommons.catalog.batches import pack
from earthcommons.catalog.item_rows import address_parts, facets_of, item_row
from earthcommons.catalog.text import index_text
from earthcommons.model.canonical import canonical_parsed, parse_canonical
from earthcommons.model.record import Record

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

__all__ = ["Batch", "PreparedItem", "batch_of", "prepare"]


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
    def envelope(self) -> bytes:
        """The line that its object is, or that stands in the object of its batch."""
        return _envelope(self.name, self.body_bytes)


@dataclass(frozen=True, slots=True)
class Batch:
    """Items ready to be written, a column for each thing that is written of all.

    As columns they pass between processes, and into statements, in a fraction of the time. They are
    sorted newest first; their object has them in the order of their file.

    Attributes:
        names: `collection/id`.
        collections: where each belongs.
        lasts: when each ends.
        years: the year of that.
        values: columns of `item`, as `ItemRow.values` has them.
        bodies: canonical bytes.
        digests: of the records they become.
        texts: their words.
        tags: their facets, as JSON.
        silents: whether each states no rule of access, and none for an asset.
        boxes: rows of `item_box` without their number, six after six, in the order of the items.
        box_counts: how many of those each has.
        parts: numbers of the addresses of assets, in the order of the items.
        part_counts: how many of those each has.
        packed: the object that holds the records, compressed.
    """

    names: Sequence[str]
    collections: Sequence[str]
    lasts: Sequence[int]
    years: Sequence[int]
    values: tuple[Sequence[Any], ...]
    bodies: Sequence[bytes]
    digests: Sequence[str]
    texts: Sequence[str]
    tags: Sequence[str]
    silents: Sequence[bool]
    boxes: array[float]
    box_counts: array[int]
    parts: array[int]
    part_counts: array[int]
    packed: bytes

    @classmethod
    def of(cls, items: Iterable[PreparedItem], packed: bytes) -> Batch:
        """Return these items, none of which stands twice, newest first as columns."""
        # Neighbours in the index come together.
        ordered = sorted(items, key=lambda item: (-item.last, item.name))
        columns = zip(*ordered, strict=True) if ordered else repeat((), _MEMBERS)
        names, collections, lasts, years, values, boxes, bodies, *others = columns
        digests, texts, tags, parts, silents = others
        rows = tuple(zip(*values, strict=True))
        edges = chain.from_iterable(chain.from_iterable(boxes))
        return cls(
            *(names, collections, lasts, years, rows, bodies, digests, texts, tags, silents),
            *(array("d", edges), array("i", map(len, boxes))),
            *(array("q", chain.from_iterable(parts)), array("i", map(len, parts))),
            packed,
        )

    def without(self, held: Container[str]) -> Batch:
        """Return the items whose names are not held, with no object."""
        kept = [name not in held for name in self.names]
        if all(kept):
            return self

        def some(column: Iterable[Any]) -> tuple[Any, ...]:
            return tuple(compress(column, kept))

        def numbers(column: array[Any], counts: array[int], wide: int) -> array[Any]:
            each = (repeat(keep, wide * n) for keep, n in zip(kept, counts, strict=True))
            return array(column.typecode, compress(column, chain.from_iterable(each)))

        return Batch(
            names=some(self.names),
            collections=some(self.collections),
            lasts=some(self.lasts),
            years=some(self.years),
            values=tuple(map(some, self.values)),
            bodies=some(self.bodies),
            digests=some(self.digests),
            texts=some(self.texts),
            tags=some(self.tags),
            silents=some(self.silents),
            boxes=numbers(self.boxes, self.box_counts, _EDGES),
            box_counts=array("i", some(self.box_counts)),
            parts=numbers(self.parts, self.part_counts, 1),
            part_counts=array("i", some(self.part_counts)),
            packed=b"",
        )

    def record(self, n: int) -> Record:
        """Return the record that an item becomes."""
        return Record("item", self.names[n], parse_canonical(self.bodies[n]))

    def envelopes(self) -> list[bytes]:
        """Return the lines of the items in the object of a batch."""
        return list(map(_envelope, self.names, self.bodies))


_MEMBERS, _EDGES = len(PreparedItem._fields), 6


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
    """Return items, each there at most once, as one batch with its object."""
    return Batch.of(items, pack([item.envelope for item in items]))


def _envelope(name: str, body: bytes) -> bytes:
    end = b',"kind":"item","links":[],"version":1}'
    return b'{"access":"open","body":' + body + b',"id":' + orjson.dumps(name) + end
