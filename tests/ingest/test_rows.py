"""Further rows of the attack table, by their ids; others stand beside the readers they test."""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import socket
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import rasterio
import xarray as xr
from odc.geo.geobox import GeoBox
from rasterio.transform import Affine, from_origin
from shapely import Polygon, box
from tests.ingest.conftest import Desk, declare, unit
from tests.ingest.test_archives import zipped
from tests.ingest.test_door import refused
from tests.trials import some

from earthcommons.commons.stories.ingesting_recipe import Recipe
from earthcommons.commons.stories.ingesting_sources import sources_of
from earthcommons.errors import CommonsError, ConflictError, NotFoundError, RefusedFileError
from earthcommons.ingest import check_source
from earthcommons.ingest.limits import Limits
from earthcommons.ingest.sources import gather
from earthcommons.zones.coverage import coverage
from earthcommons.zones.statistics import zonal_mean

Writer = Callable[..., Path]
VRT = "<VRTDataset rasterXSize='4' rasterYSize='1'/>"


def test_i03_a_vrt_onto_an_object_of_the_store_shows_nothing(
    desk: Desk, geotiff: Writer, tmp_path: Path
) -> None:
    private = geotiff("private.tif")
    source = tmp_path / "x.tif"
    source.write_text(
        "<VRTDataset rasterXSize='6' rasterYSize='4'><VRTRasterBand dataType='Float32' band='1'>"
        f"<SimpleSource><SourceFilename>{private}</SourceFilename></SimpleSource>"
        "</VRTRasterBand></VRTDataset>"
    )
    assert refused(desk, source) == "format-mismatch"


@pytest.mark.parametrize(
    "text", [VRT, "/vsistdin/", "/vsizip//x.zip/y", "a\nb", "a\0b", "x" * 5000]
)
def test_i04_i06_text_for_a_reader_names_no_file(desk: Desk, text: str) -> None:
    assert refused(desk, Path(text)) == "invalid-source"


def test_i06_i07_an_address_is_refused_without_a_connection(desk: Desk) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.1)
    port = listener.getsockname()[1]
    curl = f"/vsicurl?header_file=/etc/passwd&url=http://127.0.0.1:{port}"
    assert refused(desk, Path(curl)) == "invalid-source"
    for host in (
        f"127.0.0.1:{port}",
        f"localhost:{port}",
        f"[::1]:{port}",
        f"2130706433:{port}",
    ):
        for text in (f"http://{host}/x.tif", f"HTTPS://{host}/x.tif"):
            # As a path two slashes are one: it is still an address.
            assert refused(desk, Path(text)) == "source-forbidden"
            with pytest.raises(CommonsError, match="address"):
                check_source(text)
    with pytest.raises(TimeoutError):
        listener.accept()
    listener.close()


@pytest.mark.parametrize(
    "text", ["file:///etc/passwd", "s3://bucket/x", "gs://bucket/x", "\\\\host\\share", "http://0",
             "http://169.254.169.254/latest"]
)  # fmt: skip
def test_i07_i08_other_places_are_forbidden(desk: Desk, text: str) -> None:
    assert refused(desk, Path(text)) == "source-forbidden"


def test_i13_parquet_that_asks_to_be_deserialised_is_not_read(
    desk: Desk, tmp_path: Path
) -> None:
    planted = tmp_path / "ran"
    payload = f"cbuiltins\nopen\n(V{planted}\nVw\ntR.".encode()
    field = pa.field("a", pa.int32(), metadata={
        "ARROW:extension:name": "arrow.py_extension_type", "ARROW:extension:metadata": payload,
    })  # fmt: skip
    source = tmp_path / "x.parquet"
    pq.write_table(pa.table([pa.array([1], pa.int32())], schema=pa.schema([field])), source)
    assert refused(desk, source) == "format-mismatch"
    assert not planted.exists()


