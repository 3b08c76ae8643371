"""Who acts now, and when now is: set once where a request or a command comes in.

Every read of the catalogue asks this when it is not told a party. Nobody can forget to hand the
party on: where none is set, the public asks.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from earthcommons.model.party import PUBLIC, Party

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["acting_as", "acting_party", "become", "moment"]

_ACTING: ContextVar[Party] = ContextVar("acting_party", default=PUBLIC)
_MOMENT: ContextVar[datetime | None] = ContextVar("moment", default=None)


@contextmanager
def acting_as(party: Party, at: datetime | None = None) -> Iterator[Party]:
    """Let everything within the block be asked by `party`, at the present or a stated moment."""
    who, when = _ACTING.set(party), _MOMENT.set(at)
    try:
        yield party
    finally:
        _ACTING.reset(who)
        _MOMENT.reset(when)


def become(party: Party) -> None:
    """Let the rest of the enclosing `acting_as` block be asked by `party`."""
    _ACTING.set(party)


def acting_party() -> Party:
    """Return who asks: the public unless a request or a command said otherwise."""
    return _ACTING.get()


def moment() -> datetime:
    """Return the moment of asking, in UTC."""
    return _MOMENT.get() or datetime.now(UTC)
