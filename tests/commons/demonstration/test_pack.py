"""The pack as it lies on disk: complete, declared, small, and saying what it may say."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from typing import Any

import h5netcdf
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st

from earthcommons.commons.demonstration import load_pieces, pack_path
from earthcommons.commons.demonstration.offers import MOST_TERMS, index_terms, offer_of
from earthcommons.commons.demonstration.recipe import MANIFEST, METHODS, MOST_BYTES
from earthcommons.commons.demonstration.sources import Piece, home, parse_pieces
from earthcommons.errors import InvalidInputError
from earthcommons.model.period import Period
from earthcommons.model.unit import check_unit

PIECES = {piece.id: piece for piece in load_pieces()}
PACK = home() / "pack"
OFFERS = [
    json.loads(line)
    for line in pack_path(PIECES["technology-offers"]).read_text(encoding="utf-8").splitlines()
]


def of_kind(*kinds: str) -> list[Piece]:
    return [piece for piece in PIECES.values() if piece.kind in kinds]


def test_manifest_names_every_file_with_its_size_and_digest() -> None:
    manifest = json.loads((PACK / MANIFEST).read_text(encoding="utf-8"))
    found = [
        {
            "file": path.relative_to(PACK).as_posix(),
            "size": path.stat().st_size,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        }
        for path in PACK.rglob("*")
        if path.is_file() and path.name != MANIFEST
    ]
    assert manifest["files"] == sorted(found, key=lambda entry: str(entry["file"]))
    assert manifest["total_size"] == sum(entry["size"] for entry in manifest["files"])


def test_pack_is_at_most_twelve_megabytes() -> None:
    total = sum(path.stat().st_size for path in PACK.rglob("*") if path.is_file())
    assert total <= MOST_BYTES == 12_000_000


def test_every_file_is_declared_and_every_declared_file_is_there() -> None:
    there = {p.relative_to(PACK).as_posix() for p in PACK.rglob("*") if p.is_file()}
    assert there - {MANIFEST} == {piece.file for piece in PIECES.values()}
    assert {piece.method for piece in PIECES.values()} == set(METHODS)


def test_units_and_periods_are_ones_the_platform_knows() -> None:
    for piece in of_kind("raster", "cube", "table"):
        assert Period.parse(piece.period).end > Period.parse(piece.period).start
        for variable in piece.variables:
            assert check_unit(variable.unit, f"{piece.id} {variable.name}")


def test_source_units_that_trap_are_declared_as_their_sources_mean_them() -> None:
    def unit(piece: str, name: str) -> str:
        return next(v.unit for v in PIECES[piece].variables if v.name == name)

    assert unit("sea-ice-north-daily", "extent") == "10^6 km2"
    assert unit("luq-stream-chemistry", "no3_n") == "ug/L"
    assert unit("luq-stream-chemistry", "cl") == "mg/L"
    assert unit("isimip3-bio1", "bio1") == "degC"
    assert "weights only" in PIECES["gpw-density-2020"].description["en"]
    assert "different algorithms" in PIECES["worldcover-stp-2021"].description["en"]


@pytest.mark.parametrize("piece", of_kind("raster"), ids=lambda piece: str(piece.id))
def test_raster_says_its_crs_nodata_unit_and_name(piece: Piece) -> None:
    with rasterio.open(pack_path(piece)) as raster:
        declared = piece.variables[0]
        assert raster.crs.to_string() == piece.crs == "EPSG:4326"
        assert raster.units == (declared.unit,)
        assert raster.descriptions == (declared.name,)
        assert str(raster.nodata) == str(float(declared.nodata))


@pytest.mark.parametrize("piece", of_kind("cube"), ids=lambda piece: str(piece.id))
def test_cube_is_cf_with_units_axes_and_grid_mapping(piece: Piece) -> None:
    with h5netcdf.File(pack_path(piece), "r") as cube:
        assert cube.attrs["Conventions"].startswith("CF-1.")
        for name, axis in (("lat", "Y"), ("lon", "X")):
            assert cube.variables[name].attrs["axis"] == axis
        for declared in piece.variables:
            variable = cube.variables[declared.name]
            assert variable.attrs["units"] == declared.unit
            assert variable.attrs["grid_mapping"] in cube.variables
            assert variable.dimensions == declared.dims


@pytest.mark.parametrize("piece", of_kind("table"), ids=lambda piece: str(piece.id))
def test_table_has_one_header_of_declared_columns_and_even_rows(piece: Piece) -> None:
    with pack_path(piece).open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == [variable.name for variable in piece.variables]
    assert {len(row) for row in rows} == {len(header)}


def test_every_class_on_the_maps_has_a_name_in_both_languages() -> None:
    for name, count in (("glcnmo-cover-2008", 20), ("worldcover-stp-2020", 11)):
        piece = PIECES[name]
        classes = piece.variables[0].classes
        assert len(classes) == count
        with rasterio.open(pack_path(piece)) as raster:
            window = rasterio.windows.Window(0, 0, min(raster.width, 4000), 4000)
            found = {str(value) for value in set(raster.read(1, window=window).ravel())}
        assert found - {piece.variables[0].nodata} <= set(classes)


def test_named_lists_have_seventeen_goals_and_no_row_158() -> None:
    sdg = json.loads(pack_path(PIECES["sdg-short-names"]).read_text(encoding="utf-8"))
    assert [goal["code"] for goal in sdg["goals"]] == [str(n) for n in range(1, 18)]
    with pack_path(PIECES["m49-areas"]).open(encoding="utf-8", newline="") as file:
        rows = {row["m49"]: row for row in csv.DictReader(file)}
    assert len(rows) == 248
    assert "158" not in rows
    assert rows["384"]["name_en"] == "Côte d’Ivoire"


def test_no_text_of_the_pack_names_an_area_m49_does_not_have() -> None:
    names = ("aiwan", "台湾", "臺灣", "Тайвань", "تايوان", "TWN")
    for path in PACK.rglob("*"):
        if path.suffix in (".geojson", ".json", ".jsonl", ".csv"):
            text = path.read_text(encoding="utf-8")
            assert not [name for name in names if name in text], path.name


def test_offers_are_all_there_and_say_where_they_come_from() -> None:
    assert len(OFFERS) == len({offer["id"] for offer in OFFERS}) == 2931
    systems = {(o["source"]["system"], o["source"]["licence"]) for o in OFFERS}
    assert systems == {
        ("dpga-registry", "Public domain"),
        ("open-sustainable-technology", "CC-BY-4.0"),
    }
    assert sum(bool(offer.get("goals")) for offer in OFFERS) == 168


def test_no_description_leaks_into_an_offer() -> None:
    for offer in OFFERS:
        terms = offer["index_terms"]
        assert len(terms) <= MOST_TERMS
        assert terms == sorted(set(terms))
        assert max(map(len, _strings(offer))) <= 300
        assert all(link.startswith(("http://", "https://")) for link in _links(offer))


def test_index_terms_of_a_known_text() -> None:
    text = "Maps of floods, flood maps and the MAPS of a Water-Level in 3D; it is an app."
    assert index_terms([text]) == ["app", "flood", "floods", "maps", "water-level"]
    assert index_terms([text], most=2) == ["app", "maps"]


@given(st.lists(st.text(max_size=400), max_size=4))
def test_index_terms_are_few_ordered_words(texts: list[str]) -> None:
    terms = index_terms(texts)
    assert len(terms) <= MOST_TERMS
    assert terms == sorted(set(terms))
    assert all(re.fullmatch(r"[a-z][a-z0-9-]{2,}", term) for term in terms)


def test_offer_of_an_unnamed_source_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="unknown source"):
        offer_of({"id": "x:1", "source": "elsewhere"}, {})


TABLE = (home() / "sources.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('licence = "CC-BY-4.0"', 'licence = ""', "gpw-density-2020: key licence"),
        ('kind = "cube"', 'kind = "cubic"', "isimip3-bio1: key kind"),
        ('unit = "percent"', 'unot = "percent"', "glcnmo-trees-2008, variable trees: key unit"),
        ("nature =", "mature =", "glcnmo-trees-2008: key nature"),
        ('period = "2008"', 'period = "long ago"', "glcnmo-trees-2008: key period"),
        ("title.zh =", "title.fr =", "glcnmo-trees-2008: key title"),
        ('color_hint = "1A6B2A"', 'color_hint = "green"', "class 1 needs"),
        ('id = "glcnmo-cover-2008"', 'id = "glcnmo-trees-2008"', "declared twice"),
    ],
)
def test_incomplete_table_is_refused_by_piece_and_key(
    before: str, after: str, message: str
) -> None:
    assert before in TABLE
    with pytest.raises(InvalidInputError, match=re.escape(message)):
        parse_pieces(TABLE.replace(before, after, 1))


def _strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for member in value.values() for text in _strings(member)]
    if isinstance(value, list):
        return [text for member in value for text in _strings(member)]
    return [str(value)]


def _links(offer: dict[str, Any]) -> list[str]:
    sites = [o["website"] for o in offer.get("organisations", []) if "website" in o]
    return [offer["link"], *sites] if "link" in offer else sites
