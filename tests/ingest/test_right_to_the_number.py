"""What comes in holds the numbers, gaps and places of the file it was made of."""

from __future__ import annotations

import json
import warnings
import zipfile
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pyarrow.parquet as pq
import pyogrio
import pytest
import rasterio
import shapely
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ingest.conftest import Desk, declare, unit
from tests.ingest.test_door import refused

from earthcommons.cube import open_array, read_features
from earthcommons.errors import RefusedFileError
from earthcommons.ingest import eos, look, read_raster, read_scenes
from earthcommons.ingest.limits import Limits
from earthcommons.ingest.period_differs import period_warnings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Writer = Callable[..., Path]


def published(desk: Desk, source: Path, **declared: Any) -> dict[str, Any]:
    desk.publish(source, declare(**declared))
    item: dict[str, Any] = desk.catalog.get("item", "c/x")
    return item


def masked(target: Path, values: np.ndarray[Any, Any], hidden: np.ndarray[Any, Any]) -> Path:
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(
            target, "w", driver="GTiff", height=values.shape[0], width=values.shape[1], count=1,
            dtype=values.dtype, crs="EPSG:4326",
            transform=rasterio.transform.from_origin(10, 50, 0.1, 0.1),
        ) as out,
    ):  # fmt: skip
        out.write(values, 1)
        out.write_mask(~hidden)
    return target


def test_what_an_internal_mask_hides_is_missing_in_the_copy(desk: Desk, tmp_path: Path) -> None:
    values = np.arange(12, dtype="u1").reshape(3, 4)
    item = published(
        desk, masked(tmp_path / "x.tif", values, values < 4), variables=(unit("v", "1"),)
    )
    array = open_array(item, desk.store, "v")
    expected = np.where(values < 4, np.nan, values)
    np.testing.assert_array_equal(array, expected)
    assert item["assets"]["data"]["bands"][0]["nodata"] == 255


@settings(max_examples=12, deadline=None)
@given(
    st.sampled_from(["u1", "i1", "u2", "i2", "f4"]),
    st.lists(st.tuples(st.integers(0, 255), st.booleans()), min_size=4, max_size=4),
)
def test_no_visible_value_becomes_missing_and_no_hidden_one_visible(
    tmp_path_factory: pytest.TempPathFactory, dtype: str, cells: list[tuple[int, bool]]
) -> None:
    folder = tmp_path_factory.mktemp("masked")
    # Every byte once, so that none is free, and four cells by chance.
    numbers = [*range(256), *(value for value, _ in cells)]
    values = np.array(numbers).astype(dtype).reshape(26, 10)
    hidden = np.array([False] * 256 + [mask for _, mask in cells]).reshape(26, 10)
    masked(folder / "source", values, hidden)
    said = [{"name": "v", "unit": "1", "meaning": "", "classes": {}}]
    read_raster.convert(folder, {"crs": "", "variables": said}, Limits())
    with rasterio.open(folder / "out.tif") as made:
        kept = made.read(1, masked=True)
    if not hidden.any():
        assert not np.ma.getmaskarray(kept).any()
    np.testing.assert_array_equal(np.ma.getmaskarray(kept), hidden)
    np.testing.assert_array_equal(kept.data[~hidden], values[~hidden])


def test_a_missing_number_beyond_a_single_becomes_nan(desk: Desk, geotiff: Writer) -> None:
    source = geotiff(values=np.array([[1, 2], [-np.inf, 4]], "f4"), nodata=-np.inf)
    item = published(desk, source)
    assert item["assets"]["data"]["bands"][0]["nodata"] == "nan"
    assert item["assets"]["data"]["bands"][0]["statistics"]["valid_percent"] == 75


def test_scaled_wide_integers_keep_their_last_digits(desk: Desk, geotiff: Writer) -> None:
    source = geotiff(values=np.array([[2**31 - 1, 5], [7, 9]], "i4"), nodata=None)
    with rasterio.open(source, "r+") as file:
        file.scales = (0.5,)
    item = published(desk, source)
    assert float(open_array(item, desk.store, "b1")[0, 0]) == (2**31 - 1) / 2


