"""A report as PDF through Typst, from the same edition the page shows."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import orjson

from earthcommons.errors import InvalidInputError, NotFoundError
from earthcommons.render.svg import chart_svg

if TYPE_CHECKING:
    from pathlib import Path

    from earthcommons.outlook.edition import Edition

__all__ = ["report_pdf"]

_FAMILY = "Noto Sans SC"
# Everything a person reads comes in through `data.json`; the template holds no content.
_TEMPLATE = """
#let data = json("data.json")
#set document(title: data.title, date: none)
#set page(paper: "a4", margin: (x: 2.2cm, y: 2cm), footer: context [
  #set text(7pt, fill: luma(90))
  #data.demonstration #h(1fr) #counter(page).display("1 / 1", both: true)
])
#set text(font: "Noto Sans SC", size: 9.5pt, lang: data.lang, fallback: false)
#set par(leading: if data.lang == "zh" { 0.85em } else { 0.62em }, justify: false)
#show heading.where(level: 1): set text(19pt, weight: 700)
#show heading.where(level: 2): it => block(above: 1.1em, below: 0.6em,
  text(12pt, weight: 700, fill: rgb("#0b5d5e"), it.body))
#heading(level: 1, data.title)
#text(8.5pt, fill: luma(90))[#data.edition · #data.borders]
#for section in data.sections [
  #heading(level: 2, section.title)
  #for line in section.lines [
    #block(breakable: false, below: 0.75em)[
      #if line.struck != "" { strike(line.text) } else { line.text } \\
      #text(7.5pt, fill: luma(90), if line.struck != "" { line.struck } else { line.status })
    ]
  ]
  #let drawn = section.figures
  #if drawn.len() > 0 [
    #for figure in drawn [
      #block(breakable: false, above: 0.8em)[
        #text(8.5pt, weight: 700, figure.caption) \\
        #image(figure.file, height: data.figure_height_cm * 1cm, alt: figure.caption)
      ]
    ]
  ]
]
#if data.break_before_gaps { pagebreak(weak: true) }
#heading(level: 2, data.gaps_title)
#set text(8.5pt)
#for gap in data.gaps [
  - #gap.what #if gap.needs != "" [#text(fill: luma(90))[ — #data.needs #gap.needs]]
]
#heading(level: 2, data.annex_title)
#set text(7pt)
#table(columns: (auto, auto, auto, auto, auto), stroke: 0.3pt + luma(170), inset: 3pt,
  ..data.heads.map(head => text(weight: 700, head)),
  ..data.rows.flatten())
"""


def report_pdf(edition: Edition, fonts: Path, work: Path) -> bytes:
    """Return the PDF of an edition.

    Args:
        edition: what to print.
        fonts: folder with `NotoSansSC-*.ttf`, made by the portal's build.
        work: an empty folder for the figures.

    Raises:
        NotFoundError: the fonts have not been built.
        InvalidInputError: a character has no glyph in the font; it is named.
    """
    import typst

    faces = sorted(fonts.glob("NotoSansSC-*.ttf"))
    if not faces:
        raise NotFoundError("the PDF's fonts are not built yet: run `make portal` once")
    data = _data(edition)
    _check_glyphs(orjson.dumps(data).decode(), faces[0])
    for _, _, drawn in edition.sections:
        for figure in drawn:
            (work / f"{figure.key}.svg").write_text(chart_svg(figure.spec), encoding="utf-8")
    (work / "data.json").write_bytes(orjson.dumps(data))
    (work / "report.typ").write_text(_TEMPLATE, encoding="utf-8")
    pdf: bytes = typst.compile(
        str(work / "report.typ"),
        root=str(work),
        font_paths=[str(fonts)],
        ignore_system_fonts=True,
    )
    return pdf


def _data(edition: Edition) -> dict[str, object]:
    colon = "：" if edition.lang == "zh" else ": "
    return {
        "lang": edition.lang,
        # A country has two pages: what is said, then what cannot be said and the evidence.
        "break_before_gaps": edition.template == "country",
        "figure_height_cm": 5.2 if edition.template == "country" else 3.6,
        "title": edition.title,
        "edition": edition.word("edition") + colon + edition.edition,
        "demonstration": edition.word("demonstration"),
        "borders": edition.word("borders"),
        "gaps_title": edition.word("gaps"),
        "annex_title": edition.word("annex"),
        "needs": edition.word("needs") + colon,
        "sections": [
            {
                "title": title,
                "lines": [
                    {
                        "text": line.text,
                        "status": line.status,
                        "struck": line.struck and edition.word("struck") + colon + line.struck,
                    }
                    for line in lines
                ],
                "figures": [{"file": f"{f.key}.svg", "caption": f.caption} for f in drawn],
            }
            for title, lines, drawn in edition.sections
        ],
        "gaps": [{"what": what, "needs": needs} for what, needs, _ in edition.gaps],
        "heads": [
            edition.word(key)
            for key in ("statement", "period", "value", "status", "observation")
        ],
        "rows": [list(row) for line in edition.lines for row in line.evidence],
    }


def _check_glyphs(text: str, face: Path) -> None:
    # Typst prints nothing where a glyph is missing, and says nothing.
    lacking = sorted(
        {char for char in text if ord(char) > 32 and ord(char) not in _glyphs(face)}
    )
    if lacking:
        shown = " ".join(f"{char} (U+{ord(char):04X})" for char in lacking[:8])
        raise InvalidInputError(f"{_FAMILY} has no glyph for {shown}")


@cache
def _glyphs(face: Path) -> frozenset[int]:
    from fontTools.ttLib import TTFont

    with TTFont(face, lazy=True) as font:
        return frozenset(font.getBestCmap())
