"""STAC items as stac-geoparquet: one row an item, properties as columns, footprints as WKB.

Parquet has no way to tell a member that is null from one that is absent: what is null comes back
absent, but for `datetime` and `geometry`. Nor has it objects without members: where a column would
hold no other, it has a member that is always null. Times come back in UTC.

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
# Longitude and latitude of WGS 84; GeoParquet means these where it names none.
_SYSTEMS = {
    (None, "None"), ("OGC", "CRS84"), ("OGC", "CRS84h"), ("EPSG", "4326"), ("EPSG", "4979"),
}  # fmt: skip
_OTHERS = b"earthcommons:members"
_NO_MEMBER = "_"
_ROWS = 5_000


def write_items(target: Path, bodies: Iterable[bytes]) -> int:
    """Write stored items as stac-geoparquet, synced to disk; return how many.

    Raises:
        InvalidInputError: a property is of several kinds, or a time that is none: no column holds
            it (`mixed-types`); or it is called as a member of the item (`reserved-name`).
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    count, schema, wrapped = 0, None, False
    others: set[str] = set()
    inside: set[str] = set()
    with tempfile.TemporaryFile(dir=target.parent) as spool:
        # Once through to learn all columns, once more to write.
        for chunk in _chunks(iter(bodies)):
            spool.writelines(body + b"\n" for body in chunk)
            items = [parse_canonical(body) for body in chunk]
            others |= {name for item in items for name in item} - {*_TOP, "properties"}
            schema = _joined(schema, _table(items, None).schema, items)
            inside |= {name for item in items for name in item["properties"]}
            if clash := sorted(others & inside):
                raise _reserved(clash[0])
            count += len(items)
            wrapped = wrapped or any(map(_is_wrapped, items))
        if schema is None:
            schema = pa.schema([("id", pa.string())])
        schema = _storable(schema)
        # Readers compare boxes as numbers: one that runs through 180° they would leave out.
        covering = "bbox" in schema.names and not wrapped
        schema = schema.with_metadata(_metadata(sorted(others), covering))
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
        InvalidInputError: no such file, one in another coordinate system, a column that an item
            needs is lacking, or bytes are damaged (`malformed`); a row makes no item (`bad-line`).
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(source) as file:
            lacking = {"id", "geometry"} - set(file.schema_arrow.names)
            if lacking and file.metadata.num_rows:
                raise _malformed(source, f"no column {min(lacking)!r}")
            top = _members(source, file.schema_arrow.metadata or {})
            done = 0
            for batch in file.iter_batches(batch_size=_ROWS):
                for number, row in enumerate(_rows(batch, done), done + 1):
                    yield _read(row, top, number)
                done += len(batch)
    except (pa.ArrowException, OSError) as error:
        said = str(error).partition("\n")[0][:200]
        raise _malformed(source, f"no Parquet, or damaged ({said})") from error


def _malformed(source: Path, said: str) -> InvalidInputError:
    return InvalidInputError(f"{source.name}: {said}", code="malformed")


def _members(source: Path, metadata: dict[bytes, bytes]) -> set[str]:
    """Return the columns that are members of items; what is said of the file must be true here."""
    try:
        others = orjson.loads(metadata.get(_OTHERS, b"[]"))
        columns = orjson.loads(metadata.get(b"geo", b"{}")).get("columns", {})
        system = columns.get("geometry", {}).get("crs")
        named = (system or {}).get("id") or {}
        one = (named.get("authority"), str(named.get("code")))
        known = {*_TOP, *others} - {"properties"}
    except (orjson.JSONDecodeError, AttributeError, TypeError) as error:
        raise _malformed(source, "its metadata cannot be read") from error
    if one not in _SYSTEMS:
        raise _malformed(
            source,
            f"coordinates in {one[0]}:{one[1]}: items need longitude and latitude (CRS84)",
        )
    return known


def _rows(batch: Any, done: int) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = batch.to_pylist()
    except (OverflowError, ValueError) as error:
        raise InvalidInputError(
            f"rows {done + 1} to {done + len(batch)}: {error}", code="bad-line"
        ) from error
    return rows


def _read(row: dict[str, Any], top: set[str], number: int) -> dict[str, Any]:
    from shapely.errors import ShapelyError

    try:
        return _item(row, top)
    # NotImplementedError: curves. KeyError: a box without all of its edges.
    except (ShapelyError, NotImplementedError, KeyError, TypeError, OverflowError) as error:
        raise InvalidInputError(
            f"line {number}: geometry, box or time is none: {type(error).__name__} {error}"[
                :200
            ],
            code="bad-line",
        ) from error


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
        elif kind is None and name == "bbox":
            kind = pa.struct([(edge, pa.float64()) for edge in _edges_of(values)])
        try:
            columns.append(pa.array(values, kind))
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise _mixed(name, rows, kind) from error
    return (
        pa.table(columns, names=names) if schema is None else pa.table(columns, schema=schema)
    )