def test_i14_refusing_a_giant_takes_little_memory(desk: Desk, tmp_path: Path) -> None:
    source = tmp_path / "giant.tif"
    profile = {
        "driver": "GTiff", "height": 400_000, "width": 400_000, "count": 3, "dtype": "float64",
        "crs": "EPSG:4326", "transform": from_origin(-180, 90, 0.0009, 0.00045),
        "sparse_ok": True, "tiled": True, "bigtiff": "yes", "blockxsize": 16384,
        "blockysize": 16384,
    }  # fmt: skip
    with rasterio.open(source, "w", **profile):
        pass
    with pytest.raises(CommonsError, match=r"160000000000 pixels.*2147483648") as error:
        desk.publish(source, declare(), Limits(memory_bytes=300 * 2**20))
    assert error.value.code == "declared-too-large"
    assert resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY


def tiff(entries: list[tuple[int, int, int, int]], after: int) -> bytes:
    head = struct.pack("<2sHI", b"II", 42, 8) + struct.pack("<H", len(entries))
    return (
        head
        + b"".join(struct.pack("<HHII", *entry) for entry in entries)
        + struct.pack("<I", after)
    )


def test_i15_tiff_directories_that_loop_or_lie_are_refused(desk: Desk, tmp_path: Path) -> None:
    plain = [(256, 3, 1, 4), (257, 3, 1, 4), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1),
             (273, 4, 1, 8), (277, 3, 1, 1), (278, 3, 1, 4), (279, 4, 1, 2**32 - 1)]  # fmt: skip
    source = tmp_path / "x.tif"
    for data in (
        tiff(plain, 8),
        tiff(plain[:-1], 8),
        struct.pack("<2sHI", b"II", 42, 8) + struct.pack("<H", 65535) + b"\0" * 100,
        struct.pack("<2sHI", b"II", 42, 2**31),
    ):
        source.write_bytes(data)
        assert refused(desk, source) in ("malformed", "crs-missing")


def test_i20_a_name_that_becomes_a_link_while_it_is_opened_is_not_followed(
    desk: Desk, geotiff: Writer, tmp_path: Path
) -> None:
    other = geotiff("other.tif")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "x.tif").symlink_to(other)
    assert refused(desk, folder) == "invalid-source"


SECRET, HONEST = b"SECRET" * 50_000, b"HONEST" * 50_000


class Swapper:
    """Another process that swaps what lies in an upload folder, as fast as it can."""

    def __init__(self, folder: Path, what: str) -> None:
        self._folder, self._what = folder, what

    def __enter__(self) -> None:
        self._child = os.fork()
        if self._child == 0:
            try:
                chance = random.Random()  # noqa: S311 - moments, no secrets
                while True:
                    self._swap()
                    time.sleep(chance.uniform(0, 0.002))
            finally:
                os._exit(1)

    def __exit__(self, *_: object) -> None:
        os.kill(self._child, signal.SIGKILL)
        os.waitpid(self._child, 0)

    def _swap(self) -> None:
        inner, aside = self._folder / "in" / "deep", self._folder.parent / "aside"
        link, secret = self._folder.parent / "link", self._folder.parent / "secret"
        if self._what == "file":
            # In one step each: there is never nothing.
            link.symlink_to(secret / "x.csv")
            link.replace(inner / "x.csv")
            aside.write_bytes(HONEST)
            aside.replace(inner / "x.csv")
            return
        place = {"folder": inner, "folder above": inner.parent, "root": self._folder}[
            self._what
        ]
        beyond = {"folder": secret, "folder above": secret / "1", "root": secret / "2"}
        place.rename(aside)
        place.symlink_to(beyond[self._what])
        place.unlink()
        aside.rename(place)


