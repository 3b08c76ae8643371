"""GeoJSON in, GeoParquet out. Runs in the jail; see `jail`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import shapely

from earthcommons.errors import RefusedFileError
from earthcommons.ingest.features_out import check_geometry, finish_features
from earthcommons.model.canonical import canonical_bytes, parse_strict

if TYPE_CHECKING:
    from pathlib import Path

    from earthcommons.ingest.limits import Limits

__all__ = ["convert"]


def convert(folder: Path, task: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """Write `folder/out.parquet` (GeoParquet 1.1) with the features of the source.

    Raises:
        RefusedFileError: not strict JSON, no FeatureCollection, too many vertices, coordinates
            off the globe (swapped axes), an invalid geometry (with where), another CRS, or
            references to other files.
    """
    source = folder / task.get("source", "source")
    document = parse_strict(source.read_bytes(), limit=limits.json_bytes)
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
    members = {k: v for k, v in document.items() if k not in ("type", "features", "bbox")}
    rows = [feature.get("properties") or {} for feature in features]
    stated = document.get("bbox")
    return finish_features(folder, task, rows, geometries, members=members, stated=stated)


def _features(document: Any) -> list[dict[str, Any]]:
    if isinstance(document, dict) and "refs" in document:
        raise RefusedFileError(
            "a list of references to other files: give the files", code="external-reference"
        )
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
    if not all(isinstance(f.get("properties") or {}, dict) for f in features):
        raise RefusedFileError("properties of a feature are no object", code="malformed")
    return features


def _geometry(feature: dict[str, Any], n: int) -> Any:
    try:
        geometry = shapely.from_geojson(canonical_bytes(feature["geometry"]).decode())
    except (shapely.errors.GEOSException, ValueError) as error:
        raise RefusedFileError(
            f"feature {n}: no geometry: {error}"[:300], code="invalid-geometry"
        ) from error
    return check_geometry(geometry, n)
