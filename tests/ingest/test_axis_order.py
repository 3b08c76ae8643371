"""Swapped axes within ±90 are suspected where a second witness tells, and nowhere else."""

from __future__ import annotations

import json
import sqlite3
import struct
import warnings
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import pyogrio
import pytest
import shapely
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from tests.ingest.conftest import Desk, declare, unit
from tests.ingest.test_archives import zipped
from tests.ingest.test_formats import META

from earthcommons.ingest import look
from earthcommons.ingest.axis_order import agrees_only_swapped, stated_in
from earthcommons.ingest.limits import Limits
from earthcommons.model.party import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Writer = Callable[..., Path]

# Kenya: [west, south, east, north], and the same as somebody who took latitude for x has it.
KENYA = [33.9, -4.7, 41.9, 5.0]
SWAPPED = [-4.7, 33.9, 5.0, 41.9]


def test_kenya_in_algeria_is_swapped_and_kenya_in_kenya_is_not() -> None:
    assert agrees_only_swapped(KENYA, SWAPPED)
    assert agrees_only_swapped(KENYA, [-1.3, 36.8, -1.2, 36.9])
    assert not agrees_only_swapped(KENYA, KENYA)
    assert not agrees_only_swapped(KENYA, [36.8, -1.3, 36.9, -1.2])
    # Wrong, but not by swapping: swapped it would lie elsewhere too.
    assert not agrees_only_swapped(KENYA, [100, 10, 110, 20])
    assert not agrees_only_swapped(KENYA, [-4.7, 53.9, 5.0, 61.9])


def test_a_country_near_the_diagonal_is_told_by_its_edges() -> None:
    turkey = [26.0, 36.0, 45.0, 42.0]
    assert agrees_only_swapped(turkey, [36.0, 26.0, 42.0, 45.0])
    assert not agrees_only_swapped(turkey, [26.0, 36.0, 45.2, 42.1])
    assert not agrees_only_swapped(turkey, [28.0, 37.0, 30.0, 38.0])


def test_what_is_stated_may_cross_180_or_count_to_360() -> None:
    fiji = [177, -21, -178, -12]
    assert agrees_only_swapped([-81, -5, -75, 1], [-5, -81, 1, -75])
    assert agrees_only_swapped([279, -5, 285, 1], [-5, -81, 1, -75])
    assert not agrees_only_swapped(fiji, [177.5, -20, 179.5, -15])
    # No latitude is 177.
    assert not agrees_only_swapped(fiji, [-21, 177, -12, 182])
    assert not agrees_only_swapped([0, -90, 360, 90], SWAPPED)


Box = tuple[float, float, float, float]
LAT, SIDE = st.floats(-90, 90), st.floats(0, 40)


@st.composite
def boxes(draw: st.DrawFn, lon: float = 180) -> Box:
    west, south = draw(st.floats(-lon, lon)), draw(LAT)
    return west, south, min(lon, west + draw(SIDE)), min(90, south + draw(SIDE))


def swap(box: Box) -> Box:
    return box[1], box[0], box[3], box[2]


@given(boxes(), st.tuples(*[st.floats(0, 1)] * 4))
def test_no_file_within_its_stated_extent_is_suspected(
    stated: Box, shares: tuple[float, ...]
) -> None:
    (a, b), (c, d) = sorted(shares[:2]), sorted(shares[2:])
    wide, high = stated[2] - stated[0], stated[3] - stated[1]
    inner = [
        stated[0] + a * wide,
        stated[1] + c * high,
        stated[0] + b * wide,
        stated[1] + d * high,
    ]
    assert not agrees_only_swapped(stated, inner)
    assert not agrees_only_swapped([-180, -90, 180, 90], inner)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Box, Box]:
    """Draw two boxes, often one that is nearly the other with its axes swapped."""
    stated = draw(boxes())
    if draw(st.booleans()):
        return stated, draw(boxes())
    west, south, east, north = (
        edge + draw(st.floats(-3, 3)) for edge in swap(stated)
    )  # fmt: skip
    return stated, (west, south, max(west, east), max(south, north))


@given(pairs())
def test_what_is_suspected_reaches_out_of_its_extent_and_swapped_does_not(
    pair: tuple[Box, Box],
) -> None:
    stated, found = pair
    if agrees_only_swapped(stated, found):
        assert reaches(found, stated) > 0
        assert max(abs(found[0]), abs(found[2])) <= 90
        # A tenth of the stated box more, or 0.01°.
        slack = 0.01 + 0.1 * max(stated[2] - stated[0], stated[3] - stated[1])
        assert reaches(swap(found), stated) <= slack
        assert not agrees_only_swapped(stated, swap(found))


def reaches(box: Box, outer: Box) -> float:
    """Return by how many degrees a box reaches out of another."""
    return max(outer[0] - box[0], outer[1] - box[1], box[2] - outer[2], box[3] - outer[3])