def test_complex_numbers_and_control_points_are_refused_in_their_own_words(
    desk: Desk, tmp_path: Path, geotiff: Writer
) -> None:
    wave = geotiff(values=np.ones((2, 2), "c8"), nodata=None)
    assert refused(desk, wave) == "format-mismatch"
    target = tmp_path / "points.tif"
    point = rasterio.control.GroundControlPoint
    with rasterio.open(
        target, "w", driver="GTiff", height=2, width=2, count=1, dtype="uint8"
    ) as out:
        out.gcps = (
            [point(0, 0, 10, 50), point(0, 2, 12, 50), point(2, 0, 10, 48)],
            rasterio.CRS.from_epsg(4326),
        )
    with pytest.raises(RefusedFileError, match="control points"):
        desk.publish(target, declare())


def test_more_bands_declared_than_there_are_is_refused(desk: Desk, geotiff: Writer) -> None:
    twice = (unit("a", "percent"), unit("b", "percent"))
    assert refused(desk, geotiff(), declare(variables=twice)) == "malformed"


def globe(chunks: tuple[int, ...]) -> xr.Dataset:
    values = np.arange(4 * 180 * 360, dtype="f4").reshape(4, 180, 360)
    made = xr.Dataset(
        {"v": (("time", "lat", "lon"), values, {"units": "K"})},
        {
            "time": np.arange(4).astype("M8[D]").astype("M8[ns]"),
            "lat": ("lat", np.arange(-89.5, 90), {"units": "degrees_north"}),
            "lon": ("lon", np.arange(0.5, 360), {"units": "degrees_east"}),
        },
    )
    made["v"].encoding["chunks"] = chunks
    return made


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("chunks", [(1, 180, 360), (3, 70, 111)])
def test_a_store_may_be_cut_into_chunks_as_it_likes(
    desk: Desk, tmp_path: Path, version: int, chunks: tuple[int, ...]
) -> None:
    source = tmp_path / "x.zarr"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        globe(chunks).to_zarr(source, zarr_format=version, consolidated=version == 2)
    array = open_array(published(desk, source), desk.store, "v")
    np.testing.assert_array_equal(array, globe(chunks)["v"])


def test_plain_hdf5_may_be_cut_into_chunks_as_it_likes(desk: Desk, tmp_path: Path) -> None:
    source, values = tmp_path / "x.h5", np.arange(300 * 400, dtype="f4").reshape(300, 400)
    with h5py.File(source, "w") as file:
        file["lat"], file["lon"] = np.linspace(10, 5, 300), np.linspace(0, 5, 400)
        file.create_dataset("v", data=values, chunks=(70, 90)).attrs["units"] = "K"
    np.testing.assert_array_equal(open_array(published(desk, source), desk.store, "v"), values)


def polar(x_units: str, factor: float, **mapping: Any) -> xr.Dataset:
    axes = {
        name: (
            name,
            np.array(values) * factor,
            {"units": x_units, "standard_name": f"projection_{name}_coordinate"},
        )
        for name, values in (("y", [100_000.0, 0, -100_000]), ("x", [0.0, 100_000, 200_000]))
    }
    ice = (
        ("y", "x"),
        np.arange(9, dtype="f4").reshape(3, 3),
        {"units": "1", "grid_mapping": "m"},
    )
    return xr.Dataset({"ice": ice, "m": ((), 0, mapping)}, axes)


STEREO = {
    "grid_mapping_name": "polar_stereographic",
    "straight_vertical_longitude_from_pole": -45.0, "latitude_of_projection_origin": 90.0,
    "standard_parallel": 70.0, "semi_major_axis": 6378273.0,
    "inverse_flattening": 298.279411123061, "false_easting": 0.0, "false_northing": 0.0,
}  # fmt: skip


