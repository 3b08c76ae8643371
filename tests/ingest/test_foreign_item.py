"""What is judged of an item somebody else wrote: rows of the attack table, by their ids."""

from __future__ import annotations

import contextlib
import json
import socket
from typing import Any

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod
from shapely import affinity

from earthcommons.errors import CommonsError
from earthcommons.ingest.foreign_item import check_item
from earthcommons.ingest.limits import Limits

BOX = [[10.0, 0.0], [12.0, 0.0], [12.0, 2.0], [10.0, 2.0], [10.0, 0.0]]


def item(**changes: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "type": "Feature", "stac_version": "1.1.0", "id": "a", "collection": "c",
        "geometry": {"type": "Polygon", "coordinates": [BOX]}, "bbox": [10, 0, 12, 2],
        "properties": {"datetime": "2020-05-31T00:00:00Z"}, "links": [], "assets": {},
    }  # fmt: skip
    return made | changes


def polygon(*points: list[float], bbox: list[float]) -> dict[str, Any]:
    return item(geometry={"type": "Polygon", "coordinates": [list(points)]}, bbox=bbox)


def code_of(value: bytes | dict[str, Any], limits: Limits | None = None) -> str:
    with pytest.raises(CommonsError) as error:
        check_item(value, limits)
    assert str(error.value)
    return error.value.code


def time(text: Any, **more: Any) -> dict[str, Any]:
    return item(properties={"datetime": text, **more})


def test_a_plain_item_comes_back_as_it_was() -> None:
    kept, warnings = check_item(json.dumps(item()).encode())
    assert kept == item()
    assert warnings == []


def test_i29_axes_that_look_swapped_are_refused_or_suspected() -> None:
    assert code_of(item(geometry={"type": "Point", "coordinates": [10, 150]})) == "axis-order"
    _, warnings = check_item(item(bbox=[0, 10, 2, 12]))
    assert [text.split(":")[0] for text in warnings] == ["axis-order-suspect"]


def test_i30_a_box_over_the_antimeridian_keeps_west_over_east_and_is_cut_in_two() -> None:
    ring = [[170.0, 0.0], [-170.0, 0.0], [-170.0, 10.0], [170.0, 10.0], [170.0, 0.0]]
    kept, warnings = check_item(polygon(*ring, bbox=[170, 0, -170, 10]))
    assert kept["bbox"] == [170, 0, -170, 10]
    assert kept["geometry"]["type"] == "MultiPolygon"
    shape: Any = shapely.geometry.shape(kept["geometry"])
    assert shape.area == pytest.approx(200)
    assert {part.bounds for part in shape.geoms} == {(170, 0, 180, 10), (-180, 0, -170, 10)}
    assert warnings[-1].startswith("antimeridian")


def test_i31_a_polygon_around_the_pole_has_the_area_of_its_cap() -> None:
    # By hand: a cap that is no rougher than its outline: compare with the same outline's geodesics.
    ring = [[float(lon), 80.0] for lon in range(-180, 180, 1)]
    ring.append(ring[0])
    kept, _ = check_item(polygon(*ring, bbox=[-180, 80, 180, 90]))
    shape: Any = shapely.geometry.shape(kept["geometry"])
    assert shape.bounds == (-180, 80, 180, 90)
    geod = Geod(ellps="sphere")
    lons, lats = zip(*ring[:-1], strict=True)
    closed, _ = geod.polygon_area_perimeter(lons, lats)
    cells, _ = geod.geometry_area_perimeter(shapely.segmentize(shape, 1))
    assert cells == pytest.approx(closed, rel=1e-6)
    for lat in (90, -90):
        check_item(
            item(geometry={"type": "Point", "coordinates": [0, lat]}, bbox=[0, lat, 0, lat])
        )


def box(west: float, south: float, east: float, north: float) -> list[list[float]]:
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def around(lat: float, step: int = 30, begin: int = -180) -> list[list[float]]:
    """Return an outline once around the globe, eastward."""
    turns = [[float((begin + n + 180) % 360 - 180), lat] for n in range(0, 360, step)]
    return [*turns, turns[0]]


