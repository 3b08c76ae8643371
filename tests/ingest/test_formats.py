"""Every format that is read, from a file whose values were worked out by hand."""

from __future__ import annotations

import json
import shutil
import sys
import warnings
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
import xarray as xr
from tests.ingest.conftest import Desk, declare, unit
from tests.ingest.test_archives import zipped
from tests.ingest.test_door import refused
from tests.trials import some

from earthcommons.cube import open_array, read_features
from earthcommons.errors import RefusedFileError, UnitError

Writer = Callable[..., Path]
VALUES = np.arange(12, dtype="f4").reshape(3, 4)


def published(desk: Desk, source: Path, **declared: Any) -> dict[str, Any]:
    desk.publish(source, declare(**declared))
    item: dict[str, Any] = desk.catalog.get("item", "c/x")
    return item


def message(edition: int, hour: int = 0) -> bytes:
    import eccodes

    handle = eccodes.codes_grib_new_from_samples(f"regular_ll_sfc_grib{edition}")
    for key, value in {
        "Ni": 4, "Nj": 3, "latitudeOfFirstGridPointInDegrees": 2,
        "longitudeOfFirstGridPointInDegrees": 350, "latitudeOfLastGridPointInDegrees": -2,
        "longitudeOfLastGridPointInDegrees": 356, "iDirectionIncrementInDegrees": 2,
        "jDirectionIncrementInDegrees": 2, "dataDate": 20190301, "dataTime": hour * 100,
        "shortName": "2t",
    }.items():  # fmt: skip
        eccodes.codes_set(handle, key, value)
    eccodes.codes_set_values(handle, (VALUES + 273 + hour).astype("f8").ravel())
    data: bytes = eccodes.codes_get_message(handle)
    eccodes.codes_release(handle)
    return data


@pytest.mark.parametrize("edition", [1, 2])
def test_grib_becomes_a_cube_on_its_own_latitudes(
    desk: Desk, tmp_path: Path, edition: int
) -> None:
    source = tmp_path / "x.grib"
    source.write_bytes(message(edition, 0) + b"\0\0" + message(edition, 6))
    item = published(desk, source)
    array = open_array(item, desk.store, "2t", unit="degC")
    assert array.dims == ("time", "lat", "lon")
    np.testing.assert_allclose(array[1], VALUES + 6 - 0.15, atol=0.01)
    assert array["lat"].values.tolist() == [2, 0, -2]
    assert item["bbox"] == [-11, -3, -3, 3]
    times = item["properties"]["cube:dimensions"]["time"]["values"]
    assert times == ["2019-03-01T00:00:00Z", "2019-03-01T06:00:00Z"]