@pytest.mark.parametrize("what", ["file", "folder", "folder above", "root"])
@pytest.mark.parametrize("listed", [True, False], ids=["listed before", "listed each time"])
def test_i20_what_is_swapped_for_a_link_while_it_is_copied_in_is_never_another_file(
    tmp_path: Path, what: str, listed: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, target = tmp_path / "upload", tmp_path / "copy"
    for place, data in (
        (folder / "in" / "deep", HONEST),
        (tmp_path / "secret", SECRET),
        (tmp_path / "secret" / "1" / "deep", SECRET),
        (tmp_path / "secret" / "2" / "in" / "deep", SECRET),
    ):
        place.mkdir(parents=True)
        (place / "x.csv").write_bytes(data)
    (source,) = sources_of([folder], Recipe())
    ended = Counter[str]()
    until = time.monotonic() + 10
    trials = some(range(2000), 150)
    with Swapper(folder, what):
        while sum(ended.values()) < len(trials) or (
            len(ended) < 2 and time.monotonic() < until
        ):
            try:
                gather(
                    source.place if listed else folder,
                    target,
                    Limits(),
                    source.roots if listed else (),
                )
            except (RefusedFileError, NotFoundError) as error:
                ended[f"refused: {error.code}"] += 1
                continue
            assert SECRET[:6] not in target.read_bytes()
            assert HONEST in target.read_bytes()
            ended["honest"] += 1
    with capsys.disabled():
        sys.stdout.write(f"\ni20, {what}, {dict(ended)}\n")
    assert len(ended) >= 2, "the swap never met a copy"


def test_i22_a_geotiff_cut_anywhere_is_refused_or_whole(desk: Desk, geotiff: Writer) -> None:
    source = geotiff(values=np.random.default_rng(2).random((40, 50), "f4"), compress="deflate")
    data = source.read_bytes()
    chance = random.Random(7)  # noqa: S311 - a fixed choice of places
    codes = Counter[str]()
    for at in some(sorted(chance.sample(range(1, len(data)), 100)), 20):
        source.write_bytes(data[:at])
        codes[refused(desk, source)] += 1
    sys.stdout.write(f"i22: {dict(codes)}\n")
    assert codes.keys() <= {"malformed", "crs-missing", "bad-geotransform", "format-mismatch",
                            "unit-missing"}  # fmt: skip
    assert desk.left_behind() == []


def test_i23_a_flipped_bit_is_refused_or_read_as_it_is(desk: Desk, geotiff: Writer) -> None:
    source = geotiff(values=np.random.default_rng(3).random((16, 16), "f4"), compress="deflate")
    data = source.read_bytes()
    chance = random.Random(8)  # noqa: S311 - a fixed choice of places
    places = [
        (n, at, 1 << chance.randrange(8))
        for n, at in enumerate(chance.sample(range(len(data)), 200))
    ]
    ends = Counter[str]()
    for n, at, bit in some(places, 25):
        flipped = bytearray(data)
        flipped[at] ^= bit
        source.write_bytes(bytes(flipped))
        try:
            desk.publish(source, declare(f"x{n}"))
        except CommonsError as error:
            ends[error.code] += 1
            continue
        ends["accepted"] += 1
        key = desk.catalog.get("item", f"c/x{n}")["assets"]["source"]["href"].rsplit("/", 1)[-1]
        assert desk.store.path(key).read_bytes() == bytes(flipped)
        for asset in desk.catalog.get("item", f"c/x{n}")["assets"].values():
            desk.store.verify(asset["href"].rsplit("/", 1)[-1])
    sys.stdout.write(f"i23: {dict(ends)}\n")
    assert 0 < ends["accepted"] < sum(ends.values())


def test_i25_netcdf_that_declares_too_much_is_refused(desk: Desk, tmp_path: Path) -> None:
    source = tmp_path / "x.nc"
    with h5py.File(source, "w") as file:
        file.attrs.create("big", np.zeros(3_000_000, "u1"), dtype="u1") if False else None
        file.create_group("g", track_order=True).attrs["ok"] = 1
        made = h5py.h5a.create(
            file.id, b"big", h5py.h5t.STD_U8LE, h5py.h5s.create_simple((60_000,))
        )
        made.close()
    with pytest.raises(CommonsError, match="attribute") as error:
        desk.publish(source, declare(), Limits(attribute_bytes=10_000))
    assert error.value.code == "declared-too-large"
    with h5py.File(source, "w") as file:
        for n in range(300):
            file[f"v{n}"] = 1
    with pytest.raises(CommonsError, match="objects") as error:
        desk.publish(source, declare(), Limits(objects=200))
    assert error.value.code == "declared-too-large"
    with h5py.File(source, "w") as file:
        made = file.create_group("a")
        made["back"] = made
    assert refused(desk, source) == "malformed"
    source.write_bytes(b"CDF\1" + b"\0" * 100)
    assert refused(desk, source) == "format-mismatch"


@pytest.mark.parametrize(
    ("times", "since"), [([0.0, 1.0], "0000-00-00"), ([1.0, np.nan], "2000-01-01")]
)
def test_i26_times_that_are_none_are_refused(
    desk: Desk, netcdf: Writer, times: list[float], since: str
) -> None:
    def change(made: xr.Dataset) -> xr.Dataset:
        made = made.assign_coords(time=("time", np.array(times)))
        made["time"].attrs = {"units": f"days since {since}"}
        return made

    assert refused(desk, netcdf(change=change)) == "bad-time"


def test_i27_a_crs_that_is_none_is_refused(desk: Desk, geotiff: Writer) -> None:
    assert refused(desk, geotiff(), declare(crs="EPSG:0")) == "crs-invalid"
    assert refused(desk, geotiff(), declare(crs="X" * 10_000_000)) == "crs-invalid"
    assert refused(desk, geotiff(crs="EPSG:5773")) in ("crs-invalid", "crs-missing")
    remote = "+proj=longlat +ellps=GRS80 +nadgrids=https://127.0.0.1:9/x.gsb +type=crs"
    assert refused(desk, geotiff(), declare(crs=remote)) == "crs-invalid"


@pytest.mark.parametrize(
    "step", [(0.0, -0.5), (0.5, 0.0), (np.nan, -0.5), (0.5, 0.5), (-0.5, -0.5)]
)
def test_i28_cells_without_size_are_refused(
    desk: Desk, geotiff: Writer, step: tuple[float, float]
) -> None:
    source = geotiff(transform=Affine(step[0], 0, 10, 0, step[1], 50))
    assert refused(desk, source) in ("bad-geotransform", "crs-missing", "axis-order")


def test_i30_a_raster_over_the_antimeridian_keeps_west_over_east(
    desk: Desk, geotiff: Writer
) -> None:
    desk.publish(geotiff(transform=from_origin(178.5, 10, 0.5, 0.5)), declare())
    item = desk.catalog.get("item", "c/x")
    assert item["bbox"] == [178.5, 8, -178.5, 10]
    assert item["geometry"]["type"] == "MultiPolygon"


def test_i33_pixels_without_value_count_as_none(desk: Desk, geotiff: Writer) -> None:
    desk.publish(geotiff("a.tif", np.full((4, 6), np.nan, "f4")), declare("a"))
    infinite = np.array([[np.inf, 1.0], [3.0, -1.0]], "f4")
    desk.publish(geotiff("b.tif", infinite), declare("b"))
    with rasterio.open(geotiff("c.tif"), "r+") as file:
        file.scales = (0.0,)
    desk.publish(Path(file.name), declare("c"))
    found = {name: desk.catalog.get("item", f"c/{name}") for name in "abc"}
    figures = {name: i["assets"]["data"]["bands"][0]["statistics"] for name, i in found.items()}
    assert figures["a"] == {"valid_percent": 0}
    # By hand: -1 is nodata and infinity is none: 1 and 3 of four.
    assert figures["b"]["mean"] == pytest.approx(2)
    assert figures["b"]["valid_percent"] == 50
    assert "1 infinite values" in found["b"]["properties"]["ec:warnings"][0]
    assert figures["c"] == {"valid_percent": 0}
    assert "scale 0" in found["c"]["properties"]["ec:warnings"][0]


def test_i36_i37_the_same_again_is_unchanged_and_another_is_a_conflict(
    desk: Desk, geotiff: Writer
) -> None:
    source = geotiff()
    desk.publish(source, declare())
    before = desk.catalog.changes()
    assert desk.publish(source, declare()).state == "unchanged"
    assert desk.catalog.changes() == before
    with pytest.raises(ConflictError) as error:
        desk.publish(geotiff("y.tif", np.ones((4, 6), "f4")), declare())
    assert error.value.code == "exists"
    assert desk.catalog.changes() == before


@pytest.mark.parametrize(
    "name", ["x" * 300, "../x", "a/b", ".", "", "a\x07", "a\u202eb", "e\u0301"]
)
def test_i38_a_declared_name_with_other_characters_is_refused(name: str) -> None:
    with pytest.raises(CommonsError) as error:
        declare(name)
    assert error.value.code == "bad-id"


@pytest.mark.parametrize("coordinates", [["10", "0"], [1e308, 0], [[0, 0]], [], [None, 1]])
def test_i42_geojson_coordinates_that_are_none_are_refused(
    desk: Desk, tmp_path: Path, coordinates: Any
) -> None:
    point = {"type": "Point", "coordinates": coordinates}
    feature = {"type": "Feature", "properties": {}, "geometry": point}
    source = tmp_path / "x.geojson"
    source.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    assert refused(desk, source) in ("invalid-geometry", "axis-order")


def test_i42_nested_collections_and_too_many_vertices_are_refused(
    desk: Desk, tmp_path: Path
) -> None:
    source = tmp_path / "x.geojson"
    text = '{"type":"FeatureCollection","features":[{"type":"Feature","geometry":%s}]}'
    inner = '{"type":"GeometryCollection","geometries":[' * 1000 + "]}" * 1000
    source.write_text(text % inner)
    assert refused(desk, source) == "bad-json"
    line = {"type": "LineString", "coordinates": [[n / 100, 0] for n in range(50)]}
    source.write_text(text % json.dumps(line))
    with pytest.raises(CommonsError) as error:
        desk.publish(source, declare(), Limits(vertices=20))
    assert error.value.code == "declared-too-large"


@pytest.mark.parametrize(
    "data",
    [
        b'a,b\n1,"2\n3,4\n',
        b"a,b\n1,\xff\xfe\n",
        b"a,b\n1,2\0\n",
        b"a," * 10**6 + b"b\n",
        b"a,a\n1,2\n",
    ],
    ids=["quote left open", "another encoding", "NUL", "a million columns", "a name twice"],
)
def test_i43_a_table_that_is_none_is_refused(desk: Desk, tmp_path: Path, data: bytes) -> None:
    source = tmp_path / "x.csv"
    source.write_bytes(data)
    columns = declare(variables=(unit("a", "1"), unit("b", "1")))
    assert refused(desk, source, columns) in ("malformed", "format-mismatch", "unit-missing")


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 60_000, 60_000),
        b"\xff\xd8\xff\xe0\0\x10JFIF\0",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"<!doctype html><script>alert(1)</script>",
    ],
)
def test_i45_i46_pictures_and_pages_are_no_data_and_never_decoded(
    desk: Desk, tmp_path: Path, data: bytes
) -> None:
    source = tmp_path / "x.tif"
    source.write_bytes(data)
    assert refused(desk, source) == "format-mismatch"
    assert refused(desk, zipped(tmp_path / "x.zip", {"x.tif": data})) == "format-mismatch"


def test_i49_zones_without_area_or_off_the_raster_stay_with_no_value() -> None:
    grid = GeoBox((4, 6), Affine(1, 0, 0, 0, -1, 4), "EPSG:4326")
    regions = [("far", box(50, 50, 51, 51)), ("inside", box(1, 1, 3, 3)), ("none", Polygon())]
    cover = coverage(regions, grid)
    coords = {"y": cover.latitudes, "x": cover.longitudes}
    field = xr.DataArray(np.full((4, 6), 5.0), dims=("y", "x"), coords=coords)
    found = zonal_mean(field, cover)
    assert found.mean.shape == (1, 3)
    assert np.isnan(found.mean[0, [0, 2]]).all()
    assert found.mean[0, 1] == pytest.approx(5)
    assert found.valid_share.tolist() == [[0, 1, 0]]
    flat = Polygon([(0, 0), (1, 1), (2, 2)])
    with pytest.raises(CommonsError, match="flat"):
        coverage([("flat", flat)], grid)
