"""The portal's pages as a person and a harvester get them, from a tiny node."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from fastapi.testclient import TestClient
from tests.web.pages_node import build, need_id

from earthcommons.commons import Node, make_node
from earthcommons.model import Record
from earthcommons.web import create_app
from earthcommons.web.pages.figures import Asked, series
from earthcommons.web.pages.site import Site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PAGES = (
    "/", "/map", "/map?layer=tree-cover", "/map?layer=sst-anomaly", "/places", "/places?q=ken",
    "/places/m49:404", "/places/m49:678", "/places/ec:nino34?period=2015-11", "/indicators",
    "/indicators/tree-cover", "/indicators/sst-anomaly", "/indicators/trout-abundance", "/alerts",
    "/watches/enso", "/data", "/data?nature=observation", "/technology", "/technology?q=night",
    "/technology/offers/reg:lamp", "/reports", "/node", "/regions/ec:countries-un", "/nothing",
)  # fmt: skip


class Outline(HTMLParser):
    """What the rules of every page are about."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.lang = ""
        self.inline: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        facts = dict(attrs)
        self.lang = self.lang or (facts.get("lang") or "")
        if name := facts.get("id"):
            self.ids.append(name)
        self.inline += [name for name in facts if name == "style" or name.startswith("on")]
        if tag == "script" and facts.get("type") != "application/json" and not facts.get("src"):
            self.inline.append("script")
        if tag == "style":
            self.inline.append("style element")
        loads = {"script": "src", "img": "src", "link": "href", "ec-map": "regions"}
        if (source := loads.get(tag)) and facts.get("rel") not in ("canonical", "alternate"):
            self.links.append(str(facts.get(source) or "/"))


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    made = build(tmp_path_factory.mktemp("pages") / "node")
    yield made
    made.catalog.close()


@pytest.fixture(scope="module")
def client(node: Node) -> TestClient:
    return TestClient(create_app(node), raise_server_exceptions=False)


def page(client: TestClient, path: str, status: int = 200) -> str:
    answer = client.get(path, follow_redirects=False)
    assert answer.status_code == status, answer.text[:500]
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    return str(answer.text)


def why_links(text: str) -> list[str]:
    return re.findall(r"/(?:en|zh)/why/(obs-[a-z2-7]{26})", text)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("path", PAGES)
def test_every_page_keeps_the_rules_of_all_pages(
    client: TestClient, lang: str, path: str
) -> None:
    text = page(client, f"/{lang}{path}", 404 if path == "/nothing" else 200)
    outline = Outline(text)
    assert outline.tags.count("h1") == 1
    assert {"main", "nav", "header", "footer"} <= set(outline.tags)
    assert outline.lang == ("zh-Hans" if lang == "zh" else "en")
    assert outline.inline == []
    assert len(outline.ids) == len(set(outline.ids))
    assert [
        link for link in outline.links if not link.startswith("/") or link[:2] == "//"
    ] == []
    assert len(text.encode()) < 100_000
    assert ("演示包" if lang == "zh" else "Demonstration pack") in text
    assert "official endorsement or" in text or not re.search(
        r"\bofficial(?! figure| statistic)", text
    )


@pytest.mark.parametrize("path", ["/places/m49:404", "/map?layer=sst-anomaly&region=ec:nino34"])
def test_language_switch_keeps_place_and_state(client: TestClient, path: str) -> None:
    text = page(client, f"/en{path}")
    assert f'href="/zh{path.replace("&", "&amp;")}"' in text