WORLD = [-180, -90, 180, 90]
SOUTH = [-180, -90, 180, -60]
EASTWARD = [float(lon) for lon in range(-180, 181, 30)]
# By hand: what is written, its bbox, the boxes it means, in degrees.
READINGS = [
    ("the whole world", [box(*WORLD)], WORLD, [WORLD]),
    ("clockwise", [box(*WORLD)[::-1]], WORLD, [WORLD]),
    ("a polar cap", [box(*SOUTH)], SOUTH, [SOUTH]),
    ("all but a sliver", [box(-179, -90, 180, 90)], [-179, -90, 180, 90], [[-179, -90, 180, 90]]),
    ("wide", [box(-170, -80, 170, 80)], [-170, -80, 170, 80], [[-170, -80, 170, 80]]),
    ("with a bbox too large", [box(-180, -80, 180, 80)], WORLD, [[-180, -80, 180, 80]]),
    (
        "a point every 30 degrees, and the pole",
        [
            [[lon, -60.0] for lon in EASTWARD[::-1]]
            + [[lon, -90.0] for lon in EASTWARD]
            + [[180.0, -60.0]]
        ],
        SOUTH,
        [SOUTH],
    ),
    (
        "once around, and along 180 to the pole",
        [[[lon, -60.0] for lon in EASTWARD] + [[180.0, -90.0], [-180.0, -90.0], [-180.0, -60.0]]],
        SOUTH,
        [SOUTH],
    ),
    (
        "a band whose bbox reaches the pole",
        [[[lon, 60.0] for lon in EASTWARD] + [[180.0, 85.0], [-180.0, 85.0], [-180.0, 60.0]]],
        [-180, 60, 180, 90],
        [[-180, 60, 180, 85]],
    ),
    ("once around", [around(-60)], SOUTH, [SOUTH]),
    ("once around, westward", [around(-60)[::-1]], SOUTH, [SOUTH]),
    ("once around from elsewhere", [around(-60, 30, 50)], SOUTH, [SOUTH]),
    ("with 180 twice", [[[lon, -60.0] for lon in EASTWARD] + [[-180.0, -60.0]]], SOUTH, [SOUTH]),
    ("far over the equator", [around(-60)], [-180, -60, 180, 90], [[-180, -60, 180, 90]]),
    (
        "once around with a hole",
        [around(-60), box(100, -80, 110, -70)[::-1]],
        SOUTH,
        [[-180, -90, 100, -60], [110, -90, 180, -60], [100, -90, 110, -80], [100, -70, 110, -60]],
    ),
    ("over 180", [box(170, 0, -170, 9)], [170, 0, -170, 9], [[170, 0, 180, 9], [-180, 0, -170, 9]]),
    (
        "over 180, clockwise",
        [box(170, 0, -170, 9)[::-1]],
        [170, 0, -170, 9],
        [[170, 0, 180, 9], [-180, 0, -170, 9]],
    ),
    ("unrolled", [box(170, 0, 190, 9)], [170, 0, -170, 9], [[170, 0, 180, 9], [-180, 0, -170, 9]]),
    (
        "unrolled westward",
        [box(-190, 0, -170, 9)],
        [170, 0, -170, 9],
        [[170, 0, 180, 9], [-180, 0, -170, 9]],
    ),
    ("340 wide over 180",
     [box(10, 0, -10, 9)], [10, 0, -10, 9],
     [[10, 0, 180, 9], [-180, 0, -10, 9]]),
    ("the same unrolled",
     [box(10, 0, 350, 9)], [10, 0, -10, 9],
     [[10, 0, 180, 9], [-180, 0, -10, 9]]),
    (
        "with a hole that begins beyond",
        [
            box(170, 0, -170, 9),
            [[-175.0, 3.0], [-175.0, 6.0], [175.0, 6.0], [175.0, 3.0], [-175.0, 3.0]],
        ],
        [170, 0, -170, 9],
        [
            [170, 0, 175, 9], [175, 0, 180, 3], [175, 6, 180, 9],
            [-180, 0, -175, 3], [-180, 6, -175, 9], [-175, 0, -170, 9],
        ],
    ),
    ("with a bbox rounded inwards", [box(170, 0, -170, 9)], [170.4, 0, -170.4, 9],
     [[170, 0, 180, 9], [-180, 0, -170, 9]]),
    ("with a bbox far too small", [box(170, 0, -170, 9)], [175, 0, -175, 9],
     [[170, 0, 180, 9], [-180, 0, -170, 9]]),
    ("of another place", [box(-10, 0, 10, 9)], [170, 0, -170, 9], [[-10, 0, 10, 9]]),
    ("to 180, written -180", [box(170, 0, -180, 9)], [170, 0, 180, 9], [[170, 0, 180, 9]]),
    ("from -180, written 180", [box(180, 0, -170, 9)], [-180, 0, -170, 9], [[-180, 0, -170, 9]]),
    ("east of 180 alone", [box(185, 0, 190, 9)], [-175, 0, -170, 9], [[-175, 0, -170, 9]]),
    ("a metre wide", [box(179.999995, 0, -179.999995, 0.00001)],
     [179.999995, 0, -179.999995, 0.00001],
     [[179.999995, 0, 180, 0.00001], [-180, 0, -179.999995, 0.00001]]),
    ("in a 3-D box", [box(170, 0, -170, 9)], [170, 0, 5, -170, 9, 6],
     [[170, 0, 180, 9], [-180, 0, -170, 9]]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "rings", "bbox", "meant"), READINGS, ids=[r[0] for r in READINGS]
)
def test_an_outline_is_read_as_its_bbox_means_it(
    name: str, rings: list[Any], bbox: list[float], meant: list[list[float]]
) -> None:
    wanted = shapely.union_all([shapely.box(w, s, e, n) for w, s, e, n in meant])
    for geometry in (
        {"type": "Polygon", "coordinates": rings},
        {"type": "MultiPolygon", "coordinates": [rings]},
        {
            "type": "GeometryCollection",
            "geometries": [{"type": "Polygon", "coordinates": rings}],
        },
    ):
        kept, warnings = check_item(item(geometry=geometry, bbox=bbox))
        found: Any = shapely.geometry.shape(kept["geometry"])
        found = shapely.union_all(found.geoms) if hasattr(found, "geoms") else found
        assert found.is_valid
        assert found.symmetric_difference(wanted).area < 1e-6, name
        west, _, east, _ = found.bounds
        assert -180 <= west <= east <= 180
        assert {w.partition(":")[0] for w in warnings} <= {
            "antimeridian", "ring-orientation", "bbox-elsewhere", "duplicate-points"
        }  # fmt: skip


