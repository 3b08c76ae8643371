"""GeoJSON in, GeoParquet out. Runs in the jail; see `jail`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from earthcommons.errors import RefusedFileError
from earthcommons.ingest.footprint import footprint
from earthcommons.model.canonical import canonical_bytes, parse_strict

if TYPE_CHECKING:
    from pathlib import Path

    from earthcommons.ingest.limits import Limits

__all__ = ["convert"]


def convert(folder: Path, task: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """Write `folder/out.parquet` (GeoParquet 1.1) with the features of `folder/source`.

    Raises:
        RefusedFileError: not strict JSON, no FeatureCollection, too many vertices, coordinates
            off the globe (swapped axes), an invalid geometry (with where), another CRS.
    """
    del task
    document = parse_strict((folder / "source").read_bytes(), limit=limits.json_bytes)
    features = _features(document)
    geometries = []
    vertices = 0
    for n, feature in enumerate(features):
        geometry = _geometry(feature, n)
        vertices += shapely.get_num_coordinates(geometry)
        if vertices > limits.vertices:
            raise RefusedFileError(
                f"over {limits.vertices} vertices", code="declared-too-large"
            )
        geometries.append(geometry)
    kinds = sorted({geometry.geom_type for geometry in geometries})
    table = pa.table(
        {
            "properties": [
                canonical_bytes(f.get("properties") or {}).decode() for f in features
            ],
            "geometry": pa.array(
                [shapely.to_wkb(g, byte_order=1) for g in geometries], pa.binary()
            ),
        }
    )
    columns = {"geometry": {"encoding": "WKB", "geometry_types": kinds}}
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": columns}
    members = {k: v for k, v in document.items() if k not in ("type", "features", "bbox")}
    table = table.replace_schema_metadata(
        {"geo": canonical_bytes(geo), "members": canonical_bytes(members)}
    )
    pq.write_table(table, folder / "out.parquet", compression="zstd")
    west, south, east, north = shapely.total_bounds(geometries)
    return {
        "output": "out.parquet",
        "suffix": ".geo.parquet",
        "media_type": "application/vnd.apache.parquet",
        **footprint(float(west), float(south), float(east), float(north)),
        "bands": [],
        "properties": {"table:row_count": len(features), "proj:code": "EPSG:4326"},
    }


def _features(document: Any) -> list[dict[str, Any]]:
    if not isinstance(document, dict) or document.get("type") != "FeatureCollection":
        raise RefusedFileError("no GeoJSON FeatureCollection", code="format-mismatch")
    crs = document.get("crs")
    if crs is not None and "CRS84" not in str(crs) and "4326" not in str(crs):
        raise RefusedFileError(
            "GeoJSON is in WGS 84 (RFC 7946, section 4): reproject it first", code="crs-invalid"
        )
    features = document.get("features")
    if not isinstance(features, list) or not features:
        raise RefusedFileError("the FeatureCollection holds no feature", code="malformed")
    if not all(isinstance(f, dict) and isinstance(f.get("geometry"), dict) for f in features):
        raise RefusedFileError("a feature has no geometry", code="invalid-geometry")
    return features


def _geometry(feature: dict[str, Any], n: int) -> Any:
    try:
        geometry = shapely.from_geojson(canonical_bytes(feature["geometry"]).decode())
    except (shapely.errors.GEOSException, ValueError) as error:
        raise RefusedFileError(
            f"feature {n}: no geometry: {error}"[:300], code="invalid-geometry"
        ) from error
    if geometry.is_empty:
        raise RefusedFileError(f"feature {n} is empty", code="invalid-geometry")
    west, south, east, north = geometry.bounds
    if min(south, north) < -90 or max(south, north) > 90:
        raise RefusedFileError(
            f"feature {n}: latitude beyond ±90: longitude and latitude look swapped",
            code="axis-order",
        )
    if west < -180 or east > 180:
        raise RefusedFileError(f"feature {n}: longitude beyond ±180", code="invalid-geometry")
    if not geometry.is_valid:
        why = shapely.is_valid_reason(geometry)
        raise RefusedFileError(f"feature {n}: {why}", code="invalid-geometry")
    return geometry
