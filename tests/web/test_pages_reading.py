"""How to read a record in R and QGIS: the code of its page is run, the addresses are opened.

R runs where there is one (Debian: r-base-core, r-cran-terra, r-cran-sf); QGIS reads through GDAL,
and so do these tests. `test_qgis` does what the page says in QGIS itself.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from functools import cache
from typing import TYPE_CHECKING, Any

import pyogrio
import pytest
from tests.web.conftest import serving
from tests.web.portal import WORD
from tests.web.reading_node import KINDS, add_kinds

from earthcommons.model import OPERATOR
from earthcommons.model.record import Record
from earthcommons.policy import acting_as
from earthcommons.web.pages.reading import KEY_VARIABLE, reading

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from earthcommons.commons import Node

# Stands for the package arrow, which Debian has not: says how many bytes came.
ARROW = "read_parquet <- function(file) cat(file.size(file))"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Node]]:
    """A node of this module's own: items are closed on it and added to it."""
    root = tmp_path_factory.mktemp("reading")
    with serving(root) as made:
        with acting_as(OPERATOR):
            add_kinds(made[1], root)
        yield made


@pytest.fixture(scope="module")
def key(served: tuple[str, Node]) -> str:
    """Close a raster and a cube to those without an account, and return the key of one with."""
    node = served[1]
    with acting_as(OPERATOR):
        node.catalog.people.add("rosa", "Rosa", password=WORD)
        made: str = node.catalog.credentials.issue_key("rosa", ("read",), 1).reveal()
        for name in ("demo/raster-04", "demo/closed-cube"):
            like = name.replace("closed-", "")
            body, links = node.catalog.whole("item", like)
            body |= {"id": name.partition("/")[2], "ec:access": {"fetch": "registered"}}
            with node.catalog.transaction() as tx:
                tx.revise(Record("item", name, body, links=links))
    return made


def code_of(served: tuple[str, Node], name: str, *, guarded: bool) -> dict[str, str]:
    with acting_as(OPERATOR):
        return dict(reading(served[1].catalog.get("item", name), served[0], guarded=guarded))


def run(words: list[str], **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 — the code the page shows
        words, env={**os.environ, **more}, capture_output=True, text=True, timeout=60,
        check=False,
    )  # fmt: skip


@cache
def has(package: str) -> bool:
    there = f'cat(system.file(package = "{package}"))'
    return shutil.which("Rscript") is not None and bool(run(["Rscript", "-e", there]).stdout)


def r(code: str, key: str) -> subprocess.CompletedProcess[str]:
    if not has("terra"):
        pytest.skip("needs Rscript with terra")
    lines, last = code.replace("library(arrow)", ARROW).rsplit("\n", 1)
    most = 'global(found[[1]], "max", na.rm = TRUE)[1, 1]'
    shown = f"found <- {last}\nif (!is.null(found)) cat(dim(found), {most})"
    return run(["Rscript", "-e", f"{lines}\n{shown}"], **{KEY_VARIABLE: key})


@pytest.mark.parametrize(
    ("name", "guarded", "said"),
    [
        ("demo/raster-05", False, "60 120 1 105"),
        ("demo/raster-04", True, "60 120 1 104"),
        ("demo/cube", False, "90 180 2 16199"),
    ],
)
def test_r_on_the_page_reads_the_data(
    served: tuple[str, Node], key: str, name: str, guarded: bool, said: str
) -> None:
    code = code_of(served, name, guarded=guarded)["R"]
    assert key not in code
    done = r(code, key if guarded else "")
    assert done.stdout.strip() == said, done.stderr[-1500:]
    if guarded:
        assert r(code, "").returncode != 0