@pytest.mark.parametrize(
    ("accept", "lang"),
    [("zh-CN,zh;q=0.9,en;q=0.5", "zh"), ("fr", "en"), ("en;q=0.2, zh;q=0.1", "en"), ("", "en")],
)
def test_way_in_follows_the_language_asked_for(
    client: TestClient, accept: str, lang: str
) -> None:
    answer = client.get("/", headers={"accept-language": accept}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (302, f"/{lang}/")
    assert "accept-language" in answer.headers["vary"]


def test_home_shows_the_three_extremes_with_their_evidence(client: TestClient) -> None:
    text = page(client, "/en/")
    for said in ("July 2023", "September 2012", "November 2015", "+2.68", "13.49"):
        assert said in text
    assert "−7.2 standard deviations" in text
    assert len(set(why_links(text))) == 6
    assert "/en/alerts#alert-one" in text


def test_home_of_an_empty_node_says_that_nothing_is_published(tmp_path: Path) -> None:
    empty = make_node(tmp_path / "empty")
    client = TestClient(create_app(empty))
    assert "No indicator is computed on this node yet." in page(client, "/en/")
    for path in (
        "/map",
        "/places",
        "/alerts",
        "/data",
        "/technology",
        "/reports",
        "/indicators",
    ):
        page(client, f"/zh{path}")
    empty.catalog.close()


def test_home_shows_how_far_a_build_is_and_reads_itself_again(node: Node) -> None:
    building = TestClient(create_app(node, lambda: (3, 25, "land-use")))
    text = page(building, "/zh/")
    assert '<meta http-equiv="refresh" content="5">' in text
    assert "3/25" in text
    done = TestClient(create_app(node, lambda: None))
    assert "refresh" not in page(done, "/zh/")


@pytest.mark.parametrize("name", ["m49:404", "404", "KEN"])
def test_kenya_is_found_by_each_of_its_names(client: TestClient, name: str) -> None:
    text = page(client, f"/en/places/{name}")
    assert "57% more in 2023 than in 2020" in text
    assert "2020 was a pandemic year" in text
    assert "not a statement about electricity" in text
    assert 'rel="canonical" href="http://127.0.0.1:8000/en/places/m49:404"' in text


def test_every_number_of_kenyas_tables_leads_to_its_evidence(client: TestClient) -> None:
    text = page(client, "/en/places/KEN")
    rows = re.findall(r"<tr>.*?</tr>", text, re.DOTALL)
    with_number = [row for row in rows if '<td class="number"><span class="value">' in row]
    assert len(with_number) > 10
    assert [row for row in with_number if not why_links(row)] == []


def test_sao_tome_shows_both_values_and_withholds_the_change(client: TestClient) -> None:
    text = page(client, "/en/places/STP")
    assert "11.3" in text
    assert "15.5" in text
    assert "Withheld: v100 to v200 is another algorithm" in text
    assert "Missing: coverage: 0.4 valid cells, fewer than 30" in text
    zh = page(client, "/zh/places/STP")
    assert "暂不发布：v100与v200算法不同" in zh
    assert "缺失：覆盖不足：有效像元0.4个，少于30个" in zh


def test_why_tells_six_lines_and_marks_the_providers_file_as_absent(client: TestClient) -> None:
    id_ = why_links(page(client, "/en/"))[0]
    text = page(client, f"/en/why/{id_}")
    for head in ("Value", "Method", "Inputs", "Regions", "Run", "Provider"):
        assert f"<dt>{head}" in text
    assert "not in this pack" in text
    assert f'data-verify="/api/observations/{id_}/verify"' in text
    assert f"/api/observations/{id_}/capsule" in text
    part = page(client, f"/en/why/{id_}?part=trace")
    assert "<h1" not in part
    assert "<dl class=" in part


def test_a_region_name_cannot_break_out_of_the_page(client: TestClient) -> None:
    for path in ("/en/places", "/en/places/m49:900", "/en/map?layer=tree-cover"):
        text = page(client, path)
        assert "Country 0 &lt;b&gt;" in text
        assert "Country 0 <b>" not in text


def test_a_providers_link_that_is_no_web_address_is_no_link(client: TestClient) -> None:
    text = page(client, "/en/technology/offers/reg:lamp")
    assert "javascript:" not in text
    assert "Night lamp &lt;script&gt;" in text


def test_unknown_is_counted_apart_and_becomes_a_question(
    client: TestClient, node: Node
) -> None:
    text = page(client, f"/en/technology/needs/{need_id(node)}")
    assert "1 satisfied, 0 failed, 1 unknown" in text
    assert "Under which licence may it be used" in text
    for word in ("recommend", "best", "winner"):
        assert word not in text.lower()


def test_an_alert_says_how_unusual_it_was_and_how_often_its_watch_errs(
    client: TestClient,
) -> None:
    text = page(client, "/en/alerts")
    assert "z = 3.10, rank 1 of 10" in text
    assert "0.319 a year on series without events (0.316 to 0.321)" in text
    assert 'id="alert-one"' in text


def test_a_series_of_one_month_is_told_as_such_and_carries_no_other_months_alert(
    node: Node,
) -> None:
    site = Site(node)
    level = (("measure", "level"),)
    drawn = series(site, "en", Asked("sst-anomaly", "ec:nino34", level, "month", 4))
    assert drawn.caption == "Monthly mean, each April"
    assert drawn.spanned
    assert len(drawn.rows) == 4
    assert not series(site, "en", Asked("sst-anomaly", "ec:nino34", level, "month", 7)).spanned


def test_facets_leave_the_records_they_count(client: TestClient) -> None:
    text = page(client, "/en/data?collection=black-marble-kenya")
    assert "4 records match." in text
    assert "/en/data/black-marble-kenya/night-lights-kenya-2020" in text
    assert "/en/data/ersst-v5/ersst-v5" not in text


def test_a_record_says_who_used_it_and_how_to_read_it(client: TestClient) -> None:
    text = page(client, "/en/data/black-marble-kenya/night-lights-kenya-2020")
    assert "/en/indicators/night-lights" in text
    assert "rioxarray.open_rasterio(&#34;http://127.0.0.1:8000/objects/" in text
    assert "Somebody &amp; sons" in text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/en/nowhere", 404), ("/zh/places/XXX", 404), ("/en/why/obs-none", 404),
        ("/en/places/KEN?colour=red", 400), ("/en/map?layer=none", 404),
        ("/en/places/KEN?period=never", 400), ("/en/data/no/thing", 404),
    ],
)  # fmt: skip
def test_failures_are_pages_that_say_what_happened_and_what_to_do(
    client: TestClient, path: str, status: int
) -> None:
    text = page(client, path, status)
    assert 'href="/zh/places"' in text or 'href="/en/places"' in text
    assert f"<code>{status} " in text