def test_i24_grib_that_lies_about_its_length_is_refused(desk: Desk, tmp_path: Path) -> None:
    source = tmp_path / "x.grib"
    good = message(2)
    size = b"".join(n.to_bytes(4, "big") for n in (4, 3))
    assert good.count(size) == 1
    huge = good.replace(size, (10**5).to_bytes(4, "big") * 2)
    longer = bytearray(good)
    longer[8:16] = (2**40).to_bytes(8, "big")
    for data in (
        good[:-4],
        good[: len(good) // 2],
        bytes(longer),
        good[:-4] + b"7778",
        b"GRIB",
    ):
        source.write_bytes(data)
        assert refused(desk, source) == "malformed"
    source.write_bytes(huge)
    assert refused(desk, source) in ("malformed", "declared-too-large")


def test_i24_grib_with_any_byte_changed_never_ends_this_process(
    desk: Desk, tmp_path: Path
) -> None:
    good = message(1)
    source = tmp_path / "x.grib"
    ends = Counter[str]()
    for at in some(range(8, len(good)), 6):
        data = bytearray(good)
        data[at] ^= 0xFF
        source.write_bytes(bytes(data))
        # A crash of the reader arrives here as one of these and nothing else.
        try:
            ends[desk.publish(source, declare(f"x{at}")).state] += 1
        except (RefusedFileError, UnitError) as error:
            ends[error.code] += 1
    sys.stdout.write(f"i24: {dict(ends)}\n")
    assert sum(ends.values()) >= 6


def code_of(desk: Desk, source: Path, **declared: Any) -> str:
    with pytest.raises(RefusedFileError) as error:
        desk.publish(source, declare("y", **declared))
    return error.value.code


def geopackage(
    target: Path, crs: str = "EPSG:4326", layer: str = "places", **more: Any
) -> Path:
    shapes = shapely.to_wkb([shapely.Point(10, 20), shapely.Point(11, 21)])
    pyogrio.raw.write(
        target, geometry=np.array(shapes, object), geometry_type="Point", crs=crs, layer=layer,
        field_data=[np.array(["一", "b"], object), np.array([1, 2])], fields=["name", "n"],
        driver="GPKG" if target.suffix == ".gpkg" else "ESRI Shapefile", **more,
    )  # fmt: skip
    return target


def test_i29_swapped_axes_are_refused_in_every_format_that_has_axes(
    desk: Desk, tmp_path: Path
) -> None:
    """Not in GRIB, whose coordinates have their places in the message by its own definition."""
    swapped = np.array([shapely.to_wkb(shapely.Point(10, 150))], object)
    for name, driver in (("x.gpkg", "GPKG"), ("x.shp", "ESRI Shapefile")):
        pyogrio.raw.write(
            tmp_path / name, geometry=swapped, geometry_type="Point", crs="EPSG:4326",
            field_data=[np.array([1])], fields=["n"], driver=driver,
        )  # fmt: skip
        assert code_of(desk, tmp_path / name, variables=(unit("n", "1"),)) == "axis-order"
    cube = xr.Dataset(
        {"v": (("lat", "lon"), VALUES, {"units": "K"})},
        {"lat": ("lat", [150.0, 140.0, 130.0], {"units": "degrees_north"}),
         "lon": ("lon", [10.0, 11.0, 12.0, 13.0], {"units": "degrees_east"})},
    )  # fmt: skip
    for version in (2, 3):
        place = tmp_path / f"v{version}.zarr"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cube.to_zarr(place, zarr_format=version, consolidated=False)  # type: ignore[call-overload]
        assert code_of(desk, place) == "axis-order"
    assert desk.left_behind() == []


def test_a_geopackage_layer_becomes_features(desk: Desk, tmp_path: Path) -> None:
    item = published(desk, geopackage(tmp_path / "x.gpkg"))
    features = read_features(item, desk.store)
    assert features.properties == ({"name": "一", "n": 1}, {"name": "b", "n": 2})
    assert features.geometries[1].equals(shapely.Point(11, 21))
    assert item["bbox"] == [10, 20, 11, 21]


def test_of_several_layers_one_must_be_declared(desk: Desk, tmp_path: Path) -> None:
    source = geopackage(tmp_path / "x.gpkg")
    geopackage(source, layer="other", append=True)
    assert refused(desk, source) == "several-files"
    assert refused(desk, source, declare(layer="none")) == "malformed"
    assert published(desk, source, layer="other")["properties"]["table:row_count"] == 2


def test_a_geopackage_that_computes_is_refused(desk: Desk, tmp_path: Path) -> None:
    import sqlite3

    source = geopackage(tmp_path / "x.gpkg")
    with sqlite3.connect(source) as file:
        file.execute("CREATE VIEW v AS SELECT * FROM places")
    file.close()
    assert refused(desk, source) == "external-reference"


def test_a_layer_in_metres_is_brought_to_degrees(desk: Desk, tmp_path: Path) -> None:
    source = tmp_path / "x.gpkg"
    # By hand: 500 000 east on the central meridian of zone 33 is 15° E; 0 north is the equator.
    shape = np.array([shapely.to_wkb(shapely.Point(500_000, 0))], object)
    pyogrio.raw.write(
        source, geometry=shape, geometry_type="Point", crs="EPSG:32633", layer="l",
        field_data=[np.array([1])], fields=["n"], driver="GPKG",
    )  # fmt: skip
    item = published(desk, source)
    (point,) = read_features(item, desk.store).geometries
    assert (point.x, point.y) == pytest.approx((15, 0))
    assert item["properties"]["ec:source_crs"] == "EPSG:32633"
    assert code_of(desk, source, crs="EPSG:32634") == "crs-invalid"


def test_a_shapefile_is_read_by_its_shp_and_zipped(desk: Desk, tmp_path: Path) -> None:
    source = geopackage(tmp_path / "x.shp", encoding="UTF-8")
    item = published(desk, source)
    names = [row["name"] for row in read_features(item, desk.store).properties]
    assert names == ["一", "b"]
    key = item["assets"]["source"]["href"].rsplit("/", 1)[-1]
    with zipfile.ZipFile(desk.store.path(key)) as kept:
        assert kept.namelist() == ["x.cpg", "x.dbf", "x.prj", "x.shp", "x.shx"]
    # The same files give the same archive: publishing again changes nothing.
    assert desk.publish(source, declare()).state == "unchanged"


@pytest.mark.parametrize("part", [".shx", ".dbf", ".prj"])
def test_i44_a_shapefile_without_a_part_names_it(desk: Desk, tmp_path: Path, part: str) -> None:
    folder = tmp_path / "f"
    folder.mkdir()
    source = geopackage(folder / "x.shp")
    (folder / f"x{part}").unlink()
    members = {path.name: path.read_bytes() for path in folder.iterdir()}
    for place in (source, zipped(tmp_path / "x.zip", members)):
        with pytest.raises(Exception, match=f"lacks its {part}"):
            desk.publish(place, declare())
        assert refused(desk, place) == "part-missing"


def test_i44_texts_in_an_unnamed_encoding_are_refused(desk: Desk, tmp_path: Path) -> None:
    source = geopackage(tmp_path / "x.shp", encoding="UTF-8")
    source.with_suffix(".cpg").unlink()
    dbf = source.with_suffix(".dbf")
    dbf.write_bytes(dbf.read_bytes().replace("一".encode(), b"\xb6\xfe\x20"))
    assert refused(desk, source) == "bad-encoding"
    source.with_suffix(".cpg").write_text("GBK")
    item = published(desk, source)
    assert read_features(item, desk.store).properties[0]["name"].strip() == "二"


META = """<archive xmlns="http://rs.tdwg.org/dwc/text/">{before}
<core encoding="UTF-8" fieldsTerminatedBy="\\t" linesTerminatedBy="\\n" fieldsEnclosedBy=""
 ignoreHeaderLines="1" rowType="http://rs.tdwg.org/dwc/terms/{row}">
<files><location>{file}</location></files><id index="0"/>
<field index="1" term="http://rs.tdwg.org/dwc/terms/scientificName"/>
<field index="2" term="http://rs.tdwg.org/dwc/terms/decimalLatitude"/>
<field index="3" term="http://rs.tdwg.org/dwc/terms/decimalLongitude"/>
</core></archive>"""
ROWS = "id\tname\tlat\tlon\n1\tPygoscelis adeliae\t-64.7\t-64.1\n2\tPygoscelis papua\t\t\n"


def darwin(target: Path, file: str = "o.txt", row: str = "Occurrence", **more: str) -> Path:
    head = more.get("head", "")
    meta = head + META.format(before=more.get("before", ""), row=row, file=file)
    return zipped(target, {"meta.xml": meta.encode(), "o.txt": ROWS.encode()})


def test_a_darwin_core_archive_keeps_its_terms_and_counts_what_has_no_place(
    desk: Desk, tmp_path: Path
) -> None:
    item = published(desk, darwin(tmp_path / "x.zip"))
    assert item["properties"]["table:row_count"] == 2
    assert item["properties"]["ec:records_without_place"] == 1
    features = read_features(item, desk.store)
    assert features.properties[0]["scientificName"] == "Pygoscelis adeliae"
    assert features.geometries[0].equals(shapely.Point(-64.1, -64.7))
    assert features.geometries[1] is None


def test_a_darwin_core_archive_that_points_out_is_refused(desk: Desk, tmp_path: Path) -> None:
    source = tmp_path / "x.zip"
    assert refused(desk, darwin(source, file="../../secret")) == "part-missing"
    assert refused(desk, darwin(source, row="Taxon")) == "format-mismatch"


def test_i47_entities_in_xml_are_refused(desk: Desk, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("SECRET")
    bomb = '<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
    outside = f'<!DOCTYPE a [<!ENTITY a SYSTEM "file://{secret}">]>'
    for head in (bomb, outside):
        source = darwin(tmp_path / "x.zip", head=head, before="&a;")
        assert refused(desk, source) == "external-reference"


def test_a_group_of_a_netcdf_file_is_read(desk: Desk, netcdf: Writer, tmp_path: Path) -> None:
    flat = xr.load_dataset(netcdf("flat.nc"), engine="h5netcdf")
    source = tmp_path / "x.nc"
    flat.to_netcdf(source, engine="h5netcdf", group="one/day")
    item = published(desk, source)
    assert float(open_array(item, desk.store, "sst")[1, 2, 3]) == 23
    flat.to_netcdf(source, engine="h5netcdf", group="night", mode="a")
    assert code_of(desk, source) == "several-files"
    assert desk.publish(source, declare("z", group="night")).state == "published"


def structure(rows: int, columns: int) -> str:
    return (
        f'GROUP=GridStructure\n\tGROUP=GRID_1\n\t\tGridName="G"\n\t\tXDim={columns}\n\t\tYDim={rows}\n'
        "\t\tUpperLeftPointMtrs=(-180000000.000000,90000000.000000)\n"
        "\t\tLowerRightMtrs=(180000000.000000,-90000000.000000)\n"
        "\t\tProjection=HE5_GCTP_GEO\n\tEND_GROUP=GRID_1\nEND_GROUP=GridStructure\n"
    )


def test_an_hdf_eos5_grid_lies_where_its_structure_says(desk: Desk, tmp_path: Path) -> None:
    source = tmp_path / "x.he5"
    with h5py.File(source, "w") as file:
        file["HDFEOS INFORMATION/StructMetadata.0"] = np.bytes_(structure(3, 4))
        made = file.create_dataset("HDFEOS/GRIDS/G/Data Fields/ozone", data=VALUES)
        made.attrs["units"] = np.bytes_("mol m-2")
        made.attrs["_FillValue"] = np.float32(0)
    item = published(desk, source)
    array = open_array(item, desk.store, "ozone")
    assert item["bbox"] == [-180, -90, 180, 90]
    assert array["lat"].values.tolist() == [60, 0, -60]
    assert array["lon"].values.tolist() == [-135, -45, 45, 135]
    assert np.isnan(array[0, 0])
    assert float(array[2, 3]) == 11


def test_plain_hdf5_needs_its_place_declared(desk: Desk, tmp_path: Path) -> None:
    source = tmp_path / "x.h5"
    with h5py.File(source, "w") as file:
        file["v"] = VALUES
    said = {"variables": (unit("v", "1"),), "crs": "EPSG:4326"}
    assert refused(desk, source, declare(variables=said["variables"])) == "crs-missing"
    item = published(desk, source, bbox=(0.0, 0.0, 8.0, 6.0), **said)
    assert open_array(item, desk.store, "v")["lat"].values.tolist() == [5, 3, 1]


def test_hdf4_is_read_with_its_own_scale(desk: Desk, tmp_path: Path) -> None:
    from pyhdf.SD import SD, SDC

    source = tmp_path / "x.hdf"
    file = SD(str(source), SDC.WRITE | SDC.CREATE)
    file.attr("StructMetadata.0").set(SDC.CHAR, structure(3, 4).replace("HE5_", ""))
    field = file.create("NDVI", SDC.INT16, (3, 4))
    field.attr("units").set(SDC.CHAR, "1")
    field.attr("scale_factor").set(SDC.FLOAT64, 0.5)
    field.attr("add_offset").set(SDC.FLOAT64, 2.0)
    field[:] = VALUES.astype("i2")
    field.endaccess()
    file.end()
    array = open_array(published(desk, source), desk.store, "NDVI")
    # By hand: HDF4 says scale × (stored − offset): 0.5 × (11 − 2).
    assert float(array[2, 3]) == 4.5


@pytest.mark.parametrize(
    ("kind", "scale", "offset", "stored", "value"),
    [
        # MOD08 cloud top temperature [K]: 0.01 × (13000 + 15000).
        ("INT16", 0.01, -15000.0, 13000, 280.0),
        # MOD11 emissivity of band 31: 0.002 × 245 + 0.49.
        ("UINT8", 0.002, 0.49, 245, 0.98),
        ("FLOAT32", 0.5, 0.5, 11, 5.25),
    ],
)
def test_an_offset_counts_in_what_it_can_be(
    desk: Desk,
    tmp_path: Path,
    kind: str,
    scale: float,
    offset: float,
    stored: int,
    value: float,
) -> None:
    from pyhdf.SD import SD, SDC

    source = tmp_path / "x.hdf"
    file = SD(str(source), SDC.WRITE | SDC.CREATE)
    file.attr("StructMetadata.0").set(SDC.CHAR, structure(3, 4).replace("HE5_", ""))
    field = file.create("v", getattr(SDC, kind), (3, 4))
    field.attr("units").set(SDC.CHAR, "1")
    field.attr("scale_factor").set(SDC.FLOAT64, scale)
    field.attr("add_offset").set(SDC.FLOAT64, offset)
    field[:] = np.full((3, 4), stored).astype(kind.lower())
    field.endaccess()
    file.end()
    array = open_array(published(desk, source), desk.store, "v")
    assert float(array[1, 1]) == pytest.approx(value, rel=1e-6)


def zarr_store(target: Path, version: int) -> Path:
    coords = {
        "lat": ("lat", [1.0, 0.0, -1.0], {"units": "degrees_north"}),
        "lon": ("lon", [0.0, 1, 2, 3], {"units": "degrees_east"}),
    }
    made = xr.Dataset({"v": (("lat", "lon"), VALUES, {"units": "m"})}, coords)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made.to_zarr(target, zarr_format=version)
    return target


@pytest.mark.parametrize("version", [2, 3])
def test_a_zarr_folder_and_its_zip_become_a_cube(
    desk: Desk, tmp_path: Path, version: int
) -> None:
    folder = zarr_store(tmp_path / "x.zarr", version)
    item = published(desk, folder)
    assert float(open_array(item, desk.store, "v")[2, 3]) == 11
    packed = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path, "x.zarr"))
    assert desk.publish(packed, declare("zipped")).state == "published"


