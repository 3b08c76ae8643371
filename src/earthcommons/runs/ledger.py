"""Publish a run: its observations as one GeoParquet object, its record, and the index rows."""

from __future__ import annotations

import dataclasses
import io
from typing import TYPE_CHECKING, Any

from earthcommons.errors import InvalidInputError
from earthcommons.model.canonical import canonical_bytes, parse_strict
from earthcommons.model.observation import Observation
from earthcommons.model.record import Link, Record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import pyarrow as pa
    from shapely.geometry.base import BaseGeometry

    from earthcommons.model.evidence import Run
    from earthcommons.model.record import Transaction
    from earthcommons.store import ObjectStore

__all__ = ["OBSERVATIONS_SUFFIX", "publish_run", "read_observations"]

OBSERVATIONS_SUFFIX = ".obs.parquet"


def publish_run(
    tx: Transaction,
    store: ObjectStore,
    run: Run,
    observations: Sequence[Observation],
    places: Mapping[str, BaseGeometry],
    *,
    current: bool,
) -> Run:
    """Store a run with its observations and return it with the key of its output.

    Args:
        tx: the catalogue's open transaction.
        store: where the GeoParquet object goes.
        run: the run, without output.
        observations: all of that run; each names it.
        places: region id -> geometry; its representative point goes into the table.
        current: whether this run becomes the published series of its indicator.

    Raises:
        InvalidInputError: an observation names another run, or two have one id.
    """
    _check(run, observations)
    output = store.put_bytes(_geoparquet(observations, places), OBSERVATIONS_SUFFIX)
    done = dataclasses.replace(run, output=output)
    used = tuple(Link("used", "item", name) for name in sorted({r.item for r in run.inputs}))
    over = Link("over", "region-set", run.region_set)
    tx.put(Record("run", run.id, done.as_json(), links=(*used, over)))
    tx.put_observations(run.id, output, observations)
    if current:
        body = {"id": run.method, "run": run.id}
        tx.revise(Record("series", run.method, body, links=(Link("current", "run", run.id),)))
    return done


def read_observations(path: Path) -> list[Observation]:
    """Return the observations of a run's GeoParquet object, in their stored order."""
    import pyarrow.parquet as pq

    column = pq.read_table(path, columns=["observation"]).column("observation")
    return [Observation.from_json(parse_strict(text)) for text in column.to_pylist()]


def _check(run: Run, observations: Sequence[Observation]) -> None:
    seen: set[str] = set()
    for row in observations:
        if row.run != run.id:
            raise InvalidInputError(f"observation of run {row.run} in run {run.id}")
        if row.id in seen:
            raise InvalidInputError(
                f"two observations of {row.indicator} {row.region} {row.period}"
                f" {dict(row.dimensions)}"
            )
        seen.add(row.id)


def _geoparquet(
    observations: Sequence[Observation], places: Mapping[str, BaseGeometry]
) -> bytes:
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    pq.write_table(_table(observations, places), buffer, compression="zstd")
    return buffer.getvalue()


def _table(observations: Sequence[Observation], places: Mapping[str, BaseGeometry]) -> pa.Table:
    import pyarrow as pa
    import shapely

    points = {
        id_: shapely.to_wkb(shapely.point_on_surface(geometry), byte_order=1)
        for id_, geometry in places.items()
    }
    rows = [row.as_json() for row in observations]
    names = ("id", "indicator", "region", "period", "value", "unit", "status", "valid_share")
    columns: dict[str, Any] = {name: [row[name] for row in rows] for name in names}
    table = pa.table(
        {
            **{
                name: pa.array(
                    values, pa.float64() if name in ("value", "valid_share") else None
                )
                for name, values in columns.items()
            },
            # The whole observation, canonical: what rebuild reads; the columns are for analysts.
            "observation": [canonical_bytes(row).decode() for row in rows],
            "geometry": pa.array([points.get(row["region"]) for row in rows], pa.binary()),
        }
    )
    return table.replace_schema_metadata({"geo": canonical_bytes(_GEO)})


_GEO = {
    "version": "1.1.0",
    "primary_column": "geometry",
    "columns": {"geometry": {"encoding": "WKB", "geometry_types": ["Point"]}},
}