@pytest.mark.parametrize("guarded", [False, True])
def test_r_brings_a_table_here_whole(served: tuple[str, Node], key: str, guarded: bool) -> None:
    node = served[1]
    table = b"PAR1" + bytes(1000)
    with acting_as(OPERATOR):
        object_ = node.store.put_bytes(table, ".parquet")
        name = f"demo/table-{guarded:d}"
        asset = {"href": f"/objects/{object_}", "type": "application/vnd.apache.parquet"}
        body, links = node.catalog.whole("item", "demo/raster-06")
        body |= {"id": name.partition("/")[2], "assets": {"data": asset}}
        body |= {"ec:access": {"fetch": "registered"}} if guarded else {}
        with node.catalog.transaction() as tx:
            tx.put(Record("item", name, body, links=links))
    done = r(code_of(served, name, guarded=guarded)["R"], key)
    assert done.stdout.strip() == str(len(table)), done.stderr[-1500:]


@pytest.mark.parametrize("prefix", ["", "closed-"])
@pytest.mark.parametrize("name", ["shapes", "layer", "table"])
def test_r_reads_tables_and_shapes_without_a_package_that_debian_lacks(
    served: tuple[str, Node], key: str, name: str, prefix: str
) -> None:
    if not has("base" if name == "table" else "sf"):
        pytest.skip("needs Rscript with sf")
    code = code_of(served, f"demo/{prefix}{name}", guarded=bool(prefix))["R"]
    lines, call = re.split(r"\n(?=st_read|read\.csv)", code)
    shown = "cat('rows', nrow(found), sum(is.na(found)), names(found))"
    whole = f"{lines}\nfound <- {call}\n{shown}"
    done = run(["Rscript", "-e", whole], LC_ALL="C.UTF-8", **{KEY_VARIABLE: key})
    said = done.stdout[done.stdout.rindex("rows") :] if "rows" in done.stdout else done.stderr
    assert (
        said
        == {
            "shapes": "rows 3 0 name n geometry",
            "layer": "rows 2 0 name n geom",
            "table": "rows 3 2 stream nitrate",
        }[name]
    )
    if prefix:
        refused = run(["Rscript", "-e", whole], LC_ALL="C.UTF-8", **{KEY_VARIABLE: ""})
        assert refused.returncode != 0


@pytest.mark.parametrize("name", ["shapes", "layer", "table"])
def test_the_address_for_qgis_of_a_table_opens_in_a_gdal_without_parquet(
    served: tuple[str, Node], name: str
) -> None:
    assert "Parquet" not in pyogrio.list_drivers()
    address = code_of(served, f"demo/{name}", guarded=False)["QGIS"].splitlines()[-1]
    # In a process of its own: pyogrio holds the lock that the server here would answer with.
    code = (
        f"import pyogrio\nfound = pyogrio.read_info({f'/vsicurl/{address}'!r},"
        " force_feature_count=True)\nprint(found['features'], *found['fields'])"
    )
    done = run([sys.executable, "-W", "ignore", "-c", code])
    wanted = [field for field in KINDS[name]["fields"] if field != "fid"]
    assert done.stdout.split() == [str(KINDS[name]["count"]), *wanted], done.stderr[-800:]


def test_a_table_without_its_source_says_what_reading_it_takes() -> None:
    table = {"href": "/objects/ab.parquet", "type": "application/vnd.apache.parquet"}
    for source in ({}, {"source": {"href": "", "type": "text/csv"}}):
        item = {"assets": {"data": table, **source}}
        code = dict(reading(item, "http://127.0.0.1:1"))
        assert "CRAN" in code["R"]
        assert "driver" in code["QGIS"]
        assert "ab.parquet" in code["QGIS"]
        zh = dict(reading(item, "http://127.0.0.1:1", lang="zh"))
        assert "来自CRAN" in zh["R"]


def gdal(address: str, **more: str) -> subprocess.CompletedProcess[str]:
    code = f"import rasterio\nwith rasterio.open({address!r}) as d: print(d.shape)"
    return run([sys.executable, "-W", "ignore", "-c", code], **more)


