"""NetCDF-4 and other HDF5 in, sharded Zarr 3 out. Runs in the jail; see `jail`."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import xarray as xr

from earthcommons.errors import RefusedFileError
from earthcommons.ingest.cube_out import finish
from earthcommons.ingest.hdf5_plain import is_plain, open_plain
from earthcommons.ingest.hdf5_walk import walk

if TYPE_CHECKING:
    from pathlib import Path

    from earthcommons.ingest.limits import Limits

__all__ = ["convert", "decoded"]


def convert(folder: Path, task: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """Write `folder/out.zarr` with the values of the source and say what it holds.

    Raises:
        RefusedFileError: references to other files, unknown filters, too large by its own
            declaration, several groups with data and none declared, no axes of place, bad times.
        UnitError: a variable has no unit and none is declared, or both speak and disagree.
    """
    source = folder / task.get("source", "source")
    paths = walk(source, limits)
    if is_plain(source, paths):
        with open_plain(source, paths, task) as (dataset, doubts):
            answer = finish(decoded(dataset), folder, task, limits, doubts=doubts)
            return {**answer, "format": "hdf5"}
    group = _group(paths, task)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with _opened(source, group) as dataset:
            whole = dataset
            # Coordinates of a group may stand above it (CF 1.12, section 2.7).
            for above in _above(group):
                with _opened(source, above) as outer:
                    whole = _with_coordinates(whole, outer)
            return finish(whole, folder, task, limits)


def decoded(dataset: xr.Dataset) -> xr.Dataset:
    """Return the dataset with times, fill values and scales applied, as CF says.

    Raises:
        RefusedFileError: times that cannot be decoded (`bad-time`), or attributes that
            contradict each other.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return xr.decode_cf(dataset, decode_timedelta=False)
        except (ValueError, OverflowError, TypeError, ImportError) as error:
            raise _undecodable(error) from error


def _opened(source: Path, group: str) -> xr.Dataset:
    try:
        return xr.open_dataset(
            source, engine="h5netcdf", decode_timedelta=False, group=group or None
        )
    except (ValueError, OverflowError, TypeError, ImportError) as error:
        raise _undecodable(error) from error


def _undecodable(error: Exception) -> RefusedFileError:
    words = str(error)
    if "cftime" in words:
        words = "a calendar other than the civil one: convert its times first"
        return RefusedFileError(words, code="bad-time")
    code = "bad-time" if "time" in words else "malformed"
    return RefusedFileError(f"cannot be decoded: {words}"[:400], code=code)


def _group(paths: list[str], task: dict[str, Any]) -> str:
    groups = {path.rpartition("/")[0] for path in paths}
    if wanted := task.get("group"):
        wanted = "/" + wanted.strip("/")
        if wanted not in groups:
            raise RefusedFileError(
                f"there is no group {task['group'][:80]!r}; there are {_listed(groups)}",
                code="malformed",
            )
        return str(wanted)
    declared = {variable["name"] for variable in task["variables"]}
    holding = {path.rpartition("/")[0] for path in paths if path.rpartition("/")[2] in declared}
    candidates = holding or groups
    if len(candidates) > 1 and "" in candidates and not holding:
        # Coordinates at the top, variables in one group below.
        candidates = candidates - {""} if len(candidates) == 2 else candidates
    if len(candidates) > 1:
        raise RefusedFileError(
            f'several groups hold data: declare group = "…", one of {_listed(candidates)}',
            code="several-files",
        )
    return next(iter(candidates), "")


def _listed(groups: set[str]) -> str:
    return ", ".join(sorted(group or "/" for group in groups))[:300]


def _above(group: str) -> list[str]:
    parts = [part for part in group.split("/") if part]
    return ["/" + "/".join(parts[:n]) if n else "" for n in reversed(range(len(parts)))]


def _with_coordinates(inner: xr.Dataset, outer: xr.Dataset) -> xr.Dataset:
    """Return the inner dataset with the axes of the outer one that its dimensions name."""
    named = {
        str(name): variable
        for name, variable in outer.variables.items()
        if variable.dims == (name,)
        and name in inner.dims
        and name not in inner.variables
        and len(variable) == inner.sizes[name]
    }
    mappings = {
        str(name): variable
        for name, variable in outer.variables.items()
        if not variable.ndim
        and ({"crs_wkt", "spatial_ref", "grid_mapping_name"} & set(variable.attrs))
    }
    return inner.assign_coords(named).assign_coords(mappings)
