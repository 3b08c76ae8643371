from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from earthcommons.commons.stories.reporting import (
    build_report,
    check_report,
    edition_of,
    write_editions,
)
from earthcommons.errors import InvalidInputError, NotFoundError
from earthcommons.model import Link, Record

if TYPE_CHECKING:
    from pathlib import Path

    from tests.outlook.conftest import Series

    from earthcommons.commons import Node


def test_a_report_is_published_with_links_to_the_runs_it_rests_on(
    written: tuple[Node, Series],
) -> None:
    node, series = written
    (row,) = series.publish("tree-cover", level=13.5)
    made = build_report(node, "404")
    assert (made.key, made.region) == ("KEN", "m49:404")
    assert node.catalog.links_from("report", "KEN") == (Link("rests-on", "run", row.run),)
    assert check_report(node, "KEN") == []
    before = list(node.catalog.dump())
    build_report(node, "KEN")
    assert list(node.catalog.dump()) == before


def test_a_changed_series_breaks_the_report_until_it_is_built_again(
    written: tuple[Node, Series],
) -> None:
    node, series = written
    series.publish("tree-cover", level=13.5)
    build_report(node, "KEN")
    series.publish("tree-cover", level=20.0)
    (broken,) = check_report(node, "KEN")
    assert broken["statement"] == "tree-cover"
    assert "was 13.5 percent, the series now says 20 percent" in broken["reason"]
    (line,) = edition_of(node, "KEN", "en").lines
    assert line.struck == broken["reason"]
    build_report(node, "KEN")
    assert check_report(node, "KEN") == []


def test_nothing_to_say_makes_no_report(written: tuple[Node, Series]) -> None:
    node, _ = written
    with pytest.raises(InvalidInputError, match="no statement about m49:404"):
        build_report(node, "KEN")
    with pytest.raises(NotFoundError):
        build_report(node, "ATLANTIS")
    with pytest.raises(NotFoundError):
        check_report(node, "KEN")
    assert node.catalog.count("report") == 0


def test_the_written_page_is_whole_and_carries_no_markup_from_data(
    written: tuple[Node, Series], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    node, series = written
    series.publish("tree-cover", level=13.5)
    build_report(node, "KEN")
    monkeypatch.setattr(
        "earthcommons.commons.stories.reporting.pdf_of", lambda *_: b"%PDF-stand-in"
    )
    body = node.catalog.get("report", "KEN")
    body["title"] = {"en": "Land & <sea>", "zh": "陆地与海洋"}
    with node.catalog.transaction() as tx:
        tx.revise(Record("report", "KEN", body))
    files = write_editions(node, "KEN", tmp_path / "out")
    assert [file.name for file in files] == [
        "KEN.en.html",
        "KEN.en.pdf",
        "KEN.zh.html",
        "KEN.zh.pdf",
    ]
    page = files[0].read_text(encoding="utf-8")
    assert "<h1>Land &amp; &lt;sea&gt;</h1>" in page
    assert page.startswith('<!doctype html><html lang="en">')
    assert "<h1>陆地与海洋</h1>" in files[2].read_text(encoding="utf-8")
