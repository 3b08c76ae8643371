"""The region set of countries: one polygon set per code, as the worldview declares."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import Point, box, shape

from earthcommons.commons.demonstration.assignment import assign
from earthcommons.commons.demonstration.places import place_of
from earthcommons.commons.demonstration.sources import home
from earthcommons.commons.demonstration.worldview import load_worldview, parse_worldview
from earthcommons.errors import InvalidInputError

REGIONS = home() / "pack" / "regions"


def read(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((REGIONS / name).read_text(encoding="utf-8"))
    return found


COUNTRIES = read("countries_un.geojson")
FACTS = COUNTRIES["ec:region_set"]
SHAPES = {f["id"]: shape(f["geometry"]) for f in COUNTRIES["features"]}
ROWS = {f["id"]: f["properties"] for f in COUNTRIES["features"]}


def test_each_code_has_one_valid_polygon_set_and_ids_are_in_order() -> None:
    ids = [feature["id"] for feature in COUNTRIES["features"]]
    assert ids == sorted(set(ids))
    assert len(ids) == 248
    for geometry in SHAPES.values():
        assert geometry.is_valid
        assert geometry.geom_type in ("Polygon", "MultiPolygon")
        assert min(part.area for part in shapely.get_parts(geometry)) > 1e-6
        assert geometry.bounds[0] >= -180
        assert geometry.bounds[2] <= 180


def test_codes_without_a_polygon_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    missing = {entry["id"]: entry["name_en"] for entry in FACTS["not_in_any_polygon"]}
    with capsys.disabled():
        print(f"\nno polygon: {missing}")  # noqa: T201
    assert set(missing) == {"m49:074", "m49:292", "m49:581"}


@pytest.mark.parametrize(
    ("place", "lon", "lat", "region"),
    [
        ("Simferopol", 34.1, 44.95, "m49:804"),
        ("El Aaiún", -13.2, 27.15, "m49:732"),
        ("Aousserd", -14.33, 22.55, "m49:732"),
        ("Tarfaya", -12.8, 27.9, "m49:504"),
        ("Hargeisa", 44.06, 9.56, "m49:706"),
        ("Kyrenia", 33.32, 35.34, "m49:196"),
        ("Taipei", 121.5, 25.05, "m49:156"),
        ("Cayenne", -52.4, 4.9, "m49:254"),
        ("Pointe-à-Pitre", -61.45, 16.3, "m49:312"),
        ("Fort-de-France", -61.03, 14.65, "m49:474"),
        ("Saint-Denis", 55.5, -21.0, "m49:638"),
        ("Mamoudzou", 45.15, -12.8, "m49:175"),
        ("Kralendijk", -68.25, 12.17, "m49:535"),
        ("Longyearbyen", 15.9, 78.15, "m49:744"),
        ("Jan Mayen", -8.4, 71.0, "m49:744"),
        ("Christmas Island", 105.65, -10.5, "m49:162"),
        ("Prishtina", 21.16, 42.66, "ec:disputed-kosovo"),
        ("Siachen", 77.1, 35.4, "ec:disputed-siachen"),
        ("Aksai Chin", 79.3, 35.2, "ec:disputed-aksai-chin"),
        ("Nairobi", 36.82, -1.29, "m49:404"),
        ("Paris", 2.35, 48.86, "m49:250"),
    ],
)
def test_a_place_lies_in_one_region(place: str, lon: float, lat: float, region: str) -> None:
    assert [k for k, g in SHAPES.items() if g.covers(Point(lon, lat))] == [region], place


def test_polygons_do_not_overlap_and_together_cover_the_land() -> None:
    geometries = list(SHAPES.values())
    left, right = shapely.STRtree(geometries).query(geometries, predicate="intersects")
    pairs = [(i, j) for i, j in zip(left, right, strict=True) if i < j]
    overlaps = [geometries[i].intersection(geometries[j]).area for i, j in pairs]
    # Rounded cuts may cross a border by the sixth decimal: 1e-8 square degrees is 120 m2.
    assert max(overlaps) < 1e-8
    # 21,418.3 square degrees is the sum of the 242 source features.
    assert abs(sum(geometry.area for geometry in geometries) - 21418.3175) < 1e-3
    assert abs(shapely.union_all(geometries).area - 21418.3175) < 1e-3


def test_disputed_areas_are_in_the_world_and_in_no_other_group() -> None:
    disputed = {key: row for key, row in ROWS.items() if row["kind"] == "disputed"}
    assert set(disputed) == {
        "ec:disputed-aksai-chin",
        "ec:disputed-kosovo",
        "ec:disputed-siachen",
    }
    assert all(row["groups"] == ["m49:001"] for row in disputed.values())
    assert all("m49:001" in row["groups"] for row in ROWS.values())


def test_every_group_is_named_and_kenya_is_in_five() -> None:
    named = {group["id"] for group in FACTS["groups"] if group["name_en"] and group["name_zh"]}
    assert {group for row in ROWS.values() for group in row["groups"]} == named
    assert ROWS["m49:404"]["groups"] == ["m49:001", "m49:002", "m49:202", "m49:014"]
    assert "ec:ldc" in ROWS["m49:706"]["groups"]
    assert "ec:sids" in ROWS["m49:242"]["groups"]
    assert ROWS["m49:404"]["iso3"] == "KEN"


def test_names_are_those_of_m49_in_six_languages() -> None:
    assert ROWS["m49:156"]["name_zh"] == "中国"
    assert ROWS["m49:238"]["name_en"] == "Falkland Islands (Malvinas)"
    for row in ROWS.values():
        assert row["name_en"]
        assert row["name_zh"]
        if row["kind"] == "country":
            assert all(row[f"name_{lang}"] for lang in ("fr", "es", "ru", "ar"))


def test_set_carries_disclaimer_and_limits_in_both_languages() -> None:
    assert (FACTS["id"], FACTS["version"], FACTS["worldview"]) == ("ec:countries-un", "1", "un")
    for words in (FACTS["disclaimer"], *FACTS["known_limits"]):
        assert words["en"]
        assert words["zh"]


def test_all_disputed_lines_are_named_once() -> None:
    lines = read("disputed_lines.geojson")["features"]
    assert len({line["id"] for line in lines}) == len(lines) == 24
    assert all(line["geometry"]["type"] == "LineString" for line in lines)


def test_places_are_boxes_as_defined_and_points_said_to_be_approximate() -> None:
    places = read("places.geojson")
    features = {feature["id"]: feature for feature in places["features"]}
    assert places["ec:region_set"]["id"] == "ec:places"
    assert shape(features["ec:nino34"]["geometry"]).bounds == (-170, -5, -120, 5)
    assert shape(features["ec:ocean"]["geometry"]).bounds == (-180, -60, 180, 60)
    for feature in features.values():
        point = feature["geometry"]["type"] == "Point"
        assert feature["properties"]["approximate"] or not point
    assert {"ec:arctic", "ec:antarctic", "ec:lake-mendota", "ec:mack-creek"} <= set(features)


def test_place_without_geometry_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="box or a point"):
        place_of({"id": "ec:nowhere"})


HEAD = """
[worldview]
id = "test"
version = "1"
region_set = "ec:test"
source = "drawn"
default_code = "code"
known_limit = []
disclaimer = { en = "none", zh = "无" }
"""
CUT = """
[[cut]]
feature = "AAA"
box = [0, 0, 10, {north}]
target = "002"
reason = "a test"
source = "here"
"""


def test_unit_square_cut_in_half_gives_two_halves() -> None:
    worldview = parse_worldview(HEAD + CUT.format(north=0.5))
    found = assign({"AAA": ("001", box(0, 0, 1, 1))}, [], worldview, ["001", "002"])
    assert {key: part.area for key, part in found.items()} == {"m49:001": 0.5, "m49:002": 0.5}


@given(st.floats(0.01, 0.99))
def test_cut_loses_no_area(north: float) -> None:
    worldview = parse_worldview(HEAD + CUT.format(north=north))
    found = assign({"AAA": ("001", box(0, 0, 1, 1))}, [], worldview, ["001", "002"])
    np.testing.assert_allclose(sum(part.area for part in found.values()), 1.0, atol=1e-5)
    np.testing.assert_allclose(found["m49:002"].area, north, atol=1e-5)


def test_rule_that_matches_nothing_is_refused() -> None:
    worldview = parse_worldview(HEAD + CUT.format(north=0.5))
    with pytest.raises(InvalidInputError, match="is empty"):
        assign({"AAA": ("001", box(20, 20, 21, 21))}, [], worldview, ["001", "002"])
    with pytest.raises(InvalidInputError, match="no feature AAA"):
        assign({"BBB": ("001", box(0, 0, 1, 1))}, [], worldview, ["001", "002"])


def test_polygon_without_an_area_code_is_refused() -> None:
    worldview = parse_worldview(HEAD)
    with pytest.raises(InvalidInputError, match="m49:-99, which is no area"):
        assign({"AAA": ("-99", box(0, 0, 1, 1))}, [], worldview, ["001"])


def test_rule_without_reason_is_refused() -> None:
    row = CUT.format(north=1).replace('reason = "a test"', "")
    with pytest.raises(InvalidInputError, match="key reason is missing"):
        parse_worldview(HEAD + row)


def test_every_rule_of_the_worldview_has_a_reason_and_a_source() -> None:
    rules = load_worldview().rules
    assert {rule.target for rule in rules} >= {"156", "804", "732", "706", "196", "772"}
    assert all(rule.reason and rule.source for rule in rules)
