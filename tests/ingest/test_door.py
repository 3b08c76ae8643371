"""What the door refuses: rows of the attack table, by their ids where they have one."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pytest
import rasterio
from rasterio.transform import Affine, from_origin
from tests.ingest.conftest import Desk, declare, unit

from earthcommons.errors import CommonsError, NotFoundError, RefusedFileError, UnitError
from earthcommons.ingest import sniff
from earthcommons.ingest.jail import run_jailed
from earthcommons.ingest.limits import Limits

if TYPE_CHECKING:
    import xarray as xr

    from earthcommons.model import Declaration

Writer = Callable[..., Path]
SECRET = b"SECRET-BYTES-OF-ANOTHER-FILE"


def refused(
    desk: Desk, source: Path, declaration: Declaration | None = None, **more: Limits
) -> str:
    with pytest.raises(CommonsError) as error:
        desk.publish(source, declaration or declare(), **more)
    assert str(error.value)
    assert str(desk.root.parent) not in str(error.value)
    assert desk.left_behind() == []
    return error.value.code


def test_i01_i02_a_vrt_named_tif_is_not_opened(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "secret.raw").write_bytes(SECRET)
    source = tmp_path / "x.tif"
    source.write_text(
        '<VRTDataset rasterXSize="4" rasterYSize="1"><VRTRasterBand dataType="Byte" band="1"'
        ' subClass="VRTRawRasterBand"><SourceFilename relativeToVRT="1">secret.raw'
        "</SourceFilename></VRTRasterBand></VRTDataset>"
    )
    assert refused(desk, source) == "format-mismatch"


def test_i05_a_service_description_named_tif_makes_no_connection(
    desk: Desk, tmp_path: Path
) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.2)
    port = listener.getsockname()[1]
    source = tmp_path / "x.tif"
    source.write_text(
        f"<GDAL_WMS><Service><ServerUrl>http://127.0.0.1:{port}</ServerUrl></Service></GDAL_WMS>"
    )
    assert refused(desk, source) == "format-mismatch"
    with pytest.raises(TimeoutError):
        listener.accept()
    listener.close()


def test_i09_hdf5_with_external_storage_is_refused_before_it_is_read(
    desk: Desk, tmp_path: Path
) -> None:
    (tmp_path / "secret.raw").write_bytes(SECRET)
    source = tmp_path / "x.nc"
    with h5py.File(source, "w") as file:
        where = [(str(tmp_path / "secret.raw"), 0, len(SECRET))]
        file.create_dataset("sst", (len(SECRET),), "u1", external=where)
    assert refused(desk, source) == "external-reference"


def test_i10_hdf5_links_and_virtual_data_are_refused(desk: Desk, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["v"] = np.arange(3)
    linked = tmp_path / "linked.nc"
    with h5py.File(linked, "w") as file:
        file["v"] = h5py.ExternalLink(str(tmp_path / "other.h5"), "/v")
    assert refused(desk, linked) == "external-reference"
    soft = tmp_path / "soft.nc"
    with h5py.File(soft, "w") as file:
        file["v"] = h5py.SoftLink("/elsewhere")
    assert refused(desk, soft) == "external-reference"
    virtual = tmp_path / "virtual.nc"
    with h5py.File(virtual, "w") as file:
        layout = h5py.VirtualLayout((3,), "i8")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "v", (3,))
        file.create_virtual_dataset("v", layout)
    assert refused(desk, virtual) == "external-reference"


def test_i14_a_sparse_giant_is_refused_by_what_it_declares(desk: Desk, tmp_path: Path) -> None:
    source = tmp_path / "giant.tif"
    profile = {
        "driver": "GTiff", "height": 400_000, "width": 400_000, "count": 1, "dtype": "float64",
        "crs": "EPSG:4326", "transform": from_origin(-180, 90, 0.0009, 0.00045),
        "sparse_ok": True, "tiled": True, "bigtiff": "yes", "blockxsize": 8192, "blockysize": 8192,
    }  # fmt: skip
    with rasterio.open(source, "w", **profile):
        pass
    assert refused(desk, source) == "declared-too-large"


def test_i16_a_small_hdf5_that_declares_800_terabytes_is_refused(
    desk: Desk, tmp_path: Path
) -> None:
    source = tmp_path / "giant.nc"
    with h5py.File(source, "w") as file:
        file.create_dataset("v", (10**7, 10**7), "f8", chunks=(1000, 1000))
    assert source.stat().st_size < 10_000
    assert refused(desk, source) == "declared-too-large"


def test_i20_a_symbolic_link_is_not_followed(
    desk: Desk, geotiff: Writer, tmp_path: Path
) -> None:
    link = tmp_path / "link.tif"
    link.symlink_to(geotiff())
    assert refused(desk, link) == "invalid-source"
    fifo = tmp_path / "fifo.tif"
    os.mkfifo(fifo)
    assert refused(desk, fifo) == "invalid-source"
    assert refused(desk, tmp_path) == "invalid-source"
    with pytest.raises(NotFoundError):
        desk.publish(tmp_path / "nothing.tif", declare())


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9, 0.99])
def test_i22_a_truncated_geotiff_is_refused(desk: Desk, geotiff: Writer, share: float) -> None:
    noise = np.random.default_rng(1).random((300, 400), dtype="f4")
    source = geotiff(values=noise, transform=from_origin(-180, 90, 0.5, 0.5))
    data = source.read_bytes()
    source.write_bytes(data[: int(len(data) * share)])
    assert refused(desk, source) in ("malformed", "crs-missing", "bad-geotransform")


def test_i26_a_time_that_is_none_is_refused(desk: Desk, netcdf: Writer) -> None:
    def far(made: xr.Dataset) -> xr.Dataset:
        made = made.assign_coords(time=("time", np.array([1e18, 2e18])))
        made["time"].attrs = {"units": "days since 2000-01-01"}
        return made

    assert refused(desk, netcdf(change=far)) == "bad-time"


def test_i27_a_raster_without_crs_is_refused(desk: Desk, geotiff: Writer) -> None:
    assert refused(desk, geotiff(crs=None)) == "crs-missing"
    assert refused(desk, geotiff("y.tif"), declare(crs="EPSG:32637")) == "crs-invalid"


def test_i28_a_grid_that_is_none_is_refused(desk: Desk, geotiff: Writer) -> None:
    rotated = Affine.translation(10, 50) @ Affine.rotation(20) @ Affine.scale(0.5, -0.5)
    assert refused(desk, geotiff(transform=rotated)) == "bad-geotransform"


def test_i29_swapped_axes_are_seen(
    desk: Desk, geotiff: Writer, netcdf: Writer, tmp_path: Path
) -> None:
    assert refused(desk, geotiff(transform=from_origin(10, 150, 0.5, 0.5))) == "axis-order"
    assert refused(desk, netcdf(lat=np.array([170.0, 160.0, 150.0]))) == "axis-order"
    point = {"type": "Point", "coordinates": [10, 150]}
    feature = {"type": "Feature", "properties": {}, "geometry": point}
    source = tmp_path / "x.geojson"
    source.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    assert refused(desk, source) == "axis-order"


def test_i32_a_bow_tie_is_refused_with_its_place(desk: Desk, tmp_path: Path) -> None:
    ring = [[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]
    feature = {
        "type": "Feature",
        "properties": {},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    source = tmp_path / "x.geojson"
    source.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    with pytest.raises(RefusedFileError, match=r"feature 0: Self-intersection"):
        desk.publish(source, declare())


@pytest.mark.parametrize(
    "text", ['{"type":"FeatureCollection","features":[],"features":[]}', '{"a":NaN}']
)
def test_i39_json_with_twins_or_nan_is_refused(desk: Desk, tmp_path: Path, text: str) -> None:
    source = tmp_path / "x.geojson"
    source.write_text(text)
    assert refused(desk, source) == "bad-json"


def test_i43_a_cell_of_another_type_is_named_by_row_and_column(
    desk: Desk, tmp_path: Path
) -> None:
    source = tmp_path / "x.csv"
    columns = declare(variables=(unit("a", "1"), unit("b", "degC")))
    for cell in ("=cmd()", "1,234", "1.234,5", "0x1", "nan(1)", "1e999"):
        source.write_text(f'a,b\n1,2\n1,"{cell}"\n')
        with pytest.raises(RefusedFileError, match=r"row 3, column 'b'"):
            desk.publish(source, columns)
    source.write_text("a,b\n1,2,3\n")
    assert refused(desk, source, columns) == "malformed"


def test_i48_sidecars_beside_a_good_file_are_not_read(desk: Desk, geotiff: Writer) -> None:
    source = geotiff()
    source.with_suffix(".tif.aux.xml").write_text(
        "<PAMDataset><SRS>EPSG:3857</SRS></PAMDataset>"
    )
    desk.publish(source, declare())
    assert desk.catalog.get("item", "c/x")["properties"]["proj:code"] == "EPSG:4326"


def test_i50_a_missing_or_contradicting_unit_is_refused(
    desk: Desk, geotiff: Writer, netcdf: Writer
) -> None:
    assert refused(desk, geotiff(units="")) == "unit-missing"
    with pytest.raises(UnitError, match="the file says degC, the declaration K"):
        desk.publish(netcdf(), declare(variables=(unit("sst", "K"),)))
    desk.publish(geotiff("y.tif", units=""), declare(variables=(unit("v", "percent"),)))


def test_a_cube_without_latitude_and_longitude_has_no_crs(desk: Desk, netcdf: Writer) -> None:
    def bare(made: xr.Dataset) -> xr.Dataset:
        for name in ("latitude", "longitude"):
            made[name].attrs = {}
        return made

    assert refused(desk, netcdf(change=bare)) == "crs-missing"


@pytest.mark.parametrize(
    "head",
    [b"", b"PAR1", b"%PDF-1.4", b"<svg/>", b"\x89PNG\r\n", b"[1,2]", b"CDF\1", b"a\0,b"],
)
def test_other_formats_are_refused_by_their_bytes(head: bytes) -> None:
    with pytest.raises(RefusedFileError) as error:
        sniff(head)
    assert error.value.code == "format-mismatch"


def test_a_reader_that_takes_too_long_is_ended(desk: Desk, geotiff: Writer) -> None:
    with pytest.raises(RefusedFileError) as error:
        desk.publish(geotiff(), declare(), Limits(wall_s=0))
    assert error.value.code == "time-limit"
    assert desk.left_behind() == []


def test_a_reader_that_wants_too_much_memory_is_refused(desk: Desk, netcdf: Writer) -> None:
    wide = np.linspace(0, 359.9, 3600)
    source = netcdf(lon=wide, lat=np.linspace(89, -89, 1800))
    with pytest.raises(RefusedFileError) as error:
        desk.publish(source, declare(), Limits(memory_bytes=40 * 2**20))
    assert error.value.code in ("declared-too-large", "malformed")
    assert desk.left_behind() == []


def test_the_child_has_no_environment_and_no_way_into_other_readers(tmp_path: Path) -> None:
    with pytest.raises(CommonsError, match="no reader"):
        run_jailed("os", tmp_path, {}, Limits())
