"""GRIB 1 and 2 in, sharded Zarr 3 out, message by message. Runs in the jail; see `jail`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from earthcommons.errors import RefusedFileError
from earthcommons.ingest.cube_out import check_count, finish
from earthcommons.ingest.grib_grid import grid_of_message

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from earthcommons.ingest.limits import Limits

__all__ = ["convert"]

_HEADER = 16


@dataclass(frozen=True, slots=True)
class _Message:
    """Where a message stands in the file, and what its header says."""

    at: int
    size: int
    name: str
    level_type: str
    level: float
    time: np.datetime64
    units: str
    title: str
    points: int
    grid: str


def convert(folder: Path, task: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """Write `folder/out.zarr` with the fields of the source.

    A variable is called by its short name, and by that and its kind of level where a file has
    it on several kinds. Dimensions are (time, level, lat, lon) or (…, y, x) as far as there is
    more than one time or level; time is the time for which a field is valid.

    Raises:
        RefusedFileError: the extra `grib` is not installed (`extra-missing`), a message is cut
            short or declares too much, a grid that is not regular, several grids.
        UnitError: a variable has no unit and none is declared, or both speak and disagree.
    """
    try:
        import eccodes  # type: ignore[import-untyped]
    except (ImportError, RuntimeError) as error:
        raise RefusedFileError(
            "GRIB is read with the extra grib: pip install 'earthcommons[grib]'",
            code="extra-missing",
        ) from error
    import xarray as xr

    source = folder / task.get("source", "source")
    spans = list(_spans(source, limits))
    with source.open("rb") as file:
        try:
            messages = [_read_header(eccodes, file, *span) for span in spans]
            chosen = _chosen(_by_name(messages), task)
            fields = [field for group in chosen.values() for field in group]
            check_count(sum(field.points for field in fields), limits)
            grid = _one_grid(fields)
            axes = grid_of_message(eccodes, _bytes(file, grid))
            shared = _Shared(dict(axes.coordinates), bool(task.get("look")))
            variables = {
                name: _stacked(eccodes, file, name, group, axes, shared)
                for name, group in chosen.items()
            }
        except eccodes.CodesInternalError as error:
            raise RefusedFileError(
                f"not a whole GRIB file: {error}", code="malformed"
            ) from error
    dataset = xr.Dataset(
        variables, shared.coordinates, {"crs_wkt": axes.crs} if axes.crs else {}
    )
    return finish(dataset, folder, task, limits)


def _spans(source: Path, limits: Limits) -> Iterator[tuple[int, int]]:
    """Yield place and size of every message, after looking at its first and last bytes."""
    end = source.stat().st_size
    at = count = 0
    with source.open("rb") as file:
        while at < end:
            file.seek(at)
            head = file.read(_HEADER)
            if head[:4] != b"GRIB":
                # Messages may be filled up with zeros to whole blocks.
                filling = len(head) - len(head.lstrip(b"\0"))
                if not filling:
                    raise RefusedFileError(f"byte {at} begins no message", code="malformed")
                at += filling
                continue
            edition = head[7]
            size = int.from_bytes(head[4:7] if edition == 1 else head[8:16], "big")
            if edition == 1 and size & 0x800000:
                # A message of over 8 MB counts in units of 120 bytes: let the file be cut.
                raise RefusedFileError(
                    "a GRIB 1 message of over 8 MB: convert it to GRIB 2", code="malformed"
                )
            file.seek(at + size - 4)
            if edition not in (1, 2) or size < 28 or at + size > end or file.read(4) != b"7777":
                raise RefusedFileError(
                    f"the message at byte {at} declares {size} bytes and does not end there",
                    code="malformed",
                )
            count += 1
            if count > limits.objects:
                raise RefusedFileError(
                    f"over {limits.objects} messages", code="declared-too-large"
                )
            yield at, size
            at += size
    if not count:
        raise RefusedFileError("the file holds no message", code="malformed")


def _bytes(file: Any, message: _Message) -> bytes:
    file.seek(message.at)
    data: bytes = file.read(message.size)
    return data


def _read_header(eccodes: Any, file: Any, at: int, size: int) -> _Message:
    file.seek(at)
    handle = eccodes.codes_new_from_message(file.read(size))
    try:
        date, time = (
            eccodes.codes_get_long(handle, key) for key in ("validityDate", "validityTime")
        )
        text = f"{date:08d}"
        when = f"{text[:4]}-{text[4:6]}-{text[6:]}T{time // 100:02d}:{time % 100:02d}"
        return _Message(
            at, size,
            eccodes.codes_get_string(handle, "shortName"),
            eccodes.codes_get_string(handle, "typeOfLevel"),
            float(eccodes.codes_get_double(handle, "level")),
            np.datetime64(when, "ns"),
            eccodes.codes_get_string(handle, "units"),
            eccodes.codes_get_string(handle, "name"),
            eccodes.codes_get_long(handle, "numberOfDataPoints"),
            eccodes.codes_get_string(handle, "md5GridSection"),
        )  # fmt: skip
    except ValueError as error:
        raise RefusedFileError(f"a message without time: {error}", code="bad-time") from error
    finally:
        eccodes.codes_release(handle)


def _by_name(messages: list[_Message]) -> dict[str, list[_Message]]:
    kinds: dict[str, set[str]] = {}
    for message in messages:
        kinds.setdefault(message.name, set()).add(message.level_type)
    found: dict[str, list[_Message]] = {}
    for message in messages:
        many = len(kinds[message.name]) > 1
        name = f"{message.name}_{message.level_type}" if many else message.name
        found.setdefault(name, []).append(message)
    return found


def _chosen(
    named: dict[str, list[_Message]], task: dict[str, Any]
) -> dict[str, list[_Message]]:
    wanted = {variable["name"] for variable in task["variables"]}
    if unknown := sorted(wanted - set(named)):
        raise RefusedFileError(
            f"declares {unknown[0]!r}, which the file lacks; it has {', '.join(named)}"[:600],
            code="malformed",
        )
    return {name: group for name, group in named.items() if not wanted or name in wanted}


def _one_grid(messages: list[_Message]) -> _Message:
    if len({message.grid for message in messages}) > 1:
        raise RefusedFileError(
            "fields on several grids: declare the variables of one", code="several-files"
        )
    return messages[0]


def _stacked(
    eccodes: Any, file: Any, name: str, fields: list[_Message], axes: Any, shared: _Shared
) -> Any:
    """Return one variable, (time, level, …) as far as it has more than one level."""
    times = sorted({field.time for field in fields})
    levels = sorted({field.level for field in fields})
    if len({(field.time, field.level) for field in fields}) != len(fields):
        raise RefusedFileError(
            f"{name} has several fields for one time and level (members, steps or layers):"
            " split the file",
            code="several-files",
        )
    shape = (len(times), len(levels), *axes.shape)
    attrs = {"units": fields[0].units, "long_name": fields[0].title}
    if shared.empty:
        values: Any = np.broadcast_to(np.float32(np.nan), shape)
    else:
        values = np.full(shape, np.nan, "f4")
        for field in fields:
            place = times.index(field.time), levels.index(field.level)
            values[place] = _values(eccodes, _bytes(file, field), axes)
    dims = [shared.dimension("time", times)]
    if len(levels) > 1:
        dims.append(shared.dimension(fields[0].level_type, levels))
    else:
        values = values[:, 0]
    return (*dims, *axes.names), values, attrs


@dataclass(slots=True)
class _Shared:
    """Dimensions that variables share where their steps are the same.

    Attributes:
        coordinates: what was named so far.
        empty: whether only headers are read.
    """

    coordinates: dict[str, Any]
    empty: bool

    def dimension(self, stem: str, steps: list[Any]) -> str:
        """Return the name of the dimension with these steps, a new one where there is none."""
        n = 1
        while True:
            name = stem if n == 1 else f"{stem}_{n}"
            if name not in self.coordinates:
                self.coordinates[name] = (name, np.array(steps))
                return name
            if list(self.coordinates[name][1]) == steps:
                return name
            n += 1


def _values(eccodes: Any, data: bytes, axes: Any) -> np.ndarray[Any, Any]:
    handle = eccodes.codes_new_from_message(data)
    try:
        missing = 9.999e20
        eccodes.codes_set(handle, "missingValue", missing)
        flat = eccodes.codes_get_values(handle)
        if flat.size != math.prod(axes.shape):
            raise RefusedFileError(
                f"a field of {flat.size} values on a grid of {axes.shape}", code="malformed"
            )
        values = axes.ordered(flat)
        return np.where(values == missing, np.nan, values)
    finally:
        eccodes.codes_release(handle)
