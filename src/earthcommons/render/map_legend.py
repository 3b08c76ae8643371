"""What stands under a world map: legend with unit, breaks and n, keys, notes, disclaimer."""

from collections.abc import Sequence
from xml.sax.saxutils import escape

from earthcommons.render.format import number_text, unit_text
from earthcommons.render.ramps import Legend

EDGE = 'stroke="#6a7977" stroke-width="4"'
HATCH = 'fill="url(#ec-hatch)"'
# Dots wide enough to be seen at half size.
DOTS = (
    'fill="#ffffff" stroke="#0b5c5e" stroke-width="14" stroke-dasharray="2 26" '
    'stroke-linecap="round"'
)
DASHES = 'fill="none" stroke="#333f3e" stroke-width="8" stroke-dasharray="28 18"'
KEY_WORDS = {
    "missing": {"en": "not observed", "zh": "无观测"},
    "withheld": {"en": "withheld", "zh": "暂不发布"},
    "disputed": {"en": "disputed or undetermined boundary", "zh": "有争议或未定界线"},
}
_PAINT = {"missing": f"{HATCH} {EDGE}", "withheld": DOTS, "disputed": DASHES}


def map_foot(
    legend: Legend,
    keys: Sequence[str],
    notes: str,
    lang: str,
    *,
    left: int,
    top: int,
    width: int,
) -> tuple[list[str], int]:
    """SVG elements of the foot, and its height, in drawing units of a tenth of a pixel.

    Args:
        legend: classes and their colours.
        keys: which of `KEY_WORDS` the map uses.
        notes: one paragraph, wrapped here.
        lang: `en` or `zh`.
        left: where the foot starts.
        top: where it starts.
        width: how wide it may grow.
    """
    unit = unit_text(legend.unit, lang)
    title = legend.title.get(lang) or legend.title.get("en", "")
    head = title + _in_brackets(unit, lang)
    rows = [_text(left, top + 160, 150, f"{head} · n = {legend.n}".lstrip(" ·"))]
    wide = min(800, width // len(legend.colours))
    y = top + 230
    for i, colour in enumerate(legend.colours):
        box = f'x="{left + i * wide}" y="{y}" width="{wide}" height="140"'
        rows.append(f'<rect {box} fill="{colour}" {EDGE}/>')
    for i, edge in enumerate(legend.breaks):
        anchor = "start" if i == 0 else "middle"
        rows.append(_text(left + i * wide, y + 300, 130, _edge_text(edge), anchor=anchor))
    y += 430
    if keys:
        rows += _keys(keys, lang, left, y)
        y += 180
    y += 150
    for line in wrap(notes, 140):
        rows.append(_text(left, y, 125, line, fill="#4b5b5a"))
        y += 185
    return rows, y - top


def _in_brackets(unit: str, lang: str) -> str:
    if not unit:
        return ""
    return f"（{unit}）" if lang == "zh" else f" ({unit})"


def _keys(keys: Sequence[str], lang: str, x: int, y: int) -> list[str]:
    rows = []
    for kind in keys:
        words = KEY_WORDS[kind][lang]
        if kind == "disputed":
            rows.append(f'<path d="M{x} {y + 70}h220" {_PAINT[kind]}/>')
        else:
            rows.append(f'<rect x="{x}" y="{y}" width="220" height="140" {_PAINT[kind]}/>')
        rows.append(_text(x + 280, y + 115, 130, words))
        x += 280 + 68 * _units(words) + 200
    return rows


def _text(
    x: int, y: int, size: int, words: str, *, anchor: str = "start", fill: str = "#14201f"
) -> str:
    place = f'x="{x}" y="{y}" font-size="{size}" text-anchor="{anchor}" fill="{fill}"'
    return f"<text {place}>{escape(words)}</text>"


def _edge_text(edge: float) -> str:
    return number_text(edge, len(f"{edge:.6f}".rstrip("0").partition(".")[2]))


def _units(text: str) -> int:
    """Width of a text, a Latin letter being 1 and a Chinese sign 2."""
    return sum(2 if ord(sign) > 0x2E7F else 1 for sign in text)


def wrap(text: str, width: int) -> list[str]:
    """Break at spaces, or between Chinese signs but never before their punctuation."""
    lines, line = [], ""
    for word in _words(text):
        if line and _units(line + word.rstrip()) > width:
            lines.append(line.rstrip())
            line = ""
        line += word
    return [*lines, line.rstrip()] if line.strip() else lines


def _words(text: str) -> list[str]:
    words: list[str] = []
    for sign in text:
        wide = ord(sign) > 0x2E7F
        joins = bool(words) and (sign in "，。、；：）” " or not (wide or words[-1].endswith(" ")
                                 or ord(words[-1][-1]) > 0x2E7F))  # fmt: skip
        if joins:
            words[-1] += sign
        else:
            words.append(sign)
    return words
