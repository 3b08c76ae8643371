"""The search page: facets leave what they count, addresses hold everything, counts are honest."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from tests.web.portal import Person, community

from earthcommons.catalog.queries import Matched
from earthcommons.model.record import Link, Record
from earthcommons.web import create_app
from earthcommons.web.pages.data import Asked, count_words
from earthcommons.web.pages.timeline import timeline
from earthcommons.web.word_values_themes import THEMES
from earthcommons.web.words import Words, plain_theme

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def anybody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Person]:
    node = community(tmp_path_factory.mktemp("search"))
    with node.catalog.transaction() as tx:
        tx.put(Record("collection", "c", {"id": "c", "title": "C", "description": "C"}))
        for n in range(30):
            links = (Link("in", "collection", "c"),)
            access = "steward" if n == 29 else "open"
            tx.put(Record("item", f"c/i{n:02d}", _item(n), access=access, links=links))
    yield Person(node, "", create_app(node))
    node.catalog.close()


def _item(n: int) -> dict[str, Any]:
    theme = {"scheme": "urn:x:themes", "concepts": [{"id": "oceans" if n % 3 else "biota"}]}
    return {
        "type": "Feature", "stac_version": "1.1.0", "id": f"i{n:02d}", "collection": "c",
        "geometry": {"type": "Point", "coordinates": [n, 10]}, "bbox": [n, 10, n, 10],
        "assets": {}, "links": [],
        "properties": {"datetime": f"{2000 + n % 4}-06-01T00:00:00Z", "title": f"T{n:02d}",
                       "themes": [theme], "license": "CC0-1.0" if n % 2 else "MIT"},
    }  # fmt: skip


def test_each_facet_and_each_year_leaves_as_many_as_it_says(anybody: Person) -> None:
    page = anybody.open("/en/data")
    assert "29 records match." in page.text
    counted = re.findall(r'<li><a href="([^"]+)">[^<]+</a> <small>(\d+)</small>', page.html)
    years = re.findall(r'<a href="([^"]+)" aria-label="\d{4}: (\d+)"', page.html)
    assert len(counted) == 4
    assert len(years) == 4
    for href, count in [*counted, *years]:
        assert f"{count} records match." in anybody.open(href.replace("&amp;", "&")).text, href


def test_pages_follow_one_another_and_meet_each_record_once(anybody: Person) -> None:
    page, met = anybody.open("/en/data?sort=title&west=0&south=0&east=40&north=20"), []
    while True:
        met += re.findall(r'<h2><a href="/en/data/c/(i\d\d)"', page.html)
        further = re.search(r'rel="next" href="([^"]+)"', page.html)
        if further is None:
            break
        page = anybody.open(further.group(1).replace("&amp;", "&"))
    assert met == [f"i{n:02d}" for n in range(29)]


def test_a_chip_takes_its_filter_away_and_keeps_the_others(anybody: Person) -> None:
    page = anybody.open("/en/data?theme=oceans&licence=MIT&west=0&south=0&east=5&north=20")
    chips = re.findall(r'<li><a href="([^"]+)"><span class="visually-hidden">', page.html)
    assert [href.replace("&amp;", "&") for href in chips] == [
        "/en/data?licence=MIT&west=0&south=0&east=5&north=20",
        "/en/data?theme=oceans&west=0&south=0&east=5&north=20",
        "/en/data?theme=oceans&licence=MIT",
    ]


@pytest.mark.parametrize(
    "query", ["west=1", "west=a&south=0&east=1&north=1", "sort=size", "year=20", "from=soon",
              "colour=red", "token=x"],
)  # fmt: skip
def test_a_question_that_does_not_fit_is_told_so(anybody: Person, query: str) -> None:
    anybody.open(f"/en/data?{query}", 400)


def test_a_count_that_is_not_exact_says_between_which_numbers_it_lies() -> None:
    said = count_words(Words("en"), Matched(8_000, 120_000))
    assert said == "At least 8,000 records match, at most 120,000."
    guessed = count_words(Words("en"), Matched(8_000, 120_000, 51_234))
    assert guessed == (
        "About 51,000 records match, as the newest suggest; at least 8,000, at most 120,000."
    )
    assert count_words(Words("en"), Matched(1, 1)) == "1 record matches."


def test_bars_stand_in_order_of_years_and_the_asked_one_is_marked() -> None:
    bars = timeline({"2001": Matched(2, 2), "1999": Matched(4, 4)}, "1999")
    assert [(bar.year, bar.height, bar.current) for bar in bars] == [
        ("1999", 90, True),
        ("2001", 45, False),
    ]
    assert timeline({}) == ()


def test_bars_are_as_high_as_is_likely_not_as_is_possible() -> None:
    bars = timeline({"2001": Matched(3, 900, 20), "1999": Matched(0, 900, 10)})
    assert [(bar.count, bar.exact, bar.height) for bar in bars] == [
        (10, False, 45),
        (20, False, 90),
    ]


def test_a_page_belongs_to_its_question() -> None:
    asked = Asked({"q": "snow", "token": "t"})
    assert asked.address("en", theme="oceans") == "/en/data?q=snow&theme=oceans"


def test_regions_are_named_in_the_language_of_the_reader_where_the_node_knows_them(
    tmp_path: Path,
) -> None:
    node = community(tmp_path)
    region: dict[str, Any] = {
        "id": "m49:404", "names": {"en": "Kenya <b>", "zh": "肯尼亚"}, "kind": "country",
        "iso3": "KEN", "groups": [], "members": [],
    }  # fmt: skip
    basin = region | {"id": "x:tana", "names": {"en": "Tana", "zh": "塔纳"}, "iso3": None}
    with node.catalog.transaction() as tx:
        for name, row in (("ec:countries-un", region), ("x:basins", basin)):
            body = {"id": name, "version": "1", "sha256": "a" * 64, "item": "r/r",
                    "regions": [row]}  # fmt: skip
            tx.put(Record("region-set", name, body))
        for n, found in enumerate((["KEN"], ["m49:404", "x:tana"], ["x:lost"])):
            item = _item(n)
            item["properties"]["ec:regions"] = found
            tx.put(Record("item", f"c/i{n:02d}", item))
    anybody = Person(node, "", create_app(node))
    page = anybody.open("/zh/data")
    assert "region=KEN" in page.html
    for said in ("肯尼亚", "塔纳", "x:lost"):
        assert f">{said}</a>" in page.html
    assert ">Kenya &lt;b&gt;</a>" in anybody.open("/en/data").html
    assert "区域：塔纳" in anybody.open("/zh/data?region=x:tana").text
    assert "Region: nowhere" in anybody.open("/en/data?region=nowhere").text
    node.catalog.close()


@pytest.mark.parametrize(
    ("theme", "english", "chinese"),
    [
        ("oceans", "oceans", "海洋"),
        ("Sea_Ice", "sea ice", "海冰"),
        ("soil moisture", "soil moisture", "土壤湿度"),
        ("cryosphere", "cryosphere", "冰冻圈"),
        ("Bärlappgewächse", "", ""),
    ],
)
def test_a_theme_the_product_knows_is_told_in_both_languages_however_it_is_written(
    theme: str, english: str, chinese: str
) -> None:
    assert (Words("en").theme(theme), Words("zh").theme(theme)) == (english, chinese)


def test_a_target_is_told_by_its_number_and_its_goal() -> None:
    assert Words("zh").goal("13.3") == "13.3 气候行动"
    assert Words("en").goal("6.4.2") == "6.4.2 Clean water and sanitation"
    assert Words("en").goal("99.1") == Words("zh").goal("x") == ""


def test_every_theme_has_its_own_key_and_words_in_both_languages() -> None:
    for key, (english, chinese) in THEMES.items():
        assert plain_theme(key) == key
        assert english.isascii()
        assert re.search("[\u4e00-\u9fff]", chinese)


def test_a_theme_of_others_is_shown_as_stated_in_no_stated_language(tmp_path: Path) -> None:
    node = community(tmp_path)
    body = _item(1)
    body["properties"]["themes"][0]["concepts"] = [{"id": "Moorkunde"}, {"id": "snow"}]
    with node.catalog.transaction() as tx:
        tx.put(Record("collection", "c", {"id": "c", "title": "C", "description": "C"}))
        tx.put(Record("item", "c/i01", body, links=(Link("in", "collection", "c"),)))
    anybody = Person(node, "", create_app(node))
    html = anybody.open("/zh/data").html
    assert re.search(r'<a href="[^"]*theme=Moorkunde" lang="">Moorkunde</a>', html)
    assert re.search(r'<a href="[^"]*theme=snow">积雪</a>', html)
    assert '<span lang="">Moorkunde</span>' in anybody.open("/zh/data?theme=Moorkunde").html
    node.catalog.close()


def test_facets_stand_behind_one_line_that_says_how_many_are_in_force(anybody: Person) -> None:
    for lang, said in (("en", "Filters"), ("zh", "筛选")):
        plain = anybody.open(f"/{lang}/data").html
        assert f'<details class="sieve"><summary>{said}</summary>' in plain
        asked = anybody.open(f"/{lang}/data?q=T&theme=biota&year=2000").html
        assert f"<summary>{said} (2)</summary>" in asked
        box = anybody.open(f"/{lang}/data?west=0&south=0&east=9&north=20").html
        assert f"<summary>{said} (1)</summary>" in box
