"""The interface's words, English and Chinese side by side in one table.

`{name}` marks a place for a fact; both languages of an entry have the same ones.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from earthcommons.render.format import check_language, period_text
from earthcommons.render.reasons import reason_text
from earthcommons.web.word_tables import WORDS as _WORDS
from earthcommons.web.word_tables_data import DATA_WORDS
from earthcommons.web.word_tables_people import PEOPLE_WORDS
from earthcommons.web.word_values import DIMENSIONS
from earthcommons.web.word_values import KINDS as _KINDS
from earthcommons.web.word_values_data import DATA_KINDS
from earthcommons.web.word_values_themes import THEMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["LANGUAGES", "Words", "other_language", "plain_theme", "preferred"]

LANGUAGES = ("en", "zh")
WORDS = {**_WORDS, **DATA_WORDS, **PEOPLE_WORDS}
KINDS = {**_KINDS, **DATA_KINDS}
_SIGNS = (("10^6 km2", "10⁶ km²"), (" km2", " km²"), (" degC", " °C"))
_BETWEEN_WORDS = re.compile(r"[\s_-]+")
_ACCEPT = re.compile(
    r"\s*([A-Za-z]{1,8})(?:-[A-Za-z0-9]{1,8})*\s*(?:;\s*q=([01](?:\.\d{0,3})?))?\s*"
)


class Words:
    """All words of one language; `words["home"]`, or `words("found", n=3)` with facts."""

    def __init__(self, lang: str) -> None:
        self.lang = check_language(lang)
        self._n = LANGUAGES.index(self.lang)

    def __getitem__(self, key: str) -> str:
        return WORDS[key][self._n]

    def __call__(self, key: str, **facts: object) -> str:
        """Return the words with their facts filled in.

        Raises:
            KeyError: no such entry, or a fact is lacking.
        """
        return WORDS[key][self._n].format(**facts)

    def of(self, texts: Mapping[str, str]) -> str:
        """Return the text of this language, else English, else any."""
        return texts.get(self.lang) or texts.get("en") or next(iter(texts.values()), "")

    def dimension(self, value: str) -> str:
        """Return how a dimension's value is called; unknown ones as they are."""
        pair = DIMENSIONS.get(value)
        return value.replace("-", " ") if pair is None else pair[self._n]

    def kind(self, kind: str) -> str:
        """Return how a kind, status, severity or state is called; unknown ones as they are."""
        pair = KINDS.get(kind)
        return kind.replace("-", " ") if pair is None else pair[self._n]

    def named(self, kind: str, otherwise: str) -> str:
        """Return how a kind is called, or something else where it has no name here."""
        pair = KINDS.get(kind)
        return otherwise if pair is None else pair[self._n]

    def theme(self, name: str) -> str:
        """Return how a theme is called: a topic of ISO 19115 or one of ours; else nothing."""
        pair = KINDS.get(f"topic-{name}") or THEMES.get(plain_theme(name))
        return "" if pair is None else pair[self._n]

    def goal(self, code: str) -> str:
        """Return how a goal is called, and a target of one by its number and its goal."""
        goal, dot, _ = code.partition(".")
        pair = KINDS.get(f"goal-{goal}")
        if pair is None or not dot:
            return "" if pair is None else pair[self._n]
        return f"{code} {pair[self._n].partition(' ')[2]}"

    def warnings(self, texts: Iterable[str]) -> list[str]:
        """Return what is doubtful about data, each once; what has no words here as it was said."""
        said = (self.named(f"warning-{text.partition(':')[0]}", text) for text in texts)
        return list(dict.fromkeys(said))

    def field(self, name: str) -> str:
        """Return how a field of a draft is called; unknown ones as they are."""
        pair = WORDS.get(f"field_{name}")
        return name if pair is None else pair[self._n]

    def reason(self, text: str) -> str:
        """Return a stored reason, caveat or baseline in this language, units as printed."""
        return _signs(reason_text(text, self.lang))

    def when(self, period: str) -> str:
        """Return a period in words."""
        return period_text(period, self.lang)

    def month(self, number: int) -> str:
        """Return the name of a calendar month, 1 to 12."""
        if self.lang == "zh":
            return f"{number}月"
        return period_text(f"2000-{number:02d}", "en").split()[0]

    def phrase(self, parts: list[str]) -> str:
        """Return parts of one title, the narrower after the wider."""
        return ("，" if self.lang == "zh" else ", ").join(part for part in parts if part)

    def join(self, parts: list[str]) -> str:
        """Return the parts as one list in a sentence."""
        return ("、" if self.lang == "zh" else ", ").join(part for part in parts if part)

    def order(self, name: str) -> bytes:
        """Return what names are put in order by: letters without accents, or pinyin.

        GB 18030 keeps the order of GB 2312, whose common characters follow their pinyin.
        """
        if self.lang == "zh":
            return name.encode("gb18030")
        bare = unicodedata.normalize("NFKD", name).casefold()
        return "".join(c for c in bare if not unicodedata.combining(c)).encode()


def plain_theme(name: str) -> str:
    """Return a theme's name in small letters, joined by hyphens: however it was written."""
    return "-".join(_BETWEEN_WORDS.split(name.strip().casefold()))


def _signs(text: str) -> str:
    """Units as printed, ranges of years with a dash."""
    for stored, printed in _SIGNS:
        text = text.replace(stored, printed)
    return re.sub(r"\b(\d{4})-(\d{4})\b", "\\1\u2013\\2", text)


def other_language(lang: str) -> str:
    """Return the other of the two languages."""
    return "en" if lang == "zh" else "zh"


def preferred(accept: str) -> str:
    """Return the language an Accept-Language header asks for; English when it asks for neither.

    Source:
        RFC 9110, 12.5.4.
    """
    best, weight = "en", 0.0
    for part in accept[:500].split(","):
        found = _ACCEPT.fullmatch(part)
        if found is None:
            continue
        lang, q = found.group(1).lower(), float(found.group(2) or 1)
        if lang in LANGUAGES and q > weight:
            best, weight = lang, q
    return best
