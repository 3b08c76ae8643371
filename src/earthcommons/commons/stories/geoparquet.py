"""STAC items as stac-geoparquet: one row an item, properties as columns, footprints as WKB.

Parquet has no way to tell a member that is null from one that is absent: what is null comes back
absent, but for `datetime` and `geometry`. Times come back in UTC.

Source:
    stac-geoparquet specification 1.1; GeoParquet 1.1.
"""

from __future__ import annotations

import os
import tempfile
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

from earthcommons.errors import InvalidInputError
from earthcommons.model.canonical import parse_canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import IO

__all__ = ["read_items", "write_items"]

_TOP = (
    "type", "stac_version", "stac_extensions", "id", "geometry", "bbox", "links", "assets",
    "collection",
)  # fmt: skip
_TIMES = (
    "datetime", "start_datetime", "end_datetime", "created", "updated", "published", "expires",
    "unpublished",
)  # fmt: skip
_EDGES = {
    4: ("xmin", "ymin", "xmax", "ymax"),
    6: ("xmin", "ymin", "zmin", "xmax", "ymax", "zmax"),
}
_OTHERS = b"earthcommons:members"
_ROWS = 5_000


def write_items(target: Path, bodies: Iterable[bytes]) -> int:
    """Write stored items as stac-geoparquet, synced to disk; return how many.

    Raises:
        InvalidInputError: a property is of several kinds: no column holds it (`mixed-types`).
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    count, schema, others = 0, None, set()
    with tempfile.TemporaryFile(dir=target.parent) as spool:
        # Once through to learn all columns, once more to write.
        for chunk in _chunks(iter(bodies)):
            spool.writelines(body + b"\n" for body in chunk)
            items = [parse_canonical(body) for body in chunk]
            others |= {name for item in items for name in item} - {*_TOP, "properties"}
            schema = _joined(schema, _table(items, None).schema)
            count += len(items)
        if schema is None:
            schema = pa.schema([("id", pa.string())])
        schema = _storable(schema).with_metadata(_metadata(sorted(others)))
        spool.seek(0)
        with target.open("wb") as file:
            with pq.ParquetWriter(file, schema, compression="zstd") as writer:
                for chunk in _chunks(spool):
                    items = [parse_canonical(line) for line in chunk]
                    writer.write_table(_table(items, schema))
            file.flush()
            os.fsync(file.fileno())
    return count


def read_items(source: Path) -> Iterator[dict[str, Any]]:
    """Yield the items of a stac-geoparquet file.

    Raises:
        InvalidInputError: no such file, or a column that an item needs is lacking.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(source)
    except pa.ArrowInvalid as error:
        raise InvalidInputError(f"{source.name}: no Parquet", code="malformed") from error
    with file:
        lacking = {"id", "geometry"} - set(file.schema_arrow.names)
        if lacking and file.metadata.num_rows:
            raise InvalidInputError(
                f"{source.name}: no column {min(lacking)!r}", code="malformed"
            )
        metadata = file.schema_arrow.metadata or {}
        top = {*_TOP, *orjson.loads(metadata.get(_OTHERS, b"[]"))}
        for batch in file.iter_batches(batch_size=_ROWS):
            for row in batch.to_pylist():
                yield _item(row, top)


def _chunks(values: Iterator[bytes] | IO[bytes]) -> Iterator[list[bytes]]:
    while chunk := list(islice(values, _ROWS)):
        yield chunk


def _table(items: list[dict[str, Any]], schema: Any) -> Any:
    import pyarrow as pa

    rows = [_row(item) for item in items]
    names = schema.names if schema is not None else sorted({n for row in rows for n in row})
    columns = []
    for name in names:
        values = [row.get(name) for row in rows]
        kind = None if schema is None else schema.field(name).type
        if kind is None and name in _TIMES:
            kind = pa.timestamp("us", tz="UTC")
        elif kind is None and name == "geometry":
            kind = pa.binary()
        try:
            columns.append(pa.array(values, kind))
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise InvalidInputError(
                f"{name!r} holds values of several kinds", code="mixed-types"
            ) from error
    return (
        pa.table(columns, names=names) if schema is None else pa.table(columns, schema=schema)
    )


def _joined(one: Any, other: Any) -> Any:
    import pyarrow as pa

    if one is None:
        return other
    try:
        return pa.unify_schemas([one, other], promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InvalidInputError(str(error)[:200], code="mixed-types") from error


def _storable(schema: Any) -> Any:
    """Return the schema without columns of empty objects, which Parquet cannot hold."""
    import pyarrow as pa

    empty = [f.name for f in schema if pa.types.is_struct(f.type) and f.type.num_fields == 0]
    return pa.schema([field for field in schema if field.name not in empty])


def _metadata(others: list[str]) -> dict[bytes, bytes]:
    covering = {edge: ["bbox", edge] for edge in _EDGES[4]}
    geo = {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {
            "geometry": {
                "encoding": "WKB",
                "geometry_types": [],
                "covering": {"bbox": covering},
            }
        },
    }
    return {
        b"geo": orjson.dumps(geo),
        b"stac-geoparquet": b'{"version":"1.1.0"}',
        _OTHERS: orjson.dumps(others),
    }


def _row(item: dict[str, Any]) -> dict[str, Any]:
    import shapely

    row = {name: value for name, value in item.items() if name != "properties"}
    row |= {name: value for name, value in item["properties"].items() if name not in row}
    geometry = row.get("geometry")
    if geometry is not None:
        row["geometry"] = shapely.to_wkb(shapely.from_geojson(orjson.dumps(geometry)))
    if row.get("bbox"):
        row["bbox"] = dict(zip(_EDGES[len(row["bbox"])], row["bbox"], strict=True))
    for name in _TIMES:
        if isinstance(row.get(name), str):
            row[name] = datetime.fromisoformat(row[name])
    return row


def _item(row: dict[str, Any], top: set[str]) -> dict[str, Any]:
    import shapely

    item: dict[str, Any] = {"type": "Feature", "properties": {}, "assets": {}}
    for name, value in row.items():
        if value is None:
            continue
        if name in _TIMES and isinstance(value, datetime):
            text = value.astimezone(UTC).isoformat()
            value = text.removesuffix("+00:00") + "Z"
        (item if name in top else item["properties"])[name] = _without_nulls(value)
    geometry = row.get("geometry")
    item["geometry"] = (
        None
        if geometry is None
        else orjson.loads(shapely.to_geojson(shapely.from_wkb(geometry)))
    )
    if isinstance(row.get("bbox"), dict):
        edges = item["bbox"]
        item["bbox"] = [edges[name] for name in _EDGES[len(edges)]]
    if "datetime" not in item["properties"]:
        item["properties"]["datetime"] = None
    return item


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_nulls(v) for name, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_without_nulls(inner) for inner in value]
    return value
