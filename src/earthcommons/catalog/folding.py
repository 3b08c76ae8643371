"""Text as the index of words reads it: letters without case and accents, the rest between them."""

from __future__ import annotations

import sqlite3
import string
from contextlib import closing
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["TOKENIZER", "fold"]

TOKENIZER = "unicode61 remove_diacritics 2"
# Somebody could ask for every character there is; each kept takes some 150 bytes.
_MOST_KEPT = 30_000


class _Unknown(Exception):
    """A character was met that the table does not know yet."""


class _Folded(dict[int, str]):
    """What becomes of each character met so far, by its number."""

    def __missing__(self, number: int) -> str:
        raise _Unknown


_ASCII = {ord(c): c.lower() if c.isalnum() else " " for c in map(chr, range(128))}
_state = {"table": _Folded(_ASCII)}


def fold(text: str) -> str:
    """Return a text in which the words of the index stand as the index has them.

    Between words are one or more ASCII characters other than letters and digits.
    """
    if text.isascii():
        return text.lower()
    while True:
        table = _state["table"]
        try:
            return text.translate(table)
        except _Unknown:
            if len(table) > _MOST_KEPT:
                table = _Folded(_ASCII)
            _state["table"] = _Folded(table | _learnt(set(text) - set(string.printable)))


def _learnt(characters: Iterable[str]) -> dict[int, str]:
    """Return what FTS5 itself makes of each character between two letters.

    Its tokenizer looks at one character at a time: a letter, folded; an accent, left out; or what
    ends a word.
    """
    with closing(sqlite3.connect(":memory:")) as scratch:
        scratch.execute(f'CREATE VIRTUAL TABLE met USING fts5 (text, tokenize = "{TOKENIZER}")')
        scratch.execute("CREATE VIRTUAL TABLE cut USING fts5vocab (met, instance)")
        scratch.executemany(
            "INSERT INTO met (rowid, text) VALUES (?, ?)",
            ((ord(c), f"a{c}b") for c in characters),
        )
        first = scratch.execute("SELECT doc, term FROM cut WHERE offset = 0")
        return {number: term[1:-1] if len(term) > 1 else " " for number, term in first}