def test_a_grid_mapping_of_parameters_is_one_and_kilometres_are_not_metres(
    desk: Desk, tmp_path: Path
) -> None:
    source = tmp_path / "x.nc"
    polar("km", 0.001, **STEREO).to_netcdf(source, engine="h5netcdf")
    item = published(desk, source)
    # By hand: 1.5 cells of 100 km from the pole on one side, about 1.4 degrees of latitude.
    assert item["properties"]["cube:dimensions"]["x"]["extent"] == [0, 200_000]
    assert 86 < item["bbox"][1] < 88
    declared = tmp_path / "y.nc"
    polar("m", 1, **STEREO).to_netcdf(declared, engine="h5netcdf")
    assert desk.publish(declared, declare("y", crs="EPSG:3411")).state == "published"
    scan = tmp_path / "z.nc"
    polar("rad", 1e-6, **STEREO).to_netcdf(scan, engine="h5netcdf")
    with pytest.raises(RefusedFileError, match="angles"):
        desk.publish(scan, declare("z"))


def test_a_swath_is_refused_in_words_about_swaths(desk: Desk, tmp_path: Path) -> None:
    flat = np.ones((3, 4))
    made = xr.Dataset(
        {"no2": (("scanline", "pixel"), flat, {"units": "mol m-2", "coordinates": "lon lat"})},
        {
            "lat": (("scanline", "pixel"), flat, {"units": "degrees_north"}),
            "lon": (("scanline", "pixel"), flat, {"units": "degrees_east"}),
        },
    )
    made.to_netcdf(tmp_path / "x.nc", engine="h5netcdf")
    with pytest.raises(RefusedFileError, match="swath") as error:
        desk.publish(tmp_path / "x.nc", declare())
    assert error.value.code == "bad-geotransform"


def test_a_step_twice_is_refused_and_the_extent_is_that_of_all_steps(
    desk: Desk, netcdf: Writer
) -> None:
    back = netcdf(change=lambda made: made.isel(time=[1, 0]))
    extent = published(desk, back)["properties"]["cube:dimensions"]["time"]["extent"]
    assert extent == ["2015-11-01T00:00:00Z", "2015-12-01T00:00:00Z"]
    twice = netcdf("y.nc", change=lambda made: made.isel(time=[0, 0]))
    with pytest.raises(RefusedFileError, match="2015-11-01T00:00:00 twice"):
        desk.publish(twice, declare("y"))


def test_a_scale_above_one_divides_and_the_record_says_so(desk: Desk, tmp_path: Path) -> None:
    from pyhdf.SD import SD, SDC
    from tests.ingest.test_formats import structure

    source = tmp_path / "x.hdf"
    file = SD(str(source), SDC.WRITE | SDC.CREATE)
    file.attr("StructMetadata.0").set(SDC.CHAR, structure(3, 4).replace("HE5_", ""))
    field = file.create("500m 16 days NDVI", SDC.INT16, (3, 4))
    field.attr("units").set(SDC.CHAR, "NDVI")
    field.attr("scale_factor").set(SDC.FLOAT64, 10000.0)
    field.attr("add_offset").set(SDC.FLOAT64, 0.0)
    field.attr("_FillValue").set(SDC.INT16, -3000)
    field.attr("valid_range").set(SDC.INT16, [-2000, 10000])
    field[:] = np.array([[-3000, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 8123]], "i2")
    field.endaccess()
    file.end()
    item = published(desk, source, variables=(unit("500m 16 days NDVI", "1"),))
    array = open_array(item, desk.store, "500m 16 days NDVI")
    assert float(array[2, 3]) == pytest.approx(0.8123, rel=1e-6)
    assert np.isnan(array[0, 0])
    assert [text.split(":")[0] for text in item["properties"]["ec:warnings"]] == [
        "scale-divides"
    ]
    # The dry run tells the same.
    folder = tmp_path / "look"
    folder.mkdir()
    (folder / "source").write_bytes(source.read_bytes())
    assert look(folder, {}, Limits())["warnings"] == item["properties"]["ec:warnings"]


