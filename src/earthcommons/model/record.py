"""What the catalogue holds, and the transaction through which every floor writes."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Protocol

from earthcommons.model.canonical import canonical_bytes, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from earthcommons.model.observation import Observation

__all__ = ["Access", "Change", "Kind", "Link", "Record", "Transaction"]

Kind = Literal[
    "collection",
    "item",
    "region-set",
    "run",
    "series",
    "watch",
    "alert",
    "report",
    "offer",
    "need",
    "draft",
    "erratum",
    "recall",
]
# An access label; `policy.label` says what labels there are.
Access = str


@dataclass(frozen=True)
class Record:
    """One version of one thing the node knows.

    Attributes:
        kind: what sort of record.
        id: unique within its kind; items are unique within their collection and named
            `collection/item`.
        body: JSON value; its canonical bytes are the truth and what the catalogue returns.
        version: 1 for the first, one more for each later state.
        access: label of who may find it: `open` everybody, `steward` only the node's own staff;
            `policy` knows the others. What it rests on may ask for more.
        links: typed evidence links this record states.
        withdrawn: whether this version is a tombstone; its body is then a stub.
    """

    kind: Kind
    id: str
    body: dict[str, Any]
    version: int = 1
    access: Access = "open"
    links: tuple[Link, ...] = field(default=())
    withdrawn: bool = False

    def as_json(self) -> dict[str, Any]:
        """Return the envelope that is stored as the record's object."""
        return {
            "access": self.access,
            "body": self.body,
            "id": self.id,
            "kind": self.kind,
            "links": [[link.rel, link.kind, link.id] for link in self.links],
            "version": self.version,
            **({"withdrawn": True} if self.withdrawn else {}),
        }

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Record:
        """Return the record an envelope holds."""
        links = tuple(Link(rel, kind, id_) for rel, kind, id_ in value["links"])
        return cls(
            value["kind"],
            value["id"],
            value["body"],
            value["version"],
            value["access"],
            links,
            value.get("withdrawn", False),
        )

    @cached_property
    def body_bytes(self) -> bytes:
        """The canonical bytes of the body."""
        return canonical_bytes(self.body)

    @cached_property
    def object_bytes(self) -> bytes:
        """The canonical bytes of the envelope, around those of the body."""
        links = [[link.rel, link.kind, link.id] for link in self.links]
        members: tuple[tuple[bytes, bytes], ...] = (
            (b"access", canonical_bytes(self.access)),
            (b"body", self.body_bytes),
            (b"id", canonical_bytes(self.id)),
            (b"kind", canonical_bytes(self.kind)),
            (b"links", canonical_bytes(links)),
            (b"version", canonical_bytes(self.version)),
        )
        if self.withdrawn:
            members = (*members, (b"withdrawn", b"true"))
        return b"{" + b",".join(b'"' + name + b'":' + value for name, value in members) + b"}"

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical envelope."""
        return digest_of(self.object_bytes)


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """A stored arrow of the chain, readable from both ends."""

    rel: str
    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the append-only change log."""

    seq: int
    kind: str
    id: str
    version: int
    digest: str


class Transaction(Protocol):
    """The one open transaction of the catalogue, handed down to the floors that write."""

    def put(self, record: Record) -> bool:
        """Store a record; return False when exactly this record is already current.

        Raises:
            ConflictError: another record of that kind and id exists with this version or a
                later one, or a version between is lacking.
        """
        ...

    def revise(self, record: Record) -> bool:
        """Store a record as the next version; return False when nothing but that would change."""
        ...

    def note(self, action: str, kind: str, id_: str, detail: Mapping[str, Any]) -> None:
        """Add a line to the audit log: it stands if and only if this transaction does."""
        ...

    def put_observations(self, run: str, digest: str, rows: Iterable[Observation]) -> None:
        """Index the observations of a run whose GeoParquet object has `digest`."""
        ...