@given(
    west=st.integers(-180, 179), width=st.integers(1, 359), south=st.sampled_from([-90, -60, 5]),
    north=st.sampled_from([10, 60, 90]), step=st.sampled_from([7, 30, 360]),
    form=st.sampled_from(["wrapped", "eastward", "westward"]), turn=st.booleans(),
    begin=st.integers(0, 50),
)  # fmt: skip
def test_a_box_anywhere_is_read_as_itself_however_its_longitudes_are_written(
    west: int, width: int, south: int, north: int, step: int, form: str, turn: bool, begin: int
) -> None:
    east = west + width
    lons = [*range(west, east, step), east]
    ring = [(lon, south) for lon in lons] + [(lon, north) for lon in lons[::-1]]
    n = begin % len(ring)
    ring = (ring[n:] + ring[:n])[:: -1 if turn else 1]
    # One of the names that each longitude has.
    turned = 360 if form == "westward" and east > 180 else 0
    outline = [
        [float((lon + 180) % 360 - 180 if form == "wrapped" else lon - turned), float(lat)]
        for lon, lat in [*ring, ring[0]]
    ]
    bbox = [float(n) for n in (west, south, east if east <= 180 else east - 360, north)]
    kept, _ = check_item(polygon(*outline, bbox=bbox))
    found: Any = shapely.geometry.shape(kept["geometry"])
    whole = shapely.box(west, south, east, north)
    halves = [shapely.box(-180, -90, 180, 90), shapely.box(180, -90, 540, 90)]
    parts = [shapely.intersection(whole, half) for half in halves]
    wanted = shapely.union(parts[0], affinity.translate(parts[1], xoff=-360))
    assert found.symmetric_difference(wanted).area < 1e-6


def test_parts_cut_at_180_already_stay_as_they_are() -> None:
    parts = {
        "type": "MultiPolygon",
        "coordinates": [[box(170, 0, 180, 9)], [box(-180, 0, -170, 9)]],
    }
    kept, warnings = check_item(item(geometry=parts, bbox=[170, 0, -170, 9]))
    assert kept["geometry"] == parts
    assert warnings == []


def test_a_line_over_180_takes_the_way_its_bbox_says() -> None:
    for ends in ([[170, 0], [-170, 2]], [[170, 0], [190, 2]]):
        line = {"type": "LineString", "coordinates": ends}
        kept, _ = check_item(item(geometry=line, bbox=[170, 0, -170, 2]))
        found = shapely.geometry.shape(kept["geometry"])
        assert found.length == pytest.approx((20**2 + 2**2) ** 0.5)


