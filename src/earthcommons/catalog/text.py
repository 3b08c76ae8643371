"""Words of a record for full-text search, and a person's words as a safe FTS5 query."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any

from earthcommons.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from earthcommons.model.record import Record

__all__ = ["FAR_S", "ROW_MASK", "index_text", "match_expression", "time_bucket", "words_row"]

# A row of `words` is numbered `bucket << 34 | k`: the bucket counts units of 1024 s back from the
# last second of the year 9999, so that rows in rising order are newest first. Other records than
# items are in bucket 0.
ROW_MASK = 2**34 - 1
FAR_S = 253_402_300_799

MAX_QUERY = 200
_CJK = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_RUN = re.compile(f"[{_CJK}]+|[^\\W_{_CJK}]+(?:[-'][^\\W_{_CJK}]+)*")
_FIELDS = (
    "id",
    "title",
    "title_zh",
    "description_zh",
    "description",
    "keywords",
    "attribution",
    "names",
    "problem",
    "terms",
    "sectors",
    "organisations",
    "name",
    "collection",
    "en",
    "zh",
    "rule",
    "theme",
)


def index_text(record: Record) -> str:
    """Return the words of a record, Chinese cut into overlapping pairs of characters.

    unicode61 takes a run of Chinese for one word; as pairs, every substring of two characters or
    more is a phrase of neighbouring pairs.
    """
    text = " ".join(_strings(record.body))
    # FTS5 cuts plain ASCII into the same words itself.
    return text if text.isascii() else " ".join(_tokens(text))


def time_bucket(last: int) -> int:
    """Return which part of `words` holds items that end at this second: less is newer."""
    return ((FAR_S - last) >> 10) + 1


def words_row(k: int, last: int) -> int:
    """Return the number of an item's row in `words`."""
    return time_bucket(last) << 34 | k


def match_expression(text: str) -> str:
    """Return the FTS5 expression that finds records holding all words of a term of `text`.

    Each word becomes one quoted phrase, so no operator of FTS5 can be passed through.

    Raises:
        InvalidInputError: longer than 200 characters, or without a word in it.
    """
    if len(text) > MAX_QUERY:
        raise InvalidInputError(f"search text of {len(text)} characters, limit {MAX_QUERY}")
    # A comma means either (STAC free-text); within a term all words are asked for.
    terms = [found for term in text.split(",") if (found := _all_words(term))]
    if not terms:
        raise InvalidInputError("search text holds no word")
    return terms[0] if len(terms) == 1 else " OR ".join(f"({term})" for term in terms)


def _all_words(text: str) -> str:
    phrases = []
    for run in _RUN.findall(unicodedata.normalize("NFKC", text)):
        phrase = " ".join(_tokens(run))
        # A word matches whatever begins with it (`night`, `nighttime`); so does one character.
        star = "*" if len(run) == 1 or (len(run) > 2 and not _is_cjk(run[0])) else ""
        phrases.append(f'"{phrase}"{star}')
    return " AND ".join(phrases)


def _strings(value: Any, key: str = "") -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, inner in sorted(value.items()):
            if name == "properties" or name in _FIELDS or key in _FIELDS:
                yield from _strings(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _strings(inner, key)


def _tokens(text: str) -> Iterator[str]:
    for run in _RUN.findall(unicodedata.normalize("NFKC", text)):
        if _is_cjk(run[0]) and len(run) > 1:
            yield from (run[i : i + 2] for i in range(len(run) - 1))
        else:
            yield run


def _is_cjk(char: str) -> bool:
    return re.match(f"[{_CJK}]", char) is not None
