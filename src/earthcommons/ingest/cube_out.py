"""A labelled dataset as sharded Zarr 3 with what it holds. Runs in the jail; see `jail`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from earthcommons.errors import RefusedFileError
from earthcommons.ingest.axis_order import stated_in, swap_warnings
from earthcommons.ingest.footprint import footprint, footprint_of_grid
from earthcommons.ingest.period_differs import period_warnings
from earthcommons.ingest.settled import declared_of, settle_unit, shown
from earthcommons.ingest.time_span import span_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import xarray as xr

    from earthcommons.ingest.limits import Limits

__all__ = ["check_count", "finish"]

_CHUNK = {"lat": 90, "lon": 180, "y": 256, "x": 256, "time": 16}
_GLOBE = ("EPSG:4326", "OGC:CRS84")


@dataclass(frozen=True, slots=True)
class _Axes:
    """The two axes of place: their names in the file, and the CRS they count in."""

    y: str
    x: str
    crs: str

    @property
    def on_globe(self) -> bool:
        return self.crs == "EPSG:4326"

    @property
    def out(self) -> tuple[str, str]:
        return ("lat", "lon") if self.on_globe else ("y", "x")


def finish(
    dataset: xr.Dataset,
    folder: Path,
    task: dict[str, Any],
    limits: Limits,
    *,
    doubts: Sequence[str] = (),
) -> dict[str, Any]:
    """Write `folder/out.zarr` with the dataset's variables and say what it holds.

    Variables stand on latitude and longitude in degrees, or on x and y of a projected CRS that
    the dataset names (`crs_wkt` or `spatial_ref` of a grid mapping) or the task declares. A
    variable's attribute `nodata` names the number that stands for missing. `doubts` are
    warnings of the reader that go into the record.

    Raises:
        RefusedFileError: no axes of place, no CRS, swapped or uneven axes, times that are none,
            a declared variable that is not there, too many values.
        UnitError: a variable has no unit and none is declared, or both speak and disagree.
    """
    check_count(
        sum(math.prod(variable.shape) for variable in dataset.variables.values()), limits
    )
    dataset = _in_metres(dataset)
    axes = _axes(dataset, task)
    variables = _variables(dataset, task, axes)
    out = dataset[list(variables)].rename({axes.y: axes.out[0], axes.x: axes.out[1]})
    out = out.drop_vars([n for n, c in out.coords.items() if c.dims != (n,)])
    out = out.transpose(..., *axes.out)
    _check_times(out)
    place = _place(out, axes)
    warnings = [
        *doubts,
        *_odd_names(axes),
        *swap_warnings(stated_in(dataset.attrs), place["bbox"], "the extent the file states"),
        *_odd_times(out, task),
    ]
    if task.get("look"):
        return shown(
            variables.values(), crs=axes.crs[:60], bbox=place["bbox"],
            period=span_of(dataset, [str(name) for name in out.coords if name in dataset]),
            title=str(dataset.attrs.get("title", ""))[:200], warnings=warnings,
        )  # fmt: skip
    for name, facts in variables.items():
        out[name].attrs = {"units": facts["unit"], "long_name": facts.get("description", "")}
    out.attrs = {"Conventions": "CF-1.11"} | ({} if axes.on_globe else {"crs": axes.crs})
    _write(out, folder / "out.zarr")
    facts = _facts(out, variables, axes)
    if warnings:
        facts["properties"]["ec:warnings"] = warnings
    return {"suffix": ".zarr", **place, **facts}


def check_count(count: int, limits: Limits) -> None:
    """Refuse more values than allowed, before any is read.

    Raises:
        RefusedFileError: too many (`declared-too-large`).
    """
    if count > limits.values:
        raise RefusedFileError(
            f"declares {count} values, allowed {limits.values}", code="declared-too-large"
        )


def _in_metres(dataset: xr.Dataset) -> xr.Dataset:
    """Return the dataset with coordinates of a projection that count in kilometres in metres.

    Raises:
        RefusedFileError: they count in something else (`bad-geotransform`).
    """
    for name, coordinate in dataset.coords.items():
        standard = str(coordinate.attrs.get("standard_name", ""))
        if coordinate.ndim != 1 or not (
            str(name).lower() in ("x", "y")
            or standard in ("projection_x_coordinate", "projection_y_coordinate")
        ):
            continue
        units = str(coordinate.attrs.get("units", "m")).strip()
        if units.lower() in ("km", "kilometer", "kilometre", "kilometers", "kilometres"):
            metres = (coordinate * 1000).assign_attrs(coordinate.attrs | {"units": "m"})
            dataset = dataset.assign_coords({name: metres})
        elif units.lower() in ("rad", "radian", "radians", "microradian"):
            raise RefusedFileError(
                f"{name} counts in {units} (angles of a scan): bring it to a grid in metres or"
                " degrees first (gdalwarp)",
                code="bad-geotransform",
            )
    return dataset


def _named_axes(dataset: xr.Dataset) -> dict[str, str]:
    """Return which coordinates are lat, lon, y and x, by units, standard name or plain name."""
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
        elif str(name).lower() in ("x", "y"):
            found[str(name).lower()] = str(name)
        elif standard in ("projection_y_coordinate", "projection_x_coordinate"):
            found[standard[11]] = str(name)
    return found


def _odd_names(axes: _Axes) -> list[str]:
    y, x = axes.y.lower(), axes.x.lower()
    if not (axes.on_globe and y in ("lon", "longitude") and x in ("lat", "latitude")):
        return []
    text = f"by units or standard name {axes.y!r} holds latitudes and {axes.x!r} longitudes"
    return [f"axis-order-suspect: {text}"]


def _axes(dataset: xr.Dataset, task: dict[str, Any]) -> _Axes:
    found = _named_axes(dataset)
    if task["crs"] in _GLOBE:
        found = {"lat": "lat", "lon": "lon"} | found
    coords = {str(name) for name in dataset.coords}
    if {"lat", "lon"} <= set(found) and {found["lat"], found["lon"]} <= coords:
        axes = _Axes(found["lat"], found["lon"], "EPSG:4326")
        _check_axis(dataset[axes.y].values, 90, "latitude")
        _check_axis(dataset[axes.x].values, 360, "longitude")
        return axes
    crs = _crs_of(dataset, task["crs"]) if {"y", "x"} <= set(found) else ""
    if not crs and _on_swath(dataset):
        raise RefusedFileError(
            "latitudes and longitudes have two dimensions each (a swath or a curvilinear grid):"
            " bring it to a regular grid first (gdalwarp -geoloc, cdo remapbil)",
            code="bad-geotransform",
        )
    if not crs:
        raise RefusedFileError(
            "no CRS: no coordinates with units degrees_north and degrees_east, and none declared",
            code="crs-missing",
        )
    axes = _Axes(found["y"], found["x"], crs)
    for name in (axes.y, axes.x):
        _check_axis(dataset[name].values, math.inf, name)
    return axes


def _on_swath(dataset: xr.Dataset) -> bool:
    units = {
        str(variable.attrs.get("units", "")).lower()
        for variable in dataset.variables.values()
        if variable.ndim >= 2
    }
    return {"degrees_north", "degrees_east"} <= units


def _crs_of(dataset: xr.Dataset, declared: str) -> str:
    import pyproj

    texts = [
        str(attrs[key])
        for attrs in (
            dataset.attrs,
            *(v.attrs for v in dataset.variables.values() if not v.ndim),
        )
        for key in ("crs_wkt", "spatial_ref")
        if attrs.get(key)
    ]
    known = [] if texts or declared else _mapped(dataset)
    for text in [*texts, *([declared] if declared else [])]:
        try:
            if len(text) > 20_000:
                raise RefusedFileError("a CRS of over 20,000 characters", code="crs-invalid")
            crs = pyproj.CRS.from_user_input(text)
        except pyproj.exceptions.CRSError as error:
            raise RefusedFileError(
                f"declares CRS {text[:40]!r}, which is none", code="crs-invalid"
            ) from error
        if not crs.is_projected:
            raise RefusedFileError(
                f"{crs.name[:60]!r} is no CRS for x and y in metres", code="crs-invalid"
            )
        known.append(crs)
    if not known:
        return ""
    if any(not crs.equals(known[0], ignore_axis_order=True) for crs in known[1:]):
        raise RefusedFileError(
            f"the file has CRS {known[0].name!r}, the declaration says {declared}",
            code="crs-invalid",
        )
    epsg = known[-1].to_epsg()
    return f"EPSG:{epsg}" if epsg else str(known[0].to_wkt())


def _mapped(dataset: xr.Dataset) -> list[Any]:
    """Return the CRS that a CF grid mapping describes by its parameters, if one does."""
    import pyproj

    for variable in dataset.variables.values():
        if variable.ndim or "grid_mapping_name" not in variable.attrs:
            continue
        try:
            crs = pyproj.CRS.from_cf({str(k): v for k, v in variable.attrs.items()})
        except (pyproj.exceptions.CRSError, KeyError, TypeError, ValueError) as error:
            name = str(variable.attrs["grid_mapping_name"])[:60]
            raise RefusedFileError(
                f"the grid mapping {name!r} cannot be read: {error}"[:200], code="crs-invalid"
            ) from error
        if crs.is_projected:
            return [crs]
    return []


def _check_axis(values: np.ndarray[Any, Any], most: float, what: str) -> None:
    if values.dtype.kind not in "iuf":
        raise RefusedFileError(f"{what} holds no numbers", code="axis-order")
    numbers = values.astype("f8")
    if not np.isfinite(numbers).all() or np.abs(numbers).max(initial=0) > most:
        hint = ": longitude and latitude look swapped" if what == "latitude" else ""
        raise RefusedFileError(f"{what} runs beyond ±{most}{hint}", code="axis-order")
    if len(numbers) < 2:
        raise RefusedFileError(f"{what} has one step only", code="bad-geotransform")
    steps = np.diff(numbers)
    # Of coordinates far from zero in single precision, the step carries their rounding twice.
    slack = 1e-4 if most < math.inf else 1e-6 * float(np.abs(numbers).max())
    if not np.allclose(steps, steps.mean(), rtol=1e-3, atol=slack) or not steps.mean():
        raise RefusedFileError(
            f"{what} is not evenly spaced: steps from {steps.min():g} to {steps.max():g}",
            code="bad-geotransform",
        )


def _check_times(out: xr.Dataset) -> None:
    for name, coordinate in out.coords.items():
        if coordinate.dtype.kind != "M":
            continue
        if np.isnat(coordinate.values).any():
            raise RefusedFileError(f"{name} holds a time that is none", code="bad-time")
        steps, counts = np.unique(coordinate.values, return_counts=True)
        if (counts > 1).any():
            twice = str(steps[counts > 1][0])[:19]
            raise RefusedFileError(f"{name} holds {twice} twice", code="bad-time")


def _odd_times(out: xr.Dataset, task: dict[str, Any]) -> list[str]:
    steps = [c.values for c in out.coords.values() if c.dtype.kind == "M" and c.size]
    if not steps:
        return []
    first, last = (str(pick([pick(values) for values in steps])) for pick in (min, max))
    return period_warnings(task, first, last)


def _variables(
    dataset: xr.Dataset, task: dict[str, Any], axes: _Axes
) -> dict[str, dict[str, Any]]:
    declared = declared_of(task)
    unknown = sorted(set(declared) - {str(name) for name in dataset.data_vars})
    if unknown:
        names = ", ".join(sorted(str(name) for name in dataset.data_vars))[:300]
        raise RefusedFileError(
            f"declares {unknown[0]!r}, which the file lacks; it has {names}", code="malformed"
        )
    found = {}
    for name, variable in dataset.data_vars.items():
        if not {axes.y, axes.x} <= {str(dim) for dim in variable.dims}:
            continue
        if (declared and name not in declared) or variable.dtype.kind not in "iufb":
            continue
        said = declared.get(str(name), {})
        facts: dict[str, Any] = {"name": str(name), "data_type": str(variable.dtype)}
        written = str(variable.attrs.get("units", ""))
        facts["unit"] = settle_unit(written, said.get("unit", ""), f"variable {name}", task)
        if meaning := said.get("meaning") or variable.attrs.get("long_name"):
            facts["description"] = str(meaning)[:500]
        nodata = variable.attrs.get("nodata")
        if isinstance(nodata, (int, float)):
            facts["nodata"] = nodata
        if classes := said.get("classes"):
            facts["classification:classes"] = [
                {"value": int(value), "name": f"class-{value}", **named}
                for value, named in sorted(classes.items(), key=lambda pair: int(pair[0]))
            ]
        found[str(name)] = facts
    if not found:
        raise RefusedFileError(
            f"no data variable on {axes.out[0]} and {axes.out[1]}", code="malformed"
        )
    return found


def _write(out: xr.Dataset, target: Path) -> None:
    encoding: dict[str, Any] = {}
    for name, variable in out.data_vars.items():
        variable.encoding = {}
        chunks = tuple(
            max(1, min(size, _CHUNK.get(str(dim), 1)))
            for dim, size in zip(variable.dims, variable.shape, strict=True)
        )
        shards = tuple(
            -(-size // chunk) * chunk
            for size, chunk in zip(variable.shape, chunks, strict=True)
        )
        encoding[str(name)] = {"chunks": chunks, "shards": shards}
        if variable.chunks is not None:
            # A shard is written whole: chunks of the source must not part it.
            out[name] = variable.chunk(dict(zip(variable.dims, shards, strict=True)))
            out[name].encoding = {}
    for coordinate in out.coords.values():
        keep = {k: v for k, v in coordinate.encoding.items() if k in ("units", "calendar")}
        coordinate.encoding = keep
    out.to_zarr(target, mode="w", zarr_format=3, consolidated=False, encoding=encoding)


def _place(out: xr.Dataset, axes: _Axes) -> dict[str, Any]:
    ys, xs = (out[name].values.astype("f8") for name in axes.out)
    half_y, half_x = (abs(float(v[-1] - v[0])) / (len(v) - 1) / 2 for v in (ys, xs))
    edges = (xs.min() - half_x, ys.min() - half_y, xs.max() + half_x, ys.max() + half_y)
    west, south, east, north = (float(edge) for edge in edges)
    if axes.on_globe:
        return footprint(west, south, east, north)
    return footprint_of_grid(axes.crs, (west, south, east, north))


def _facts(
    out: xr.Dataset, variables: dict[str, dict[str, Any]], axes: _Axes
) -> dict[str, Any]:
    ys, xs = (out[name].values.astype("f8") for name in axes.out)
    step_y, step_x = (abs(float(v[1] - v[0])) for v in (ys, xs))
    system: Any = 4326
    if not axes.on_globe:
        system = int(axes.crs[5:]) if axes.crs.startswith("EPSG:") else axes.crs
    dims: dict[str, Any] = {}
    for name, values, axis, step in zip(
        axes.out[::-1], (xs, ys), "xy", (step_x, step_y), strict=True
    ):
        dims[name] = {
            "type": "spatial", "axis": axis, "step": step, "reference_system": system,
            "extent": [float(values.min()), float(values.max())],
        }  # fmt: skip
    for dim in out.dims:
        if str(dim) not in axes.out:
            dims[str(dim)] = _dimension(out, str(dim))
    for name, facts in variables.items():
        facts["statistics"] = _statistics(out[name], facts.get("nodata"))
    code = {"proj:code" if axes.crs.startswith("EPSG:") else "proj:wkt2": axes.crs}
    return {
        "bands": list(variables.values()),
        "properties": {
            **code,
            "proj:shape": [len(ys), len(xs)],
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


def _dimension(out: xr.Dataset, name: str) -> dict[str, Any]:
    values = out[name].values if name in out.coords else np.arange(out.sizes[name])
    if np.issubdtype(values.dtype, np.datetime64):
        texts = [f"{str(value)[:19]}Z" for value in values]
        return {"type": "temporal", "extent": [min(texts), max(texts)], "values": texts}
    return {"type": "other", "values": [str(value) for value in values]}


def _statistics(variable: xr.DataArray, nodata: float | None) -> dict[str, float]:
    stored = variable.values
    values = stored.astype("f8")
    here = np.isfinite(values)
    if nodata is not None:
        here &= stored != nodata
    valid = values[here]
    figures = {"valid_percent": 100 * valid.size / max(values.size, 1)}
    if valid.size:
        figures |= {"minimum": float(valid.min()), "maximum": float(valid.max())}
        figures |= {"mean": float(valid.mean()), "stddev": float(valid.std())}
    return figures
