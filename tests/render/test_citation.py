"""Citations: a worked example of each style, and values that try to break out of one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earthcommons.errors import InvalidInputError
from earthcommons.render.citation import STYLES, Citation, Creator, cite

DIGEST = "0123456789abcdef" * 4
FACTS = Citation(
    key="lakes/mendota-ice",
    title="Ice on Lake Mendota",
    creators=(Creator("Mei Wang", "Wang", "Mei"), Creator("Center for Limnology")),
    publisher="Node A",
    year=2026,
    date="2026-11-22",
    version=2,
    url="https://data.example/en/data/lakes/mendota-ice",
    record_url="https://data.example/stac/collections/lakes/items/mendota-ice",
    digest=DIGEST,
)


def test_text_names_creators_year_title_version_publisher_address_and_digest() -> None:
    assert cite(FACTS, "text") == (
        "Wang, Mei; Center for Limnology (2026): Ice on Lake Mendota (version 2) [data set]."
        " Node A. https://data.example/en/data/lakes/mendota-ice"
        " (record sha256:0123456789abcdef)"
    )


def test_bibtex_keeps_an_organisation_whole() -> None:
    lines = cite(FACTS, "bibtex").splitlines()
    assert lines[0] == "@dataset{lakes-mendota-ice-v2,"
    assert lines[1] == "  author = {Wang, Mei and {Center for Limnology}},"
    assert lines[-1] == "}"


def test_ris_begins_with_its_type_and_ends_with_its_end() -> None:
    lines = cite(FACTS, "ris").split("\r\n")
    assert lines[:3] == ["TY  - DATA", "AU  - Wang, Mei", "AU  - Center for Limnology"]
    assert lines[-2:] == ["ER  - ", ""]


def test_the_address_is_the_landing_page_and_the_record_stands_where_there_is_a_place() -> None:
    ris = cite(FACTS, "ris").split("\r\n")
    assert f"UR  - {FACTS.url}" in ris
    assert f"L3  - {FACTS.record_url}" in ris
    (value,) = json.loads(cite(FACTS, "csl"))
    assert (value["URL"], value["custom"]) == (FACTS.url, {"record": FACTS.record_url})
    assert "/stac/" not in cite(FACTS, "text") + cite(FACTS, "bibtex")


def test_csl_is_json_with_a_date_in_parts() -> None:
    (value,) = json.loads(cite(FACTS, "csl"))
    assert value["issued"] == {"date-parts": [[2026, 11, 22]]}
    assert value["author"] == [
        {"family": "Wang", "given": "Mei"}, {"literal": "Center for Limnology"},
    ]  # fmt: skip
    assert "DOI" not in value


def test_a_doi_is_the_address_where_there_is_one() -> None:
    from dataclasses import replace

    named = replace(FACTS, doi="10.5555/abc_d")
    assert "https://doi.org/10.5555/abc_d" in cite(named, "text")
    assert r"doi = {10.5555/abc\_d}" in cite(named, "bibtex")
    assert json.loads(cite(named, "csl"))[0]["DOI"] == "10.5555/abc_d"


@given(st.text(max_size=60))
def test_no_title_breaks_out_of_its_field(title: str) -> None:
    from dataclasses import replace

    hostile = replace(FACTS, title=title)
    ris = cite(hostile, "ris").split("\r\n")
    assert len(ris) == len(cite(FACTS, "ris").split("\r\n"))
    assert all(line[2:6] == "  - " for line in ris[:-1])
    bib = cite(hostile, "bibtex")
    depth = 0
    for n, char in enumerate(bib):
        if char in "{}" and bib[n - 1] != "\\":
            depth += 1 if char == "{" else -1
        assert depth >= (0 if n >= len(bib) - 2 else min(1, depth))
    assert depth == 0
    assert json.loads(cite(hostile, "csl"))[0]["title"] == title


def test_an_unknown_style_is_refused() -> None:
    with pytest.raises(InvalidInputError):
        cite(FACTS, "mla")
    assert set(STYLES) == {"text", "bibtex", "ris", "csl"}
