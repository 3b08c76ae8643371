"""Exit codes, mapped once: what a script can act on."""

from __future__ import annotations

from earthcommons.errors import (
    AccessDeniedError,
    CommonsError,
    ConflictError,
    IntegrityError,
    InvalidInputError,
    NotFoundError,
    UpstreamError,
)

__all__ = ["exit_code"]

_CODES = (
    (InvalidInputError, 2),
    (NotFoundError, 3),
    (ConflictError, 4),
    (AccessDeniedError, 5),
    (IntegrityError, 6),
    (UpstreamError, 7),
)


def exit_code(error: CommonsError) -> int:
    """Return 2 input to mend, 3 not found, 4 conflict, 5 not allowed, 6 integrity, 7 upstream."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), 1)
