"""Words of a record for full-text search, and a person's words as a query or as a test."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from earthcommons.catalog.folding import fold
from earthcommons.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from earthcommons.model.record import Record

__all__ = [
    "FAR_S",
    "ROW_MASK",
    "WORDS_ROW",
    "Phrase",
    "Terms",
    "best_first",
    "expression_of",
    "index_text",
    "terms_of",
    "text_test",
    "time_bucket",
    "words_of",
    "words_row",
]

# A row of `words` is numbered `bucket << 34 | k`: the bucket counts units of 1024 s back from the
# last second of the year 9999, so that rows in rising order are newest first. Other records than
# items are in bucket 0.
ROW_MASK = 2**34 - 1
FAR_S = 253_402_300_799
# The same number in SQL, of `item i`.
WORDS_ROW = f"(((({FAR_S} - i.last) >> 10) + 1) << 34 | i.k)"

MAX_QUERY = 200
_CJK = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_RUN = re.compile(f"[{_CJK}]+|[^\\W_{_CJK}]+(?:[-'][^\\W_{_CJK}]+)*")
_FIELDS = frozenset(
    (
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
)
_SEARCHED = _FIELDS | {"properties"}


def index_text(record: Record) -> str:
    """Return the words of a record, Chinese cut into overlapping pairs of characters.

    unicode61 takes a run of Chinese for one word; as pairs, every substring of two characters or
    more is a phrase of neighbouring pairs. The last character stands by itself too: so each
    character is what some word begins with.
    """
    return words_of(record.body)


def words_of(body: dict[str, Any]) -> str:
    """Return the words of a record with this body, as `index_text` does."""
    found: list[str] = []
    _gather(body, found, whole=False)
    text = " ".join(found)
    # FTS5 cuts plain ASCII into the same words itself.
    return text if text.isascii() else " ".join(_tokens(text, ends=True))


def time_bucket(last: int) -> int:
    """Return which part of `words` holds items that end at this second: less is newer."""
    return ((FAR_S - last) >> 10) + 1


def words_row(k: int, last: int) -> int:
    """Return the number of an item's row in `words`."""
    return time_bucket(last) << 34 | k


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words next to each other, as the index has them.

    Attributes:
        text: the words as they were asked for.
        words: the same, folded; none where the index knows no word in them.
        starred: the last word stands for all that begin with it.
    """

    text: str
    words: tuple[str, ...]
    starred: bool

    @property
    def expression(self) -> str:
        """What FTS5 is asked; in quotes no operator of its own can be passed through."""
        return f'"{self.text}"' + "*" * self.starred


# Either of the terms, and in each all of its phrases.
Terms = tuple[tuple[Phrase, ...], ...]


def terms_of(text: str) -> Terms:
    """Return what a search text asks for.

    Raises:
        InvalidInputError: longer than 200 characters, or without a word in it.
    """
    if len(text) > MAX_QUERY:
        raise InvalidInputError(f"search text of {len(text)} characters, limit {MAX_QUERY}")
    # A comma means either (STAC free-text); within a term all words are asked for.
    terms = tuple(found for term in text.split(",") if (found := tuple(_phrases(term))))
    if not terms:
        raise InvalidInputError("search text holds no word")
    return terms


def expression_of(terms: Terms) -> str:
    """Return the FTS5 expression that finds records holding all phrases of a term."""
    parts = [" AND ".join(phrase.expression for phrase in term) for term in terms]
    return parts[0] if len(parts) == 1 else " OR ".join(f"({part})" for part in parts)


def text_test(terms: Terms) -> Callable[[str | None], bool]:
    """Return a test of a row of the index that says what FTS5 would say of it."""
    compiled = [[_search(phrase) for phrase in term] for term in terms]
    only = compiled[0][0] if len(compiled) == len(compiled[0]) == 1 else None

    def holds(text: str | None) -> bool:
        if text is None:
            return False
        folded = text.lower() if text.isascii() else fold(text)
        if only is not None:
            return only(folded)
        for term in compiled:
            for search in term:
                if not search(folded):
                    break
            else:
                return True
        return False

    return holds


# In a folded text these stand between words (`fold`), and nothing else does.
_BETWEEN = r"[\x00-/:-`{-\x7f]"
_IN_WORD = r"[^\x00-/:-`{-\x7f]"


def _search(phrase: Phrase) -> Callable[[str], bool]:
    """Return whether a folded text holds a phrase, seen soon where it begins after a space."""
    if not phrase.words:
        return lambda _: False
    first, single = phrase.words[0], phrase.starred and len(phrase.words) == 1
    after_space = f" {first}"
    search = re.compile(_pattern(phrase)).search

    def found(folded: str) -> bool:
        if single and after_space in folded:
            return True
        return first in folded and search(folded) is not None

    return found


def _pattern(phrase: Phrase) -> str:
    words = f"{_BETWEEN}+".join(map(re.escape, phrase.words))
    end = "" if phrase.starred else f"(?!{_IN_WORD})"
    return f"(?<!{_IN_WORD}){words}{end}"


def best_first(texts: Sequence[str], terms: Terms) -> list[int]:
    """Return the places of the texts, the best match first; equal ones keep their order.

    A phrase counts for more the fewer of these texts hold it, and for less in a long text.

    Source:
        Okapi BM25, k1 = 1.2 and b = 0.75.
    """
    patterns = [_pattern(phrase) for term in terms for phrase in term if phrase.words]
    folded = [fold(text) for text in texts]
    lengths = [len(text) for text in folded]
    usual = sum(lengths) / max(len(lengths), 1) or 1
    scores = [0.0] * len(texts)
    for pattern in dict.fromkeys(patterns):
        counts = [len(re.findall(pattern, text)) for text in folded]
        held = sum(count > 0 for count in counts)
        weight = math.log(1 + (len(texts) - held + 0.5) / (held + 0.5))
        for n, count in enumerate(counts):
            damped = count + 1.2 * (0.25 + 0.75 * lengths[n] / usual)
            scores[n] += weight * 2.2 * count / damped
    return sorted(range(len(texts)), key=lambda n: -scores[n])


def _phrases(text: str) -> Iterator[Phrase]:
    for run in _RUN.findall(unicodedata.normalize("NFKC", text)):
        phrase = " ".join(_tokens(run))
        # A word matches whatever begins with it (`night`, `nighttime`); so does one character.
        starred = len(run) == 1 or (len(run) > 2 and not _is_cjk(run[0]))
        words = tuple(word for word in re.split(_BETWEEN, fold(phrase)) if word)
        yield Phrase(phrase, words, starred)


def _gather(value: Any, found: list[str], *, whole: bool) -> None:
    """Add the texts inside a value that is searched: all of them, or those of its known fields."""
    if isinstance(value, str):
        found.append(value)
    elif isinstance(value, dict):
        names = sorted(value if whole else _SEARCHED.intersection(value))
        for name in names:
            inner = value[name]
            if isinstance(inner, str):
                found.append(inner)
            else:
                _gather(inner, found, whole=name in _FIELDS)
    elif isinstance(value, list):
        for inner in value:
            _gather(inner, found, whole=whole)


def _tokens(text: str, *, ends: bool = False) -> Iterator[str]:
    for run in _RUN.findall(unicodedata.normalize("NFKC", text)):
        if _is_cjk(run[0]) and len(run) > 1:
            yield from (run[i : i + 2] for i in range(len(run) - 1 + ends))
        else:
            yield run


def _is_cjk(char: str) -> bool:
    return re.match(f"[{_CJK}]", char) is not None