def _edges_of(boxes: Iterable[dict[str, float] | None]) -> tuple[str, ...]:
    """Return the edges that hold any of the boxes, in the order GeoParquet asks for."""
    return _EDGES[max((len(box) for box in boxes if box), default=4)]


def _mixed(name: str, rows: list[dict[str, Any]], kind: Any) -> InvalidInputError:
    """Return the refusal of a column, naming the first item that does not fit those before."""
    import pyarrow as pa

    fits, fails = 0, len(rows)
    while fails - fits > 1:
        middle = (fits + fails) // 2
        try:
            pa.array([row.get(name) for row in rows[:middle]], kind)
            fits = middle
        except (pa.ArrowInvalid, pa.ArrowTypeError):
            fails = middle
    where = f"{rows[fits].get('collection', '')}/{rows[fits]['id']}"
    return InvalidInputError(
        f"{name!r} holds values of several kinds: that of item {where[:120]!r} does not go with"
        " those before it; leave it out by --filter, or export lines of JSON",
        code="mixed-types",
    )


def _joined(one: Any, other: Any, items: list[dict[str, Any]]) -> Any:
    import pyarrow as pa

    if one is None:
        return other
    try:
        return pa.unify_schemas([one, other], promote_options="permissive")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InvalidInputError(
            f"{str(error)[:200]}: not as before, somewhere from item {items[0]['id'][:120]!r} to"
            f" {items[-1]['id'][:120]!r}",
            code="mixed-types",
        ) from error


def _storable(schema: Any) -> Any:
    """Return the schema as Parquet and GeoParquet can hold it."""
    import pyarrow as pa

    fields = []
    for field in schema:
        kind = _filled(field.type)
        if field.name == "bbox":
            edges = _EDGES[kind.num_fields]
            kind = pa.struct([(edge, pa.float64()) for edge in edges])
        fields.append(field.with_type(kind))
    return pa.schema(fields)


def _filled(kind: Any) -> Any:
    """Return a type whose objects each have a member."""
    import pyarrow as pa

    if pa.types.is_list(kind):
        return pa.list_(_filled(kind.value_type))
    if pa.types.is_struct(kind):
        inner = [field.with_type(_filled(field.type)) for field in kind]
        return pa.struct(inner or [(_NO_MEMBER, pa.bool_())])
    return kind


def _is_wrapped(item: dict[str, Any]) -> bool:
    box = item.get("bbox") or (0, 0, 0, 0)
    return bool(box[0] > box[len(box) // 2])


def _metadata(others: list[str], covering: bool) -> dict[bytes, bytes]:
    geometry: dict[str, Any] = {"encoding": "WKB", "geometry_types": []}
    if covering:
        geometry["covering"] = {"bbox": {edge: ["bbox", edge] for edge in _EDGES[4]}}
    geo = {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {"geometry": geometry},
    }
    return {
        b"geo": orjson.dumps(geo),
        b"stac-geoparquet": b'{"version":"1.1.0"}',
        _OTHERS: orjson.dumps(others),
    }


def _row(item: dict[str, Any]) -> dict[str, Any]:
    import shapely

    row = {name: value for name, value in item.items() if name != "properties"}
    for name, value in item["properties"].items():
        if name in row or name in _TOP:
            raise _reserved(name, item["id"])
        row[name] = value
    geometry = row.get("geometry")
    if geometry is not None:
        # GeoParquet takes the codes of ISO alone for heights.
        shape = shapely.from_geojson(orjson.dumps(geometry))
        row["geometry"] = shapely.to_wkb(shape, flavor="iso")
    if row.get("bbox"):
        row["bbox"] = dict(zip(_EDGES[len(row["bbox"])], row["bbox"], strict=True))
    for name in _TIMES:
        if isinstance(row.get(name), str):
            row[name] = _time(row[name], name, item["id"])
    return row


def _time(text: str, name: str, id_: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidInputError(
            f"{name!r} of item {id_[:120]!r} is {text[:40]!r}, and no time: its column holds times"
            " alone",
            code="mixed-types",
        ) from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _reserved(name: str, id_: str = "") -> InvalidInputError:
    where = f" of item {id_[:120]!r}" if id_ else ""
    return InvalidInputError(
        f"the property {name[:60]!r}{where} has the name of a member beside the properties: one"
        " column cannot hold both; export lines of JSON",
        code="reserved-name",
    )


def _item(row: dict[str, Any], top: set[str]) -> dict[str, Any]:
    import shapely

    item: dict[str, Any] = {"type": "Feature", "properties": {}, "assets": {}}
    for name, value in row.items():
        if value is None:
            continue
        if name in _TIMES and isinstance(value, datetime):
            # A time without a zone is no local time of this machine.
            zoned = value if value.tzinfo else value.replace(tzinfo=UTC)
            text = zoned.astimezone(UTC).isoformat()
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
