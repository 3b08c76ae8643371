"""An error as a person is told it, in English or Chinese: by its message, else by its code.

Errors are raised with a code and an English message. Where the table of messages knows the message
it is told whole, with its facts; else the code says what is wrong, with the file, row or column
that the message names, and the message itself follows in small.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from earthcommons.commons.stories.completeness import WANTED
from earthcommons.render.format import LANGUAGES, check_language
from earthcommons.web.word_refusals import CODES
from earthcommons.web.word_refusals_said import SAID
from earthcommons.web.word_values import KINDS
from earthcommons.web.word_values_data import DATA_KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from earthcommons.errors import CommonsError

__all__ = ["Refusal", "refusal", "refusal_of"]

# Codes that say too little alone: their message is told first where no table knows it.
_WIDE = (
    "invalid-input", "not-found", "conflict", "access-denied", "not-authenticated", "upstream",
    "error", "integrity", "gone",
)  # fmt: skip
# Facts of another shape than anything up to the words that follow.
_SHAPES = {
    "what": r"[a-z][a-z ]*(?= ['\"])|.+?",
    "type": "number|integer|string|date",
    "way": ".*",
}
_FIELD = re.compile(r"\{(\w+)\}")
# A longer message holds something foreign that is long: it is not looked through.
_LONGEST = 1_000
# Quotation marks of Chinese bring their own space.
_LOOSE = re.compile(r"(?<=[\u4e00-\u9fff]) (?=“)|(?<=”) (?=[\u4e00-\u9fff])")
_FILE = re.compile(r"([^\s:][^:]{0,198}\.\w{1,8}): (.+)", re.DOTALL)
_FACTS = (
    (re.compile(r"\brow (\d+)"), "第 {0} 行"),
    (re.compile(r"\bcolumn ('[^']+'|\"[^\"]+\")"), "列 {0}"),
    (re.compile(r"\bvariable ('[^']+'|\"[^\"]+\")"), "变量 {0}"),
    (re.compile(r"\bband (\d+)"), "波段 {0}"),
    (re.compile(r"\bfeature (\d+)"), "第 {0} 个要素"),
    (re.compile(r"\bbyte (\d+)"), "第 {0} 字节"),
)
_WHERE = (
    (re.compile(r"band (\d+) \((.+)\)"), "波段 {0}（{1}）"),
    (re.compile(r"column (.+)"), "列 {0}"),
    (re.compile(r"variable (.+)"), "变量 {0}"),
    (re.compile(r"unit of (.+)"), "{0} 的单位"),
)
_PARTS = {
    "licence": "许可协议", "attribution": "署名方式", "period": "时间范围", "collection": "数据集",
}  # fmt: skip
_LACKS = {lack.en: lack.zh for lack in WANTED}
_ACTIONS = {
    "read": "查看", "fetch": "取得文件", "submit": "提交", "review": "审核", "publish": "发布",
    "withdraw": "撤回", "manage": "管理", "administer": "管理账户",
}  # fmt: skip
_WAYS = {
    ": write days as 2020-05-31": "，请写作 2020-05-31",
    ": write a decimal point, and nothing between thousands": "，请用小数点，千位间不加符号",
}
_MARKS = {"semicolons": "分号", "tabs": "制表符"}
_TYPES = {"number": "数值", "integer": "整数", "string": "文字", "date": "日期"}


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a person is told.

    Attributes:
        text: what is wrong, in the language of the page.
        more: what the program said of it, in English, where it holds more; else empty.
    """

    text: str
    more: str = ""

    @property
    def line(self) -> str:
        """All of it on one line."""
        return f"{self.text} ({self.more})" if self.more else self.text


def refusal_of(error: CommonsError, lang: str) -> Refusal:
    """Return what a person is told of an error."""
    return refusal(error.code, str(error), lang)


def refusal(code: str, message: str, lang: str) -> Refusal:
    """Return what a person is told of an error with this code and this English message.

    Raises:
        InvalidInputError: neither English nor Chinese is asked for.
    """
    n = LANGUAGES.index(check_language(lang))
    whole = _whole(message)
    if n == 0:
        known = whole is not None or code in _WIDE or code not in CODES
        return Refusal(message) if known else Refusal(CODES[code][0], message)
    if whole is not None:
        return Refusal(whole)
    named = _FILE.fullmatch(message)
    if named and (inner := _whole(named[2])) is not None:
        return Refusal(f"{named[1]}：{inner}")
    text = CODES.get(code, CODES["error"])[n]
    facts = [
        _LOOSE.sub("", said.format(_value(found[1])))
        for look, said in _FACTS
        if (found := look.search(message))
    ]
    if named:
        facts.insert(0, named[1])
    if facts:
        text = f"{text.removesuffix('。')}（{'，'.join(facts)}）。"
    return Refusal(text, message)


def _whole(message: str) -> str | None:
    """Return a message in Chinese, or None where no table has it."""
    if len(message) > _LONGEST:
        return None
    for look, said in _patterns():
        if found := look.fullmatch(message):
            facts = {
                name: _SPOKEN.get(name, _value)(text)
                for name, text in found.groupdict().items()
            }
            return _LOOSE.sub("", said.format(**facts))
    return None


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    # What says most by itself is tried first: `there is no group x` before `there is no {kind} x`.
    order = sorted(SAID, key=lambda text: -len(_FIELD.sub("", text)))
    return tuple((_pattern(english), SAID[english]) for english in order)


def _pattern(english: str) -> re.Pattern[str]:
    parts = _FIELD.split(english)
    made = [
        f"(?P<{part}>{_SHAPES.get(part, '.+?')})" if n % 2 else re.escape(part)
        for n, part in enumerate(parts)
    ]
    return re.compile("".join(made), re.DOTALL)


def _value(text: str) -> str:
    """Return a fact as it is, in Chinese quotation marks where it was quoted."""
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return f"“{text[1:-1]}”" if quoted else text


def _where(text: str) -> str:
    for look, said in _WHERE:
        if found := look.fullmatch(text):
            return said.format(*map(_value, found.groups()))
    return _value(text)


def _parts(text: str) -> str:
    return "、".join(_PARTS.get(part) or _where(part) for part in text.split(", "))


def _lacks(text: str) -> str:
    # Each is `what to do (standards)`.
    found = []
    for each in text.split("; "):
        said, _, standards = each.rpartition(" (")
        found.append(f"{_LACKS.get(said, said)}（{standards.removesuffix(')')}）")
    return "；".join(found)


def _why(text: str) -> str:
    return _whole(text) or text


def _state(text: str) -> str:
    pair = KINDS.get(text) or DATA_KINDS.get(text)
    return f"“{pair[1]}”" if pair else text


_SPOKEN: dict[str, Callable[[str], str]] = {
    "where": _where,
    "parts": _parts,
    "lacks": _lacks,
    "why": _why,
    "state": _state,
    "action": lambda text: _ACTIONS.get(text, text),
    "mark": lambda text: _MARKS.get(text, text),
    "type": lambda text: _TYPES.get(text, text),
    "way": lambda text: _WAYS.get(text, text),
}
