"""Publishing by forms: what is taken, what is refused before and after a byte is kept."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.files import snow
from tests.web.portal import Person, community

from earthcommons.web import create_app
from earthcommons.web.pages import publish

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fastapi import FastAPI

    from earthcommons.commons import Node


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    made = community(tmp_path_factory.mktemp("publish"))
    yield made
    made.catalog.close()


@pytest.fixture(scope="module")
def app(node: Node) -> FastAPI:
    return create_app(node)


def test_two_files_are_two_drafts_and_what_is_guessed_is_said(
    node: Node, app: FastAPI, tmp_path: Path
) -> None:
    mei = Person(node, "mei", app)
    data = snow(tmp_path / "s.tif").read_bytes()
    files = [("2015/snow_2015-01.tif", data), ("2015/snow_2015-02.tif", data)]
    page = mei.send(
        mei.open("/en/publish"), "/publish", new_collection="pair", group="hydro", files=files
    )
    assert page.address.startswith("/en/drafts?new=drf-")
    assert "Drafts begun: 2." in page.text
    drafts = [link for link in page.links if "/drafts/drf-" in link]
    text = mei.open(drafts[0]).text
    assert "Guessed from the file or its name; please check" in text
    assert "Footprint 10.0° to 14.0° longitude" in text


def test_i29_axes_that_look_swapped_are_said_in_both_languages(
    node: Node, app: FastAPI
) -> None:
    mei = Person(node, "mei", app)
    point = {"type": "Point", "coordinates": [-1.3, 36.8]}
    features = [{"type": "Feature", "properties": {}, "geometry": point}]
    document = {"type": "FeatureCollection", "features": features, "bbox": [34, -5, 42, 5]}
    files = [("w.geojson", json.dumps(document).encode())]
    page = mei.send(
        mei.open("/en/publish"), "/publish", new_collection="wells", group="hydro", files=files
    )
    assert page.address.startswith("/en/drafts/drf-")
    assert "Doubtful; please check" in page.text
    assert "longitude and latitude look swapped" in page.text
    assert "经度与纬度疑似互换" in mei.open(page.address.replace("/en/", "/zh/")).text
    point["coordinates"] = [36.8, -1.3]
    files = [("v.geojson", json.dumps(document).encode())]
    right = mei.send(
        mei.open("/en/publish"),
        "/publish",
        new_collection="springs",
        group="hydro",
        files=files,
    )
    assert right.address.startswith("/en/drafts/drf-")
    assert "Doubtful" not in right.text


def test_nothing_is_kept_of_who_contributes_to_no_group(
    node: Node, app: FastAPI, tmp_path: Path
) -> None:
    eve = Person(node, "eve", app)
    before = sum(1 for _ in node.store.all_keys())
    answer = eve.http.post(
        "/en/publish", data={"new_collection": "mine", "group": "hydro"},
        files=[("files", ("a.tif", snow(tmp_path / "e.tif", 77).read_bytes()))],
    )  # fmt: skip
    assert answer.status_code == 403
    assert sum(1 for _ in node.store.all_keys()) == before


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"new_collection": ""}, 400, "choose a collection"),
        ({"new_collection": "../up"}, 400, "collection id"),
        ({"new_collection": "ok", "group": "none"}, 404, "no group"),
    ],
)
def test_a_form_that_names_no_place_is_shown_again(
    node: Node, app: FastAPI, changes: dict[str, str], status: int, said: str
) -> None:
    mei = Person(node, "mei", app)
    answer = mei.http.post(
        "/en/publish", data={"group": "hydro"} | changes, files=[("files", ("a.tif", b"x"))]
    )
    assert answer.status_code == status
    assert said in answer.text


def test_no_file_an_empty_file_and_one_that_leaves_its_folder_are_refused(
    node: Node, app: FastAPI
) -> None:
    mei = Person(node, "mei", app)
    page = mei.open("/en/publish")
    none = mei.send(page, "/publish", new_collection="x", group="hydro", status=400)
    assert "choose a folder or files first" in none.text
    for name, data, said in (("a.tif", b"", "is empty"), ("../../a.tif", b"II", "leaves")):
        again = mei.send(
            page, "/publish", new_collection="x", group="hydro", files=[(name, data)],
            status=400,
        )  # fmt: skip
        assert said in again.text


def test_a_form_over_its_bound_is_refused_before_it_is_read(
    node: Node, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "_MOST_BYTES", 1000)
    mei = Person(node, "mei", app)
    answer = mei.http.post(
        "/en/publish", data={"new_collection": "x"}, files=[("files", ("a.tif", b"x" * 2000))]
    )
    assert answer.status_code == 413
    assert "takes 0 MiB at most" in answer.text


@pytest.mark.parametrize("path", ["/en/", "/zh/data", "/en/sign-in"])
def test_a_node_of_one_s_own_data_is_called_no_demonstration(
    node: Node, app: FastAPI, path: str
) -> None:
    html = Person(node, "", app).open(path).html
    assert "emonstration" not in html
    assert "演示" not in html


def test_files_that_are_refused_are_told_in_the_language_of_the_page(
    node: Node, app: FastAPI, tmp_path: Path
) -> None:
    mei = Person(node, "mei", app)
    good = snow(tmp_path / "g.tif").read_bytes()
    for lang, said in (
        ("zh", "文件已损坏、不完整，或不符合其格式。"),
        ("en", "The file is damaged, cut short, or not built as its format asks."),
    ):
        files = [(f"good-{lang}.tif", good), (f"bad-{lang}.tif", b"II*\0junk")]
        page = mei.send(
            mei.open(f"/{lang}/publish"), "/publish", new_collection="told", group="hydro",
            files=files,
        )  # fmt: skip
        assert said in page.text
        assert '<small lang="en">not a whole GeoTIFF' in page.html
        at = next(link for link in page.links if "/drafts/drf-" in link)
        lacking = mei.send(mei.open(at), at, button=("then", "submit"), status=400)
        assert ("草稿尚不完整" in lacking.text) == (lang == "zh")
        assert ("the draft is not complete" in lacking.text) == (lang == "en")