def test_the_change_log_is_silent_about_what_only_staff_may_see(tmp_path: Path) -> None:
    node = make_node(tmp_path / "drafts")
    body = {"id": "need-hidden", "title": {"en": "Hidden", "zh": "隐藏"}}
    with node.catalog.transaction() as tx:
        tx.put(Record("need", "need-hidden", body, access="steward"))
        tx.put(Record("watch", "open-watch", {"key": "open-watch", "indicator": "x"}))
    client = TestClient(create_app(node))
    for path in ("/en/", "/zh/node"):
        text = page(client, path)
        assert "need-hidden" not in text
        assert "open-watch" in text
    node.catalog.close()


def test_failures_outside_the_pages_stay_problem_documents(client: TestClient) -> None:
    for path in ("/figures/series/none/x.en.svg", "/fr/places", "/figures/split/x.fr.svg"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"


def test_pictures_are_drawn_and_hold_no_style(client: TestClient) -> None:
    found: set[str] = set()
    for path in ("/en/places/KEN", "/zh/map?layer=tree-cover", "/en/places/ec:nino34"):
        text = page(client, path)
        found |= {
            src.replace("&amp;", "&") for src in re.findall(r'src="(/figures/[^"]+)"', text)
        }
    assert {src.split("/")[2].split(".")[0] for src in found} >= {"series", "split", "map"}
    for src in found:
        answer = client.get(src)
        assert answer.status_code == 200, src
        assert answer.headers["content-type"].startswith("image/svg+xml")
        assert "<script" not in answer.text
        assert " style=" not in answer.text


def test_pages_are_compressed_for_those_who_ask(client: TestClient) -> None:
    answer = client.get("/en/places", headers={"accept-encoding": "gzip"})
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["vary"].split(", ")[0] == "accept-encoding"