def test_i11_a_zarr_codec_that_could_run_code_is_refused(desk: Desk, tmp_path: Path) -> None:
    folder = zarr_store(tmp_path / "x.zarr", 2)
    place = folder / "v" / ".zarray"
    good = json.loads(place.read_text())
    for change in (
        {"compressor": {"id": "pickle"}},
        {"filters": [{"id": "pickle"}]},
        {"dtype": "|O", "filters": [{"id": "vlen-utf8"}]},
        {"dtype": [["a", "<i4"]]},
    ):
        place.write_text(json.dumps(good | change))
        assert refused(desk, folder) == "codec-forbidden"


def test_i11_a_zarr_array_too_large_by_its_own_word_is_refused(
    desk: Desk, tmp_path: Path
) -> None:
    folder = zarr_store(tmp_path / "x.zarr", 3)
    place = folder / "v" / "zarr.json"
    place.write_text(json.dumps(json.loads(place.read_text()) | {"shape": [10**7, 10**7]}))
    assert refused(desk, folder) == "declared-too-large"


def test_i12_a_list_of_references_is_refused_as_file_and_as_store(
    desk: Desk, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("SECRET")
    source = tmp_path / "x.json"
    references = {"version": 1, "refs": {"v/0": [f"file://{secret}", 0, 6]}}
    source.write_text(json.dumps(references))
    assert refused(desk, source) == "external-reference"
    folder = zarr_store(tmp_path / "x.zarr", 2)
    (folder / ".zmetadata").write_text(json.dumps(references))
    assert refused(desk, folder) == "external-reference"


def test_a_scaled_geotiff_is_kept_in_its_units(desk: Desk, geotiff: Writer) -> None:
    source = geotiff(values=np.full((4, 6), 300, "i2"), units="")
    with rasterio.open(source, "r+") as file:
        file.scales, file.offsets, file.units = (0.01,), (1.0,), ("degC",)
    item = published(desk, source)
    assert item["assets"]["data"]["bands"][0]["statistics"]["mean"] == pytest.approx(4)
    assert float(open_array(item, desk.store)[0, 0]) == pytest.approx(4)


def test_a_unit_that_is_none_in_the_file_may_be_declared(desk: Desk, geotiff: Writer) -> None:
    source = geotiff(units="(Code table 4.222)")
    with pytest.raises(UnitError):
        desk.publish(source, declare())
    assert desk.publish(source, declare(variables=(unit("v", "1"),))).state == "published"
