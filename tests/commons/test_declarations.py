"""A declaration in TOML: read as meant, or refused with the key to mend."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from earthcommons.commons.declarations import read_declaration
from earthcommons.commons.stories.ingesting_recipe import read_recipe
from earthcommons.errors import InvalidInputError, NotFoundError
from earthcommons.model.period import Period
from earthcommons.model.unit import check_unit

PAGE = Path(__file__).parents[2] / "docs" / "ingest.md"
LEAST = """
item = "lake-2020"
collection = "lakes"
title = "Lakes"
description = "Where the lakes were."
period = "2020"
licence = "CC-BY-4.0"
attribution = "A survey"
"""


def declared(folder: Path, text: str) -> Path:
    file = folder / "x.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_least_declaration_says_everything_else_by_default(tmp_path: Path) -> None:
    found = read_declaration(declared(tmp_path, LEAST))
    assert (found.name, found.nature, found.crs, found.bbox) == (
        "lakes/lake-2020", "observation", "", None,
    )  # fmt: skip
    assert (found.title.en, found.title.zh) == ("Lakes", "Lakes")
    assert found.period == Period.year(2020)
    assert (found.variables, found.providers) == ((), ())


def test_every_key_reaches_the_declaration(tmp_path: Path) -> None:
    text = (
        LEAST.replace('title = "Lakes"', 'title = { en = "Lakes", zh = "湖泊" }')
        .replace('period = "2020"', "period = 2020")
        .strip()
        + """
nature = "model"
derivation = "resampled"
licence_url = "https://example.org/licence"
crs = "EPSG:4326"
bbox = [170, -10, -170.5, 10]

[[variable]]
name = "cover"
unit = "class"
meaning = "lake or not"
dims = ["lat", "lon"]
datatype = "integer"
[variable.classes.0]
title = "No lake"
[variable.classes.1]
title = "Lake"
title_zh = "湖泊"
color_hint = "0000ff"

[[provider]]
name = "lakes.zip"
sha256 = "ab"
source = "The survey"
url = "https://example.org/lakes.zip"
taken = 2024-05-01
"""
    )
    found = read_declaration(declared(tmp_path, text))
    assert (found.title.zh, found.nature, found.crs) == ("湖泊", "model", "EPSG:4326")
    assert (found.licence_url, found.derivation) == ("https://example.org/licence", "resampled")
    assert found.bbox == (170.0, -10.0, -170.5, 10.0)
    (variable,), (provider,) = found.variables, found.providers
    assert (variable.unit, variable.dims, variable.datatype) == (
        "class", ("lat", "lon"), "integer",
    )  # fmt: skip
    assert variable.classes["1"] == {
        "title": "Lake", "title_zh": "湖泊", "color_hint": "0000ff",
    }  # fmt: skip
    assert (provider.source, provider.taken) == ("The survey", "2024-05-01")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("title =", "titel ="), "key 'title' is missing"),
        (('item = "lake-2020"', 'item = ""'), "key 'item' is missing"),
        (('item = "lake-2020"', 'item = "../lake"'), "item id '../lake'"),
        (('item = "lake-2020"', "item = 5"), "item = 5: need a text in quotes"),
        (('title = "Lakes"', "title = 5"), "title: need a text, or { en"),
        (('title = "Lakes"', 'title = { fr = "Lacs" }'), "title: need a text, or { en"),
        (('title = "Lakes"', "title = { en = 5 }"), "title: en = 5: need a text"),
        (('period = "2020"', 'period = "20"'), "'20' is no period"),
        (('period = "2020"', 'nature = "guess"\nperiod = "2020"'), "nature = 'guess'"),
        (('period = "2020"', 'licens = "x"\nperiod = "2020"'), "no key 'licens'; known: item"),
        (('period = "2020"', 'bbox = [1, 2]\nperiod = "2020"'), "need [west, south, east"),
        (('period = "2020"', 'bbox = [0, 95, 1, 99]\nperiod = "2020"'), "bbox latitudes"),
        (('period = "2020"', 'variable = "x"\nperiod = "2020"'), "write [[variable]]"),
        (('"A survey"', '"A survey"\n[[variable]]\nname = "v"'), "key 'unit' is missing"),
        (
            ('"A survey"', '"A survey"\n[[variable]]\nname = "v"\nunit = "1"\nmean = "x"'),
            "variable: no key 'mean'; known: name, unit",
        ),
        (
            ('"A survey"', '"A survey"\n[[variable]]\nname = "v"\nunit = 1'),
            "variable 'v': unit = 1: need a text",
        ),
        (
            ('"A survey"', '"A survey"\n[[variable]]\nname="v"\nunit="1"\ndatatype="float"'),
            "variable 'v': datatype = 'float': need one of number, integer",
        ),
        (
            ('"A survey"', '"A survey"\n[[variable]]\nname="v"\nunit="1"\nclasses={1="Lake"}'),
            "variable 'v': classes: write [variable.classes.1]",
        ),
        (
            ('"A survey"', '"A survey"\n[[variable]]\nname="v"\nunit="1"\nclasses=["Lake"]'),
            "variable 'v': classes: write [variable.classes.1]",
        ),
        (('"A survey"', '"A survey"\n[[provider]]\nname = "v"'), "key 'sha256' is missing"),
        (('"A survey"', '"A survey'), "x.toml: "),
    ],
)
def test_a_wrong_declaration_names_the_file_and_the_key(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    text = LEAST.replace(*change)
    assert text != LEAST
    with pytest.raises(InvalidInputError) as refused:
        read_declaration(declared(tmp_path, text))
    assert str(refused.value).startswith("x.toml: ")
    assert said in str(refused.value)


def test_a_lacking_file_is_not_found_and_a_folder_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no declaration 'y\.toml'"):
        read_declaration(tmp_path / "y.toml")
    with pytest.raises(InvalidInputError, match="cannot be read"):
        read_declaration(tmp_path)


def test_every_declaration_shown_in_the_documentation_is_accepted(tmp_path: Path) -> None:
    shown = re.findall(r"```toml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(shown) >= 5
    recipes = [text for text in shown if "[scenes]" in text]
    assert [read_recipe(declared(tmp_path, text)).scenes is None for text in recipes] == [False]
    whole = [text for text in shown if text not in recipes]
    found = [read_declaration(declared(tmp_path, text)) for text in whole]
    assert {declaration.nature for declaration in found} == {"observation", "model"}
    units = {variable.unit for declaration in found for variable in declaration.variables}
    assert {check_unit(unit, "the page") for unit in units} >= {"percent", "class", "date"}