@given(boxes(lon=90))
def test_a_box_that_its_swap_does_not_touch_is_always_told(found: Box) -> None:
    stated = swap(found)
    slack = 0.02 + 0.1 * max(found[2] - found[0], found[3] - found[1])
    if max(found[0] - found[3], found[1] - found[2]) > slack:
        west, south, east, north = stated
        assert agrees_only_swapped(stated, found)
        assert agrees_only_swapped((west, south, 0, east, north, 9), found)
        if east <= 0:
            assert agrees_only_swapped((west + 360, south, east + 360, north), found)


@pytest.mark.parametrize(
    "stated",
    [None, [], [1, 2, 3], "33.9,-4.7,41.9,5", [33.9, 5.0, 41.9, -4.7], ["33.9", -4.7, 41.9, 5],
     [float("nan")] * 4, [33.9, -104.7, 41.9, 5.0], {"west": 1}, [0, 0, 0, 0], [1e9, 0, 2e9, 1]],
)  # fmt: skip
def test_what_is_no_bbox_says_nothing(stated: Any) -> None:
    assert not agrees_only_swapped(stated, SWAPPED)
    assert not agrees_only_swapped(KENYA, stated)


ACDD = ("lon_min", "lat_min", "lon_max", "lat_max")
SAID: tuple[Any, ...] = ("33.9", np.float32(-4.5), 41, 5)


def test_attributes_that_are_no_numbers_state_nothing() -> None:
    said = {f"geospatial_{n}": v for n, v in zip(ACDD, SAID, strict=True)}
    assert stated_in(said) == [33.9, -4.5, 41, 5]
    assert stated_in({}) is None
    assert stated_in(said | {"geospatial_lat_min": "south"}) is None
    assert stated_in(said | {"geospatial_lat_min": np.zeros(2)}) is None


def codes(texts: Any) -> list[str]:
    return [text.split(":")[0] for text in texts]


def both_ways(desk: Desk, source: Path, **declared: Any) -> tuple[list[str], list[str]]:
    """Return the codes of the warnings of a look, and of what was published."""
    with desk.store.stage() as scratch:
        (scratch / "source").write_bytes(source.read_bytes())
        about = {key: declared[key] for key in ("bbox",) if key in declared}
        seen = look(scratch, about, Limits())["warnings"]
    done = desk.publish(source, declare(**declared))
    item = desk.catalog.get("item", done.name, PUBLIC)
    assert list(done.warnings) == item["properties"].get("ec:warnings", [])
    assert list(done.warnings) == seen
    return codes(seen), codes(done.warnings)


SUSPECT = (["axis-order-suspect"], ["axis-order-suspect"])
QUIET: tuple[list[str], list[str]] = ([], [])


def swapped_points() -> list[Any]:
    return [shapely.Point(-1.3, 36.8), shapely.Point(4.9, 41.0)]


def geojson(target: Path, bbox: list[float] | None, points: list[Any]) -> Path:
    features = [
        {"type": "Feature", "properties": {}, "geometry": point.__geo_interface__}
        for point in points
    ]
    document = {"type": "FeatureCollection", "features": features}
    target.write_text(json.dumps(document | ({"bbox": bbox} if bbox else {})))
    return target


@pytest.mark.parametrize(
    ("bbox", "expected"), [(KENYA, SUSPECT), (SWAPPED, QUIET), (None, QUIET), ([1], QUIET)]
)
def test_i29_geojson_is_held_against_its_own_bbox(
    desk: Desk, tmp_path: Path, bbox: list[float] | None, expected: Any
) -> None:
    assert both_ways(desk, geojson(tmp_path / "x.geojson", bbox, swapped_points())) == expected


def grid(stated: list[float] | None, names: tuple[str, str] = ("lat", "lon")) -> xr.Dataset:
    """A grid that names as latitudes what are Kenya's longitudes."""
    lat, lon = names
    made = xr.Dataset(
        {"v": ((lat, lon), np.ones((4, 5), "f4"), {"units": "K"})},
        {lat: (lat, np.linspace(34.9, 40.9, 4), {"units": "degrees_north"}),
         lon: (lon, np.linspace(-3.7, 4.0, 5), {"units": "degrees_east"})},
    )  # fmt: skip
    if stated:
        made.attrs = {f"geospatial_{e}": v for e, v in zip(ACDD, stated, strict=True)}
    return made


@pytest.mark.parametrize(
    ("stated", "expected"), [(KENYA, SUSPECT), (SWAPPED, QUIET), (None, QUIET)]
)
def test_i29_netcdf_is_held_against_its_attributes(
    desk: Desk, tmp_path: Path, stated: list[float] | None, expected: Any
) -> None:
    grid(stated).to_netcdf(tmp_path / "x.nc", engine="h5netcdf")
    assert both_ways(desk, tmp_path / "x.nc") == expected


def test_i29_netcdf_whose_axes_are_called_by_the_others_name_is_suspected(
    desk: Desk, tmp_path: Path
) -> None:
    grid(None, names=("lon", "lat")).to_netcdf(tmp_path / "x.nc", engine="h5netcdf")
    assert both_ways(desk, tmp_path / "x.nc") == SUSPECT


