"""Rows that a transaction writes last, each kind in the order of its index.

An index that is met in rising order has each of its pages looked up and written once; FTS5 flushes
on each step back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from earthcommons.catalog.boxes import insert_boxes
from earthcommons.catalog.many_rows import insert_many
from earthcommons.catalog.text import words_row

if TYPE_CHECKING:
    import sqlite3
    from array import array

    from earthcommons.catalog.preparing import Batch

__all__ = ["SortedRows"]


@dataclass(slots=True)
class SortedRows:
    """Words of records; boxes and addresses of the items of batches."""

    _words: list[tuple[int, str]] = field(default_factory=list)
    _batches: list[tuple[int, _Numbers]] = field(default_factory=list)

    def add_words(self, row: int, text: str) -> None:
        """Keep the words of a record, by their row in `words`."""
        self._words.append((row, text))

    def add(self, start: int, batch: Batch) -> None:
        """Keep what is written last of a batch whose records are numbered from `start`."""
        ks = range(start, start + len(batch.names))
        self._words += zip(map(words_row, ks, batch.lasts), batch.texts, strict=True)
        self._batches.append(
            (start, (batch.boxes, batch.box_counts, batch.parts, batch.part_counts))
        )

    def write(self, sql: sqlite3.Connection) -> None:
        """Write and forget them all."""
        words, self._words = sorted(self._words), []
        batches, self._batches = self._batches, []
        sql.executemany("INSERT INTO words (rowid, text) VALUES (?,?)", words)
        if batches:
            _insert_boxes(sql, batches)
            _insert_addresses(sql, batches)


# Edges of boxes and how many boxes each item has, numbers of addresses and how many.
_Numbers = tuple["array[float]", "array[int]", "array[int]", "array[int]"]


def _insert_boxes(sql: sqlite3.Connection, batches: list[tuple[int, _Numbers]]) -> None:
    import numpy as np

    ks = np.concatenate([_numbered(start, counts) for start, (_, counts, _, _) in batches])
    second = np.zeros(len(ks), np.int64)
    second[1:] = ks[1:] == ks[:-1]
    edges = np.concatenate([np.array(boxes) for _, (boxes, _, _, _) in batches])
    insert_boxes(sql, 2 * ks + second, edges.reshape(-1, 6))


def _insert_addresses(sql: sqlite3.Connection, batches: list[tuple[int, _Numbers]]) -> None:
    import numpy as np

    ks = np.concatenate([_numbered(start, counts) for start, (_, _, _, counts) in batches])
    parts = np.concatenate([np.array(parts, np.int64) for _, (_, _, parts, _) in batches])
    # `ks` rise already.
    order = np.argsort(parts, kind="stable")
    insert_many(
        *(sql, "address", "(?,?)", 2),
        np.column_stack((parts[order], ks[order])).ravel().tolist(),
    )


def _numbered(start: int, counts: array[int]) -> Any:
    """Return the number of a record as many times as it has rows."""
    import numpy as np

    return np.repeat(np.arange(start, start + len(counts)), np.array(counts, np.int64))