@pytest.mark.parametrize(
    ("layer", "scale", "valid", "dtype", "decoded"),
    [
        # From the tables of layers in each product's user guide.
        ("MOD13 NDVI", 10000, (-2000, 10000), "i2", (-0.2, 1)),
        ("MOD13 red reflectance", 10000, (0, 10000), "i2", (0, 1)),
        ("MOD13 view zenith angle", 100, (0, 18000), "i2", (0, 180)),
        ("MOD13 composite day of the year", 1, (1, 366), "i2", (1, 366)),
        ("MOD09GA band 1", 10000, (-100, 16000), "i2", (-0.01, 1.6)),
        ("MOD09A1 band 1", 0.0001, (-100, 16000), "i2", (-0.01, 1.6)),
        ("MOD11 LST [K]", 0.02, (7500, 65535), "u2", (150, 1310.7)),
        ("MOD15 LAI", 0.1, (0, 100), "u1", (0, 10)),
        ("MOD16 ET [mm]", 0.1, (-32767, 32700), "i2", (-3276.7, 3270)),
        ("MOD17 GPP [kg m-2]", 0.0001, (0, 30000), "i2", (0, 3)),
        ("MCD12 land cover", 1, (1, 17), "u1", (1, 17)),
        ("MOD10 snow cover", 1, (0, 100), "u1", (0, 100)),
        # None that is known; a scale that the range does not reach, or no power of ten, packs.
        ("snow water in pairs of mm", 2, (0, 240), "u1", (0, 480)),
        ("thousands of heads", 1000, (0, 250), "u1", (0, 250_000)),
    ],
)
def test_a_valid_range_decodes_to_what_the_product_documents(
    layer: str,
    scale: float,
    valid: tuple[int, int],
    dtype: str,
    decoded: tuple[float, float],
) -> None:
    stored = np.array(valid, dtype)
    array = eos.Array("v", "v", stored, {"scale_factor": scale, "valid_range": list(valid)})
    doubts = eos.divided([array], {"variables": []})
    found = stored.astype("f8") * array.facts["scale_factor"]
    np.testing.assert_allclose(found, decoded, rtol=1e-12, err_msg=layer)
    assert bool(doubts) == (decoded[1] < valid[1] and scale > 1)


def test_times_outside_the_declared_period_are_told(desk: Desk, netcdf: Writer) -> None:
    item = published(desk, netcdf())
    times = "the file's own times are 2015-11-01 to 2015-12-01"
    assert item["properties"]["ec:warnings"] == [
        f"period-differs: {times}, the declared period is 2008"
    ]


@pytest.mark.parametrize(
    ("first", "last", "period", "told"),
    [
        ("2015-01-01T00:00:00", "2015-12-31T23:59:59", "2015", False),
        # A mean that carries the end of its step.
        ("2015-02-01T00:00:00", "2016-01-01T00:00:00", "2015", False),
        ("2015-01-01T00:00:00", "2016-01-01T00:00:01", "2015", True),
        ("2014-12-31T23:59:59", "2015-06-01T00:00:00", "2015", True),
        ("2015-01-01", "2015-12-31", "2015", False),
        ("2015-01-01", "2016-01-01", "2015", True),
        ("2015-03-01", "2015-04-01", "1990/2020", False),
        ("1850-01-01", "2020-01-01", "", False),
    ],
)
def test_a_period_differs_where_times_reach_out_of_it(
    first: str, last: str, period: str, told: bool
) -> None:
    found = period_warnings({"period": period}, first, last)
    assert bool(found) == told
    assert all(period in text and first[:10] in text for text in found)


def test_heights_that_are_left_out_are_told(desk: Desk, tmp_path: Path) -> None:
    source = tmp_path / "x.gpkg"
    shapes = shapely.to_wkb([shapely.Point(1, 2, 30), shapely.Point(3, 4, 50)])
    pyogrio.raw.write(
        source, geometry=np.array(shapes, object), geometry_type="Point Z", crs="EPSG:4326",
        layer="l", fields=["n"], driver="GPKG", field_data=[np.array([1, 2])],
    )  # fmt: skip
    item = published(desk, source)
    assert item["properties"]["ec:warnings"] == [
        "z-dropped: the heights of 2 of 2 features are left out"
    ]
    assert not read_features(item, desk.store).geometries[0].has_z