def test_the_address_for_qgis_opens_in_gdal(served: tuple[str, Node], key: str) -> None:
    lines = code_of(served, "demo/raster-05", guarded=False)["QGIS"].splitlines()
    # QGIS puts this before an address of the protocol HTTP(S).
    assert gdal(f"/vsicurl/{lines[-1]}").stdout.strip() == "(60, 120)"


def test_the_settings_for_qgis_open_what_is_closed_and_for_this_host_alone(
    served: tuple[str, Node], key: str, tmp_path: Path
) -> None:
    text = code_of(served, "demo/raster-04", guarded=True)["QGIS"]
    address = f"/vsicurl/{text.splitlines()[-1]}"
    settings = text[text.index("[credentials]") : text.index("# Then:")]
    (tmp_path / "gdalrc").write_text(settings.replace("<key>", key))
    mine = {"GDAL_CONFIG_FILE": str(tmp_path / "gdalrc")}
    assert gdal(address).returncode != 0
    assert gdal(address, **mine).stdout.strip() == "(60, 120)"
    other = settings.replace(served[0], "http://127.0.0.1:1").replace("<key>", key)
    (tmp_path / "gdalrc").write_text(other)
    assert gdal(address, **mine).returncode != 0


@pytest.mark.parametrize(
    ("name", "guarded"), [("demo/cube", False), ("demo/closed-cube", True)]
)
def test_gdal_finds_the_array_of_a_zarr(
    served: tuple[str, Node], key: str, name: str, guarded: bool
) -> None:
    line = code_of(served, name, guarded=guarded)["GDAL"].splitlines()[-1]
    more = {"GDAL_HTTP_HEADERS": f"Authorization: Bearer {key}"} if guarded else {}
    done = gdal(line.partition("gdalinfo ")[2].strip("'"), **more)
    # Before 3.13 it reads of the array how it is stored, and then says what it lacks.
    assert done.returncode == 0 or "sharding_indexed" in done.stderr, done.stderr[-800:]


def test_the_file_for_qgis_is_the_one_the_zarr_was_made_of(
    served: tuple[str, Node], key: str, tmp_path: Path
) -> None:
    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    for name, guarded in (("demo/cube", False), ("demo/closed-cube", True)):
        line = code_of(served, name, guarded=guarded)["QGIS"].splitlines()[0]
        done = subprocess.run(  # noqa: S603 — the line the page shows
            ["/bin/sh", "-c", line], cwd=tmp_path, env={**os.environ, KEY_VARIABLE: key},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        (came,) = tmp_path.glob("*.nc")
        assert gdal(f"netcdf:{came}:v").stdout.strip() == "(90, 180)"
        came.unlink()


def test_a_zarr_whose_file_is_withheld_has_no_code_that_would_ask_for_it() -> None:
    zarr: dict[str, Any] = {
        "href": "/objects/ab.zarr", "type": "application/vnd.zarr; version=3",
        "bands": [{"name": "v"}],
    }  # fmt: skip
    found = dict(reading({"assets": {"data": zarr}}, "http://127.0.0.1:1"))
    assert sorted(found) == ["GDAL", "Python"]
    source = {"href": "/objects/ab.nc", "ec:access": "registered"}
    both = dict(reading({"assets": {"data": zarr, "source": source}}, "http://127.0.0.1:1"))
    assert KEY_VARIABLE not in both["Python"]
    assert KEY_VARIABLE in both["R"]
    assert KEY_VARIABLE in both["QGIS"]


def test_menus_are_named_in_the_language_of_the_page() -> None:
    tiff = {"data": {"href": "/objects/ab.tif", "type": "image/tiff"}}
    for guarded in (False, True):
        code = reading({"assets": tiff}, "http://127.0.0.1:1", guarded=guarded, lang="zh")
        assert "添加栅格图层" in dict(code)["QGIS"]
        assert "Layer >" not in dict(code)["QGIS"]
