"""What an error says of a foreign file, where its own words only point at another error."""

from __future__ import annotations

__all__ = ["cause_in_words"]

_DEEPEST = 20


def cause_in_words(error: BaseException) -> str:
    """Return what an error says; of one that refers to the one before it, what began it says."""
    said = str(error)
    if "previous exception" not in said:
        return said
    first, steps = error, 0
    while (before := first.__cause__ or first.__context__) and steps < _DEEPEST:
        first, steps = before, steps + 1
    words = str(first)
    return words if words and "previous exception" not in words else "a read failed"