def test_heights_of_geojson_are_kept_and_named(desk: Desk, tmp_path: Path) -> None:
    source = tmp_path / "x.geojson"
    shape = '{"type":"Point","coordinates":[1,2,30]}'
    feature = f'{{"type":"Feature","properties":{{}},"geometry":{shape}}}'
    source.write_text(f'{{"type":"FeatureCollection","features":[{feature}]}}')
    item = published(desk, source)
    assert shapely.get_z(read_features(item, desk.store).geometries[0]) == 30
    assert "ec:warnings" not in item["properties"]
    data = desk.store.path(item["assets"]["data"]["href"].rsplit("/", 1)[-1])
    geo = json.loads(pq.read_schema(data).metadata[b"geo"])
    assert geo["columns"]["geometry"]["geometry_types"] == ["Point Z"]


@pytest.mark.parametrize("word", ["NA", "NaN", "nan", "null", "N/A"])
def test_a_text_stays_what_it_is_and_a_gap_is_an_empty_cell(desk: Desk, word: str) -> None:
    text = f"iso,n,day\n{word},{word},{word}\n,,\nKE,2,2020-05-31\n"
    source = desk.root.parent / "countries.csv"
    source.write_text(text)
    said = (unit("iso", "name", "string"), unit("n", "1"), unit("day", "date", "date"))
    item = published(desk, source, variables=said)
    table = pq.read_table(desk.store.path(item["assets"]["data"]["href"].rsplit("/", 1)[-1]))
    assert table["iso"].to_pylist() == [word, None, "KE"]
    assert table["n"].to_pylist() == [None, None, 2]
    assert [str(day or "") for day in table["day"].to_pylist()] == ["", "", "2020-05-31"]


def test_gaps_times_and_long_numbers_of_a_geopackage_stay_what_they_are(
    desk: Desk, tmp_path: Path
) -> None:
    source = tmp_path / "x.gpkg"
    shapes = shapely.to_wkb([shapely.Point(1, 2), shapely.Point(3, 4)])
    gap = np.array([False, True])
    pyogrio.raw.write(
        source, geometry=np.array(shapes, object), geometry_type="Point", crs="EPSG:4326",
        layer="l", fields=["n", "b", "t"], driver="GPKG",
        field_data=[
            np.array([2**53 + 1, 0]), np.array([True, False]),
            np.array(["2020-01-01T10:00:00", "NaT"], "M8[ms]"),
        ],
        field_mask=[gap, gap, None], gdal_tz_offsets={"t": np.array([108, 0])},
    )  # fmt: skip
    first, second = read_features(published(desk, source), desk.store).properties
    assert (first["n"], first["b"]) == (str(2**53 + 1), True)
    assert first["t"].endswith(("Z", "+02:00"))
    assert (second["n"], second["b"], second["t"]) == (None, None, None)


def csv(desk: Desk, text: bytes, datatype: str = "integer") -> dict[str, Any]:
    source = desk.root.parent / "x.csv"
    source.write_bytes(text)
    columns = (unit("day", "date", "date"), unit("n", "1", datatype))
    return published(desk, source, variables=columns, bbox=(0.0, 0.0, 1.0, 1.0))


