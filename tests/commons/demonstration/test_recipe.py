"""The pack against the providers' files: equal values, equal bytes on a second run."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest
import rasterio
import xarray as xr
from rasterio.windows import Window

from earthcommons.commons.demonstration import load_pieces, pack_path
from earthcommons.commons.demonstration.recipe import derive, main, manifest_of
from earthcommons.errors import IntegrityError, InvalidInputError

if TYPE_CHECKING:
    from earthcommons.commons.demonstration.sources import Piece

PIECES = {piece.id: piece for piece in load_pieces()}
GIVEN = os.environ.get("EARTHCOMMONS_SOURCES", "")
SOURCES = Path(GIVEN)
# One piece of each method but the slow cube: later ones of a method replace earlier ones.
QUICK = {p.method: p for p in PIECES.values() if not p.id.startswith("worldcover")}
QUICK.pop("monthly-cube")


def source_of(piece: Piece) -> Path:
    return SOURCES / piece.providers[0].path


@pytest.mark.sources
@pytest.mark.parametrize(
    "piece", [p for p in PIECES.values() if p.kind == "raster"], ids=lambda piece: str(piece.id)
)
def test_pixels_equal_those_of_the_provider(piece: Piece) -> None:
    with rasterio.open(source_of(piece)) as theirs, rasterio.open(pack_path(piece)) as ours:
        whole = Window(0, 0, theirs.width, theirs.height)
        window = Window(*piece.options["window"]) if piece.options else whole
        np.testing.assert_array_equal(ours.read(1), theirs.read(1, window=window))
        assert ours.transform == theirs.window_transform(window)
        assert str(ours.nodata) == str(theirs.nodata)


@pytest.mark.sources
@pytest.mark.parametrize("name", ["isimip3-bio1", "isimip2b-landuse"])
def test_layers_equal_those_of_the_provider(name: str) -> None:
    piece = PIECES[name]
    with h5py.File(source_of(piece)) as theirs, h5py.File(pack_path(piece)) as ours:
        labels = [text.decode() for text in theirs[piece.options["axis"]][:]]
        at = [labels.index(layer["label"]) for layer in piece.options["layer"]]
        for variable in piece.variables:
            expected = np.stack([theirs[variable.name][n] for n in at])
            np.testing.assert_array_equal(ours[variable.name][:], expected)
        for axis in ("lat", "lon"):
            np.testing.assert_array_equal(ours[axis][:], theirs[axis][:])


@pytest.mark.sources
def test_sea_surface_temperature_differs_by_half_a_thousandth_at_most() -> None:
    piece = PIECES["ersst-v5"]
    with h5py.File(source_of(piece)) as theirs:
        expected = theirs["sst"][:].astype("f8")
        times, lat, lon = (theirs[name][:] for name in ("time", "lat", "lon"))
    expected[expected < -1e30] = np.nan
    with xr.open_dataset(pack_path(piece), engine="h5netcdf", decode_times=False) as ours:
        np.testing.assert_allclose(ours["sst"].values, expected, rtol=0, atol=0.000503)
        np.testing.assert_array_equal(ours["time"].values, times)
        np.testing.assert_array_equal(ours["lat"].values, lat)
        np.testing.assert_array_equal(ours["lon"].values, lon)


@pytest.mark.sources
@pytest.mark.parametrize("name", ["ntl-ice-cover", "luq-stream-chemistry", "and-vertebrates"])
def test_cells_equal_those_of_the_provider(name: str) -> None:
    piece = PIECES[name]
    with (
        source_of(piece).open(encoding="utf-8", newline="") as theirs,
        pack_path(piece).open(encoding="utf-8", newline="") as ours,
    ):
        kept = [variable.name for variable in piece.variables]
        expected = [[row[name] for name in kept] for row in csv.DictReader(theirs)]
        assert list(csv.reader(ours))[1:] == expected


@pytest.mark.sources
@pytest.mark.parametrize(
    ("name", "cells"), [("sea-ice-north-daily", 5), ("sea-ice-north-climatology", 8)]
)
def test_sea_ice_numbers_equal_those_of_the_provider(name: str, cells: int) -> None:
    piece = PIECES[name]
    lines = source_of(piece).read_text(encoding="utf-8").splitlines()[2:]
    expected = [[cell.strip() for cell in line.split(",")[:cells]] for line in lines]
    with pack_path(piece).open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file))[1:] == expected


@pytest.mark.sources
def test_offers_keep_the_facts_and_drop_the_texts() -> None:
    piece = PIECES["technology-offers"]
    theirs = [json.loads(line) for line in source_of(piece).read_text("utf-8").splitlines()]
    text = pack_path(piece).read_text(encoding="utf-8")
    ours = [json.loads(line) for line in text.splitlines()]
    for row, offer in zip(theirs, ours, strict=True):
        assert (row["id"], row["name"], row["type"]) == (
            offer["id"],
            offer["title"],
            offer["type"],
        )
        assert row["sdgs"] == offer.get("goals", [])
        assert (row["sectors"] or []) == offer.get("sectors", [])
        assert len(row["description"]) < 60 or row["description"] not in text


@pytest.mark.sources
def test_second_run_gives_the_same_bytes(tmp_path: Path) -> None:
    derive(QUICK.values(), SOURCES, tmp_path)
    for piece in QUICK.values():
        assert (tmp_path / piece.file).read_bytes() == pack_path(piece).read_bytes(), piece.id


def test_another_file_under_the_same_name_is_refused(tmp_path: Path) -> None:
    piece = PIECES["ntl-ice-cover"]
    path = tmp_path / piece.providers[0].path
    path.parent.mkdir()
    path.write_text("lakeid\n", encoding="utf-8")
    with pytest.raises(IntegrityError, match="expected digest"):
        derive([piece], tmp_path, tmp_path / "out")


def test_absent_file_ends_with_exit_code_two(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path), "--out", str(tmp_path / "out")]) == 2
    assert "no file glcnmo2008_trees_20min.tif" in capsys.readouterr().err


def test_pack_over_budget_is_refused(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"0" * 12_000_001)
    with pytest.raises(InvalidInputError, match="12000001 bytes"):
        manifest_of(tmp_path)
