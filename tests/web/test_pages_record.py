"""The page of a record: what is withheld and how to get it, versions, citations, code that runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from html import unescape
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from rasterio.transform import from_origin
from tests.web.portal import WORD, Person, community

from earthcommons.errors import InvalidInputError
from earthcommons.ingest import ingest
from earthcommons.model import (
    OPERATOR,
    PUBLIC,
    Declaration,
    Period,
    Text,
    VariableDeclaration,
)
from earthcommons.model.record import Link, Record
from earthcommons.policy import acting_as
from earthcommons.web import create_app
from earthcommons.web.pages.reading import KEY_VARIABLE, reading
from earthcommons.web.pages.rules import RuleFields, label_words, rule_from
from earthcommons.web.words import Words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fastapi import FastAPI

    from earthcommons.commons import Node

BYTES = b"some bytes"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    made = community(tmp_path_factory.mktemp("record"))
    key = made.store.put_bytes(BYTES, ".nc")
    asset = {"href": f"/objects/{key}", "type": "application/netcdf", "roles": ["data"],
             "file:checksum": f"1220{key[:64]}", "file:size": len(BYTES)}  # fmt: skip
    with made.catalog.transaction() as tx:
        owned = {"id": "snow", "title": "Snow <b>", "ec:owner": "hydro", "description": "Snow."}
        tx.put(Record("collection", "snow", owned))
        for name, assets, access in (
            ("open", {"data": asset}, {}),
            ("bare", {}, {}),
            ("licensed", {"data": asset}, {"fetch": "licence:odbl-1.0"}),
            ("grouped", {"data": asset}, {"fetch": "group:secret-basin"}),
            ("later", {"data": asset}, {"fetch": "after:2199-01-01T00:00:00Z"}),
            ("known", {"data": asset}, {"fetch": "registered"}),
        ):
            body = _item(name) | {"assets": assets} | ({"ec:access": access} if access else {})
            links = (Link("in", "collection", "snow"),)
            tx.put(Record("item", f"snow/{name}", body, links=links))
    yield made
    made.catalog.close()


@pytest.fixture(scope="module")
def app(node: Node) -> FastAPI:
    return create_app(node)


def _item(id_: str) -> dict[str, Any]:
    return {
        "type": "Feature", "stac_version": "1.1.0", "id": id_, "collection": "snow",
        "geometry": None, "properties": {"datetime": "2015-06-01T00:00:00Z"}, "links": [],
    }  # fmt: skip


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("name", ["open", "bare", "licensed", "grouped", "later", "known"])
def test_an_item_of_any_sort_has_a_page(node: Node, app: FastAPI, name: str, lang: str) -> None:
    for who in ("", "eve", "zhu"):
        page = Person(node, who, app).open(f"/{lang}/data/snow/{name}")
        assert "Snow &lt;b&gt;" in page.html
        assert ("/objects/" in page.html) == (name == "open" or (who != "" and name == "known")
                                              or (who == "zhu" and name != "bare"))  # fmt: skip


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("licensed", "Accept ODbL-1.0"), ("grouped", "Ask the owner of the data for access."),
        ("later", "They open on 2199-01-01."),
    ],
)  # fmt: skip
def test_a_withheld_file_says_what_to_do_and_names_no_group(
    node: Node, app: FastAPI, name: str, said: str
) -> None:
    page = Person(node, "eve", app).open(f"/en/data/snow/{name}")
    assert said.lower() in page.text.lower()
    assert "secret-basin" not in page.html
    assert "withheld from you" in page.text
    anybody = Person(node, "", app).open(f"/en/data/snow/{name}")
    assert "Sign in to see whether it is open to you." in anybody.text
    assert f"next=%2Fen%2Fdata%2Fsnow%2F{name}" in anybody.html


def test_a_version_there_is_not_is_not_found_and_a_day_before_the_first_neither(
    node: Node, app: FastAPI
) -> None:
    anybody = Person(node, "", app)
    anybody.open("/en/data/snow/open?version=9", 404)
    anybody.open("/en/data/snow/open?version=x", 400)
    anybody.open("/en/data/snow/open?as_of=1999-01-01", 404)
    anybody.open("/en/data/snow/open?as_of=never", 400)
    page = anybody.open("/en/data/snow/open?as_of=2199-01-01")
    assert page.address == "/en/data/snow/open?version=1"


def test_each_citation_on_the_page_is_the_one_to_download(node: Node, app: FastAPI) -> None:
    anybody = Person(node, "", app)
    page = anybody.open("/en/data/snow/open")
    for style in ("bibtex", "ris", "csl"):
        address = next(link for link in page.links if f"style={style}" in link)
        first = anybody.http.get(address).text.splitlines()[0]
        assert " ".join(first.split()) in page.text


def test_a_raster_without_chinese_words_is_shown_where_it_lies_in_degrees(
    served_alone: tuple[str, Node], tmp_path: Path
) -> None:
    node = served_alone[1]
    profile = {
        "driver": "GTiff", "height": 40, "width": 40, "count": 1, "dtype": "float32",
        "crs": "EPSG:32633", "transform": from_origin(500_000, 5_000_000, 1000, 1000),
    }  # fmt: skip
    with rasterio.open(tmp_path / "utm.tif", "w", **profile) as out:
        out.write(np.arange(1600, dtype="f4").reshape(40, 40), 1)
    variables = (VariableDeclaration("v", "percent"),)
    declared = Declaration(
        item="utm", collection="utm", title=Text("Utm", ""), description=Text("One.", ""),
        period=Period.year(2008), licence="CC0-1.0", attribution="n", nature="observation",
        variables=variables,
    )  # fmt: skip
    ingest(tmp_path / "utm.tif", declared, node.catalog, node.store)
    anybody = Person(node, "", create_app(node))
    for lang in ("en", "zh"):
        page = anybody.open(f"/{lang}/data/utm/utm")
        (found,) = re.findall(r' tile-bounds="([^"]+)"', page.html)
        west, south, east, north = map(float, found.split(","))
        assert 14.9 < west < east < 15.6
        assert 44.7 < south < north < 45.2
    # A legend of 0 to 1599 in eighths: edges to a hundredth of a class.
    assert legend(anybody.open("/en/data/utm/utm").html)["breaks"][:3] == [0, 200, 400]
    # A frame of half its size around what is small; what is wide is seen whole.
    assert ' bounds="-5,0,55,45"' in anybody.open("/zh/data/demo/regional").html
    assert ' bounds="' not in anybody.open("/zh/data/demo/raster-07").html


def test_python_on_the_page_reads_the_data(served: tuple[str, Node]) -> None:
    url, node = served
    with acting_as(PUBLIC):
        item = node.catalog.get("item", "demo/regional")
    ((tool, code),) = [each for each in reading(item, url) if each[0] == "Python"]
    shown = f"{code.rsplit(chr(10), 1)[0]}\nfound = {code.rsplit(chr(10), 1)[1]}"
    assert tool == "Python"
    assert _ran(f"{shown}\nprint(found.shape, float(found.max()))") == "(1, 60, 120) 100.0"


def test_python_with_a_key_reads_what_a_licence_closes(served: tuple[str, Node]) -> None:
    url, node = served
    with acting_as(OPERATOR):
        people = node.catalog.people
        people.add("reader", "Reader", password=WORD)
        people.accept("reader", "odbl-1.0")
        key = node.catalog.credentials.issue_key("reader", ("read",), 1).reveal()
        body, links = node.catalog.whole("item", "demo/raster-03")
        closed = body | {"ec:access": {"fetch": "licence:odbl-1.0"}}
        with node.catalog.transaction() as tx:
            tx.revise(Record("item", "demo/raster-03", closed, links=links))
        item = node.catalog.get("item", "demo/raster-03")
    code = dict(reading(item, url, guarded=True))["Python"]
    assert key not in code
    assert _ran(f"{code}\nprint(data.shape)", key) == "(1, 60, 120)"
    failed = _run(code, "")
    assert failed.returncode != 0


def _run(code: str, key: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, KEY_VARIABLE: key, "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR"}
    return subprocess.run(  # noqa: S603 — the code the page shows
        [sys.executable, "-W", "ignore", "-c", code],
        env=env, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def _ran(code: str, key: str = "") -> str:
    done = _run(code, key)
    assert done.returncode == 0, done.stderr[-1500:]
    return done.stdout.strip()


_WHO = st.sampled_from(
    [("open", "", ""), ("registered", "", ""), ("group", "basin", ""), ("steward", "", ""),
     ("licence", "", "odbl-1.0")]
)  # fmt: skip


@given(_WHO, _WHO, st.sampled_from(["", "2031-02-03"]), st.sampled_from(["files", "open"]))
def test_a_rule_stated_by_the_form_reads_back_as_it_was_stated(
    find: tuple[str, str, str], fetch: tuple[str, str, str], embargo: str, derive: str
) -> None:
    if find[0] == "licence":
        find = ("open", "", "")
    stated = RuleFields(
        find=find[0], find_group=find[1], fetch=fetch[0], fetch_group=fetch[1],
        fetch_licence=fetch[2], embargo=embargo, derive=derive,
    )  # fmt: skip
    rule = rule_from(stated)
    shown = RuleFields.of({"find": rule.find, "fetch": rule.fetch, "derive": rule.derive})
    assert shown == stated


@pytest.mark.parametrize(
    "changes",
    [
        {"fetch": "group"}, {"fetch": "licence"}, {"find": "nobody"}, {"embargo": "soon"},
        {"find": "other", "find_label": "drop table"},
    ],
)  # fmt: skip
def test_a_rule_without_its_group_licence_or_date_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(InvalidInputError):
        rule_from(RuleFields(**changes))


def legend(html: str) -> dict[str, Any]:
    (found,) = re.findall(r' legend="([^"]+)"', html)
    return dict(json.loads(unescape(found)))


def test_a_map_of_classes_is_drawn_also_where_nobody_gave_them_colours(
    served_alone: tuple[str, Node], tmp_path: Path
) -> None:
    node = served_alone[1]
    profile = {
        "driver": "GTiff", "height": 40, "width": 40, "count": 1, "dtype": "uint8", "nodata": 0,
        "crs": "EPSG:4326", "transform": from_origin(36, 0, 0.01, 0.01),
    }  # fmt: skip
    with rasterio.open(tmp_path / "cover.tif", "w", **profile) as out:
        out.write(np.arange(1600, dtype="u1").reshape(40, 40) % 3 + 1, 1)
    classes = {
        "1": {"title": "Forest", "color_hint": "1b7837"}, "2": {"title": "Other"},
        "3": {"title": "Water", "color_hint": "blue"},
    }  # fmt: skip
    declared = Declaration(
        item="cover", collection="cover", title=Text("Cover", ""), description=Text("C.", ""),
        period=Period.year(2008), licence="CC0-1.0", attribution="n", nature="observation",
        variables=(VariableDeclaration("cover", "class", classes=classes),),
    )  # fmt: skip
    ingest(tmp_path / "cover.tif", declared, node.catalog, node.store)
    anybody = Person(node, "", create_app(node))
    html = anybody.open("/en/data/cover/cover").html
    # This node has no outlines of countries: its map is drawn without, and asks for none.
    assert anybody.http.get("/api/regions.geojson").status_code == 404
    assert "<ec-map " in html
    assert ' regions="' not in html
    shown = legend(html)["items"]
    assert [each["label"] for each in shown] == ["Forest", "Other", "Water"]
    assert [each["colour"] for each in shown] == ["#1b7837", "#e69f00", "#009e73"]
    tile = anybody.http.get("/tiles/cover/cover/data/8/153/128.png?variable=cover")
    assert (tile.status_code, tile.headers["content-type"]) == (200, "image/png")


@pytest.mark.parametrize(
    ("low", "high"), [(0, 5e-324), (-1.7e308, 1.7e308), ("a", "b"), (None, 1), (2, 2)]
)
def test_an_item_whose_stated_range_cannot_be_drawn_has_its_page(
    served_alone: tuple[str, Node], low: Any, high: Any
) -> None:
    node = served_alone[1]
    band = {"name": "b", "statistics": {"minimum": low, "maximum": high}}
    asset = {"href": "https://elsewhere.example/a.tif", "type": "image/tiff", "bands": [band]}
    body = {
        "type": "Feature", "stac_version": "1.1.0", "stac_extensions": [], "id": "odd",
        "collection": "odd", "bbox": [0, 0, 1, 1],
        "geometry": {"type": "Point", "coordinates": [0, 0]},
        "properties": {"datetime": "2019-01-01T00:00:00Z"}, "assets": {"data": asset},
    }  # fmt: skip
    with node.catalog.transaction() as tx:
        tx.revise(
            Record("collection", "odd", {"type": "Collection", "id": "odd", "title": "O"})
        )
        tx.revise(Record("item", "odd/odd", body))
    page = Person(node, "", create_app(node)).http.get("/en/data/odd/odd")
    assert page.status_code == 200


def test_the_head_of_a_table_says_units_and_that_of_features_their_properties(
    served_alone: tuple[str, Node], tmp_path: Path
) -> None:
    node = served_alone[1]
    (tmp_path / "wells.csv").write_text("day,depth\n2019-01-01,3.2\n", encoding="utf-8")
    point = {"type": "Point", "coordinates": [36.5, -1.0]}
    features = [{"type": "Feature", "properties": {"plot": 7, "kind": None}, "geometry": point}]
    (tmp_path / "plots.geojson").write_text(
        json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8"
    )
    columns = (
        VariableDeclaration("day", "date", datatype="date"), VariableDeclaration("depth", "m")
    )  # fmt: skip
    for file, variables in (("wells.csv", columns), ("plots.geojson", ())):
        declared = Declaration(
            item=file[:5], collection="heads", title=Text(file, ""),
            description=Text("H.", ""), period=Period.year(2019), licence="CC0-1.0",
            attribution="n", nature="observation", variables=variables,
        )  # fmt: skip
        ingest(tmp_path / file, declared, node.catalog, node.store)
    anybody = Person(node, "", create_app(node))
    wells = anybody.open("/en/data/heads/wells").html
    assert '<th scope="col">day</th><th scope="col">depth [m]</th>' in wells
    assert "<td>2019-01-01</td><td>3.2</td>" in wells
    plots = anybody.open("/zh/data/heads/plots").html
    assert '<th scope="col">kind</th><th scope="col">plot</th>' in plots
    assert "<td></td><td>7</td>" in plots


def test_a_label_in_words_names_a_group_only_to_who_may_know() -> None:
    label = "after:2031-02-03T00:00:00Z+group:basin & registered"
    en, zh = Words("en"), Words("zh")
    assert label_words(en, label) == (
        "members of the group basin, and anybody with an account from 2031-02-03 on (UTC)"
    )
    assert label_words(en, "after:2031-02-03T00:00:00Z") == "anybody from 2031-02-03 on (UTC)"
    later = "after:2031-02-03T00:00:00Z & after:2030-01-01T00:00:00Z"
    assert label_words(zh, later) == "自 2031-02-03（世界协调时）起的任何人"
    assert "basin" not in label_words(en, label, named=False)
    assert label_words(zh, "open") == "任何人"