def test_a_long_integer_keeps_its_last_digit_and_an_empty_line_is_none(desk: Desk) -> None:
    item = csv(desk, b"\xef\xbb\xbfday,n\r\n2020-01-01,9007199254740993\r\n\r\n")
    assert item["properties"]["table:row_count"] == 1
    key = item["assets"]["data"]["href"].rsplit("/", 1)[-1]
    assert pq.read_table(desk.store.path(key))["n"].to_pylist() == [9007199254740993]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"day;n\n2020-01-01;1,5\n", "semicolons"),
        (b"day\tn\n2020-01-01\t1\n", "tabs"),
        ("day,n\n".encode("utf-16"), "UTF-16"),
        (b'day,n\n2020-01-01,"1,5"\n', "decimal point"),
        (b"day,n\n31/12/2020,1\n", "2020-05-31"),
        (b"day,n\n2020-01-01,99999999999999999999\n", "is no integer"),
        (b"day,n\n2020-01-01,Z\xfcrich\n", "UTF-8"),
    ],
)
def test_a_table_written_otherwise_is_told_how_to_write_it(
    desk: Desk, text: bytes, words: str
) -> None:
    with pytest.raises(RefusedFileError, match=words):
        csv(desk, text)


def test_rows_with_lines_in_quotes_count_once_and_a_year_lasts_to_its_end(
    desk: Desk, tmp_path: Path
) -> None:
    def field(index: int, term: str) -> str:
        return f'<field index="{index}" term="http://rs.tdwg.org/dwc/terms/{term}"/>'

    how = 'fieldsTerminatedBy="," fieldsEnclosedBy=\'"\' ignoreHeaderLines="1"'
    names = ("decimalLatitude", "decimalLongitude", "eventDate")
    meta = (
        '<archive xmlns="http://rs.tdwg.org/dwc/text/">'
        f'<core {how} rowType="http://rs.tdwg.org/dwc/terms/Occurrence">'
        '<files><location>o.csv</location></files><id index="0"/>'
        f"{''.join(field(n, name) for n, name in enumerate(names, 1))}</core>"
        f'<extension {how} rowType="http://rs.gbif.org/terms/1.0/Multimedia">'
        '<files><location>m.csv</location></files><coreid index="0"/></extension></archive>'
    )
    source = tmp_path / "x.zip"
    with zipfile.ZipFile(source, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("meta.xml", meta)
        file.writestr("o.csv", "id,y,x,d\n1,1,2,2019-03\n2,1,2,2020-05-01/2021\n")
        file.writestr("m.csv", 'id,t\n1,"two\nlines"\n2,x\n')
    item = published(desk, source)
    assert [extension["rows"] for extension in item["properties"]["ec:extensions"]] == [2]
    from earthcommons.ingest.read_dwca import convert

    inside = tmp_path / "inside" / "archive"
    inside.mkdir(parents=True)
    with zipfile.ZipFile(source) as file:
        file.extractall(inside)
    task = {"source": "archive", "look": True, "variables": [], "crs": ""}
    assert convert(inside.parent, task, Limits())["period"] == ["2019-03-01", "2021-12-31"]


def test_scenes_with_scale_are_kept_after_it_and_make_no_cube_of_raw_numbers(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "scenes"
    folder.mkdir()
    with rasterio.open(
        folder / "a.tif", "w", driver="GTiff", height=2, width=2, count=1, dtype="int16",
        crs="EPSG:32610", nodata=-9999, transform=rasterio.transform.from_origin(0, 60, 30, 30),
    ) as out:  # fmt: skip
        out.write(np.array([[1234, -9999], [0, 10000]], "i2"), 1)
        out.scales = (0.0001,)
    files = [{"file": "a.tif", "band": "red", "time": "2020-01-01", "scene": "s"}]
    scenes = {"files": files, "make": "scene", "nodata": None, "fill": {}, "resolution": 0}
    said = [{"name": "red", "unit": "1", "meaning": "", "classes": {}}]
    task = {"source": "scenes", "scenes": scenes, "crs": "", "variables": said}
    read_scenes.convert(tmp_path, task, Limits())
    with rasterio.open(tmp_path / "out.tif") as made:
        np.testing.assert_allclose(made.read(1), [[0.1234, np.nan], [0, 1]], rtol=1e-6)
    with pytest.raises(RefusedFileError, match="scale"):
        read_scenes.convert(tmp_path, {**task, "scenes": {**scenes, "make": "cube"}}, Limits())
