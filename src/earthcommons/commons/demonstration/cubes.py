"""NetCDF to CF NetCDF-4: the same values with the units, axes and bounds the files lacked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import h5netcdf
import h5py
import numpy as np

from earthcommons.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from earthcommons.commons.demonstration.sources import Piece

__all__ = ["write_labelled_cube", "write_monthly_cube"]

_GZIP = {"compression": "gzip", "compression_opts": 9, "shuffle": True, "fletcher32": False}
_EPOCH = np.datetime64("1800-01-01", "D")
_TIME_UNITS = "days since 1800-01-01"


def write_labelled_cube(piece: Piece, sources: Path, target: Path) -> None:
    """Write chosen layers of a cube whose first axis is named in words.

    `options.axis` is that axis; `options.layer` lists label, time and bounds of each kept layer.
    With `options.as` `scenario` the layers keep their words, with `time` they become CF times.

    Raises:
        InvalidInputError: the file lacks a label or a variable, or the grid runs otherwise.
    """
    layers = piece.options["layer"]
    with (
        h5py.File(sources / piece.providers[0].path, "r") as source,
        h5netcdf.File(target, "w") as out,
    ):
        labels = [text.decode() for text in source[piece.options["axis"]][:]]
        if absent := [layer["label"] for layer in layers if layer["label"] not in labels]:
            raise InvalidInputError(f"{piece.id}: the file has no layer {absent[0]!r}")
        at = [labels.index(layer["label"]) for layer in layers]
        axis = piece.options["as"]
        _head(out, piece, {axis: len(at), "lat": len(source["lat"]), "lon": len(source["lon"])})
        if axis == "time":
            _time(
                out, [layer["time"] for layer in layers], [layer["bounds"] for layer in layers]
            )
        else:
            _scenario(out, layers)
        for name in ("lat", "lon"):
            _space(out, name, source[name][:])
        for variable in piece.variables:
            _data(out, piece, variable.name, np.stack([source[variable.name][n] for n in at]))


def write_monthly_cube(piece: Piece, sources: Path, target: Path) -> None:
    """Write a monthly CF cube on its own axes, with bounds of months.

    Values are rounded to `options.scale_factor` and packed in 16 bits, as CF 8.1 has it.

    Raises:
        InvalidInputError: times that are not whole days, or values that do not fit 16 bits.
    """
    with (
        h5py.File(sources / piece.providers[0].path, "r") as source,
        h5netcdf.File(target, "w") as out,
    ):
        days = source["time"][:]
        if not (days == days.astype(int)).all():
            raise InvalidInputError(f"{piece.id}: times are not whole days")
        starts = _EPOCH + days.astype("timedelta64[D]")
        months = starts.astype("datetime64[M]")
        _head(out, piece, {name: len(source[name]) for name in ("time", "lat", "lon")})
        _time(
            out,
            [str(day) for day in starts],
            [_month(month) for month in months],
        )
        for name in ("lat", "lon"):
            _space(out, name, source[name][:])
        for variable in piece.variables:
            field = source[variable.name]
            _data(
                out,
                piece,
                variable.name,
                _packed(piece, field[:], field.attrs["missing_value"]),
            )


def _month(month: np.datetime64) -> list[str]:
    return [str(edge.astype("datetime64[D]")) for edge in (month, month + 1)]


def _packed(piece: Piece, values: np.ndarray[Any, Any], missing: float) -> np.ndarray[Any, Any]:
    """Return `(value - add_offset) / scale_factor` as int16, the least one where missing."""
    scale, offset = piece.options["scale_factor"], piece.options["add_offset"]
    steps = np.rint((values.astype("f8") - offset) / scale)
    gone = np.isnan(values) | (values == missing)
    limits = np.iinfo("i2")
    if (np.abs(steps[~gone]) > limits.max).any():
        raise InvalidInputError(f"{piece.id}: values do not fit 16 bits at {scale}")
    return np.where(gone, limits.min, steps).astype("i2")


def _head(out: h5netcdf.File, piece: Piece, sizes: dict[str, int]) -> None:
    out.dimensions = sizes
    out.attrs["Conventions"] = "CF-1.11"
    out.attrs["title"] = piece.title["en"]
    out.attrs["comment"] = piece.derivation
    out.attrs["license"] = piece.licence
    out.attrs["references"] = piece.attribution
    if scenarios := piece.options.get("layer"):
        for layer in scenarios:
            out.attrs[f"time_bounds_{layer['label']}"] = "/".join(layer["bounds"])
    crs = out.create_variable("crs", (), "i4", data=np.int32(0))
    crs.attrs["grid_mapping_name"] = "latitude_longitude"
    crs.attrs["semi_major_axis"] = 6378137.0
    crs.attrs["inverse_flattening"] = 298.257223563


def _time(out: h5netcdf.File, starts: Sequence[str], bounds: Sequence[Sequence[str]]) -> None:
    out.dimensions["nv"] = 2
    time = out.create_variable("time", ("time",), "f8", data=_days(starts))
    for key, value in {
        "standard_name": "time", "long_name": "start of the period", "axis": "T",
        "units": _TIME_UNITS, "calendar": "proleptic_gregorian", "bounds": "time_bnds",
    }.items():  # fmt: skip
        time.attrs[key] = value
    out.create_variable("time_bnds", ("time", "nv"), "f8", data=_days(bounds))


def _scenario(out: h5netcdf.File, layers: Sequence[dict[str, Any]]) -> None:
    words = np.array([layer["label"] for layer in layers], dtype=object)
    scenario = out.create_variable(
        "scenario", ("scenario",), h5py.string_dtype(encoding="utf-8"), data=words
    )
    scenario.attrs["long_name"] = "model run and 30-year window"
    scenario.attrs["flag_meanings"] = "; ".join(
        f"{layer['label']}: {layer['bounds'][0]} to {layer['bounds'][1]}, end not included"
        for layer in layers
    )


def _days(dates: Any) -> np.ndarray[Any, Any]:
    return (np.array(dates, dtype="datetime64[D]") - _EPOCH).astype("f8")


def _space(out: h5netcdf.File, name: str, values: np.ndarray[Any, Any]) -> None:
    whole, units, axis = {
        "lat": ("latitude", "degrees_north", "Y"),
        "lon": ("longitude", "degrees_east", "X"),
    }[name]
    variable = out.create_variable(name, (name,), values.dtype, data=values)
    for key, value in {"standard_name": whole, "units": units, "axis": axis}.items():
        variable.attrs[key] = value


def _data(out: h5netcdf.File, piece: Piece, name: str, values: np.ndarray[Any, Any]) -> None:
    declared = next(variable for variable in piece.variables if variable.name == name)
    chunks = tuple(
        min(most, size)
        for most, size in zip(piece.options["chunks"], values.shape, strict=True)
    )
    fill = values.dtype.type(declared.nodata)
    variable = out.create_variable(
        name, declared.dims, values.dtype, data=values, chunks=chunks, fillvalue=fill, **_GZIP
    )
    variable.attrs["units"] = declared.unit
    variable.attrs["long_name"] = declared.meaning["en"]
    variable.attrs["grid_mapping"] = "crs"
    for key in ("standard_name", "cell_methods"):
        if key in piece.options:
            variable.attrs[key] = piece.options[key]
    # CF 8.1: these two have the type that unpacked values shall have.
    for key in ("scale_factor", "add_offset"):
        if key in piece.options:
            variable.attrs[key] = np.float32(piece.options[key])
