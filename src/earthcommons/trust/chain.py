"""A chain of rows: each digest covers its row and the digest before it.

Editing, removing or reordering a row breaks the chain at that row. Cutting its tail does not: that
shows only against a head somebody else kept.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from earthcommons.model.canonical import canonical_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["GENESIS", "ChainLink", "extend", "first_break"]

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True)
class ChainLink:
    """A row with its place in the chain, as stored."""

    seq: int
    row: Mapping[str, Any]
    digest: str


def extend(head: str, row: Mapping[str, Any]) -> str:
    """Return SHA-256 of the bytes of `head` and the canonical bytes of `row`."""
    return hashlib.sha256(bytes.fromhex(head) + canonical_bytes(dict(row))).hexdigest()


def first_break(links: Iterable[ChainLink]) -> int | None:
    """Return the sequence number of the first row that does not follow, or None.

    Rows are numbered from 1 without a gap.
    """
    head, expected = GENESIS, 1
    for link in links:
        if link.seq != expected or extend(head, link.row) != link.digest:
            return expected
        head, expected = link.digest, expected + 1
    return None
