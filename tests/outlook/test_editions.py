from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from earthcommons.errors import InvalidInputError, NotFoundError
from earthcommons.outlook import build_country
from earthcommons.outlook.edition import Edition, read_edition
from earthcommons.outlook.html import report_html
from earthcommons.outlook.pdf import report_pdf

if TYPE_CHECKING:
    from tests.outlook.conftest import Series


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_number_of_a_page_links_to_its_evidence(series: Series, lang: str) -> None:
    (row,) = series.publish("tree-cover", level=13.5)
    page = report_html(
        read_edition(build_country(series.evidence, "KEN", "1"), series.evidence, lang)
    )
    assert f'<a class="number" href="/{lang}/why/{row.id}">13.5%</a>' in page
    assert 'id="gaps"' in page
    assert "<s>" not in page


def test_a_statement_whose_evidence_changed_is_struck_through_with_the_reason(
    series: Series,
) -> None:
    series.publish("tree-cover", level=13.5)
    report = build_country(series.evidence, "KEN", "1")
    series.publish("tree-cover", level=14.5)
    page = report_html(read_edition(report, series.evidence, "en"))
    assert "<s>Kenya" in page
    assert "was 13.5 percent, the series now says 14.5 percent" in page


def test_a_name_from_data_is_no_markup(series: Series) -> None:
    series.publish("tree-cover", level=None, other=1.0)
    edition = Edition(
        "en", "t", "1", "country", (), (("<script>alert(1)</script>", "<b>", "obs-x"),)
    )
    page = report_html(edition)
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_a_pdf_without_fonts_or_with_an_unknown_glyph_is_refused(tmp_path: Path) -> None:
    edition = Edition("en", "t", "1", "country", (), ())
    with pytest.raises(NotFoundError, match="make portal"):
        report_pdf(edition, tmp_path, tmp_path)
    fonts = Path("src/earthcommons/web/static/fonts")
    if not list(fonts.glob("NotoSansSC-*.ttf")):
        pytest.skip("the portal's fonts are not built")
    strange = Edition("en", "an ugaritic 𐎀", "1", "country", (), ())
    with pytest.raises(InvalidInputError, match=r"U\+10380"):
        report_pdf(strange, fonts, tmp_path)
    assert report_pdf(edition, fonts, tmp_path).startswith(b"%PDF-")