def test_a_coast_around_the_pole_that_doubles_back_holds_the_pole_once() -> None:
    # Between 0 and 10 degrees east it runs back west before it goes on.
    coast: list[list[float]] = [[0, -70], [10, -70], [10, -72], [-5, -72], [-5, -74], [20, -74], *(
        [float(lon), -70.0] for lon in (60, 120, 180, -120, -60, -20)
    ), [0, -70]]  # fmt: skip
    kept, _ = check_item(polygon(*coast, bbox=[-180, -90, 180, -70]))
    found = shapely.geometry.shape(kept["geometry"])
    assert found.is_valid
    for lon, lat, held in ((5, -71, True), (5, -73, False), (5, -80, True), (-179, -71, True),
                           (8, -71.9, True), (-3, -71, True), (5, -89, True)):  # fmt: skip
        assert found.contains(shapely.Point(lon, lat)) is held, (lon, lat)


@pytest.mark.parametrize("edges", [(-200, 0, 200, 9), (0, 0, 400, 9)])
def test_what_covers_a_place_twice_is_refused(edges: tuple[float, float, float, float]) -> None:
    assert code_of(polygon(*box(*edges), bbox=[-180, 0, 180, 9])) == "invalid-geometry"


def test_i32_rings_are_turned_and_repeated_points_dropped_with_a_warning() -> None:
    kept, warnings = check_item(polygon(*BOX[:2], BOX[1], *BOX[2:], bbox=[10, 0, 12, 2]))
    assert kept["geometry"]["coordinates"][0] == BOX
    assert warnings[0].startswith("duplicate-points")
    kept, warnings = check_item(polygon(*BOX[::-1], bbox=[10, 0, 12, 2]))
    shape: Any = shapely.geometry.shape(kept["geometry"])
    assert shape.exterior.is_ccw
    assert warnings[0].startswith("ring-orientation")


@pytest.mark.parametrize(
    ("ring", "words"),
    [
        ([[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]], r"Self-intersection\[1 1\]"),
        ([[0, 0], [1, 1], [2, 2], [0, 0]], "geometry: "),
        ([[0, 0], [2, 0], [2, 2]], r"coordinates\[0\]\[0\]"),
        ([[0, 0], [2, 0], [2, 2], [0, 1]], r"coordinates\[0\]\[0\]"),
    ],
)
def test_i32_a_bow_tie_a_collapsed_and_an_open_ring_are_refused(ring: Any, words: str) -> None:
    with pytest.raises(CommonsError, match=words) as error:
        check_item(polygon(*ring, bbox=[0, 0, 2, 2]))
    assert error.value.code == "invalid-geometry"


def test_i32_a_hole_outside_its_shell_is_refused() -> None:
    hole = [[20, 0], [20, 1], [21, 1], [20, 0]]
    assert code_of(item(geometry={"type": "Polygon", "coordinates": [BOX, hole]})) == (
        "invalid-geometry"
    )


@pytest.mark.parametrize(
    ("text", "kept", "warned"),
    [
        ("9999-01-01T00:00:00Z", "9999-01-01T00:00:00Z", True),
        ("1799-12-31T00:00:00Z", "1799-12-31T00:00:00Z", True),
        ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z", True),
        ("2020-05-31T24:00:00Z", "2020-06-01T00:00:00Z", True),
        ("2020-06-01T01:30:00+02:00", "2020-05-31T23:30:00Z", False),
    ],
)
def test_i34_unusual_times_are_kept_in_utc_and_said(text: str, kept: str, warned: bool) -> None:
    found, warnings = check_item(time(text))
    assert found["properties"]["datetime"] == kept
    assert [w.split(":")[0] for w in warnings] == ["bad-time"] * warned


@pytest.mark.parametrize(
    "text",
    ["10000-01-01T00:00:00Z", "2020-05-31T00:00:00", "2020-05-31", "2020-02-30T00:00:00Z",
     "2020-05-31T24:00:01Z", "2020-13-01T00:00:00Z", "", "yesterday", 2020],
)  # fmt: skip
def test_i34_times_that_are_none_are_refused(text: Any) -> None:
    assert code_of(time(text)) == "bad-time"


def test_i35_a_span_that_is_none_is_refused() -> None:
    late, early = "2021-01-01T00:00:00Z", "2020-01-01T00:00:00Z"
    assert code_of(time(None, start_datetime=late, end_datetime=early)) == "bad-time"
    assert code_of(time(None, start_datetime=None, end_datetime=None)) == "bad-time"
    assert code_of(item(properties={})) == "bad-time"
    check_item(time(None, start_datetime=early, end_datetime=late))


@pytest.mark.parametrize(
    "name",
    [
        "a" * 300,
        "../x",
        "a/b",
        ".",
        "",
        "a\x00b",
        "a\u202eb",
        "e\u0301",
        "\u00e9",
        "p\u0430ris",
        5,
    ],
)
def test_i38_a_name_with_other_characters_is_refused(name: Any) -> None:
    assert code_of(item(id=name)) == "bad-id"
    assert code_of(item(collection=name)) == "bad-id"


