"""`ingest` on the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import numpy as np
import pytest
import rasterio
import xarray as xr
from rasterio.transform import from_origin
from tests.cli.conftest import run_cli

if TYPE_CHECKING:
    from pathlib import Path

SHARED = 'licence = "CC0-1.0"\nattribution = "someone"\n'


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    run_cli("init", tmp_path / "node")
    (tmp_path / "shared.toml").write_text(SHARED)
    folder = tmp_path / "in"
    folder.mkdir()
    for name, offset in (("a_2018", 0), ("b_2019", 10)):
        point = {"type": "Point", "coordinates": [10 + offset, 50]}
        features = [{"type": "Feature", "properties": {"n": 1}, "geometry": point}]
        text = json.dumps({"type": "FeatureCollection", "features": features})
        (folder / f"{name}.geojson").write_text(text)
    return tmp_path


def test_a_dry_run_shows_each_file_and_publishes_nothing(desk: Path) -> None:
    (desk / "in" / "notes.txt").write_text("none")
    said = ("ingest", desk / "in", "--collection", "c", "--node", desk / "node", "--dry-run")
    ended = run_cli(*said)
    assert "incomplete  a_2018.geojson" in ended.out
    assert "missing   licence, attribution" in ended.out
    assert "[format-mismatch]" in ended.out
    assert ended.out.endswith("0 of 3 can be published; nothing was\n")
    found = run_cli(*said, "--declare", desk / "shared.toml", "--json").json()
    assert [one["state"] for one in found] == ["ready", "ready", "refused"]
    assert found[0]["guessed"] == ["title", "description", "period"]
    assert run_cli("search", "--node", desk / "node", "--json").json() == []


def test_a_dry_run_says_what_it_read_and_reads_all_when_asked(desk: Path) -> None:
    file = desk / "cut_2020.tif"
    profile = {
        "driver": "GTiff", "height": 64, "width": 64, "count": 1, "dtype": "float32",
        "crs": "EPSG:4326", "transform": from_origin(10, 50, 0.5, 0.5),
    }  # fmt: skip
    with rasterio.open(file, "w", **profile) as out:
        out.write(np.ones((64, 64), "f4"), 1)
    declared = desk / "cover.toml"
    declared.write_text(f'{SHARED}[[variable]]\nname = "b1"\nunit = "percent"\n')
    said = ("ingest", file, "--collection", "c", "--declare", declared,
            "--node", desk / "node")  # fmt: skip
    sound = run_cli(*said, "--dry-run", "--whole").out
    assert sound.endswith("1 of 1 can be published; nothing was\n")
    file.write_bytes(file.read_bytes()[:-4000])
    (planned,) = run_cli(*said, "--dry-run", "--json").json()
    assert (planned["state"], planned["read"]) == ("ready", "headers")
    assert "headers read only" in run_cli(*said, "--dry-run").out
    (planned,) = run_cli(*said, "--dry-run", "--whole", "--json").json()
    assert (planned["state"], planned["code"]) == ("refused", "malformed")
    assert planned["read"] == "whole"
    ended = run_cli(*said)
    assert ended.code == 2
    assert planned["message"] in ended.err
    assert run_cli("search", "--node", desk / "node", "--json").json() == []
    assert "goes with --dry-run" in run_cli(*said, "--whole").err


def test_a_folder_is_published_and_published_again_unchanged(desk: Path) -> None:
    said = ("ingest", desk / "in", "--collection", "c", "--declare", desk / "shared.toml",
            "--node", desk / "node")  # fmt: skip
    assert run_cli(*said).out.count("published") == 2
    collection = run_cli("show", "c", "--node", desk / "node").json()
    assert collection["title"] == "c"
    assert collection["description"] == "Records of the collection c."
    found = run_cli(*said, "--json").json()
    assert [one["state"] for one in found] == ["unchanged", "unchanged"]
    assert found[0]["item"] == "c/a_2018"


def test_i29_axes_that_look_swapped_are_told_before_and_after(desk: Path) -> None:
    doubt = (
        "    warning   axis-order-suspect: the coordinates and the extent the file states agree"
    )
    point = {"type": "Point", "coordinates": [-1.3, 36.8]}
    features = [{"type": "Feature", "properties": {}, "geometry": point}]
    document = {"type": "FeatureCollection", "features": features, "bbox": [34, -5, 42, 5]}
    (desk / "c_2020.geojson").write_text(json.dumps(document))
    said = ("ingest", desk / "c_2020.geojson", "--collection", "c", "--declare",
            desk / "shared.toml", "--node", desk / "node")  # fmt: skip
    foreseen = run_cli(*said, "--dry-run")
    assert "ready  c_2020.geojson\n" in foreseen.out
    assert doubt in foreseen.out
    (planned,) = run_cli(*said, "--dry-run", "--json").json()
    assert [text.split(":")[0] for text in planned["warnings"]] == ["axis-order-suspect"]
    done = run_cli(*said)
    assert done.code == 0
    assert done.out.startswith(f"published  c/c_2020\n{doubt}")
    # Beside it, what is not swapped looks so, until the collection is told anew.
    point["coordinates"] = [36.8, -1.3]
    (desk / "d_2020.geojson").write_text(json.dumps(document))
    asked = ("ingest", desk / "d_2020.geojson", "--node", desk / "node", "--dry-run", "--json")
    (beside,) = run_cli(*asked, "--collection", "c").json()
    assert "the extent of the collection" in beside["warnings"][0]
    assert run_cli(*asked, "--collection", "d").json()[0]["warnings"] == []


def test_one_refusal_among_many_ends_with_its_code_after_the_others(desk: Path) -> None:
    (desk / "in" / "page.html").write_text("<html>")
    ended = run_cli(
        "ingest", desk / "in", "--collection", "c", "--declare", desk / "shared.toml",
        "--node", desk / "node",
    )  # fmt: skip
    assert ended.code == 2
    assert ended.out.count("published") == 2
    assert "1 of 3 refused" in ended.err
    assert "[format-mismatch]" in ended.err


def test_an_address_is_refused_as_it_was_typed(desk: Path) -> None:
    ended = run_cli("ingest", "http://127.0.0.1:9/x", "--node", desk / "node")
    assert (ended.code, "[source-forbidden]" in ended.err) == (2, True)
    assert run_cli("ingest", "--node", desk / "node").code == 2


def test_a_watched_folder_is_published_until_idle(desk: Path) -> None:
    ended = run_cli(
        "ingest", "--follow", desk / "in", "--collection", "c", "--declare",
        desk / "shared.toml", "--node", desk / "node", "--still", 0.1, "--until-idle",
    )  # fmt: skip
    assert ended.out == "published  c/a_2018\npublished  c/b_2019\n"


def test_ctrl_c_leaves_only_what_was_acknowledged(desk: Path) -> None:
    lat, lon = np.linspace(60, -60, 1500), np.linspace(-170, 170, 3500)
    values = np.random.default_rng(1).random((6, 1500, 3500), "f4")
    axes = {
        "time": np.arange(6).astype("M8[D]").astype("M8[ns]"),
        "lat": ("lat", lat, {"units": "degrees_north"}),
        "lon": ("lon", lon, {"units": "degrees_east"}),
    }
    big = xr.Dataset({"v": (("time", "lat", "lon"), values, {"units": "1"})}, axes)
    big.to_netcdf(desk / "in" / "c_2020.nc", engine="h5netcdf")
    command = [
        sys.executable, "-c", "from earthcommons.cli.main import main; main()", "ingest",
        str(desk / "in"), "--collection", "c", "--declare", str(desk / "shared.toml"),
        "--node", str(desk / "node"),
    ]  # fmt: skip
    process = subprocess.Popen(  # noqa: S603 - our own program
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, env=dict(os.environ),
    )  # fmt: skip
    # Ctrl-C once the second item is there: the third is then being read.
    until = time.monotonic() + 60
    while time.monotonic() < until:
        found = run_cli("search", "--node", desk / "node", "--json").json()
        if len(found) == 2:
            break
        time.sleep(0.05)
    # A terminal sends it to every process of the group.
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, out + err
    assert out.count("published") == 2
    assert "cancelled" in out
    assert "Traceback" not in err
    items = run_cli("search", "--node", desk / "node", "--json").json()
    assert sorted(item["id"] for item in items) == ["a_2018", "b_2019"]
    assert list((desk / "node" / "tmp").iterdir()) == []
