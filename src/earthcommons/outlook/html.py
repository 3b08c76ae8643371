"""A report as an HTML fragment: every number a link to its evidence."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from earthcommons.render.svg import chart_svg

if TYPE_CHECKING:
    from earthcommons.outlook.edition import Edition, Line
    from earthcommons.outlook.figures import Figure

__all__ = ["report_html"]


def report_html(edition: Edition) -> str:
    """Return sections, figures, gaps and annex of a report.

    Numbers link to `/{lang}/why/{observation}`; a sentence whose evidence has changed is struck
    through with its reason.
    """
    out: list[str] = []
    for title, lines, drawn in edition.sections:
        out.append(f"<section><h2>{escape(title)}</h2>")
        out += [_sentence(line, edition) for line in lines]
        out += [_figure(figure) for figure in drawn]
        out.append("</section>")
    out.append(f'<section id="gaps"><h2>{escape(edition.word("gaps"))}</h2><ul>')
    out += [_gap(gap, edition) for gap in edition.gaps]
    out.append("</ul></section>")
    out.append(_annex(edition))
    return "\n".join(out)


def _sentence(line: Line, edition: Edition) -> str:
    parts = "".join(
        f'<a class="number" href="/{edition.lang}/why/{escape(id_)}">{escape(text)}</a>'
        if id_
        else escape(text)
        for text, id_ in line.parts
    )
    if line.struck:
        return (
            f'<div class="withheld" id="{escape(line.key)}"><p class="claim"><s>{parts}</s></p>'
            f'<p class="status">{escape(edition.word("struck"))}: {escape(line.struck)}</p></div>'
        )
    return (
        f'<div id="{escape(line.key)}"><p class="claim">{parts}</p>'
        f'<p class="status">{escape(line.status)}</p></div>'
    )


def _figure(figure: Figure) -> str:
    caption = escape(figure.caption)
    return (
        f'<figure class="figure" id="figure-{escape(figure.key)}">{chart_svg(figure.spec)}'
        f"<figcaption>{caption}</figcaption></figure>"
    )


def _gap(gap: tuple[str, str, str], edition: Edition) -> str:
    what, needs, observation = gap
    text = escape(what)
    if needs:
        colon = "：" if edition.lang == "zh" else ": "
        text += f' <span class="status">{escape(edition.word("needs") + colon + needs)}</span>'
    if observation:
        text += f' <a class="why" href="/{edition.lang}/why/{escape(observation)}">?</a>'
    return f"<li>{text}</li>"


def _annex(edition: Edition) -> str:
    heads = "".join(
        f'<th scope="col">{escape(edition.word(key))}</th>'
        for key in ("statement", "period", "value", "status", "observation")
    )
    rows = "".join(
        f"<tr><td>{escape(what)}</td><td>{escape(period)}</td><td>{escape(value)}</td>"
        f"<td>{escape(status)}</td>"
        f'<td><a href="/{edition.lang}/why/{escape(id_)}"><code>{escape(id_)}</code></a></td></tr>'
        for line in edition.lines
        for what, period, value, status, id_ in line.evidence
    )
    return (
        f'<section id="annex"><h2>{escape(edition.word("annex"))}</h2><div class="scroll"><table>'
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div></section>"
    )
