"""Reports: every sentence checked, struck when its evidence changes, read in two languages."""

from __future__ import annotations

import dataclasses
import re
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import earthcommons
from earthcommons.model.evidence import Run
from earthcommons.runs import publish_run, read_observations

if TYPE_CHECKING:
    from tests.journeys.conftest import Place

FONTS = Path(earthcommons.__file__).parent / "web" / "static" / "fonts"
PAGES = {"KEN": 2, "STP": 2, "world": 1}


@pytest.mark.parametrize("key", PAGES)
def test_every_statement_is_checked_and_rests_on_what_is_published(
    demo: Place, key: str
) -> None:
    report = demo.get(f"/api/reports/{key}")
    assert report["statements"]
    for said in report["statements"]:
        assert said["status"] == "checked", said["key"]
        assert said["evidence"]
        for lang in ("en", "zh"):
            assert not re.search(r"\d", re.sub(r"\{\w+\}", "", said["text"][lang]))
        shown = [
            hole[name]
            for hole in said["holes"].values()
            for name in ("obs", "of")
            if name in hole
        ]
        assert set(shown) <= set(said["evidence"])
        for id_ in shown:
            assert demo.get(f"/api/observations/{id_}")["value"] is not None
    assert report["gaps"]
    assert all(gap["what"]["en"] and gap["what"]["zh"] for gap in report["gaps"])
    ended = demo.cli("outlook", "check", key)
    assert (ended.code, ended.out) == (0, f"{key}: every statement holds on today's evidence\n")


def test_kenya_says_what_the_story_says_and_not_more(demo: Place) -> None:
    report = demo.get("/api/reports/KEN")
    said = {statement["key"]: statement for statement in report["statements"]}
    warming = next(s for s in said.values() if s["kind"] == "projection")
    assert warming["confidence"] == ""
    assert "no interval, no likelihood word" in warming["text"]["en"]
    assert "lights-split" in said
    text = " ".join(s["text"]["en"].lower() for s in said.values())
    assert "likely" not in text.replace("no likelihood", "")
    assert "rainfall" not in text


def test_a_changed_observation_breaks_its_statement_by_name(copied: Place) -> None:
    rows, changed = publish_changed(copied, "night-lights", "sum", 1.02)
    assert rows
    ended = copied.cli("outlook", "check", "KEN")
    assert ended.code == 6
    broken = {line.partition(":")[0] for line in ended.out.splitlines()}
    uses = {
        said["key"]
        for said in copied.get("/api/reports/KEN")["statements"]
        if set(said["evidence"]) & changed
    }
    assert broken == uses
    assert uses
    assert "the series now says" in ended.out
    answer = copied.cli("outlook", "check", "KEN", "--json")
    assert answer.code == 6
    assert {finding["statement"] for finding in answer.json()["broken"]} == uses
    assert copied.cli("outlook", "check", "world").code == 0


def publish_changed(
    place: Place, key: str, measure: str, factor: float
) -> tuple[Any, set[str]]:
    """Publish a run that gives other numbers for one measure; return ids of those it replaces."""
    catalog, store = place.node.catalog, place.node.store
    old = Run.from_json(catalog.get("run", catalog.get("series", key)["run"]))
    run = dataclasses.replace(
        old, parameters={**old.parameters, "put_in": "by hand"}, output=""
    )
    was = read_observations(store.path(old.output))
    replaced = {row.id for row in was if row.dimensions["measure"] == measure}
    rows = [
        dataclasses.replace(
            row,
            run=run.id,
            value=row.value * factor if row.id in replaced and row.value else row.value,
        )
        for row in was
    ]
    with catalog.transaction() as tx:
        publish_run(tx, store, run, rows, {}, current=True)
    return rows, replaced


def test_a_report_is_written_as_page_and_paper_in_both_languages(
    copied: Place, tmp_path: Path
) -> None:
    if not list(FONTS.glob("NotoSansSC-*.ttf")):
        pytest.skip("the PDF's fonts are not built: run `make portal`")
    for key, pages in PAGES.items():
        ended = copied.cli("outlook", "build", key, "--out", tmp_path)
        assert ended.code == 0, ended.err
        for lang, word in (("en", "Environment outlook"), ("zh", "环境展望")):
            page = (tmp_path / f"{key}.{lang}.html").read_text(encoding="utf-8")
            assert word in page
            assert f'href="/{lang}/why/obs-' in page
            assert "<script" not in page
            assert not re.search(r"""(?:src|href)=["']https?:""", page)
            paper = (tmp_path / f"{key}.{lang}.pdf").read_bytes()
            assert paper.startswith(b"%PDF-")
            assert page_count(paper) == pages, (key, lang)
    answer = copied.http.get("/reports/KEN.en.pdf")
    assert answer.content == (tmp_path / "KEN.en.pdf").read_bytes()
    again = copied.http.get(
        "/reports/KEN.en.pdf", headers={"if-none-match": answer.headers["etag"]}
    )
    assert again.status_code == 304


def page_count(pdf: bytes) -> int:
    """Return how many page objects a PDF holds, also those inside compressed object streams."""
    texts = [pdf]
    for found in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL):
        try:
            texts.append(zlib.decompress(found.group(1)))
        except zlib.error:
            continue
    return sum(len(re.findall(rb"/Type\s*/Page(?![s\w])", text)) for text in texts)