@pytest.mark.parametrize(
    "raw",
    [
        b'{"type":"Feature","id":"a","id":"b"}',
        b'{"type":"Feature","id":NaN}',
        b'{"type":"Feature","id":1e999}',
        b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        b'{"a":' + b"1" * 5000 + b"}",
        b'{"a":"\\ud800"}',
        b"\xef\xbb\xbf{}",
        '{"type":"Feature"}'.encode("utf-16"),
        b"",
    ],
)
def test_i39_json_two_parsers_could_read_differently_is_refused(raw: bytes) -> None:
    assert code_of(raw) == "bad-json"


@pytest.mark.parametrize(
    "href",
    ["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "//host/x",
     "https://user:secret@host/x", "https:///x", "ftp://host/x", "../../x", "a\\b", "a b",
     "https://host\r\nX: y", "", None, "JaVaScRiPt:x", "vbscript:x"],
)  # fmt: skip
def test_i40_an_address_that_runs_or_reads_or_tells_is_refused(href: Any) -> None:
    with pytest.raises(CommonsError) as error:
        check_item(item(assets={"data": {"href": href}}))
    assert error.value.code == "bad-href"
    assert "secret" not in str(error.value)
    assert code_of(item(links=[{"rel": "self", "href": href}])) == "bad-href"


def test_i40_plain_addresses_are_kept() -> None:
    for href in ("https://host/x.tif", "/objects/ab", "data/x.tif", "s3://bucket/x"):
        check_item(item(assets={"data": {"href": href}}))


def test_i41_an_unknown_extension_is_a_warning_and_nothing_is_fetched() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    port = listener.getsockname()[1]
    known = "https://stac-extensions.github.io/file/v2.1.0/schema.json"
    url = f"http://127.0.0.1:{port}/schema.json"
    _, warnings = check_item(item(stac_extensions=[known, url]))
    assert warnings == [f"extension-unknown: {url} was not checked"]
    with pytest.raises(TimeoutError):
        listener.accept()
    listener.close()


def test_i42_too_many_vertices_and_coordinates_that_are_none_are_refused() -> None:
    many = [[n / 1000, 0] for n in range(200)]
    few = Limits(vertices=100)
    line = {"type": "LineString", "coordinates": many}
    assert code_of(item(geometry=line), few) == "declared-too-large"
    for point in (["10", "0"], [1, 2, 3, 4], [1e308, 0], [1], [True, False], 5, None):
        assert code_of(item(geometry={"type": "Point", "coordinates": point})) == (
            "invalid-geometry"
        )
    nested: dict[str, Any] = {"type": "Point", "coordinates": [10, 0]}
    for _ in range(20):
        nested = {"type": "GeometryCollection", "geometries": [nested]}
    assert code_of(item(geometry=nested)) == "invalid-geometry"


@pytest.mark.parametrize(
    "bbox", [[1, 2, 3], [0, 10, 2, 5], [0, 0, 1, 91], [0, 0, 540, 1], ["0", 0, 1, 1], "x", None]
)
def test_a_bbox_that_is_none_is_refused(bbox: Any) -> None:
    assert code_of(item(bbox=bbox)) == "bad-bbox"


def test_what_lies_nowhere_has_no_bbox_not_even_null() -> None:
    kept, _ = check_item(item(geometry=None, bbox=None))
    assert kept["geometry"] is None
    assert "bbox" not in kept
    assert code_of(item(geometry=None)) == "bad-bbox"


@given(
    st.floats(-179, 170), st.floats(-89, 80), st.floats(0.01, 9), st.booleans(), st.booleans()
)
def test_mending_never_changes_the_area(
    west: float, south: float, size: float, turn: bool, repeat: bool
) -> None:
    east, north = west + size, south + size
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    ring = ring[::-1] if turn else ring
    ring = [*ring[:2], *ring[1:]] if repeat else ring
    kept, warnings = check_item(polygon(*ring, bbox=[west, south, east, north]))
    shape: Any = shapely.geometry.shape(kept["geometry"])
    assert shape.area == pytest.approx((east - west) * (north - south))
    assert shape.exterior.is_ccw
    assert len(warnings) == turn + repeat


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: (
    st.lists(inner) | st.dictionaries(st.sampled_from([*item(), "coordinates"]), inner)
)))  # fmt: skip
def test_anything_is_an_item_or_refused_by_a_code(value: Any) -> None:
    for name in item():
        # Any other error than a typed one fails the test.
        with contextlib.suppress(CommonsError):
            check_item(json.dumps(item(**{name: value})).encode())
