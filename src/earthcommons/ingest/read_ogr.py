"""GeoPackage and Shapefile in, GeoParquet in WGS 84 out. Runs in the jail; see `jail`.

GDAL knows two drivers here and no other. A GeoPackage is a database: what could compute (views,
triggers, virtual tables other than its own index) is refused before GDAL sees it.
"""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from earthcommons.errors import RefusedFileError
from earthcommons.ingest.features_out import check_geometry, finish_features

if TYPE_CHECKING:
    from pathlib import Path

    from earthcommons.ingest.limits import Limits

__all__ = ["convert", "only_two_drivers"]

_DRIVERS = frozenset({"GPKG", "ESRI Shapefile"})
_PARTS = (".shx", ".dbf", ".prj")


def only_two_drivers() -> None:
    """Leave pyogrio's GDAL with the two drivers that are wanted, whatever it came with."""
    import pyogrio  # type: ignore[import-untyped]
    from pyogrio.core import _register_drivers  # type: ignore[import-untyped]

    if set(pyogrio.list_drivers()) == _DRIVERS:
        return
    others = ",".join(sorted(set(pyogrio.list_drivers()) - _DRIVERS))
    pyogrio.set_gdal_config_options({"GDAL_SKIP": others})
    # Registering again is when GDAL drops what is to be skipped.
    _register_drivers()
    if set(pyogrio.list_drivers()) != _DRIVERS:
        raise RefusedFileError("GDAL kept a driver that is not wanted", code="malformed")


def convert(folder: Path, task: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """Write `folder/out.parquet` with the features of one layer, brought to WGS 84.

    Raises:
        RefusedFileError: a Shapefile without one of its parts (`part-missing`), several layers
            and none declared (`several-files`), no CRS, too many rows or vertices, an invalid
            geometry (with where).
    """
    import pyogrio

    only_two_drivers()
    source = folder / task.get("source", "source")
    shapefile = source.suffix.lower() == ".shp"
    if shapefile:
        _check_parts(source)
    else:
        source = _as_geopackage(source)
    try:
        layer = None if shapefile else _layer(pyogrio.list_layers(source), task)
        info = pyogrio.read_info(source, layer=layer, force_feature_count=True)
        if info["features"] > limits.rows:
            raise RefusedFileError(
                f"declares {info['features']} features, allowed {limits.rows}",
                code="declared-too-large",
            )
        encoding = _encoding(source) if shapefile else None
        facts, _, shapes, columns = pyogrio.raw.read(
            source, layer=layer, encoding=encoding, datetime_as_string=True
        )
        columns = [
            _exact(pyogrio, source, layer, str(name), str(dtype), column)
            for name, dtype, column in zip(
                facts["fields"], info["dtypes"], columns, strict=True
            )
        ]
        stated = _header_of(source) if shapefile else _contents_of(source, str(layer))
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError) as error:
        raise RefusedFileError(
            f"cannot be read: {str(error).replace(str(folder), '')}"[:300], code="malformed"
        ) from error
    except UnicodeDecodeError as error:
        raise RefusedFileError(
            f"texts are not in {error.encoding}: add a .cpg file that names their encoding",
            code="bad-encoding",
        ) from error
    geometries, on_globe, tall = _geometries(shapes, str(facts["crs"] or ""), task, limits)
    rows = _rows([str(name) for name in facts["fields"]], columns, len(geometries))
    code = str(facts["crs"] or task["crs"])
    more = {"ec:source_crs": code[:60]} if "4326" not in code else {}
    stated = stated if on_globe else None
    doubts = [f"z-dropped: the heights of {tall} of {len(rows)} features are left out"]
    return finish_features(
        folder, task, rows, geometries, more=more, stated=stated, doubts=doubts if tall else ()
    )


def _check_parts(source: Path) -> None:
    beside = {
        path.suffix.lower() for path in source.parent.iterdir() if path.stem == source.stem
    }
    lacking = [part for part in _PARTS if part not in beside]
    if lacking:
        raise RefusedFileError(
            f"the Shapefile lacks its {' and '.join(lacking)}", code="part-missing"
        )


def _header_of(source: Path) -> list[float]:
    """Return the bbox in the header of a Shapefile."""
    with source.open("rb") as file:
        return list(struct.unpack("<36x4d", file.read(68)))


def _contents_of(source: Path, layer: str) -> list[Any] | None:
    """Return the bbox that a GeoPackage's list of contents states of a layer, if it does."""
    with closing(sqlite3.connect(f"file:{source}?mode=ro&immutable=1", uri=True)) as file:
        try:
            row = file.execute(
                "SELECT min_x, min_y, max_x, max_y FROM gpkg_contents WHERE table_name = ?",
                (layer,),
            ).fetchone()
        except sqlite3.DatabaseError:
            return None
    return list(row) if row else None


def _encoding(source: Path) -> str | None:
    # Without a .cpg the driver asks the .dbf itself; what it then takes for ISO 8859-1 decodes
    # any bytes, so texts that are UTF-8 are tried as such first.
    named = next((p for p in source.parent.iterdir() if p.suffix.lower() == ".cpg"), None)
    if named is not None:
        return None
    dbf = next(p for p in source.parent.iterdir() if p.suffix.lower() == ".dbf")
    data = dbf.read_bytes()
    if data[29:30] not in (b"\0", b"\x57"):
        return None
    body = data[int.from_bytes(data[8:10], "little") :]
    try:
        body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RefusedFileError(
            f"the .dbf holds texts that are not UTF-8 (byte {error.start}) and names no encoding:"
            " add a .cpg file that does",
            code="bad-encoding",
        ) from error
    return "UTF-8"


