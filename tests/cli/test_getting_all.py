"""`earthcommons get` of a whole collection, from a node that keeps some of it to itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from tests.cli.conftest import run_cli
from tests.loopback import serving
from tests.web.listening import free_port, listening

from earthcommons.commons import Node, make_node
from earthcommons.commons.stories import getting
from earthcommons.commons.stories.getting import Getter
from earthcommons.errors import InvalidInputError
from earthcommons.ingest import ingest
from earthcommons.model import Declaration, Period, Record, Text, VariableDeclaration
from earthcommons.settings import Settings
from earthcommons.store import digest_of_path
from earthcommons.web import create_app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    """Five items: one is hidden, of one the bytes ask for an account."""
    monkeypatch.delenv("EARTHCOMMONS_KEY", raising=False)
    node = make_node(tmp_path / "node", Settings(port=free_port()))
    profile = {
        "driver": "GTiff", "height": 4, "width": 4, "count": 1, "dtype": "float32",
        "crs": "EPSG:4326", "transform": from_origin(10, 50, 0.5, 0.5),
    }  # fmt: skip
    for n in range(5):
        with rasterio.open(tmp_path / "x.tif", "w", **profile) as out:
            out.write(np.full((4, 4), n, "f4"), 1)
        text = Text("x", "x")
        ingest(
            tmp_path / "x.tif",
            Declaration(f"i{n}", "c", text, text, Period.year(2000 + n), "CC0-1.0", "nobody",
                        "observation", (VariableDeclaration("v", "1"),)),
            node.catalog, node.store,
        )  # fmt: skip
    with node.catalog.transaction() as tx:
        hidden = node.catalog.get("item", "c/i1")
        tx.revise(Record("item", "c/i1", hidden, 1, "steward", ()))
        kept = node.catalog.get("item", "c/i3") | {"ec:access": {"fetch": "registered"}}
        tx.revise(Record("item", "c/i3", kept, 1, "open", ()))
    with listening(create_app(node), node.settings.port):
        yield node
    node.catalog.close()


def test_all_that_may_be_read_comes_in_order_and_the_rest_is_told(
    source: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(getting, "_PAGE", 2)
    out = tmp_path / "data"
    said = ("get", "c", "--at", source.settings.url, "--out", out)
    done = run_cli(*said)
    assert done.code == 5
    assert done.out.splitlines()[-2].startswith("refused  c/i3: ")
    assert done.out.splitlines()[-1] == "4 items, 1 refused"
    assert json.loads((out / "c" / "collection.json").read_text())["id"] == "c"
    got = sorted(path.name for path in (out / "c").iterdir() if any(path.glob("item.json")))
    assert got == ["i0", "i2", "i4"]
    for name in got:
        item = source.catalog.get("item", f"c/{name}")
        for asset in ("data", "source"):
            stated = item["assets"][asset]["file:checksum"][4:]
            assert digest_of_path(out / "c" / name / f"{asset}.tif") == stated
    # Once more: what is damaged here is mended, the rest stays as it is.
    broken = out / "c" / "i2" / "data.tif"
    sound, kept = broken.read_bytes(), (out / "c" / "i0" / "data.tif").stat().st_mtime_ns
    broken.write_bytes(sound[:-1])
    lines = run_cli(*said, "--json").out.splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["item"] for row in rows] == ["c/i4", "c/i3", "c/i2", "c/i0"]
    assert rows[1]["code"] == "access-denied"
    assert broken.read_bytes() == sound
    assert (out / "c" / "i0" / "data.tif").stat().st_mtime_ns == kept


def test_what_is_damaged_on_the_node_ends_nothing(source: Node, tmp_path: Path) -> None:
    key = source.catalog.get("item", "c/i2")["assets"]["data"]["href"].rsplit("/", 1)[-1]
    source.store.mark(key, "0" * 64)
    found = list(Getter().get_all(f"{source.settings.url}/stac/collections/c/", tmp_path))
    refused = {each.item: each.refused.code for each in found if each.refused}
    assert refused == {"c/i2": "asset-corrupt", "c/i3": "access-denied"}
    assert [each.item for each in found if each.assets] == ["c/i4", "c/i0"]


def test_a_collection_has_no_version_and_nobody_elses_pages(
    source: Node, tmp_path: Path
) -> None:
    at = ("--at", source.settings.url, "--out", tmp_path)
    assert run_cli("get", "c", *at, "--version", 1).code == 2
    assert run_cli("get", "nothing", *at).code == 3
    assert run_cli("get", "c/", *at).code == 2
    pages: dict[str, Any] = {
        "/collections/c": {"type": "Collection", "id": "c"},
        "/collections/c/items": {
            "features": [],
            "links": [{"rel": "next", "href": f"{source.settings.url}/stac/search"}],
        },
    }
    with serving(answering(pages)) as url, pytest.raises(InvalidInputError) as caught:
        list(Getter(key="secret").get_all(f"{url}/collections/c", tmp_path))
    assert caught.value.code == "source-forbidden"


def test_an_item_of_another_name_is_not_taken(tmp_path: Path) -> None:
    pages: dict[str, Any] = {
        "/collections/c": {"type": "Collection", "id": "c"},
        "/collections/c/items": {"features": [{"id": "a"}]},
        "/collections/c/items/a": {
            "type": "Feature", "id": "b", "collection": "other", "assets": {},
        },
    }  # fmt: skip
    with serving(answering(pages)) as url:
        (found,) = Getter().get_all(f"{url}/collections/c", tmp_path)
    assert found.refused is not None
    assert found.refused.code == "invalid-input"
    assert not (tmp_path / "other").exists()


def answering(pages: dict[str, Any]) -> Any:
    """Return a handler that answers paths with JSON."""
    from http.server import BaseHTTPRequestHandler

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            body = json.dumps(pages[self.path.partition("?")[0]]).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler
