"""CF NetCDF-4 in, sharded Zarr 3 out. Runs in the jail; see `jail`."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import xarray as xr

from earthcommons.errors import RefusedFileError, UnitError
from earthcommons.ingest.footprint import footprint
from earthcommons.model.unit import check_unit, same_unit

if TYPE_CHECKING:
    from pathlib import Path

    from earthcommons.ingest.limits import Limits

__all__ = ["convert"]

_FILTERS = frozenset({"gzip", "shuffle", "fletcher32", "scaleoffset", "lzf"})
_CHUNK = {"lat": 90, "lon": 180, "time": 16}


def convert(folder: Path, task: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """Write `folder/out.zarr` with the values of `folder/source` and say what it holds.

    Raises:
        RefusedFileError: references to other files, unknown filters, too large by its own
            declaration, no latitude and longitude, swapped axes, bad times.
        UnitError: a variable has no unit and none is declared, or both speak and disagree.
    """
    source = folder / "source"
    _walk(source, limits)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = xr.open_dataset(source, engine="h5netcdf", decode_timedelta=False)
        except (ValueError, OverflowError, TypeError) as error:
            code = "bad-time" if "time" in str(error) else "malformed"
            raise RefusedFileError(f"cannot be decoded: {error}"[:400], code=code) from error
        with dataset:
            lat, lon = _axes(dataset, task)
            variables = _variables(dataset, task, (lat, lon))
            out = dataset[list(variables)].rename({lat: "lat", lon: "lon"})
            for name, facts in variables.items():
                out[name].attrs = {
                    "units": facts["unit"],
                    "long_name": facts.get("description", ""),
                }
            out.attrs = {"Conventions": "CF-1.11"}
            _write(out, folder / "out.zarr")
            return {
                "output": "out.zarr",
                "suffix": ".zarr",
                "media_type": "application/vnd.zarr; version=3",
                **_facts(out, variables),
            }


def _walk(source: Path, limits: Limits) -> None:
    """Look at every object's header before any value is read: HDF5 can point at other files."""
    values = 0
    try:
        file = h5py.File(source, "r", locking=False)
    except OSError as error:
        raise RefusedFileError(
            f"not a whole netCDF-4 file: {error}", code="malformed"
        ) from error
    with file:
        stack: list[h5py.Group] = [file]
        while stack:
            group = stack.pop()
            for name in group:
                link = group.get(name, getlink=True)
                if not isinstance(link, h5py.HardLink):
                    raise RefusedFileError(
                        f"{name[:80]!r} is a link to another place; only plain data is read",
                        code="external-reference",
                    )
                node = group[name]
                if isinstance(node, h5py.Group):
                    stack.append(node)
                elif isinstance(node, h5py.Dataset):
                    values += _check_dataset(node, name, limits)
                if values > limits.values or len(stack) > 1000:
                    raise RefusedFileError(
                        f"declares {values} values, allowed {limits.values}",
                        code="declared-too-large",
                    )


def _check_dataset(node: h5py.Dataset, name: str, limits: Limits) -> int:
    if node.external or node.is_virtual:
        raise RefusedFileError(
            f"{name[:80]!r} keeps its values in another file; only plain data is read",
            code="external-reference",
        )
    filters = node.id.get_create_plist()
    for n in range(filters.get_nfilters()):
        number = filters.get_filter(n)[0]
        if number not in (1, 2, 3, 6, 32000):
            raise RefusedFileError(
                f"{name[:80]!r} uses filter {number}", code="codec-forbidden"
            )
    count = math.prod(node.shape) if node.shape else 1
    if count > limits.values:
        raise RefusedFileError(
            f"{name[:80]!r} declares {count} values, allowed {limits.values}",
            code="declared-too-large",
        )
    return count


def _axes(dataset: xr.Dataset, task: dict[str, Any]) -> tuple[str, str]:
    found: dict[str, str] = {}
    for name, coordinate in dataset.coords.items():
        if coordinate.ndim != 1:
            continue
        units = str(coordinate.attrs.get("units", "")).lower()
        standard = coordinate.attrs.get("standard_name", "")
        if standard == "latitude" or units in ("degrees_north", "degree_north"):
            found["lat"] = str(name)
        elif standard == "longitude" or units in ("degrees_east", "degree_east"):
            found["lon"] = str(name)
    if task["crs"] in ("EPSG:4326", "OGC:CRS84"):
        found = {"lat": "lat", "lon": "lon"} | found
    if {"lat", "lon"} - set(found) or not {*found.values()} <= {str(n) for n in dataset.coords}:
        raise RefusedFileError(
            "no CRS: no coordinates with units degrees_north and degrees_east, and none declared",
            code="crs-missing",
        )
    lat, lon = found["lat"], found["lon"]
    _check_axis(dataset[lat].values, 90, "latitude")
    _check_axis(dataset[lon].values, 360, "longitude")
    return lat, lon


