"""QGIS itself reads what the pages say it reads: its menus and dialogs are used as they say.

Left out where QGIS is not installed (Debian: qgis, python3-qgis).
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tests.web.conftest import serving
from tests.web.portal import WORD
from tests.web.reading_node import KINDS, add_kinds

from earthcommons.model import OPERATOR
from earthcommons.policy import acting_as
from earthcommons.web.pages.reading import KEY_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from earthcommons.commons import Node

STEPS = Path(__file__).with_name("qgis_steps.py")
PYTHON = Path("/usr/bin/python3")
# GDAL sends a header to one host alone from here on.
FROM = (3, 7)
pytestmark = pytest.mark.skipif(
    shutil.which("qgis") is None or not PYTHON.exists(), reason="QGIS is not installed"
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Node, str]]:
    """A node with an open and a closed item of each kind, and a key that opens the closed."""
    root = tmp_path_factory.mktemp("qgis")
    with serving(root) as (url, node):
        with acting_as(OPERATOR):
            node.catalog.people.add("rosa", "Rosa", password=WORD)
            key: str = node.catalog.credentials.issue_key("rosa", ("read",), 1).reveal()
            add_kinds(node, root)
        yield url, node, key


def shown(url: str, lang: str, name: str, key: str = "") -> list[str]:
    """Return what the page of an item says under QGIS, line by line."""
    mine = {"authorization": f"Bearer {key}"} if key else {}
    page = httpx.get(f"{url}/{lang}/data/{name}", headers=mine, timeout=30).text
    found = re.search(r"<h3>QGIS</h3>\s*<pre[^>]*><code>(.*?)</code>", page, re.DOTALL)
    assert found is not None, name
    return unescape(found.group(1)).splitlines()


def ways(lines: list[str]) -> list[tuple[list[str], dict[str, str]]]:
    """Return each way the page gives: the lines before its menu, its menu and its address."""
    found: list[tuple[list[str], dict[str, str]]] = []
    before: list[str] = []
    for n, line in enumerate(lines):
        if " > " not in line:
            before.append(line)
            continue
        address = lines[n + 1] if "HTTP" in line else ""
        found.append((before, {"steps": line, "address": address}))
        before = []
    return found


def readied(way: tuple[list[str], dict[str, str]], home: Path, key: str) -> dict[str, str]:
    """Do in a home folder what stands before a way's menu, and return the menu and address."""
    before, step = way
    home.mkdir(exist_ok=True)
    for n, line in enumerate(before):
        if line.startswith("curl "):
            subprocess.run(  # noqa: S603 — the line the page shows
                shlex.split(line.replace(f"${KEY_VARIABLE}", key)), cwd=home, check=True,
                capture_output=True, timeout=60,
            )  # fmt: skip
            (came,) = home.glob("*.*")
            step = step | {"address": str(came)}
        if line == "[credentials]":
            settings = "\n".join(before[n:-1])
            (home / ".gdal").mkdir(exist_ok=True)
            (home / ".gdal" / "gdalrc").write_text(settings.replace("<key>", key))
    return step


def qgis(home: Path, **task: Any) -> dict[str, Any]:
    """Return what came of a task, done in a home folder of its own."""
    env = {name: os.environ[name] for name in ("PATH",)} | {
        "HOME": str(home), "LC_ALL": "C.UTF-8", "QT_QPA_PLATFORM": "offscreen",
        "QGIS_CUSTOM_CONFIG_PATH": str(home / "qgis"), "XDG_RUNTIME_DIR": str(home),
    }  # fmt: skip
    task = {"lang": "en", "layers": [], "features": []} | task
    done = subprocess.run(  # noqa: S603
        [str(PYTHON), str(STEPS)], input=json.dumps(task), env=env, cwd=home, text=True,
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-1500:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_qgis_opens_every_kind_by_the_words_of_its_page(
    served: tuple[str, Node, str], tmp_path: Path, lang: str
) -> None:
    layers = []
    for name in KINDS:
        (way,) = ways(shown(served[0], lang, f"demo/{name}"))
        layers.append(readied(way, tmp_path / name, ""))
    (tmp_path / "home").mkdir()
    found = qgis(tmp_path / "home", lang=lang, layers=layers)["layers"]
    assert dict(zip(KINDS, found, strict=True)) == KINDS


def test_qgis_opens_what_is_closed_both_ways_its_page_says_and_not_without_a_key(
    served: tuple[str, Node, str], tmp_path: Path
) -> None:
    url, _, key = served
    copies, direct, home = [], {}, tmp_path / "home"
    for name in KINDS:
        first, *others = ways(shown(url, "en", f"demo/closed-{name}", key))
        with pytest.raises(subprocess.CalledProcessError):
            readied(first, tmp_path / f"refused-{name}", "")
        copies.append(readied(first, tmp_path / name, key))
        # A Zarr is given as the file it was made of, to be brought here.
        assert len(others) == (name != "cube")
        for way in others:
            direct[name] = readied(way, home, key)
    rc = home / ".gdal" / "gdalrc"
    # The page says from which GDAL on: an older one sends no key.
    with_key = qgis(home, layers=list(direct.values()))
    new = tuple(with_key["gdal"]) >= FROM
    for name, found in zip(direct, with_key["layers"], strict=True):
        assert found == KINDS[name] if new else "error" in found, name
    rc.unlink()
    done = qgis(home, layers=[*copies, *direct.values()])["layers"]
    assert dict(zip(KINDS, done, strict=False)) == KINDS
    assert all("error" in found for found in done[len(copies) :])


def test_qgis_opens_a_short_link_to_what_is_closed(
    served: tuple[str, Node, str], tmp_path: Path
) -> None:
    url, _, key = served
    asked = {"kind": "item", "name": "demo/closed-raster", "asset": "data", "seconds": 60}
    mine = {"authorization": f"Bearer {key}"}
    given = httpx.post(f"{url}/api/links", json=asked, headers=mine, timeout=30)
    link = given.raise_for_status().json()["url"]
    ((_, step),) = ways(shown(url, "en", "demo/raster"))
    (opened,) = qgis(tmp_path, layers=[step | {"address": link}])["layers"]
    assert opened == KINDS["raster"]


def test_qgis_pages_through_a_collection_as_ogc_features_and_filters_by_place(
    served: tuple[str, Node, str], tmp_path: Path
) -> None:
    url = served[0]
    whole = httpx.get(f"{url}/stac/collections/demo/items?limit=100", timeout=30).json()
    box = [20.0, 21.0, 60.0, 29.0]
    text = ",".join(str(edge) for edge in box)
    part = httpx.get(
        f"{url}/stac/collections/demo/items?limit=100&bbox={text}", timeout=30
    ).json()
    ids, within = (sorted(one["id"] for one in page["features"]) for page in (whole, part))
    assert 0 < len(within) < len(ids)
    asks = [([], 0), ([], 5), (box, 0), (box, 3)]
    found = qgis(
        tmp_path,
        features=[
            {"url": f"{url}/stac", "collection": "demo", "bbox": bbox, "page": page}
            for bbox, page in asks
        ],
    )["features"]
    assert found == [{"ids": ids}, {"ids": ids}, {"ids": within}, {"ids": within}]