@pytest.mark.parametrize("version", [2, 3])
def test_i29_zarr_is_held_against_its_attributes(
    desk: Desk, tmp_path: Path, version: int
) -> None:
    for name, stated, expected in (("a", KENYA, ["axis-order-suspect"]), ("b", SWAPPED, [])):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            grid(stated).to_zarr(tmp_path / name, zarr_format=version, consolidated=False)
        assert codes(desk.publish(tmp_path / name, declare(name)).warnings) == expected


def layer(target: Path, crs: str = "EPSG:4326") -> Path:
    pyogrio.raw.write(
        target, geometry=np.array(shapely.to_wkb(swapped_points()), object), crs=crs,
        geometry_type="Point", layer="l", field_data=[np.array([1, 2])], fields=["n"],
        driver="GPKG" if target.suffix == ".gpkg" else "ESRI Shapefile",
    )  # fmt: skip
    return target


def test_i29_geopackage_is_held_against_its_list_of_contents(
    desk: Desk, tmp_path: Path
) -> None:
    source = layer(tmp_path / "x.gpkg")
    assert desk.publish(source, declare("as-written")).warnings == ()
    with closing(sqlite3.connect(source)) as file:
        file.execute("UPDATE gpkg_contents SET min_x=?, min_y=?, max_x=?, max_y=?", KENYA)
        file.commit()
    # Only what the first left visible is beside it: its collection lies where it does.
    assert both_ways(desk, source, collection="d") == SUSPECT
    metres = layer(tmp_path / "m.gpkg", crs="EPSG:3857")
    with closing(sqlite3.connect(metres)) as file:
        file.execute("UPDATE gpkg_contents SET min_x=36, min_y=-2, max_x=42, max_y=5")
        file.commit()
    assert both_ways(desk, metres, item="m", collection="e") == QUIET


def test_i29_shapefile_is_held_against_its_header(desk: Desk, tmp_path: Path) -> None:
    source = layer(tmp_path / "x.shp")
    assert desk.publish(source, declare("as-written")).warnings == ()
    data = bytearray(source.read_bytes())
    data[36:68] = struct.pack("<4d", *KENYA)
    source.write_bytes(bytes(data))
    done = desk.publish(source, declare(collection="d"))
    assert codes(done.warnings) == ["axis-order-suspect"]


EML = """<eml:eml xmlns:eml="https://eml.ecoinformatics.org/eml-2.2.0"><dataset><coverage>{}
</coverage></dataset></eml:eml>"""
AROUND = """<geographicCoverage><boundingCoordinates>
<westBoundingCoordinate>33.9</westBoundingCoordinate>
<eastBoundingCoordinate>41.9</eastBoundingCoordinate>
<northBoundingCoordinate>5.0</northBoundingCoordinate>
<southBoundingCoordinate>-4.7</southBoundingCoordinate>
</boundingCoordinates></geographicCoverage>"""


@pytest.mark.parametrize(
    ("described", "lat", "lon", "expected"),
    [
        (EML.format(AROUND), 36.8, -1.3, SUSPECT),
        (EML.format(AROUND), -1.3, 36.8, QUIET),
        # Two places, none, and a description that is none, tell nothing.
        (EML.format(AROUND * 2), 36.8, -1.3, QUIET),
        (EML.format(""), 36.8, -1.3, QUIET),
        ("<eml>", 36.8, -1.3, QUIET),
    ],
)
def test_i29_darwin_core_is_held_against_its_description(
    desk: Desk, tmp_path: Path, described: str, lat: float, lon: float, expected: Any
) -> None:
    meta = META.format(before="", row="Occurrence", file="o.txt")
    members = {
        "meta.xml": meta.replace("<archive ", '<archive metadata="eml.xml" ').encode(),
        "eml.xml": described.encode(),
        "o.txt": f"id\tname\tlat\tlon\n1\tPanthera leo\t{lat}\t{lon}\n".encode(),
    }
    assert both_ways(desk, zipped(tmp_path / "x.zip", members)) == expected


@pytest.mark.parametrize(
    ("bbox", "expected"),
    [((40.0, 10.0, 55.0, 20.0), SUSPECT), ((5.0, 40.0, 20.0, 55.0), QUIET),
     ((100.0, 10.0, 120.0, 20.0), QUIET)],
)  # fmt: skip
def test_i29_any_file_is_held_against_the_declared_bbox(
    desk: Desk, geotiff: Writer, bbox: Any, expected: Any
) -> None:
    # The raster lies at 10° to 13° longitude and 48° to 50° latitude.
    assert both_ways(desk, geotiff(), bbox=bbox, variables=(unit("v", "percent"),)) == expected


def test_i29_any_file_is_held_against_its_collection(desk: Desk, tmp_path: Path) -> None:
    right = [shapely.Point(point.y, point.x) for point in swapped_points()]
    first = desk.publish(geojson(tmp_path / "a.geojson", None, right), declare("a"))
    assert first.warnings == ()
    nearby = [shapely.Point(44, 9)]
    again = desk.publish(geojson(tmp_path / "b.geojson", None, nearby), declare("b"))
    assert again.warnings == ()
    swapped = geojson(tmp_path / "c.geojson", None, [shapely.Point(0, 40)])
    assert codes(desk.publish(swapped, declare("c")).warnings) == ["axis-order-suspect"]
