"""Features as GeoParquet with what they hold. Runs in the jail; see `jail`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from earthcommons.errors import RefusedFileError
from earthcommons.ingest.axis_order import swap_warnings
from earthcommons.ingest.footprint import footprint
from earthcommons.ingest.period_differs import period_warnings
from earthcommons.ingest.settled import shown
from earthcommons.model.canonical import canonical_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["check_geometry", "finish_features"]


def finish_features(
    folder: Path,
    task: dict[str, Any],
    properties: Sequence[dict[str, Any]],
    geometries: Sequence[Any],
    *,
    members: dict[str, Any] | None = None,
    more: dict[str, Any] | None = None,
    period: tuple[str, str] | None = None,
    stated: Any = None,
    doubts: Sequence[str] = (),
) -> dict[str, Any]:
    """Write `folder/out.parquet` (GeoParquet 1.1) and say what it holds.

    Args:
        folder: scratch folder.
        task: what was declared; with `look` nothing is written.
        properties: JSON value of every feature.
        geometries: shapes in WGS 84, longitude first; None for a feature without a place.
        members: what the collection carried beside its features.
        more: further members of the answer's `properties`.
        period: first and last day the features speak of, where they say so.
        stated: bbox in degrees that the file itself states of them, if it does.
        doubts: warnings of the reader that go into the record.
    """
    placed = [geometry for geometry in geometries if geometry is not None]
    if not placed:
        raise RefusedFileError("no feature has a place", code="invalid-geometry")
    west, south, east, north = (float(edge) for edge in shapely.total_bounds(placed))
    place: dict[str, Any] = {
        "bbox": [west, south, east, north],
        "geometry": {"type": "Point", "coordinates": [west, south]},
    }
    if (west, south) != (east, north):
        place = footprint(west, south, east, north)
    warnings = [
        *doubts,
        *swap_warnings(stated, place["bbox"], "the extent the file states"),
        *(period_warnings(task, *period) if period else ()),
    ]
    if task.get("look"):
        names = sorted({name for row in properties[:100] for name in row})
        return shown(
            [{"name": name} for name in names], crs="EPSG:4326", bbox=place["bbox"],
            features=len(properties), period=period, warnings=warnings, **(more or {}),
        )  # fmt: skip
    kinds = sorted({f"{g.geom_type}{' Z' if g.has_z else ''}" for g in placed})
    table = pa.table(
        {
            "properties": [canonical_bytes(row).decode() for row in properties],
            "geometry": pa.array(
                [None if g is None else shapely.to_wkb(g, byte_order=1) for g in geometries],
                pa.binary(),
            ),
        }
    )
    columns = {"geometry": {"encoding": "WKB", "geometry_types": kinds}}
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": columns}
    table = table.replace_schema_metadata(
        {"geo": canonical_bytes(geo), "members": canonical_bytes(members or {})}
    )
    pq.write_table(table, folder / "out.parquet", compression="zstd")
    return {
        "suffix": ".geo.parquet",
        **place,
        "bands": [],
        "properties": {
            "table:row_count": len(properties),
            "proj:code": "EPSG:4326",
            **(more or {}),
            **({"ec:warnings": warnings} if warnings else {}),
        },
    }


def check_geometry(geometry: Any, n: int) -> Any:
    """Return a shape in WGS 84 that is one.

    Raises:
        RefusedFileError: empty, beyond the globe, or crossing itself (with the place).
    """
    if geometry is None or geometry.is_empty:
        raise RefusedFileError(f"feature {n} is empty", code="invalid-geometry")
    west, south, east, north = geometry.bounds
    if not np.isfinite((west, south, east, north)).all():
        raise RefusedFileError(
            f"feature {n}: a coordinate is no number", code="invalid-geometry"
        )
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