def _check_axis(values: np.ndarray[Any, Any], most: float, what: str) -> None:
    numbers = values.astype("f8")
    if not np.isfinite(numbers).all() or np.abs(numbers).max() > most:
        hint = ": longitude and latitude look swapped" if what == "latitude" else ""
        raise RefusedFileError(f"{what} runs beyond ±{most}{hint}", code="axis-order")
    steps = np.diff(numbers)
    if len(steps) and not np.allclose(steps, steps.mean(), rtol=1e-3, atol=1e-4):
        raise RefusedFileError(
            f"{what} is not evenly spaced: steps from {steps.min():g} to {steps.max():g}",
            code="bad-geotransform",
        )


def _variables(
    dataset: xr.Dataset, task: dict[str, Any], axes: tuple[str, str]
) -> dict[str, dict[str, Any]]:
    declared = {variable["name"]: variable for variable in task["variables"]}
    unknown = sorted(set(declared) - {str(name) for name in dataset.data_vars})
    if unknown:
        raise RefusedFileError(
            f"declares {unknown[0]!r}, which the file lacks", code="malformed"
        )
    found = {}
    for name, variable in dataset.data_vars.items():
        if not set(axes) <= {str(dim) for dim in variable.dims}:
            continue
        if declared and name not in declared:
            continue
        said = declared.get(str(name), {})
        written, stated = str(variable.attrs.get("units", "")), said.get("unit", "")
        if written and stated and not same_unit(written, stated):
            raise UnitError(f"{name}: the file says {written}, the declaration {stated}")
        facts = {"name": str(name), "data_type": str(variable.dtype)}
        facts["unit"] = check_unit(stated or written, f"variable {name}")
        if meaning := said.get("meaning") or variable.attrs.get("long_name"):
            facts["description"] = str(meaning)[:500]
        found[str(name)] = facts
    if not found:
        raise RefusedFileError("no data variable on latitude and longitude", code="malformed")
    return found


def _write(out: xr.Dataset, target: Path) -> None:
    encoding: dict[str, Any] = {}
    for name, variable in out.data_vars.items():
        variable.encoding = {}
        chunks = tuple(
            min(size, _CHUNK.get(str(dim), 1))
            for dim, size in zip(variable.dims, variable.shape, strict=True)
        )
        shards = tuple(
            -(-size // chunk) * chunk
            for size, chunk in zip(variable.shape, chunks, strict=True)
        )
        encoding[str(name)] = {"chunks": chunks, "shards": shards}
    for coordinate in out.coords.values():
        keep = {k: v for k, v in coordinate.encoding.items() if k in ("units", "calendar")}
        coordinate.encoding = keep
    out.to_zarr(target, mode="w", zarr_format=3, consolidated=False, encoding=encoding)


def _facts(out: xr.Dataset, variables: dict[str, dict[str, Any]]) -> dict[str, Any]:
    lat, lon = out["lat"].values.astype("f8"), out["lon"].values.astype("f8")
    step_y, step_x = abs(float(lat[1] - lat[0])), abs(float(lon[1] - lon[0]))
    dims: dict[str, Any] = {}
    for name, values, axis, step in (("lon", lon, "x", step_x), ("lat", lat, "y", step_y)):
        dims[name] = {
            "type": "spatial", "axis": axis, "step": step, "reference_system": 4326,
            "extent": [float(values.min()), float(values.max())],
        }  # fmt: skip
    for dim in out.dims:
        name = str(dim)
        if name in ("lat", "lon"):
            continue
        values = out[name].values if name in out.coords else np.arange(out.sizes[name])
        if np.issubdtype(values.dtype, np.datetime64):
            texts = [f"{str(value)[:19]}Z" for value in values]
            dims[str(name)] = {
                "type": "temporal",
                "extent": [texts[0], texts[-1]],
                "values": texts,
            }
        else:
            dims[name] = {"type": "other", "values": [str(value) for value in values]}
    for name, facts in variables.items():
        facts["statistics"] = _statistics(out[name])
    return {
        **footprint(
            float(lon.min()) - step_x / 2,
            float(lat.min()) - step_y / 2,
            float(lon.max()) + step_x / 2,
            float(lat.max()) + step_y / 2,
        ),
        "bands": list(variables.values()),
        "properties": {
            "proj:code": "EPSG:4326",
            "proj:shape": [len(lat), len(lon)],
            "cube:dimensions": dims,
            "cube:variables": {
                name: {
                    "type": "data",
                    "unit": facts["unit"],
                    "dimensions": [str(dim) for dim in out[name].dims],
                }
                for name, facts in variables.items()
            },
        },
        "spatial_resolution": step_x,
    }


def _statistics(variable: xr.DataArray) -> dict[str, float]:
    values = variable.values.astype("f8")
    valid = values[np.isfinite(values)]
    figures = {"valid_percent": 100 * valid.size / values.size}
    if valid.size:
        figures |= {"minimum": float(valid.min()), "maximum": float(valid.max())}
        figures |= {"mean": float(valid.mean()), "stddev": float(valid.std())}
    return figures