def _as_geopackage(source: Path) -> Path:
    with closing(sqlite3.connect(f"file:{source}?mode=ro&immutable=1", uri=True)) as file:
        try:
            rows = file.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
        except sqlite3.DatabaseError as error:
            raise RefusedFileError(
                f"not a whole GeoPackage: {error}", code="malformed"
            ) from error
    for kind, name, sql in rows:
        text = str(sql or "").lower()
        own = str(name).startswith(("rtree_", "gpkg_", "trigger_", "feature_count_"))
        if kind == "view" or (kind == "trigger" and not own):
            raise RefusedFileError(
                f"{kind} {str(name)[:60]!r}: a GeoPackage with tables only is read",
                code="external-reference",
            )
        if "virtual" in text.split("(")[0] and "using rtree" not in text:
            raise RefusedFileError(
                f"table {str(name)[:60]!r} is made by a module", code="external-reference"
            )
    # The driver tells a GeoPackage by its name too.
    if source.suffix == ".gpkg":
        return source
    named = source.with_name("layers.gpkg")
    named.symlink_to(source.name)
    return named


def _layer(layers: Any, task: dict[str, Any]) -> str:
    names = [str(name) for name, kind in layers if kind is not None]
    wanted = task.get("layer", "")
    if wanted and wanted not in names:
        raise RefusedFileError(
            f"there is no layer {wanted[:80]!r}; there are {', '.join(names)[:300]}",
            code="malformed",
        )
    if not names:
        raise RefusedFileError("no layer with geometry", code="malformed")
    if not wanted and len(names) > 1:
        raise RefusedFileError(
            f'several layers: declare layer = "…", one of {", ".join(names)[:300]}',
            code="several-files",
        )
    return wanted or names[0]


def _geometries(
    shapes: Any, found: str, task: dict[str, Any], limits: Limits
) -> tuple[list[Any], bool, int]:
    """Return the shapes in WGS 84, whether they came in degrees, and how many had heights."""
    import pyproj

    geometries = shapely.from_wkb(shapes)
    vertices = int(shapely.get_num_coordinates(geometries).sum())
    if vertices > limits.vertices:
        raise RefusedFileError(
            f"{vertices} vertices, allowed {limits.vertices}", code="declared-too-large"
        )
    if not found and not task["crs"]:
        raise RefusedFileError("no CRS in the file, and none declared", code="crs-missing")
    try:
        crs = pyproj.CRS.from_user_input(found or task["crs"])
        declared = pyproj.CRS.from_user_input(task["crs"]) if task["crs"] else crs
    except pyproj.exceptions.CRSError as error:
        raise RefusedFileError(
            f"a CRS that is none: {error}"[:200], code="crs-invalid"
        ) from error
    if not declared.equals(crs, ignore_axis_order=True):
        raise RefusedFileError(
            f"the file has CRS {crs.name!r}, the declaration says {task['crs']}",
            code="crs-invalid",
        )
    flat = shapely.force_2d(geometries)
    if crs.to_epsg() != 4326:
        turn = pyproj.Transformer.from_crs(crs, "OGC:CRS84", always_xy=True)
        flat = shapely.transform(
            flat, lambda points: np.column_stack(turn.transform(points[:, 0], points[:, 1]))
        )
    # Outlines that end at the edge of the map overshoot it by the rounding of their writer.
    flat = shapely.transform(flat, _to_the_edge)
    checked = [check_geometry(geometry, n) for n, geometry in enumerate(flat)]
    return checked, bool(crs.is_geographic), int(shapely.has_z(geometries).sum())


def _to_the_edge(points: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    edge = np.array([180.0, 90.0])
    return np.where(np.abs(points) <= edge + 1e-6, np.clip(points, -edge, edge), points)


def _exact(
    pyogrio: Any, source: Path, layer: str | None, name: str, dtype: str, column: Any
) -> Any:
    """Return a column of integers or truths with gaps as such: with gaps it came as floats."""
    if column.dtype.kind != "f" or dtype.startswith("float"):
        return column
    if dtype == "bool":
        return [None if np.isnan(value) else bool(value) for value in column]
    if not dtype.startswith(("int", "uint")) or np.nanmax(np.abs(column), initial=0) < 2**53:
        return column
    _, table = pyogrio.raw.read_arrow(source, layer=layer, columns=[name], read_geometry=False)
    return table[name].to_pylist()


def _rows(names: list[str], columns: Any, count: int) -> list[dict[str, Any]]:
    plain = [[_plain(value) for value in column] for column in columns]
    return [
        {name: column[n] for name, column in zip(names, plain, strict=True)}
        for n in range(count)
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, np.datetime64):
        return None if np.isnat(value) else str(value).removesuffix("T00:00:00.000")
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, int) and abs(value) > 2**53 - 1:
        return str(value)
    return value if isinstance(value, (str, int, bool)) or value is None else str(value)
