"""Fonts of the portal from the pieces of `@fontsource/noto-sans-sc`.

The web gets the pieces as they come, so a browser fetches only those a page needs. Typst gets
one TrueType file a weight, joined here: GB 2312 and every Latin, Cyrillic and Vietnamese letter
of the package, without layout tables.
"""

import re
import shutil
from pathlib import Path
from typing import Any

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.pens.transformPen import TransformPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont

FAMILY = "Noto Sans SC"
WEIGHTS = {400: "Regular", 700: "Bold"}
LETTERS = ("latin", "latin-ext", "cyrillic", "vietnamese")
# Spaces and scripts the package lacks, and scientific text needs: 10⁶ km², CO₂, thin spaces.
SPACES = {0x2009: 200, 0x202F: 200, 0x00A0: 224}
SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789\u2212+", strict=True))
SUBSCRIPTS = dict(zip("₀₁₂₃₄₅₆₇₈₉", "0123456789", strict=True))
SCRIPT_SCALE = 0.6


def web_fonts(package: Path, target: Path) -> None:
    """Copy the woff2 pieces to `target/fonts` and write `target/fonts.css` with their ranges.

    A stylesheet of its own: pages without Chinese need not carry its hundred ranges.
    """
    (target / "fonts").mkdir()
    rules = []
    for weight in WEIGHTS:
        for block in re.findall(
            r"@font-face\s*{(.*?)}", (package / f"{weight}.css").read_text(), re.DOTALL
        ):
            piece = re.search(r"files/(noto-sans-sc-[\w-]+\.woff2)", block)
            span = re.search(r"unicode-range:\s*([^;]+);", block)
            if not piece or not span:
                raise ValueError(f"unexpected font rule: {block.strip()[:80]}")
            shutil.copyfile(package / "files" / piece[1], target / "fonts" / piece[1])
            rules.append(
                f"@font-face{{font-family:'{FAMILY}';font-style:normal;font-display:swap;"
                f"font-weight:{weight};src:url(fonts/{piece[1]}) format('woff2');"
                f"unicode-range:{span[1].strip()}}}\n"
            )
    (target / "fonts.css").write_text("".join(rules))


def gb2312() -> set[int]:
    """Code points of GB 2312-80: 6,763 hanzi and its signs."""
    points = set()
    for high in range(0xA1, 0xF8):
        for low in range(0xA1, 0xFF):
            try:
                points.add(ord(bytes([high, low]).decode("gb2312")))
            except UnicodeDecodeError:
                continue
    return points


class PdfFont:
    """One weight, joined from its pieces glyph by glyph; the first piece to hold a sign wins."""

    def __init__(self, package: Path, weight: int) -> None:
        self.weight = weight
        self.cmap: dict[int, str] = {}
        self.outlines: dict[str, DecomposingRecordingPen] = {}
        self.widths: dict[str, int] = {}
        files = package / "files"
        letters = [files / f"noto-sans-sc-{s}-{weight}-normal.woff2" for s in LETTERS]
        numbered = sorted(
            files.glob(f"noto-sans-sc-[0-9]*-{weight}-normal.woff2"),
            key=lambda path: int(path.name.split("-")[3]),
        )
        self.first = TTFont(letters[0])
        shapes = self.first.getGlyphSet()
        self._draw(".notdef", shapes, ".notdef")
        wanted = gb2312() | set(range(0x2000, 0x2300))
        for path in letters:
            self._take(TTFont(path), None)
        for path in numbered:
            self._take(TTFont(path), wanted)
        self._add_spaces_and_scripts()

    def save(self, path: Path) -> None:
        """Write the TrueType file; the same pieces give the same bytes."""
        builder = FontBuilder(self.first["head"].unitsPerEm, isTTF=True)
        glyphs = {name: self._glyph(name) for name in self.outlines}
        builder.setupGlyphOrder([".notdef", *sorted(set(glyphs) - {".notdef"})])
        builder.setupCharacterMap(self.cmap)
        builder.setupGlyf(glyphs)
        builder.setupHorizontalMetrics(
            {name: (self.widths[name], getattr(glyphs[name], "xMin", 0)) for name in glyphs}
        )
        line, os2 = self.first["hhea"], self.first["OS/2"]
        builder.setupHorizontalHeader(
            ascent=line.ascent, descent=line.descent, lineGap=line.lineGap
        )
        builder.setupNameTable(self._names())
        regular = self.weight == 400
        kept = ("sTypoAscender", "sTypoDescender", "sTypoLineGap", "usWinAscent",
                "usWinDescent", "sxHeight", "sCapHeight", "achVendID")  # fmt: skip
        builder.setupOS2(
            **{name: getattr(os2, name) for name in kept},
            usWeightClass=self.weight,
            fsSelection=0x40 if regular else 0x20,
        )
        builder.setupPost()
        # The clock stays out of the file.
        builder.font.recalcTimestamp = False
        head = builder.font["head"]
        head.created = head.modified = self.first["head"].modified
        head.macStyle = 0 if regular else 1
        builder.save(str(path))

    def _take(self, font: TTFont, wanted: set[int] | None) -> None:
        shapes = font.getGlyphSet()
        for point, source in sorted(font.getBestCmap().items()):
            if point not in self.cmap and (wanted is None or point in wanted):
                self.cmap[point] = f"u{point:04X}"
                self._draw(self.cmap[point], shapes, source)

    def _draw(self, name: str, shapes: dict[str, Any], source: str) -> None:
        record = DecomposingRecordingPen(shapes)
        shapes[source].draw(record)
        self.outlines[name] = record
        self.widths[name] = shapes[source].width

    def _glyph(self, name: str) -> object:
        pen = TTGlyphPen(None)
        self.outlines[name].replay(pen)
        glyph = pen.glyph()
        glyph.recalcBounds(None)
        return glyph

    def _add_spaces_and_scripts(self) -> None:
        for point, width in SPACES.items():
            self._add(point, DecomposingRecordingPen({}), width)
        for table, rise in ((SUPERSCRIPTS, 330), (SUBSCRIPTS, -120)):
            for sign, base in table.items():
                source = self.cmap[ord(base)]
                record = DecomposingRecordingPen({})
                scaled = TransformPen(record, (SCRIPT_SCALE, 0, 0, SCRIPT_SCALE, 0, rise))
                self.outlines[source].replay(scaled)
                self._add(ord(sign), record, round(self.widths[source] * SCRIPT_SCALE))

    def _add(self, point: int, record: DecomposingRecordingPen, width: int) -> None:
        if point not in self.cmap:
            self.cmap[point] = f"u{point:04X}"
            self.outlines[self.cmap[point]] = record
            self.widths[self.cmap[point]] = width

    def _names(self) -> dict[str, str]:
        style, names = WEIGHTS[self.weight], self.first["name"]
        return {
            "copyright": names.getDebugName(0) or "",
            "familyName": FAMILY,
            "styleName": style,
            "uniqueFontIdentifier": f"earthcommons:NotoSansSC-{style}",
            "fullName": f"{FAMILY} {style}",
            "version": names.getDebugName(5) or "Version 1",
            "psName": f"NotoSansSC-{style}",
            "licenseDescription": names.getDebugName(13) or "",
            "licenseInfoURL": names.getDebugName(14) or "",
        }
