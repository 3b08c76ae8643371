"""Questions one can ask the catalogue, and the page of answers with the token of the next."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from earthcommons.errors import InvalidInputError
from earthcommons.model.canonical import canonical_bytes, parse_strict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shapely.geometry.base import BaseGeometry

    from earthcommons.model.geodesy import BBox

__all__ = [
    "ItemQuery",
    "Matched",
    "ObservationQuery",
    "Page",
    "RecordQuery",
    "SortKey",
    "read_token",
    "write_token",
]

MAX_LIMIT = 1000
# As many characters as a parameter of an address may have: long titles are keys of an order too.
_LONGEST = 4000


def check_limit(limit: int) -> int:
    """Return `limit` when it is 1 to 1000.

    Raises:
        InvalidInputError: otherwise.
    """
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidInputError(f"limit {limit}: need 1 to {MAX_LIMIT}", code="bad-limit")
    return limit


def check_name(name: str) -> str:
    """Return the name of a dimension when it is letters, digits, dash or underscore.

    Raises:
        InvalidInputError: otherwise.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        raise InvalidInputError(f"{name[:40]!r} names no dimension", code="unknown-parameter")
    return name


def write_token(after: list[Any], question: Any) -> str:
    """Return a page token: the key of the last row, bound to the question it belongs to."""
    check = zlib.crc32(canonical_bytes(question))
    return base64.urlsafe_b64encode(canonical_bytes([check, *after])).decode().rstrip("=")


def read_token(token: str, question: Any, length: int) -> list[Any]:
    """Return the key a token holds.

    Raises:
        InvalidInputError: altered, of another question, or no token.
    """
    try:
        raw = base64.urlsafe_b64decode(token[:_LONGEST] + "=" * (-len(token) % 4))
        value = parse_strict(raw, limit=_LONGEST)
    except (binascii.Error, ValueError) as error:
        raise InvalidInputError(
            "this page token was not written here", code="bad-token"
        ) from error
    if (
        not isinstance(value, list)
        or len(value) != length + 1
        or not all(key is None or isinstance(key, (str, int, float)) for key in value)
        or value[0] != zlib.crc32(canonical_bytes(question))
    ):
        raise InvalidInputError("this page token belongs to another question", code="bad-token")
    return value[1:]


@dataclass(frozen=True, slots=True)
class Matched:
    """How many match: at least `low` and at most `high`; exactly that many where they are one.

    Attributes:
        guess: about how many where that is not known, if there is anything to tell it by.
    """

    low: int
    high: int
    guess: int | None = None

    def __post_init__(self) -> None:
        if self.guess is not None:
            within = min(max(self.guess, self.low), self.high)
            object.__setattr__(self, "guess", None if self.low == self.high else within)

    @classmethod
    def exactly(cls, count: int) -> Matched:
        """Return a count that is exact."""
        return cls(count, count)

    def at_least(self, count: int) -> Matched:
        """Return the same knowing that there are `count` in any case."""
        return Matched(max(self.low, count), max(self.high, count), self.guess)

    @property
    def exact(self) -> int | None:
        """The count where it is known, else None."""
        return self.low if self.low == self.high else None

    @property
    def likely(self) -> int:
        """The count where it is known, else about how many, else how many at least."""
        return self.low if self.guess is None else self.guess


@dataclass(frozen=True, slots=True)
class Page:
    """Stored JSON bodies in order, and the token of the next page or an empty string.

    Attributes:
        matched: how many match in all, where that is known exactly.
        bound: between which numbers it lies in any case, for items.
        names: `collection/id` of each item.
        plain: for each item, whether links and addresses may be put into its bytes.
    """

    bodies: tuple[bytes, ...]
    token: str = ""
    matched: int | None = None
    bound: Matched | None = None
    names: tuple[str, ...] = ()
    plain: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key of an order; items that lack it come last, whatever the direction."""

    name: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class ItemQuery:
    """Which items: all conditions hold at once, newest first, then by name.

    Attributes:
        filter: CQL2 JSON; see `cql2.parse_filter`.
        sort: keys before the name `collection/id`, which always decides last.
        first, last: closed time range in epoch seconds; None leaves that end open.
        intersects: exact geometry, besides its bounding box.
    """

    collections: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    bbox: BBox | None = None
    intersects: BaseGeometry | None = None
    first: int | None = None
    last: int | None = None
    text: str = ""
    filter: Mapping[str, Any] | None = None
    sort: tuple[SortKey, ...] = ()
    limit: int = 10
    token: str = ""

    def question(self) -> list[Any]:
        """Return what binds a page token to this query."""
        shape = None if self.intersects is None else self.intersects.wkt
        box = None if self.bbox is None else self.bbox.as_list()
        head = [list(self.collections), list(self.ids), box, shape]
        tail = [self.filter, [[key.name, key.descending] for key in self.sort]]
        return [*head, self.first, self.last, self.text, *tail]

    def is_bare(self, *, but_world: bool = False) -> bool:
        """Return whether nothing narrows it but collections, or a box around the whole world."""
        box = self.bbox
        if but_world and box is not None and box.as_list() == [-180, -90, 180, 90]:
            box = None
        narrow = (self.ids, box, self.intersects, self.first, self.last, self.filter)
        return not self.text and all(value is None or value == () for value in narrow)

    def order(self) -> tuple[SortKey, ...]:
        """Return the order before the name, which always decides last: newest first if none."""
        return self.sort or (SortKey("end_datetime", descending=True),)


@dataclass(frozen=True, slots=True)
class RecordQuery:
    """Which records of one kind, by id."""

    kind: str
    text: str = ""
    where: Mapping[str, str | int] = field(default_factory=dict)
    limit: int = 100
    token: str = ""

    def question(self) -> list[Any]:
        """Return what binds a page token to this query."""
        return [self.kind, self.text, dict(self.where)]


@dataclass(frozen=True, slots=True)
class ObservationQuery:
    """Which observations, in order of region, period, dimensions.

    Attributes:
        run: observations of that run; otherwise those of the current run of each indicator.
        overlaps: only periods that overlap this one, `YYYY-MM-DD/YYYY-MM-DD` half-open.
    """

    indicator: str = ""
    region: str = ""
    period: str = ""
    dimensions: Mapping[str, str] = field(default_factory=dict)
    run: str = ""
    limit: int = 100
    token: str = ""

    def question(self) -> list[Any]:
        """Return what binds a page token to this query."""
        return [self.indicator, self.region, self.period, dict(self.dimensions), self.run]
