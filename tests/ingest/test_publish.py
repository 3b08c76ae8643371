from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
from tests.ingest.conftest import Desk, declare, unit

from earthcommons.catalog import ItemQuery
from earthcommons.cube import grid_of, open_array, read_features, read_table
from earthcommons.errors import ConflictError, RefusedFileError, UpstreamError
from earthcommons.model import BBox
from earthcommons.store import digest_in, file_digest

Writer = Callable[..., Path]


def test_a_geotiff_becomes_a_cog_with_the_same_pixels_and_a_record(
    desk: Desk, geotiff: Writer
) -> None:
    values = np.arange(24, dtype="f4").reshape(4, 6)
    values[0, 0] = -1
    source = geotiff(values=values)
    assert desk.publish(source, declare()).state == "published"
    item = desk.catalog.get("item", "c/x")
    data = item["assets"]["data"]
    key = data["href"].rsplit("/", 1)[-1]
    with rasterio.open(desk.store.path(key)) as cog:
        np.testing.assert_array_equal(cog.read(1), values)
        assert cog.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
    assert data["file:checksum"] == "1220" + digest_in(key)
    assert item["assets"]["source"]["file:checksum"] == "1220" + file_digest(source)
    assert item["bbox"] == [10, 48, 13, 50]
    assert item["properties"]["proj:code"] == "EPSG:4326"
    # By hand: 23 valid of 24, the mean of 1..23 is 12.
    figures = data["bands"][0]["statistics"]
    assert figures["mean"] == pytest.approx(12)
    assert (figures["minimum"], figures["maximum"]) == (1, 23)
    assert figures["valid_percent"] == pytest.approx(100 * 23 / 24)
    array = open_array(item, desk.store, unit="1")
    assert float(array[0, 1]) == pytest.approx(0.01)
    assert np.isnan(array[0, 0])
    assert grid_of(array).affine[2] == pytest.approx(10)


def test_a_cube_becomes_zarr_with_the_same_values_and_dimensions(
    desk: Desk, netcdf: Writer
) -> None:
    desk.publish(netcdf(), declare())
    item = desk.catalog.get("item", "c/x")
    array = open_array(item, desk.store, "sst")
    assert array.dims == ("time", "lat", "lon")
    assert float(array[1, 2, 3]) == 23
    assert np.isnan(float(array[0, 0, 0]))
    dims = item["properties"]["cube:dimensions"]
    assert dims["time"]["values"][0] == "2015-11-01T00:00:00Z"
    assert item["bbox"] == [-180, -3, 180, 3]
    tree = desk.store.path(item["assets"]["data"]["href"].rsplit("/", 1)[-1])
    assert json.loads((tree / "zarr.json").read_text())["zarr_format"] == 3


def test_a_table_keeps_its_rows_and_an_empty_cell_is_not_zero(
    desk: Desk, tmp_path: Path
) -> None:
    source = tmp_path / "t.csv"
    source.write_text("day,name,ice\n2001-01-05,Mendota,0\n2002-01-07,Monona,\n")
    columns = (unit("day", "date", "date"), unit("name", "name", "string"), unit("ice", "day"))
    desk.publish(source, declare(variables=columns, bbox=(-90.0, 43.0, -89.0, 44.0)))
    item = desk.catalog.get("item", "c/x")
    frame = read_table(item, desk.store)
    assert frame["ice"].tolist()[0] == 0
    assert np.isnan(frame["ice"].tolist()[1])
    assert [c["unit"] for c in item["properties"]["table:columns"]] == ["date", "name", "day"]
    assert len(desk.catalog.items(ItemQuery(bbox=BBox(-89.5, 43, -89, 43.5))).bodies) == 1


def test_features_keep_their_geometry_and_the_collections_members(
    desk: Desk, tmp_path: Path
) -> None:
    box = shapely.box(1, 2, 3, 4)
    feature = {"type": "Feature", "properties": {"id": "a"}, "geometry": box.__geo_interface__}
    source = tmp_path / "v.geojson"
    source.write_text(
        json.dumps({"type": "FeatureCollection", "features": [feature], "ec:x": 1})
    )
    desk.publish(source, declare())
    features = read_features(desk.catalog.get("item", "c/x"), desk.store)
    assert features.properties == ({"id": "a"},)
    assert features.geometries[0].equals(box)
    assert features.members == {"ec:x": 1}


def test_a_node_in_a_relative_folder_takes_files(
    tmp_path: Path, geotiff: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = geotiff()
    monkeypatch.chdir(tmp_path)
    desk = Desk(Path("node"))
    assert desk.publish(source, declare()).state == "published"
    desk.catalog.close()


def test_the_same_file_again_changes_nothing_and_other_bytes_are_refused(
    desk: Desk, geotiff: Writer
) -> None:
    source = geotiff()
    desk.publish(source, declare())
    before = (list(desk.catalog.dump()), list(desk.store.all_keys()), desk.catalog.changes())
    assert desk.publish(source, declare()).state == "unchanged"
    assert (
        list(desk.catalog.dump()),
        list(desk.store.all_keys()),
        desk.catalog.changes(),
    ) == before
    other = geotiff("y.tif", np.zeros((4, 6), "f4"))
    with pytest.raises(ConflictError) as refused:
        desk.publish(other, declare())
    assert refused.value.code == "exists"


def test_a_collection_grows_to_hold_its_items(desk: Desk, geotiff: Writer) -> None:
    desk.publish(geotiff(), declare("a"))
    from rasterio.transform import from_origin

    desk.publish(geotiff("y.tif", transform=from_origin(-20, 10, 1, 1)), declare("b"))
    extent = desk.catalog.get("collection", "c")["extent"]
    assert extent["spatial"]["bbox"] == [[-20, 6, 13, 50]]


def test_a_failure_while_publishing_leaves_nothing_visible(
    desk: Desk, geotiff: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("earthcommons.catalog.writing.SqliteTransaction._index_item", fail)
    with pytest.raises(UpstreamError, match="No space"):
        desk.publish(geotiff(), declare())
    monkeypatch.undo()
    assert desk.catalog.count("item") == 0
    assert desk.publish(geotiff(), declare()).state == "published"


def test_a_refused_file_leaves_nothing_behind(desk: Desk, geotiff: Writer) -> None:
    with pytest.raises(RefusedFileError):
        desk.publish(geotiff(crs=None), declare())
    assert desk.left_behind() == []
    assert list(desk.catalog.dump()) == []
