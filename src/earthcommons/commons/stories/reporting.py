"""Build, check and print outlook reports on a node."""

from __future__ import annotations

from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from earthcommons.model.outlook import Report
from earthcommons.model.record import Link, Record
from earthcommons.outlook import Evidence, build_country, build_world, check
from earthcommons.outlook.edition import Edition, read_edition

if TYPE_CHECKING:
    from earthcommons.commons.node import Node

__all__ = ["build_report", "check_report", "edition_of", "pdf_of", "write_editions"]

_EDITION = "1"


def build_report(node: Node, key: str, edition: str = _EDITION) -> Report:
    """Build a report from the published series and publish it.

    Args:
        node: the node.
        key: `world`, or any name of a country.
        edition: name of the edition.

    Raises:
        NotFoundError: no such country.
        InvalidInputError: nothing can be said, or a sentence does not hold.
    """
    evidence = Evidence(node.catalog, node.store)
    report = (
        build_world(evidence, edition)
        if key == "world"
        else build_country(evidence, key, edition)
    )
    used = sorted({evidence.get(id_).run for s in report.statements for id_ in s.evidence})
    links = tuple(Link("rests-on", "run", run) for run in used)
    with node.catalog.transaction() as tx:
        tx.revise(Record("report", report.key, report.as_json(), links=links))
    return report


def check_report(node: Node, key: str) -> list[dict[str, str]]:
    """Return every statement of a report that no longer holds, with its reason.

    Raises:
        NotFoundError: no such report.
    """
    report = Report.from_json(node.catalog.get("report", key))
    return [found.as_json() for found in check(report, Evidence(node.catalog, node.store))]


def edition_of(node: Node, key: str, lang: str) -> Edition:
    """Return a published report in one language, checked as it is read.

    Raises:
        NotFoundError: no such report.
    """
    report = Report.from_json(node.catalog.get("report", key))
    return read_edition(report, Evidence(node.catalog, node.store), lang)


def pdf_of(node: Node, key: str, lang: str) -> bytes:
    """Return the PDF of a published report in one language.

    Raises:
        NotFoundError: no such report, or the fonts have not been built.
        InvalidInputError: a character has no glyph.
    """
    from earthcommons.outlook.pdf import report_pdf

    fonts = Path(str(files("earthcommons"))) / "web" / "static" / "fonts"
    with node.store.stage() as work:
        return report_pdf(edition_of(node, key, lang), fonts, work)


def write_editions(node: Node, key: str, folder: Path) -> list[Path]:
    """Write a report as HTML and PDF in both languages; return the files.

    Raises:
        NotFoundError: no such report, or the fonts have not been built.
    """
    from earthcommons.outlook.html import report_html

    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for lang in ("en", "zh"):
        edition = edition_of(node, key, lang)
        page = folder / f"{key}.{lang}.html"
        page.write_text(
            f'<!doctype html><html lang="{lang}"><meta charset="utf-8">'
            f"<title>{escape(edition.title)}</title>"
            f"<h1>{escape(edition.title)}</h1>\n{report_html(edition)}\n</html>\n",
            encoding="utf-8",
        )
        paper = folder / f"{key}.{lang}.pdf"
        paper.write_bytes(pdf_of(node, key, lang))
        written += [page, paper]
    return written
